"""The prior distributions that a model file may name, and the defaults where it names none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Floats = NDArray[np.float64]

LOCATION = {
    "Normal": ("mu", "sigma"),
    "StudentT": ("nu", "mu", "sigma"),
    "Cauchy": ("alpha", "beta"),
    "Laplace": ("mu", "b"),
    "Logistic": ("mu", "s"),
    "Flat": (),
}
FREE = {
    ("Normal", "mu"),
    ("StudentT", "mu"),
    ("Cauchy", "alpha"),
    ("Laplace", "mu"),
    ("Logistic", "mu"),
    ("LogNormal", "mu"),
}
"""Parameters that may be of any sign; all others are positive."""

POSITIVE = {
    "HalfNormal": ("sigma",),
    "HalfCauchy": ("beta",),
    "HalfStudentT": ("nu", "sigma"),
    "Exponential": ("lam",),
    "Gamma": ("alpha", "beta"),
    "InverseGamma": ("alpha", "beta"),
    "LogNormal": ("mu", "sigma"),
    "Weibull": ("alpha", "beta"),
    "HalfFlat": (),
}


@dataclass(frozen=True)
class Prior:
    """A distribution by its PyMC name, with PyMC's parameter names.

    Attributes
    ----------
    dist : str
        A key of `LOCATION` or `POSITIVE`.
    parameters : tuple of (str, float)
        In the order in which the model file gives them.
    """

    dist: str
    parameters: tuple[tuple[str, float], ...] = ()

    def __str__(self) -> str:
        return f"{self.dist}({', '.join(f'{value:g}' for _, value in self.parameters)})"


def normal(mu: float, sigma: float) -> Prior:
    """Return Normal(mu, sigma)."""
    return Prior("Normal", (("mu", mu), ("sigma", sigma)))


def scaled(prior: Prior, factor: float) -> Prior:
    """Return a Normal prior about zero of another width."""
    return normal(0.0, dict(prior.parameters)["sigma"] * factor)


_SCALES = {
    "Normal": ("sigma", 1),
    "StudentT": ("sigma", 1),
    "Cauchy": ("beta", 1),
    "Laplace": ("b", 1),
    "Logistic": ("s", 1),
    "HalfNormal": ("sigma", 1),
    "HalfCauchy": ("beta", 1),
    "HalfStudentT": ("sigma", 1),
    "Exponential": ("lam", -1),
    "Gamma": ("beta", -1),
    "InverseGamma": ("beta", 1),
    "Weibull": ("beta", 1),
}
"""Which parameter of a distribution is its scale, and which way it goes."""


def widened(prior: Prior, factor: float) -> Prior:
    """Return a prior stretched by a factor: about its centre, or about zero if it is of positive values."""
    if prior.dist in {"Flat", "HalfFlat"}:
        return prior
    values = dict(prior.parameters)
    if prior.dist == "LogNormal":
        values["mu"] += float(np.log(factor))
    else:
        name, way = _SCALES[prior.dist]
        values[name] *= factor**way
    return Prior(prior.dist, tuple(values.items()))


def half_normal(sigma: float) -> Prior:
    """Return HalfNormal(sigma)."""
    return Prior("HalfNormal", (("sigma", sigma),))


RESIDUAL_SPREAD = half_normal(1.0)
"""What stands in for the prior of `sd:residual`, on every scale."""


@dataclass(frozen=True)
class Defaults:
    """What stands in for a prior that the model file does not give.

    Attributes
    ----------
    intercept, slope : Prior
        For the fixed term `1`, and for every other linear term.
    sd, residual : Prior
        For standard deviations between the levels of a group, and of the residual.
    residual_spread : Prior
        For the sd of log residual sds over several residual levels.
    recency : Prior
        For the rate at which a stage's weight decays with every stage after it.
    """

    intercept: Prior
    slope: Prior
    sd: Prior
    residual: Prior
    residual_spread: Prior = RESIDUAL_SPREAD
    recency: Prior = Prior("Normal", (("mu", 0.0), ("sigma", 1.0)))


def defaults(scale: str, mean: float, sd: float) -> Defaults:
    """Return weakly informative priors for a scale.

    Parameters
    ----------
    scale : {"arcsine", "logit", "identity"}
        On the first two the size of effects is known beforehand; on `identity` the outcome may have
        any unit, so the priors are 2.5 sd wide about its mean. Numeric predictors are centred and the
        width of a slope's default is divided by their sd, as in rstanarm and bambi.
    mean, sd : float
        Of the outcome; used on `identity` only.
    """
    if scale == "arcsine":
        return Defaults(normal(0.8, 0.5), normal(0.0, 0.25), half_normal(0.25), half_normal(0.25))
    if scale == "logit":
        return Defaults(normal(0.0, 2.0), normal(0.0, 1.0), half_normal(1.0), half_normal(1.0))
    width = sd if sd > 0 else 1.0
    return Defaults(
        normal(mean, 2.5 * width), normal(0.0, 2.5 * width), half_normal(width), half_normal(width)
    )


_LOG_DENSITY: dict[str, Callable[..., Floats]] = {
    "Normal": lambda x, mu, sigma: -0.5 * ((x - mu) / sigma) ** 2 - np.log(sigma) - _HALF_LOG_2PI,
    "StudentT": lambda x, nu, mu, sigma: _student(x, nu, mu, sigma),
    "Cauchy": lambda x, alpha, beta: -np.log(np.pi * beta) - np.log1p(((x - alpha) / beta) ** 2),
    "Laplace": lambda x, mu, b: -np.abs(x - mu) / b - np.log(2.0 * b),
    "Logistic": lambda x, mu, s: (
        -np.abs(x - mu) / s - np.log(s) - 2.0 * np.log1p(np.exp(-np.abs(x - mu) / s))
    ),
    "Flat": lambda x: np.zeros_like(x),
    "HalfNormal": lambda x, sigma: -0.5 * (x / sigma) ** 2 - np.log(sigma) - _HALF_LOG_2PI + _LOG_2,
    "HalfCauchy": lambda x, beta: -np.log(np.pi * beta) - np.log1p((x / beta) ** 2) + _LOG_2,
    "HalfStudentT": lambda x, nu, sigma: _student(x, nu, 0.0, sigma) + _LOG_2,
    "Exponential": lambda x, lam: np.log(lam) - lam * x,
    "Gamma": lambda x, alpha, beta: (
        alpha * np.log(beta) - gammaln(alpha) + (alpha - 1.0) * np.log(x) - beta * x
    ),
    "InverseGamma": lambda x, alpha, beta: (
        alpha * np.log(beta) - gammaln(alpha) - (alpha + 1.0) * np.log(x) - beta / x
    ),
    "LogNormal": lambda x, mu, sigma: (
        -0.5 * ((np.log(x) - mu) / sigma) ** 2 - np.log(x * sigma) - _HALF_LOG_2PI
    ),
    "Weibull": lambda x, alpha, beta: (
        np.log(alpha / beta) + (alpha - 1.0) * np.log(x / beta) - (x / beta) ** alpha
    ),
    "HalfFlat": lambda x: np.zeros_like(x),
}
_SLOPE: dict[str, Callable[..., Floats]] = {
    "Normal": lambda x, mu, sigma: -(x - mu) / sigma**2,
    "StudentT": lambda x, nu, mu, sigma: -(nu + 1.0) * (x - mu) / (nu * sigma**2 + (x - mu) ** 2),
    "Cauchy": lambda x, alpha, beta: -2.0 * (x - alpha) / (beta**2 + (x - alpha) ** 2),
    "Laplace": lambda x, mu, b: -np.sign(x - mu) / b,
    "Logistic": lambda x, mu, s: -np.tanh((x - mu) / (2.0 * s)) / s,
    "Flat": lambda x: np.zeros_like(x),
    "HalfNormal": lambda x, sigma: -x / sigma**2,
    "HalfCauchy": lambda x, beta: -2.0 * x / (beta**2 + x**2),
    "HalfStudentT": lambda x, nu, sigma: -(nu + 1.0) * x / (nu * sigma**2 + x**2),
    "Exponential": lambda x, lam: np.full_like(x, -lam),
    "Gamma": lambda x, alpha, beta: (alpha - 1.0) / x - beta,
    "InverseGamma": lambda x, alpha, beta: -(alpha + 1.0) / x + beta / x**2,
    "LogNormal": lambda x, mu, sigma: -((np.log(x) - mu) / sigma**2 + 1.0) / x,
    "Weibull": lambda x, alpha, beta: (alpha - 1.0) / x - alpha / beta * (x / beta) ** (alpha - 1.0),
    "HalfFlat": lambda x: np.zeros_like(x),
}
_HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))
_LOG_2 = float(np.log(2.0))


def _student(x: Floats, nu: float, mu: float, sigma: float) -> Floats:
    constant = gammaln((nu + 1.0) / 2.0) - gammaln(nu / 2.0) - 0.5 * np.log(nu * np.pi) - np.log(sigma)
    return constant - (nu + 1.0) / 2.0 * np.log1p(((x - mu) / sigma) ** 2 / nu)


_FLAT_WIDTH = 1e4


def _frozen(prior: Prior) -> Any:
    from scipy import stats

    p = dict(prior.parameters)
    distributions: dict[str, Callable[[], Any]] = {
        "Normal": lambda: stats.norm(p["mu"], p["sigma"]),
        "StudentT": lambda: stats.t(p["nu"], p["mu"], p["sigma"]),
        "Cauchy": lambda: stats.cauchy(p["alpha"], p["beta"]),
        "Laplace": lambda: stats.laplace(p["mu"], p["b"]),
        "Logistic": lambda: stats.logistic(p["mu"], p["s"]),
        "HalfNormal": lambda: stats.halfnorm(scale=p["sigma"]),
        "HalfCauchy": lambda: stats.halfcauchy(scale=p["beta"]),
        "Exponential": lambda: stats.expon(scale=1.0 / p["lam"]),
        "Gamma": lambda: stats.gamma(p["alpha"], scale=1.0 / p["beta"]),
        "InverseGamma": lambda: stats.invgamma(p["alpha"], scale=p["beta"]),
        "LogNormal": lambda: stats.lognorm(p["sigma"], scale=np.exp(p["mu"])),
        "Weibull": lambda: stats.weibull_min(p["alpha"], scale=p["beta"]),
    }
    return distributions[prior.dist]()


def log_density(prior: Prior, value: Floats) -> Floats:
    """Return the log density at values; 0 everywhere for flat priors."""
    return _LOG_DENSITY[prior.dist](np.asarray(value, dtype=np.float64), **dict(prior.parameters))


def log_density_slope(prior: Prior, value: Floats) -> Floats:
    """Return the derivative of the log density by the value."""
    return _SLOPE[prior.dist](np.asarray(value, dtype=np.float64), **dict(prior.parameters))


def mass_beyond(prior: Prior, limit: float) -> float:
    """Return the probability of values further from zero than a limit; of a proper prior."""
    frozen = _frozen(prior)
    return float(frozen.sf(limit) + frozen.cdf(-limit))


@cache
def bulk(prior: Prior) -> tuple[float, float]:
    """Return the limits of all but two thousandths of the mass of an sd's prior."""
    if prior.dist == "HalfFlat":
        return 0.0, np.inf
    low, high = _frozen(prior).ppf([0.001, 0.999])
    return float(low), float(high)


def spread(prior: Prior) -> tuple[float, float]:
    """Return centre and width of a location prior: its median, and half of its central 68 % interval."""
    if prior.dist == "Flat":
        return 0.0, _FLAT_WIDTH
    if prior.dist == "Normal":
        p = dict(prior.parameters)
        return p["mu"], p["sigma"]
    low, middle, high = _frozen(prior).ppf([0.1587, 0.5, 0.8413])
    return float(middle), float(high - low) / 2
