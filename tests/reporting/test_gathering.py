"""What stands beside a fit, kept and found again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from taskorder.choosing.blocks import BLOCK
from taskorder.errors import FitFailed
from taskorder.inference.fitting import Fit
from taskorder.inference.network.designs import Inconsistency
from taskorder.inference.network.graph import Edge, Network, network
from taskorder.inference.network.splits import Split
from taskorder.inference.spec import parse_model
from taskorder.reporting import gathering, keeping
from taskorder.reporting.networks import Evidence
from taskorder.reporting.sensitivity import Sensitivity
from taskorder.results.catalogue import Covariates

NOTHING = Covariates(pd.DataFrame(), pd.DataFrame(), pd.DataFrame())


@pytest.fixture
def graph() -> Network:
    spec = parse_model(
        {"name": "m", "fixed": {"terms": ["1", "regime"]}, "networks": {"regime": {"trial": ["target"]}}}
    )
    rows = pd.DataFrame({"target": ["x", "x", "y", "y"], "regime": ["a", "b", "a", "b"]})
    return network(rows, spec, "regime")


def test_a_network_that_was_told_apart_is_found_again(graph: Network, tmp_path: Path) -> None:
    whole, direct, indirect = np.arange(6.0), np.arange(3.0), np.arange(3.0) - 1
    split = Split("b", "a", Edge("a", "b", 2, 1, closed=True), whole, direct, indirect, ("r_hat",))
    found = Evidence(graph, (split,), Inconsistency({"a + b": 2}, direct, indirect, ()), "")
    gathering.save(found, tmp_path / "network.npz")
    again = gathering.load(tmp_path / "network.npz", graph)
    assert again is not None
    (one,) = again.splits
    assert (one.of, one.against, one.edge, one.failures) == (split.of, split.against, split.edge, ("r_hat",))
    assert np.array_equal(one.network, whole)
    assert np.array_equal(one.difference, split.difference)
    assert again.inconsistency is not None
    assert again.inconsistency.designs == {"a + b": 2}
    assert np.array_equal(again.inconsistency.heterogeneity, indirect)


def test_an_obstacle_is_kept_and_what_is_damaged_is_not_read(graph: Network, tmp_path: Path) -> None:
    path = tmp_path / "network.npz"
    gathering.save(Evidence(graph, obstacle="too few"), path)
    again = gathering.load(path, graph)
    assert again is not None
    assert (again.splits, again.inconsistency, again.obstacle) == ((), None, "too few")
    path.write_bytes(path.read_bytes()[:100])
    assert gathering.load(path, graph) is None


def test_companions_are_estimated_once_and_keep_their_types(companion: pd.DataFrame, tmp_path: Path) -> None:
    found = companion.assign(agrees=pd.array([True, None, False], dtype="boolean"))
    found.loc[1, "p"] = np.nan
    path = tmp_path / "companions.csv"
    first = gathering._companions(path, lambda: found)
    again = gathering._companions(path, lambda: pytest.fail("estimated twice"))
    pd.testing.assert_frame_equal(first.reset_index(drop=True), again, check_dtype=False)
    assert again["agrees"].dtype == "boolean"


def test_sensitivity_is_estimated_once(
    make_fit: Callable[..., Fit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pd.DataFrame({"estimand": ["x"], "prior": [0.1], "likelihood": [0.2], "diagnosis": [""]})
    monkeypatch.setattr(gathering, "sensitivity", lambda _: Sensitivity(table, 0.01, 0.02))
    first = gathering._sensitivity(tmp_path / "s.json", make_fit())
    monkeypatch.setattr(gathering, "sensitivity", lambda _: pytest.fail("estimated twice"))
    again = gathering._sensitivity(tmp_path / "s.json", make_fit())
    assert first is not None
    assert again is not None
    pd.testing.assert_frame_equal(first.table, again.table)
    assert (again.prior, again.likelihood) == (0.01, 0.02)


def test_a_curve_is_drawn_of_regrets_of_one_scheme_only() -> None:
    plain = pd.DataFrame({"yi": [1.0]})
    assert gathering._curves(plain, plain) == {}
    columns = ["scheme", "strategy", "regret", *BLOCK]
    two = pd.DataFrame([["target"] * len(columns), ["language"] * len(columns)], columns=columns)
    assert gathering._curves(two, two) == {}


def test_a_part_is_made_once_for_what_it_is_made_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping.store, "home", lambda: tmp_path)
    made: list[int] = []

    def part() -> dict[str, int]:
        made.append(1)
        return {"n": len(made)}

    keys = ["a" * 64, "a" * 64, "b" * 64, "a" * 64]
    assert [keeping.kept("one", key, part)["n"] for key in keys] == [1, 1, 2, 3]
    assert len(list((tmp_path / keeping.FOLDER).glob("one-*"))) == 1


def test_a_damaged_part_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping.store, "home", lambda: tmp_path)
    keeping.kept("one", "a" * 64, lambda: {"n": 1})
    (file,) = (tmp_path / keeping.FOLDER).iterdir()
    file.write_text(file.read_text()[:-2])
    assert keeping.kept("one", "a" * 64, lambda: {"n": 2}) == {"n": 2}


def test_what_cannot_be_told_apart_is_said_and_not_tried_again(
    make_fit: Callable[..., Fit], graph: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise FitFailed("no proposal covers it")

    monkeypatch.setattr(gathering, "network", lambda *_: graph)
    monkeypatch.setattr(gathering, "node_splits", lambda *_: ())
    monkeypatch.setattr(gathering, "inconsistency", fails)
    fit = make_fit()
    for _ in range(2):
        found = gathering._evidence(tmp_path, fit, pd.DataFrame(), NOTHING, "regime", lambda _: None)
        assert found.obstacle == "The inconsistency between designs cannot be told: no proposal covers it."
        monkeypatch.setattr(gathering, "inconsistency", lambda *_: pytest.fail("tried again"))


def test_evidence_of_a_fit_is_estimated_with_fewer_draws(
    make_fit: Callable[..., Fit], graph: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit, asked = make_fit(), []
    fit = replace(fit, manifest={**fit.manifest, "draws": 4000})
    monkeypatch.setattr(gathering, "network", lambda *_: graph)
    monkeypatch.setattr(gathering, "inconsistency", lambda *_: None)

    def splits(fit: Fit, *_: object) -> tuple[Split, ...]:
        asked.append(fit.manifest["draws"])
        return ()

    monkeypatch.setattr(gathering, "node_splits", splits)
    for _ in range(2):
        gathering._evidence(tmp_path, fit, pd.DataFrame(), NOTHING, "regime", lambda _: None)
    assert asked == [gathering.DRAWS]
