"""Orders of the same tasks as repeated measures of the same subjects: languages, or seeds.

A subject is scored once under every order, so what is peculiar to it cancels. Three questions, by pingouin:
does the mean score differ among orders (repeated-measures analysis of variance, Greenhouse-Geisser
corrected), which orders differ and by how much (paired t tests, Holm-corrected, Hedges' g with the average
sd), and do the subjects' scores agree from order to order (intraclass correlation; McGraw and Wong 1996)?
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from taskorder.errors import MissingData, nearest
from taskorder.inference.summary import INTERVAL

Floats = NDArray[np.float64]

FEWEST_SUBJECTS = 3
"""With two subjects one degree of freedom is left for each difference."""


@dataclass(frozen=True)
class Variance:
    """A repeated-measures analysis of variance.

    Attributes
    ----------
    f, df, df_error : float
    p : float
        Greenhouse-Geisser corrected where there are more than two orders.
    p_uncorrected, epsilon : float
        Without the correction; the correction's factor of the degrees of freedom (1 for two orders).
    generalised_eta_squared : float
        Share of the variance (Olejnik and Algina 2003).
    """

    f: float
    df: float
    df_error: float
    p: float
    p_uncorrected: float
    epsilon: float
    generalised_eta_squared: float


@dataclass(frozen=True)
class Comparison:
    """Orders compared over the same subjects.

    Attributes
    ----------
    scores : DataFrame
        One row a subject, one column an order; means over rows that share both.
    variance : Variance
    pairs : DataFrame
        `first, second, difference, se, lower, upper, df, p, p_holm, hedges_g`: first minus second, in units
        of the outcome.
    agreement : DataFrame
        `type, icc, lower, upper, f, df, df_error, p`: ICC(A,1) for absolute agreement of single scores,
        ICC(C,1) for consistency, and their relatives.
    """

    scores: pd.DataFrame
    variance: Variance
    pairs: pd.DataFrame
    agreement: pd.DataFrame


def compared(scores: pd.DataFrame) -> Comparison:
    """Compare orders by scores that `balanced` has laid out."""
    long = scores.rename_axis("subject").reset_index()
    long = long.melt(id_vars="subject", var_name="order", value_name="score")
    with _pingouin() as pg:
        variance = pg.rm_anova(long, dv="score", within="order", subject="subject", correction=True)
        tests = pg.pairwise_tests(
            long, dv="score", within="order", subject="subject", effsize="hedges", padjust="holm"
        )
        agreement = pg.intraclass_corr(long, targets="subject", raters="order", ratings="score")
    return Comparison(scores, _variance(variance.iloc[0]), _pairs(scores, tests), _agreement(agreement))


@dataclass(frozen=True)
class Pooled:
    """One analysis of variance over the orders of several sets of tasks.

    Attributes
    ----------
    f, df, df_error, p : float
    sd : float
        Over the orders of a set, beyond what subjects let them differ by; 0 where they differ by less.
    """

    f: float
    df: float
    df_error: float
    p: float
    sd: float


def pooled(scores: Sequence[pd.DataFrame]) -> Pooled:
    """Pool the sums of squares of several comparisons: of orders, and of what subjects differ by in them.

    Parameters
    ----------
    scores : sequence of DataFrame
        As `balanced` lays them out, of one outcome; each has its own mean and its own subjects.
    """
    tables = [one.to_numpy() for one in scores]
    within = [len(table) * np.var(table.mean(axis=0)) * table.shape[1] for table in tables]
    error = [_left_over(one) * one.size for one in scores]
    df = sum(table.shape[1] - 1 for table in tables)
    df_error = sum((table.shape[1] - 1) * (len(table) - 1) for table in tables)
    mean_square, noise = float(sum(within)) / df, float(sum(error)) / df_error
    subjects = sum((table.shape[1] - 1) * len(table) for table in tables) / df
    f = mean_square / noise
    sd = np.sqrt(max(0.0, mean_square - noise) / subjects)
    return Pooled(f, float(df), float(df_error), float(stats.f.sf(f, df, df_error)), float(sd))


def balanced(
    frame: pd.DataFrame,
    *,
    order: str = "sequence",
    subject: str = "language",
    outcome: str = "score",
    drop_incomplete: bool = False,
) -> pd.DataFrame:
    """Return one row a subject, one column an order: means over rows that share both.

    Parameters
    ----------
    frame : DataFrame
        Rows of a tidy table that differ in nothing but order, subject and what is to be averaged over.
    order, subject, outcome : str
        Its columns.
    drop_incomplete : bool
        Leave subjects out that lack an order, instead of raising.

    Raises
    ------
    MissingData
        Where a column is missing, there are fewer than two orders or three subjects, a subject lacks an
        order, or the scores leave nothing to analyse.
    """
    for column in (order, subject, outcome):
        if column not in frame:
            raise MissingData(
                f"comparing orders: the table has no column {column!r}.{nearest(column, list(frame.columns))}"
            )
    rows = frame[frame[subject].notna() & frame[outcome].notna()]
    scores = rows.pivot_table(index=subject, columns=order, values=outcome, aggfunc="mean")
    if drop_incomplete:
        scores = scores.dropna()
    _refuse_few(scores, order, subject)
    gaps = [f"{who} under {which}" for who, row in scores.iterrows() for which in row.index[row.isna()]]
    if gaps:
        more = f" and {len(gaps) - 5} more" if len(gaps) > 5 else ""
        raise MissingData(
            f"comparing orders: every {subject} needs a score under every order; missing:"
            f" {', '.join(gaps[:5])}{more}. Leave those out (drop_incomplete=True), or add the scores"
        )
    if _left_over(scores) <= 1e-12 * max(float(np.var(scores.to_numpy())), np.finfo(float).tiny):
        raise MissingData(
            f"comparing orders: the differences between orders are the same for every {subject}, which leaves"
            " no error to compare them with; are scores copied from order to order?"
        )
    return scores.set_axis(scores.columns.astype(str), axis=1).set_axis(scores.index.astype(str), axis=0)


def _refuse_few(scores: pd.DataFrame, order: str, subject: str) -> None:
    subjects, orders = scores.shape
    if orders < 2 or subjects < FEWEST_SUBJECTS:
        raise MissingData(
            f"comparing orders: {orders} of {order!r} and {subjects} of {subject!r} with a score; at least"
            f" two orders and {FEWEST_SUBJECTS} subjects are needed. Take another column as the subject, or"
            " add scores"
        )


def _left_over(scores: pd.DataFrame) -> float:
    """Return the mean square of the interaction of subject and order, which is the error."""
    values = scores.to_numpy()
    inner = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
    return float(np.mean(inner**2))


@contextmanager
def _pingouin() -> Generator[Any]:
    """Give pingouin with unrounded intervals and without the warnings that are about its own code.

    It is imported here because it takes seconds, which a fit without orders need not spend.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        import pingouin as pg

        rounding = pg.options["round.column.CI95"]
        pg.options["round.column.CI95"] = None
        try:
            yield pg
        finally:
            pg.options["round.column.CI95"] = rounding


