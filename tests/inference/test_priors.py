"""Densities of every distribution that a model file may name, against scipy.stats."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from taskorder.inference.priors import LOCATION, POSITIVE, Prior, log_density, log_density_slope, spread

SCIPY: dict[str, tuple[dict[str, float], Callable[..., Any]]] = {
    "Normal": ({"mu": 0.4, "sigma": 0.7}, lambda mu, sigma: stats.norm(mu, sigma)),
    "StudentT": ({"nu": 3.5, "mu": -0.2, "sigma": 0.6}, lambda nu, mu, sigma: stats.t(nu, mu, sigma)),
    "Cauchy": ({"alpha": 0.3, "beta": 0.8}, lambda alpha, beta: stats.cauchy(alpha, beta)),
    "Laplace": ({"mu": 0.25, "b": 1.4}, lambda mu, b: stats.laplace(mu, b)),
    "Logistic": ({"mu": 0.1, "s": 0.5}, lambda mu, s: stats.logistic(mu, s)),
    "HalfNormal": ({"sigma": 0.6}, lambda sigma: stats.halfnorm(scale=sigma)),
    "HalfCauchy": ({"beta": 1.7}, lambda beta: stats.halfcauchy(scale=beta)),
    "Exponential": ({"lam": 2.5}, lambda lam: stats.expon(scale=1 / lam)),
    "Gamma": ({"alpha": 2.5, "beta": 3.0}, lambda alpha, beta: stats.gamma(alpha, scale=1 / beta)),
    "InverseGamma": ({"alpha": 2.5, "beta": 0.5}, lambda alpha, beta: stats.invgamma(alpha, scale=beta)),
    "LogNormal": ({"mu": -0.5, "sigma": 0.8}, lambda mu, sigma: stats.lognorm(sigma, scale=np.exp(mu))),
    "Weibull": ({"alpha": 1.6, "beta": 0.9}, lambda alpha, beta: stats.weibull_min(alpha, scale=beta)),
}
FLAT = ("Flat", "HalfFlat")
HALF_STUDENT = Prior("HalfStudentT", (("nu", 4.0), ("sigma", 0.7)))


def points(dist: str) -> np.ndarray:
    positive = np.array([1e-3, 0.05, 0.3, 0.9, 2.0, 7.0])
    return positive if dist in POSITIVE else np.concatenate([-positive, positive])


def test_every_distribution_is_tested() -> None:
    assert {*SCIPY, *FLAT, "HalfStudentT"} == {*LOCATION, *POSITIVE}


@pytest.mark.parametrize("dist", SCIPY)
def test_the_log_density_is_scipys(dist: str) -> None:
    parameters, frozen = SCIPY[dist]
    prior, x = Prior(dist, tuple(parameters.items())), points(dist)
    np.testing.assert_allclose(log_density(prior, x), frozen(**parameters).logpdf(x), rtol=1e-10, atol=1e-12)


def test_the_half_student_t_is_the_positive_half() -> None:
    x = points("HalfStudentT")
    expected = stats.t(4.0, 0.0, 0.7).logpdf(x) + np.log(2.0)
    np.testing.assert_allclose(log_density(HALF_STUDENT, x), expected, rtol=1e-10)


@pytest.mark.parametrize("dist", FLAT)
def test_a_flat_density_is_one(dist: str) -> None:
    x = points(dist)
    assert (log_density(Prior(dist), x) == 0.0).all()
    assert (log_density_slope(Prior(dist), x) == 0.0).all()


@pytest.mark.parametrize("dist", [*SCIPY, "HalfStudentT"])
def test_the_slope_is_that_of_central_differences(dist: str) -> None:
    parameters = dict(HALF_STUDENT.parameters) if dist == "HalfStudentT" else SCIPY[dist][0]
    prior, x = Prior(dist, tuple(parameters.items())), points(dist)
    step = 1e-6 * np.abs(x)
    expected = (log_density(prior, x + step) - log_density(prior, x - step)) / (2 * step)
    np.testing.assert_allclose(log_density_slope(prior, x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dist", [dist for dist in LOCATION if dist not in FLAT])
def test_centre_and_width_of_a_location_prior(dist: str) -> None:
    parameters, frozen = SCIPY[dist]
    centre, width = spread(Prior(dist, tuple(parameters.items())))
    assert centre == pytest.approx(frozen(**parameters).median())
    inside = frozen(**parameters).cdf(centre + width) - frozen(**parameters).cdf(centre - width)
    assert inside == pytest.approx(0.6826, abs=2e-4)
