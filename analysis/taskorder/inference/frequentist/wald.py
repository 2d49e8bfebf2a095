"""Wald tests and intervals of coefficients, one by one and together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from taskorder.inference.summary import INTERVAL

Floats = NDArray[np.float64]

COLUMNS = ["term", "estimate", "se", "statistic", "df", "p", "lower", "upper"]


@dataclass(frozen=True)
class Joint:
    """A test that several coefficients are all zero.

    Attributes
    ----------
    statistic : float
        Chi-squared, or F where `denominator` is finite.
    df : int
        How many coefficients.
    denominator : float
        The degrees of freedom of their covariance; infinite for chi-squared.
    p : float
    """

    statistic: float
    df: int
    denominator: float
    p: float


def coefficients(terms: Sequence[str], estimate: Floats, se: Floats, df: ArrayLike = np.inf) -> pd.DataFrame:
    """Return the test of each coefficient against 0, and its equal-tailed interval.

    Parameters
    ----------
    terms : sequence of str
        P names.
    estimate, se : array (P,)
    df : float or array (P,)
        Degrees of freedom of the t distribution; infinite for the normal.

    Returns
    -------
    DataFrame
        The columns `COLUMNS`, one row a coefficient; where a standard error is 0 the statistic is infinite.
    """
    freedom = np.broadcast_to(np.asarray(df, dtype=float), estimate.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = estimate / se
    width = stats.t.ppf(0.5 + INTERVAL / 2, freedom) * se
    values = {
        "term": list(terms),
        "estimate": estimate,
        "se": se,
        "statistic": statistic,
        "df": freedom,
        "p": 2 * stats.t.sf(np.abs(statistic), freedom),
        "lower": estimate - width,
        "upper": estimate + width,
    }
    return pd.DataFrame(values, columns=COLUMNS)


def joint(estimate: Floats, vcov: Floats, df: float = np.inf) -> Joint:
    """Test that all coefficients are zero: chi-squared, or F where `df` is finite.

    Parameters
    ----------
    estimate : array (Q,)
    vcov : array (Q, Q)
        Their covariance.
    df : float
        Its degrees of freedom.
    """
    count = len(estimate)
    chi_squared = float(estimate @ np.linalg.solve(vcov, estimate))
    if np.isinf(df):
        return Joint(chi_squared, count, df, float(stats.chi2.sf(chi_squared, count)))
    return Joint(chi_squared / count, count, df, float(stats.f.sf(chi_squared / count, count, df)))


def predictions(
    rows: Floats, beta: Floats, vcov: Floats, between: float, df: float, new_df: float
) -> pd.DataFrame:
    """Return expected outcomes with their intervals, and those of the true effect in a new study.

    Parameters
    ----------
    rows : array (N, P)
        Values of the terms.
    beta : array (P,)
    vcov : array (P, P)
    between : float
        Variance of true effects.
    df, new_df : float
        Degrees of freedom of the two intervals' t distributions.

    Returns
    -------
    DataFrame
        `estimate, se, lower, upper, predicted_lower, predicted_upper`; 95 %.
    """
    centre, se = rows @ beta, np.sqrt(np.einsum("np,pq,nq->n", rows, vcov, rows))
    near = stats.t.ppf(0.5 + INTERVAL / 2, df) * se
    far = stats.t.ppf(0.5 + INTERVAL / 2, new_df) * np.sqrt(se**2 + between)
    ends = {"lower": centre - near, "upper": centre + near}
    predicted = {"predicted_lower": centre - far, "predicted_upper": centre + far}
    return pd.DataFrame({"estimate": centre, "se": se, **ends, **predicted})


def rows_of(x: ArrayLike | None, terms: Sequence[str]) -> Floats:
    """Return values of the terms as rows; those of the intercept where it is alone and `x` is None.

    Raises
    ------
    ValueError
        Where `x` is left out and there are other terms, or does not have one column a term.
    """
    if x is None and tuple(terms) != ("1",):
        raise ValueError(f"give a value of each of the terms {', '.join(terms)}")
    rows = np.ones((1, 1)) if x is None else np.atleast_2d(np.asarray(x, dtype=float))
    if rows.shape[1] != len(terms):
        raise ValueError(f"{rows.shape[1]} columns for the terms {', '.join(terms)}")
    return rows
