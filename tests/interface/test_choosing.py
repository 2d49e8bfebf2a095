"""What to train next, asked from Python: arguments reach the floor below as the command line gives them."""

from pathlib import Path
from typing import Any

import pytest

import taskorder
from taskorder.choosing import designing, selecting
from taskorder.paths import resource


def test_select_asks_for_a_target_in_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(selecting, "select", lambda *arguments: asked.append(arguments))
    taskorder.select("rte", "sw")
    taskorder.select("rte", ["sw", "sw", "am"], stages=2, model="order", seed=1, draws=500)
    assert asked[0][0] == selecting.Wanted("rte", ("sw",))
    assert asked[1][0] == selecting.Wanted("rte", ("sw", "am"), 2, "", resource("models/order.toml"))
    assert (asked[1][2].seed, asked[1][2].draws) == (1, 500)


def test_design_asks_for_runs_of_an_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(designing, "designed", lambda *arguments: asked.append(arguments))
    taskorder.design("experiment.toml", 4, model="order", results=["a.csv"], per_cost=True)
    file, model, results, _, wanted = asked[0]
    assert (file, model, results) == (
        Path("experiment.toml"),
        resource("models/order.toml"),
        [Path("a.csv")],
    )
    assert wanted == designing.Asked(4, "", True, 2026)
