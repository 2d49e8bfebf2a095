"""A small model of stages fitted once, and a folder of its own for what is kept."""

from pathlib import Path

import pytest

import taskorder
from taskorder.inference import store
from taskorder.results.catalogue import published

MODEL = {
    "name": "stages",
    "question": "Do harder intermediate tasks help more?",
    "data": {"where": "metric == 'accuracy'"},
    "sequence": {
        "moderators": ["difficulty", "similarity"],
        "similarity": ["taskshop_roe"],
        "missing": "drop",
    },
    "groups": {"evaluation": {"columns": ["study", "target"]}},
    "priors": {"sd": {"dist": "HalfNormal", "sigma": 0.1}},
    "estimands": {
        "stage_points": {"function": "points", "of": "stage"},
        "difficulty_points": {"function": "points", "of": "difficulty"},
        "sd_over_evaluations": {"function": "sd_points", "of": "1", "group": "evaluation"},
    },
}

DRAWS = 2000


@pytest.fixture(scope="session")
def spot() -> Path:
    """The table of one published study with intermediate tasks."""
    return next(path for path in published() if path.stem == "spot")


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the fits of these tests."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(autouse=True)
def kept_there(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep fits there, not where the person keeps them."""
    monkeypatch.setattr(store, "home", lambda: kept)


@pytest.fixture(scope="session")
def fit(spot: Path, kept: Path) -> taskorder.Fit:
    """A fit of 31 rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "home", lambda: kept)
        return taskorder.fit(MODEL, spot, draws=DRAWS)
