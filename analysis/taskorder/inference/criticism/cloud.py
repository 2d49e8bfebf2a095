"""Draws of theta from one posterior, moved to where another one is, and weighed there.

An analysis that differs a little (a prior twice as wide, a study left out) has a posterior of nearly the
same shape at another place. With u drawn from p(u) / Z and the shift d from the mode of p to that of q,

    weight(u) = q(u + d) / p(u)            E[weight] = Z_q / Z_p

so that a search for the mode, and one evaluation a draw, give the other posterior; no proposal has to be
fitted. Pareto's k-hat says whether it is covered.

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
from taskorder.inference.engines.mode import Mode, climbed
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
        Of the draws.
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


def cloud(density: Density, design: Design, posterior: xr.Dataset, draws: int = DRAWS) -> Cloud:
    """Take draws of theta from a posterior that `collapsed` has sampled, evenly from its chains."""
    theta = collapsed.theta_of(design, posterior)
    u = density.coordinates.pack(theta)
    if density.coordinates.spread is not None:
        left = density.left_over(u.mean(axis=1))
        log_sd = np.log(theta.residual).mean(axis=1)
        layout = density.coordinates.measured(float(log_sd.mean()), log_sd, 2.0 * left)
        density, u = replace(density, coordinates=layout), layout.pack(theta)
    covariance = np.cov(u).reshape(len(u), len(u))
    with threadpool_limits(limits=1, user_api="blas"):
        at = climbed(density, u.mean(axis=1), covariance, tolerance=TOLERANCE)
        some = u[:, np.linspace(0, u.shape[1] - 1, min(draws, u.shape[1])).astype(int)]
        value = collapsed.bounded(density)(some)
    return Cloud(density.coordinates, at, covariance, some, value)


def moved(known: Cloud, other: Density, rng: np.random.Generator, times: int = 1) -> Weighted | None:
    """Move draws to another density's mode and weigh them; None where it has other parameters.

    `evidence` is the logarithm of the ratio of the two integrals.
    """
    mine, layout = known.coordinates, other.coordinates
    if layout.size != mine.size or len(layout.told) != len(mine.told):
        return None
    there = replace(other, coordinates=layout.measured(mine.middle, mine.told, mine.information))
    at = climbed(there, known.mode, known.covariance, tolerance=TOLERANCE)
    u = known.u + (at - known.mode)[:, None]
    some = _weighed(there, u[:, ::EVERY], known.value[::EVERY], rng, times)
    enough = some.covered and np.sum(some.weight**2) < 1.0 / ENOUGH
    return some if enough else _weighed(there, u, known.value, rng, times)


def _weighed(there: Density, u: Floats, value: Floats, rng: np.random.Generator, times: int) -> Weighted:
    inside = there.coordinates.inside(u)
    u, value = u[:, inside], value[inside]
    log_density, coefficients = there.drawn(u, rng, times)
    log_weight = log_density - value
    weight, k = importance.weights(log_weight)
    evidence = float(logsumexp(log_weight) - np.log(len(inside)))
    return Weighted(there, u, coefficients, weight, k, evidence)


def proposed(start: Mode, draws: int, rng: np.random.Generator, times: int = 1) -> Weighted:
    """Draw from a proposal that is fitted about a mode, and weigh the draws."""
    proposal = collapsed.proposal_about(start)
    u = proposal.draw(draws, rng)
    log_weight = collapsed.bounded(start.density)(u) - proposal.log_density(u)
    weight, k = importance.weights(log_weight)
    evidence = float(logsumexp(log_weight) - np.log(len(log_weight)))
    _, coefficients = start.density.drawn(u[:, weight > 0], rng, times)
    return Weighted(start.density, u[:, weight > 0], coefficients, weight[weight > 0], k, evidence)
