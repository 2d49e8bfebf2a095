"""Node-splitting: against metafor, and with inconsistency that was planted."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from taskorder.inference.fitting import fit
from taskorder.inference.network.contrasts import contrast
from taskorder.inference.network.graph import network
from taskorder.inference.network.splits import Split, marks, node_splits
from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.results.catalogue import Covariates

REFERENCE = Path(__file__).parents[2] / "reference" / "metafor_hasselblad1998.json"
ERRORS = 4
DRAWS = 4000

Values = dict[str, Any]
Floats = np.ndarray[tuple[int], np.dtype[np.float64]]


@pytest.fixture(scope="module")
def smoking() -> Values:
    return json.loads(REFERENCE.read_text("utf-8"))


@pytest.fixture(scope="module")
def splits(smoking: Values, nothing: Covariates, model: Callable[..., ModelSpec]) -> dict[str, Split]:
    """Split the trials of smoking cessation with the heterogeneity that metafor estimates, held fixed."""
    rows = pd.DataFrame(smoking["data"])
    flat = {"dist": "Flat"}
    fixed = {"dist": "LogNormal", "mu": np.log(smoking["sigma2"]) / 2, "sigma": 1e-4}
    spec = model(
        fixed={"terms": ["1", "study", "treatment"], "reference": {"treatment": "no_contact"}},
        priors={"1": flat, "study": flat, "treatment": flat, "sd:arm": fixed},
    )
    found = fit(spec, rows, nothing, seed=1, draws=DRAWS)
    named = node_splits(found, rows, nothing, "treatment")
    return {f"{split.of} against {split.against}": split for split in named}


def is_normal(draws: Floats, theirs: Values) -> bool:
    """Say whether independent draws have a mean and an sd, within Monte Carlo error."""
    mean, sd, n = theirs["estimate"], theirs["se"], len(draws)
    return (
        abs(float(draws.mean()) - mean) < ERRORS * sd / n**0.5
        and abs(float(draws.std()) / sd - 1) < ERRORS / (2 * n) ** 0.5
    )


def test_splits_are_those_of_metafor(smoking: Values, splits: dict[str, Split]) -> None:
    reference = smoking["splits"]
    assert {frozenset(name.split(" against ")) for name in splits} == {
        frozenset(name.split(" against ")) for name in reference
    }
    for name, theirs in reference.items():
        of, against = name.split(" against ")
        way = 1.0 if name in splits else -1.0
        ours = splits[name] if name in splits else splits[f"{against} against {of}"]
        at = theirs["at_network_sigma2"]
        assert is_normal(way * ours.network, theirs["network"]), name
        assert is_normal(way * ours.direct, at["direct"]), name
        assert is_normal(way * ours.indirect, at["indirect"]), name
        assert is_normal(way * ours.difference, at["difference"]), name
        sign = stats.norm.cdf(abs(at["difference"]["estimate"]) / at["difference"]["se"])
        assert abs(ours.one_sign - sign) < ERRORS * 0.5 / DRAWS**0.5


def test_direct_and_indirect_evidence_lie_about_that_of_the_network(splits: dict[str, Split]) -> None:
    for split in splits.values():
        low, high = sorted([float(split.direct.mean()), float(split.indirect.mean())])
        assert low < float(split.network.mean()) < high
        assert float(split.network.std()) < min(float(split.direct.std()), float(split.indirect.std()))
        assert split.failures == ()


LOOP = {
    ("a", "b"): (6, {"a": 0.0, "b": 0.5}),
    ("b", "c"): (6, {"b": 0.0, "c": 0.3}),
    ("a", "c"): (6, {"a": 0.0, "c": 0.8}),
}
PLANTED = 0.6


@pytest.fixture(scope="module")
def loops(
    nothing: Covariates, model: Callable[..., ModelSpec], trials: Callable[..., pd.DataFrame]
) -> Iterator[dict[bool, tuple[Split, ...]]]:
    found: dict[bool, tuple[Split, ...]] = {}
    for planted in (False, True):
        twisted = {("a", "c"): (6, {"a": 0.0, "c": 0.8 + PLANTED})} if planted else {}
        rows = trials(LOOP | twisted)
        found[planted] = node_splits(fit(model(), rows, nothing, draws=DRAWS), rows, nothing, "treatment")
    yield found


def within(draws: Floats, truth: float) -> bool:
    return abs(float(draws.mean()) - truth) < ERRORS * float(draws.std())


def test_planted_inconsistency_is_found_in_every_contrast_of_its_loop(
    loops: dict[bool, tuple[Split, ...]],
) -> None:
    expected = {("b", "a"): -PLANTED, ("c", "a"): PLANTED, ("c", "b"): -PLANTED}
    assert {(split.of, split.against) for split in loops[True]} == set(expected)
    for split in loops[True]:
        assert within(split.difference, expected[split.of, split.against])
        assert split.one_sign > 0.99
    for split in loops[False]:
        assert within(split.difference, 0.0)
        assert within(split.direct, {"ba": 0.5, "ca": 0.8, "cb": 0.3}[split.of + split.against])


def test_a_contrast_without_both_kinds_of_evidence_is_not_split(
    nothing: Covariates, model: Callable[..., ModelSpec], trials: Callable[..., pd.DataFrame]
) -> None:
    star = {pair: each for pair, each in LOOP.items() if pair != ("b", "c")}
    rows = trials(star)
    found = fit(model(), rows, nothing, draws=800)
    said: list[str] = []
    assert node_splits(found, rows, nothing, "treatment", said.append) == ()
    assert said == []
    assert within(contrast(found, "treatment", "c", "b"), 0.3)
    np.testing.assert_allclose(
        contrast(found, "treatment", "b", "c"), -contrast(found, "treatment", "c", "b")
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("abcd")), min_size=2, max_size=20))
def test_marks_are_halves_where_both_treatments_are(pairs: list[tuple[str, str]]) -> None:
    rows = pd.DataFrame(pairs, columns=["study", "treatment"])
    spec = parse_model(
        {
            "name": "m",
            "fixed": {"terms": ["1", "treatment"]},
            "networks": {"treatment": {"trial": ["study"]}},
        }
    )
    if rows.groupby("study")["treatment"].nunique().max() < 2:
        return
    graph = network(rows, spec, "treatment")
    for edge in graph.edges:
        marked = marks(graph, edge)
        arms = rows.groupby("study")["treatment"].agg(set)
        there = rows["study"].map(arms.map({edge.first, edge.second}.issubset)).to_numpy()
        expected = rows["treatment"].map({edge.second: 0.5, edge.first: -0.5}).fillna(0.0) * there
        np.testing.assert_array_equal(marked, expected)
