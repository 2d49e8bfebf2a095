"""Which treatments are compared where, and which contrasts have indirect evidence."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskorder.errors import InvalidModel, MissingData
from taskorder.inference.network.graph import Network, network
from taskorder.inference.spec import ModelSpec, parse_model

REGIMES = parse_model(
    {
        "name": "m",
        "fixed": {"terms": ["1", "regime"], "reference": {"regime": "direct"}},
        "networks": {"regime": {"trial": ["study", "target"]}},
    }
)


def rows_of(*trials: str, study: Sequence[str] = ()) -> pd.DataFrame:
    """Return trials of two rows an arm; `ab` compares a and b."""
    names = {"d": "direct", "a": "task", "b": "joint", "c": "sequence"}
    rows = [
        {"study": study[i] if study else "one", "target": f"t{i}", "regime": names[arm]}
        for i, arms in enumerate(trials)
        for arm in arms
        for _ in range(2)
    ]
    return pd.DataFrame(rows)


def closed(graph: Network) -> set[tuple[str, str]]:
    return {(edge.first, edge.second) for edge in graph.edges if edge.closed}


def test_nodes_and_edges_are_counted_in_rows_trials_and_studies() -> None:
    rows = rows_of("da", "da", "db", "ac", study=["one", "two", "two", "two"])
    graph = network(rows, REGIMES, "regime")
    assert graph.names == ("direct", "joint", "sequence", "task")
    assert [(n.rows, n.trials, n.studies) for n in graph.nodes] == [
        (6, 3, 2),
        (2, 1, 1),
        (2, 1, 1),
        (6, 3, 2),
    ]
    assert [(e.first, e.second, e.trials, e.studies) for e in graph.edges] == [
        ("direct", "joint", 1, 1),
        ("direct", "task", 2, 2),
        ("sequence", "task", 1, 1),
    ]
    assert graph.parts == (graph.names,)
    assert list(graph.designs()[::4]) == [
        "direct + task", "direct + task", "direct + joint", "sequence + task"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        (("da", "db", "dc"), set[str]()),
        (("da", "db", "ab"), {"direct joint", "direct task", "joint task"}),
        (("dab",), set[str]()),
        (("dab", "da"), set[str]()),
        (("dab", "da", "db"), {"joint task"}),
        (("da", "ab", "bc", "dc"), {"direct task", "joint task", "joint sequence", "direct sequence"}),
        (("da", "bc"), set[str]()),
    ],
)
def test_a_contrast_is_closed_if_other_trials_connect_it(trials: Sequence[str], expected: set[str]) -> None:
    found = closed(network(rows_of(*trials), REGIMES, "regime"))
    assert found == {tuple(pair.split()) for pair in expected}


ARMS = st.lists(st.sets(st.sampled_from("dabc"), min_size=1).map(sorted).map("".join), min_size=1, max_size=7)


def reachable(trials: Sequence[str], start: str) -> set[str]:
    found = {start}
    while more := {arm for trial in trials if found & set(trial) for arm in trial} - found:
        found |= more
    return found


@settings(max_examples=80, deadline=None)
@given(ARMS.filter(lambda trials: any(len(trial) > 1 for trial in trials)))
def test_closed_edges_and_parts_are_those_of_a_search(trials: list[str]) -> None:
    letters = {"direct": "d", "task": "a", "joint": "b", "sequence": "c"}
    graph = network(rows_of(*trials), REGIMES, "regime")
    for edge in graph.edges:
        first, second = letters[edge.first], letters[edge.second]
        others = [trial for trial in trials if not {first, second} <= set(trial)]
        assert edge.closed == (second in reachable(others, first))
        assert edge.trials == len(trials) - len(others)
    for part in graph.parts:
        for name in part:
            assert reachable(trials, letters[name]) == {letters[other] for other in part}


def test_the_reference_comes_first_where_the_rows_have_it() -> None:
    assert network(rows_of("ab"), REGIMES, "regime").reference == "joint"
    assert network(rows_of("abd"), REGIMES, "regime").reference == "direct"


def test_what_is_no_network_is_refused(model: Callable[..., ModelSpec]) -> None:
    with pytest.raises(
        MissingData, match=r"\[networks\] has no 'regimes'; it has regime\. Did you mean 'regime'"
    ):
        network(rows_of("da"), REGIMES, "regimes")
    with pytest.raises(MissingData, match=r"no trial has two values of 'regime'.*study, target"):
        network(rows_of("d", "a"), REGIMES, "regime")
    with pytest.raises(InvalidModel, match=r"networks.treatmnt.*must be a term.*Did you mean 'treatment'"):
        model(networks={"treatmnt": {"trial": ["study"]}})
    with pytest.raises(InvalidModel, match="'treatment' is what a trial compares"):
        model(networks={"treatment": {"trial": ["study", "treatment"]}})
    with pytest.raises(InvalidModel, match="at least 1 item"):
        model(networks={"treatment": {"trial": []}})


def test_both_is_said_of_trials() -> None:
    graph = network(rows_of("da", "dab", "b"), REGIMES, "regime")
    np.testing.assert_array_equal(graph.both("direct", "task"), [True, True, False])
    np.testing.assert_array_equal(graph.both("joint", "task"), [False, True, False])
