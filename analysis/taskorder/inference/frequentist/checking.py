"""Whether the arrays of a meta-analysis can be analysed; every fault is named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from taskorder.errors import MissingData

Floats = NDArray[np.float64]


def outcomes(y: ArrayLike, v: ArrayLike, *, allow_zero: bool = False) -> tuple[Floats, Floats]:
    """Return outcomes and their variances as arrays.

    Parameters
    ----------
    y, v : array (K,)
    allow_zero : bool
        Whether a variance may be 0, because the model has other noise.

    Raises
    ------
    ValueError
        Where the two differ in length, a value is not finite, or a variance is not positive.
    """
    outcome, variance = np.asarray(y, dtype=float), np.asarray(v, dtype=float)
    if outcome.ndim != 1 or outcome.shape != variance.shape:
        raise ValueError(
            f"outcomes of shape {outcome.shape} need one variance each, not shape {variance.shape}"
        )
    bad = ~np.isfinite(outcome) | ~np.isfinite(variance)
    bad |= variance < 0 if allow_zero else variance <= 0
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise ValueError(
            f"row {row}: outcome {outcome[row]:g} with variance {variance[row]:g}; outcomes must be finite"
            f" and variances {'at least' if allow_zero else 'above'} 0. Leave such rows out"
        )
    return outcome, variance


def design(x: ArrayLike | None, terms: Sequence[str] | None, rows: int) -> tuple[Floats, tuple[str, ...]]:
    """Return the matrix of moderators and the names of its columns; an intercept where there is none.

    Raises
    ------
    ValueError
        Where the matrix does not have `rows` rows, or not as many columns as names.
    MissingData
        Where there are not more rows than terms, or the terms are collinear.
    """
    if x is None:
        matrix = np.ones((rows, 1))
    else:
        matrix = np.asarray(x, dtype=float)
        matrix = matrix[:, None] if matrix.ndim == 1 else matrix
    count = matrix.shape[1]
    names = tuple(terms) if terms is not None else ("1", *(f"x{i}" for i in range(1, count)))
    if matrix.shape[0] != rows or len(names) != count:
        raise ValueError(
            f"moderators of shape {matrix.shape} with {len(names)} names do not fit {rows} outcomes"
        )
    if rows <= count:
        raise MissingData(f"{rows} rows cannot estimate {count} terms and what is left; give more rows")
    if np.linalg.matrix_rank(matrix) < count:
        raise MissingData(
            f"the terms {', '.join(names)} are collinear in these rows; leave out one that the others give"
        )
    return matrix, names


def intercept(x: Floats) -> int | None:
    """Return which column is the intercept; None where no column is all ones."""
    ones = np.flatnonzero((x == 1).all(axis=0))
    return int(ones[0]) if len(ones) else None
