"""The scores of the orders of one set of tasks, and groups within groups."""

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import xarray as xr

from taskorder.inference.fitting import Fit
from taskorder.reporting import nested, orders

EFFECT = {"a>b>c": 2.0, "b>a>c": 1.0}
"""Points of two of the six orders; the others have none."""


@pytest.fixture
def ordered(make_fit: Callable[..., Fit]) -> Fit:
    """Six orders of three tasks in two blocks of different levels; a pair in one order; no stages."""
    fit = make_fit()
    factor = float(fit.manifest["points_per_unit"])
    rows = [
        (target, ">".join(order), level + EFFECT.get(">".join(order), 0.0) / factor)
        for target, level in (("x", 0.5), ("y", 1.0))
        for order in permutations("abc")
    ]
    rows += [("x", "", 0.1), ("y", "", 0.2), ("x", "a>b", 0.3), ("y", "a+b>c", 0.4)]
    data = xr.Dataset(
        {
            "study": ("cell", np.array(["s"] * len(rows))),
            "target": ("cell", np.array([row[0] for row in rows])),
            "sequence": ("cell", np.array([row[1] for row in rows])),
        }
    )
    tree = fit.tree.copy()
    tree["constant_data"] = xr.DataTree(data)
    tree["observed_data"] = xr.DataTree(xr.Dataset({"mean": ("cell", np.array([row[2] for row in rows]))}))
    return replace(fit, tree=tree)


def test_orders_are_compared_within_their_block(ordered: Fit) -> None:
    (found,) = orders.compared(ordered)
    assert found.tasks == "a&b&c"
    assert found.orders[-2:] == ("b>a>c", "a>b>c")
    assert found.scores == 12
    assert found.means == pytest.approx([-0.5, -0.5, -0.5, -0.5, 0.5, 1.5])
    assert np.concatenate(found.points).sum() == pytest.approx(0.0)


def test_the_caption_has_the_largest_difference(ordered: Fit) -> None:
    found = orders.compared(ordered)
    assert "two orders is 2.0, in s, of twelve scores" in orders.caption(found, ordered)
    assert orders.picture(found) == orders.picture(found)


def test_the_caption_says_what_a_panel_pools(ordered: Fit) -> None:
    (found,) = orders.compared(ordered)
    assert found.pooled == {"target": ("x", "y")}
    assert "A panel pools targets (x and y)." in orders.caption([found], ordered)
    fixed = ordered.spec.fixed.model_copy(update={"terms": ("1", "perturbed")})
    noisy = replace(ordered, spec=ordered.spec.model_copy(update={"fixed": fixed}))
    text = orders.caption([replace(found, replicated=True)], noisy)
    assert "A panel pools targets (x and y) and runs on clean and on perturbed text." in text
    many = replace(found, orders=tuple("abcdefg"), points=found.points * 2)
    assert orders.drawn(many).pooled == found.pooled


def test_too_many_orders_are_cut_to_the_extreme_ones() -> None:
    found = orders.Compared("s", "t", tuple("abcdefgh"), tuple(np.array([float(i)]) for i in range(8)))
    assert orders.drawn(found).orders == ("a", "b", "c", "f", "g", "h")


def test_no_order_without_two_orders_of_one_set(make_fit: Callable[..., Fit]) -> None:
    assert orders.compared(make_fit()) == ()


@pytest.fixture
def in_families(make_fit: Callable[..., Fit]) -> Fit:
    """Languages within families: family `f` does 2 points, its languages 1 more and 1 less."""
    groups = {"family": {}, "language": {"within": "family"}}
    fit = make_fit(groups=groups, estimands={})
    shape = (2, 200, 1)
    points = float(fit.manifest["points_per_unit"])
    noise = np.random.default_rng(0).normal(0, 0.001, (2, 200, 2))
    noise -= noise.mean(axis=(0, 1))
    posterior = xr.Dataset(
        {
            "1|family": (("chain", "draw", "family_level"), np.array([2.0, -1.0]) / points + noise),
            "1|language": (
                ("chain", "draw", "language_level"),
                np.ones(shape) * np.array([1.0, -1.0, 0.5]) / points,
            ),
        },
        {"family_level": ["f", "f2"], "language_level": ["f/sw", "f/yo", "f2/de"]},
    )
    tree = fit.tree.copy()
    tree["posterior"] = xr.DataTree(posterior)
    return replace(fit, tree=tree)


def test_languages_stand_below_their_own_family(in_families: Fit) -> None:
    (found,) = nested.nested(in_families)
    low, high = found.levels
    assert (found.outer, found.inner, low.name, high.name) == ("family", "language", "f2", "f")
    assert high.mean == pytest.approx(2.0)
    assert dict(high.inner) == pytest.approx({"sw": 3.0, "yo": 1.0})
    assert dict(low.inner) == pytest.approx({"de": -0.5})


def test_families_are_drawn_with_the_extreme_languages_by_name(in_families: Fit) -> None:
    found = nested.nested(in_families)
    picture = nested.picture(found, in_families)
    assert ">sw</text>" in picture.svg
    assert ">yo</text>" in picture.svg
    assert "the means of the languages within it" in nested.caption(found)


def test_no_families_where_no_group_is_within_another(make_fit: Callable[..., Fit]) -> None:
    assert nested.nested(make_fit()) == ()
