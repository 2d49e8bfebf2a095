"""What a posterior would be without some of its data, and how well the rest foretells them.

Whole levels (a study, a backbone, a target, a language) are left out by taking their sums of products off
those of all (`Sufficient.less`): no row is read again. The draws of the whole posterior are moved to where
the posterior without the level is, and weighed there (`cloud`); where Pareto's k-hat is too large for that, a
proposal of its own is made.

Single cells are left out given theta in closed form. With h = x' V x n / s2 the leverage of a cell,

    p(y_c | the others, theta) = Normal(residual / (1 - h); 0, s2 / n / (1 - h))

so that only theta is left to importance sampling: the weights are far steadier than those of a log likelihood
that is given all effects, where every cell has effects of its own.

References: Vehtari, Gelman & Gabry (2017), Statistics and Computing 27; Merkle, Furr & Rabe-Hesketh (2019),
Psychometrika 84, on likelihoods with the effects integrated out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.loo import loo as arviz_loo
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

from taskorder.errors import FitFailed, MissingData, nearest
from taskorder.inference.criticism.cloud import Cloud, cloud, moved, proposed
from taskorder.inference.criticism.remaining import Remaining
from taskorder.inference.criticism.sketches import Sketch, failed
from taskorder.inference.engines import collapsed, elimination
from taskorder.inference.engines.density import Density, density
from taskorder.inference.engines.mode import mode
from taskorder.inference.engines.sufficient import products_of_rows, step_pairs, sufficient
from taskorder.inference.engines.threads import in_threads
from taskorder.inference.estimands import by_level, estimands
from taskorder.inference.layout.design import Design
from taskorder.inference.spec import ModelSpec

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

AGAIN = 500
"""Draws where a level has a proposal of its own."""
LEAST = 60.0
"""Moved draws will do where they are worth so many."""
MUCH = 0.5
"""Without so large a share of the cells the posterior is not near where it was."""
COLUMNS = [
    "left_out", "rows", "estimand", "mean", "sd", "lower", "upper", "ess", "pareto_k", "elpd", "problem",
]  # fmt: skip
ALL, LEFT_OUT = "all", "left out"
"""The kinds of the sketches of all data, and of those without a level."""


@dataclass(frozen=True)
class Whole:
    """The posterior of all data, kept so that parts can be taken away.

    Attributes
    ----------
    design : Design
    spec : ModelSpec
    density : Density
    known : Cloud
        Draws of theta.
    """

    design: Design
    spec: ModelSpec
    density: Density
    known: Cloud


def whole(design: Design, spec: ModelSpec, posterior: xr.Dataset) -> Whole:
    """Keep what is known of the posterior of all data.

    Parameters
    ----------
    design : Design
    spec : ModelSpec
    posterior : Dataset
        As `collapsed` has sampled it.
    """
    summed = density(design, spec)
    known = cloud(summed, design, posterior)
    return Whole(design, spec, replace(summed, coordinates=known.coordinates), known)


def sketches_without(everything: Whole, column: str, *, seed: int) -> tuple[Sketch, ...]:
    """Evaluate every estimand without each level of a column.

    Parameters
    ----------
    everything : Whole
    column : str
        A column of the table, such as `study`, `backbone`, `target` or `language`.
    seed : int

    Returns
    -------
    tuple of Sketch
        The first, with an empty name, is of all data; the others bear the names of the levels. `rows` counts
        the level's; `elpd` is the log density of these rows as the others foretell them: it has no meaning
        where a prior is flat, and is missing then, as it is where draws cannot be moved. `problem` says why
        a sketch cannot be relied on: Pareto's k-hat is too large for the number of draws, or the other rows
        have no proper posterior, and then there are no draws.

    Raises
    ------
    MissingData
        Where the model's rows have no such column, or one level of it only, or the model does not tell rows
        of different levels apart.
    FitFailed
        Where nothing can be said of all data.
    """
    return sketches_without_cells(everything, tuple(_levels(everything.design, column)), seed=seed)


def sketches_without_cells(
    everything: Whole, parts: Sequence[tuple[str, Booleans]], *, seed: int, paired: bool = False
) -> tuple[Sketch, ...]:
    """Evaluate every estimand without each of some parts of the data.

    Parameters
    ----------
    everything : Whole
    parts : sequence of (str, array (C,) of bool)
        The name of each part, and its cells.
    seed : int
    paired : bool
        Whether all are made from the same random numbers: what is left out then shows in their differences
        with less noise.

    Returns
    -------
    tuple of Sketch
        As `sketches_without` says.

    Raises
    ------
    FitFailed
        Where nothing can be said of all data.
    """
    design = everything.design
    remaining = Remaining.of(design, everything.spec)
    levels = [("", np.zeros(len(design.cells.mean), dtype=bool)), *parts]
    own = [0] * len(levels) if paired else range(len(levels))

    def one(level: tuple[str, Booleans], stream: int) -> Sketch:
        name, cells = level
        here = np.isin(design.row_cell, np.flatnonzero(cells)) if name else design.row_cell >= 0
        rows = int(here.sum())
        try:
            if cells.any():
                remaining.refuse_without(cells)
            return _without(everything, cells, name, rows, np.random.default_rng([seed, stream]))
        except (MissingData, FitFailed) as error:
            return failed(name, LEFT_OUT, rows, str(error))
        except np.linalg.LinAlgError:
            return failed(name, LEFT_OUT, rows, "no mode can be found without it")

    with threadpool_limits(limits=1, user_api="blas"):
        found = tuple(in_threads(one, levels, own))
    if found[0].problem:
        raise FitFailed(f"leaving out: {found[0].problem}")
    return found


def without_levels(everything: Whole, column: str, *, seed: int) -> pd.DataFrame:
    """Sum up every estimand without each level of a column: `tabulated` of `sketches_without`."""
    return tabulated(sketches_without(everything, column, seed=seed))


def tabulated(sketches: Sequence[Sketch]) -> pd.DataFrame:
    """Return sketches as `sketches_without` gives them as a table with the columns `COLUMNS`.

    One row a level and estimand; the first rows, with `left_out` empty, are of all data. `ess` is the
    effective number of draws behind a row.
    """
    rows = [
        {
            "left_out": one.name,
            "rows": one.rows,
            "estimand": estimand,
            **one.summary(str(estimand)),
            "ess": one.ess,
            "pareto_k": one.pareto_k,
            "elpd": one.elpd,
            "problem": one.problem,
        }
        for one in sketches
        for estimand in sketches[0].draws
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _levels(design: Design, column: str) -> Iterator[tuple[str, Booleans]]:
    if column in design.mixed:
        raise MissingData(
            f"leaving out by {column!r}: the model does not tell rows of different levels apart, so that no"
            f" level can be taken away alone; let it, such as by a group, [groups.{column}]"
        )
    if column not in design.frame:
        known = [str(name) for name in design.frame.columns]
        raise MissingData(f"leaving out by {column!r}: there is no such column.{nearest(column, known)}")
    values = design.frame[column].astype(str)
    if values.nunique() < 2:
        raise MissingData(f"leaving out by {column!r}: all rows have {values.iloc[0]!r}")
    return ((str(level), (values == level).to_numpy()) for level in sorted(values.unique()))


def _without(everything: Whole, cells: Booleans, name: str, rows: int, rng: np.random.Generator) -> Sketch:
    known, design, full = everything.known, everything.design, everything.density
    rest = full.less(sufficient(design, full.sums.shift, cells)) if cells.any() else full
    found = moved(known, rest, rng) if np.mean(cells) < MUCH else None
    near = found is not None and found.worth >= LEAST
    if found is None or not near:
        found = proposed(mode(rest, design), AGAIN, rng)
    draws = _evaluated(everything, rest, found.u, found.coefficients)
    if not cells.any():
        return Sketch(name, ALL, rows, draws, found.weight)
    told = near and bool((rest.proper > 0).all())
    elpd = _constant(design, cells) - found.evidence if told else float("nan")
    problem = "" if found.covered else f"Pareto k-hat is {found.pareto_k:.2f}"
    return Sketch(name, LEFT_OUT, rows, draws, found.weight, problem, found.pareto_k, elpd)


def _constant(design: Design, cells: Booleans) -> float:
    """Return what `Density` leaves out of the log density of some cells' rows."""
    n, replicates = design.cells.n[cells], 1.0 + design.cells.df[cells]
    return float(0.5 * np.sum(np.log(n / replicates)) - 0.5 * np.log(2.0 * np.pi) * replicates.sum())


