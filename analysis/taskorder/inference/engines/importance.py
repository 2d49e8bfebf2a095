"""Independent draws from a density of few dimensions: a proposal that is fitted, weighed and accepted.

The proposal lives in coordinates z that are near independent standard ones (`Frame`), and follows the log
density along each of them, on either side of the mode: one dimension at a time it has the target's own
skewness and tails. A share of wide Student-t draws keeps the weights bounded. The weighted draws are turned
into Markov chains by independence Metropolis-Hastings: a chain stays where the next draw's weight is too
small beside that of its own. The chains have the exact target, and their effective sample sizes and R-hat
are what they are for any sampler; Pareto's k-hat of the weights says whether the proposal covers the
target.

References: Geweke (1989), Econometrica 57, on proposals that differ on either side of the mode; Vehtari et
al. (2024), Journal of Machine Learning Research 25, on Pareto-smoothed weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from arviz_stats.base.array import array_stats
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.special import gammaln, logsumexp

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
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
LOWEST = -200.0
"""Log densities below the mode's by more are not told apart."""
MOST_TOLD = 2.0
"""Log of the variance, in units of that at the mode, from which on it tells no more."""
FLAT = 3.0
WIDE_SHARE, WIDE, FREEDOM = 0.05, 1.5, 5.0
"""Share of the wide Student-t draws, their scale, and their degrees of freedom (one more a dimension)."""


@dataclass(frozen=True)
class Frame:
    """Coordinates about a mode, one after another by a Cholesky factor, the least known first.

    What a coordinate tells of later ones is in proportion to z; but if it is the log of a sd, it is in
    proportion to the variance: what an sd takes from the outcome's spread others do not, however small it
    may be itself, and as it goes to zero the others settle.

    Attributes
    ----------
    centre : array (D,)
    order : array (D,) of int
    root : array (D, D)
        Lower Cholesky factor of the covariance in that order.
    bend : array (D,)
        Twice the standard deviation of the log of an sd; 0 for other coordinates.
    """

    centre: Floats
    order: Integers
    root: Floats
    bend: Floats

    @property
    def axes(self) -> Floats:
        """The derivative of u by z at the mode, (D, D)."""
        axes = np.empty_like(self.root)
        axes[self.order] = self.root
        return axes

    def place(self, z: Floats) -> Floats:
        """Return the vectors u (D, B) of z (D, B)."""
        told = np.array([self._told(z[i], i) for i in range(len(z))]).reshape(z.shape)
        own = np.diag(self.root)
        u = np.empty_like(z)
        u[self.order] = own[:, None] * z + (self.root - np.diag(own)) @ told
        return self.centre[:, None] + u

    def find(self, u: Floats) -> Floats:
        """Return z (D, B) of vectors u (D, B)."""
        left = (u - self.centre[:, None])[self.order]
        z, told = np.empty_like(left), np.empty_like(left)
        for i in range(len(left)):
            z[i] = (left[i] - self.root[i, :i] @ told[:i]) / self.root[i, i]
            told[i] = self._told(z[i], i)
        return z

    def _told(self, z: Floats, i: int) -> Floats:
        if self.bend[i] == 0:
            return z
        return np.expm1(np.minimum(self.bend[i] * z, MOST_TOLD)) / self.bend[i]


def frame(centre: Floats, covariance: Floats, log_sds: Booleans) -> Frame:
    """Lay coordinates about a centre; `log_sds` (D,) says which of u are logs of sds."""
    order = np.argsort(-np.diag(covariance), kind="stable")
    root = np.linalg.cholesky(covariance[np.ix_(order, order)])
    return Frame(centre, order, root, np.where(log_sds[order], 2.0 * np.diag(root), 0.0))


@dataclass(frozen=True)
class Proposal:
    """Independent one-dimensional densities of z, beside a wide Student-t.

    Attributes
    ----------
    frame : Frame
    log_knots : array (D, 129)
        Log densities of each dimension at `KNOTS`, normalised.
    """

    frame: Frame
    log_knots: Floats

    def draw(self, count: int, rng: np.random.Generator) -> Floats:
        """Draw vectors u (D, count)."""
        size = len(self.log_knots)
        z = np.array([_drawn(own, rng.random(count)) for own in self.log_knots]).reshape(size, count)
        wide = rng.random(count) < WIDE_SHARE
        radius = np.sqrt(rng.chisquare(FREEDOM + size, count) / (FREEDOM + size))
        z = np.where(wide, WIDE * rng.standard_normal((size, count)) / radius, z)
        return self.frame.place(z)

    def log_density(self, u: Floats) -> Floats:
        """Return the log density of vectors u (D, B)."""
        z = self.frame.find(u)
        own = np.zeros(u.shape[1])
        for table, values in zip(self.log_knots, z, strict=True):
            own = own + _at(table, values)
        wide = _student(np.sum(z**2, axis=0) / WIDE**2, len(z)) - len(z) * np.log(WIDE)
        both = np.array([own + np.log(1.0 - WIDE_SHARE), wide + np.log(WIDE_SHARE)])
        return logsumexp(both, axis=0) - np.sum(np.log(np.diag(self.frame.root)))


def fitted(log_density: LogDensity, about: Frame) -> Proposal:
    """Measure the log density along each coordinate, and return the proposal that follows it."""
    size, many = len(about.centre), len(PROBES)
    at = np.concatenate([-PROBES[::-1], PROBES])
    points = (np.eye(size)[:, :, None] * at).reshape(size, -1)
    values = log_density(about.place(np.column_stack([np.zeros(size), points])))
    along = np.maximum(values[1:].reshape(size, -1) - values[0], LOWEST)
    z = np.concatenate([at[:many], [0.0], at[many:]])
    curves = np.insert(along, many, 0.0, axis=1)
    tables = [_table(z, curve) for curve in curves]
    return Proposal(about, np.array(tables).reshape(size, len(KNOTS)))


def _table(z: Floats, curve: Floats) -> Floats:
    """Interpolate a log density, let it fall on beyond the probes, and normalise it."""
    inside = np.abs(KNOTS) <= z[-1]
    log_knots = np.empty(len(KNOTS))
    log_knots[inside] = CubicSpline(z, curve)(KNOTS[inside])
    last, first = EASED * np.diff(curve)[[-1, 0]] / np.diff(z)[[-1, 0]]
    above, below = z[-1] < KNOTS, z[0] > KNOTS
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
    """Return Pareto-smoothed normalised weights, and k-hat.

    Weights none of which is above `FLAT` times the typical one have no tail whose shape k-hat could measure:
    they are used as they are, and k-hat is 0, the shape of a bounded tail at most.
    """
    if np.max(log_weights) - np.median(log_weights) < np.log(FLAT):
        return np.exp(log_weights - logsumexp(log_weights)), 0.0
    smoothed, k = array_stats.psislw(-log_weights)
    return np.exp(np.asarray(smoothed) - logsumexp(smoothed)), float(k)


def metropolis(log_weights: Floats, rng: np.random.Generator) -> Integers:
    """Return which proposal each chain is at: (chains, draws), from log weights (chains, draws).

    A chain starts at one of its proposals, taken with probability proportional to its weight.
    """
    chains, draws = log_weights.shape
    at = np.empty((chains, draws), dtype=np.int64)
    threshold = np.log(rng.random((chains, draws)))
    for chain, own in enumerate(log_weights):
        chance = np.exp(own - np.max(own))
        here = int(rng.choice(draws, p=chance / chance.sum()))
        for i in range(draws):
            if own[i] - own[here] > threshold[chain, i]:
                here = i
            at[chain, i] = here
    return at
