"""Independent draws from a density of few dimensions: a proposal that is fitted, weighed and accepted.

The proposal follows the log density along each axis of the whitened space, on either side of the mode: one
dimension at a time it has the target's own skewness and tails. A share of wide Student-t draws keeps the
weights bounded. Draws from it are weighed, and their weighted means and covariances give better axes, from
which the final draws come. These are turned into Markov chains by independence Metropolis-Hastings: a chain
stays where the next draw's weight is too small beside that of its own. The chains have the exact target,
and their effective sample sizes and R-hat are what they are for any sampler; Pareto's k-hat of the weights
says whether the proposal covers the target.

References: Geweke (1989), Econometrica 57, on proposals that differ on either side of the mode; Vehtari et
al. (2024), Journal of Machine Learning Research 25, on Pareto-smoothed weights; Kessy et al. (2018), The
American Statistician 72, on whitening that keeps to the coordinates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from arviz_stats.base.array import array_stats
from numpy.typing import NDArray
from scipy import linalg
from scipy.interpolate import CubicSpline
from scipy.special import gammaln, logsumexp

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
LogDensity = Callable[[Floats], Floats]

PROBES = np.array([1.0, 2.0, 3.5, 6.0])
"""Standard deviations from the mode at which the density is measured, on either side."""
KNOTS = np.linspace(-8.0, 8.0, 129)
"""Between these the logarithm of the proposal's density is linear."""
SLOWEST = 0.35
"""Beyond the knots it falls like exp(-SLOWEST |z|): the left tail of a log sd of which the data say little is
exp(u), and no proposal may fall faster than its target."""
EASED = 0.8
"""Between the probes and the knots it falls as between the last two probes, times this."""
WIDE_SHARE, WIDE, FREEDOM = 0.05, 1.5, 5.0
"""Share of the wide Student-t draws, their scale, and their degrees of freedom (one more a dimension)."""


@dataclass(frozen=True)
class Proposal:
    """Independent one-dimensional densities along axes, beside a wide Student-t.

    Attributes
    ----------
    centre : array (D,)
    axes : array (D, D)
        Columns: directions times their standard deviations.
    log_knots : array (D, 129)
        Log densities of each dimension at `KNOTS`, normalised.
    """

    centre: Floats
    axes: Floats
    log_knots: Floats

    def draw(self, count: int, rng: np.random.Generator) -> Floats:
        """Draw vectors (D, count)."""
        size = len(self.centre)
        z = np.array([_drawn(own, rng.random(count)) for own in self.log_knots])
        wide = rng.random(count) < WIDE_SHARE
        radius = np.sqrt(rng.chisquare(FREEDOM + size, count) / (FREEDOM + size))
        z = np.where(wide, WIDE * rng.standard_normal((size, count)) / radius, z)
        return self.centre[:, None] + self.axes @ z

    def log_density(self, u: Floats) -> Floats:
        """Return the log density of vectors (D, B)."""
        z = linalg.solve(self.axes, u - self.centre[:, None])
        own = np.sum([_at(table, z[i]) for i, table in enumerate(self.log_knots)], axis=0)
        wide = _student(np.sum(z**2, axis=0) / WIDE**2, len(z)) - len(z) * np.log(WIDE)
        both = np.array([own + np.log(1.0 - WIDE_SHARE), wide + np.log(WIDE_SHARE)])
        return logsumexp(both, axis=0) - np.linalg.slogdet(self.axes)[1]


def fitted(log_density: LogDensity, centre: Floats, axes: Floats) -> Proposal:
    """Measure the log density along axes through a centre, and return the proposal that follows it."""
    size, many = len(centre), len(PROBES)
    at = np.concatenate([-PROBES[::-1], PROBES])
    points = centre[:, None] + (axes[:, :, None] * at).reshape(size, -1)
    values = log_density(np.column_stack([centre, points]))
    along = values[1:].reshape(size, -1) - values[0]
    along = np.maximum(along, -200.0)
    z = np.concatenate([at[:many], [0.0], at[many:]])
    curves = np.insert(along, many, 0.0, axis=1)
    log_knots = np.array([_table(z, curve) for curve in curves])
    return Proposal(centre, axes, log_knots)


