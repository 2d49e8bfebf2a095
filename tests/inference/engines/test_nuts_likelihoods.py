"""Fits of counts and of heavy tails: brms has the same posterior, and planted parameters are found.

Against brms the tolerance is four Monte Carlo errors of both sides together, which one comparison in 16,000
exceeds by chance. Its prior of an intercept is one at the mean of the predictors, as is ours of numeric
columns: the periods of cbpp enter as three columns of zeros and ones.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from arviz_stats.sampling_diagnostics import ess
from scipy.special import expit

from taskorder.inference.fitting import Fit, fit
from taskorder.inference.spec import parse_model
from taskorder.results.catalogue import covariates

REFERENCE = Path(__file__).parents[2] / "reference"
ERRORS = 4
DRAWS = 8000

Content = dict[str, Any]


def normal(sigma: float) -> Content:
    return {"dist": "Normal", "mu": 0, "sigma": sigma}


def half_normal(sigma: float) -> Content:
    return {"dist": "HalfNormal", "sigma": sigma}


def fitted(table: pd.DataFrame, draws: int, **content: Any) -> Fit:
    spec = parse_model({"name": "made", "data": {"schema": "any"}, **content})
    result = fit(spec, table, covariates(), draws=draws)
    assert result.diagnostics.engine == "nuts"
    assert result.diagnostics.ok, result.failures
    return result


def counts(likelihood: str, column: str, trials: str) -> Content:
    return {"column": column, "trials": trials, "likelihood": likelihood, "scale": "logit"}


def cbpp() -> tuple[Fit, Content]:
    content = json.loads((REFERENCE / "cbpp.json").read_text("utf-8"))
    table = pd.DataFrame(content["data"]).astype({"herd": str})
    periods = [f"period{i}" for i in (2, 3, 4)]
    for i, name in enumerate(periods, start=2):
        table[name] = (table["period"] == i).astype(float)
    result = fitted(
        table,
        DRAWS,
        outcome=counts("binomial", "incidence", "size"),
        fixed={"terms": ["1", *periods]},
        groups={"herd": {}},
        priors={"1": normal(5), "sd": half_normal(2.5), **dict.fromkeys(periods, normal(2.5))},
    )
    return result, content["posteriors"]["brms"]["parameters"]


def bcg_arms() -> tuple[Fit, Content]:
    content = json.loads((REFERENCE / "bcg_arms.json").read_text("utf-8"))
    result = fitted(
        pd.DataFrame(content["data"]).astype({"trial": str}),
        DRAWS,
        outcome=counts("binomial", "r", "n"),
        fixed={"terms": ["1", "trt"]},
        groups={"trial": {"by": ["1", "trt"]}},
        priors={
            "1": normal(10),
            "trt": normal(4),
            "sd:trial": half_normal(2),
            "sd:trial:trt": half_normal(1),
        },
    )
    return result, content["posteriors"]["brms"]["parameters"]


def quantity(posterior: xr.Dataset, name: str) -> xr.DataArray:
    """Return the draws of a parameter, or of one level's effect: `1|herd[3]`."""
    if not name.endswith("]"):
        return posterior[name]
    block, level = name[:-1].split("[")
    return posterior[block].sel({f"{block.split('|')[1]}_level": level}, drop=True)


def error_of_mean(x: xr.DataArray) -> float:
    return float(x.std()) / float(ess(xr.Dataset({"x": x}), method="mean")["x"]) ** 0.5


def disagreements(x: xr.DataArray, name: str, theirs: Content) -> list[str]:
    """Compare mean and sd, and the shares of draws below each quantile."""
    away = x - x.mean()
    sd = float(x.std())
    of_square = away**2 / (2.0 * sd)
    found = [
        ("mean", float(x.mean()), theirs["mean"], error_of_mean(x), theirs["mcse_mean"]),
        (
            "sd",
            sd,
            theirs["sd"],
            error_of_mean(of_square),
            float(of_square.std()) / theirs["ess_bulk"] ** 0.5,
        ),
    ]
    for p, at in theirs["quantiles"].items():
        below = (x <= at).astype(float)
        other = (float(p) * (1.0 - float(p)) / min(theirs["ess_bulk"], theirs["ess_tail"])) ** 0.5
        found.append((f"quantile {p}", float(below.mean()), float(p), error_of_mean(below), other))
    return [
        f"{name} {what}: {ours:.4g}, they {value:.4g}, errors {own:.2g} and {other:.2g}"
        for what, ours, value, own, other in found
        if abs(ours - value) > ERRORS * np.hypot(own, other)
    ]


