"""What is done member by member of groups, compiled.

Members `columns` (A,) have the diagonal entries `diagonal` (A,); their entries with later columns stand at
`cross[start[a]:start[a + 1]]`, these columns in `met`. `target` names, one member after the other, the
entry of each two of them, the second not before the first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def _compiled[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function to one that other threads may run beside, and keep it where anything can be kept."""
    try:
        return cast("Callable[P, R]", njit(nogil=True, cache=True)(function))
    except RuntimeError:
        return cast("Callable[P, R]", njit(nogil=True)(function))


@_compiled
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
    """Take members off the entries (B, E) and scores (B, P) of later columns.

    Fills in the pivots and scores (B, A) of the members, and their slopes (B, F). Says whether all pivots
    are positive.
    """
    for b in range(len(values)):
        entry, h = values[b], score[b]
        product = 0
        for a in range(len(columns)):
            pivot, own = entry[diagonal[a]], h[columns[a]]
            if not pivot > 0.0:
                return False
            pivots[b, a], scores[b, a] = pivot, own
            for i in range(start[a], start[a + 1]):
                slope = entry[cross[i]] / pivot
                slopes[b, i] = slope
                h[met[i]] -= slope * own
                for j in range(i, start[a + 1]):
                    entry[target[product]] -= slope * entry[cross[j]]
                    product += 1
    return True


@_compiled
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
                    solution[columns[a], t] -= slopes[b, i] * solution[met[i], t]


@_compiled
def invert(
    v: Floats,
    diagonal: Integers,
    start: Integers,
    cross: Integers,
    target: Integers,
    pivots: Floats,
    slopes: Floats,
) -> None:
    """Fill in the entries of the inverse (E,) of members, where those among later columns are there."""
    product = len(target)
    for a in range(len(diagonal) - 1, -1, -1):
        first, beyond = start[a], start[a + 1]
        product -= (beyond - first) * (beyond - first + 1) // 2
        at = product
        for i in range(first, beyond):
            v[cross[i]] = 0.0
        for i in range(first, beyond):
            v[cross[i]] -= slopes[i] * v[target[at]]
            at += 1
            for j in range(i + 1, beyond):
                later = v[target[at]]
                v[cross[i]] -= slopes[j] * later
                v[cross[j]] -= slopes[i] * later
                at += 1
        own = 1.0 / pivots[a]
        for i in range(first, beyond):
            own -= slopes[i] * v[cross[i]]
        v[diagonal[a]] = own
