"""Small covariates and tables that several tests of the engine need."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

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
