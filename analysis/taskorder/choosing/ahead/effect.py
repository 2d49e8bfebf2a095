"""How sure of one effect a Gaussian model will be once rows are there that are not there yet.

Given theta, the coefficients b are jointly Gaussian, and their covariance V after the data so far does not
depend on any outcome. Of an effect c'b and the expected outcomes X b of rows to come, with noise R,

    var(c'b | rows, theta) = c'V c - c'V X' (X V X' + R)^-1 X V c

is therefore known before the rows are (MacKay 1992, Neural Computation 4, 590-604; Chaloner and Verdinelli
1995, Statistical Science 10, 273-304). The joint covariance of the effect and of all rows that may come is
kept for a number of draws of theta; taking a row in is a rank update of it.

The model is laid out for all rows, those to come among them, and fitted to those that are there: runs, seeds
and orders that are new have levels of their own, of which nothing is known but their sd. What rows to come
would say of theta is not counted: its draws stay as they are. For estimands that are functions of theta it
is what counts: see `information`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special
from scipy.sparse.linalg import SuperLU, splu

from taskorder.choosing.ahead.coming import Coming, summed
from taskorder.errors import MissingData, nearest
from taskorder.inference.engines import elimination
from taskorder.inference.engines.density import Density
from taskorder.inference.engines.theta import Theta
from taskorder.inference.layout.design import Design
from taskorder.inference.spec import EstimandSpec
from taskorder.inference.summary import INTERVAL

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

POINTS_OF_THETA = 64
"""Draws of theta that are used."""
NUMBERS = 40_000_000
"""Of joint covariances that are held at once."""
BISECTIONS = 60


@dataclass(frozen=True)
class Outlook:
    """An effect and the rows to come, at T draws of theta.

    Attributes
    ----------
    mean : array (T,)
        The expected value of the effect given the rows that are there.
    joint : array (T, 1 + R, 1 + R)
        Covariance of the effect, and of the expected outcomes of the rows to come.
    noise : array (T, R)
        The variance of each row's own noise.
    run : array (R,) of int
        Which run each row is of.
    reference : float
        The score at which points are stated.
    """

    mean: Floats
    joint: Floats
    noise: Floats
    run: Integers
    reference: float

    @property
    def variance(self) -> Floats:
        """Of the effect given theta, (T,)."""
        return self.joint[:, 0, 0]

    @property
    def runs(self) -> list[int]:
        """The runs to come."""
        return [int(run) for run in np.unique(self.run)]

    def rows_of(self, run: int) -> Integers:
        """Return where a run's rows are in `joint`."""
        return 1 + np.flatnonzero(self.run == run)

    def gain(self, run: int) -> Floats:
        """Return by how much a run would lower the variance of the effect, (T,)."""
        return np.sum(self._half(self.rows_of(run), np.zeros(1, dtype=np.int64)) ** 2, axis=(1, 2))

    def gains(self, runs: Sequence[int]) -> Floats:
        """Return by how much each of some runs would lower the variance, on average over theta."""
        return np.array([self.gain(run).mean() for run in runs])

    def after(self, run: int) -> Outlook:
        """Return the outlook once a run is made; its rows stay, as if it could be made again."""
        everything = np.arange(self.joint.shape[1])
        half = self._half(self.rows_of(run), everything)
        return replace(self, joint=self.joint - np.swapaxes(half, 1, 2) @ half)

    def variances_along(self, runs: Sequence[int]) -> Floats:
        """Return the variance of the effect after each of several runs, one after the other: (T, runs)."""
        rows = np.concatenate([self.rows_of(run) for run in runs])
        squares = self._half(rows, np.zeros(1, dtype=np.int64))[:, :, 0] ** 2
        ends = np.cumsum([len(self.rows_of(run)) for run in runs]) - 1
        return self.variance[:, None] - np.cumsum(squares, axis=1)[:, ends]

    def _half(self, rows: Integers, others: Integers) -> Floats:
        """Return L^-1 J[rows, others], where L L' = J[rows, rows] + noise: (T, rows, others)."""
        block = self.joint[:, rows[:, None], rows].copy()
        at = np.arange(len(rows))
        block[:, at, at] += self.noise[:, rows - 1]
        root = np.linalg.cholesky(block)
        return np.linalg.solve(root, self.joint[:, rows[:, None], others])

    def interval(self, variance: Floats) -> tuple[Floats, Floats]:
        """Return the ends of the 95 % interval of the effect for variances given theta, (T, ...).

        The posterior is a mixture of normals, one for each draw of theta.
        """
        sd = np.sqrt(np.maximum(variance, 0.0))
        mean = self.mean.reshape(-1, *[1] * (variance.ndim - 1))
        tail = (1.0 - INTERVAL) / 2
        return _quantile(mean, sd, tail), _quantile(mean, sd, 1.0 - tail)

    def width(self) -> float:
        """Return the width of that interval now."""
        lower, upper = self.interval(self.variance)
        return float(upper - lower)

    def widths_along(self, runs: Sequence[int]) -> Floats:
        """Return the widths after each of some runs, one after the other."""
        lower, upper = self.interval(self.variances_along(runs))
        return upper - lower


