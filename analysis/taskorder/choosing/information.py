"""What rows to come will say of the parameters that are not linear: recency, and standard deviations.

With the coefficients integrated out, outcomes are Normal(X mu, Sigma), Sigma = X S^2 X' + R, and the expected
information of data on parameters i and j of theta is 1/2 tr(Sigma^-1 dSigma_i Sigma^-1 dSigma_j) (Mardia and
Marshall 1984, Biometrika 71, 135-146). Rows r that come to the rows D that are there add that of their
distribution given D. With T = [-Sigma^-1 Sigma_Dr; I] and Q the inverse of their variance given D,

    tr(Q (A_i T)_D' Sigma^-1 (A_j T)_D) + 1/2 tr(Q T'A_i T Q T'A_j T),          A = dSigma

for which M^-1 S X' is all that has to be solved for (M as in `engines.density`). The parameters are recency
and the logarithms of sds. Near the posterior, an estimand is taken as linear in them, and their posterior as
normal, with the covariance C of its draws:

    var(estimand | rows) = var(estimand) - g' (C - (C^-1 + information)^-1) g

The information is a mean over a few draws of theta. It is an approximation, unlike what `outlook` says of
linear effects: `benchmarks/designing.py` compares it with fits to the rows that came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from taskorder.inference.engines.density import Density
from taskorder.inference.engines.theta import Theta
from taskorder.inference.layout.design import Design
from taskorder.inference.summary import INTERVAL

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

RIDGE = 1e-10
"""Share of its diagonal that is added to a covariance before it is inverted."""


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
    level : array (N,) of int
        Which residual sd applies.
    """

    x: Floats
    slope: Floats
    group: Integers
    variance: Floats
    residual: Floats
    level: Integers

    def informations(self, inverse: Floats, n: Floats, runs: Sequence[Integers]) -> Floats:
        """Return what each of several runs would add, (runs, D, D).

        Parameters
        ----------
        inverse : array (P, P)
            M^-1 for the rows that are there.
        n : array (N,)
            How many replicates each row has; 0 for rows that are not there.
        runs : sequence of arrays
            The rows of each run.
        """
        rows = np.concatenate(runs)
        w = n / self.variance
        h = inverse @ self.x[rows].T
        moved, within = self._derivatives(h, w, n, rows)
        weighed = w[:, None] * moved
        back = self.x.T @ weighed
        solved = weighed - w[:, None] * (self.x @ (inverse @ back))
        joint = self.x[rows] @ h
        ends = np.cumsum([len(run) for run in runs])
        found: list[Floats] = []
        for stop, run in zip(ends, runs, strict=True):
            at = slice(stop - len(run), stop)
            root = np.linalg.cholesky(joint[at, at] + np.diag(self.variance[run]))
            half = linalg.solve_triangular(root, np.eye(len(run)), lower=True)
            a = (moved[:, :, at] @ half.T).reshape(len(moved), -1)
            b = (solved[:, :, at] @ half.T).reshape(len(moved), -1)
            c = (half @ within[:, at, at] @ half.T).reshape(len(moved), -1)
            found.append(a @ b.T + 0.5 * c @ c.T)
        return np.array(found)

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
        block = self.x[rows] @ h + np.diag(self.variance[rows])
        return inverse - h @ np.linalg.solve(block, h.T)

    def inverse(self, n: Floats, proper: Floats) -> Floats:
        """Return M^-1 for the rows that are there, (P, P)."""
        matrix = np.diag(proper) + self.x.T @ ((n / self.variance)[:, None] * self.x)
        return linalg.cho_solve(linalg.cho_factor(matrix), np.eye(len(proper)))


