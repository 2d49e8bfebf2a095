"""The figure of what choices cost."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from taskorder.choosing.curve import COLUMNS
from taskorder.reporting.regret_figure import regret_curves, spread

CURVE = pd.DataFrame(
    [
        (name, k, regret / k, regret / k - 0.3, regret / k + 0.3, 20)
        for name, regret in (("model", 1.0), ("random", 4.0), ("difficulty_and_diversity", 3.9))
        for k in (1, 3, 5)
    ],
    columns=COLUMNS,
)


def test_every_strategy_is_drawn_and_named_the_same_every_time() -> None:
    first, second = regret_curves(CURVE), regret_curves(CURVE)
    assert first == second
    for name in ("model", "random", "difficulty and diversity"):
        assert f">{name}</text>" in first.svg


def test_one_level_that_was_left_out_has_no_interval_but_a_curve() -> None:
    assert "model" in regret_curves(CURVE.assign(lower=np.nan, upper=np.nan)).svg


@given(st.lists(st.floats(0, 10), min_size=1, max_size=8).map(sorted), st.floats(0.01, 1.0))
def test_labels_keep_their_order_and_their_distance(wanted: list[float], apart: float) -> None:
    places = spread(np.array(wanted), apart)
    assert np.all(np.diff(places) >= apart - 1e-9)
    if np.all(np.diff(wanted) >= apart):
        assert np.allclose(places, wanted)
    assert np.isclose(places.mean(), np.mean(wanted))
