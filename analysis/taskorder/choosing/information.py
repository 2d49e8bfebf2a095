"""What rows to come will say of the parameters that are not linear: recency, and standard deviations.

With the coefficients integrated out, outcomes are Normal(X mu, Sigma), Sigma = X S^2 X' + R. Rows r that come
to the rows D that are there are normal given D; with m their mean and Q the inverse of their variance, their
expected information on parameters i and j of theta is (Mardia and Marshall 1984, Biometrika 71, 135-146)

    dm_i' Q dm_j + 1/2 tr(Q T'A_i T Q T'A_j T)        T = [-Sigma^-1 Sigma_Dr; I],   A = dSigma
    dm_i = (A_i T)_D' Sigma^-1 (y - X mu) + T' dX mu

for which M^-1 S X' is all that has to be solved for (M as in `engines.density`). What D says of the effects
is in y: where they turned out small, what depends on them tells little. Of runs that are chosen and not made
yet, outcomes are taken as they are expected, with their variance: that adds

    (A_i T)_E' T_c Q_c T_c' (A_j T)_E        E: the rows D and those chosen, c

to dm_i dm_j', with T_c and Q_c of the rows c given D. The parameters are recency and the logarithms of sds.
Estimands on orders go with the slopes of moderators, too, which are coefficients: given theta, rows add to
the precision of these what linear algebra says (`outlook`).

Draws of the parameters, and of slopes less their regression on the parameters, have the covariance C. If it
becomes P = (C^-1 + information)^-1, and the truth is the draw t, then the posterior of a normal model has the
covariance P, and its mean deviates from what it is now by a part of how t does, with the covariance C - P:

    d -> (C - P)^(1/2) C^(-1/2) d_t + P^(1/2) C^(-1/2) d          d: deviations of draws from their mean

So draws are moved and drawn together, about a few truths, with the information that there is at each, and the
estimand is computed of each draw. The truths are means of draws: of those with the lowest values of the
estimand, and so on to those with the highest, so that few stand for all. The variance and the width after
the rows are means over them. It is an approximation, unlike what `outlook` says of linear effects:
`benchmarks/designing.py` compares it with fits to the rows that came.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from taskorder.inference.engines.density import Density
from taskorder.inference.engines.theta import Theta
from taskorder.inference.layout.design import Design
from taskorder.inference.summary import INTERVAL

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

RIDGE = 1e-10
"""Share of its diagonal that is added to a covariance before it is inverted."""
TRUTHS = 8
"""About so many draws are drawn together."""


@dataclass(frozen=True)
class Made:
    """What is known at one theta before any run to come is made.

    Attributes
    ----------
    inverse : array (P, P)
        M^-1.
    n : array (N,)
        Replicates of each row; 0 for rows to come.
    surprise : array (N,)
        Sigma^-1 (y - X mu); 0 for rows to come.
    """

    inverse: Floats
    n: Floats
    surprise: Floats


@dataclass(frozen=True)
class Point:
    """One theta, and all rows: those that are there, then those to come.

    Attributes
    ----------
    x, slope : array (N, P)
        X S and its derivative by recency; `slope` is empty where the model has no recency.
    group : array (P,) of int
        Which group's sd a coefficient has; -1 for fixed terms.
    variance, residual : array (N,)
        Of one replicate, and the part of it that is the residual's.
    outcome : array (N,)
        Less what the prior means come to; 0 for rows to come.
    drift : array (N,)
        What the prior means come to, differentiated by recency.
    level : array (N,) of int
        Which residual sd applies.
    """

    x: Floats
    slope: Floats
    group: Integers
    variance: Floats
    residual: Floats
    outcome: Floats
    drift: Floats
    level: Integers

    @property
    def parameters(self) -> int:
        """How many parameters of theta rows tell of: recency, sds, residual sds."""
        levels = int(self.level.max()) + 1 if self.residual.any() else 0
        return bool(self.slope.size) + int(self.group.max(initial=-1)) + 1 + levels

    def made(self, n: Floats, proper: Floats) -> Made:
        """Return what the rows that are there say.

        Parameters
        ----------
        n : array (N,)
            How many replicates each row has; 0 for rows that are not there.
        proper : array (P,)
            As in `Density`.
        """
        w = n / self.variance
        matrix = np.diag(proper) + self.x.T @ (w[:, None] * self.x)
        inverse = linalg.cho_solve(linalg.cho_factor(matrix), np.eye(len(proper)))
        expected = self.x @ (inverse @ (self.x.T @ (w * self.outcome)))
        return Made(inverse, n, w * (self.outcome - expected))

    def informations(self, inverse: Floats, n: Floats, made: Made, runs: Sequence[Integers]) -> Floats:
        """Return what each of several runs would add, (runs, D, D).

        Parameters
        ----------
        inverse : array (P, P)
            M^-1 for the rows that are there, those chosen among them.
        n : array (N,)
            How many replicates each row has; 0 for rows that are not there.
        made : Made
        runs : sequence of arrays
            The rows of each run.
        """
        rows = np.concatenate(runs)
        h = inverse @ self.x[rows].T
        moved, within = self._derivatives(h, n / self.variance, n, rows)
        shifts = np.tensordot(made.surprise, moved, axes=(0, 1))
        if self.slope.size:
            shifts[0] += self.drift[rows] - h.T @ (self.x.T @ (n / self.variance * self.drift))
        open_yet = self._open(made, np.flatnonzero((n > 0) & (made.n == 0))).T @ moved
        joint = self.x[rows] @ h
        ends = np.cumsum([len(run) for run in runs])
        found: list[Floats] = []
        for stop, run in zip(ends, runs, strict=True):
            at = slice(stop - len(run), stop)
            root = np.linalg.cholesky(joint[at, at] + np.diag(self.variance[run]))
            half = linalg.solve_triangular(root, np.eye(len(run)), lower=True)
            expected = shifts[:, at] @ half.T
            varying = (open_yet[:, :, at] @ half.T).reshape(len(moved), -1)
            of_variance = (half @ within[:, at, at] @ half.T).reshape(len(moved), -1)
            found.append(expected @ expected.T + varying @ varying.T + 0.5 * of_variance @ of_variance.T)
        return np.array(found)

    def _open(self, made: Made, chosen: Integers) -> Floats:
        """Return the root of the variance of Sigma^-1 y, of which rows (c,) are not made yet: (N, c)."""
        h = made.inverse @ self.x[chosen].T
        t = -(made.n / self.variance)[:, None] * (self.x @ h)
        t[chosen, np.arange(len(chosen))] = 1.0
        root = np.linalg.cholesky(self._variance_of(made.inverse, chosen))
        return linalg.solve_triangular(root, t.T, lower=True).T

    def falls(self, inverse: Floats, at: Integers, runs: Sequence[Integers]) -> Floats:
        """Return by how much the covariance of some coefficients falls by each of several runs.

        Parameters
        ----------
        inverse : array (P, P)
        at : array (M,) of int
            Which coefficients.
        runs : sequence of arrays
            The rows of each run.

        Returns
        -------
        array (runs, M, M)
            Of the coefficients over S.
        """
        across = [self.x[rows] @ inverse[:, at] for rows in runs]
        pairs = zip(across, runs, strict=True)
        return np.array(
            [one.T @ np.linalg.solve(self._variance_of(inverse, rows), one) for one, rows in pairs]
        )

    def _variance_of(self, inverse: Floats, rows: Integers) -> Floats:
        """Return the variance of rows given those that are there."""
        x = self.x[rows]
        return x @ inverse @ x.T + np.diag(self.variance[rows])

    def _derivatives(self, h: Floats, w: Floats, n: Floats, rows: Integers) -> tuple[Floats, Floats]:
        """Return (A_i T)_D, (D, N, R), and T'A_i T, (D, R, R), for every parameter."""
        expected = self.x @ h
        moved: list[Floats] = []
        within: list[Floats] = []
        if self.slope.size:
            f = self.slope[rows].T - self.slope.T @ (w[:, None] * expected)
            moved.append(self.slope @ h + self.x @ f)
            within.append(f.T @ h + h.T @ f)
        for group in range(int(self.group.max(initial=-1)) + 1):
            own = np.flatnonzero(self.group == group)
            moved.append(2.0 * self.x[:, own] @ h[own])
            within.append(2.0 * h[own].T @ h[own])
        known = -w[:, None] * expected
        one_each = np.divide(1.0, n, out=np.zeros_like(n), where=n > 0)
        for level in range(int(self.level.max()) + 1 if self.residual.any() else 0):
            share = 2.0 * self.residual * (self.level == level)
            noise = (share * one_each)[:, None] * known
            moved.append(noise)
            within.append(known.T @ noise + np.diag(share[rows]))
        return np.array(moved), np.array(within)

    def taken_in(self, inverse: Floats, rows: Integers) -> Floats:
        """Return M^-1 once rows are there, (P, P)."""
        h = inverse @ self.x[rows].T
        return inverse - h @ np.linalg.solve(self._variance_of(inverse, rows), h.T)