def _variance(row: pd.Series) -> Variance:
    corrected = "p_GG_corr" in row.index and np.isfinite(float(row["p_GG_corr"]))
    return Variance(
        f=float(row["F"]),
        df=float(row["ddof1"]),
        df_error=float(row["ddof2"]),
        p=float(row["p_GG_corr"] if corrected else row["p_unc"]),
        p_uncorrected=float(row["p_unc"]),
        epsilon=float(row["eps"]),
        generalised_eta_squared=float(row["ng2"]),
    )


def _pairs(scores: pd.DataFrame, tests: pd.DataFrame) -> pd.DataFrame:
    subjects = len(scores)
    width = float(stats.t.ppf(0.5 + INTERVAL / 2, subjects - 1))
    corrected = "p_corr" if "p_corr" in tests else "p_unc"
    rows: list[dict[str, object]] = []
    for _, test in tests.iterrows():
        first, second = str(test["A"]), str(test["B"])
        difference = scores[first] - scores[second]
        mean, se = float(difference.mean()), float(difference.std()) / subjects**0.5
        rows.append(
            {
                "first": first,
                "second": second,
                "difference": mean,
                "se": se,
                "lower": mean - width * se,
                "upper": mean + width * se,
                "df": subjects - 1,
                "p": float(test["p_unc"]),
                "p_holm": float(test[corrected]),
                "hedges_g": float(test["hedges"]),
            }
        )
    return pd.DataFrame(rows)


def _agreement(found: pd.DataFrame) -> pd.DataFrame:
    ends = np.array(found["CI95"].tolist(), dtype=float)
    return pd.DataFrame(
        {
            "type": found["Type"].astype(str),
            "icc": found["ICC"].astype(float),
            "lower": ends[:, 0],
            "upper": ends[:, 1],
            "f": found["F"].astype(float),
            "df": found["df1"].astype(float),
            "df_error": found["df2"].astype(float),
            "p": found["pval"].astype(float),
        }
    )
