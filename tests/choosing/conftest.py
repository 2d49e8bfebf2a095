"""Results in which the similarity of an intermediate task to its target decides what it is worth."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

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
