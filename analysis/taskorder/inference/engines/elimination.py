"""A sparse symmetric system, solved group by group: the exact algebra of crossed and nested random effects.

A group of coefficients none of whose members meet each other in any row has a diagonal block in the precision
matrix. Such a group is eliminated at once: with d its diagonal and c its entries with later columns,

    l = c / d        later entries (i, j) lose sum over members of l_i c_j        later scores lose l h

Eliminating one group may leave the next one diagonal still (nested groups) or not (crossed ones); which
groups go, in which order, and where every product of entries is added, depends on the pattern only and is
planned once (`plan`). What remains is dense and is left to LAPACK. All numbers carry a second axis, over
points of theta.

The entries of the inverse on the pattern, which is all that a gradient needs, are found backwards
(Takahashi's recursion): with V the inverse among later columns,  V_ai = - sum_j l_aj V_ji,   V_aa = 1 / d -
sum_i l_ai V_ai.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

DENSE_SPEED = 30
"""A product of entries takes so many times as long as one of dense algebra."""
BEYOND = 1e300
FEWEST = 8
"""A group with fewer levels is not worth a step of its own."""
MANY = 2e6
"""So many products take most of a second to look at."""


@dataclass(frozen=True)
class Step:
    """The elimination of one group of columns.

    Attributes
    ----------
    columns : array (A,)
        The columns that go.
    diagonal : array (A,)
        Where their diagonal entries are.
    cross : array (F,)
        Where their entries with later columns are; `row` is the member, `column` the other column.
    row, column : array (F,)
    first, second : array (M,)
        The two entries, of one member, of every product; both numbered as in `cross`.
    target : array (T,)
        The later entries that products are taken off.
    gather : sparse array (T, M)
        Which products.
    to_column : sparse array (P, F)
        Sums entries by their other column.
    by_row : sparse array (A, F)
        Sums entries by their member.
    """

    columns: Integers
    diagonal: Integers
    cross: Integers
    row: Integers
    column: Integers
    first: Integers
    second: Integers
    target: Integers
    gather: sparse.csr_array
    to_column: sparse.csr_array
    by_row: sparse.csr_array


@dataclass(frozen=True)
class Plan:
    """An order of elimination.

    Attributes
    ----------
    left, right : array (E,)
        Columns i <= j of every entry, those that elimination fills in among them.
    given : array
        Where the entries are that the plan was made for.
    diagonal : array (P,)
        Where the diagonal entries are.
    steps : tuple of Step
    rest : array (R,)
        The columns that remain, in ascending order.
    rest_entries, rest_left, rest_right : array
        The entries among them, and where these are in the dense matrix.
    """

    left: Integers
    right: Integers
    given: Integers
    diagonal: Integers
    steps: tuple[Step, ...]
    rest: Integers
    rest_entries: Integers
    rest_left: Integers
    rest_right: Integers

    @property
    def width(self) -> int:
        """P, the number of columns."""
        return len(self.diagonal)


def plan(left: Integers, right: Integers, groups: Sequence[Integers]) -> Plan:
    """Choose which groups of columns to eliminate.

    Parameters
    ----------
    left, right : array
        Columns i <= j of the entries that are not zero; every diagonal one is among them.
    groups : sequence of arrays
        Columns that may go together.
    """
    width = int(right.max()) + 1
    given = left * width + right
    entries: Integers = given
    remaining = np.ones(width, dtype=bool)
    chosen: list[tuple[Integers, Booleans]] = []
    waiting = sorted((g for g in groups if len(g) >= FEWEST), key=len, reverse=True)
    while (found := _next(entries, width, waiting, remaining)) is not None:
        columns = waiting.pop(found[0])
        entries = np.union1d(entries, found[1]).astype(np.int64)
        remaining[columns] = False
        chosen.append((columns, remaining.copy()))
    return _laid_out(entries, given, width, chosen, remaining)


def _next(
    entries: Integers, width: int, waiting: Sequence[Integers], remaining: Booleans
) -> tuple[int, Integers] | None:
    """Return which group fills in the fewest entries, and all that it touches; None if none can go, or pays.

    Groups with many products are looked at only if there is no other.
    """
    met = ((i, _met(entries, width, group, remaining)) for i, group in enumerate(waiting))
    able = [(_products(found[0], len(waiting[i])), i, found) for i, found in met if found is not None]
    best: tuple[int, Integers] | None = None
    least = np.inf
    for products, i, (row, other) in sorted(able, key=lambda one: one[:1]):
        if best is not None and products > MANY:
            break
        touched = _touched(row, other, len(waiting[i]), width)
        filled = len(touched) - int(np.isin(touched, entries, assume_unique=True).sum())
        if filled < least:
            best, least = (i, touched), filled
    return best


def _neighbours(
    entries: Integers, width: int, columns: Integers, later: Booleans
) -> tuple[Integers, Integers, Integers]:
    """Return the entries of some columns with later ones: which entry, which member, which other column."""
    i, j = np.divmod(entries, width)
    member = np.full(width, -1, dtype=np.int64)
    member[columns] = np.arange(len(columns))
    here = ((member[i] >= 0) & later[j]) | ((member[j] >= 0) & later[i])
    at = np.flatnonzero(here)
    own_left = member[i[at]] >= 0
    row = np.where(own_left, member[i[at]], member[j[at]])
    other = np.where(own_left, j[at], i[at])
    order = np.lexsort((other, row))
    return at[order], row[order], other[order]


def _pairs(row: Integers, members: int) -> tuple[Integers, Integers]:
    """Return every two entries of one member (sorted by member), an entry with itself among them."""
    count = np.bincount(row, minlength=members)
    start = np.cumsum(count) - count
    first = np.repeat(np.arange(len(row)), count[row] - (np.arange(len(row)) - start[row]))
    run = np.cumsum(np.bincount(first, minlength=len(row))) - np.bincount(first, minlength=len(row))
    second = first + np.arange(len(first)) - run[first]
    return first, second


def _met(
    entries: Integers, width: int, columns: Integers, remaining: Booleans
) -> tuple[Integers, Integers] | None:
    """Return which later columns the members of a group meet; None if it is not diagonal, or does not pay."""
    inside = np.zeros(width, dtype=bool)
    inside[columns] = True
    i, j = np.divmod(entries, width)
    if bool((inside[i] & inside[j] & (i != j)).any()):
        return None
    _, row, other = _neighbours(entries, width, columns, remaining & ~inside)
    left = float(remaining.sum())
    return None if DENSE_SPEED * _products(row, len(columns)) > len(columns) * left**2 else (row, other)


def _products(row: Integers, members: int) -> float:
    """Return how many products of two entries of one member there are."""
    count = np.bincount(row, minlength=members).astype(float)
    return float(np.sum(count * (count + 1) / 2))


def _touched(row: Integers, other: Integers, members: int, width: int) -> Integers:
    """Return the entries that eliminating a group changes, or fills in."""
    meets = sparse.csr_array((np.ones(len(row)), (row, other)), shape=(members, width))
    together = sparse.csr_array(meets.T @ meets)
    together.sort_indices()
    one = np.repeat(np.arange(width), np.diff(together.indptr))
    return (one * width + together.indices)[one <= together.indices]


def _laid_out(
    entries: Integers,
    given: Integers,
    width: int,
    chosen: Sequence[tuple[Integers, Booleans]],
    remaining: Booleans,
) -> Plan:
    left, right = np.divmod(entries, width)
    rest = np.flatnonzero(remaining)
    place = np.full(width, -1, dtype=np.int64)
    place[rest] = np.arange(len(rest))
    among = np.flatnonzero(remaining[left] & remaining[right])
    columns = np.arange(width)
    return Plan(
        left=left,
        right=right,
        given=np.searchsorted(entries, given),
        diagonal=np.searchsorted(entries, columns * width + columns),
        steps=tuple(_step(entries, width, group, later) for group, later in chosen),
        rest=rest,
        rest_entries=among,
        rest_left=place[left[among]],
        rest_right=place[right[among]],
    )


def _step(entries: Integers, width: int, columns: Integers, later: Booleans) -> Step:
    cross, row, other = _neighbours(entries, width, columns, later)
    first, second = _pairs(row, len(columns))
    target, at = np.unique(
        np.searchsorted(entries, other[first] * width + other[second]), return_inverse=True
    )
    gather = sparse.csr_array(
        (np.ones(len(first)), (at, np.arange(len(first)))), shape=(len(target), len(first))
    )
    ones, entry = np.ones(len(cross)), np.arange(len(cross))
    return Step(
        columns=columns,
        diagonal=np.searchsorted(entries, columns * width + columns),
        cross=cross,
        row=row,
        column=other,
        first=first,
        second=second,
        target=target,
        gather=gather,
        to_column=sparse.csr_array((ones, (other, entry)), shape=(width, len(cross))),
        by_row=sparse.csr_array((ones, (row, entry)), shape=(len(columns), len(cross))),
    )


@dataclass(frozen=True)
class Factor:
    """A system M x = h, eliminated, at B points.

    Attributes
    ----------
    plan : Plan
    log_determinant : array (B,)
        Of M.
    misfit : array (B,)
        `square - h' M^-1 h`.
    pivots, slopes, scores : tuples of arrays (A, B), (F, B), (A, B)
        d, l and h of every step.
    root : array (B, R, R)
        Lower Cholesky factor of what remained.
    half : array (B, R)
        The factor's solution of what remained of h.
    """

    plan: Plan
    log_determinant: Floats
    misfit: Floats
    pivots: tuple[Floats, ...]
    slopes: tuple[Floats, ...]
    scores: tuple[Floats, ...]
    root: Floats
    half: Floats


def factor(order: Plan, values: Floats, score: Floats, square: Floats) -> Factor:
    """Eliminate.

    Parameters
    ----------
    order : Plan
    values : array (E, B)
        The entries of M; overwritten.
    score : array (P, B)
        h; overwritten.
    square : array (B,)
        An upper bound of h' M^-1 h: what is left of it is the misfit.

    Raises
    ------
    numpy.linalg.LinAlgError
        If M is not positive definite.
    """
    log_determinant = np.zeros(values.shape[1])
    misfit = square.copy()
    pivots: list[Floats] = []
    slopes: list[Floats] = []
    scores: list[Floats] = []
    for step in order.steps:
        d, c, h = _rows(values, step.diagonal), _rows(values, step.cross), _rows(score, step.columns)
        if not (d > 0.0).all():
            raise np.linalg.LinAlgError("Matrix is not positive definite")
        slope = c / _rows(d, step.row)
        products = _rows(slope, step.first)
        products *= _rows(c, step.second)
        values[step.target] = _rows(values, step.target) - step.gather @ products
        score -= step.to_column @ (slope * _rows(h, step.row))
        log_determinant += np.log(d).sum(axis=0)
        misfit -= (h**2 / d).sum(axis=0)
        pivots.append(d)
        slopes.append(slope)
        scores.append(h)
    root, half = _dense(order, values, score)
    diagonal = np.diagonal(root, axis1=1, axis2=2)
    return Factor(
        plan=order,
        log_determinant=log_determinant + 2.0 * np.log(diagonal).sum(axis=1),
        misfit=misfit - (half**2).sum(axis=1),
        pivots=tuple(pivots),
        slopes=tuple(slopes),
        scores=tuple(scores),
        root=root,
        half=half,
    )


def _rows(values: Floats, at: Integers) -> Floats:
    """Return `values[at]`, several times as fast where rows are short."""
    return values.take(at, axis=0)


def _dense(order: Plan, values: Floats, score: Floats) -> tuple[Floats, Floats]:
    """Return the Cholesky factor of what remained, and its solution of the score.

    The score is a last row of the matrix, whose corner is beyond any misfit, so that one factorisation
    gives both.
    """
    size = len(order.rest)
    matrix = np.zeros((values.shape[1], size + 1, size + 1))
    matrix[:, order.rest_right, order.rest_left] = _rows(values, order.rest_entries).T
    matrix[:, size, :size] = score[order.rest].T
    matrix[:, size, size] = BEYOND
    matrix = np.linalg.cholesky(matrix)
    return matrix[:, :size, :size], matrix[:, size, :size]


def means(found: Factor) -> Floats:
    """Return M^-1 h, (P, B)."""
    return _back(found, found.half, [np.zeros_like(d) for d in found.pivots])


def drawn(found: Factor, rng: np.random.Generator) -> Floats:
    """Draw from Normal(M^-1 h, M^-1), once a point: (P, B)."""
    half = found.half + rng.standard_normal(found.half.shape)
    return _back(found, half, [rng.standard_normal(d.shape) for d in found.pivots])


def _back(found: Factor, half: Floats, noise: Sequence[Floats]) -> Floats:
    order = found.plan
    x = np.zeros((order.width, len(half)))
    for b in range(len(half) if len(order.rest) else 0):
        x[order.rest, b] = linalg.blas.dtrsv(found.root[b].T, half[b])
    for step, d, slope, h, z in zip(
        reversed(order.steps),
        reversed(found.pivots),
        reversed(found.slopes),
        reversed(found.scores),
        reversed(noise),
        strict=True,
    ):
        x[step.columns] = h / d - step.by_row @ (slope * _rows(x, step.column)) + z / np.sqrt(d)
    return x


def inverse(found: Factor) -> Floats:
    """Return the entries of M^-1 on the pattern, (E,), at the first point."""
    order = found.plan
    v = np.zeros(len(order.left))
    if len(order.rest):
        dense, _ = linalg.lapack.dpotri(found.root[0].T, lower=0)
        v[order.rest_entries] = np.asarray(dense)[order.rest_left, order.rest_right]
    for step, pivot, slopes in zip(
        reversed(order.steps), reversed(found.pivots), reversed(found.slopes), strict=True
    ):
        slope = slopes[:, 0]
        later = step.gather.T @ v[step.target]
        twice = np.where(step.first != step.second, later, 0.0)
        size = len(slope)
        cross = -np.bincount(step.first, slope[step.second] * later, size)
        cross -= np.bincount(step.second, slope[step.first] * twice, size)
        v[step.cross] = cross
        v[step.diagonal] = 1.0 / pivot[:, 0] - step.by_row @ (slope * cross)
    return v