@dataclass(frozen=True)
class Cloud:
    """Draws of theta and of coefficients, which rows to come draw together.

    Attributes
    ----------
    mean : array (D + M,)
        Of the parameters of theta, then of coefficients.
    apart : array (D + M, S)
        Deviations of the parameters from their mean; of coefficients from their regression on these.
    regression : array (M, D)
    covariance : array (D + M, D + M)
        Of the deviations.
    """

    mean: Floats
    apart: Floats
    regression: Floats
    covariance: Floats

    @classmethod
    def of(cls, parameters: Floats, coefficients: Floats) -> Self:
        """Lay out the draws of parameters (D, S) and of coefficients (M, S)."""
        size, draws = parameters.shape
        mean = np.concatenate([parameters, coefficients]).mean(axis=1)
        theta, b = parameters - mean[:size, None], coefficients - mean[size:, None]
        of_theta = np.atleast_2d(np.cov(theta))
        of_theta = of_theta + RIDGE * np.diag(np.diag(of_theta))
        regression = np.linalg.solve(of_theta, theta @ b.T / (draws - 1)).T
        own = b - regression @ theta
        covariance = linalg.block_diag(of_theta, own @ own.T / (draws - 1))
        return cls(mean, np.concatenate([theta, own]), regression, covariance)

    def narrowed(self, information: Floats, truth: Integers) -> Floats:
        """Return the draws after rows with some information where the mean of a few is the truth, (D + M, S).

        Parameters
        ----------
        information : array (D + M, D + M)
        truth : array of int
            Which few.
        """
        after = np.linalg.inv(np.linalg.inv(self.covariance) + information)
        back = np.linalg.inv(_root(self.covariance))
        moved = _root(self.covariance - after) @ back @ self.apart[:, truth].mean(axis=1, keepdims=True)
        near = moved + _root(after) @ back @ self.apart
        size = self.regression.shape[1]
        near[size:] += self.regression @ near[:size]
        return self.mean[:, None] + near


