"""Meta-analysis and meta-regression of outcomes with known variances: y_i ~ Normal(x_i'b, v_i + tau2).

I2 = 100 tau2 / (tau2 + v) and H2 = tau2 / v + 1 with v the typical sampling variance, so they follow the
estimator of tau2; under equal effects they are 100 (Q - df) / Q and Q / df (Higgins and Thompson 2002).
Knapp-Hartung errors scale the covariance of b by the residual weighted mean square and refer to t with k - p
degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from taskorder.inference.frequentist import checking, heterogeneity
from taskorder.inference.frequentist.heterogeneity import Method, Weighted, weighted
from taskorder.inference.frequentist.wald import Joint, coefficients, joint, predictions, rows_of

Floats = NDArray[np.float64]
type Test = Literal["z", "knha", "adhoc"]
type Width = Literal["test", "t", "riley"]


@dataclass(frozen=True)
class MetaRegression:
    """A fitted meta-regression.

    Attributes
    ----------
    method : str
        The estimator of tau2.
    terms : tuple of str
        Names of the P columns of `x`.
    y, v : array (K,)
    x : array (K, P)
    coefficients : DataFrame
        `term, estimate, se, statistic, df, p, lower, upper`; 95 % intervals.
    vcov : array (P, P)
    tau2, tau2_se : float
    tau2_interval : tuple of float
        95 %, by Q-profile.
    q : Joint
        The test of heterogeneity beyond the moderators.
    moderators : Joint
        The test of all terms but the intercept; of the intercept where it is alone.
    i2, h2 : float
        Percent of the total variance that is between studies; total over sampling variance.
    r2 : float
        Percent of tau2 that the moderators explain; NaN without moderators or intercept.
    log_likelihood, restricted_log_likelihood : float
    df : float
        Of the errors: infinite for z.
    """

    method: Method
    terms: tuple[str, ...]
    y: Floats
    v: Floats
    x: Floats
    coefficients: pd.DataFrame
    vcov: Floats
    tau2: float
    tau2_se: float
    tau2_interval: tuple[float, float]
    q: Joint
    moderators: Joint
    i2: float
    h2: float
    r2: float
    log_likelihood: float
    restricted_log_likelihood: float
    df: float


def meta_regression(
    y: ArrayLike,
    v: ArrayLike,
    x: ArrayLike | None = None,
    terms: Sequence[str] | None = None,
    *,
    method: Method = "REML",
    test: Test = "knha",
) -> MetaRegression:
    """Fit a random-effects (or, with `method = "EE"`, an equal-effects) meta-regression.

    Parameters
    ----------
    y, v : array (K,)
        Outcomes and their sampling variances.
    x : array (K, P), optional
        Moderators, with a column of ones for the intercept; without it the intercept alone.
    terms : sequence of str, optional
        Names of its columns.
    method : str
        Estimator of tau2: see `heterogeneity`.
    test : {"knha", "z", "adhoc"}
        Errors: Knapp-Hartung; normal; Knapp-Hartung's, but never smaller than the normal ones.

    Raises
    ------
    ValueError
        Where lengths differ, or a value or a variance cannot be.
    MissingData
        Where there are too few rows, or the terms are collinear.
    """
    outcome, variance = checking.outcomes(y, v)
    matrix, names = checking.design(x, terms, len(outcome))
    found = heterogeneity.estimate(outcome, variance, matrix, method)
    fit = weighted(outcome, matrix, 1 / (variance + found.tau2))
    k, p = matrix.shape
    vcov = fit.inverse * _inflation(fit, k - p, test)
    df = np.inf if test == "z" else float(k - p)
    q = weighted(outcome, matrix, 1 / variance).q
    i2, h2 = _shares(variance, matrix, found.tau2, q, method)
    likelihood, restricted = heterogeneity.log_likelihoods(outcome, variance, matrix, found.tau2)
    return MetaRegression(
        method=method,
        terms=names,
        y=outcome,
        v=variance,
        x=matrix,
        coefficients=coefficients(names, fit.beta, np.sqrt(np.diag(vcov)), df),
        vcov=vcov,
        tau2=found.tau2,
        tau2_se=found.se,
        tau2_interval=heterogeneity.interval(outcome, variance, matrix),
        q=Joint(q, k - p, np.inf, float(stats.chi2.sf(q, k - p))),
        moderators=moderator_test(matrix, fit.beta, vcov, df),
        i2=i2,
        h2=h2,
        r2=_explained(outcome, variance, matrix, found.tau2, method),
        log_likelihood=likelihood,
        restricted_log_likelihood=restricted,
        df=df,
    )


def predict(fit: MetaRegression, x: ArrayLike | None = None, *, width: Width = "riley") -> pd.DataFrame:
    """Return expected outcomes with their intervals, and those of the true effect in a new study.

    Parameters
    ----------
    fit : MetaRegression
    x : array (N, P), optional
        Values of the terms; may be left out where the intercept is the only term.
    width : {"riley", "t", "test"}
        The distribution of the prediction interval: t with k - p - 1 degrees of freedom (Higgins, Thompson
        and Spiegelhalter 2009; Riley 2011), t with k - p, or that of the coefficients' test.

    Returns
    -------
    DataFrame
        `estimate, se, lower, upper, predicted_lower, predicted_upper`; 95 %.

    Raises
    ------
    ValueError
        Where `x` is left out and there are moderators, or does not have one column a term.
    """
    k, p = fit.x.shape
    df = {"riley": max(k - p - 1.0, 1.0), "t": float(k - p), "test": fit.df}[width]
    beta = fit.coefficients["estimate"].to_numpy()
    return predictions(rows_of(x, fit.terms), beta, fit.vcov, fit.tau2, fit.df, df)


def moderator_test(x: Floats, beta: Floats, vcov: Floats, df: float = np.inf) -> Joint:
    """Test all terms but the intercept; the intercept where it is alone."""
    at = checking.intercept(x)
    chosen = [i for i in range(len(beta)) if i != at or len(beta) == 1]
    return joint(beta[chosen], vcov[np.ix_(chosen, chosen)], df)


def _inflation(fit: Weighted, df: int, test: Test) -> float:
    """Return the factor of the covariance: Knapp and Hartung's weighted mean square of the residuals."""
    square = fit.q / df
    return {"z": 1.0, "knha": square, "adhoc": max(1.0, square)}[test]


def _shares(v: Floats, x: Floats, tau2: float, q: float, method: Method) -> tuple[float, float]:
    if method == "EE":
        df = x.shape[0] - x.shape[1]
        return (100 * (q - df) / q if q > df else 0.0), q / df
    typical = heterogeneity.typical_variance(v, x)
    return 100 * tau2 / (tau2 + typical), tau2 / typical + 1


def _explained(y: Floats, v: Floats, x: Floats, tau2: float, method: Method) -> float:
    if x.shape[1] == 1 or checking.intercept(x) is None:
        return np.nan
    ones = np.ones((len(y), 1))
    if method == "EE":
        k, p = x.shape
        unexplained, total = weighted(y, x, 1 / v).q, weighted(y, ones, 1 / v).q
        return np.nan if total == 0 else 100 * max(0.0, 1 - (unexplained / (k - p)) / (total / (k - 1)))
    without = heterogeneity.estimate(y, v, ones, method).tau2
    return np.nan if without == 0 else max(0.0, 100 * (without - tau2) / without)
