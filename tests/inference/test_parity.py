"""Posteriors against those of other software, on their data under their priors (tests/reference/*.json).

A comparison fails beyond four Monte Carlo errors of both sides together, which one in 16,000 is by chance.
Shares of draws are compared in place of quantiles: below a quantile of theirs there must be its probability.
What bayesmeta has by quadrature is compared with the collapsed density itself, to six digits.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from arviz_stats.sampling_diagnostics import ess
from scipy import optimize

from taskorder.inference.engines.density import Density, density
from taskorder.inference.fitting import Engine, fit
from taskorder.inference.layout.design import build_design
from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.results.catalogue import covariates

REFERENCE = Path(__file__).parents[1] / "reference"
ENGINES = tuple(engine for engine in get_args(Engine.__value__) if engine != "auto")
ERRORS = 4
DRAWS = 8000

Values = dict[str, Any]


def reference(name: str) -> Values:
    return json.loads((REFERENCE / f"{name}.json").read_text("utf-8"))


def normal(sigma: float) -> Values:
    return {"dist": "Normal", "mu": 0, "sigma": sigma}


def half_normal(sigma: float) -> Values:
    return {"dist": "HalfNormal", "sigma": sigma}


def half_cauchy(beta: float) -> Values:
    return {"dist": "HalfCauchy", "beta": beta}


FLAT: Values = {"dist": "Flat"}
HALF_FLAT: Values = {"dist": "HalfFlat"}


def jeffreys(tau: xr.DataArray, v: np.ndarray) -> xr.DataArray:
    """Jeffreys' prior of tau, up to a constant, where the variances v are known (Bodnar et al. 2017)."""
    return sum((tau / (each + tau**2)) ** 2 for each in v) ** 0.5


def du_mouchel(tau: xr.DataArray, v: np.ndarray) -> xr.DataArray:
    """DuMouchel's prior of tau, up to a constant: s^2 is the harmonic mean of the variances."""
    return 1.0 / ((len(v) / np.sum(1.0 / v)) ** 0.5 + tau) ** 2


@dataclass(frozen=True)
class Model:
    """One posterior of ours, and the references that it answers to.

    `references` maps their names to what our draws are weighed by where their prior of tau is none of ours.
    """

    file: str
    priors: dict[str, Values]
    references: dict[str, Callable[[xr.DataArray, np.ndarray], xr.DataArray] | None]
    group: str = "trial"
    within: str = ""
    slope: str = ""
    nuts: bool = False


def _models() -> dict[str, Model]:
    def schools(mu: Values, tau: Values, *names: str, nuts: bool = False) -> Model:
        return Model("eight_schools", {"1": mu, "sd": tau}, dict.fromkeys(names), "school", nuts=nuts)

    def trials(mu: Values, tau: Values, *names: str) -> Model:
        return Model("bcg", {"1": mu, "sd": tau}, dict.fromkeys(names))

    shared = ("bayesmeta N0_5__HC5", "posteriordb", "brms", "brms long")
    return {
        "schools, normal and half Cauchy": schools(normal(5), half_cauchy(5), *shared, nuts=True),
        "schools, flat and half Cauchy": schools(FLAT, half_cauchy(25), "bayesmeta flat__HC25"),
        "schools, flat and half normal": schools(FLAT, half_normal(10), "bayesmeta flat__HN10"),
        "schools, normal and half normal": schools(normal(10), half_normal(10), "bayesmeta N0_10__HN10"),
        "schools, flat and flat": schools(FLAT, HALF_FLAT, "bayesmeta flat__uniform"),
        "trials, half normal": trials(normal(4), half_normal(1), "bayesmeta N0_4__HN1", "brms"),
        "trials, narrower half normal": trials(normal(4), half_normal(0.5), "bayesmeta N0_4__HN05"),
        "trials, half Cauchy": trials(normal(1), half_cauchy(0.5), "bayesmeta N0_1__HC05"),
        "trials, flat": Model(
            "bcg",
            {"1": FLAT, "sd": HALF_FLAT},
            {
                "bayesmeta flat__uniform": None,
                "bayesmeta flat__Jeffreys": jeffreys,
                "bayesmeta flat__DuMouchel": du_mouchel,
            },
            nuts=True,
        ),
        "trials by latitude": Model(
            "bcg",
            {"1": normal(4), "ablat_c": normal(1), "sd": half_normal(1)},
            {"bayesmeta ablat": None, "brms ablat": None},
            slope="ablat",
            nuts=True,
        ),
        "schools in districts": Model(
            "konstantopoulos",
            {"1": normal(1), "sd": half_normal(0.5)},
            {"brms": None},
            "school",
            within="district",
            nuts=True,
        ),
    }