def _table(z: Floats, curve: Floats) -> Floats:
    """Interpolate a log density, let it fall on beyond the probes, and normalise it."""
    inside = np.abs(KNOTS) <= z[-1]
    log_knots = np.empty(len(KNOTS))
    log_knots[inside] = CubicSpline(z, curve)(KNOTS[inside])
    last, first = EASED * np.diff(curve)[[-1, 0]] / np.diff(z)[[-1, 0]]
    above, below = KNOTS > z[-1], z[0] > KNOTS
    log_knots[above] = curve[-1] + np.clip(last, -2.0, -SLOWEST) * (KNOTS[above] - z[-1])
    log_knots[below] = curve[0] + np.clip(first, SLOWEST, 2.0) * (KNOTS[below] - z[0])
    return log_knots - logsumexp(_log_masses(log_knots))


def _log_masses(log_knots: Floats) -> Floats:
    """Return the log integral of each segment, (128,), and of the two tails, first and last."""
    low, high = log_knots[:-1], log_knots[1:]
    slope = high - low
    flat = np.abs(slope) < 1e-9
    safe = np.where(flat, 1.0, slope)
    inner = np.maximum(low, high) + np.log(-np.expm1(-np.abs(safe)) / np.abs(safe))
    inner = np.where(flat, low, inner) + np.log(KNOTS[1] - KNOTS[0])
    tails = log_knots[[0, -1]] - np.log(SLOWEST)
    return np.concatenate([tails[:1], inner, tails[1:]])


def _drawn(log_knots: Floats, uniform: Floats) -> Floats:
    """Turn uniform numbers into draws from a table."""
    ends = np.cumsum(np.exp(_log_masses(log_knots)))
    part = np.minimum(np.searchsorted(ends, uniform * ends[-1], side="right"), len(ends) - 1)
    start = np.concatenate([[0.0], ends[:-1]])
    share = np.clip((uniform * ends[-1] - start[part]) / (ends - start)[part], 1e-15, 1.0 - 1e-15)
    inner = np.clip(part - 1, 0, len(KNOTS) - 2)
    slope = log_knots[inner + 1] - log_knots[inner]
    safe = np.where(np.abs(slope) < 1e-9, 1e-9, slope)
    within = np.log1p(share * np.expm1(safe)) / safe
    z = KNOTS[inner] + within * (KNOTS[1] - KNOTS[0])
    z = np.where(part == 0, KNOTS[0] + np.log(share) / SLOWEST, z)
    return np.where(part == len(ends) - 1, KNOTS[-1] - np.log1p(-share) / SLOWEST, z)


def _at(log_knots: Floats, z: Floats) -> Floats:
    inside = np.interp(z, KNOTS, log_knots)
    return inside - SLOWEST * np.maximum(np.abs(z) - KNOTS[-1], 0.0)


def _student(squared: Floats, size: int) -> Floats:
    freedom = FREEDOM + size
    constant = gammaln((freedom + size) / 2) - gammaln(freedom / 2) - size / 2 * np.log(freedom * np.pi)
    return constant - (freedom + size) / 2 * np.log1p(squared / freedom)


def weights(log_weights: Floats) -> tuple[Floats, float]:
    """Return Pareto-smoothed normalised weights, and k-hat."""
    smoothed, k = array_stats.psislw(-log_weights)
    return np.exp(np.asarray(smoothed) - logsumexp(smoothed)), float(k)


def whitened(covariance: Floats) -> Floats:
    """Return axes A with A A' = covariance that keep as near to the coordinates as they can (ZCA-cor)."""
    sd = np.sqrt(np.diag(covariance))
    values, vectors = linalg.eigh(covariance / np.outer(sd, sd))
    return sd[:, None] * (vectors * np.sqrt(np.maximum(values, 1e-12))) @ vectors.T


def moments(u: Floats, weight: Floats, first: Proposal) -> tuple[Floats, Floats]:
    """Return weighted mean and covariance of draws (D, B), the latter drawn towards that of `first`."""
    mean = u @ weight
    centred = u - mean[:, None]
    known = 1.0 / np.sum(weight**2)
    trust = known / (known + 4.0 * len(u))
    return mean, trust * (centred * weight) @ centred.T + (1.0 - trust) * first.axes @ first.axes.T


def metropolis(log_weights: Floats, rng: np.random.Generator) -> Integers:
    """Return which proposal each chain is at: (chains, draws), from log weights (chains, draws).

    A chain starts at one of its proposals, taken with probability proportional to its weight.
    """
    chains, draws = log_weights.shape
    at = np.empty((chains, draws), dtype=np.int64)
    threshold = np.log(rng.random((chains, draws)))
    for chain, own in enumerate(log_weights):
        here = int(rng.choice(draws, p=np.exp(own - logsumexp(own))))
        for i in range(draws):
            if own[i] - own[here] > threshold[chain, i]:
                here = i
            at[chain, i] = here
    return at
