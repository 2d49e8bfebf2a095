"""Small covariates and tables that several tests of the engine need."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from taskorder.inference.engines import nuts
from taskorder.inference.engines.marginal import take_apart
from taskorder.inference.layout.design import Design
from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.results.catalogue import Covariates

TASKS = {"one": 0.1, "two": 0.35, "three": 0.5, "four": 0.9, "five": 0.2, "six": 0.7}
SIMILAR = {
    ("one", "goal"): 0.9,
    ("two", "goal"): 0.1,
    ("three", "goal"): 0.6,
    ("four", "goal"): 0.3,
    ("five", "goal"): 0.4,
    ("six", "goal"): 0.8,
    ("one", "aim"): 0.2,
    ("two", "aim"): 0.7,
    ("three", "aim"): 0.3,
    ("four", "aim"): 0.8,
    ("five", "aim"): 0.9,
    ("six", "aim"): 0.1,
}


@pytest.fixture(scope="session")
def known() -> Covariates:
    """Six tasks with a difficulty each, their similarity to two targets, and two languages."""
    tasks = pd.DataFrame({"task": [*TASKS, "goal", "aim"], "kind": "nli"})
    tasks["difficulty_made"] = tasks["task"].map(TASKS)
    similarity = pd.DataFrame(
        [
            {"task": task, "target": target, "measure": "made", "similarity": value}
            for (task, target), value in SIMILAR.items()
        ]
    )
    languages = pd.DataFrame(
        {"language": ["en", "sw"], "family": ["ie", "nc"], "genus": "", "script": "Latn"}
    )
    return Covariates(tasks, similarity, languages)


@pytest.fixture(scope="session")
def results() -> Callable[..., pd.DataFrame]:
    """Make a tidy table: what is not given is the same in all rows; `run` numbers them."""

    def make(**columns: Any) -> pd.DataFrame:
        standard = {
            "study": "s",
            "backbone": "b",
            "tuning": "full",
            "sequence": "",
            "target": "goal",
            "train_language": "en",
            "language": "en",
            "metric": "accuracy",
            "stage": "",
        }
        rows = max((len(value) for value in columns.values() if not isinstance(value, str)), default=1)
        frame = pd.DataFrame({**standard, **columns}, index=np.arange(rows))
        return frame if "run" in columns else frame.assign(run=[f"r{i}" for i in range(rows)])

    return make


@pytest.fixture(scope="session")
def sequence_model() -> Callable[..., ModelSpec]:
    """Make a model of sequences with the moderators of `known`; tables of the file may be replaced."""

    def make(**content: Any) -> ModelSpec:
        standard: dict[str, Any] = {
            "name": "made",
            "sequence": {
                "moderators": ["difficulty", "similarity"],
                "recency": True,
                "difficulty": ["made"],
                "similarity": ["made"],
                "crossed": [],
            },
        }
        return parse_model(standard | content)

    return make


def pretended(
    design: Design, spec: ModelSpec, *, seed: int, draws: int, progress: bool = False
) -> nuts.Draws:
    """Stand in for the sampler: draws of every parameter that have nothing to do with the data."""
    assert not progress
    problem = take_apart(design, spec)
    rng = np.random.default_rng(seed)
    shape = (nuts.CHAINS, draws // nuts.CHAINS)
    both = ("chain", "draw")
    groups, levels = len(problem.sd_names), len(design.residual_levels)
    found: dict[str, Any] = {
        "coefficients": ((*both, "coefficient"), rng.normal(0.0, 0.1, (*shape, problem.width))),
        "sd": ((*both, "group"), rng.gamma(9.0, 0.01, (*shape, groups))),
    }
    if spec.residual.sd is None:
        found["residual"] = (both, rng.gamma(9.0, 0.01, shape))
    if levels:
        found["sd:residual"] = (both, rng.gamma(9.0, 0.1, shape))
        found["residual_level_sd"] = ((*both, "residual_level"), rng.gamma(9.0, 0.01, (*shape, levels)))
    if len(problem.main) > 1:
        found["recency"] = (both, rng.normal(0.0, 1.0, shape))
    coordinates = {"residual_level": list(design.residual_levels)} if levels else {}
    posterior = nuts.named(xr.Dataset(found, coords=coordinates), problem, seed)
    stats = xr.Dataset({"diverging": (both, np.zeros(shape, dtype=bool))})
    tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats})
    return nuts.Draws(tree, {"compile": 0.1, "sample": 0.2, "total": 0.3})


@pytest.fixture
def no_sampler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `fit` do all that it does but for the sampling."""
    monkeypatch.setattr(nuts, "sample", pretended)


FULL_MODEL: dict[str, Any] = {
    "groups": {"study": {}, "system": {"by": ["1", "difficulty"]}},
    "residual": {"by": "study"},
    "estimands": {
        "slope": {"function": "points", "of": "difficulty"},
        "spread": {"function": "sd_points", "of": "difficulty", "group": "system"},
        "levels": {"function": "level_points", "of": "difficulty", "group": "system"},
        "one_sign": {"function": "same_sign", "of": "difficulty", "group": "system"},
        "question": {"function": "ratio", "of": "sd:study", "to": "residual"},
    },
}


@pytest.fixture(scope="session")
def full_model(sequence_model: Callable[..., ModelSpec]) -> ModelSpec:
    """A model with groups, slopes, recency, residual levels and every kind of estimand."""
    return sequence_model(**FULL_MODEL)


@pytest.fixture(scope="session")
def full_table(results: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """Two studies, two systems, sequences of up to two stages."""
    rng = np.random.default_rng(1)
    return results(
        study=["s"] * 6 + ["t"] * 6,
        backbone=["b", "c"] * 6,
        sequence=["", "one", "two>one", "one>two", "three", "four"] * 2,
        score=rng.uniform(0.4, 0.9, 12),
    )
