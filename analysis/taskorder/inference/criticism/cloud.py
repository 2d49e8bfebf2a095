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

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

from taskorder.errors import FitFailed
from taskorder.inference.diagnostics import MAX_PARETO_K
from taskorder.inference.engines import collapsed, importance
from taskorder.inference.engines.density import Density
from taskorder.inference.engines.mode import Mode, climbed, curvature
from taskorder.inference.engines.theta import Coordinates
from taskorder.inference.engines.threads import THREADS, in_threads
from taskorder.inference.layout.design import Design

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

DRAWS = 400
FEWEST = 25
"""Draws at which the density must be finite for their weights to say anything."""
EVERY, ENOUGH = 3, 100
"""Every third draw will do where these are worth so many, or two of three."""
LEARNED = 2
"""Times that a proposal learns from draws that do not cover the density."""
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
    value : array (N,)
        The log density at each.
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
    value: Floats
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
    """Move draws to where another density is and weigh them.

    `evidence` is the logarithm of the ratio of the two integrals. None where the density has other
    parameters, or cannot be computed where the draws would lie.
    """
    mine, layout = known.coordinates, density.coordinates
    if layout.size != mine.size or len(layout.told) != len(mine.told):
        return None
    there = replace(density, coordinates=layout.measured(mine.middle, mine.told, mine.information))
    try:
        return _moved(known, there, rng, times)
    except (FitFailed, np.linalg.LinAlgError):
        return None


def _moved(known: Cloud, there: Density, rng: np.random.Generator, times: int) -> Weighted:
    at = climbed(there, known.mode, known.covariance, tolerance=TOLERANCE)

    def tried(stretch: Floats, draws: slice | Booleans, rng: np.random.Generator) -> _Tried:
        u = at[:, None] + stretch @ (known.u[:, draws] - known.mode[:, None])
        _, log_determinant = np.linalg.slogdet(stretch)
        return _tried(there, u, known.value[draws] - float(log_determinant), rng, times)

    same, few = np.eye(len(at)), slice(None, None, EVERY)
    shifted = tried(same, few, rng)
    found = shifted.weighed(there)
    if found.worth >= ENOUGH:
        return found
    stretch = _root(curvature(there, at)) @ np.linalg.inv(_root(known.covariance))
    stretched = tried(stretch, few, rng)
    other = stretched.weighed(there)
    if other.worth >= ENOUGH or min(found.pareto_k, other.pareto_k) > MAX_PARETO_K:
        return max(found, other, key=lambda one: one.worth)
    some, by = (shifted, same) if found.pareto_k <= other.pareto_k else (stretched, stretch)
    return some.joined(tried(by, _others(known.u.shape[1]), rng)).weighed(there)


def _others(draws: int) -> Booleans:
    """Say which draws are none of every third one."""
    return np.arange(draws) % EVERY > 0


def _root(covariance: Floats) -> Floats:
    return np.linalg.cholesky(covariance)


def proposed(start: Mode, draws: int, rng: np.random.Generator, times: int = 1) -> Weighted:
    """Draw from a proposal that is fitted about a mode, and weigh the draws: as many as it takes.

    Where they do not cover the density, or few of them count, the proposal learns from them, and as many are
    drawn anew.

    `evidence` is the logarithm of the integral.

    Raises
    ------
    FitFailed
        Where the density cannot be computed at enough of the draws.
    """
    proposal, density = collapsed.proposal_about(start), start.density
    u = proposal.draw(draws, rng)
    log_proposal = proposal.log_density(u)
    streams = rng.spawn(EVERY + LEARNED)
    thirds = (
        _tried(density, u[:, i::EVERY], log_proposal[i::EVERY], streams[i], times) for i in range(EVERY)
    )
    best = found = _enough(thirds, density)
    with suppress(FitFailed):
        for other in streams[EVERY:]:
            if found.worth >= ENOUGH or np.isinf(found.pareto_k):
                break
            proposal = importance.learned(proposal, found.u, found.value, found.weight)
            u = proposal.draw(draws, other)
            found = _tried(density, u, proposal.log_density(u), other, times).weighed(density)
            best = min(best, found, key=lambda one: (-one.worth, one.pareto_k))
    return best


@dataclass(frozen=True)
class _Tried:
    """Draws of theta at which a density was computed.

    Attributes
    ----------
    count : int
        Draws, with those at which it cannot be computed.
    u : array (D, N)
    value : array (N,)
        The log density.
    coefficients : array (P, times, N)
    log_weight : array (N,)
    """

    count: int
    u: Floats
    value: Floats
    coefficients: Floats
    log_weight: Floats

    def joined(self, other: Self) -> Self:
        """Return these draws and others."""
        names = ("u", "value", "coefficients", "log_weight")
        both = {name: np.concatenate([getattr(self, name), getattr(other, name)], axis=-1) for name in names}
        return replace(self, count=self.count + other.count, **both)

    def weighed(self, density: Density) -> Weighted:
        """Weigh the draws.

        Raises
        ------
        FitFailed
            Where there are not enough of them.
        """
        if len(self.value) < FEWEST:
            raise FitFailed("the density of the posterior cannot be computed where its draws would lie")
        weight, k = importance.weights(self.log_weight)
        evidence = float(logsumexp(self.log_weight) - np.log(self.count))
        flat = self.coefficients.reshape(len(self.coefficients), -1)
        return Weighted(density, self.u, self.value, flat, weight, k, evidence)


def _enough(parts: Iterator[_Tried], density: Density) -> Weighted:
    """Weigh draws, part by part, until they are worth `ENOUGH`, or there are no more parts."""
    tried = next(parts)
    while True:
        with suppress(FitFailed):
            if (found := tried.weighed(density)).worth >= ENOUGH:
                return found
        if (part := next(parts, None)) is None:
            return tried.weighed(density)
        tried = tried.joined(part)


def _tried(density: Density, u: Floats, log_proposal: Floats, rng: np.random.Generator, times: int) -> _Tried:
    """Compute a density at draws (D, N), where that can be done, and draw coefficients there."""
    halves = np.array_split(u, THREADS, axis=1)
    found = in_threads(
        lambda half, stream: collapsed.with_coefficients(density, half, times, stream),
        halves,
        rng.spawn(THREADS),
    )
    value, coefficients = (np.concatenate(parts, axis=-1) for parts in zip(*found, strict=True))
    here = np.isfinite(value)
    return _Tried(
        u.shape[1], u[:, here], value[here], coefficients[:, :, here], value[here] - log_proposal[here]
    )
