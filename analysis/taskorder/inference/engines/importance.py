"""Independent draws from a density of few dimensions: a proposal that is fitted, weighed and resampled.

The proposal lives in coordinates z that are near independent standard ones (`Frame`), and follows the log
density along each of them, on either side of the mode: one dimension at a time it has the target's own
skewness and tails. Two more shares of the draws keep the weights bounded: the same slices at a higher
temperature, for many coordinates that stray at once, and a wide Student-t, for few that lie along a bent
ridge. Where these draws are not enough, more are made from a proposal that has learned from their weights
(`learned`), and those that taught it are dropped: by what they taught, the heavy ones would seem light. The
weighted draws are resampled: each stands as often as its Pareto-smoothed weight asks for, its copies next
to each other, so that effective sample sizes and R-hat count a heavy draw for what it is, one; Pareto's k-hat
of the weights says whether the proposal covers the target.

References: Geweke (1989), Econometrica 57, on proposals that differ on either side of the mode; Cappé,
Guillin, Marin and Robert (2004), Journal of Computational and Graphical Statistics 13, on proposals that
learn from their draws; Kitagawa (1996), Journal of Computational and Graphical Statistics 5, on systematic
resampling; Vehtari et al. (2024), Journal of Machine Learning Research 25, on Pareto-smoothed weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from arviz_stats.base.array import array_stats
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp

from taskorder.inference.diagnostics import MAX_PARETO_K
from taskorder.inference.engines.slices import PROBES, Slice, through

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
LogDensity = Callable[[Floats], Floats]

DROP = 8.0
"""On either side of the mode a coordinate's scale is where the log density has dropped by so much."""
LOWEST = -200.0
"""Log densities below the mode's by more are not told apart."""
NEARLY_NORMAL = 0.3
"""By how much of itself a drop at that scale may differ from a normal one; from 0.338 on a quartic turns."""
SEARCHES = 3
"""Times that a scale is mended where it differs by more."""
MOST_TOLD = 2.0
"""Log of the variance, in units of that at the mode, from which on it tells no more."""
FLAT, FEWEST = 3.0, 25
HOT_SHARE, HOTTEST, LOST = 0.25, 0.5, 5.0
"""Share of the draws from heated slices. Their log density is multiplied by exp(-LOST / dimensions), so that
at the mode they lose the same in any number of dimensions, but by no less than `HOTTEST`; in one or two
dimensions the wide draws are enough, and nothing is heated."""
WIDE_SHARE, WIDE, FREEDOM = 0.05, 1.5, 5.0
"""Share of the wide Student-t draws, their scale, and their degrees of freedom (one more a dimension)."""
SHARES, RIDGE = np.array([0.005, 0.05, 0.25, 0.5, 0.75, 0.95, 0.995]), 0.01
"""Between these quantiles what a slice lacks is taken to be linear; and what its slopes are held back by."""


