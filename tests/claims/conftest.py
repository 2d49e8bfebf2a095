"""A small analysis with a planted effect of difficulty, made once."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from taskorder.claims import Claim
from taskorder.claims.variants import Analysis
from taskorder.inference.fitting import fit
from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.results.catalogue import Covariates

TASKS = ("a", "b", "c", "d")
DIFFICULTY = dict(zip(TASKS, (-1.0, 1.5, 0.0, -0.5), strict=True))
LANGUAGES = ("de", "fi", "sw", "zh")
MODEL = {
    "name": "small",
    "outcome": {"scale": "arcsine"},
    "sequence": {"moderators": ["difficulty"], "recency": True, "crossed": [], "missing": "drop"},
    "groups": {
        "evaluation": {"columns": ["study", "target", "language"]},
        "run": {"columns": ["study", "run"]},
        "study": {},
    },
    "priors": {
        "recency": {"dist": "Normal", "mu": 0, "sigma": 0.5},
        "sd:stage": {"dist": "HalfNormal", "sigma": 0.005},
    },
    "estimands": {
        "difficulty_points": {"function": "points", "of": "difficulty"},
        "stage_points": {"function": "points", "of": "stage"},
    },
}


def _rows(slope: float) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    sequences = ["", *(">".join(order) for k in (1, 2) for order in permutations(TASKS, k))]
    rows: list[dict[str, object]] = []
    for study in ("s1", "s2", "s3"):
        level = {(target, language): rng.normal(0, 0.05) for target in ("x", "y") for language in LANGUAGES}
        for seed in range(3):
            for sequence in sequences:
                steps = sequence.split(">") if sequence else []
                effect = sum(
                    np.exp(-0.5 * (len(steps) - 1 - k)) * (0.02 + slope * DIFFICULTY[step])
                    for k, step in enumerate(steps)
                )
                run = rng.normal(0, 0.01)
                rows += [
                    {
                        "study": study,
                        "run": f"{study}-{sequence or 'direct'}-{seed}-{target}",
                        "backbone": "tiny",
                        "tuning": "full",
                        "sequence": sequence,
                        "target": target,
                        "train_language": "en",
                        "language": language,
                        "metric": "accuracy",
                        "score": np.sin(0.8 + level[target, language] + effect + run + rng.normal(0, 0.01))
                        ** 2,
                        "seed": str(seed),
                        "stage": "",
                        "source": "Table 1",
                        "flag": "suspect" if study == "s3" and seed == 2 else "",
                    }
                    for target in ("x", "y")
                    for language in LANGUAGES
                ]
    rows[100]["score"] = 0.02
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def covariates() -> Covariates:
    tasks = pd.DataFrame({"task": TASKS, "kind": "classification"})
    tasks["difficulty_shortfall"] = [DIFFICULTY[task] for task in TASKS]
    tasks["difficulty_gap"] = [
        DIFFICULTY[task] + noise for task, noise in zip(TASKS, (0.2, 0, -0.3, 0.1), strict=True)
    ]
    languages = pd.DataFrame({"language": [*LANGUAGES, "en"], "family": "f", "genus": "g", "script": "Latn"})
    similarity = pd.DataFrame({"task": [], "target": [], "measure": [], "similarity": []})
    return Covariates(tasks, similarity, languages)


@pytest.fixture(scope="session")
def spec() -> ModelSpec:
    return parse_model(MODEL)


@pytest.fixture(scope="session")
def analysis(spec: ModelSpec, covariates: Covariates) -> Analysis:
    table = _rows(0.02)
    return Analysis(fit(spec, table, covariates, draws=1000), table, covariates)


@pytest.fixture(scope="session")
def helps() -> Claim:
    """A claim that is true of it."""
    return Claim(
        "helps", "Does it?", "It does.", "small", "difficulty_points", rope=0.2, control="difficulty"
    )
