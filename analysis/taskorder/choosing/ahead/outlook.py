"""What rows to come would tell of an estimand, from a fit to the rows that are there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from taskorder.choosing.ahead.cloud import Cloud
from taskorder.choosing.ahead.coming import Coming, only
from taskorder.choosing.ahead.effect import Outlook, effect_at, effect_of
from taskorder.choosing.ahead.estimand import LINEAR, OF_ORDERS, SIGNED, value_of
from taskorder.choosing.ahead.information import parameters_of, point_at
from taskorder.choosing.ahead.told import Told, told, truths_of
from taskorder.errors import FitFailed, MissingData
from taskorder.inference.engines.collapsed import Sampled, drawn
from taskorder.inference.engines.density import Density, density
from taskorder.inference.engines.mode import mode
from taskorder.inference.estimands import points_per_unit
from taskorder.inference.fitting import choose
from taskorder.inference.layout.design import Design, build_design
from taskorder.inference.spec import ModelSpec
from taskorder.results.catalogue import Covariates

Integers = NDArray[np.int64]

DRAWS = 600
"""Draws of theta that are made."""
MOST_ROWS = 2_500


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
    to_come = Coming(design, design.row_cell[taken], run[taken])
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
    density: Density, there: Design, sampled: Sampled, spec: ModelSpec, name: str, coming: Coming
) -> Outlook:
    u = sampled.u.reshape(len(sampled.u), -1)
    effect = effect_of(coming.design, spec.estimands[name])
    effect *= points_per_unit(spec, coming.design.reference)
    return effect_at(density, there, u, effect, coming)


def _of_theta(
    density: Density, there: Design, sampled: Sampled, spec: ModelSpec, name: str, coming: Coming
) -> Told:
    u = sampled.u.reshape(len(sampled.u), -1)
    theta = density.coordinates.unpack(u)
    slopes = _slopes(there, spec) if spec.estimands[name].function in OF_ORDERS else {}
    at = np.array([*slopes.values()], dtype=np.int64)
    parameters = parameters_of(theta, recency=len(there.effects) > 1)
    coefficients = sampled.coefficients.reshape(-1, u.shape[1])[at]
    draws = np.concatenate([parameters, coefficients])
    value = value_of(there, spec, name, list(slopes), draws)
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


def _reference(rows: pd.DataFrame, spec: ModelSpec, design: Design) -> float:
    """Return the score at which points are stated: that of the rows that are there."""
    if spec.outcome.reference is not None or spec.outcome.trials:
        return design.reference
    return float(rows[spec.outcome.column].mean())