@dataclass(frozen=True)
class Frame:
    """Coordinates about a mode, one after another by a Cholesky factor, the least known first.

    What a coordinate tells of later ones is in proportion to z; but as the sd whose log it is goes to zero,
    the others settle, so it tells in proportion to the variance then. To another log of a sd it always does:
    what an sd takes from the outcome's spread others do not.

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
        own, u = np.diag(self.root), np.empty_like(z)
        earlier = self.root - np.diag(own)
        variance, other = self._told(z, self.bend)
        u[self.order] = own[:, None] * z + np.where(
            self.bend[:, None] > 0.0, earlier @ variance, earlier @ other
        )
        return self.centre[:, None] + u

    def find(self, u: Floats) -> Floats:
        """Return z (D, B) of vectors u (D, B)."""
        left = (u - self.centre[:, None])[self.order]
        z, variance, other = (np.empty_like(left) for _ in range(3))
        for i in range(len(left)):
            told = variance if self.bend[i] > 0.0 else other
            z[i] = (left[i] - self.root[i, :i] @ told[:i]) / self.root[i, i]
            variance[i : i + 1], other[i : i + 1] = self._told(z[i : i + 1], self.bend[i : i + 1])
        return z

    @staticmethod
    def _told(z: Floats, bend: Floats) -> tuple[Floats, Floats]:
        """Return what coordinates (n, B) tell the logs of sds, and what they tell others."""
        rate = np.where(bend > 0.0, bend, 1.0)[:, None]
        variance = np.where(bend[:, None] > 0.0, np.expm1(np.minimum(rate * z, MOST_TOLD)) / rate, z)
        return variance, np.where(z < 0.0, variance, z)


def frame(centre: Floats, covariance: Floats, log_sds: Booleans) -> Frame:
    """Lay coordinates about a centre; `log_sds` (D,) says which of u are logs of sds."""
    order = np.argsort(-np.diag(covariance), kind="stable")
    root = np.linalg.cholesky(covariance[np.ix_(order, order)])
    return Frame(centre, order, root, np.where(log_sds[order], 2.0 * np.diag(root), 0.0))


@dataclass(frozen=True)
class Proposal:
    """Independent one-dimensional densities of z, beside the same ones heated and a wide Student-t.

    Attributes
    ----------
    frame : Frame
    slices : tuple of Slice
        One a dimension.
    """

    frame: Frame
    slices: tuple[Slice, ...]

    @cached_property
    def heated(self) -> tuple[Slice, ...]:
        """The slices at the higher temperature."""
        size = len(self.slices)
        factor = max(HOTTEST, float(np.exp(-LOST / size))) if size > 2 else 1.0
        return tuple(one.heated(factor) for one in self.slices)

    def draw(self, count: int, rng: np.random.Generator) -> Floats:
        """Draw vectors u (D, count)."""
        size, which = len(self.slices), rng.random(count)
        wide, hot = which < WIDE_SHARE, (which >= WIDE_SHARE) & (which < WIDE_SHARE + HOT_SHARE)
        radius = np.sqrt(rng.chisquare(FREEDOM + size, count) / (FREEDOM + size))
        z = np.where(hot, _drawn(self.heated, count, rng), _drawn(self.slices, count, rng))
        z = np.where(wide, WIDE * rng.standard_normal((size, count)) / radius, z)
        return self.frame.place(z)

    def log_density(self, u: Floats) -> Floats:
        """Return the log density of vectors u (D, B)."""
        z = self.frame.find(u)
        size = len(z)
        wide = _student(np.sum(z**2, axis=0) / WIDE**2, size) - size * np.log(WIDE)
        parts = np.array([_at(self.slices, z), _at(self.heated, z), wide])
        shares = np.array([1.0 - HOT_SHARE - WIDE_SHARE, HOT_SHARE, WIDE_SHARE])
        return logsumexp(parts + np.log(shares)[:, None], axis=0) - np.sum(np.log(np.diag(self.frame.root)))


def _drawn(slices: Sequence[Slice], count: int, rng: np.random.Generator) -> Floats:
    return np.array([one.drawn(rng.random(count)) for one in slices]).reshape(len(slices), count)


def _at(slices: Sequence[Slice], z: Floats) -> Floats:
    return sum((one.at(values) for one, values in zip(slices, z, strict=True)), np.zeros(z.shape[1]))


def fitted(log_density: LogDensity, about: Frame) -> Proposal:
    """Measure the log density along each coordinate, and return the proposal that follows it.

    Where it drops nearly as a normal one on both sides, two points of a coordinate tell the rest.
    """
    size = len(about.centre)
    highest = log_density(about.place(np.zeros((size, 1))))[0]

    def drops(which: Integers, at: Floats) -> Floats:
        """Return how far the log density drops at distances (n, 2, m) below and above n coordinates' mode."""
        signed = at * np.array([-1.0, 1.0])[:, None]
        z = np.eye(size)[:, which, None] * signed.reshape(1, len(which), -1)
        lower = log_density(about.place(z.reshape(size, -1)))
        return np.clip(highest - lower, 0.0, -LOWEST).reshape(at.shape)

    scale = np.full((size, 2, 1), np.sqrt(2.0 * DROP))
    found = drops(np.arange(size), scale)
    measured = _quartic(scale * PROBES, scale, found)
    bent = np.flatnonzero((np.abs(found / DROP - 1.0) > NEARLY_NORMAL).any(axis=(1, 2)))
    if len(bent):
        scale[bent] = _mended(scale[bent], found[bent])
        for _ in range(SEARCHES - 1):
            scale[bent] = _mended(scale[bent], drops(bent, scale[bent]))
        measured[bent] = drops(bent, scale[bent] * PROBES)
    return Proposal(about, tuple(through(scale[i, :, 0], measured[i]) for i in range(size)))


def _mended(scale: Floats, drops: Floats) -> Floats:
    """Bring distances from the mode nearer to where the log density has dropped by `DROP`."""
    return scale * np.clip(np.sqrt(DROP / np.maximum(drops, 1e-3)), 0.2, 4.0)


