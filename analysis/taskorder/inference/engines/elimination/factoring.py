"""The numbers of an elimination: factors, solutions, draws, and entries of the inverse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from taskorder.inference.engines.elimination import loops
from taskorder.inference.engines.elimination.planning import Front, Plan

Floats = NDArray[np.float64]

BEYOND = 1e100
"""Next to it nothing counts that a column takes off later ones, and its root's reciprocal is no zero."""


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
    pivots, slopes, scores : arrays (A, B), (F, B), (A, B)
        d, l and h of the members of groups.
    roots : tuple of arrays (B, N + K + 1, N + K + 1)
        Of each block: the lower Cholesky factor of its own N columns, below it its entries with the border
        times the inverse of the factor's transpose, and in the last row the factor's solution of its scores.
        Nothing is told by other columns.
    """

    plan: Plan
    log_determinant: Floats
    misfit: Floats
    pivots: Floats
    slopes: Floats
    scores: Floats
    roots: tuple[Floats, ...]


def factor(
    order: Plan, entries: Floats, scale: Floats, ridge: Floats, score: Floats, square: Floats
) -> Factor:
    """Eliminate M, of which the entry (i, j) is scale_i entry_ij scale_j, and ridge_i more where i = j.

    Parameters
    ----------
    order : Plan
    entries : array (G, B)
        Those that the plan was made for.
    scale : array (P, B)
    ridge : array (P,)
    score : array (P, B)
        h; overwritten.
    square : array (B,)
        An upper bound of h' M^-1 h: what is left of it is the misfit.

    Raises
    ------
    numpy.linalg.LinAlgError
        If M is not positive definite.
    """
    members, points = order.members, entries.shape[1]
    values = np.zeros((len(order.left), points))
    left, right = order.left.take(order.given), order.right.take(order.given)
    loops.scaled(entries, order.given, left, right, scale, values)
    values[order.diagonal] += ridge[:, None]
    pivots, scores = (np.empty((len(members.columns), points)) for _ in range(2))
    slopes = np.empty((len(members.cross), points))
    if not loops.eliminate(
        values,
        score,
        members.columns,
        members.diagonal,
        members.start,
        members.cross,
        members.met,
        members.target,
        pivots,
        slopes,
        scores,
    ):
        raise np.linalg.LinAlgError("Matrix is not positive definite")
    roots = tuple(_root(front, values, score) for front in order.fronts)
    log_determinant = np.log(pivots).sum(axis=0)
    misfit = square - (scores**2 / pivots).sum(axis=0)
    for front, root in zip(order.fronts, roots, strict=True):
        own = root[:, range(len(front.columns)), range(len(front.columns))]
        log_determinant += 2.0 * np.log(own).sum(axis=1)
        misfit -= (root[:, -1, : len(front.columns)] ** 2).sum(axis=1)
    if not np.isfinite(log_determinant + misfit).all():
        raise np.linalg.LinAlgError("Matrix has entries that are not finite")
    return Factor(order, log_determinant, misfit, pivots, slopes, scores, roots)


def _root(front: Front, values: Floats, score: Floats) -> Floats:
    """Factor a block, and take it off later entries (E, B) and scores (P, B)."""
    root = np.linalg.cholesky(loops.gathered(values, score, front.columns, front.within, BEYOND))
    if len(front.border):
        loops.taken_off(values, score, front.border, front.among, root)
    return root


def means(found: Factor) -> Floats:
    """Return M^-1 h, (P, B)."""
    return _back(found, 1, np.zeros)[:, :, 0].T


def drawn(found: Factor, rng: np.random.Generator, times: int = 1) -> Floats:
    """Draw from Normal(M^-1 h, M^-1), several times a point: (P, times, B)."""
    return _back(found, times, rng.standard_normal).transpose(1, 2, 0)


def _back(found: Factor, times: int, noise: Callable[[tuple[int, ...]], Floats]) -> Floats:
    """Return solutions (B, P, T); noise is added where a factor's solution is turned back."""
    order, members, points = found.plan, found.plan.members, found.pivots.shape[1]
    x = np.empty((points, order.width, times))
    for front, root in zip(reversed(order.fronts), reversed(found.roots), strict=True):
        size = len(front.columns)
        left = root[:, -1, :size, None] + noise((points, size, times))
        loops.turned_back(x, front.columns, front.border, root, left)
    pivots = found.pivots.T[:, :, None]
    own = found.scores.T[:, :, None] / pivots
    x[:, members.columns] = own + noise((points, len(members.columns), times)) / np.sqrt(pivots)
    loops.substitute(x, members.columns, members.start, members.met, found.slopes)
    return x


def inverse(found: Factor) -> Floats:
    """Return the entries of M^-1 on the pattern, (E, B)."""
    order, members = found.plan, found.plan.members
    v = np.zeros((len(order.left), found.pivots.shape[1]))
    for front, root in zip(reversed(order.fronts), reversed(found.roots), strict=True):
        blocks = [_inverse(one, v[front.among, b], len(front.columns)) for b, one in enumerate(root[:, :-1])]
        loops.spread(v, front.within, np.array(blocks))
    loops.invert(
        v,
        members.diagonal,
        members.start,
        members.cross,
        members.target,
        found.pivots,
        found.slopes,
    )
    return v


def _inverse(root: Floats, among: Floats, size: int) -> Floats:
    """Return the entries (N + K, N) of a block's inverse, from its root and those of its border (K, K)."""
    own = np.asfortranarray(root[:size, :size])
    back = linalg.blas.dtrsm(1.0, own, root[size:, :size].T, lower=1, trans_a=1)
    cross = -back @ among
    inverted, _ = linalg.lapack.dpotri(own, lower=1)
    return np.concatenate([inverted - back @ cross.T, cross.T])
