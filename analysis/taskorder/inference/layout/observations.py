"""The outcome of each row on the model's scale, and what is known of its noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.errors import MissingData, nearest
from taskorder.inference.scales import SCALES, sd_on_scale
from taskorder.inference.spec import ModelSpec
from taskorder.results.schema import CORRELATIONS

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


BINOMIAL = ("accuracy", "exact_match")
"""Metrics that are a number of right answers out of `n_test`."""


@dataclass(frozen=True)
class Counts:
    """Successes out of trials, arrays of one length."""

    successes: Floats
    trials: Floats

    def logit(self) -> tuple[Floats, Floats]:
        """Return the empirical logits and their sampling variances (Gart and Zweifel 1967).

        Half a success and half a failure are added, so that none of them is infinite.
        """
        right, wrong = self.successes + 0.5, self.trials - self.successes + 0.5
        return np.log(right / wrong), 1.0 / right + 1.0 / wrong


@dataclass(frozen=True)
class Observations:
    """N rows: each the mean of `n` replicates, or a count.

    Attributes
    ----------
    y : array (N,)
        The outcome on the model's scale.
    n, ss, df : array (N,)
        Replicates behind the row, their sum of squares about `y` and its degrees of freedom (0 where the
        row reports no sd).
    v : array (N,)
        Known sampling variance; 0 where there is none.
    counts : Counts or None
        Where the likelihood is one of counts; `y` are their empirical logits then.
    pooled : bool
        Whether the rows of a cell may be summed up.
    """

    y: Floats
    n: Floats
    ss: Floats
    df: Floats
    v: Floats
    counts: Counts | None = None
    pooled: bool = True

    @property
    def apart(self) -> Floats:
        """What keeps rows apart that have one linear predictor: their variance, or each for itself."""
        return self.v if self.pooled else np.arange(len(self.y), dtype=np.float64)

    def cells(self, cell: Integers, count: int, level: Integers) -> Cells:
        """Pool rows of one cell; rows whose cell is negative are left out.

        Rows y_i ~ Normal(eta, s2 / n_i) of one cell give their weighted mean, and their spread about it adds
        one degree of freedom a row but the first. Binomial counts add up.
        """
        rows = cell >= 0
        where = cell[rows]
        if self.counts is not None:
            successes = np.bincount(where, self.counts.successes[rows], count)
            return _count_cells(Counts(successes, np.bincount(where, self.counts.trials[rows], count)), level)
        y, n = self.y[rows], self.n[rows]
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
    counts : Counts or None
        Where the likelihood is one of counts; `mean` and `v` are those of their empirical logits then.
    """

    mean: Floats
    n: Floats
    ss: Floats
    df: Floats
    v: Floats
    level: Integers
    counts: Counts | None = None

    @cached_property
    def sd(self) -> float:
        """The standard deviation of all replicates; 1 where they are all the same."""
        n = self.n.sum()
        centre = self.n @ self.mean / n
        return float(np.sqrt((self.n @ (self.mean - centre) ** 2 + self.ss.sum()) / n)) or 1.0

    @cached_property
    def noise(self) -> tuple[Floats, Integers]:
        """The pairs of v and level that there are, (G, 2), and which of them is each cell's, (C,)."""
        pairs, group = np.unique(np.column_stack([self.v, self.level]), axis=0, return_inverse=True)
        return pairs.astype(np.float64), group.reshape(-1).astype(np.int64)


def _count_cells(counts: Counts, level: Integers) -> Cells:
    mean, v = counts.logit()
    nothing = np.zeros(len(mean))
    return Cells(mean, np.ones(len(mean)), nothing, nothing, v, level, counts)


