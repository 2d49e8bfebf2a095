"""Mean regrets with intervals over what was left out."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from taskorder.choosing.blocks import BLOCK
from taskorder.choosing.curve import regret_curve
from taskorder.errors import MissingData


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    lines = [
        (
            "target",
            "s",
            system,
            target,
            "en",
            "en",
            "accuracy",
            strategy,
            *rng.uniform(0, 5, 3),
            6.0,
            4.0,
            2.0,
        )
        for system in ("small", "large")
        for target in ("a", "b", "c")
        for strategy in ("model", "difficulty")
        if (system, target, strategy) != ("large", "c", "difficulty")
    ]
    names = ["regret", "regret_3", "regret_5", "random_regret", "random_regret_3", "random_regret_5"]
    return pd.DataFrame(lines, columns=["scheme", *BLOCK, "strategy", *names])


def test_the_interval_is_that_of_a_t_test_over_the_targets(table: pd.DataFrame) -> None:
    curve = regret_curve(table, "target").set_index(["strategy", "tried"]).loc[("model", 3)]
    own = table[(table["strategy"] == "model") & ~((table["system"] == "large") & (table["target"] == "c"))]
    means = own.groupby("target")["regret_3"].mean()
    expected = stats.ttest_1samp(means, 0.0).confidence_interval(0.95)
    assert np.allclose([curve["lower"], curve["upper"]], expected)
    assert curve["regret"] == pytest.approx(means.mean())
    assert curve["levels"] == 3


def test_chance_is_drawn_beside_the_strategies(table: pd.DataFrame) -> None:
    curve = regret_curve(table, "target")
    assert curve[curve["strategy"] == "random"]["regret"].tolist() == [6.0, 4.0, 2.0]
    assert set(curve["studies"]) == {"s"}


def test_one_level_has_no_interval(table: pd.DataFrame) -> None:
    curve = regret_curve(table[table["target"] == "a"], "target")
    assert curve["lower"].isna().all()
    assert curve["regret"].notna().all()


def test_what_was_not_left_out_is_said(table: pd.DataFrame) -> None:
    with pytest.raises(MissingData, match=r"leaving out each 'targets'.*Did you mean 'target'"):
        regret_curve(table, "targets")


def test_strategies_that_never_meet_cannot_be_compared(table: pd.DataFrame) -> None:
    apart = table[(table["strategy"] == "model") == (table["target"] == "a")]
    with pytest.raises(MissingData, match="no block in which all strategies take part"):
        regret_curve(apart, "target")
