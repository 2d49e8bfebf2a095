"""Block-diagonal covariances and generalised least squares under them.

y = X b + e,   cov(e) = V = diag(V_1, ..., V_m),   b^ = M X'V^-1 y,   M = (X'V^-1 X)^-1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from taskorder.inference.layout.levels import Integers

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Blocks:
    """A covariance of N rows: the rows of each block and its matrix."""

    rows: tuple[Integers, ...]
    matrices: tuple[Floats, ...]


@dataclass(frozen=True)
class LeastSquares:
    """A regression under a covariance.

    Attributes
    ----------
    beta : array (P,)
    vcov : array (P, P)
        M above.
    residuals : array (N,)
    q : float
        e'V^-1 e.
    log_determinant : float
        Of V.
    inverses : tuple of array (n_j, n_j)
        V_j^-1 of each block.
    whitened : tuple of array (n_j, P)
        V_j^-1 X_j of each block.
    solved : tuple of array (n_j,)
        V_j^-1 e_j of each block.
    """

    beta: Floats
    vcov: Floats
    residuals: Floats
    q: float
    log_determinant: float
    inverses: tuple[Floats, ...]
    whitened: tuple[Floats, ...]
    solved: tuple[Floats, ...]


def diagonal(v: Floats) -> Blocks:
    """Return the covariance of independent rows with variances v (N,)."""
    return Blocks(tuple(np.arange(len(v))[:, None]), tuple(v[:, None, None]))


def least_squares(y: Floats, x: Floats, covariance: Blocks) -> LeastSquares:
    """Regress y (N,) on x (N, P) by generalised least squares."""
    inverses = tuple(np.linalg.inv(matrix) for matrix in covariance.matrices)
    pairs = list(zip(covariance.rows, inverses, strict=True))
    whitened = tuple(inverse @ x[rows] for rows, inverse in pairs)
    information = sum(x[rows].T @ part for rows, part in zip(covariance.rows, whitened, strict=True))
    vcov = np.linalg.inv(information)
    beta = vcov @ sum(part.T @ y[rows] for rows, part in zip(covariance.rows, whitened, strict=True))
    residuals = y - x @ beta
    solved = tuple(inverse @ residuals[rows] for rows, inverse in pairs)
    q = sum(float(residuals[rows] @ part) for rows, part in zip(covariance.rows, solved, strict=True))
    log_determinant = sum(float(np.linalg.slogdet(matrix)[1]) for matrix in covariance.matrices)
    return LeastSquares(beta, vcov, residuals, q, log_determinant, inverses, whitened, solved)


def components(count: int, together: Sequence[Integers]) -> tuple[Integers, ...]:
    """Return the rows of each block, given labels that tie rows together.

    Parameters
    ----------
    count : int
        Rows.
    together : sequence of array (N,) of int
        Rows with the same label in any of these belong to one block; a negative label ties nothing.
    """
    rows = np.arange(count)
    offsets = np.cumsum([count, *(int(codes.max(initial=-1)) + 1 for codes in together)])
    tied = [(rows[codes >= 0], codes[codes >= 0] + offsets[i]) for i, codes in enumerate(together)]
    start = np.concatenate([rows, *(row for row, _ in tied)])
    end = np.concatenate([rows, *(node for _, node in tied)])
    graph = sparse.coo_array((np.ones(len(start)), (start, end)), shape=(offsets[-1], offsets[-1]))
    labels = connected_components(graph, directed=False)[1][:count]
    order = np.argsort(labels, kind="stable")
    return tuple(np.split(order, np.flatnonzero(np.diff(labels[order])) + 1))
