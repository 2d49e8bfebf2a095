"""The shipped model of what strategies gain, on gains that are planted in the shipped table."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from taskorder.inference.fitting import Fit, fit
from taskorder.inference.spec import read_model
from taskorder.paths import resource
from taskorder.results.catalogue import covariates

PLANTED = {
    "model": 4.0,
    "difficulty": 2.0,
    "similarity": 1.0,
    "diversity": -1.0,
    "difficulty_and_diversity": 0.0,
    "train_size": -2.0,
}


def drawn(rng: np.random.Generator, keys: pd.Series, sd: float) -> NDArray[np.float64]:
    """Return a number for each row that those with one key share."""
    codes, names = pd.factorize(keys)
    return (sd * rng.normal(size=len(names)))[codes]


@pytest.fixture(scope="module")
def planted() -> Fit:
    rng = np.random.default_rng(11)
    table = pd.read_csv(resource("data/selection/regrets.csv"), keep_default_na=False)
    strategy = table["strategy"].astype(str)
    gain = strategy.map(PLANTED) + 3.0 * rng.normal(size=len(table))
    gain += drawn(rng, table["target"] + strategy, 1.5) + drawn(rng, table["system"] + strategy, 0.8)
    spec = read_model(resource("models/selection.toml"))
    return fit(spec, table.assign(points_over_random=gain), covariates(), draws=400, seed=3)


def test_planted_gains_are_found(planted: Fit) -> None:
    found = planted.summary.set_index("parameter")
    for name, gain in PLANTED.items():
        row = found.loc[f"strategy[{name}]"]
        assert row["lower"] < gain < row["upper"]
        assert row["sd"] < 1.5
    assert (planted.estimand("model_over_random") > 0.5).mean() > 0.95


def test_contrasts_of_strategies_are_found(planted: Fit) -> None:
    found = planted.summary.set_index("parameter")
    expected = {"both_over_difficulty": -2.0, "both_over_diversity": 1.0, "model_over_difficulty": 2.0}
    for name, gain in expected.items():
        assert found.loc[name, "lower"] < gain < found.loc[name, "upper"]


def test_targets_that_are_left_out_in_both_ways_count_once(planted: Fit) -> None:
    table = pd.read_csv(resource("data/selection/regrets.csv"))
    assert planted.diagnostics.rows == (table["scheme"] == "target").sum()
    assert planted.diagnostics.rows < len(table)
