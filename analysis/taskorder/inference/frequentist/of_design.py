"""A model of outcomes with known variances, estimated by REML from its design.

A design whose rows each have a level of their own in its one group is a plain meta-regression; any other is
multilevel. Both are given with cluster-robust errors, too, where rows fall into clusters that the model takes
to be independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.errors import FitFailed, MissingData
from taskorder.inference.frequentist.covariance import Blocks, components, diagonal
from taskorder.inference.frequentist.estimate import Estimate, of_coefficients
from taskorder.inference.frequentist.heterogeneity import Method
from taskorder.inference.frequentist.meta_regression import MetaRegression, meta_regression, predict
from taskorder.inference.frequentist.multilevel import RandomTerm, multilevel
from taskorder.inference.frequentist.multilevel import predict as multilevel_predict
from taskorder.inference.frequentist.publication_bias import pet_peese, small_studies
from taskorder.inference.frequentist.robust import cluster_robust
from taskorder.inference.frequentist.wald import Joint
from taskorder.inference.layout.design import Design
from taskorder.inference.spec import ModelSpec

Floats = NDArray[np.float64]

FEWEST_STUDIES = 10
"""Tests of small-study effects have no power with fewer (Sterne et al. 2011, BMJ 343:d4002)."""
FEWEST_CLUSTERS = 4
"""Fewer clusters than this give no errors worth printing."""
LARGEST_BLOCK = 1500
"""Rows that random effects tie together; inverting larger covariances over and over takes minutes."""


@dataclass(frozen=True)
class _Data:
    """Outcomes (N,), their variances (N,), fixed terms (N, P) with their names, and random terms."""

    y: Floats
    v: Floats
    x: Floats
    terms: tuple[str, ...]
    random: tuple[RandomTerm, ...]


def estimates(design: Design, spec: ModelSpec) -> list[Estimate]:
    """Estimate what a model of known variances estimates.

    Parameters
    ----------
    design : Design
        Of a model without a sequence.
    spec : ModelSpec

    Returns
    -------
    list of Estimate
        Empty where there are no fixed terms, the rows cannot carry them, or random effects tie too many rows
        together.
    """
    data = _data(design, spec)
    unit = spec.outcome.scale
    if not data.terms:
        return []
    try:
        if not data.random:
            return _univariate(data, "EE", "", unit)
        if _plain(data):
            return _univariate(data, "REML", data.random[0].name, unit)
        largest = max(len(rows) for rows in components(len(data.y), [term.levels for term in data.random]))
        return _multilevel(data, unit) if largest <= LARGEST_BLOCK else []
    except (MissingData, FitFailed):
        return []


def _data(design: Design, spec: ModelSpec) -> _Data:
    effects = design.effects[0]
    fixed = [block for block in design.blocks if not block.labels]
    x = effects[:, [block.start for block in fixed]].toarray() + [block.centre for block in fixed]
    random: list[RandomTerm] = []
    for block in design.blocks:
        if block.labels:
            entries = effects[:, block.columns].tocoo()
            levels, values = np.full(effects.shape[0], -1, dtype=np.int64), np.zeros((effects.shape[0], 1))
            levels[entries.row], values[entries.row, 0] = entries.col, entries.data
            random.append(RandomTerm(block.sd, levels, values))
    if spec.residual.sd is None:
        random += _residuals(design)
    cells = design.cells
    return _Data(cells.mean, cells.v / cells.n, x, tuple(block.name for block in fixed), tuple(random))


def _residuals(design: Design) -> list[RandomTerm]:
    """Return the residual of each level as effects of the rows themselves."""
    rows = np.arange(len(design.cells.mean))
    names = [f"residual:{level}" for level in design.residual_levels] or ["residual"]
    columns = design.cells.n[:, None] ** -0.5
    return [
        RandomTerm(name, np.where(design.cells.level == i, rows, -1), columns) for i, name in enumerate(names)
    ]


def _plain(data: _Data) -> bool:
    """Say whether the one random term is the heterogeneity of independent rows."""
    term = data.random[0]
    own = len(np.unique(term.levels)) == len(data.y) and int(term.levels.min()) >= 0
    return len(data.random) == 1 and own and bool((term.columns == 1).all() and (data.v > 0).all())


def _univariate(data: _Data, method: Method, group: str, unit: str) -> list[Estimate]:
    equal = method == "EE"
    fit = meta_regression(data.y, data.v, data.x, data.terms, method=method, test="z" if equal else "knha")
    name = "equal effects" if equal else method
    found = of_coefficients(fit.coefficients, name if equal else f"{name}, Knapp-Hartung", unit)
    found += _robust(data, diagonal(fit.v + fit.tau2), np.arange(len(fit.y)), name, unit)
    if group:
        low, high = (end**0.5 for end in fit.tau2_interval)
        found.append(
            Estimate(group, "REML, interval by Q-profile", fit.tau2**0.5, unit, lower=low, upper=high)
        )
    found += [_q(fit.q), Estimate("I2", name, fit.i2, "%")]
    if fit.terms == ("1",):
        found += [_of_new_study(predict(fit), max(len(fit.y) - 2.0, 1.0), unit)] if group else []
        found += _of_small_studies(fit, unit) if len(fit.y) >= FEWEST_STUDIES else []
    return found


def _multilevel(data: _Data, unit: str) -> list[Estimate]:
    fit = multilevel(data.y, data.v, data.random, data.x, data.terms)
    cluster = np.zeros(len(data.y), dtype=np.int64)
    for i, rows in enumerate(fit.covariance.rows):
        cluster[rows] = i
    found = of_coefficients(fit.coefficients, "REML", unit)
    found += _robust(data, fit.covariance, cluster, "REML", unit)
    found += [Estimate(name, "REML", float(g[0, 0]) ** 0.5, unit) for name, g in fit.covariances.items()]
    if np.isfinite(fit.q.statistic):
        found.append(_q(fit.q))
    found += [Estimate(f"I2 {name}", "REML", i2, "%") for name, i2 in fit.i2.items()]
    if fit.terms == ("1",) and fit.intercepts_only:
        found.append(_of_new_study(multilevel_predict(fit), np.inf, unit))
    return found


def _robust(
    data: _Data, covariance: Blocks, cluster: NDArray[np.int64], name: str, unit: str
) -> list[Estimate]:
    clusters = len(covariance.rows)
    if clusters < FEWEST_CLUSTERS:
        return []
    found = cluster_robust(data.y, data.x, covariance, cluster, data.terms)
    return of_coefficients(found.coefficients, f"{name}, CR2 over {clusters} clusters", unit)


def _q(test: Joint) -> Estimate:
    return Estimate("Q", "test of heterogeneity", test.statistic, "chi-squared", df=test.df, p=test.p)


def _of_new_study(prediction: pd.DataFrame, df: float, unit: str) -> Estimate:
    row = prediction.iloc[0]
    ends = {"lower": float(row["predicted_lower"]), "upper": float(row["predicted_upper"])}
    return Estimate("1", "REML, prediction interval", float(row["estimate"]), unit, df=df, **ends)


def _of_small_studies(fit: MetaRegression, unit: str) -> list[Estimate]:
    egger = small_studies(fit.y, fit.v).iloc[1:]
    corrected = pet_peese(fit.y, fit.v)
    return [
        *of_coefficients(egger, "Egger's test, mixed effects", f"{unit} per se"),
        *of_coefficients(corrected.regression.iloc[:1], f"{corrected.chosen} of PET-PEESE", unit),
    ]
