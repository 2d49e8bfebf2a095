"""Group by group elimination, against numpy.linalg on random sparse matrices."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from taskorder.inference.engines import elimination
from taskorder.inference.engines.elimination import Factor, Plan, blocks, factor, plan, planning

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
POINTS = 2


@dataclass(frozen=True)
class System:
    """A random positive definite system at some points.

    Attributes
    ----------
    matrices : array (B, P, P)
    score : array (P, B)
    square : array (B,)
        Above h' M^-1 h.
    left, right : array (E,)
        The pattern, every diagonal entry among it.
    groups : list of arrays
        Columns that may be eliminated together, if their block is diagonal.
    """

    matrices: Floats
    score: Floats
    square: Floats
    left: Integers
    right: Integers
    groups: list[Integers]


def random_system(seed: int, *, sizes: Sequence[int], others: int, rows: int, nested: bool) -> System:
    """Make I + X' W X, where every row has at most one member of each group, and few of the others."""
    rng = np.random.default_rng(seed)
    starts = np.cumsum([0, *sizes])
    x = np.zeros((rows, starts[-1] + others))
    member = rng.integers(-1, sizes[0], rows)
    for start, size in zip(starts, sizes, strict=False):
        here = np.flatnonzero(member >= 0)
        x[here, start + member[here] % size] = rng.normal(size=len(here))
        member = np.where(member >= 0, member // 2, -1) if nested else rng.integers(-1, size, rows)
        member = np.minimum(member, size - 1)
    x[:, starts[-1] :] = rng.normal(size=(rows, others)) * (rng.random((rows, others)) < 0.3)
    weight = rng.gamma(2.0, 1.0, (POINTS, rows))
    matrices = np.eye(x.shape[1]) + np.einsum("ri,br,rj->bij", x, weight, x)
    pattern = (x != 0).T.astype(int) @ (x != 0) + np.eye(x.shape[1]) > 0
    left, right = np.nonzero(np.triu(pattern))
    order = rng.permutation(len(starts) - 1)
    groups = [np.arange(starts[i], starts[i + 1]) for i in order]
    score = rng.normal(size=(x.shape[1], POINTS))
    square = np.array([h @ np.linalg.solve(m, h) for m, h in zip(matrices, score.T, strict=True)])
    return System(matrices, score, square + rng.gamma(1.0, 1.0, POINTS), left, right, groups)


SYSTEMS = st.builds(
    random_system,
    st.integers(0, 100_000),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    others=st.integers(0, 4),
    rows=st.integers(1, 30),
    nested=st.booleans(),
)


COSTS = st.sampled_from([None, -1e9, 0.0, 1e1, 1e2, 1e3])
"""Of a block: none is ever merged, or more and more of them."""


def planned(system: System, *, eager: bool, apart: float | None = None) -> Plan:
    """Plan to eliminate all groups that can go, or none; the rest is taken apart, or not."""
    costs = {} if apart is None else {"SMALL": 1, "MOVED": 0.0, "STARTED": apart}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in costs.items():
            patch.setattr(blocks, name, value)
        patch.setattr(planning, "FEWEST", 1 if eager else 1000)
        patch.setattr(planning, "MOST_MET", 1000)
        return plan(system.left, system.right, system.groups)


def factored(system: System, order: Plan) -> Factor:
    return factor(order, *taken_apart(system))


def taken_apart(system: System) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return entries, scale, ridge, score and square that give the system's matrices."""
    width = system.matrices.shape[1]
    rng = np.random.default_rng(width)
    scale, ridge = rng.uniform(0.5, 2.0, (width, POINTS)), rng.uniform(0.0, 1.0, width)
    without = (system.matrices - np.diag(ridge))[:, system.left, system.right].T
    entries = without / scale[system.left] / scale[system.right]
    return entries, scale, ridge, system.score.copy(), system.square


@settings(max_examples=60, deadline=None)
@given(SYSTEMS, st.booleans(), COSTS)
def test_determinant_misfit_means_and_inverse(system: System, eager: bool, apart: float | None) -> None:
    order = planned(system, eager=eager, apart=apart)
    assert bool(order.groups) == eager
    left = order.width - len(order.members.columns)
    if apart is None or apart < 0:
        assert len(order.fronts) == (min(left, 1) if apart is None else left)
    assert set(zip(system.left, system.right, strict=True)) <= set(zip(order.left, order.right, strict=True))
    found = factored(system, order)
    inverses = np.linalg.inv(system.matrices)
    log_determinant = np.linalg.slogdet(system.matrices)[1]
    np.testing.assert_allclose(found.log_determinant, log_determinant, rtol=1e-9, atol=1e-12)
    explained = np.einsum("ib,bij,jb->b", system.score, inverses, system.score)
    np.testing.assert_allclose(found.misfit, system.square - explained, rtol=1e-8, atol=1e-9)
    expected = np.einsum("bij,jb->ib", inverses, system.score)
    np.testing.assert_allclose(elimination.means(found), expected, rtol=1e-8, atol=1e-10)
    entries = elimination.inverse(found)
    np.testing.assert_allclose(entries, inverses[:, order.left, order.right].T, rtol=1e-8, atol=1e-10)


class OneAtATime:
    """Gives unit vectors where standard normal numbers of columns are asked for: each draw another one."""

    def __init__(self, size: int) -> None:
        self.rows = np.eye(size)

    def standard_normal(self, size: tuple[int, int, int]) -> Floats:
        given, self.rows = self.rows[: size[1]], self.rows[size[1] :]
        return np.broadcast_to(given, (size[0], *given.shape))


@settings(max_examples=60, deadline=None)
@given(SYSTEMS, st.booleans(), COSTS)
def test_draws_are_a_square_root_of_the_inverse_times_standard_normals(
    system: System, eager: bool, apart: float | None
) -> None:
    order = planned(system, eager=eager, apart=apart)
    found = factored(system, order)
    numbers = cast(np.random.Generator, OneAtATime(order.width))
    root = elimination.drawn(found, numbers, order.width) - elimination.means(found)[:, None]
    inverses = np.linalg.inv(system.matrices)
    np.testing.assert_allclose(np.einsum("itb,jtb->bij", root, root), inverses, rtol=1e-8, atol=1e-10)


def test_draws_differ_between_points_and_calls() -> None:
    system = random_system(1, sizes=(6, 3), others=2, rows=20, nested=True)
    found = factored(system, planned(system, eager=True))
    rng = np.random.default_rng(1)
    first, second = elimination.drawn(found, rng, 3), elimination.drawn(found, rng)
    assert len(np.unique(np.concatenate([first.ravel(), second.ravel()]))) == 4 * second.size


def test_nested_groups_go_one_after_the_other_and_crossed_ones_do_not() -> None:
    nested = random_system(2, sizes=(8, 4, 2), others=2, rows=200, nested=True)
    crossed = random_system(2, sizes=(8, 4, 2), others=2, rows=200, nested=False)
    assert [len(group) for group in planned(nested, eager=True).groups] == [8, 4, 2]
    assert [len(group) for group in planned(crossed, eager=True).groups] == [8]
    assert planned(nested, eager=True).fronts[-1].columns.tolist() == [14, 15]
    assert len(planned(nested, eager=True).left) == len(nested.left)
    assert len(planned(crossed, eager=True).left) >= len(crossed.left)


def test_what_fills_in_least_goes_first_though_another_group_is_larger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Six levels are nested in two of ten: were the ten eliminated first, the six would meet."""
    monkeypatch.setattr(planning, "FEWEST", 1)
    monkeypatch.setattr(planning, "MOST_MET", 1000)
    outer, inner = np.arange(10), np.arange(10, 16)
    left = np.concatenate([np.arange(16), inner % 2])
    right = np.concatenate([np.arange(16), inner])
    order = plan(left, right, [outer, inner])
    assert [len(group) for group in order.groups] == [6, 10]
    assert len(order.left) == len(left)


def test_a_group_whose_members_meet_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two stages of one sequence are levels of one group in one row: their block is not diagonal."""
    monkeypatch.setattr(planning, "FEWEST", 1)
    monkeypatch.setattr(planning, "MOST_MET", 1000)
    left, right = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])
    assert plan(left, right, [np.arange(2)]).groups == ()
    assert len(plan(left, right, [np.arange(1, 3)]).groups) == 1