@pytest.mark.parametrize("data_set", [cbpp, bcg_arms])
def test_binomial_posteriors_are_those_of_brms(data_set: Any) -> None:
    result, parameters = data_set()
    posterior = result.tree["posterior"].to_dataset()
    effects = sum(posterior[name].size for name in posterior if "|" in str(name)) // DRAWS
    assert len(parameters) == effects + sum("|" not in str(name) for name in posterior)
    apart = [
        text
        for name, theirs in parameters.items()
        for text in disagreements(quantity(posterior, name), name, theirs)
    ]
    assert not apart, "\n".join(apart)


GROUPS, EACH = 20, 20
INTERCEPT, SLOPE, BETWEEN = 0.4, 0.6, 0.5


def design(rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a table with a predictor and a group, and the linear predictor of its rows."""
    group = np.repeat(np.arange(GROUPS), EACH)
    x = rng.uniform(-1.0, 1.0, len(group))
    effects = rng.standard_normal(GROUPS)
    effects = BETWEEN * (effects - effects.mean()) / effects.std(ddof=1)
    table = pd.DataFrame({"x": x, "g": [f"g{i:02d}" for i in group]})
    return table, INTERCEPT + SLOPE * x + effects[group]


def finds(result: Fit, **truth: float) -> None:
    """Planted values are within three posterior sds, beyond which one in 400 would be by chance."""
    rows = result.summary.set_index("parameter")
    for name, value in truth.items():
        row = rows.loc[{"intercept": "1", "between": "sd:g"}.get(name, name)]
        assert abs(row["mean"] - value) < 3 * row["sd"], (name, value, row)


def test_outliers_are_told_from_noise() -> None:
    """With one row in twelve far off, the sd of all is four times that of the others; the scale is not."""
    rng = np.random.default_rng(5)
    table, eta = design(rng)
    noise = 0.1 * rng.standard_normal(len(table))
    out = rng.random(len(table)) < 1 / 12
    noise[out] += rng.choice([-1.0, 1.0], out.sum()) * rng.uniform(1.0, 2.0, out.sum())
    result = fitted(
        table.assign(y=eta + noise),
        4000,
        outcome={"column": "y", "likelihood": "student_t", "scale": "identity"},
        fixed={"terms": ["1", "x"]},
        groups={"g": {}},
        estimands={"slope": {"function": "points", "of": "x"}},
    )
    finds(result, intercept=INTERCEPT, x=SLOPE, between=BETWEEN, slope=SLOPE)
    rows = result.summary.set_index("parameter")
    assert noise.std() > 0.35
    assert rows.loc["residual", "upper"] < 0.11
    assert rows.loc["nu", "lower"] > 1.0
    assert rows.loc["nu", "upper"] < 3.0
    assert rows.loc["x", "sd"] < 0.012


PRECISIONS = {"loose": 15.0, "tight": 150.0}


def test_overdispersion_is_found_by_level() -> None:
    rng = np.random.default_rng(5)
    table, eta = design(rng)
    table["level"] = rng.choice(list(PRECISIONS), len(table))
    phi = table["level"].map(PRECISIONS).to_numpy()
    n = rng.integers(50, 200, len(table))
    k = rng.binomial(n, rng.beta(expit(eta) * phi, expit(-eta) * phi))
    result = fitted(
        table.assign(k=k, n=n),
        4000,
        outcome=counts("beta_binomial", "k", "n"),
        fixed={"terms": ["1", "x"]},
        groups={"g": {}},
        residual={"by": "level"},
        estimands={"slope": {"function": "points", "of": "x"}},
    )
    levels = {f"residual:{level}": value for level, value in PRECISIONS.items()}
    reference = k.sum() / n.sum()
    points = 100 * SLOPE * reference * (1 - reference)
    finds(result, intercept=INTERCEPT, x=SLOPE, between=BETWEEN, slope=points, **levels)
    slope = result.summary.set_index("parameter").loc["slope"]
    assert slope["unit"] == f"points at {100 * reference:.0f}"
