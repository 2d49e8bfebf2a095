"""Data left out without fitting again, beside posteriors that never saw them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from taskorder.errors import MissingData
from taskorder.inference.criticism import predictive
from taskorder.inference.criticism.cloud import DRAWS
from taskorder.inference.criticism.leaving_out import (
    Whole,
    foretold,
    loo,
    sketches_without_cells,
    whole,
    without_levels,
)
from taskorder.inference.criticism.sensitivity import power_scaled
from taskorder.inference.engines import collapsed
from taskorder.inference.engines.importance import largest_k
from taskorder.inference.fitting import Fit, fit
from taskorder.inference.layout.design import Design, build_design
from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.results.catalogue import Covariates

MODEL: dict[str, Any] = {
    "name": "labs",
    "data": {"schema": "any"},
    "outcome": {"column": "y", "scale": "identity"},
    "fixed": {"terms": ["1", "x"]},
    "groups": {"lab": {}, "item": {}},
    "priors": {
        "1": {"dist": "Normal", "mu": 1, "sigma": 2},
        "x": {"dist": "Normal", "mu": 0, "sigma": 1},
        "sd": {"dist": "HalfNormal", "sigma": 0.5},
        "residual": {"dist": "HalfNormal", "sigma": 0.5},
    },
    "estimands": {
        "slope": {"function": "points", "of": "x"},
        "spread": {"function": "ratio", "of": "sd:lab", "to": "residual"},
    },
}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    lab, item = rng.integers(0, 8, 160), rng.integers(0, 20, 160)
    x = rng.normal(size=160)
    x = x - x.mean()
    y = 3 + 0.3 * x + rng.normal(0, 0.3, 8)[lab] + rng.normal(0, 0.2, 20)[item] + rng.normal(0, 0.1, 160)
    return pd.DataFrame({"lab": [f"l{i}" for i in lab], "item": [f"i{i}" for i in item], "x": x, "y": y})


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    return parse_model(MODEL)


@pytest.fixture(scope="module")
def design(table: pd.DataFrame, spec: ModelSpec, known: Covariates) -> Design:
    return build_design(table, spec, known)


def known_of(design: Design, spec: ModelSpec) -> Whole:
    result = collapsed.sample(design, spec, seed=1, draws=2000)
    return whole(design, spec, result.tree["posterior"].to_dataset())


@pytest.fixture(scope="module")
def everything(design: Design, spec: ModelSpec) -> Whole:
    return known_of(design, spec)


def refit(table: pd.DataFrame, spec: ModelSpec, known: Covariates) -> xr.Dataset:
    result = collapsed.sample(build_design(table, spec, known), spec, seed=3, draws=4000)
    return result.tree["posterior"].to_dataset()


@pytest.fixture(scope="module")
def left_out(everything: Whole) -> pd.DataFrame:
    return without_levels(everything, "lab", seed=2)


@pytest.mark.parametrize("lab", ["l0", "l3", "l7"])
def test_a_level_left_out_is_a_fit_without_it(
    left_out: pd.DataFrame, table: pd.DataFrame, spec: ModelSpec, known: Covariates, lab: str
) -> None:
    """The default priors hang on the outcome's spread: all are given, so that both have the same."""
    there = left_out[left_out["left_out"] == lab].set_index("estimand")
    posterior = refit(table[table["lab"] != lab], spec, known)
    draws = {"slope": posterior["x"], "spread": posterior["sd:lab"] / posterior["residual"]}
    assert (there["rows"] == (table["lab"] == lab).sum()).all()
    for name, values in draws.items():
        mean, sd = float(values.mean()), float(values.std())
        assert there["mean"][name] == pytest.approx(mean, abs=5 * sd / np.sqrt(there["ess"][name]))
        assert there["sd"][name] == pytest.approx(sd, rel=0.3)
        assert there["lower"][name] < mean < there["upper"][name]