def _root(covariance: Floats) -> Floats:
    """Return the symmetric root."""
    values, axes = np.linalg.eigh(covariance)
    return (axes * np.sqrt(np.maximum(values, 0.0))) @ axes.T


@dataclass(frozen=True)
class Told:
    """A function of theta, and perhaps of coefficients, and what runs to come would say of it.

    Attributes
    ----------
    value : callable
        The estimand, or its logarithm, of parameters and coefficients (D + M, ...): (...).
    logarithm : bool
        Whether it is the logarithm.
    cloud : Cloud
    truths : tuple of arrays of int
        Draws whose mean may be the truth, T times.
    points, made, inverses : tuple
        Theta at each; what is known there before any run, and M^-1 with the runs taken in.
    at : array (M,) of int
        Which coefficients those of the cloud are.
    scale : array (M,)
        S of these.
    first : array (T, M, M)
        Their precision given theta before any run.
    information : array (T, I, I)
        What the runs that were taken in have said of the first I parameters.
    n : array (N,)
        Replicates of each row; 0 for rows to come.
    rows : dict of int to array
        The rows of each run.
    reference : float
    """

    value: Callable[[Floats], Floats]
    logarithm: bool
    cloud: Cloud
    truths: tuple[Integers, ...]
    points: tuple[Point, ...]
    made: tuple[Made, ...]
    inverses: tuple[Floats, ...]
    at: Integers
    scale: Floats
    first: Floats
    information: Floats
    n: Floats
    rows: dict[int, Integers]
    reference: float

    @property
    def runs(self) -> list[int]:
        """The runs to come."""
        return sorted(self.rows)

    @property
    def variance(self) -> float:
        """Of the estimand, or of its logarithm, after the runs that were taken in."""
        return self._variance(self.information, self._covariances())

    def gains(self, runs: Sequence[int]) -> Floats:
        """Return by how much each of some runs would lower the variance."""
        now, before = self.variance, self._covariances()
        rows = [self.rows[run] for run in runs]
        pairs = zip(self.points, self.inverses, strict=True)
        falls = np.stack([point.falls(inverse, self.at, rows) for point, inverse in pairs], axis=1)
        each = zip(self._informations(runs), falls * np.outer(self.scale, self.scale), strict=True)
        return np.array([now - self._variance(self.information + one, before - fall) for one, fall in each])

    def after(self, run: int) -> Told:
        """Return what is known once a run is made."""
        n = self.n.copy()
        n[self.rows[run]] = 1.0
        return replace(
            self,
            information=self.information + self._informations([run])[0],
            inverses=tuple(
                point.taken_in(inverse, self.rows[run])
                for point, inverse in zip(self.points, self.inverses, strict=True)
            ),
            n=n,
        )

    def width(self) -> float:
        """Return the width of the 95 % interval that is expected after the runs that were taken in."""
        tail = (1.0 - INTERVAL) / 2
        values = self._values(self.information, self._covariances())
        lower, upper = np.quantile(np.exp(values) if self.logarithm else values, [tail, 1.0 - tail], axis=-1)
        return float(np.mean(upper - lower))

    def widths_along(self, runs: Sequence[int]) -> Floats:
        """Return the widths after each of some runs, one after the other."""
        widths: list[float] = []
        at = self
        for run in runs:
            at = at.after(run)
            widths.append(at.width())
        return np.array(widths)

    def _informations(self, runs: Sequence[int]) -> Floats:
        """Return what each of some runs would add at each point, (runs, T, I, I)."""
        rows = [self.rows[run] for run in runs]
        each = zip(self.points, self.inverses, self.made, strict=True)
        found = [point.informations(inverse, self.n, made, rows) for point, inverse, made in each]
        return np.stack(found, axis=1)

    def _covariances(self) -> Floats:
        """Return the covariance of the coefficients given theta at each point, (T, M, M)."""
        return covariances(self.inverses, self.at, self.scale)

    def _variance(self, information: Floats, covariance: Floats) -> float:
        return float(self._values(information, covariance).var(axis=-1).mean())

    def _values(self, information: Floats, covariance: Floats) -> Floats:
        """Return the estimand's draws about each truth, (T, S)."""
        size = len(self.cloud.mean)
        known, free = information.shape[1], size - len(self.at)
        whole = np.zeros((len(self.points), size, size))
        whole[:, :known, :known] = information
        whole[:, free:, free:] = np.linalg.inv(covariance) - self.first
        pairs = zip(whole, self.truths, strict=True)
        return self.value(np.stack([self.cloud.narrowed(one, truth) for one, truth in pairs], axis=1))