def test_only_what_pays_is_eliminated() -> None:
    """Levels that meet very many other columns are as well left to dense algebra; those of few go."""
    rng = np.random.default_rng(3)
    many, few = 400, 20
    pattern = np.eye(many + few, dtype=bool)
    pattern[:many, many:] = rng.random((many, few)) < 0.05
    pattern[many:, many:] = True
    assert len(plan(*np.nonzero(np.triu(pattern)), [np.arange(many)]).groups) == 1
    hubs = np.eye(2 * planning.MOST_MET, dtype=bool)
    hubs[:, many // 10 :] = True
    assert plan(*np.nonzero(np.triu(hubs)), [np.arange(many // 10)]).groups == ()


def test_blocks_of_several_columns_are_among_those_tried() -> None:
    system = random_system(11, sizes=(9, 9, 9), others=4, rows=30, nested=False)
    sizes = [len(front.columns) for front in planned(system, eager=False, apart=1e2).fronts]
    assert max(sizes) > 1


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("apart", [None, 1e2])
def test_entries_that_are_not_finite_are_refused(bad: float, apart: float | None) -> None:
    system = random_system(4, sizes=(5,), others=2, rows=20, nested=False)
    order = planned(system, eager=False, apart=apart)
    entries, *others = taken_apart(system)
    entries[(system.left == 1) & (system.right == 1), 0] = bad
    with pytest.raises(np.linalg.LinAlgError):
        factor(order, entries, *others)


def test_the_rest_falls_into_blocks_that_few_columns_bind() -> None:
    """Three crowds of columns that meet two others are dense blocks; what all meet is left for last."""
    crowd, shared = 60, 2
    width = 3 * crowd + shared
    pattern = np.zeros((width, width), dtype=bool)
    for start in range(0, 3 * crowd, crowd):
        pattern[start : start + crowd, start : start + crowd] = True
    pattern[-shared:] = pattern[:, -shared:] = True
    shuffled = np.random.default_rng(5).permutation(width)
    pattern = pattern[np.ix_(shuffled, shuffled)]
    order = plan(*np.nonzero(np.triu(pattern)), [])
    assert len(order.fronts) >= 3
    assert sorted(np.concatenate([front.columns for front in order.fronts])) == list(range(width))
    assert len(order.fronts[-1].border) == 0
    assert all(len(front.border) <= shared + crowd for front in order.fronts)
    assert len(order.left) == np.triu(pattern).sum()


def test_dense_systems_and_small_ones_are_not_taken_apart() -> None:
    assert len(plan(*np.nonzero(np.triu(np.ones((150, 150)))), []).fronts) == 1
    assert len(plan(np.arange(40), np.arange(40), []).fronts) == 1


@pytest.mark.parametrize(("eager", "apart"), [(True, None), (False, None), (False, -1e9), (False, 1e2)])
def test_a_matrix_that_is_not_positive_definite_is_refused(eager: bool, apart: float | None) -> None:
    system = random_system(4, sizes=(5,), others=2, rows=20, nested=False)
    for column in (0, 6):
        broken = system.matrices.copy()
        broken[:, column, column] = -1.0
        order = planned(system, eager=eager, apart=apart)
        with pytest.raises(np.linalg.LinAlgError):
            factored(replace(system, matrices=broken), order)