def test_the_rest_foretells_a_level_as_the_chain_rule_says(
    left_out: pd.DataFrame, table: pd.DataFrame, spec: ModelSpec, known: Covariates
) -> None:
    """log p(level | rest) by draws from a fit of the rest: the level's rows are jointly normal given them."""
    lab = "l3"
    rest, level = table[table["lab"] != lab], table[table["lab"] == lab]
    posterior = refit(rest, spec, known)
    items = posterior["1|item"]
    found: list[float] = []
    rng = np.random.default_rng(4)
    for i in range(0, 4000, 3):
        one = posterior.isel(chain=i % 4, draw=i // 4)
        known_items = dict(zip(items["item_level"].to_numpy(), one["1|item"].to_numpy(), strict=True))
        new = rng.normal(0.0, float(one["sd:item"]), len(level))
        effects = [known_items.get(name, new[j]) for j, name in enumerate(level["item"])]
        eta = float(one["1"]) + float(one["x"]) * level["x"].to_numpy() + np.array(effects)
        covariance = float(one["sd:lab"]) ** 2 + float(one["residual"]) ** 2 * np.eye(len(level))
        found.append(float(stats.multivariate_normal(eta, covariance).logpdf(level["y"].to_numpy())))
    expected = float(np.logaddexp.reduce(found) - np.log(len(found)))
    assert left_out.set_index("left_out")["elpd"][lab].iloc[0] == pytest.approx(expected, abs=0.7)


def test_all_data_come_first_and_agree_with_the_fit(left_out: pd.DataFrame, fitted: Fit) -> None:
    first = left_out[left_out["left_out"] == ""].set_index("estimand")
    summary = fitted.summary.set_index("parameter")
    for name in MODEL["estimands"]:
        error = 5 * summary["sd"][name] / np.sqrt(first["ess"][name])
        assert first["mean"][name] == pytest.approx(summary["mean"][name], abs=error)
    assert first["elpd"].isna().all()
    assert (first["rows"] == 160).all()


def test_parts_in_pairs_are_told_from_the_same_numbers(everything: Whole) -> None:
    cells = np.arange(len(everything.design.cells.mean)) % 9 == 0
    _, one, other = sketches_without_cells(everything, [("a", cells), ("b", cells)], seed=1, paired=True)
    pd.testing.assert_frame_equal(one.draws, other.draws)
    _, one, other = sketches_without_cells(everything, [("a", cells), ("b", cells)], seed=1)
    assert not one.draws.equals(other.draws)


def test_a_cell_left_out_is_foretold_as_by_a_fit_without_it(
    everything: Whole, table: pd.DataFrame, design: Design, spec: ModelSpec, known: Covariates
) -> None:
    pointwise = loo(everything).elpd_i.to_numpy()
    for cell in (0, 5):
        posterior = refit(table.drop(index=cell), spec, known)
        rest = build_design(table.drop(index=cell), spec, known)
        b = predictive.coefficients(posterior, rest).reshape(4000, -1)
        row = design.effects[0][[cell]].toarray()[0]
        row[1] = table["x"][cell] - table["x"].drop(index=cell).mean()
        sd = posterior["residual"].to_numpy().ravel()
        density = stats.norm(b @ row, sd).logpdf(table["y"][cell])
        expected = np.logaddexp.reduce(density) - np.log(len(density))
        assert pointwise[cell] == pytest.approx(expected, abs=0.05)
    assert foretold(everything)["mean"].shape == (1, DRAWS, 160)


def test_a_column_that_cannot_be_left_out_is_named(everything: Whole) -> None:
    with pytest.raises(MissingData, match="lab"):
        without_levels(everything, "labb", seed=1)


def labs(**changes: Any) -> tuple[pd.DataFrame, ModelSpec]:
    """Three labs of twenty rows; only lab C has both levels of x."""
    lab = np.repeat(["A", "B", "C"], 20)
    y = np.random.default_rng(1).standard_normal(60) + np.repeat([0.0, 1.0, 2.0], 20)
    x = np.where((lab == "C") & (np.arange(60) % 2 == 0), "z", "a")
    content = MODEL | {"fixed": {"terms": ["1", "x"]}, "groups": {"lab": {}}, "priors": {}}
    content["estimands"] = {"spread": {"function": "ratio", "of": "sd:lab", "to": "residual"}}
    return pd.DataFrame({"y": y, "lab": lab, "x": x}), parse_model(content | changes)


def test_a_term_with_a_flat_prior_that_one_level_alone_tells(known: Covariates) -> None:
    table, spec = labs(priors={"x[z]": {"dist": "Flat"}})
    found = without_levels(known_of(build_design(table, spec, known), spec), "lab", seed=1)
    rows = found.set_index("left_out")
    assert "no row tells 'x[z]', whose prior is flat" in rows["problem"]["C"]
    assert np.isnan(rows["mean"]["C"])
    assert rows["rows"]["C"] == 20
    assert rows["mean"][["", "A", "B"]].notna().all()


def test_levels_too_few_for_a_flat_prior_of_their_sd(known: Covariates) -> None:
    priors = {"1": {"dist": "Flat"}, "sd:lab": {"dist": "HalfFlat"}}
    table, spec = labs(priors=priors, fixed={"terms": ["1"]})
    found = without_levels(known_of(build_design(table, spec, known), spec), "lab", seed=1)
    levels = found[found["left_out"] != ""]
    assert levels["problem"].str.contains("the sd of group 'lab' has a flat prior, which 2 levels").all()
    assert levels["mean"].isna().all()


def test_a_level_without_which_nothing_is_left_to_the_residual(known: Covariates) -> None:
    table, spec = labs(fixed={"terms": ["1"]}, groups={"lab": {}, "row": {}})
    table = table.assign(row=[f"r{i}" for i in range(20)] * 3)
    table.loc[table["lab"] != "C", "y"] = 0.5
    found = without_levels(known_of(build_design(table, spec, known), spec), "lab", seed=1)
    rows = found.set_index("left_out")
    assert "The residual sd would be 0" in rows["problem"]["C"]
    assert np.isnan(rows["mean"]["C"])


def test_a_column_that_cuts_across_cells_is_refused(known: Covariates) -> None:
    table, spec = labs(groups={}, estimands={"slope": {"function": "points", "of": "x[z]"}})
    design = build_design(table, spec, known)
    assert set(design.mixed) == {"y", "lab"}
    assert not set(design.mixed) & set(design.frame)
    with pytest.raises(MissingData, match=r"does not tell rows of different levels apart.*\[groups.lab\]"):
        without_levels(known_of(design, spec), "lab", seed=1)


@pytest.mark.parametrize(("draws", "limit"), [(250, 0.583), (1000, 0.667), (10_000, 0.7)])
def test_fewer_draws_have_a_lower_limit_of_k(draws: int, limit: float) -> None:
    assert largest_k(draws) == pytest.approx(limit, abs=1e-3)


@pytest.fixture(scope="module")
def fitted(table: pd.DataFrame, spec: ModelSpec, known: Covariates) -> Fit:
    return fit(spec, table, known, seed=1, draws=2000)


def test_the_log_likelihood_is_that_of_the_rows(fitted: Fit, design: Design, spec: ModelSpec) -> None:
    posterior = fitted.tree["posterior"].to_dataset()
    eta = predictive.expected(posterior, design)
    direct = stats.norm(eta, posterior["residual"].to_numpy()[..., None]).logpdf(design.cells.mean)
    np.testing.assert_allclose(predictive.log_likelihood(posterior, design, spec), direct, rtol=1e-10)
    kept = fitted.tree["log_likelihood"].to_dataset()["mean"]
    assert kept.shape == (4, 500, 160)
    np.testing.assert_allclose(kept.to_numpy(), direct, rtol=1e-4, atol=1e-4)


def test_what_the_posterior_would_expect_is_like_the_data(fitted: Fit, design: Design) -> None:
    new = fitted.tree["posterior_predictive"].to_dataset()["mean"].to_numpy().reshape(-1, 160)
    inside = (design.cells.mean > np.quantile(new, 0.025, axis=0)) & (
        design.cells.mean < np.quantile(new, 0.975, axis=0)
    )
    assert 0.88 < inside.mean() <= 1.0


def test_draws_are_thinned_where_there_are_many_cells(fitted: Fit) -> None:
    posterior = fitted.tree["posterior"].to_dataset()
    few = predictive.thinned(posterior, 10_000)
    assert few.sizes["draw"] * 4 * 10_000 <= predictive.MOST
    assert predictive.thinned(posterior, 10**8).sizes["draw"] == predictive.FEWEST_DRAWS
    assert predictive.thinned(posterior.isel(draw=slice(10)), 10**8).sizes["draw"] == 10


def test_a_prior_that_outweighs_the_data_is_found(
    table: pd.DataFrame, known: Covariates, fitted: Fit
) -> None:
    tight = {"x": {"dist": "Normal", "mu": 0.0, "sigma": 0.01}}
    narrow = parse_model(MODEL | {"priors": MODEL["priors"] | tight})
    weak = power_scaled(fitted).set_index("estimand")["prior"]["slope"]
    strong = power_scaled(fit(narrow, table, known, seed=1, draws=2000)).set_index("estimand")["prior"][
        "slope"
    ]
    assert weak < 0.02
    assert strong > 5 * weak
