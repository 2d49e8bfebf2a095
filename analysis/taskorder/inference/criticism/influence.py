"""How far parts of the data move the estimands, to the first order: no part is left out in full.

Without a part the mode of theta is where a few Newton steps lead, the curvature being that of all data; draws
of theta go there as they are, unweighted, and coefficients are drawn at each given the rest of the data, from
the same random numbers for every part. What is left of an estimand's mean is what the part moves. It costs a
small part of what `leaving_out` does, which weighs the draws, and is as good where a part is small.

Reference: Giordano, Stephenson, Liu, Jordan & Broderick (2019), AISTATS, "A Swiss Army infinitesimal
jackknife".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from taskorder.errors import FitFailed, MissingData
from taskorder.inference.criticism.cloud import Weighted
from taskorder.inference.criticism.remaining import Remaining
from taskorder.inference.engines import collapsed, importance
from taskorder.inference.engines.density import Density
from taskorder.inference.engines.mode import LONGEST, Mode
from taskorder.inference.engines.sufficient import sufficient
from taskorder.inference.engines.threads import in_threads
from taskorder.inference.estimands import by_level, estimands
from taskorder.inference.layout.design import Design
from taskorder.inference.spec import ModelSpec

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

THETAS, TIMES = 16, 8
"""Draws of theta, and of the coefficients at each."""
STEPS, NEAR = 3, 0.3
"""Newton steps, and how far in standard deviations the next one may lead."""


def influence(
    design: Design,
    spec: ModelSpec,
    start: Mode,
    found: Weighted,
    parts: Sequence[tuple[str, Booleans]],
    *,
    seed: int,
) -> pd.DataFrame:
    """Tell how far each part moves the mean of every estimand, given all others.

    Parameters
    ----------
    design : Design
    spec : ModelSpec
    start : Mode
        Of the posterior of all data.
    found : Weighted
        Its draws.
    parts : sequence of (str, array (C,) of bool)
        The name of each part, and its cells.
    seed : int

    Returns
    -------
    DataFrame
        The columns `group, estimand, shift, problem`: one row a part and estimand. Where `problem` says why
        nothing can be told of a part, the shift is missing.
    """
    chosen = importance.resampled(found.weight, THETAS, np.random.default_rng(seed))
    full, u = found.density, np.tile(found.u[:, chosen], TIMES)
    remaining = Remaining.of(design, spec)

    def drawn(density: Density, away: Floats) -> tuple[Floats, Floats]:
        there = u + away[:, None]
        return there, density.drawn(there[:, :THETAS], np.random.default_rng(seed), TIMES)[1]

    def one(cells: Booleans) -> tuple[Floats, Floats] | str:
        try:
            remaining.refuse_without(cells)
            rest = full.less(sufficient(design, full.sums.shift, cells))
            return drawn(rest, _away(rest, start) - mode)
        except (FitFailed, MissingData) as error:
            return str(error)
        except np.linalg.LinAlgError:
            return "no mode can be found without it"

    with threadpool_limits(limits=1, user_api="blas"):
        mode = _away(full, start)
        everything = drawn(full, np.zeros(len(u)))
        without = dict(zip([name for name, _ in parts], in_threads(one, [c for _, c in parts]), strict=True))
    told = {"": everything} | {name: one for name, one in without.items() if not isinstance(one, str)}
    problems = {name: one for name, one in without.items() if isinstance(one, str)}
    means = _means(design, spec, full, told)
    moved = (means.loc[""] - means).drop(index="").reindex([name for name, _ in parts])
    found_of = moved.rename_axis("group").reset_index().melt("group", var_name="estimand", value_name="shift")
    return found_of.assign(problem=[problems.get(name, "") for name in found_of["group"]])


def _away(rest: Density, start: Mode) -> Floats:
    """Return how far the mode moves, (D,): Newton steps with the curvature where they begin.

    Raises
    ------
    FitFailed
        Where they do not come near it.
    """
    away = np.zeros(len(start.u))
    for _ in range(STEPS):
        slope = rest.value_and_slope(start.u + away)[1]
        size = float(np.sqrt(max(slope @ start.covariance @ slope, 0.0)))
        away = away + start.covariance @ slope * min(1.0, LONGEST / max(size, LONGEST))
    inside = rest.coordinates.inside((start.u + away)[:, None])[0]
    slope = rest.value_and_slope(start.u + away)[1] if inside else np.full(len(away), np.inf)
    if not slope @ start.covariance @ slope < NEAR**2:
        raise FitFailed("it is too much of the data for steps from all of them; --full leaves it out")
    return away


def _means(
    design: Design, spec: ModelSpec, full: Density, told: Mapping[str, tuple[Floats, Floats]]
) -> pd.DataFrame:
    """Return the means of all estimands, one row a part."""
    u, coefficients = (np.stack(arrays, axis=1) for arrays in zip(*told.values(), strict=True))
    values = estimands(collapsed.posterior_of(design, full, u, coefficients), design, spec)
    return pd.DataFrame(dict(by_level(values.mean("draw"))), index=pd.Index(list(told)))