MODELS = _models()
CASES = [
    (engine, name) for name, model in MODELS.items() for engine in ENGINES if engine != "nuts" or model.nuts
]
"""Every model by the collapsed engine; by nuts, which compiles each for half a minute, one of each kind."""


def table_of(model: Model) -> tuple[pd.DataFrame, str]:
    """Return the data with their variances in `v`, and the name of the outcome."""
    table = pd.DataFrame(reference(model.file)["data"])
    if model.slope:
        table[f"{model.slope}_c"] = table[model.slope] - table[model.slope].mean()
    if "sigma" in table:
        return table.astype({"y": float}).assign(v=table["sigma"] ** 2.0), "y"
    return table.rename(columns={"vi": "v"}), "yi"


def spec_of(model: Model, priors: dict[str, Values]) -> ModelSpec:
    terms = ["1", f"{model.slope}_c"] if model.slope else ["1"]
    outcome = {"column": table_of(model)[1], "scale": "identity", "variance": "v"}
    return parse_model(
        {
            "name": "meta",
            "data": {"schema": "any"},
            "outcome": outcome,
            "fixed": {"terms": terms},
            "groups": {model.group: {"within": model.within}},
            "residual": {"sd": 0},
            "priors": priors,
        }
    )


def draw(model: Model, engine: Engine) -> xr.Dataset:
    """Fit the model; its diagnostics must be as good as they must be for a claim."""
    spec = spec_of(model, model.priors)
    result = fit(spec, table_of(model)[0], covariates(), engine=engine, draws=DRAWS)
    assert result.diagnostics.engine == engine
    assert result.diagnostics.divergences <= DRAWS / 1000
    assert not [text for text in result.failures if "divergent" not in text]
    return result.tree["posterior"].to_dataset()


def quantities(posterior: xr.Dataset, model: Model) -> dict[str, xr.DataArray]:
    """Return the draws of everything that a reference may speak of, by the name in our JSON."""
    mu, tau = posterior["1"], posterior[f"sd:{model.group}"]
    found = {"mu": mu}
    if model.slope:
        found[f"slope[{model.slope}]"] = posterior[f"{model.slope}_c"]
    if model.within:
        for group in (model.within, model.group):
            found[f"tau[{group}]"] = posterior[f"sd:{group}"]
            found |= {f"effect[{group} {at}]": x for at, x in _levels(posterior, group)}
        return found
    noise = np.random.default_rng(1).standard_normal(mu.shape)
    found |= {"tau": tau, "theta[new]": mu + tau * noise}
    for at, effect in _levels(posterior, model.group):
        found |= {f"effect[{at}]": effect, f"theta[{at}]": mu + effect}
    return found


def _levels(posterior: xr.Dataset, group: str) -> Iterator[tuple[str, xr.DataArray]]:
    effects = posterior[f"1|{group}"]
    dim = f"{group}_level"
    for i, level in enumerate(effects[dim].to_numpy()):
        yield str(level), effects.isel({dim: i}, drop=True)


def functions(of: dict[str, xr.DataArray]) -> dict[str, xr.DataArray]:
    """Return the draws of bayesmeta's functions of the parameters."""
    return {f"P({name} < 0)": (of[name] < 0).astype(float) for name in ("mu", "theta[new]")}


