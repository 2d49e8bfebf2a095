"""The engine against other software, on their data under their priors (tests/reference/*.json).

Tolerances are four Monte Carlo errors of both sides, which one comparison in 16,000 exceeds by chance.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from arviz_stats.sampling_diagnostics import ess

from taskorder.inference.diagnostics import MAX_R_HAT, MIN_ESS
from taskorder.inference.fitting import Fit, fit
from taskorder.inference.spec import parse_model
from taskorder.results.catalogue import covariates

REFERENCE = Path(__file__).parents[1] / "reference"
ERRORS = 4
DRAWS = 8000


def reference(name: str) -> dict[str, Any]:
    return json.loads((REFERENCE / name).read_text("utf-8"))


def meta_analysis(table: pd.DataFrame, outcome: str, variance: str, **content: Any) -> Fit:
    spec = parse_model(
        {
            "name": "meta",
            "data": {"schema": "any"},
            "outcome": {"column": outcome, "scale": "identity", "variance": variance},
            "residual": {"sd": 0},
            **content,
        }
    )
    result = fit(spec, table, covariates(), draws=DRAWS)
    assert result.diagnostics.max_r_hat < MAX_R_HAT
    assert result.diagnostics.min_ess_bulk > MIN_ESS
    assert result.diagnostics.divergences <= DRAWS / 1000
    return result


def normal(sigma: float) -> dict[str, object]:
    return {"dist": "Normal", "mu": 0, "sigma": sigma}


def draws_of(result: Fit) -> xr.Dataset:
    return result.tree["posterior"].to_dataset()


def monte_carlo_error(draws: xr.DataArray) -> tuple[float, float]:
    """Return the errors of the mean and of the sd, from the effective sample sizes of x and (x - mean)^2."""
    data = xr.Dataset({"x": draws, "square": (draws - draws.mean()) ** 2})
    size = ess(data, method="mean")
    of_square = float(data["square"].std()) / float(size["square"]) ** 0.5
    return float(draws.std()) / float(size["x"]) ** 0.5, of_square / (2 * float(draws.std()))


def agrees(
    draws: xr.DataArray, mean: float, sd: float, mean_error: float = 0.0, sd_error: float = 0.0
) -> None:
    own_mean_error, own_sd_error = monte_carlo_error(draws)
    assert abs(float(draws.mean()) - mean) < ERRORS * np.hypot(own_mean_error, mean_error)
    assert abs(float(draws.std()) - sd) < ERRORS * np.hypot(own_sd_error, sd_error)


def agrees_in_quantiles(draws: xr.DataArray, p: list[float], quantiles: list[float]) -> None:
    """Compare the share of draws below each of the other's quantiles with its probability."""
    for probability, quantile in zip(p, quantiles, strict=True):
        below = (draws <= quantile).astype(float)
        size = float(ess(xr.Dataset({"x": below}), method="mean")["x"])
        error = (probability * (1 - probability) / size) ** 0.5
        assert abs(float(below.mean()) - probability) < ERRORS * error, probability


def agrees_with_bayesmeta(result: Fit, exact: dict[str, Any], group: str) -> None:
    for theirs, ours in (("mu", "1"), ("tau", f"sd:{group}")):
        draws = draws_of(result)[ours]
        agrees(draws, exact["mean"][theirs], exact["sd"][theirs])
        agrees_in_quantiles(draws, exact["p"], exact["quantiles"][theirs])


def agrees_with_brms(result: Fit, summary: dict[str, dict[str, float]]) -> None:
    for name, theirs in summary.items():
        draws = draws_of(result)[name]
        agrees(draws, theirs["mean"], theirs["sd"], theirs["mcse_mean"], theirs["mcse_sd"])
        for bound, probability in (("q2.5", 0.025), ("q97.5", 0.975)):
            below = float((draws <= theirs[bound]).mean())
            assert below == pytest.approx(probability, abs=0.012), (name, bound)


def test_eight_schools() -> None:
    values = reference("eight_schools.json")
    table = pd.DataFrame(values["data"]).astype({"y": float})
    table["variance"] = table["sigma"] ** 2.0
    result = meta_analysis(
        table,
        "y",
        "variance",
        groups={"school": {}},
        priors={"1": normal(5), "sd": {"dist": "HalfCauchy", "beta": 5}},
    )
    posterior = draws_of(result)
    mu, effect = posterior["1"], posterior["1|school"]
    theirs = values["posteriordb"]
    ours = {"mu": mu, "tau": posterior["sd:school"]}
    ours |= {f"theta[{i + 1}]": mu + effect.isel(school_level=i, drop=True) for i in range(8)}
    for name, draws in ours.items():
        mean, sd = theirs["mean"][name], theirs["sd"][name]
        error = monte_carlo_error(draws)[0]
        assert abs(float(draws.mean()) - mean) < ERRORS * np.hypot(error, sd / theirs["draws"] ** 0.5), name
        assert float(draws.std()) == pytest.approx(sd, rel=0.1), name
    agrees_with_bayesmeta(result, values["bayesmeta"], "school")


@pytest.mark.parametrize(
    ("case", "priors"),
    [
        ("bayesmeta_proper", {"1": normal(4), "sd": {"dist": "HalfNormal", "sigma": 1}}),
        ("bayesmeta_flat", {"1": {"dist": "Flat"}, "sd:trial": {"dist": "HalfFlat"}}),
    ],
)
def test_vaccine_trials(case: str, priors: dict[str, object]) -> None:
    values = reference("bcg.json")
    table = pd.DataFrame(values["data"])
    result = meta_analysis(table, "yi", "vi", groups={"trial": {}}, priors=priors)
    agrees_with_bayesmeta(result, values[case], "trial")


def test_a_moderator_of_the_vaccine_trials() -> None:
    values = reference("bcg.json")
    table = pd.DataFrame(values["data"])
    table["ablat_c"] = table["ablat"] - table["ablat"].mean()
    result = meta_analysis(
        table,
        "yi",
        "vi",
        fixed={"terms": ["1", "ablat_c"]},
        groups={"trial": {}},
        priors={"1": normal(4), "ablat_c": normal(1), "sd": {"dist": "HalfNormal", "sigma": 1}},
    )
    agrees_with_brms(result, values["brms_ablat"]["summary"])


def test_schools_nested_in_districts() -> None:
    values = reference("konstantopoulos.json")
    table = pd.DataFrame(values["data"])
    result = meta_analysis(
        table,
        "yi",
        "vi",
        groups={"school": {"within": "district"}},
        priors={"1": normal(1), "sd": {"dist": "HalfNormal", "sigma": 0.5}},
    )
    assert draws_of(result).sizes["school_level"] == len(table[["district", "school"]].drop_duplicates())
    agrees_with_brms(result, values["brms"]["summary"])
