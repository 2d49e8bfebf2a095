import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorder.errors import MissingData
from taskorder.harness.measuring.curves import (
    DirectCurve,
    Point,
    area,
    direct_curves,
    final_shortfall,
    online_code,
    shortfall,
)

SCORES = st.floats(0, 1)
CHANCES = st.floats(0, 0.9)
CURVES = st.lists(SCORES, min_size=2, max_size=8).map(
    lambda scores: [Point(100 * (i + 1), 1.0, score) for i, score in enumerate(scores)]
)


def node(folder: Path, name: str, stages: list[list[str]], points: list[dict[str, Any]]) -> None:
    (folder / name).mkdir(parents=True)
    history = [
        {"backbone": "b", "tuning": "full", "seed": 3, "tasks": [{"stage": stage} for stage in step]}
        for step in stages
    ]
    (folder / name / "history.json").write_text(json.dumps(history))
    (folder / name / "curve.json").write_text(json.dumps(points))


def point(examples: int, loss: float, **dev: float) -> dict[str, Any]:
    return {"examples": examples, "updates": 1, "tokens": 1, "loss": loss, "dev": {"ner[en]": dev}}


def test_only_direct_training_of_one_task_is_read(tmp_path: Path) -> None:
    points = [point(10, 0.7, f1=0.5, accuracy=0.9), point(20, 0.6, f1=0.6, accuracy=0.9)]
    node(tmp_path, "a", [["ner[en]"]], points)
    node(tmp_path, "b", [["sst2[en]"], ["ner[en]"]], points)
    node(tmp_path, "c", [["ner[en]", "sst2[en]"]], points)
    node(tmp_path, "d", [[]], points)
    node(tmp_path, ".e", [["ner[en]"]], points)
    read = Point(10, 0.7, 0.5), Point(20, 0.6, 0.6)
    assert direct_curves(tmp_path) == [DirectCurve("ner[en]", "b", "full", 3, read)]
    assert direct_curves(tmp_path, {"b"}) == []
    assert direct_curves(tmp_path / "absent") == []


def test_a_curve_without_dev_scores_is_read(tmp_path: Path) -> None:
    node(tmp_path, "a", [["mlm[sw]"]], [{"examples": 10, "loss": 5.0, "dev": {}}])
    (curve,) = direct_curves(tmp_path)
    assert math.isnan(curve.points[0].dev)


@pytest.mark.parametrize("content", ["", "[{}]", "{", '[{"examples": 3}]'])
def test_a_broken_curve_is_named(tmp_path: Path, content: str) -> None:
    node(tmp_path, "a", [["ner[en]"]], [])
    (tmp_path / "a" / "curve.json").write_text(content)
    with pytest.raises(MissingData, match=r"/a.* cannot be read .* Delete the node's folder"):
        direct_curves(tmp_path)


def test_shortfall_by_hand() -> None:
    assert shortfall(0.9, 0.5) == pytest.approx(0.2)
    assert shortfall(0.5, 0.5) == 1
    assert shortfall(1.0, 0.25) == 0
    assert math.isnan(shortfall(1.0, 1.0))
    assert final_shortfall([Point(1, 1.0, 0.1), Point(2, 1.0, 0.75)], 0.5) == 0.5
    assert math.isnan(final_shortfall([], 0.5))


def test_area_by_hand() -> None:
    points = [Point(10, 1.0, 0.5), Point(100, 1.0, 0.75), Point(10_000, 1.0, 1.0)]
    # shortfalls 1, 0.5, 0 over one and two decades
    assert area(points, 0.5) == pytest.approx((1 * 0.75 + 2 * 0.25) / 3)
    assert math.isnan(area(points[:1], 0.5))
    assert math.isnan(area([Point(10, 1.0), Point(20, 1.0)], 0.5))


def test_online_code_by_hand() -> None:
    points = [Point(50, 0.6), Point(100, 0.4), Point(150, 0.1), Point(200, 0.1)]
    assert online_code(points, 100, 1.0) == pytest.approx(0.5)
    assert online_code(points, 149, 2.0) == pytest.approx(0.25)
    assert math.isnan(online_code(points, 49, 1.0))
    assert math.isnan(online_code(points, 100, 0.0))


def test_what_never_learns_costs_as_much_as_guessing() -> None:
    assert online_code([Point(10 * i, math.log(3)) for i in (1, 2, 3)], 30, math.log(3)) == pytest.approx(1)


@given(CURVES, CHANCES)
def test_area_lies_between_the_best_and_the_worst_shortfall(points: list[Point], chance: float) -> None:
    found = [shortfall(one.dev, chance) for one in points]
    assert min(found) - 1e-9 <= area(points, chance) <= max(found) + 1e-9


@given(CURVES, CHANCES, st.floats(0.01, 1))
def test_a_worse_curve_is_harder(points: list[Point], chance: float, part: float) -> None:
    worse = [Point(one.examples, one.loss, one.dev * part) for one in points]
    assert area(worse, chance) >= area(points, chance) - 1e-12
    assert final_shortfall(worse, chance) >= final_shortfall(points, chance)