def _quantile(mean: Floats, sd: Floats, share: float) -> Floats:
    """Return the quantile of an equal mixture of normals over the first axis, by bisection."""
    reach = 40.0 * sd.max(axis=0) + 1e-12
    low, high = mean.min(axis=0) - reach, mean.max(axis=0) + reach
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        below = special.ndtr((middle - mean) / np.maximum(sd, 1e-300)).mean(axis=0) < share
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def effect_of(design: Design, estimand: EstimandSpec) -> Floats:
    """Return an estimand as weights of the coefficients, (P,), on the model's scale.

    Raises
    ------
    MissingData
        If the rows have no term of that name.
    """
    weight = _column(design, estimand.of)
    return weight - _column(design, estimand.to) if estimand.function == "contrast" else weight


def _column(design: Design, term: str) -> Floats:
    """Return which coefficients a term is, (P,); the intercept is that at zero."""
    terms = {block.name: block for block in design.blocks if not block.labels}
    if term not in terms:
        raise MissingData(f"these rows have no term {term!r}, but {', '.join(terms)}.{nearest(term, terms)}")
    weight = np.zeros(design.effects[0].shape[1])
    weight[terms[term].columns] = 1.0
    if term == "1":
        for block in terms.values():
            weight[block.columns] -= block.centre
    return weight


def effect_at(density: Density, there: Design, u: Floats, effect: Floats, coming: Coming) -> Outlook:
    """Return the joint distribution of an effect and of rows to come at a few draws of theta.

    Parameters
    ----------
    density : Density
        Of the rows that are there.
    there : Design
        Theirs.
    u : array (D, S)
        Draws, of which as many as memory likes are used.
    effect : array (P,)
        Weights of the coefficients.
    coming : Coming
    """
    u = u[:, _evenly(u.shape[1], len(coming.run))]
    mean: list[Floats] = []
    joint: list[Floats] = []
    noise: list[Floats] = []
    level, v = coming.design.cells.level[coming.cells], coming.design.cells.v[coming.cells]
    for t in range(u.shape[1]):
        theta, factor = next(density.evaluated(u[:, [t]]))
        sd, weight = density.prior_sd(theta)[:, 0], density.weights(theta)[:, 0]
        rows = summed(coming.design, weight)[coming.cells]
        towards = np.vstack([effect, rows.toarray()]) * sd
        solved = _factored(density, there, theta).solve(towards.T)
        joint.append(towards @ solved)
        mean.append(effect @ (density.mean + sd * elimination.means(factor)[:, 0]))
        noise.append(v + theta.residual[level, 0] ** 2)
    taken_off = density.sums.shift * effect[[b.start for b in there.blocks if b.name == "1"]].sum()
    return Outlook(np.array(mean) + taken_off, np.array(joint), np.array(noise), coming.run, there.reference)


def _factored(density: Density, there: Design, theta: Theta) -> SuperLU:
    """Return the factors of M = I + S X'WX S at one theta, for the rows that are there."""
    cells, sd = there.cells, density.prior_sd(theta)[:, 0]
    weight = cells.n / (cells.v + theta.residual[cells.level, 0] ** 2)
    x = summed(there, density.weights(theta)[:, 0]).multiply(sd)
    matrix = sparse.diags_array(density.proper) + x.T @ x.multiply(weight[:, None])
    return splu(
        sparse.csc_array(matrix),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )


def _evenly(count: int, rows: int) -> Integers:
    """Return which draws of theta are used: evenly spaced, as many as memory likes."""
    number = int(np.clip(NUMBERS // (1 + rows) ** 2, 8, min(POINTS_OF_THETA, count)))
    return np.linspace(0, count - 1, number).round().astype(np.int64)
