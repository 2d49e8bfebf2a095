"""The frequentist companion of fixed terms: least squares, with errors clustered by what is independent.

In a network of treatments the mean scores of each trial's arms are set against the treatments, the levels of
trials being absorbed (both sides are centred within them), so that only comparisons within trials count: the
fixed-effects estimator of a network meta-analysis of arms. Without networks the rows are set against all
fixed terms at once; where there are stages, within evaluation sets, beside the number of stages, which stands
for their effects.

Errors are clustered by study where there are enough and no trial spans two of them, else by the first other
column that is so (Cameron and Miller 2015, Journal of Human Resources 50, 317-372). The t distribution has
one degree of freedom less than there are clusters in which a term varies; what one cluster alone determines
has no errors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from statsmodels.regression.linear_model import OLS

from taskorder.errors import MissingData
from taskorder.inference.frequentist.estimate import Estimate
from taskorder.inference.layout.levels import joined
from taskorder.inference.layout.terms import fixed_columns, level_name
from taskorder.inference.scales import SCALES
from taskorder.inference.spec import ModelSpec
from taskorder.inference.summary import INTERVAL
from taskorder.results.sequences import parse

Floats = NDArray[np.float64]

CLUSTERS = ("study", "target", "backbone", "language")
"""What may be independent, the first that has enough levels counts."""
FEWEST = 4
"""Fewer clusters than this give no errors worth printing."""
EVALUATION = ("study", "backbone", "tuning", "target", "train_language", "language", "metric")
"""What tells evaluation sets apart, on clean text and on perturbed."""
LEAST = 1e-9


def estimates(rows: pd.DataFrame, spec: ModelSpec) -> list[Estimate]:
    """Estimate the fixed terms of a model without moderators of stages.

    Parameters
    ----------
    rows : DataFrame
        As `select_rows` chose them.
    spec : ModelSpec

    Returns
    -------
    list of Estimate
        On the model's scale. Empty where the model has moderators, known variances or counts, where too few
        clusters are there, or the rows do not tell its terms apart.
    """
    moderated = spec.sequence is not None and bool(spec.sequence.moderators)
    suits = not moderated and not spec.outcome.variance and spec.outcome.likelihood == "normal"
    if not suits or spec.fixed.terms in {(), ("1",)}:
        return []
    scaled = rows.assign(y=SCALES[spec.outcome.scale].forward(rows[spec.outcome.column].to_numpy(float)))
    try:
        if spec.networks:
            return [one for column in spec.networks for one in _within_trials(scaled, spec, column)]
        return _of_rows(scaled, spec) if spec.sequence is None else _of_sequences(scaled, spec)
    except MissingData:
        return []


def _of_rows(rows: pd.DataFrame, spec: ModelSpec) -> list[Estimate]:
    x, by = _fixed(rows, spec), _cluster(rows, [str(name) for name in rows])
    return _estimates(rows["y"].to_numpy(float), x, rows, by, "least squares", spec.outcome.scale)


def _of_sequences(rows: pd.DataFrame, spec: ModelSpec) -> list[Estimate]:
    rows = rows.reset_index(drop=True)
    evaluation = [rows[name].fillna("") for name in EVALUATION if name in rows]
    stages = [float(len(parse(str(text)))) for text in rows["sequence"]]
    x = _fixed(rows, spec).assign(stages=stages)
    x = x - x.groupby(evaluation).transform("mean")
    y = rows["y"] - rows["y"].groupby(evaluation).transform("mean")
    x = x.loc[:, x.abs().max() > LEAST]
    by, method = _cluster(rows, [str(name) for name in rows]), "least squares within evaluation sets"
    found = _estimates(y.to_numpy(float), x, rows, by, method, spec.outcome.scale)
    return [one for one in found if one.term != "stages"]


def _fixed(rows: pd.DataFrame, spec: ModelSpec) -> pd.DataFrame:
    columns = fixed_columns(rows, spec.fixed.terms, spec.fixed.reference)
    return pd.DataFrame({one.name: one.centre + one.values for one in columns})  # noqa: PD011 (no frame)


def _within_trials(rows: pd.DataFrame, spec: ModelSpec, column: str) -> list[Estimate]:
    of_trial = list(spec.networks[column].trial)
    rows = rows.assign(trial=joined(rows, of_trial, f"[networks.{column}] trial"))
    by_arm = rows.groupby(["trial", column], sort=True)
    arms = by_arm.agg(y=("y", "mean"), **{name: (name, "first") for name in of_trial}).reset_index()
    arms = arms[arms.groupby("trial")[column].transform("size") > 1].reset_index(drop=True)
    levels = sorted(map(str, rows[column].unique()))
    reference = spec.fixed.reference.get(column, levels[0])
    x = pd.DataFrame(
        {
            level_name(column, level): (arms[column].astype(str) == level).astype(float)
            for level in levels
            if level != reference and (arms[column].astype(str) == level).any()
        }
    )
    centred = x - x.groupby(arms["trial"]).transform("mean")
    y = arms["y"] - arms.groupby("trial")["y"].transform("mean")
    by, method = _cluster(arms, of_trial), "least squares within trials"
    return _estimates(y.to_numpy(float), centred, arms, by, method, spec.outcome.scale)


def _cluster(rows: pd.DataFrame, among: Sequence[str]) -> str:
    """Return the first column whose levels may be independent and are enough; empty where none is."""
    return next((name for name in CLUSTERS if name in among and rows[name].nunique() >= FEWEST), "")


def _estimates(
    y: Floats, x: pd.DataFrame, rows: pd.DataFrame, by: str, method: str, unit: str
) -> list[Estimate]:
    values = x.to_numpy(float)
    if not by or not values.size or np.linalg.matrix_rank(values) < values.shape[1]:
        return []
    codes = pd.factorize(rows[by])[0]
    telling = (x.ne(0.0).groupby(codes).any()).sum() - 1
    found = OLS(y, values).fit(cov_type="cluster", cov_kwds={"groups": codes, "use_correction": True})
    method = f"{method}, errors clustered by {by}"
    return [
        _estimate(str(term), float(estimate), float(se), int(df), method, unit)
        for term, estimate, se, df in zip(x, found.params, found.bse, telling, strict=True)
    ]


def _estimate(term: str, estimate: float, se: float, df: int, method: str, unit: str) -> Estimate:
    if df < 1:
        return Estimate(term, method, estimate, unit)
    half = float(stats.t.ppf(0.5 + INTERVAL / 2, df)) * se
    p = float(2 * stats.t.sf(abs(estimate / se), df)) if se > 0 else float("nan")
    return Estimate(term, method, estimate, unit, se, estimate - half, estimate + half, float(df), p)