def observe(table: pd.DataFrame, spec: ModelSpec) -> Observations:
    """Read the outcome that a model names.

    Parameters
    ----------
    table : DataFrame
        The rows to be modelled.
    spec : ModelSpec
        Names the outcome, its scale, its likelihood and its known variance. In the tidy layout, `n_seeds` and
        `sd` say what replicates are behind a row, and `n_test` how many trials are behind a count.

    Raises
    ------
    MissingData
        Where the outcome or the variance has values that the model cannot take.
    """
    outcome = spec.outcome
    pooled = outcome.family.pooled
    if outcome.family.counts:
        counts = _counts(table, spec)
        nothing = np.zeros(len(table))
        return Observations(counts.logit()[0], np.ones(len(table)), nothing, nothing, nothing, counts, pooled)
    scale = SCALES[outcome.scale]
    score = _numbers(table, outcome.column, "[outcome] column")
    outside = (score < scale.lowest) | (score > scale.highest)
    if outside.any():
        raise MissingData(
            f"[outcome] scale = {scale.name!r}: {int(outside.sum()):,} values of {outcome.column!r} are"
            f" outside what it accepts, such as {score[outside][0]:g} ({_first(outside)});"
            f" {_HINTS[scale.name]}"
        )
    _refuse_correlations(table, spec)
    y = scale.forward(score)
    nothing = np.zeros(len(table))
    if outcome.variance:
        v = _variance(table, spec)
        return Observations(y, np.ones(len(table)), nothing, nothing, v, pooled=pooled)
    if spec.data.layout == "any" or "n_seeds" not in table:
        return Observations(y, np.ones(len(table)), nothing, nothing, nothing, pooled=pooled)
    n = table["n_seeds"].fillna(1.0).to_numpy(dtype=np.float64)
    sd = table["sd"].astype("float64").to_numpy() if "sd" in table else np.full(len(table), np.nan)
    told = (n > 1) & ~np.isnan(sd)
    df = np.where(told, n - 1.0, 0.0)
    ss = np.where(told, df * sd_on_scale(scale, score, np.where(told, sd, 0.0)) ** 2, 0.0)
    return Observations(y, n, ss, df, nothing, pooled=pooled)


def _counts(table: pd.DataFrame, spec: ModelSpec) -> Counts:
    outcome = spec.outcome
    if spec.data.layout == "results":
        return _right_answers(table, spec)
    successes = _whole_numbers(table, outcome.column, "[outcome] column")
    trials = _whole_numbers(table, outcome.trials, "[outcome] trials")
    wrong = (trials < 1) | (successes > trials)
    if wrong.any():
        raise MissingData(
            f"[outcome] trials: {int(wrong.sum()):,} rows have no trial, or fewer trials than successes, such"
            f" as {successes[wrong][0]:g} of {trials[wrong][0]:g} ({_first(wrong)}); `column` counts the"
            f" successes, `trials` all trials"
        )
    return Counts(successes, trials)


def _right_answers(table: pd.DataFrame, spec: ModelSpec) -> Counts:
    """Return the right answers behind accuracies; a mean over seeds stands for the answers of all of them."""
    place = f"[outcome] likelihood = {spec.outcome.likelihood!r}"
    other = sorted(set(table["metric"].unique()) - set(BINOMIAL))
    if other:
        raise MissingData(
            f"{place} is for {' and '.join(BINOMIAL)}, not for {', '.join(other)}, which are no counts of"
            f" right answers; leave these rows out with [data] where = \"metric == 'accuracy'\""
        )
    score = _numbers(table, spec.outcome.column, "[outcome] column")
    n_test = _whole_numbers(table, "n_test", f"{place} needs to know how many items were scored")
    wrong = (n_test < 1) | (score < 0) | (score > 1)
    if wrong.any():
        raise MissingData(
            f"{place}: {int(wrong.sum()):,} rows have no item in n_test, or a score outside [0, 1], such as"
            f" {score[wrong][0]:g} of {n_test[wrong][0]:g} ({_first(wrong)}); correct them, or leave them out"
            f" with [data] where"
        )
    seeds = table["n_seeds"].fillna(1.0).to_numpy(dtype=np.float64) if "n_seeds" in table else 1.0
    means = np.broadcast_to(np.asarray(seeds) > 1, n_test.shape)
    if means.any() and not spec.outcome.family.pooled:
        raise MissingData(
            f"{place}: {int(means.sum()):,} rows are means over seeds ({_first(means)}), which hide how the"
            f" seeds vary; leave them out with [data] where, or choose likelihood = 'normal'"
        )
    trials = n_test * seeds
    return Counts(np.round(score * trials), trials)


def _whole_numbers(table: pd.DataFrame, name: str, place: str) -> Floats:
    values = _numbers(table, name, place)
    wrong = (values != np.round(values)) | (values < 0)
    if wrong.any():
        raise MissingData(
            f"{place}: {int(wrong.sum()):,} values of {name!r} are no counts, such as {values[wrong][0]:g}"
            f" ({_first(wrong)}); counts are whole numbers from 0"
        )
    return values


_ELSE = "choose rows with [data] where, or another scale"
_HINTS = {
    "arcsine": f"correlations can be negative: {_ELSE}",
    "logit": f"0 and 1 have no logit: take arcsine, or counts (likelihood = 'binomial'); else {_ELSE}",
    "identity": _ELSE,
}


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
