"""A Gaussian that stands in for another likelihood: where a sampler starts, and along which axes it moves.

Given the coefficients, the log likelihood is replaced by a Gaussian one whose mode and curvature are near
its own: counts by z = eta + (k - n p) / (n p (1 - p)) with variance 1 / (n p (1 - p)), as in iteratively
reweighted least squares; a Student-t by a normal with the weights of its expectation-maximisation. The
Gaussian model gives new coefficients, and so on. The posterior does not depend on any of this, the time
that it takes does.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import betaln, expit

from taskorder.inference.engines.marginal import Conditional, Problem, design_at, mode, take_apart
from taskorder.inference.layout.design import Design
from taskorder.inference.layout.observations import Cells
from taskorder.inference.priors import defaults
from taskorder.inference.spec import ModelSpec

Floats = NDArray[np.float64]

ROUNDS = 4
TYPICAL_NU = 4.0
"""The degrees of freedom that weigh outliers down here."""
FARTHEST = 8.0
"""A logit beyond this is taken as this, where counts would otherwise tell nothing."""
GRID_STEP = 0.1
GRID = np.arange(-1.0, 11.0, GRID_STEP)
"""Log precisions: of accuracy at p = 0.8, sds from 34 points to a sixth of a point."""
WIDE = 2.0
"""The sd of a normal on the grid, for levels of which the data tell nothing."""


def stand_in(design: Design, spec: ModelSpec) -> tuple[Problem, Conditional]:
    """Return the problem with no intercept eliminated, and its coefficients in the working Gaussian.

    Parameters
    ----------
    design : Design
        Of the rows to be modelled.
    spec : ModelSpec
        A model whose likelihood is not normal.

    Returns
    -------
    problem : Problem
        Of `design` and `spec` themselves.
    at : Conditional
        At the mode of the working Gaussian, whose `theta.residual` are sds on the model's scale.
    """
    whole = _not_eliminated(design, spec)
    near, near_spec = _gaussian(design, spec)
    at = _at_mode(near, near_spec)
    for _ in range(ROUNDS - 1):
        near = replace(near, cells=_linearised(whole, at))
        at = _at_mode(near, near_spec)
    return whole, at


def _gaussian(design: Design, spec: ModelSpec) -> tuple[Design, ModelSpec]:
    """Return the Gaussian model of the same rows; what is no sd loses its prior."""
    outcome = spec.outcome.model_copy(update={"likelihood": "normal"})
    if spec.outcome.family.residual != "precision":
        return design, spec.model_copy(update={"outcome": outcome})
    priors = {name: prior for name, prior in spec.priors.items() if name != "residual"}
    fallback = replace(design.defaults, residual=defaults("logit", 0.0, 1.0).residual)
    return replace(design, defaults=fallback), spec.model_copy(update={"outcome": outcome, "priors": priors})


def _not_eliminated(design: Design, spec: ModelSpec) -> Problem:
    names = tuple(block.sd for block in design.blocks if block.sd)
    nowhere = np.full(len(design.cells.mean), -1, dtype=np.int64)
    return Problem(design, spec, design.effects, design.blocks, None, nowhere, names)


def _at_mode(design: Design, spec: ModelSpec) -> Conditional:
    """Return all coefficients at the mode of a Gaussian model, the eliminated ones in their place."""
    problem = take_apart(design, spec)
    at = mode(problem)
    block = problem.eliminated
    if block is None:
        return at
    width = design.effects[0].shape[1]
    own = np.arange(block.start, block.stop)
    rest = np.setdiff1d(np.arange(width), own)
    gain = sparse.csr_array(at.gain)
    mean, covariance = np.empty(width), np.empty((width, width))
    mean[rest], mean[own] = at.mean, at.offset - gain @ at.mean
    pulled = gain @ at.covariance
    covariance[np.ix_(rest, rest)] = at.covariance
    covariance[np.ix_(own, rest)] = -pulled
    covariance[np.ix_(rest, own)] = -pulled.T
    covariance[np.ix_(own, own)] = (gain @ pulled.T).T + np.diag(1.0 / at.precision)
    by_name = dict(zip(problem.sd_names, at.theta.sd, strict=True))
    sd = np.array([by_name[other.sd] for other in design.blocks if other.sd])
    return replace(
        at, theta=replace(at.theta, sd=sd), mean=mean, covariance=covariance, precision=np.zeros(0)
    )


def _linearised(problem: Problem, at: Conditional) -> Cells:
    """Return cells whose Gaussian likelihood is near the problem's own about the coefficients."""
    cells = problem.design.cells
    eta = design_at(problem, at.theta.recency) @ at.mean
    if cells.counts is None:
        s2 = cells.v + at.theta.residual[cells.level] ** 2
        distance = (cells.n * (cells.mean - eta) ** 2 + cells.ss) / s2
        weight = (TYPICAL_NU + 1.0 + cells.df) / (TYPICAL_NU + distance)
        return replace(cells, n=cells.n * weight, ss=cells.ss * weight)
    p = expit(_near(eta))
    information = cells.counts.trials * p * (1.0 - p)
    surprise = cells.counts.successes - cells.counts.trials * p
    return replace(cells, mean=_near(eta) + surprise / information, v=1.0 / information)


def log_precisions(problem: Problem, at: Conditional) -> tuple[Floats, Floats]:
    """Return what a beta-binomial's data tell of the log precision of each residual level, on a grid.

    Parameters
    ----------
    problem, at
        As `stand_in` returns them; the linear predictor is held at `at`.

    Returns
    -------
    centre, told : array (L,)
        The mean under a wide normal, and the precision that the data add to that normal's.
    """
    cells = problem.design.cells
    assert cells.counts is not None
    k, n = cells.counts.successes, cells.counts.trials
    p = expit(_near(design_at(problem, at.theta.recency) @ at.mean))
    levels = len(at.theta.residual)
    density = np.empty((len(GRID), levels))
    for i, log_phi in enumerate(GRID):
        right, wrong = np.exp(log_phi) * p, np.exp(log_phi) * (1.0 - p)
        value = betaln(k + right, n - k + wrong) - betaln(right, wrong)
        density[i] = np.bincount(cells.level, value, levels)
    density -= 0.5 * ((GRID[:, None] - GRID.mean()) / WIDE) ** 2
    weight = np.exp(density - density.max(axis=0))
    weight /= weight.sum(axis=0)
    centre = GRID @ weight
    variance = np.sum(weight * (GRID[:, None] - centre) ** 2, axis=0)
    return centre, np.maximum(1.0 / np.maximum(variance, GRID_STEP**2) - 1.0 / WIDE**2, 0.0)


def _near(eta: Floats) -> Floats:
    return np.clip(eta, -FARTHEST, FARTHEST)