@dataclass(frozen=True)
class Comparison:
    """One value of theirs beside ours, and the Monte Carlo error of the difference."""

    what: str
    ours: float
    theirs: float
    error: float

    @property
    def agrees(self) -> bool:
        return bool(abs(self.ours - self.theirs) <= ERRORS * self.error)

    def __str__(self) -> str:
        return f"{self.what}: {self.ours:.6g}, they {self.theirs:.6g}, error {self.error:.2g}"


@dataclass(frozen=True)
class Sample:
    """Draws of one quantity, and their weights, (chain, draw)."""

    x: xr.DataArray
    weight: xr.DataArray

    def mean(self, of: xr.DataArray) -> float:
        return float((self.weight * of).sum() / self.weight.sum())

    def error(self, residual: xr.DataArray) -> float:
        """Return the Monte Carlo error of the mean of something of which its mean was taken off."""
        part = self.weight / float(self.weight.mean()) * residual
        size = float(ess(xr.Dataset({"x": part}), method="mean")["x"])
        return float((part**2).mean()) ** 0.5 / size**0.5

    def deviation(self, residual: xr.DataArray) -> float:
        return self.mean(residual**2) ** 0.5


def compared(name: str, sample: Sample, theirs: Values, draws: float | None) -> Iterator[Comparison]:
    """Compare every value that a reference has of one quantity.

    Where the reference was drawn itself, its own errors are what it prints of them, but at least those of its
    effective number of draws: brms takes the draws for normal where it states the error of an sd.
    """
    x = sample.x
    centre = sample.mean(x)
    away = x - centre
    sd = sample.deviation(away)
    square = (away**2 - sd**2) / (2.0 * sd)
    bulk = theirs.get("ess_bulk", draws or np.inf)
    tail = min(bulk, theirs.get("ess_tail", np.inf))
    for key, value in theirs.items():
        match key:
            case "mean":
                other = max(theirs.get("mcse_mean", 0.0), sd / bulk**0.5)
                yield Comparison(f"{name} mean", centre, value, float(np.hypot(sample.error(away), other)))
            case "sd":
                other = max(theirs.get("mcse_sd", 0.0), sample.deviation(square) / bulk**0.5)
                yield Comparison(f"{name} sd", sd, value, float(np.hypot(sample.error(square), other)))
            case "mean_square":
                own = sample.mean(x**2)
                other = sample.deviation(x**2 - own) / bulk**0.5
                yield Comparison(
                    f"{name} mean square", own, value, float(np.hypot(sample.error(x**2 - own), other))
                )
            case "quantiles":
                for p, at in value.items():
                    yield _share(f"{name} below {at:.4g}", sample, x <= at, float(p), tail)
            case "shortest_interval":
                low, high = value
                yield _share(f"{name} inside", sample, (x >= low) & (x <= high), 0.95, tail)
            case "mcse_mean" | "mcse_sd" | "ess_bulk" | "ess_tail":
                continue
            case _:
                raise KeyError(f"nothing compares {key!r} of {name}")


def _share(what: str, sample: Sample, inside: xr.DataArray, p: float, size: float) -> Comparison:
    residual = inside.astype(float) - p
    other = (p * (1.0 - p) / size) ** 0.5
    share = sample.mean(inside.astype(float))
    return Comparison(what, share, p, float(np.hypot(sample.error(residual), other)))


@pytest.mark.parametrize(("engine", "name"), CASES)
def test_posterior(engine: Engine, name: str) -> None:
    model = MODELS[name]
    of = quantities(draw(model, engine), model)
    v = table_of(model)[0]["v"].to_numpy()
    every: list[Comparison] = []
    for source, weigh in model.references.items():
        theirs = reference(model.file)["posteriors"][source]
        weight = xr.ones_like(of["mu"]) if weigh is None else weigh(of["tau"], v)
        for parameter, values in theirs["parameters"].items():
            sample = Sample(of[parameter], weight)
            every += compared(f"{source}, {parameter}", sample, values, theirs.get("draws"))
        for function, value in theirs.get("functions", {}).items():
            sample = Sample(functions(of)[function], weight)
            every += compared(f"{source}, {function}", sample, {"mean": value}, None)
    assert every
    apart = [str(one) for one in every if not one.agrees]
    assert not apart, f"{len(apart)} of {len(every)} comparisons disagree:\n" + "\n".join(apart)


