"""Data sets that a model itself would produce, with the parameters that produced them.

    parameters ~ their priors                        b of a group ~ Normal(0, its sd)
    mean_c ~ Normal(X(recency) b, s2_c / n_c)        log residual level ~ Normal(log residual, sd)
    ss_c / s2_c ~ chi-squared(df_c)                  s2 = v + sigma^2

and likewise for the other likelihoods: for a Student-t s2 is divided by a weight of the cell, Gamma(nu/2,
nu/2); counts are binomial, their probability drawn from a Beta where they are beta-binomial.

What is not random stays as it is: the design, the known variances, how many replicates each cell has, and the
default priors, even where these were set by the scale of the real outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import expit

from taskorder.errors import InvalidModel
from taskorder.inference.engines.draws import named
from taskorder.inference.engines.parameters import priors_of, sd_names
from taskorder.inference.families import LEAST_NU
from taskorder.inference.layout.design import Block, Design
from taskorder.inference.layout.observations import Cells, Counts
from taskorder.inference.priors import Prior
from taskorder.inference.spec import ModelSpec

Floats = NDArray[np.float64]
Rng = np.random.Generator

_DRAW: dict[str, Callable[..., float]] = {
    "Normal": lambda rng, mu, sigma: rng.normal(mu, sigma),
    "StudentT": lambda rng, nu, mu, sigma: mu + sigma * rng.standard_t(nu),
    "Cauchy": lambda rng, alpha, beta: alpha + beta * rng.standard_cauchy(),
    "Laplace": lambda rng, mu, b: rng.laplace(mu, b),
    "Logistic": lambda rng, mu, s: rng.logistic(mu, s),
    "HalfNormal": lambda rng, sigma: abs(rng.normal(0.0, sigma)),
    "HalfCauchy": lambda rng, beta: abs(beta * rng.standard_cauchy()),
    "HalfStudentT": lambda rng, nu, sigma: abs(sigma * rng.standard_t(nu)),
    "Exponential": lambda rng, lam: rng.exponential(1.0 / lam),
    "Gamma": lambda rng, alpha, beta: rng.gamma(alpha, 1.0 / beta),
    "InverseGamma": lambda rng, alpha, beta: beta / rng.gamma(alpha),
    "LogNormal": lambda rng, mu, sigma: rng.lognormal(mu, sigma),
    "Weibull": lambda rng, alpha, beta: beta * rng.weibull(alpha),
}

_TINY = 1e-12
_PATIENCE = 10_000
WHOLE = ("recency", "residual", "nu", "sd:residual")
"""Parameters that are neither coefficients nor sds of groups."""


@dataclass(frozen=True)
class Simulated:
    """A data set with its truth.

    Attributes
    ----------
    truth : Dataset
        One draw, under the names that an engine gives its posterior.
    design : Design
        The design with new cells.
    """

    truth: xr.Dataset
    design: Design


def draw(prior: Prior, rng: Rng) -> float:
    """Draw from a proper prior; KeyError for a flat one."""
    return float(_DRAW[prior.dist](rng, **dict(prior.parameters)))


def refuse_flat(design: Design, spec: ModelSpec) -> None:
    """Raise InvalidModel if a prior of the model is flat: nothing can be drawn from it."""
    found = {name: prior for name, prior in priors_of(design, spec).items() if prior.dist not in _DRAW}
    problems = [
        f"[priors] {name}: {prior.dist} is no distribution that data could be simulated from, which"
        f" calibration needs; give a proper prior, such as {_proper(prior)}"
        for name, prior in found.items()
    ]
    if problems:
        raise InvalidModel(problems)


def _proper(prior: Prior) -> str:
    positive = prior.dist == "HalfFlat"
    return '{ dist = "HalfNormal", sigma = 1 }' if positive else '{ dist = "Normal", mu = 0, sigma = 1 }'


def simulate(design: Design, spec: ModelSpec, rng: Rng) -> Simulated:
    """Draw the parameters from their priors, and the cells given the parameters.

    Parameters
    ----------
    design : Design
        Its cells give way to new ones; everything else is kept.
    spec : ModelSpec
    rng : Generator

    Raises
    ------
    InvalidModel
        Where a prior is flat.
    """
    refuse_flat(design, spec)
    value = {
        name: _degrees(prior, rng) if name == "nu" else draw(prior, rng)
        for name, prior in priors_of(design, spec).items()
    }
    b = np.concatenate([_coefficients(block, value, rng) for block in design.blocks])
    residual = _residual(design, value, rng)
    eta = expected(design, b, value.get("recency", 0.0))
    if spec.outcome.family.counts:
        cells = _counted(design.cells, eta, residual, rng)
    else:
        cells = _scattered(design.cells, eta, residual, value.get("nu"), rng)
    return Simulated(_truth(design, value, b, residual), replace(design, cells=cells))


def _degrees(prior: Prior, rng: Rng) -> float:
    """Draw degrees of freedom, from the part of their prior above `LEAST_NU`."""
    for _ in range(_PATIENCE):
        if (nu := draw(prior, rng)) > LEAST_NU:
            return nu
    raise InvalidModel([f"[priors] nu: {prior} is hardly ever above {LEAST_NU:g}, as it must be; widen it"])


def _scattered(cells: Cells, eta: Floats, residual: Floats, nu: float | None, rng: Rng) -> Cells:
    s2 = cells.v + residual[cells.level] ** 2
    if nu is not None:
        s2 = s2 / rng.gamma(nu / 2.0, 2.0 / nu, len(s2))
    mean = rng.normal(eta, np.sqrt(s2 / cells.n))
    ss = s2 * np.where(cells.df > 0, rng.chisquare(np.maximum(cells.df, 1.0)), 0.0)
    return replace(cells, mean=mean, ss=ss)


def _counted(cells: Cells, eta: Floats, residual: Floats, rng: Rng) -> Cells:
    """Draw counts; a precision of zero stands for none, where counts are binomial."""
    assert cells.counts is not None
    p, phi = expit(eta), residual[cells.level]
    if phi.any():
        p = shares(p, phi, rng)
    trials = cells.counts.trials
    counts = Counts(rng.binomial(trials.astype(np.int64), p).astype(np.float64), trials)
    mean, v = counts.logit()
    return replace(cells, mean=mean, v=v, counts=counts)


def shares(p: Floats, precision: Floats, rng: Rng) -> Floats:
    """Draw from Beta distributions with means p, which may be 0 or 1 to the last digit."""
    return rng.beta(np.maximum(p * precision, _TINY), np.maximum((1.0 - p) * precision, _TINY))


def _coefficients(block: Block, value: Mapping[str, float], rng: Rng) -> Floats:
    if block.sd:
        return rng.normal(0.0, value[block.sd], block.stop - block.start)
    return np.array([value[block.name]])


def _residual(design: Design, value: Mapping[str, float], rng: Rng) -> Floats:
    """Return the residual sds (L,)."""
    levels = len(design.residual_levels)
    if "residual" not in value:
        return np.zeros(max(levels, 1))
    if not levels:
        return np.array([value["residual"]])
    return value["residual"] * np.exp(rng.normal(0.0, value["sd:residual"], levels))


def expected(design: Design, b: Floats, recency: float | Floats) -> Floats:
    """Return the cells' expected values (C, ...) given coefficients (P, ...) and recency (...)."""
    total = design.effects[0] @ b
    for back, matrix in enumerate(design.effects[1:], start=1):
        total = total + np.exp(-back * recency) * (matrix @ b)
    return np.asarray(total)


def _truth(design: Design, value: Mapping[str, float], b: Floats, residual: Floats) -> xr.Dataset:
    """Give the truth the names and dimensions of a posterior of one draw."""
    sd = np.array([value[name] for name in sd_names(design.blocks)])
    others = {name: np.array([[value[name]]]) for name in WHOLE if name in value}
    if design.residual_levels:
        others["residual_level_sd"] = residual[None, None]
    return named(design, b[None, None], sd[None, None], others)