@dataclass(frozen=True)
class Told:
    """A function of theta, and what runs to come would say of it.

    Attributes
    ----------
    draws : array (S,)
        Of the estimand.
    covariance : array (D, D)
        Of the parameters, over the draws.
    slope : array (D,)
        How the estimand goes with them.
    logarithm : bool
        Whether it is the estimand's logarithm that goes with them.
    information : array (D, D)
        What the runs that were taken in have said.
    points, inverses : tuple
        A few draws of theta, with M^-1 at each.
    n : array (N,)
        Replicates of each row; 0 for rows to come.
    rows : dict of int to array
        The rows of each run.
    reference : float
    """

    draws: Floats
    covariance: Floats
    slope: Floats
    logarithm: bool
    information: Floats
    points: tuple[Point, ...]
    inverses: tuple[Floats, ...]
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
        return self._variance(self.information)

    def gains(self, runs: Sequence[int]) -> Floats:
        """Return by how much each of some runs would lower the variance."""
        now = self.variance
        return np.array([now - self._variance(self.information + one) for one in self._informations(runs)])

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
        """Return the width of the 95 % interval: that of the draws, narrower as the sd is."""
        tail = (1.0 - INTERVAL) / 2
        draws = np.log(self.draws) if self.logarithm else self.draws
        centre = float(np.median(draws))
        ratio = np.sqrt(self.variance / max(self._variance(0.0 * self.information), 1e-300))
        lower, upper = centre + ratio * (np.quantile(draws, [tail, 1.0 - tail]) - centre)
        return float(np.exp(upper) - np.exp(lower) if self.logarithm else upper - lower)

    def widths_along(self, runs: Sequence[int]) -> Floats:
        """Return the widths after each of some runs, one after the other."""
        widths: list[float] = []
        at = self
        for run in runs:
            at = at.after(run)
            widths.append(at.width())
        return np.array(widths)

    def _informations(self, runs: Sequence[int]) -> Floats:
        rows = [self.rows[run] for run in runs]
        pairs = zip(self.points, self.inverses, strict=True)
        return np.mean([point.informations(inverse, self.n, rows) for point, inverse in pairs], axis=0)

    def _variance(self, information: Floats) -> float:
        draws = np.log(self.draws) if self.logarithm else self.draws
        precise = np.linalg.inv(np.linalg.inv(self.covariance) + information)
        lost = self.slope @ (self.covariance - precise) @ self.slope
        return float(max(draws.var() - lost, 0.0))


def parameters_of(theta: Theta, *, recency: bool) -> Floats:
    """Return what rows tell of theta, (D, T): recency where there is one, logs of sds."""
    parts = [theta.recency[None]] if recency else []
    parts.append(np.log(theta.sd))
    if theta.residual.any():
        parts.append(np.log(theta.residual))
    return np.concatenate(parts)


def point_at(density: Density, theta: Theta, there: Design, coming: Design, cells: Integers) -> Point:
    """Lay out all rows at one theta: the cells that are there, then those of the rows to come."""
    weight, sd = density.weights(theta)[:, 0], density.prior_sd(theta)[:, 0]
    steps = np.arange(len(weight))

    def rows(by: Floats) -> Floats:
        parts = zip(by, there.effects, coming.effects, strict=True)
        return sum(
            (w * np.vstack([one.toarray(), other[cells].toarray()]) for w, one, other in parts),
            np.zeros((len(there.cells.mean) + len(cells), len(sd))),
        )

    level = np.concatenate([there.cells.level, coming.cells.level[cells]])
    residual = theta.residual[level, 0] ** 2
    return Point(
        x=rows(weight) * sd,
        slope=rows(-steps * weight) * sd if len(weight) > 1 else np.zeros((0, 0)),
        group=density.sd_of,
        variance=np.concatenate([there.cells.v, coming.cells.v[cells]]) + residual,
        residual=residual,
        level=level,
    )


def told(
    draws: Floats,
    parameters: Floats,
    points: Sequence[Point],
    proper: Floats,
    n: Floats,
    rows: dict[int, Integers],
    *,
    positive: bool,
    reference: float,
) -> Told:
    """Put together what is known of a function of theta.

    Parameters
    ----------
    draws : array (S,)
        Of the estimand.
    parameters : array (D, S)
        As `parameters_of` gives them, at the same draws.
    points : sequence of Point
    proper : array (P,)
        As in `Density`.
    n : array (N,)
    rows : dict of int to array
    positive : bool
        Whether the estimand is above zero by its nature.
    reference : float
    """
    logarithm = positive and bool((draws > 0).all())
    values = np.log(draws) if logarithm else draws
    covariance = np.atleast_2d(np.cov(parameters))
    covariance = covariance + RIDGE * np.diag(np.diag(covariance))
    together = ((parameters - parameters.mean(axis=1, keepdims=True)) @ (values - values.mean())) / (
        len(values) - 1
    )
    return Told(
        draws=draws,
        covariance=covariance,
        slope=np.linalg.solve(covariance, together),
        logarithm=logarithm,
        information=np.zeros_like(covariance),
        points=tuple(points),
        inverses=tuple(point.inverse(n, proper) for point in points),
        n=n,
        rows=rows,
        reference=reference,
    )