def test_every_posterior_of_every_file_is_compared() -> None:
    claimed = sorted((model.file, source) for model in MODELS.values() for source in model.references)
    held = sorted(
        (file, source)
        for file in ("bcg", "eight_schools", "konstantopoulos")
        for source in reference(file)["posteriors"]
    )
    assert claimed == held


def with_value(key: str) -> list[tuple[str, str]]:
    """Return the models, each with a reference that has this value."""
    return [
        (name, source)
        for name, model in MODELS.items()
        for source in model.references
        if key in reference(model.file)["posteriors"][source]
    ]


@dataclass(frozen=True)
class Marginal:
    """The collapsed density of a meta-analysis as a density of tau."""

    density: Density
    weigh: Callable[[np.ndarray], np.ndarray]

    def log_posterior(self, tau: np.ndarray) -> np.ndarray:
        """Return log p(tau | data) up to a constant; the density of log tau has the factor tau in it."""
        u = np.log(tau)
        return self.density.log_density(u[None]) - u + np.log(self.weigh(tau))

    def log_total(self) -> float:
        """Return the logarithm of the integral over tau, by the trapezoidal rule in log tau."""
        u = np.linspace(np.log(1e-7), np.log(1e5), 60_001)
        value = self.log_posterior(np.exp(u)) + u
        return float(np.log(np.trapezoid(np.exp(value - value.max()), u)) + value.max())


def marginal(model: Model, source: str, priors: dict[str, Values]) -> Marginal:
    table, _ = table_of(model)
    v = table["v"].to_numpy()
    weigh = model.references[source]
    spec = spec_of(model, priors)
    return Marginal(
        density(build_design(table, spec, covariates()), spec),
        np.ones_like if weigh is None else lambda tau: weigh(tau, v),
    )


@pytest.mark.parametrize(("name", "source"), with_value("mode_of_tau"))
def test_density_of_tau(name: str, source: str) -> None:
    model = MODELS[name]
    theirs = reference(model.file)["posteriors"][source]
    own = marginal(model, source, model.priors)
    highest = float(table_of(model)[0]["v"].max()) ** 0.5
    found = optimize.minimize_scalar(
        lambda tau: -float(own.log_posterior(np.array([tau]))[0]),
        bounds=(1e-9, highest),
        options={"xatol": 1e-9},
    )
    assert found.x == pytest.approx(theirs["mode_of_tau"], abs=1e-5 * highest)
    if "density_of_tau" in theirs:
        tau = np.maximum(theirs["density_of_tau"]["tau"], 1e-12)
        ours = np.exp(own.log_posterior(tau) - own.log_total())
        assert ours == pytest.approx(np.array(theirs["density_of_tau"]["density"]), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("name", "source"), with_value("log_marginal_likelihood"))
def test_marginal_likelihood(name: str, source: str) -> None:
    """Of the data, and in Bayes factors of no heterogeneity and of no mean effect; priors must be proper."""
    model = MODELS[name]
    theirs = reference(model.file)["posteriors"][source]
    own = marginal(model, source, model.priors)
    total = own.log_total()
    constant = -0.5 * len(table_of(model)[0]) * np.log(2.0 * np.pi)
    assert total + constant == pytest.approx(theirs["log_marginal_likelihood"], rel=1e-7)
    without_tau = float(own.density.log_likelihood(np.full((1, 1), -30.0))[0])
    without_mu = marginal(model, source, model.priors | {"1": normal(1e-6)}).log_total()
    assert np.exp(without_tau - total) == pytest.approx(theirs["bayes_factors"]["tau=0"], rel=1e-6)
    assert np.exp(without_mu - total) == pytest.approx(theirs["bayes_factors"]["mu=0"], rel=1e-6)
