"""What a model expects of rows whose scores it has not seen.

Their scores are replaced by those of other rows, drawn at random, before anything is computed, and these
are then taken off the sums of products: the model is fitted to the other rows alone, and no number that is
derived from the scores, such as the scale of a prior or the place from which the mode is searched for, has
seen the hidden ones either.

The parameters are taken at the mode of their density, and the effects have their expected values given them
(empirical Bayes): effects of levels that the other rows lack are zero, their prior mean.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from taskorder.inference.criticism.remaining import Remaining
from taskorder.inference.engines.density import Density, density
from taskorder.inference.engines.mode import climbed, settled
from taskorder.inference.engines.sufficient import sufficient
from taskorder.inference.fitting import choose
from taskorder.inference.layout.design import Design, build_design
from taskorder.inference.layout.levels import group_levels
from taskorder.inference.spec import ModelSpec
from taskorder.results.catalogue import Covariates

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

TOLERANCE = 1e-6
"""Of the search for the mode: what is expected of a row changes by hundredths of a point beyond it."""


def foretold(means: pd.DataFrame, hidden: Booleans, spec: ModelSpec, covariates: Covariates) -> Floats:
    """Return what a model that is fitted to some rows expects of the others.

    Parameters
    ----------
    means : DataFrame
        N rows, as `averaged` gives them.
    hidden : array (N,) of bool
        The rows whose scores are not to be seen.
    spec : ModelSpec
        A Gaussian one; as `lean` returns it.
    covariates : Covariates
        Without what was measured on the hidden scores.

    Returns
    -------
    array (N,)
        On the model's scale; NaN where the row has no moderators.

    Raises
    ------
    InvalidModel
        Where the linear effects of the model cannot be integrated out.
    MissingData
        Where the rows that are left do not determine the model.
    """
    choose("collapsed", spec)
    design = build_design(_blinded(means, hidden, spec.outcome.column), spec, covariates)
    cells = np.zeros(len(design.cells.mean), dtype=bool)
    cells[design.row_cell[hidden & (design.row_cell >= 0)]] = True
    Remaining.of(design, spec).refuse_without(cells)
    with threadpool_limits(limits=1, user_api="blas"):
        everything = density(design, spec)
        rest = everything.less(sufficient(design, everything.sums.shift, cells))
        begun = settled(rest, design)
        u = climbed(begun.density, begun.u, begun.covariance, tolerance=TOLERANCE)
        expected = _expected(design, begun.density, u)
    return np.where(design.row_cell >= 0, expected[design.row_cell], np.nan)


def _blinded(means: pd.DataFrame, hidden: Booleans, column: str) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    outcome = means[column].to_numpy(dtype=float).copy()
    outcome[hidden] = rng.choice(outcome[~hidden], int(hidden.sum()))
    return means.assign(**{column: outcome})


def _expected(design: Design, rest: Density, u: Floats) -> Floats:
    """Return the expected outcome of every cell, (C,), at one vector of parameters (D,)."""
    coefficients, _ = rest.coefficients(u)
    weight = rest.weights(rest.coordinates.unpack(u[:, None]))[:, 0]
    parts = [w * (matrix @ coefficients) for w, matrix in zip(weight, design.effects, strict=True)]
    return np.sum(parts, axis=0)


def lean(spec: ModelSpec, means: pd.DataFrame) -> ModelSpec:
    """Return a model for rows that are means: without the groups of which each level has one row.

    Effects of single rows cannot be told from the residual, and say nothing of other rows. Stages that have
    no value of a moderator are left out: there is nothing to foretell them by. What the model reports is left
    out, too.
    """
    levels, _ = group_levels(means, spec)
    shared = {
        name: group for name, group in spec.groups.items() if name not in levels or _repeats(levels[name])
    }
    sequence = spec.sequence and spec.sequence.model_copy(update={"missing": "drop"})
    return spec.model_copy(update={"groups": shared, "sequence": sequence, "estimands": {}})


def _repeats(level: pd.Series) -> bool:
    return bool(level[level != ""].duplicated().any())
