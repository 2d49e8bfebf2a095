"""The linear effects integrated out: the density of the few non-linear parameters, exact and fast.

Given theta = (recency, log sds, log residual sds) the coefficients are jointly Gaussian. With the sums of
products X'WX, X'Wy and y'Wy at theta (`sufficient`), prior means mu and prior sds S of the coefficients,

    M = I + S X'WX S        h = S X'W (y - X mu)
    log p(data | theta) = -1/2 [ sum of count log s2 + (y - X mu)' W (y - X mu) - h' M^-1 h + log |M| ]
    coefficients | theta, data ~ mu + S Normal(M^-1 h, M^-1)

A flat prior has no part in I. No cost depends on the number of rows. The gradient follows from Fisher's
identity: it is the expectation, over the coefficients given theta, of the gradient of the complete log
density, and needs the entries of M^-1 on the pattern of M only (`elimination.inverse`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from taskorder.inference.engines import elimination
from taskorder.inference.engines.elimination import Factor, Plan
from taskorder.inference.engines.parameters import sd_names
from taskorder.inference.engines.sufficient import Sufficient, step_pairs, sufficient
from taskorder.inference.engines.theta import Coordinates, Theta, coordinates
from taskorder.inference.layout.design import Design
from taskorder.inference.priors import spread
from taskorder.inference.spec import ModelSpec

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

AT_ONCE, LANES, MOST = 400_000, 8, 4_000_000
"""Numbers of one array that are held while several points are evaluated together; so many points together are
faster even where that takes more of them, up to the last."""

STRIDE, LEAST_TOLD = 4.0, 0.5
"""The largest factor by which an sd settles at once; of how many coefficients or replicates it takes to."""


@dataclass(frozen=True)
class Settled:
    """The sds that agree with the coefficients at some theta.

    Attributes
    ----------
    sd : array (G,)
        Of the groups.
    residual : array (L,)
        Of the residual levels.
    told : array (G,)
        How many of a group's coefficients the data tell.
    left : array (L,)
        How many of a level's replicates are not used up by coefficients.
    """

    sd: Floats
    residual: Floats
    told: Floats
    left: Floats


@dataclass(frozen=True)
class Density:
    """The marginal density of theta, and the coefficients given theta.

    Attributes
    ----------
    sums : Sufficient
        All that is kept of the data.
    order : Plan
        How the coefficients are eliminated.
    coordinates : Coordinates
        What the vector of theta holds.
    sd_of : array (P,) of int
        Which group's sd a coefficient has; -1 for fixed terms.
    mean, scale : array (P,)
        Prior mean and sd of fixed terms; 0 and 1 for the others.
    proper : array (P,)
        0 where the prior is flat, else 1.
    by_mean : sparse array (P, E)
        Multiplies entries of X'WX by the prior means.
    """

    sums: Sufficient
    order: Plan
    coordinates: Coordinates
    sd_of: Integers
    mean: Floats
    scale: Floats
    proper: Floats
    by_mean: sparse.csr_array

    def less(self, other: Sufficient) -> Density:
        """Return the density without the data that `other` sums up."""
        return replace(self, sums=self.sums.less(other))

    def log_density(self, u: Floats) -> Floats:
        """Return the log posterior density, up to a constant, of vectors (D, B): (B,)."""
        found = [self._log_likelihood(theta, factor) for theta, factor in self.evaluated(u)]
        return np.concatenate(found) + self.coordinates.log_prior(u)

    def log_likelihood(self, u: Floats) -> Floats:
        """Return log p(data | theta) of vectors (D, B), but for a constant of the rows: (B,)."""
        return np.concatenate([self._log_likelihood(theta, factor) for theta, factor in self.evaluated(u)])

    def drawn(self, u: Floats, rng: np.random.Generator, times: int = 1) -> tuple[Floats, Floats]:
        """Return the log density (B,) at vectors (D, B), and coefficients (P, times B) drawn at each.

        The second draws of all vectors follow the first ones.
        """
        values: list[Floats] = []
        draws: list[Floats] = []
        for theta, factor in self.evaluated(u):
            values.append(self._log_likelihood(theta, factor))
            draws.append(self.prior_sd(theta)[:, None] * elimination.drawn(factor, rng, times))
        every = self.mean[:, None, None] + np.concatenate(draws, axis=2)
        return np.concatenate(values) + self.coordinates.log_prior(u), every.reshape(len(every), -1)

    def value_and_slope(self, u: Floats) -> tuple[float, Floats]:
        """Return the log posterior density at one vector (D,), and its gradient (D,)."""
        theta, factor = next(self.evaluated(u[:, None]))
        value = self._log_likelihood(theta, factor) + self.coordinates.log_prior(u[:, None])
        slope = self.coordinates.pulled_back(u[:, None], *self._slopes(theta, factor))
        return float(value[0]), (slope + self.coordinates.log_prior_slope(u[:, None]))[:, 0]

    def coefficients(self, u: Floats) -> tuple[Floats, Floats]:
        """Return the mean (P,) of the coefficients given one vector (D,), and their variances (P,)."""
        theta, factor = next(self.evaluated(u[:, None]))
        sd = self.prior_sd(theta)[:, 0]
        variance = elimination.inverse(factor)[self.order.diagonal]
        return self.mean + sd * elimination.means(factor)[:, 0], sd**2 * variance

    def evaluated(self, u: Floats) -> Iterator[tuple[Theta, Factor]]:
        """Yield theta and the eliminated system of vectors (D, B), as many together as memory likes."""
        dense = max((len(front.within) + 1 for front in self.order.fronts), default=0)
        size = max(len(self.order.left), dense**2, self.sums.gram.shape[1])
        together = max(1, AT_ONCE // size, min(LANES, MOST // size))
        for start in range(0, u.shape[1], together):
            theta = self.coordinates.unpack(u[:, start : start + together])
            yield theta, self._factor(theta)

    def _factor(self, theta: Theta) -> Factor:
        sums = self.sums
        omega, weight = 1.0 / self.variance(theta), self.weights(theta)
        entries = sums.gram @ _by_pair(omega, weight)
        score = sums.score @ _by_step(omega, weight)
        square = sums.square @ omega
        if self.by_mean.nnz:
            predicted = self.by_mean @ entries
            square = square - self.mean @ (2.0 * score - predicted)
            score = score - predicted
        sd = self.prior_sd(theta)
        return elimination.factor(self.order, entries, sd, self.proper, score * sd, square)

    def _log_likelihood(self, theta: Theta, factor: Factor) -> Floats:
        spread = self.sums.count @ np.log(self.variance(theta))
        return -0.5 * (spread + factor.misfit + factor.log_determinant)

    def left_over(self, u: Floats) -> Floats:
        """Return how many replicates of each residual level (L,) are not used up by coefficients, at (D,)."""
        theta, factor = next(self.evaluated(u[:, None]))
        return self._left_over(theta, elimination.inverse(factor))

    def _left_over(self, theta: Theta, inverse: Floats) -> Floats:
        trace, _ = self._sums_of(theta, inverse, np.zeros(self.sums.width))
        left = self.sums.count - trace @ self._pair_weights(theta) / self.variance(theta)[:, 0]
        return np.maximum(self._by_residual_level(theta, left), 0.0)

    def _by_residual_level(self, theta: Theta, values: Floats) -> Floats:
        """Add up values of noise groups (G,), each in the share of its variance that is residual: (L,)."""
        share = theta.residual[self.sums.level, 0] ** 2 / self.variance(theta)[:, 0]
        return np.bincount(self.sums.level, share * values, len(theta.residual))

    def settled(self, u: Floats) -> Settled:
        """Return the sds that agree with the coefficients at one vector (D,), and what tells of each.

        A group's coefficients, of which g = levels - sum of posterior over prior variances are told by the
        data, have the variance (sum of their squared means) / g; residuals likewise (MacKay 1992, Neural
        Computation 4, 415-447). Priors of the sds have no part in it.
        """
        theta, factor = next(self.evaluated(u[:, None]))
        standard, inverse = elimination.means(factor)[:, 0], elimination.inverse(factor)
        grouped = self.sd_of >= 0
        told = np.bincount(self.sd_of[grouped], (1.0 - inverse[self.order.diagonal])[grouped], len(theta.sd))
        squares = np.bincount(self.sd_of[grouped], standard[grouped] ** 2, len(theta.sd))
        b = self.mean + self.prior_sd(theta)[:, 0] * standard
        square, linear = self._sums_of(theta, np.zeros_like(inverse), b)
        misfit = self.sums.square + square @ self._pair_weights(theta)
        misfit = misfit - 2.0 * linear @ self.weights(theta)[:, 0]
        left = self._left_over(theta, inverse)
        squares_left = self._by_residual_level(theta, misfit / self.variance(theta)[:, 0])
        return Settled(
            sd=theta.sd[:, 0] * _ratio(squares, told),
            residual=theta.residual[:, 0] * _ratio(squares_left, left),
            told=told,
            left=left,
        )

    def _slopes(self, theta: Theta, factor: Factor) -> tuple[Floats, Floats, Floats]:
        """Return the derivatives by recency (1,), log sds (G, 1) and log residual sds (L, 1) at one point."""
        sums = self.sums
        standard, inverse = elimination.means(factor)[:, 0], elimination.inverse(factor)
        trace, linear = self._sums_of(theta, inverse, self.mean + self.prior_sd(theta)[:, 0] * standard)
        variance, weight = self.variance(theta)[:, 0], self.weights(theta)[:, 0]
        pair_weight, pairs = self._pair_weights(theta), np.array(step_pairs(sums.steps))
        expected = sums.square + trace @ pair_weight - 2.0 * linear @ weight
        by_residual = self._by_residual_level(theta, expected / variance - sums.count)
        by_weight = trace @ (pairs.sum(axis=1) * pair_weight)
        by_weight = by_weight - 2.0 * linear @ (np.arange(sums.steps) * weight)
        squared = standard**2 + inverse[self.order.diagonal] - 1.0
        grouped = self.sd_of >= 0
        by_sd = np.bincount(self.sd_of[grouped], squared[grouped], len(theta.sd))
        by_recency = 0.5 * np.sum(by_weight / variance, keepdims=True)
        return by_recency, by_sd[:, None], by_residual[:, None]

    def _sums_of(self, theta: Theta, inverse: Floats, b: Floats) -> tuple[Floats, Floats]:
        """Return tr(A E[b b']) for each component A of X'WX, (G, pairs), and b' X'Wy likewise, (G, S).

        The coefficients have the mean b, and their covariance from the inverse of M.
        """
        sums = self.sums
        i, j = sums.left, sums.right
        sd = self.prior_sd(theta)[:, 0]
        moment = inverse[self.order.given] * sd[i] * sd[j] + b[i] * b[j]
        groups = len(sums.count)
        trace = sums.gram.T @ np.where(i == j, moment, 2.0 * moment)
        return trace.reshape(groups, -1), (sums.score.T @ b).reshape(groups, -1)

    def _pair_weights(self, theta: Theta) -> Floats:
        weight, pairs = self.weights(theta)[:, 0], np.array(step_pairs(self.sums.steps))
        return weight[pairs[:, 0]] * weight[pairs[:, 1]]

    def variance(self, theta: Theta) -> Floats:
        """Return the variance of one replicate of each noise group, (G, B)."""
        return self.sums.variance[:, None] + theta.residual[self.sums.level] ** 2

    def weights(self, theta: Theta) -> Floats:
        """Return the weights of stages that stand 0, 1, ... steps back, (S, B)."""
        return np.exp(-theta.recency * np.arange(self.sums.steps)[:, None])

    def prior_sd(self, theta: Theta) -> Floats:
        """Return the prior sds of the coefficients, (P, B); 1 where the prior is flat."""
        sd = np.vstack([theta.sd, np.ones((1, theta.sd.shape[1]))])
        return sd[self.sd_of] * self.scale[:, None]


def _ratio(squares: Floats, number: Floats) -> Floats:
    """Return the root of what each is worth; within `STRIDE`, and one where there is next to nothing."""
    ratio = np.sqrt(np.maximum(squares, 0.0) / np.maximum(number, LEAST_TOLD))
    return np.where(number > LEAST_TOLD, np.clip(ratio, 1.0 / STRIDE, STRIDE), 1.0)


def _by_pair(omega: Floats, weight: Floats) -> Floats:
    pairs = np.array(step_pairs(len(weight)))
    both = weight[pairs[:, 0]] * weight[pairs[:, 1]]
    return (omega[:, None] * both).reshape(-1, omega.shape[1])


def _by_step(omega: Floats, weight: Floats) -> Floats:
    return (omega[:, None] * weight).reshape(-1, omega.shape[1])


def density(design: Design, spec: ModelSpec) -> Density:
    """Sum a design up, and plan how its coefficients are eliminated.

    A fixed term's prior that is neither Normal nor Flat is stood in for by a Normal of its width: that is
    good enough to find the mode for `nuts`, and `fitting.choose` sees to it that `collapsed` is not used
    then.
    """
    shift = _level(design)
    sums = sufficient(design, shift)
    names = sd_names(design.blocks)
    width = sums.width
    sd_of = np.full(width, -1, dtype=np.int64)
    mean, scale, proper = np.zeros(width), np.ones(width), np.ones(width)
    for block in design.blocks:
        if block.prior is None:
            sd_of[block.columns] = names.index(block.sd)
        elif block.prior.dist == "Flat":
            proper[block.columns] = 0.0
        else:
            middle, scale[block.columns] = spread(block.prior)
            mean[block.columns] = middle - (shift if block.name == "1" else 0.0)
    groups = [np.arange(block.start, block.stop) for block in design.blocks if block.labels]
    return Density(
        sums=sums,
        order=elimination.plan(sums.left, sums.right, groups),
        coordinates=coordinates(design, spec),
        sd_of=sd_of,
        mean=mean,
        scale=scale,
        proper=proper,
        by_mean=_by_mean(sums, mean),
    )


def _level(design: Design) -> float:
    """Return what is taken off the outcome: its mean, where the model has an intercept to give it back to."""
    if "1" not in {block.name for block in design.blocks}:
        return 0.0
    return float(np.average(design.cells.mean, weights=design.cells.n))


def _by_mean(sums: Sufficient, mean: Floats) -> sparse.csr_array:
    entry = np.arange(len(sums.left))
    off = sums.left != sums.right
    rows = np.concatenate([sums.left, sums.right[off]])
    columns = np.concatenate([entry, entry[off]])
    values = np.concatenate([mean[sums.right], mean[sums.left][off]])
    found = sparse.csr_array((values, (rows, columns)), shape=(sums.width, len(entry)))
    found.eliminate_zeros()
    return found