def covariances(inverses: Sequence[Floats], at: Integers, scale: Floats) -> Floats:
    """Return the covariances of some coefficients (M,) given theta, (T, M, M), from M^-1 at each theta."""
    return np.array([inverse[np.ix_(at, at)] for inverse in inverses]) * np.outer(scale, scale)


def truths_of(values: Floats) -> list[Integers]:
    """Return which draws are taken together: those with the lowest values of an estimand (S,), and so on."""
    return np.array_split(np.argsort(values, kind="stable"), TRUTHS)


def parameters_of(theta: Theta, *, recency: bool) -> Floats:
    """Return theta, (D, T): recency where there is one, logs of sds, of residual sds, and of a typical one.

    Rows tell of a typical residual sd by those of the levels only.
    """
    parts = [theta.recency[None]] if recency else []
    parts.append(np.log(theta.sd))
    if theta.residual.any():
        parts.append(np.log(theta.residual))
    if theta.typical is not None:
        parts.append(np.log(theta.typical)[None])
    return np.concatenate(parts)


def point_at(density: Density, theta: Theta, there: Design, coming: Design, cells: Integers) -> Point:
    """Lay out all rows at one theta: the cells that are there, then those of the rows to come."""
    weight, sd = density.weights(theta)[:, 0], density.prior_sd(theta)[:, 0]
    steps = np.arange(len(weight))

    def rows(by: Floats) -> Floats:
        return np.vstack([summed(there, by).toarray(), summed(coming, by)[cells].toarray()])

    outcome = there.cells.mean - density.sums.shift - summed(there, weight) @ density.mean
    level = np.concatenate([there.cells.level, coming.cells.level[cells]])
    residual = theta.residual[level, 0] ** 2
    return Point(
        x=rows(weight) * sd,
        slope=rows(-steps * weight) * sd if len(weight) > 1 else np.zeros((0, 0)),
        group=density.sd_of,
        variance=np.concatenate([there.cells.v, coming.cells.v[cells]]) + residual,
        residual=residual,
        outcome=np.concatenate([outcome, np.zeros(len(cells))]),
        drift=rows(-steps * weight) @ density.mean,
        level=level,
    )


