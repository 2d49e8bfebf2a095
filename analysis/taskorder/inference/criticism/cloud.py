"""Draws of theta from one posterior, moved to where another one is, and weighed there.

An analysis that differs a little (a prior twice as wide, a study left out) has a posterior of nearly the
same shape at another place. With u drawn from p(u) / Z_p, the modes m of p and n of q, and S the identity,

    v = n + S (u - m)            weight = q(v) |S| / p(u)            E[weight] = Z_q / Z_p

so that a search for the mode, and one evaluation a draw, give the other posterior; no proposal has to be
fitted. Where the shape differs, S stretches it by the roots of the two curvatures. Pareto's k-hat says
whether q is covered.

Reference: Paananen, Piironen, Bürkner & Vehtari (2021), Statistics and Computing 31, 16, on draws that are
moved to match other targets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

from taskorder.inference.engines import collapsed, importance
from taskorder.inference.engines.density import Density
from taskorder.inference.engines.mode import Mode, climbed, curvature
from taskorder.inference.engines.theta import Coordinates
from taskorder.inference.layout.design import Design

Floats = NDArray[np.float64]

DRAWS = 400
EVERY, ENOUGH = 3, 100
"""Every third draw will do where these are worth so many."""
TOLERANCE = 1e-8
"""Of the log density, as a share of it: draws are moved to near a mode."""


@dataclass(frozen=True)
class Cloud:
    """Draws of theta, and where they lie.

    Attributes
    ----------
    coordinates : Coordinates
    mode : array (D,)
    covariance : array (D, D)
        By the curvature at the mode.
    u : array (D, N)
    value : array (N,)
        Their log density.
    """

    coordinates: Coordinates
    mode: Floats
    covariance: Floats
    u: Floats
    value: Floats


@dataclass(frozen=True)
class Weighted:
    """Weighted draws of one posterior.

    Attributes
    ----------
    density : Density
    u : array (D, N)
        Draws of theta.
    coefficients : array (P, times N)
        Drawn at each; the second draws of all follow the first ones.
    weight : array (N,)
        Sums to one.
    pareto_k : float
    evidence : float
        Log of the density's integral.
    """

    density: Density
    u: Floats
    coefficients: Floats
    weight: Floats
    pareto_k: float
    evidence: float

    @property
    def covered(self) -> bool:
        """Whether means over the draws can be relied on."""
        return self.pareto_k < importance.largest_k(len(self.weight))

    @property
    def worth(self) -> float:
        """How many draws of equal weight these are worth; none where they cannot be relied on."""
        return 1.0 / float(np.sum(self.weight**2)) if self.covered else 0.0


def cloud(density: Density, design: Design, posterior: xr.Dataset, draws: int = DRAWS) -> Cloud:
    """Take draws of theta from a posterior that `collapsed` has sampled, evenly from its chains."""
    theta = collapsed.theta_of(design, posterior)
    u = density.coordinates.pack(theta)
    if density.coordinates.spread is not None:
        left = density.left_over(u.mean(axis=1))
        log_sd = np.log(theta.residual).mean(axis=1)
        layout = density.coordinates.measured(float(log_sd.mean()), log_sd, 2.0 * left)
        density, u = replace(density, coordinates=layout), layout.pack(theta)
    spread = np.cov(u).reshape(len(u), len(u))
    with threadpool_limits(limits=1, user_api="blas"):
        at = climbed(density, u.mean(axis=1), spread, tolerance=TOLERANCE)
        covariance = curvature(density, at)
        some = u[:, np.linspace(0, u.shape[1] - 1, min(draws, u.shape[1])).astype(int)]
        value = collapsed.bounded(density)(some)
    return Cloud(density.coordinates, at, covariance, some, value)


def moved(known: Cloud, density: Density, rng: np.random.Generator, times: int = 1) -> Weighted | None:
    """Move draws to where another density is and weigh them; None where it has other parameters.

    `evidence` is the logarithm of the ratio of the two integrals.
    """
    mine, layout = known.coordinates, density.coordinates
    if layout.size != mine.size or len(layout.told) != len(mine.told):
        return None
    there = replace(density, coordinates=layout.measured(mine.middle, mine.told, mine.information))
    at = climbed(there, known.mode, known.covariance, tolerance=TOLERANCE)
    same = np.eye(layout.size)
    found = _weighed(known, there, at, same, EVERY, rng, times)
    if found.worth >= ENOUGH:
        return found
    stretch = _root(curvature(there, at)) @ np.linalg.inv(_root(known.covariance))
    other = _weighed(known, there, at, stretch, EVERY, rng, times)
    if other.worth >= ENOUGH:
        return other
    better = same if found.pareto_k < other.pareto_k else stretch
    return _weighed(known, there, at, better, 1, rng, times)


def _root(covariance: Floats) -> Floats:
    return np.linalg.cholesky(covariance)


def _weighed(
    known: Cloud,
    there: Density,
    at: Floats,
    stretch: Floats,
    every: int,
    rng: np.random.Generator,
    times: int,
) -> Weighted:
    u = at[:, None] + stretch @ (known.u[:, ::every] - known.mode[:, None])
    inside = there.coordinates.inside(u)
    log_density, coefficients = there.drawn(u[:, inside], rng, times)
    _, log_determinant = np.linalg.slogdet(stretch)
    log_weight = log_density + float(log_determinant) - known.value[::every][inside]
    weight, k = importance.weights(log_weight)
    evidence = float(logsumexp(log_weight) - np.log(len(inside)))
    return Weighted(there, u[:, inside], coefficients, weight, k, evidence)


def proposed(start: Mode, draws: int, rng: np.random.Generator, times: int = 1) -> Weighted:
    """Draw from a proposal that is fitted about a mode, and weigh the draws.

    `evidence` is the logarithm of the integral.
    """
    proposal = collapsed.proposal_about(start)
    u = proposal.draw(draws, rng)
    log_weight = collapsed.bounded(start.density)(u) - proposal.log_density(u)
    weight, k = importance.weights(log_weight)
    evidence = float(logsumexp(log_weight) - np.log(len(log_weight)))
    _, coefficients = start.density.drawn(u[:, weight > 0], rng, times)
    return Weighted(start.density, u[:, weight > 0], coefficients, weight[weight > 0], k, evidence)
