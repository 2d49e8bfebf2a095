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
        return float(value[0]), self._slope(u[:, None], theta, factor)[:, 0]

    def slopes(self, u: Floats) -> Floats:
        """Return the gradients of the log posterior density at vectors (D, B): (D, B)."""
        found = [np.zeros((len(u), 0))]
        for theta, factor in self.evaluated(u):
            start = sum(part.shape[1] for part in found)
            found.append(self._slope(u[:, start : start + len(factor.misfit)], theta, factor))
        return np.concatenate(found, axis=1)

    def _slope(self, u: Floats, theta: Theta, factor: Factor) -> Floats:
        by_u = self.coordinates.pulled_back(u, *self._slopes(theta, factor))
        return by_u + self.coordinates.log_prior_slope(u)

    def coefficients(self, u: Floats) -> tuple[Floats, Floats]:
        """Return the mean (P,) of the coefficients given one vector (D,), and their variances (P,)."""
        theta, factor = next(self.evaluated(u[:, None]))
        sd = self.prior_sd(theta)[:, 0]
        variance = elimination.inverse(factor)[self.order.diagonal, 0]
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
        trace, _ = self._sums_of(theta, inverse, np.zeros((self.sums.width, 1)))
        used = _over(trace, self._pair_weights(theta)) / self.variance(theta)
        left = self._by_residual_level(theta, self.sums.count[:, None] - used)
        return np.maximum(left[:, 0], 0.0)

    def _by_residual_level(self, theta: Theta, values: Floats) -> Floats:
        """Add up values of noise groups (G, B), in the share of their variance that is residual: (L, B)."""
        share = theta.residual[self.sums.level] ** 2 / self.variance(theta)
        return _added(self.sums.level, share * values, len(theta.residual))

    def settled(self, u: Floats) -> Settled:
        """Return the sds that agree with the coefficients at one vector (D,), and what tells of each.

        A group's coefficients, of which g = levels - sum of posterior over prior variances are told by the
        data, have the variance (sum of their squared means) / g; residuals likewise (MacKay 1992, Neural
        Computation 4, 415-447). Priors of the sds have no part in it.
        """
        theta, factor = next(self.evaluated(u[:, None]))
        standard, inverse = elimination.means(factor), elimination.inverse(factor)
        told = self._by_group(theta, 1.0 - inverse[self.order.diagonal])[:, 0]
        squares = self._by_group(theta, standard**2)[:, 0]
        b = self.mean[:, None] + self.prior_sd(theta) * standard
        misfit = self._misfit(theta, *self._sums_of(theta, np.zeros_like(inverse), b))
        left = self._left_over(theta, inverse)
        squares_left = self._by_residual_level(theta, misfit / self.variance(theta))[:, 0]
        return Settled(
            sd=theta.sd[:, 0] * _ratio(squares, told),
            residual=theta.residual[:, 0] * _ratio(squares_left, left),
            told=told,
            left=left,
        )

    def _by_group(self, theta: Theta, values: Floats) -> Floats:
        """Add up values of coefficients (P, B) that have an sd: (sds, B)."""
        grouped = self.sd_of >= 0
        return _added(self.sd_of[grouped], values[grouped], len(theta.sd))

    def _slopes(self, theta: Theta, factor: Factor) -> tuple[Floats, Floats, Floats]:
        """Return the derivatives by recency (B,), log sds (G, B) and log residual sds (L, B)."""
        sums = self.sums
        standard, inverse = elimination.means(factor), elimination.inverse(factor)
        means = self.mean[:, None] + self.prior_sd(theta) * standard
        trace, linear = self._sums_of(theta, inverse, means)
        variance, weight = self.variance(theta), self.weights(theta)
        steps_back, pairs = np.arange(sums.steps)[:, None], np.array(step_pairs(sums.steps))
        by_pair = pairs.sum(axis=1)[:, None] * self._pair_weights(theta)
        by_weight = _over(trace, by_pair) - 2.0 * _over(linear, steps_back * weight)
        misfit = self._misfit(theta, trace, linear) / variance
        return (
            0.5 * (by_weight / variance).sum(axis=0),
            self._by_group(theta, standard**2 + inverse[self.order.diagonal] - 1.0),
            self._by_residual_level(theta, misfit - sums.count[:, None]),
        )

    def _misfit(self, theta: Theta, trace: Floats, linear: Floats) -> Floats:
        """Return E[(y - X b)'(y - X b)] in each noise group, (G, B), from what `_sums_of` gives."""
        explained = 2.0 * _over(linear, self.weights(theta))
        return self.sums.square[:, None] + _over(trace, self._pair_weights(theta)) - explained

    def _sums_of(self, theta: Theta, inverse: Floats, b: Floats) -> tuple[Floats, Floats]:
        """Return tr(A E[b b']) for each component A of X'WX, (G, pairs, B), and b' X'Wy likewise, (G, S, B).

        The coefficients have the means b (P, B), and their covariance from the inverses of M.
        """
        sums = self.sums
        i, j = sums.left, sums.right
        sd = self.prior_sd(theta)
        moment = inverse[self.order.given] * sd[i] * sd[j] + b[i] * b[j]
        moment[i != j] *= 2.0
        shape = (len(sums.count), -1, b.shape[1])
        return (sums.gram.T @ moment).reshape(shape), (sums.score.T @ b).reshape(shape)

    def _pair_weights(self, theta: Theta) -> Floats:
        return _by_two(self.weights(theta))

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


def _over(sums: Floats, weight: Floats) -> Floats:
    """Return the sums (G, K, B) over K components with their weights (K, B): (G, B)."""
    return np.einsum("gkb,kb->gb", sums, weight)


def _added(place: Integers, values: Floats, size: int) -> Floats:
    """Add up rows (N, B) that have the same place: (size, B)."""
    total = np.zeros((size, values.shape[1]))
    np.add.at(total, place, values)
    return total


def _by_two(weight: Floats) -> Floats:
    """Return the product of the weights (S, B) of each pair of steps back, (pairs, B)."""
    pairs = np.array(step_pairs(len(weight)))
    return weight[pairs[:, 0]] * weight[pairs[:, 1]]


def _by_pair(omega: Floats, weight: Floats) -> Floats:
    return (omega[:, None] * _by_two(weight)).reshape(-1, omega.shape[1])


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