def summed(design: Design, weight: Floats) -> sparse.csr_array:
    """Return the sum of the effects of stages that stand 0, 1, ... steps back, weighed: (C, P)."""
    total = weight[0] * design.effects[0]
    for w, matrix in zip(weight[1:], design.effects[1:], strict=True):
        total = total + w * matrix
    return sparse.csr_array(total)


def told(
    value: Callable[[Floats], Floats],
    cloud: Cloud,
    truths: Sequence[Integers],
    points: Sequence[Point],
    proper: Floats,
    coefficients: tuple[Integers, Floats],
    n: Floats,
    rows: dict[int, Integers],
    *,
    logarithm: bool,
    reference: float,
) -> Told:
    """Put together what is known of an estimand before any run is made; otherwise as `Told`.

    Parameters
    ----------
    proper : array (P,)
        As in `Density`.
    coefficients : tuple
        `at` and `scale`.
    """
    at, scale = coefficients
    made = tuple(point.made(n, proper) for point in points)
    inverses = tuple(one.inverse for one in made)
    known = points[0].parameters
    return Told(
        value=value,
        logarithm=logarithm,
        cloud=cloud,
        truths=tuple(truths),
        points=tuple(points),
        made=made,
        inverses=inverses,
        at=at,
        scale=scale,
        first=np.linalg.inv(covariances(inverses, at, scale)),
        information=np.zeros((len(points), known, known)),
        n=n,
        rows=rows,
        reference=reference,
    )
