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
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse, special
from scipy.sparse.linalg import SuperLU, splu
from threadpoolctl import threadpool_limits

from taskorder.choosing.information import Cloud, Told, parameters_of, point_at, summed, told, truths_of
from taskorder.errors import FitFailed, MissingData, nearest
from taskorder.inference.engines import elimination
from taskorder.inference.engines.collapsed import Sampled, drawn
from taskorder.inference.engines.density import Density, density
from taskorder.inference.engines.mode import mode
from taskorder.inference.engines.parameters import sd_names
from taskorder.inference.engines.theta import Theta
from taskorder.inference.estimands import estimands, points_per_unit
from taskorder.inference.fitting import choose
from taskorder.inference.layout.design import Design, build_design
from taskorder.inference.layout.observations import observe
from taskorder.inference.spec import EstimandSpec, ModelSpec
from taskorder.inference.summary import INTERVAL
from taskorder.results.catalogue import Covariates

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

LINEAR = ("points", "contrast")
"""Functions of estimands that are linear in the coefficients, given theta."""
OF_ORDERS = ("curriculum", "order_sd", "order_ratio", "best_order")
OF_THETA = ("recency", "ratio", "sd_points", *OF_ORDERS)
"""Functions of estimands that are functions of theta; those of orders, of the slopes of moderators, too."""
SIGNED = ("recency", "curriculum")
"""Those that may be below zero."""
DRAWS, POINTS_OF_THETA = 600, 64
"""Draws of theta that are made; how many of them are used for linear effects."""
SIMULATED = 50
"""Draws for which the best order is simulated."""
NUMBERS = 40_000_000
"""Of joint covariances that are held at once."""
MOST_ROWS = 2_500
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


def able(spec: ModelSpec) -> list[str]:
    """Return the estimands of a model that runs can be chosen for."""
    return [name for name, estimand in spec.estimands.items() if estimand.function in (*LINEAR, *OF_THETA)]


def estimand_of(spec: ModelSpec, name: str) -> str:
    """Return the estimand of that name, or the first that runs can be chosen for where it is empty.

    Raises
    ------
    MissingData
        If the model has none of that name, or its interval cannot be told beforehand.
    """
    possible = able(spec)
    if not possible:
        raise MissingData(
            f"model {spec.name!r} has no estimand that runs can be chosen for; add one to [estimands], of the"
            f" function {', '.join((*LINEAR, *OF_THETA))}"
        )
    if not name:
        return possible[0]
    if name in possible:
        return name
    known = spec.estimands.get(name)
    fault = (
        f"is of the function {known.function}, whose interval cannot be told beforehand"
        if known
        else "is no estimand of it"
    )
    raise MissingData(
        f"model {spec.name!r}: {name!r} {fault}; runs can be chosen for {', '.join(possible)}."
        f"{nearest(name, possible)}"
    )


def outlook(
    rows: pd.DataFrame,
    run: Integers,
    spec: ModelSpec,
    name: str,
    covariates: Covariates,
    *,
    seed: int,
    draws: int = DRAWS,
) -> Outlook | Told:
    """Fit a model to the rows that are there, and say what rows to come would tell of an estimand.

    Parameters
    ----------
    rows : DataFrame
        As `select_rows` gives them, those to come among them with any outcome.
    run : array (N,) of int
        Which run a row to come is of; -1 for rows that are there.
    spec : ModelSpec
        A Gaussian one.
    name : str
        An estimand out of `able`.
    covariates : Covariates
    seed : int
    draws : int
        Draws of theta that are made.

    Raises
    ------
    InvalidModel
        Where the linear effects of the model cannot be integrated out.
    MissingData
        Where the rows do not determine the model, lack the estimand's term, or those to come are too many.
    FitFailed
        Where the rows that are there cannot tell the linear effects apart.
    """
    choose("collapsed", spec)
    coming = run >= 0
    if int(coming.sum()) > MOST_ROWS:
        raise MissingData(
            f"the runs that are not made have {int(coming.sum()):,} rows in model {spec.name!r}, more than"
            f" {MOST_ROWS:,}: ask a model that takes means over languages ([data] average), or name fewer"
            f" sequences, targets or seeds in the experiment file"
        )
    design = build_design(rows, spec, covariates)
    design = replace(design, reference=_reference(rows[~coming], spec, design))
    there = only(design, rows, ~coming & (design.row_cell >= 0), spec)
    taken = coming & (design.row_cell >= 0)
    to_come = _Coming(design, design.row_cell[taken], run[taken])
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            start = mode(density(there, spec), there)
            sampled = drawn(start, seed=seed, draws=draws)
            looked = _of_effect if spec.estimands[name].function in LINEAR else _of_theta
            return looked(start.density, there, sampled, spec, name, to_come)
    except np.linalg.LinAlgError:
        raise FitFailed(
            f"model {spec.name!r}: the rows that are there cannot tell its linear effects apart, and a prior"
            f" is flat or very wide: make more runs first, or give its terms Normal priors"
        ) from None


def _of_effect(
    density: Density, there: Design, sampled: Sampled, spec: ModelSpec, name: str, coming: _Coming
) -> Outlook:
    u = sampled.u.reshape(len(sampled.u), -1)
    few = u[:, _evenly(u.shape[1], len(coming.run))]
    effect = effect_of(coming.design, spec.estimands[name])
    effect *= points_per_unit(spec, coming.design.reference)
    return _at(density, there, few, effect, coming)


