"""What a meta-regression refuses, and what holds for any data."""

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskorder.errors import MissingData
from taskorder.inference.frequentist.heterogeneity import Method, log_likelihoods
from taskorder.inference.frequentist.meta_regression import meta_regression, predict

METHODS = get_args(Method.__value__)


def studies(seed: int, tau: float = 0.5, count: int = 15) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    v = rng.uniform(0.02, 0.3, count)
    x = np.column_stack([np.ones(count), rng.normal(size=count)])
    return x @ [0.4, 0.2] + rng.normal(0, np.sqrt(v + tau**2)), v, x


@pytest.mark.parametrize(
    ("y", "v", "message"),
    [
        ([1.0, 2.0, 3.0], [1.0, 1.0], "one variance each"),
        ([1.0, 2.0, 3.0], [1.0, 0.0, 1.0], "row 1: outcome 2 with variance 0"),
        ([1.0, 2.0, 3.0], [1.0, 1.0, -1.0], "above 0"),
        ([1.0, np.nan, 3.0], [1.0, 1.0, 1.0], "row 1: outcome nan"),
        ([1.0, 2.0, 3.0], [1.0, 1.0, np.inf], "row 2"),
    ],
)
def test_what_cannot_be_is_named(y: Any, v: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        meta_regression(y, v)


def test_too_few_rows_and_collinear_terms_are_explained() -> None:
    with pytest.raises(MissingData, match="1 rows cannot estimate 1 terms"):
        meta_regression([1.0], [1.0])
    x = [[1, 2, 4], [1, 3, 6], [1, 5, 10], [1, 6, 12], [1, 9, 18]]
    with pytest.raises(MissingData, match="1, year, double are collinear"):
        meta_regression(np.arange(5.0), np.ones(5), x, ["1", "year", "double"])
    with pytest.raises(ValueError, match="2 names do not fit 5 outcomes"):
        meta_regression(np.arange(5.0), np.ones(5), x, ["1", "year"])


def test_a_prediction_needs_a_value_of_every_term() -> None:
    fit = meta_regression(*studies(1))
    with pytest.raises(ValueError, match="a value of each of the terms 1, x1"):
        predict(fit)
    with pytest.raises(ValueError, match="3 columns"):
        predict(fit, [[1.0, 2.0, 3.0]])
    found = predict(fit, [[1.0, 0.0], [1.0, 1.0]])
    slope = fit.coefficients["estimate"][1]
    assert found["estimate"][1] - found["estimate"][0] == pytest.approx(slope)
    assert (found["predicted_lower"] < found["lower"]).all()
    assert (found["predicted_upper"] > found["upper"]).all()


@pytest.mark.parametrize("method", METHODS)
def test_units_do_not_matter(method: Method) -> None:
    y, v, x = studies(2)
    one, hundred = (meta_regression(c * y, c**2 * v, x, method=method) for c in (1.0, 100.0))
    assert hundred.tau2 == pytest.approx(1e4 * one.tau2)
    assert hundred.i2 == pytest.approx(one.i2)
    np.testing.assert_allclose(hundred.coefficients["p"], one.coefficients["p"])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), tau=st.sampled_from([0.0, 0.1, 0.5, 3.0]))
def test_no_other_tau_is_likelier(seed: int, tau: float) -> None:
    y, v, x = studies(seed, tau)
    for which, method in enumerate(("ML", "REML")):
        tau2 = meta_regression(y, v, x, method=method).tau2
        best = log_likelihoods(y, v, x, tau2)[which]
        others = [
            log_likelihoods(y, v, x, t)[which] for t in np.concatenate([[0.0], np.geomspace(1e-4, 50, 40)])
        ]
        assert best >= max(others) - 1e-9


@pytest.mark.parametrize("method", METHODS)
def test_equal_outcomes_have_no_heterogeneity(method: Method) -> None:
    fit = meta_regression(np.full(6, 0.3), np.linspace(0.1, 0.4, 6), method=method)
    assert fit.tau2 == 0
    assert fit.i2 == 0
    assert fit.coefficients["estimate"][0] == pytest.approx(0.3)
    assert fit.tau2_interval == (0.0, 0.0)


def test_the_errors_of_knapp_and_hartung_are_those_of_least_squares_where_variances_are_equal() -> None:
    y, _, x = studies(3)
    fit = meta_regression(y, np.full(len(y), 1e-3), x)
    slope, residuals, *_ = np.linalg.lstsq(x, y)
    covariance = residuals[0] / (len(y) - 2) * np.linalg.inv(x.T @ x)
    np.testing.assert_allclose(fit.coefficients["estimate"], slope)
    np.testing.assert_allclose(fit.coefficients["se"], np.sqrt(np.diag(covariance)))


def test_intervals_cover() -> None:
    rng = np.random.default_rng(7)
    hits = {"coefficient": 0, "tau": 0}
    for _ in range(150):
        v = rng.uniform(0.02, 0.3, 12)
        fit = meta_regression(rng.normal(0.4, np.sqrt(v + 0.25)), v)
        row = fit.coefficients.iloc[0]
        hits["coefficient"] += bool(row["lower"] < 0.4 < row["upper"])
        hits["tau"] += bool(fit.tau2_interval[0] < 0.25 < fit.tau2_interval[1])
    assert 135 <= hits["coefficient"] <= 149
    assert 135 <= hits["tau"] <= 149
