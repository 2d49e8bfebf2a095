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
        The columns `COLUMNS`, one row a coefficient.
    """
    freedom = np.broadcast_to(np.asarray(df, dtype=float), estimate.shape)
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
