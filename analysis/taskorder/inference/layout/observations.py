"""The outcome of each row on the model's scale, and what is known of its noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.errors import MissingData, nearest
from taskorder.inference.scales import SCALES, sd_on_scale
from taskorder.inference.spec import ModelSpec
from taskorder.results.schema import CORRELATIONS

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Observations:
    """N rows: each the mean of `n` replicates.

    Attributes
    ----------
    y : array (N,)
        The outcome on the model's scale.
    n, ss, df : array (N,)
        Replicates behind the row, their sum of squares about `y` and its degrees of freedom (0 where the
        row reports no sd).
    v : array (N,)
        Known sampling variance; 0 where there is none.
    """

    y: Floats
    n: Floats
    ss: Floats
    df: Floats
    v: Floats

    def cells(self, cell: Integers, count: int, level: Integers) -> Cells:
        """Pool rows of one cell; rows whose cell is negative are left out.

        Rows y_i ~ Normal(eta, s2 / n_i) of one cell give their weighted mean, and their spread about it adds
        one degree of freedom a row but the first.
        """
        rows = cell >= 0
        where, y, n = cell[rows], self.y[rows], self.n[rows]
        total = np.bincount(where, n, count)
        mean = np.bincount(where, n * y, count) / total
        between = np.bincount(where, n * (y - mean[where]) ** 2, count)
        ss = between + np.bincount(where, self.ss[rows], count)
        df = np.bincount(where, minlength=count) - 1.0 + np.bincount(where, self.df[rows], count)
        v = np.bincount(where, self.v[rows], count) / np.bincount(where, minlength=count)
        return Cells(mean, total, ss, df, v, level)


@dataclass(frozen=True)
class Cells:
    """Sets of replicates, as arrays over C cells.

    Attributes
    ----------
    mean, n, ss, df : array (C,)
        Mean on the model's scale, number of replicates, sum of squares about the mean and its degrees
        of freedom.
    v : array (C,)
        Known sampling variance of one replicate.
    level : array (C,) of int
        Which residual sd applies.
    """

    mean: Floats
    n: Floats
    ss: Floats
    df: Floats
    v: Floats
    level: Integers


def observe(table: pd.DataFrame, spec: ModelSpec) -> Observations:
    """Read the outcome that a model names.

    Parameters
    ----------
    table : DataFrame
        The rows to be modelled.
    spec : ModelSpec
        Names the outcome, its scale and its known variance. In the tidy layout, `n_seeds` and `sd` say
        what replicates are behind a row.

    Raises
    ------
    MissingData
        Where the outcome or the variance has values that the model cannot take.
    """
    outcome = spec.outcome
    scale = SCALES[outcome.scale]
    score = _numbers(table, outcome.column, "[outcome] column")
    outside = (score < scale.lowest) | (score > scale.highest)
    if outside.any():
        raise MissingData(
            f"[outcome] scale = {scale.name!r}: {int(outside.sum()):,} values of {outcome.column!r} are"
            f" outside what it accepts, such as {score[outside][0]:g} ({_first(outside)}); choose rows with"
            f" [data] where (correlations can be negative), or another scale"
        )
    _refuse_correlations(table, spec)
    y = scale.forward(score)
    nothing = np.zeros(len(table))
    if outcome.variance:
        v = _variance(table, spec)
        return Observations(y, np.ones(len(table)), nothing, nothing, v)
    if spec.data.layout == "any" or "n_seeds" not in table:
        return Observations(y, np.ones(len(table)), nothing, nothing, nothing)
    n = table["n_seeds"].fillna(1.0).to_numpy(dtype=np.float64)
    sd = table["sd"].astype("float64").to_numpy() if "sd" in table else np.full(len(table), np.nan)
    told = (n > 1) & ~np.isnan(sd)
    df = np.where(told, n - 1.0, 0.0)
    ss = np.where(told, df * sd_on_scale(scale, score, np.where(told, sd, 0.0)) ** 2, 0.0)
    return Observations(y, n, ss, df, nothing)


def _refuse_correlations(table: pd.DataFrame, spec: ModelSpec) -> None:
    if spec.data.layout == "any" or spec.outcome.scale == "identity":
        return
    found = sorted(set(table["metric"].unique()) & CORRELATIONS)
    if found:
        raise MissingData(
            f"[outcome] scale = {spec.outcome.scale!r} is for scores in [0, 1], not for {', '.join(found)};"
            f" leave these rows out with [data] where, or choose scale = 'identity'"
        )


def _numbers(table: pd.DataFrame, name: str, place: str) -> Floats:
    if name not in table:
        known = [str(column) for column in table.columns]
        raise MissingData(f"{place}: the table has no column {name!r}.{nearest(name, known)}")
    if not pd.api.types.is_numeric_dtype(table[name]):
        raise MissingData(f"{place}: column {name!r} holds text, such as {str(table[name].iloc[0])!r}")
    values = table[name].to_numpy(dtype=float, na_value=np.nan)
    bad = ~np.isfinite(values)
    if bad.any():
        raise MissingData(
            f"{place}: {int(bad.sum()):,} rows have no number in {name!r} ({_first(bad)});"
            f" leave them out with [data] where"
        )
    return values


def _variance(table: pd.DataFrame, spec: ModelSpec) -> Floats:
    name = spec.outcome.variance
    v = _numbers(table, name, "[outcome] variance")
    wrong = v < 0 if spec.residual.sd is None else v <= 0
    if wrong.any():
        remedy = (
            "a variance is positive"
            if spec.residual.sd is None
            else "with [residual] sd = 0 it must be above 0"
        )
        raise MissingData(
            f"[outcome] variance: {int(wrong.sum()):,} values of {name!r} are not possible, such as"
            f" {v[wrong][0]:g} ({_first(wrong)}); {remedy}"
        )
    return v


def _first(rows: NDArray[np.bool_]) -> str:
    return f"first in row {int(np.flatnonzero(rows)[0]) + 1} of the rows to fit"
