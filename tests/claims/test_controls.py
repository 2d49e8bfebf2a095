"""Controls: what is shuffled, what is planted, and that a control goes on where it was stopped."""

from pathlib import Path

import numpy as np
import pytest

from taskorder.claims import Claim, controls
from taskorder.claims.variants import Analysis, shuffled


def test_a_planted_effect_of_two_points_is_found_and_a_shuffled_one_is_not(
    analysis: Analysis, helps: Claim, tmp_path: Path
) -> None:
    path, run = tmp_path / "small.csv", controls.controls
    nothing = run(analysis, [helps], "difficulty", path, times=4, seed=1, workers=1)
    planted = run(analysis, [helps], "difficulty", path, times=2, points=2.0, seed=1, workers=1)
    assert (planted["decision"] == "supported").all()
    added = planted["mean"].to_numpy() - nothing["mean"].to_numpy()[:2]
    assert added == pytest.approx([2.0, 2.0], abs=0.7)
    assert nothing["decision"].tolist().count("supported") <= 2


def test_it_goes_on_where_it_was_stopped(
    analysis: Analysis, helps: Claim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, run = tmp_path / "small.csv", controls.controls
    run(analysis, [helps], "order", path, times=1, seed=1, workers=1)
    first = path.read_text("utf-8")
    numbers: list[int] = []
    whole = controls._controlled

    def counted(*arguments: object) -> object:
        numbers.append(int(str(arguments[-1])))
        return whole(*arguments)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(controls, "_controlled", counted)
    run(analysis, [helps], "order", path, times=2, seed=1, workers=1)
    assert numbers == [1]
    assert path.read_text("utf-8").startswith(first)


def test_orders_of_one_set_are_raised_in_turn(analysis: Analysis) -> None:
    before = shuffled(analysis, "order", np.random.default_rng(0))
    after = controls.planted(analysis, before, "order", 2.0)
    raised = (after.rows["score"] - before.rows["score"]).round(9)
    by_order = raised.groupby([before.rows["study"], before.rows["sequence"]]).unique().map(list)
    assert by_order["s1", "a>b"] == [0.01]
    assert by_order["s1", "b>a"] == [-0.01]
    assert by_order["s1", ""] == by_order["s1", "c"] == [0.0]
