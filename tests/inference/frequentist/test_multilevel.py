"""Variance components where they have a closed form, and beside other software on the same data."""

import numpy as np
import pytest
from statsmodels.regression.mixed_linear_model import MixedLM

from taskorder.errors import MissingData
from taskorder.inference.frequentist.covariance import components
from taskorder.inference.frequentist.meta_regression import meta_regression
from taskorder.inference.frequentist.multilevel import Criterion, Multilevel, RandomTerm, multilevel, predict


def intercepts(name: str, levels: np.ndarray) -> RandomTerm:
    return RandomTerm(name, levels, np.ones((len(levels), 1)))


def sizes(fit: Multilevel) -> list[float]:
    return [float(g[0, 0]) for g in fit.covariances.values()]


def two_way(a: float, b: float, e: float, rows: int = 7, columns: int = 9) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(5)
    first, second = np.divmod(np.arange(rows * columns), columns)
    y = a * rng.normal(size=rows)[first] + b * rng.normal(size=columns)[second]
    return y + e * rng.normal(size=rows * columns), first, second


def test_crossed_effects_are_those_of_analysis_of_variance_where_balanced() -> None:
    y, first, second = two_way(1.0, 0.5, 0.3)
    terms = [intercepts("a", first), intercepts("b", second), intercepts("e", np.arange(len(y)))]
    fit = multilevel(y, np.zeros(len(y)), terms)
    table = y.reshape(7, 9)
    by_row, by_column = table.mean(axis=1), table.mean(axis=0)
    left = table - by_row[:, None] - by_column + table.mean()
    error = np.sum(left**2) / (6 * 8)
    expected = [np.var(by_row, ddof=1) - error / 9, np.var(by_column, ddof=1) - error / 7, error]
    np.testing.assert_allclose(sizes(fit), expected, rtol=1e-6)
    assert np.isnan(fit.q.statistic)
    assert fit.i2 == {}


def test_a_variance_that_would_be_negative_is_zero() -> None:
    y, first, _ = two_way(0.0, 1.0, 0.01)
    fit = multilevel(y, np.zeros(len(y)), [intercepts("a", first), intercepts("e", np.arange(len(y)))])
    assert sizes(fit)[0] == pytest.approx(0.0, abs=1e-10)
    assert sizes(fit)[1] == pytest.approx(np.var(y, ddof=1), rel=1e-6)


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_a_level_for_every_row_is_a_plain_meta_analysis(method: Criterion) -> None:
    rng = np.random.default_rng(8)
    v = rng.uniform(0.01, 0.2, 20)
    y = rng.normal(0.3, np.sqrt(v + 0.1))
    fit = multilevel(y, v, [intercepts("study", np.arange(20))], method=method)
    plain = meta_regression(y, v, method=method, test="z")
    assert sizes(fit)[0] == pytest.approx(plain.tau2, rel=1e-6)
    assert fit.i2["study"] == pytest.approx(plain.i2, rel=1e-6)
    np.testing.assert_allclose(fit.coefficients["p"], plain.coefficients["p"], rtol=1e-5)
    matrix = multilevel(y, np.diag(v), [intercepts("study", np.arange(20))], method=method)
    assert matrix.log_likelihood == pytest.approx(fit.log_likelihood)


def test_random_slopes_agree_with_statsmodels() -> None:
    rng = np.random.default_rng(9)
    level = np.repeat(np.arange(25), 8)
    x = np.column_stack([np.ones(200), rng.normal(size=200)])
    effects = rng.multivariate_normal([0, 0], [[0.5, 0.2], [0.2, 0.3]], 25)
    y = x @ [1.0, 0.5] + np.sum(x * effects[level], axis=1) + 0.4 * rng.normal(size=200)
    terms = [RandomTerm("slope", level, x), intercepts("residual", np.arange(200))]
    fit = multilevel(y, np.zeros(200), terms, x, ["1", "x"])
    theirs = MixedLM(y, x, groups=level, exog_re=x).fit(method="powell")
    np.testing.assert_allclose(fit.covariances["slope"], theirs.cov_re, rtol=2e-3)
    assert sizes(fit)[1] == pytest.approx(theirs.scale, rel=1e-3)
    np.testing.assert_allclose(fit.fit.beta, theirs.fe_params, rtol=1e-4)
    np.testing.assert_allclose(fit.coefficients["se"], theirs.bse_fe, rtol=1e-3)
    assert fit.restricted_log_likelihood >= theirs.llf - 1e-6
    with pytest.raises(ValueError, match="random slopes"):
        predict(fit, [[1.0, 0.0]])


def test_rows_without_a_level_have_no_effect_of_the_term() -> None:
    rng = np.random.default_rng(10)
    v = np.full(40, 0.01)
    level = np.where(np.arange(40) < 20, np.arange(40), -1)
    y = np.where(level >= 0, rng.normal(0, 1, 40), 0) + rng.normal(0, 0.1, 40)
    fit = multilevel(y, v, [intercepts("some", level)])
    assert fit.covariance.matrices[25][0, 0] == pytest.approx(0.01)
    assert sizes(fit)[0] == pytest.approx(np.mean((y[:20] - fit.fit.beta[0]) ** 2) - 0.01, rel=0.1)


def test_no_random_term_is_least_squares() -> None:
    y, v = np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.0, 2.0])
    fit = multilevel(y, v, [])
    assert fit.fit.beta[0] == pytest.approx(np.average(y, weights=1 / v))


def test_what_cannot_be_estimated_is_refused() -> None:
    with pytest.raises(MissingData, match="collinear"):
        multilevel(np.arange(4.0), np.ones(4), [], np.ones((4, 2)), ["1", "one"])
    with pytest.raises(ValueError, match="at least 0"):
        multilevel(np.arange(4.0), np.array([1.0, -1.0, 1.0, 1.0]), [])


def test_blocks_are_what_labels_tie_together() -> None:
    first, second = np.array([0, 0, 1, -1, -1]), np.array([0, 1, 2, 2, -1])
    found = sorted(sorted(rows.tolist()) for rows in components(5, [first, second]))
    assert found == [[0, 1], [2, 3], [4]]
    assert len(components(5, [])) == 5
