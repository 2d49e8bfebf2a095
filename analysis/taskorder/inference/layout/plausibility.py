"""Notes about values that can be, but are hardly what they are said to be: a fit goes on, and says so."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from taskorder.inference.layout.observations import BINOMIAL, Observations
from taskorder.inference.spec import ModelSpec

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

BY_CHANCE = 1e-4
"""Outcomes that vary so little less than once in so many data sets are worth a note."""
NEGLIGIBLE = 1e-4
"""Known variances below this share of the outcome's variance say next to nothing."""
TINY_SD = 0.0005
"""Seeds of one run have seldom differed by less: a twentieth of a point."""
TINY_SHARE = 0.02
"""... and seldom by less than this share of the spread over runs."""
FAR = 20.0
"""Robust standard deviations from the median at which a value is far from all others."""
MAD_TO_SD = 1.4826
FEW = 5
"""Fewer rows say nothing of a spread."""


def doubts(table: pd.DataFrame, seen: Observations, spec: ModelSpec) -> list[str]:
    """Return a note on each kind of value that is probably not what its column says.

    Parameters
    ----------
    table : DataFrame
        The rows to be modelled.
    seen : Observations
        Their outcomes on the model's scale.
    spec : ModelSpec
    """
    notes: list[str] = []
    if spec.outcome.variance:
        notes += _variances(seen, spec)
    elif spec.data.layout == "results" and {"sd", "n_seeds"} <= set(table.columns):
        notes += [*_less_than_one_answer(table), *_tiny_sds(table)]
    if spec.outcome.likelihood == "normal":
        notes += _far_away(seen, spec)
    return notes


def _variances(seen: Observations, spec: ModelSpec) -> list[str]:
    """Compare Cochran's Q with its least plausible value: heterogeneity can only add to it."""
    y, v = seen.y, seen.v
    if len(y) < FEW or not (v > 0).all():
        return []
    weight = 1.0 / v
    q, df = float(np.sum(weight * (y - np.average(y, weights=weight)) ** 2)), len(y) - 1
    columns = f"{spec.outcome.column!r} and {spec.outcome.variance!r}"
    if stats.chi2.cdf(q, df) < BY_CHANCE:
        return [
            f"[outcome] variance: {columns} do not fit: outcomes with these sampling variances vary more"
            f" (Q = {q:.3g} on {df} degrees of freedom); are they standard errors, or in another unit?"
        ]
    share = float(np.median(v) / np.var(y))
    if share < NEGLIGIBLE:
        return [
            f"[outcome] variance: {columns} hardly fit: the typical sampling variance is {share:.1g} of the"
            f" variance of the outcomes; are they in another unit, or squared once too often?"
        ]
    return []


def _less_than_one_answer(table: pd.DataFrame) -> list[str]:
    """Find sds below the least that seeds can have whose scores are not all the same.

    One seed with one right answer more than the others, of n_test items, gives 1 / (n_test sqrt(n_seeds));
    half of it is allowed for rounding.
    """
    if "n_test" not in table:
        return []
    sd, n_seeds, n_test = (_numbers(table, name) for name in ("sd", "n_seeds", "n_test"))
    told = (sd > 0) & (n_seeds > 1) & (n_test > 0) & table["metric"].isin(BINOMIAL).to_numpy(dtype=bool)
    small = np.zeros(len(table), dtype=bool)
    small[told] = sd[told] < 0.5 / (n_test[told] * np.sqrt(n_seeds[told]))
    if not small.any():
        return []
    first = int(np.flatnonzero(small)[0])
    return [
        f"column 'sd': {int(small.sum()):,} values in {_studies(table, small)} are smaller than one right"
        f" answer more or less makes, such as {sd[first]:.3g} of {n_test[first]:g} items (row {first + 1} of"
        f" the rows to fit); are they variances? sd is the standard deviation over seeds"
    ]


def _tiny_sds(table: pd.DataFrame) -> list[str]:
    """Find studies whose sds are tiny as such and beside the spread of their scores on one evaluation set."""
    notes: list[str] = []
    sd, score = _numbers(table, "sd"), _numbers(table, "score")
    told = (sd > 0) & (_numbers(table, "n_seeds") > 1)
    place = [table[name].to_numpy() for name in ("study", "target", "language", "metric")]
    away = score - pd.Series(score).groupby(place).transform("mean").to_numpy()
    for study, rows in table.groupby("study").indices.items():
        own = sd[rows][told[rows]]
        if len(own) < FEW:
            continue
        typical, spread = float(np.median(own)), float(np.std(away[rows]))
        if typical < min(TINY_SD, TINY_SHARE * spread):
            notes.append(
                f"column 'sd': the typical value in study {study!r} is {typical:.2g}, which is"
                f" {typical / spread:.1g} of the spread of its scores; are they variances or standard errors?"
                f" sd is the standard deviation over seeds"
            )
    return notes


def _far_away(seen: Observations, spec: ModelSpec) -> list[str]:
    centre = float(np.median(seen.y))
    away = np.abs(seen.y - centre)
    width = MAD_TO_SD * float(np.median(away))
    if len(seen.y) < FEW or not 0 < FAR * width < away.max():
        return []
    row = int(away.argmax())
    return [
        f"[outcome] column: {int((away > FAR * width).sum()):,} values of {spec.outcome.column!r} are far"
        f" from all others, such as {seen.y[row]:.4g} where the median is {centre:.4g} (row {row + 1} of the"
        f" rows to fit); correct them, or choose likelihood = 'student_t', which they move less"
    ]


def _studies(table: pd.DataFrame, rows: Booleans) -> str:
    return ", ".join(sorted(table["study"][rows].astype(str).unique()))


def _numbers(table: pd.DataFrame, name: str) -> Floats:
    return table[name].to_numpy(dtype=np.float64, na_value=np.nan)
