"""What is done entry by entry, compiled: members of groups, and moving the entries of dense blocks.

Members `columns` (A,) have the diagonal entries `diagonal` (A,); their entries with later columns stand at
`cross[start[a]:start[a + 1]]`, these columns in `met`. `target` names, one member after the other, the
entry of each two of them, the second not before the first.

All points are gone through together wherever their numbers lie next to each other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from taskorder.inference.engines.compiling import compiled

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@compiled
def scaled(
    entries: Floats, given: Integers, left: Integers, right: Integers, scale: Floats, values: Floats
) -> None:
    """Fill in values (E, B): entries (G, B) of columns `left` and `right`, each times its scale (P, B)."""
    for e in range(len(given)):
        entry, one, other, value = entries[e], scale[left[e]], scale[right[e]], values[given[e]]
        for b in range(len(entry)):
            value[b] = entry[b] * one[b] * other[b]


@compiled
def eliminate(
    values: Floats,
    score: Floats,
    columns: Integers,
    diagonal: Integers,
    start: Integers,
    cross: Integers,
    met: Integers,
    target: Integers,
    pivots: Floats,
    slopes: Floats,
    scores: Floats,
) -> bool:
    """Take members off the entries (E, B) and scores (P, B) of later columns.

    Fills in the pivots and scores (A, B) of the members, and their slopes (F, B). Says whether all pivots
    are positive.
    """
    product = 0
    for a in range(len(columns)):
        pivot, own = pivots[a], scores[a]
        for b in range(len(pivot)):
            pivot[b], own[b] = values[diagonal[a], b], score[columns[a], b]
            if not pivot[b] > 0.0:
                return False
        for i in range(start[a], start[a + 1]):
            slope, entry, later = slopes[i], values[cross[i]], score[met[i]]
            for b in range(len(slope)):
                slope[b] = entry[b] / pivot[b]
                later[b] -= slope[b] * own[b]
            for j in range(i, start[a + 1]):
                changed, other = values[target[product]], values[cross[j]]
                for b in range(len(slope)):
                    changed[b] -= slope[b] * other[b]
                product += 1
    return True


@compiled
def gathered(values: Floats, score: Floats, columns: Integers, within: Integers, corner: float) -> Floats:
    """Return dense blocks (B, M, M), lower halves, from entries (E, B) and scores (P, B).

    Rows are the N columns that go, then those that they meet, then the scores; `within` (M - 1, N) says where
    the entries of the first are. What the other rows have among themselves is left to `corner`, a diagonal.
    """
    rows, size = within.shape
    block = np.zeros((values.shape[1], rows + 1, rows + 1))
    for b in range(len(block)):
        for i in range(size, rows + 1):
            block[b, i, i] = corner
    for i in range(rows):
        for j in range(min(i + 1, size)):
            entry = values[within[i, j]]
            for b in range(len(block)):
                block[b, i, j] = entry[b]
    for j in range(size):
        for b in range(len(block)):
            block[b, rows, j] = score[columns[j], b]
    return block


@compiled
def taken_off(values: Floats, score: Floats, border: Integers, among: Integers, root: Floats) -> None:
    """Take a block, of which the root (B, M, M) is known, off the entries and scores of its border."""
    size = root.shape[1] - 1 - len(border)
    for b in range(len(root)):
        cross = np.ascontiguousarray(root[b, size:, :size])
        product = np.dot(cross, cross.T)
        for i in range(len(border)):
            score[border[i], b] -= product[-1, i]
            for j in range(i + 1):
                values[among[i, j], b] -= product[i, j]


@compiled
def turned_back(x: Floats, columns: Integers, border: Integers, root: Floats, left: Floats) -> None:
    """Fill in a block's columns of x (B, P, T), where those of its border are there.

    `left` (B, N, T) is the root's solution of the scores, with noise.
    """
    size = len(columns)
    for b in range(len(x)):
        for t in range(x.shape[2]):
            rest = left[b, :, t].copy()
            for i in range(len(border)):
                value, row = x[b, border[i], t], root[b, size + i]
                for j in range(size):
                    rest[j] -= row[j] * value
            for i in range(size - 1, -1, -1):
                row = root[b, i]
                value = rest[i] / row[i]
                x[b, columns[i], t] = value
                for j in range(i):
                    rest[j] -= row[j] * value


@compiled
def substitute(
    x: Floats,
    columns: Integers,
    start: Integers,
    met: Integers,
    slopes: Floats,
) -> None:
    """Turn members of x (B, P, T) from what they would be if later columns were zero into what they are."""
    for b in range(len(x)):
        solution = x[b]
        for a in range(len(columns) - 1, -1, -1):
            for i in range(start[a], start[a + 1]):
                for t in range(solution.shape[1]):
                    solution[columns[a], t] -= slopes[i, b] * solution[met[i], t]


@compiled
def spread(v: Floats, within: Integers, blocks: Floats) -> None:
    """Put the entries of dense blocks (B, M, N) where `within` (M, N) says, into v (E, B).

    Of the first N rows the lower half is read.
    """
    rows, size = within.shape
    for i in range(rows):
        for j in range(min(i + 1, size)):
            entry = v[within[i, j]]
            for b in range(len(blocks)):
                entry[b] = blocks[b, i, j]


@compiled
def invert(
    v: Floats,
    diagonal: Integers,
    start: Integers,
    cross: Integers,
    target: Integers,
    pivots: Floats,
    slopes: Floats,
) -> None:
    """Fill in the entries of the inverse (E, B) of members, where those among later columns are there."""
    product = len(target)
    for a in range(len(diagonal) - 1, -1, -1):
        first, beyond = start[a], start[a + 1]
        product -= (beyond - first) * (beyond - first + 1) // 2
        at = product
        for i in range(first, beyond):
            v[cross[i]] = 0.0
        for i in range(first, beyond):
            one, slope, later = v[cross[i]], slopes[i], v[target[at]]
            for b in range(len(one)):
                one[b] -= slope[b] * later[b]
            at += 1
            for j in range(i + 1, beyond):
                other, steeper, later = v[cross[j]], slopes[j], v[target[at]]
                for b in range(len(one)):
                    one[b] -= steeper[b] * later[b]
                    other[b] -= slope[b] * later[b]
                at += 1
        own = v[diagonal[a]]
        for b in range(len(own)):
            own[b] = 1.0 / pivots[a, b]
        for i in range(first, beyond):
            entry, slope = v[cross[i]], slopes[i]
            for b in range(len(own)):
                own[b] -= slope[b] * entry[b]
