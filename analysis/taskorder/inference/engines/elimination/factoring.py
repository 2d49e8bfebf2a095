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

BEYOND = 1e300


@dataclass(frozen=True)
class Panel:
    """A dense block, eliminated at one point.

    Attributes
    ----------
    root : array (N, N)
        Lower Cholesky factor of the block's own entries.
    cross : array (K, N)
        Its entries with the border, times the inverse of the factor's transpose.
    half : array (N,)
        The factor's solution of its scores.
    """

    root: Floats
    cross: Floats
    half: Floats


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
    pivots, slopes, scores : arrays (B, A), (B, F), (B, A)
        d, l and h of the members of groups.
    panels : tuple of tuples of Panel
        A tuple a point, with one of each block.
    root : array (B, R, R)
        Lower Cholesky factor of what remained.
    half : array (B, R)
        The factor's solution of what remained of h.
    """

    plan: Plan
    log_determinant: Floats
    misfit: Floats
    pivots: Floats
    slopes: Floats
    scores: Floats
    panels: tuple[tuple[Panel, ...], ...]
    root: Floats
    half: Floats


def factor(order: Plan, values: Floats, score: Floats, square: Floats) -> Factor:
    """Eliminate.

    Parameters
    ----------
    order : Plan
    values : array (B, E)
        The entries of M; overwritten.
    score : array (B, P)
        h; overwritten.
    square : array (B,)
        An upper bound of h' M^-1 h: what is left of it is the misfit.

    Raises
    ------
    numpy.linalg.LinAlgError
        If M is not positive definite.
    """
    members, points = order.members, len(values)
    pivots, scores = (np.empty((points, len(members.columns))) for _ in range(2))
    slopes = np.empty((points, len(members.cross)))
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
    panels = tuple(
        tuple(_panel(front, entries, h) for front in order.fronts)
        for entries, h in zip(values, score, strict=True)
    )
    root, half = _dense(order, values, score)
    diagonals = [pivots, np.diagonal(root, axis1=1, axis2=2) ** 2]
    halves = [scores / np.sqrt(pivots), half]
    if order.fronts:
        diagonals.append(np.array([np.concatenate([np.diag(one.root) for one in at]) for at in panels]) ** 2)
        halves.append(np.array([np.concatenate([one.half for one in at]) for at in panels]))
    log_determinant = np.log(np.concatenate(diagonals, axis=1)).sum(axis=1)
    misfit = square - (np.concatenate(halves, axis=1) ** 2).sum(axis=1)
    if not np.isfinite(log_determinant + misfit).all():
        raise np.linalg.LinAlgError("Matrix has entries that are not finite")
    return Factor(
        plan=order,
        log_determinant=log_determinant,
        misfit=misfit,
        pivots=pivots,
        slopes=slopes,
        scores=scores,
        panels=panels,
        root=root,
        half=half,
    )


def _panel(front: Front, values: Floats, score: Floats) -> Panel:
    """Take a block off later entries (E,) and scores (P,)."""
    root, failed = linalg.lapack.dpotrf(values.take(front.diagonal).T, lower=1, overwrite_a=1)
    if failed:
        raise np.linalg.LinAlgError("Matrix is not positive definite")
    cross = linalg.blas.dtrsm(
        1.0, root, values.take(front.cross).T, side=1, lower=1, trans_a=1, overwrite_b=1
    )
    half = linalg.blas.dtrsv(root, score.take(front.columns), lower=1)
    values[front.among] = values.take(front.among) - cross @ cross.T
    score[front.border] -= cross @ half
    return Panel(root, cross, half)


def _dense(order: Plan, values: Floats, score: Floats) -> tuple[Floats, Floats]:
    """Return the Cholesky factor of what remained, and its solution of the score.

    The score is a last row of the matrix, whose corner is beyond any misfit, so that one factorisation
    gives both.
    """
    size = len(order.rest)
    matrix = np.zeros((len(values), size + 1, size + 1))
    matrix[:, order.rest_right, order.rest_left] = values[:, order.rest_entries]
    matrix[:, size, :size] = score[:, order.rest]
    matrix[:, size, size] = BEYOND
    matrix = np.linalg.cholesky(matrix)
    return matrix[:, :size, :size], matrix[:, size, :size]


def means(found: Factor) -> Floats:
    """Return M^-1 h, (P, B)."""
    return _back(found, lambda size: np.zeros((*size, 1)))[:, :, 0].T


def drawn(found: Factor, rng: np.random.Generator, times: int = 1) -> Floats:
    """Draw from Normal(M^-1 h, M^-1), several times a point: (P, times, B)."""
    return _back(found, lambda size: rng.standard_normal((*size, times))).transpose(1, 2, 0)


def _back(found: Factor, noise: Callable[[tuple[int, int]], Floats]) -> Floats:
    """Return solutions (B, P, T); noise (B, columns, T) is added where a factor's solution is turned back."""
    order, members, points = found.plan, found.plan.members, len(found.half)
    half = found.half[:, :, None] + noise(found.half.shape)
    own = found.scores[:, :, None] + noise(found.scores.shape) * np.sqrt(found.pivots)[:, :, None]
    x = np.empty((points, order.width, half.shape[2]))
    x[:, members.columns] = own / found.pivots[:, :, None]
    for b in range(points if len(order.rest) else 0):
        x[b, order.rest] = linalg.blas.dtrsm(1.0, found.root[b].T, half[b])
    for place, front in reversed(list(enumerate(order.fronts))):
        extra = noise((points, len(front.columns)))
        for b in range(points):
            panel = found.panels[b][place]
            left = panel.half[:, None] + extra[b] - panel.cross.T @ x[b, front.border]
            x[b, front.columns] = linalg.blas.dtrsm(1.0, panel.root, left, lower=1, trans_a=1)
    loops.substitute(x, members.columns, members.start, members.met, found.slopes)
    return x


def inverse(found: Factor) -> Floats:
    """Return the entries of M^-1 on the pattern, (E,), at the first point."""
    order, members = found.plan, found.plan.members
    v = np.zeros(len(order.left))
    if len(order.rest):
        dense, _ = linalg.lapack.dpotri(found.root[0].T, lower=0)
        v[order.rest_entries] = np.asarray(dense)[order.rest_left, order.rest_right]
    for place, front in reversed(list(enumerate(order.fronts))):
        panel = found.panels[0][place]
        back = linalg.blas.dtrsm(1.0, panel.root, np.asfortranarray(panel.cross.T), lower=1, trans_a=1)
        cross = -back @ v.take(front.among)
        own, _ = linalg.lapack.dpotri(panel.root, lower=1)
        v[front.cross] = cross
        v[front.diagonal] = np.tril(own) + np.tril(own, -1).T - back @ cross.T
    loops.invert(
        v, members.diagonal, members.start, members.cross, members.target, found.pivots[0], found.slopes[0]
    )
    return v
