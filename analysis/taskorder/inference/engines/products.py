"""The products of every two entries of sparse rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from taskorder.inference.engines.compiling import compiled

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Indices = NDArray[np.int32] | NDArray[np.int64]

CHUNK = 4_000_000
"""Products that are held at once."""


def products(
    first: sparse.csr_array, second: sparse.csr_array, rows: Integers, *, same: bool
) -> Iterator[tuple[Integers, Integers, Integers, Floats]]:
    """Yield row, both columns and the product of every two entries of a row; each two once if `same`."""
    a, b = np.diff(first.indptr)[rows].astype(np.int64), np.diff(second.indptr)[rows].astype(np.int64)
    ends = np.cumsum(a * (a + 1) // 2 if same else a * b)
    start = 0
    while start < len(rows):
        reached = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, reached + CHUNK, side="right")))
        count = int(ends[stop - 1]) - reached
        row, i, j = (np.empty(count, dtype=np.int64) for _ in range(3))
        value = np.empty(count)
        _multiply(
            first.indptr,
            first.indices,
            first.data,
            second.indptr,
            second.indices,
            second.data,
            rows[start:stop],
            same,
            row,
            i,
            j,
            value,
        )
        yield row, i, j, value
        start = stop


@compiled
def _multiply(
    first_start: Indices,
    first_column: Indices,
    first: Floats,
    second_start: Indices,
    second_column: Indices,
    second: Floats,
    rows: Integers,
    same: bool,
    row: Integers,
    i: Integers,
    j: Integers,
    value: Floats,
) -> None:
    at = 0
    for r in rows:
        for p in range(first_start[r], first_start[r + 1]):
            for q in range(p if same else second_start[r], second_start[r + 1]):
                row[at], i[at], j[at] = r, first_column[p], second_column[q]
                value[at] = first[p] * second[q]
                at += 1