def _quartic(at: Floats, scale: Floats, drops: Floats) -> Floats:
    """Return the drops at distances (D, 2, n) along z^2 / 2 + a z^3 + b z^4, through those at a scale."""
    below, above = (drops / scale**2 - 0.5).transpose(1, 0, 2)[:, :, None]
    a, b = (above - below) / (2.0 * scale), (above + below) / (2.0 * scale**2)
    signed = at * np.array([-1.0, 1.0])[:, None]
    return np.maximum(signed**2 / 2 + a * signed**3 + b * signed**4, 0.0)


def learned(proposal: Proposal, u: Floats, value: Floats, weight: Floats) -> Proposal:
    """Return a proposal nearer to a density than the one whose draws were weighed.

    The slices were measured at the mode of all other coordinates, where the density is narrower than on
    average. What its logarithm is above theirs is fitted by a sum of functions of one coordinate each, linear
    between quantiles of the weighted draws and constant beyond; each slice rises by its own.

    Parameters
    ----------
    u : array (D, N)
        Draws of any proposals with the same frame.
    value, weight : array (N,)
        The log density at each, and its weight.
    """
    finite = np.isfinite(value)
    z, weight = proposal.frame.find(u[:, finite]), weight[finite] / weight[finite].sum()
    above = value[finite] - _at(proposal.slices, z)
    knots = np.array([_quantiles(own, weight) for own in z])
    parts = np.concatenate([_steps(own, at) for own, at in zip(z, knots, strict=True)])
    parts -= (parts @ weight)[:, None]
    weighed = parts * weight
    slopes = np.linalg.solve(weighed @ parts.T + RIDGE * np.eye(len(parts)), weighed @ above)
    fits = zip(proposal.slices, knots, slopes.reshape(len(z), -1), strict=True)
    return replace(proposal, slices=tuple(one.raised(by @ _steps(one.knots, at)) for one, at, by in fits))


def _quantiles(values: Floats, weight: Floats) -> Floats:
    """Return the weighted quantiles, the outer ones no further in than those without weights: (7,)."""
    order = np.argsort(values)
    knots = np.interp(SHARES, np.cumsum(weight[order]), values[order])
    low, high = np.quantile(values, SHARES[[0, -1]])
    return np.concatenate([[min(knots[0], low)], knots[1:-1], [max(knots[-1], high)]])


def _steps(values: Floats, knots: Floats) -> Floats:
    """Return how far values (N,) have come between each two knots, (6, N)."""
    return np.array([np.clip(values, a, b) - a for a, b in pairwise(knots)])


def _student(squared: Floats, size: int) -> Floats:
    freedom = FREEDOM + size
    constant = gammaln((freedom + size) / 2) - gammaln(freedom / 2) - size / 2 * np.log(freedom * np.pi)
    return constant - (freedom + size) / 2 * np.log1p(squared / freedom)


def weights(log_weights: Floats) -> tuple[Floats, float]:
    """Return Pareto-smoothed normalised weights, and k-hat.

    Weights none of which is above `FLAT` times the typical one have no tail whose shape k-hat could measure:
    they are used as they are, and k-hat is 0, the shape of a bounded tail at most. Where fewer than `FEWEST`
    are finite they tell nothing, and k-hat is infinite.
    """
    finite = np.isfinite(log_weights)
    told = log_weights[finite]
    if len(told) < FEWEST:
        return np.full(len(log_weights), 1.0 / len(log_weights)), np.inf
    smoothed, k = told, 0.0
    if np.max(told) - np.median(told) >= np.log(FLAT):
        smoothed, k = array_stats.psislw(-told)
    weight = np.zeros(len(log_weights))
    weight[finite] = np.exp(np.asarray(smoothed) - logsumexp(smoothed))
    return weight, float(k)


def largest_k(draws: int) -> float:
    """Return the Pareto k-hat below which a mean over so many weighted draws can be relied on.

    Reference: Vehtari et al. (2024), Journal of Machine Learning Research 25.
    """
    return min(1.0 - 1.0 / np.log10(draws), MAX_PARETO_K)


def resampled(weights: Floats, draws: int, rng: np.random.Generator) -> Integers:
    """Return which draws stand for the target, (draws,), ascending: each as often as its weight asks.

    Systematic resampling: the number of copies is within one of `draws` times the weight.
    """
    ends = np.cumsum(weights)
    ticks = (np.arange(draws) + rng.random()) / draws
    return np.minimum(np.searchsorted(ends, ticks * ends[-1], side="right"), len(weights) - 1)
