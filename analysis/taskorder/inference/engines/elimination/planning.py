"""Which columns of a sparse system are eliminated, in which order, and where every product goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from taskorder.inference.engines.elimination.blocks import Block, blocks

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

MOST_MET = 64
"""Groups whose members meet more later columns, in the root mean square, are left to dense algebra."""
FEWEST = 8
"""A group with fewer members is left to dense algebra."""
MANY = 2e6
"""So many products take most of a second to look at."""


@dataclass(frozen=True)
class Members:
    """The members of groups, as `loops` goes through them.

    Attributes
    ----------
    columns : array (A,)
        The columns that go.
    diagonal : array (A,)
        Where their diagonal entries are.
    start : array (A + 1,)
        Where each member's part of what follows begins.
    cross, met : array (F,)
        Where their entries with later columns are; these columns.
    target : array (M,)
        The later entry that the product of each two of them, of one member, is taken off.
    """

    columns: Integers
    diagonal: Integers
    start: Integers
    cross: Integers
    met: Integers
    target: Integers


@dataclass(frozen=True)
class Front:
    """The elimination of a dense block of columns.

    Attributes
    ----------
    columns, border : array (N,), (K,)
        The columns that go, and the later ones that they meet.
    within : array (N + K, N)
        Where the entries of both with the columns that go are.
    among : array (K, K)
        Where the border's own entries are.
    """

    columns: Integers
    border: Integers
    within: Integers
    among: Integers


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
    groups : tuple of arrays
        The columns of groups, in the order in which they go.
    members : Members
        Of all groups, which go first.
    fronts : tuple of Front
        Dense blocks, which go next; the last one has no border.
    """

    left: Integers
    right: Integers
    given: Integers
    diagonal: Integers
    groups: tuple[Integers, ...]
    members: Members
    fronts: tuple[Front, ...]

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
        Columns that may go together; no column is in two of them.
    """
    width = int(right.max()) + 1
    given = left * width + right
    entries: Integers = given
    remaining = np.ones(width, dtype=bool)
    chosen: list[tuple[Integers, Booleans]] = []
    waiting = sorted((g for g in groups if len(g) >= FEWEST), key=len, reverse=True)
    while (found := _next(entries, width, waiting, remaining)) is not None:
        columns = waiting.pop(found[0])
        entries = _distinct(entries, found[1])
        remaining[columns] = False
        chosen.append((columns, remaining.copy()))
    return _laid_out(entries, given, width, chosen, remaining)


def _distinct(*entries: Integers) -> Integers:
    """Return all entries once, in ascending order."""
    every = np.sort(np.concatenate(entries))
    return every[np.diff(every, prepend=-1) > 0]


def _next(
    entries: Integers, width: int, waiting: Sequence[Integers], remaining: Booleans
) -> tuple[int, Integers] | None:
    """Return the group that fills in the fewest entries a member, and all it touches; None if none can go.

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
        filled /= len(waiting[i])
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
    return None if _products(row, len(columns)) > len(columns) * MOST_MET**2 / 2 else (row, other)


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
    taken_apart = _taken_apart(entries, width, np.flatnonzero(remaining))
    entries = _distinct(entries, *(_codes(block, width) for block in taken_apart))
    left, right = np.divmod(entries, width)
    return Plan(
        left=left,
        right=right,
        given=np.searchsorted(entries, given),
        diagonal=_at(entries, np.arange(width), np.arange(width), width),
        groups=tuple(group for group, _ in chosen),
        members=_members(entries, width, chosen),
        fronts=tuple(_front(entries, width, block) for block in taken_apart),
    )


def _taken_apart(entries: Integers, width: int, remaining: Integers) -> list[Block]:
    if not len(remaining):
        return []
    place = np.full(width, -1, dtype=np.int64)
    place[remaining] = np.arange(len(remaining))
    left, right = place[entries // width], place[entries % width]
    here = (left >= 0) & (right >= 0)
    return [
        Block(remaining[one.columns], remaining[one.border])
        for one in blocks(left[here], right[here], len(remaining))
    ]


def _codes(block: Block, width: int) -> Integers:
    """Return all entries that the elimination of a block reads or changes."""
    touched = np.concatenate([block.columns, block.border])
    one, other = np.meshgrid(touched, touched)
    return (one * width + other)[one <= other]


def _at(entries: Integers, one: Integers, other: Integers, width: int) -> Integers:
    """Return where the entries of columns with other columns are."""
    return np.searchsorted(entries, np.minimum(one, other) * width + np.maximum(one, other))


def _front(entries: Integers, width: int, block: Block) -> Front:
    columns, border = block.columns, block.border
    rows = np.concatenate([columns, border])
    return Front(
        columns=columns,
        border=border,
        within=_at(entries, rows[:, None], columns, width),
        among=_at(entries, border[:, None], border, width),
    )


def _members(entries: Integers, width: int, chosen: Sequence[tuple[Integers, Booleans]]) -> Members:
    none = np.zeros(0, dtype=np.int64)
    columns, cross, other, counts, target = [none], [none], [none], [none], [none]
    for group, later in chosen:
        at, row, met = _neighbours(entries, width, group, later)
        first, second = _pairs(row, len(group))
        columns.append(group)
        cross.append(at)
        other.append(met)
        counts.append(np.bincount(row, minlength=len(group)))
        target.append(_at(entries, met[first], met[second], width))
    gone = np.concatenate(columns)
    return Members(
        columns=gone,
        diagonal=_at(entries, gone, gone, width),
        start=np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int64),
        cross=np.concatenate(cross),
        met=np.concatenate(other),
        target=np.concatenate(target),
    )