def _evaluated(everything: Whole, rest: Density, u: Floats, coefficients: Floats) -> pd.DataFrame:
    """Evaluate the estimands at weighted draws of theta (D, N) and coefficients (P, N)."""
    posterior = collapsed.posterior_of(everything.design, rest, u[:, None], coefficients[:, None])
    values = estimands(posterior, everything.design, everything.spec)
    return pd.DataFrame(dict(by_level(values)))


def foretold(everything: Whole) -> xr.Dataset:
    """Return log p(y_c | the others, theta) of every cell at draws of theta.

    Returns
    -------
    Dataset
        `mean` (chain, draw, cell), one chain: what `arviz.loo` takes as a log likelihood. It has the effects
        integrated out: no cell has a say in what foretells it but through theta.
    """
    design, at = everything.design, everything.density
    products = products_of_rows(design, at.sums)
    with threadpool_limits(limits=1, user_api="blas"):
        found = np.array([_foretold(design, at, products, one) for one in everything.known.u.T])
    return xr.Dataset({"mean": (("chain", "draw", "cell"), found[None])})


def loo(everything: Whole) -> Any:
    """Return ArviZ's `ELPDData` of cells that are left out, by Pareto-smoothed importance sampling."""
    density = foretold(everything)
    tree = xr.DataTree.from_dict({"posterior": density[["mean"]].isel(cell=0), "log_likelihood": density})
    return arviz_loo(tree, pointwise=True, reff=1.0)


def _foretold(design: Design, at: Density, products: list[sparse.csr_array], u: Floats) -> Floats:
    theta, factor = next(at.evaluated(u[:, None]))
    sums, cells = at.sums, design.cells
    sd, weight = at.prior_sd(theta)[:, 0], at.weights(theta)[:, 0]
    b = at.mean + sd * elimination.means(factor)[:, 0]
    covariance = elimination.inverse(factor)[at.order.given, 0] * sd[sums.left] * sd[sums.right]
    variance = sum(
        weight[s] * weight[t] * (matrix @ covariance)
        for matrix, (s, t) in zip(products, step_pairs(sums.steps), strict=True)
    )
    eta = sum(w * (matrix @ b) for w, matrix in zip(weight, design.effects, strict=True))
    s2 = cells.v + theta.residual[cells.level, 0] ** 2
    left = np.maximum(1.0 - cells.n / s2 * variance, 1e-12)
    misfit = (cells.mean - sums.shift - eta) / left
    of_mean = np.log(2.0 * np.pi * s2 / cells.n / left) + misfit**2 * left * cells.n / s2
    return -0.5 * (of_mean + cells.df * np.log(2.0 * np.pi * s2) + cells.ss / s2)
