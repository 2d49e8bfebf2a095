"""What the report shows of a network of evidence."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from taskorder.inference.fitting import Fit
from taskorder.inference.network.designs import Inconsistency
from taskorder.inference.network.graph import Edge, Network, network
from taskorder.inference.network.splits import Split
from taskorder.inference.spec import parse_model
from taskorder.reporting import networks
from taskorder.reporting.content import Strip

SPEC = parse_model(
    {
        "name": "m",
        "fixed": {"terms": ["1", "regime"], "reference": {"regime": "direct"}},
        "networks": {"regime": {"trial": ["study", "target"]}},
    }
)


def graph_of(*trials: str) -> Network:
    names = {"d": "direct", "t": "task", "s": "sequence"}
    rows = [
        {"study": f"s{i}", "target": f"t{i}", "regime": names[arm]}
        for i, arms in enumerate(trials)
        for arm in arms
    ]
    return network(pd.DataFrame(rows), SPEC, "regime")


def around(mean: float, sd: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    draws = np.random.default_rng(1).standard_normal(4000)
    return mean + sd * (draws - draws.mean())


@pytest.fixture
def loop() -> Network:
    return graph_of("dt", "dt", "dt", "ds", "ts")


@pytest.fixture
def fit(make_fit: Callable[..., Fit]) -> Fit:
    """A fit whose posterior has the terms of the loop: a task gains 2 points, a sequence 3."""
    whole = make_fit()
    factor = float(whole.manifest["points_per_unit"])
    terms = {
        f"regime[{name}]": (("chain", "draw"), around(gain, 0.5).reshape(2, -1) / factor)
        for name, gain in (("task", 2.0), ("sequence", 3.0))
    }
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset(terms)})
    spec = whole.spec.model_copy(update={"networks": SPEC.networks})
    return Fit(spec, tree, whole.summary, whole.diagnostics, whole.manifest)


def test_areas_and_widths_are_as_numbers_of_trials(loop: Network) -> None:
    drawn = networks.laid_out(loop)
    assert drawn.names == ("direct", "sequence", "task")
    np.testing.assert_allclose(np.linalg.norm(drawn.place, axis=1), 1.0)
    np.testing.assert_allclose(drawn.place[0], [0.0, 1.0], atol=1e-12)
    area = dict(zip(drawn.names, drawn.size**2, strict=True))
    assert area["sequence"] / area["task"] == pytest.approx(2 / 4)
    width = {(e.first, e.second): w for e, w in zip(drawn.edges, drawn.width, strict=True)}
    assert width["direct", "sequence"] / width["direct", "task"] == pytest.approx(1 / 3)


def test_the_drawing_is_the_same_every_time_and_names_its_nodes(loop: Network) -> None:
    first, second = networks.picture(loop), networks.picture(loop)
    assert first == second
    assert all(name in first.svg for name in ("direct", "sequence", "task"))
    assert first.alt == "Which of direct, sequence and task are compared with each other, and how often"


def test_what_the_network_says_against_the_reference(fit: Fit, loop: Network) -> None:
    table = networks.against_reference(fit, loop)
    assert [row[:4] for row in table.rows] == [("Sequence", "2", "1", "3.00"), ("Task", "4", "3", "2.00")]
    assert all(row[-1] == "> 0.999" for row in table.rows)
    assert table.caption.endswith("compare it with direct.")
    across = SPEC.networks["regime"].model_copy(update={"trial": ("target",)})
    spec = fit.spec.model_copy(update={"networks": {"regime": across}})
    table = networks.against_reference(replace(fit, spec=spec), loop)
    assert table.caption.endswith("direct. A trial may have its arms from several studies.")
    apart = graph_of("dt", "ts")
    assert [row[2] for row in networks.against_reference(fit, apart).rows] == ["0", "1"]


def test_splits_are_drawn_over_the_network(fit: Fit) -> None:
    edge = Edge("direct", "task", 3, 2, closed=True)
    whole, direct, indirect = around(1.0, 0.2), around(2.0, 0.4), around(-1.0, 0.6)
    split = Split("task", "direct", edge, whole, direct, indirect, ())
    failed = Split("task", "direct", edge, whole, direct, indirect, ("r_hat",))
    table = networks.direct_and_indirect(fit, [split, failed])
    label, studies, first, second, strip, difference, sign = table.rows[0]
    assert (label, studies) == ("Task against direct", "2")
    assert str(first).startswith("2.0")
    assert str(second).startswith("−1.0")
    assert str(difference).startswith("3.0")
    assert sign == "> 0.999"
    assert table.rows[1][-1] == "–"
    assert networks.conflict_sentence([split, failed]) == (
        "Of one contrast with both kinds of evidence, the two differ for task against direct"
        " (probability > 0.999)."
    )
    agreeing = Split("task", "direct", edge, whole, direct, direct[::-1], ())
    assert ", none has a difference" in networks.conflict_sentence([agreeing])
    assert networks.conflict_sentence([failed]) == ""
    assert isinstance(strip, Strip)
    assert strip.other[1] < strip.band[0] < strip.band[1] < strip.middle


def test_sentences(loop: Network) -> None:
    assert networks.connection_sentence(loop) == (
        "Three treatments are compared in five trials: three pairs directly, three of these indirectly, too."
    )
    apart = networks.connection_sentence(graph_of("dt", "s"))
    assert "one pair directly, none of these indirectly, too." in apart
    assert "not connected (direct and task; sequence)" in apart
    found = Inconsistency({"a + b": 3, "a + c": 2}, around(2.0, 0.1), around(1.0, 0.1), ())
    text = networks.consistency_sentence(found, "points")
    assert text.startswith(
        "Between two designs of trials a contrast differs with a standard deviation of 2.0"
    )
    assert "beside 1.0" in text
    assert "probability > 0.999" in text
    assert "nothing can be inconsistent" in networks.consistency_sentence(None, "points")
    failed = Inconsistency({}, around(2.0, 0.1), around(1.0, 0.1), ("r_hat of x is 1.2",))
    assert networks.consistency_sentence(failed, "points").endswith("cannot be told: r_hat of x is 1.2.")
