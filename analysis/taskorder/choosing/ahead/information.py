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
the precision of these what linear algebra says (`effect`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from taskorder.choosing.ahead.coming import summed
from taskorder.inference.engines.density import Density
from taskorder.inference.engines.theta import Theta
from taskorder.inference.layout.design import Design

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


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