def _of_theta(
    density: Density, there: Design, sampled: Sampled, spec: ModelSpec, name: str, coming: _Coming
) -> Told:
    u = sampled.u.reshape(len(sampled.u), -1)
    theta = density.coordinates.unpack(u)
    slopes = _slopes(there, spec) if spec.estimands[name].function in OF_ORDERS else {}
    at = np.array([*slopes.values()], dtype=np.int64)
    parameters = parameters_of(theta, recency=len(there.effects) > 1)
    coefficients = sampled.coefficients.reshape(-1, u.shape[1])[at]
    draws = np.concatenate([parameters, coefficients])
    value = _value(there, spec, name, list(slopes), draws)
    logarithm = spec.estimands[name].function not in SIGNED and bool((value(draws) > 0).all())
    truths = truths_of(value(draws))
    thetas = [density.coordinates.unpack(u[:, truth].mean(axis=1, keepdims=True)) for truth in truths]
    count = len(there.cells.n)
    return told(
        value=(lambda x: np.log(value(x))) if logarithm else value,
        cloud=Cloud.of(parameters, coefficients),
        truths=truths,
        points=[point_at(density, theta, there, coming.design, coming.cells) for theta in thetas],
        proper=density.proper,
        coefficients=(at, density.scale[at]),
        n=np.concatenate([there.cells.n, np.zeros(len(coming.cells))]),
        rows={int(run): count + np.flatnonzero(coming.run == run) for run in np.unique(coming.run)},
        logarithm=logarithm,
        reference=coming.design.reference,
    )


def _slopes(design: Design, spec: ModelSpec) -> dict[str, int]:
    """Return which coefficients are the slopes of moderators."""
    moderators = () if spec.sequence is None else spec.sequence.moderators
    return {block.name: block.start for block in design.blocks if block.name in moderators}


@dataclass(frozen=True)
class _Value:
    """An estimand as a function of the parameters that `parameters_of` lists, and of slopes after them.

    `spec` has this estimand alone; what it comes to is taken several `times`.
    """

    design: Design
    spec: ModelSpec
    slopes: tuple[str, ...]
    times: float = 1.0

    def __call__(self, x: Floats) -> Floats:
        (name,) = self.spec.estimands
        found = estimands(xr.Dataset(self._named(x)), self.design, self.spec)
        if name not in found:
            raise MissingData(
                f"model {self.spec.name!r}: these rows have nothing that {name!r} could be told from"
            )
        return self.times * found[name].to_numpy()

    def _named(self, x: Floats) -> dict[str, xr.DataArray]:
        """Name parameters and slopes (D + M, ...) as a posterior does."""
        dims = [f"dim_{i}" for i in range(x.ndim - 1)]
        sds = sd_names(self.design.blocks)
        first = int(len(self.design.effects) > 1)
        found = {"recency": x[0]} if first else {}
        found |= {name: np.exp(x[first + i]) for i, name in enumerate(sds)}
        after = len(x) - len(self.slopes)
        if first + len(sds) < after:
            found["residual"] = np.exp(x[after - 1])
        found |= {name: x[after + i] for i, name in enumerate(self.slopes)}
        return {name: xr.DataArray(values, dims=dims) for name, values in found.items()}


def _value(design: Design, spec: ModelSpec, name: str, slopes: Sequence[str], draws: Floats) -> _Value:
    """Return an estimand as a function of parameters and slopes, of which there are draws (D + M, S).

    `best_order` is simulated for every draw, which takes long: it is taken for `order_sd` times what it is of
    that in a few draws, on average.
    """
    estimand = spec.estimands[name]

    def alone(found: EstimandSpec) -> _Value:
        return _Value(design, spec.model_copy(update={"estimands": {name: found}}), tuple(slopes))

    if estimand.function != "best_order":
        return alone(estimand)
    exact, sd = alone(estimand), alone(estimand.model_copy(update={"function": "order_sd"}))
    few = draws[:, :SIMULATED]
    return replace(sd, times=float(np.mean(exact(few) / sd(few))))


def only(design: Design, rows: pd.DataFrame, keep: Booleans, spec: ModelSpec) -> Design:
    """Return a design of some of its rows, with the coefficients of all."""
    cells, cell = np.unique(design.row_cell[keep], return_inverse=True)
    seen = observe(rows[keep], spec).cells(cell, len(cells), design.cells.level[cells])
    number = np.full(len(keep), -1, dtype=np.int64)
    number[keep] = cell
    return replace(
        design,
        cells=seen,
        effects=tuple(sparse.csr_array(matrix[cells]) for matrix in design.effects),
        frame=design.frame.iloc[cells].reset_index(drop=True),
        row_cell=number,
    )


@dataclass(frozen=True)
class _Coming:
    """Rows to come: the design that has them, the cell of each, and its run."""

    design: Design
    cells: Integers
    run: Integers


def _evenly(count: int, rows: int) -> Integers:
    """Return which draws of theta are used: evenly spaced, as many as memory likes."""
    number = int(np.clip(NUMBERS // (1 + rows) ** 2, 8, min(POINTS_OF_THETA, count)))
    return np.linspace(0, count - 1, number).round().astype(np.int64)


def _reference(rows: pd.DataFrame, spec: ModelSpec, design: Design) -> float:
    """Return the score at which points are stated: that of the rows that are there."""
    if spec.outcome.reference is not None or spec.outcome.trials:
        return design.reference
    return float(rows[spec.outcome.column].mean())


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


def _at(density: Density, there: Design, u: Floats, effect: Floats, coming: _Coming) -> Outlook:
    """Return the joint distribution at vectors (D, T)."""
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
