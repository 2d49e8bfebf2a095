"""Results in which the similarity of an intermediate task to its target decides what it is worth."""

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from taskorder.harness.experiments.experiment import Experiment, read_experiment
from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.moderators import attach
from taskorder.results.catalogue import Covariates

STAGES = ("one", "two", "three", "four", "five", "six")
TARGETS = tuple(f"goal{i}" for i in range(8))
SYSTEMS = ("small", "large")
SLOPE = 0.04
"""What a target gains from a task that is one unit more similar to it, as a fraction."""


def similarities(seed: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    names = (*STAGES, *TARGETS)
    pairs = [(a, b) for a in names for b in names if a != b]
    return pd.DataFrame(
        {
            "task": [a for a, _ in pairs],
            "target": [b for _, b in pairs],
            "measure": "text",
            "similarity": rng.uniform(size=len(pairs)),
        }
    )


@pytest.fixture(scope="session")
def known() -> Covariates:
    names = (*STAGES, *TARGETS)
    rng = np.random.default_rng(6)
    tasks = pd.DataFrame({"task": names, "kind": "nli", "train_size": np.arange(len(names)) * 100.0})
    tasks["difficulty_gap"] = rng.uniform(size=len(names))
    languages = pd.DataFrame(
        {"language": ["en", "sw", "fi"], "family": "f", "genus": "g", "script": "Latn", "uriel_source": ""}
    )
    return Covariates(tasks, similarities(), languages)


@pytest.fixture(scope="session")
def spec() -> ModelSpec:
    return parse_model(
        {
            "name": "small",
            "outcome": {"scale": "identity"},
            "sequence": {
                "moderators": ["difficulty", "similarity"],
                "difficulty": ["gap"],
                "similarity": ["text"],
                "crossed": ["target"],
            },
            "groups": {
                "system": {},
                "evaluation": {"columns": ["study", "target", "language"]},
                "arm": {"columns": ["study", "system", "sequence", "target", "language"]},
            },
            "estimands": {"gain": {"function": "points", "of": "similarity"}},
        }
    )


@pytest.fixture(scope="session")
def make_rows(known: Covariates) -> Callable[..., pd.DataFrame]:
    """Make rows of every stage before every target in every system; `slope` is what similarity is worth."""

    def rows(slope: float = SLOPE, seed: int = 7, languages: tuple[str, ...] = ("en",)) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        alike = known.similarity.set_index(["task", "target"])["similarity"]
        level = {(t, code): rng.uniform(0.5, 0.7) for t in TARGETS for code in languages}
        lines = [
            {
                "study": "ours",
                "run": f"{system}/{stage}/{target}/{run}",
                "backbone": system,
                "tuning": "full",
                "sequence": stage,
                "target": target,
                "train_language": "en",
                "language": language,
                "metric": "accuracy",
                "score": level[target, language] + slope * alike[stage, target] + 0.002 * rng.normal(),
                "n_seeds": 1,
                "sd": np.nan,
                "seed": run,
                "stage": "",
                "perturbation": "",
                "severity": np.nan,
                "source": f"row {target}/{stage}",
            }
            for system in SYSTEMS
            for target in TARGETS
            for stage in STAGES
            for language in languages
            for run in range(3)
        ]
        return attach(pd.DataFrame(lines), known, ("gap",), ("text",))

    return rows


POOL = ("one", "two", "three")
EXPERIMENT = """
name = "trial"
backbones = ["small"]
seeds = [0, 1, 2]
[sequences]
pool = ["one", "two", "three"]
lengths = [0, 1, 2]
[targets]
goal0 = { evaluate = ["sw"] }
goal1 = { evaluate = ["sw"] }
"""


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    file = tmp_path / "experiment.toml"
    file.write_text(EXPERIMENT)
    return read_experiment(file)


@pytest.fixture(scope="session")
def order_spec() -> ModelSpec:
    """A model of orders with an effect of every run, on an identity scale."""
    own = {"columns": ["backbone", "target", "sequence"], "where": "orders >= 2"}
    return parse_model(
        {
            "name": "orders",
            "outcome": {"scale": "identity"},
            "fixed": {"terms": ["1", "perturbed"]},
            "sequence": {
                "moderators": ["difficulty"],
                "recency": True,
                "difficulty": ["gap"],
                "crossed": ["target"],
            },
            "groups": {
                "evaluation": {"columns": ["backbone", "target"]},
                "order": own,
                "run": {"columns": ["study", "run"], "min_rows": 2},
            },
            "priors": {
                "1": {"dist": "Normal", "mu": 0.5, "sigma": 0.5},
                "perturbed": {"dist": "Normal", "mu": 0, "sigma": 0.25},
                "stage": {"dist": "Normal", "mu": 0, "sigma": 0.1},
                "difficulty": {"dist": "Normal", "mu": 0, "sigma": 0.1},
                "sd": {"dist": "HalfNormal", "sigma": 0.05},
                "residual": {"dist": "HalfNormal", "sigma": 0.05},
            },
            "estimands": {
                "rate": {"function": "recency"},
                "drop": {"function": "points", "of": "perturbed"},
                "easy_to_hard": {"function": "curriculum", "of": "difficulty"},
                "over": {"function": "contrast", "of": "difficulty", "to": "stage"},
                "level": {"function": "points", "of": "1"},
                "order_to_seed": {"function": "ratio", "of": "sd:order", "to": "sd:run + residual"},
            },
        }
    )


@pytest.fixture(scope="session")
def make_orders() -> Callable[..., pd.DataFrame]:
    """Make the result table of the experiment's runs with some seeds, clean and perturbed."""

    def rows(seeds: tuple[int, ...] = (0, 1), noise: int = 3) -> pd.DataFrame:
        rng = np.random.default_rng(noise)
        worth = dict(zip(POOL, (0.03, 0.0, -0.02), strict=True))
        lines = []
        for target in ("goal0", "goal1"):
            for order in (order for k in range(3) for order in permutations(POOL, k)):
                own = rng.normal(0, 0.01)
                for seed in seeds:
                    run = rng.normal(0, 0.02)
                    for perturbation in ("", "typos"):
                        eta = 0.6 + run + own - 0.05 * (perturbation != "")
                        eta += sum(worth[t] * np.exp(k + 1.0 - len(order)) for k, t in enumerate(order))
                        lines.append(
                            {
                                "study": "trial",
                                "run": f"{target}/{'>'.join(order)}/{seed}",
                                "backbone": "small",
                                "tuning": "full",
                                "sequence": ">".join(order),
                                "target": target,
                                "train_language": "en",
                                "language": "sw",
                                "metric": "accuracy",
                                "score": eta + rng.normal(0, 0.01),
                                "n_test": 100,
                                "n_seeds": 1,
                                "sd": np.nan,
                                "seed": seed,
                                "stage": "",
                                "perturbation": perturbation,
                                "severity": 0.1 if perturbation else np.nan,
                                "source": "",
                            }
                        )
        return pd.DataFrame(lines)

    return rows
