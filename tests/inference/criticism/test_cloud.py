"""Draws that are moved to another posterior, beside that posterior itself."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from taskorder.inference.criticism.cloud import Cloud, Weighted, cloud, moved, proposed
from taskorder.inference.engines import collapsed
from taskorder.inference.engines.density import Density, density
from taskorder.inference.engines.mode import mode
from taskorder.inference.layout.design import Design, build_design
from taskorder.inference.spec import parse_model
from taskorder.results.catalogue import Covariates

MODEL: dict[str, Any] = {
    "name": "labs",
    "data": {"schema": "any"},
    "outcome": {"column": "y", "scale": "identity"},
    "fixed": {"terms": ["1", "x"]},
    "groups": {"lab": {}, "item": {}},
    "residual": {"by": "half"},
    "priors": {
        "1": {"dist": "Normal", "mu": 1, "sigma": 2},
        "x": {"dist": "Normal", "mu": 0, "sigma": 1},
        "sd": {"dist": "HalfNormal", "sigma": 0.5},
        "residual": {"dist": "HalfNormal", "sigma": 0.5},
    },
}
TIGHT = {"x": {"dist": "Normal", "mu": 0, "sigma": 0.05}, "sd": {"dist": "HalfNormal", "sigma": 0.1}}


SIZE, HEAVY = 15, 10.0


def heavy(u: np.ndarray) -> np.ndarray:
    """Return the log density of a Student-t: along each coordinate it is wider than at the mode."""
    return np.atleast_1d(stats.multivariate_t(np.zeros(SIZE), np.eye(SIZE), df=HEAVY).logpdf(u.T))


def about_heavy() -> Any:
    coordinates = SimpleNamespace(
        inside=lambda u: np.ones(u.shape[1], dtype=bool), log_sds=lambda: np.zeros(SIZE, dtype=bool)
    )
    sums = SimpleNamespace(
        coordinates=coordinates,
        sums=SimpleNamespace(width=1),
        log_density=heavy,
        drawn=lambda u, *_: (heavy(u), np.zeros((1, u.shape[1]))),
    )
    covariance = np.eye(SIZE) * HEAVY / (HEAVY + SIZE)
    return SimpleNamespace(density=sums, u=np.zeros(SIZE), covariance=covariance)


def test_draws_that_do_not_cover_a_density_teach_those_that_do() -> None:
    """A proposal that never learns covers it in three of five cases, with 36 of 400 draws that count."""
    found = [proposed(about_heavy(), 400, np.random.default_rng(seed)) for seed in range(12)]
    assert np.mean([one.covered for one in found]) > 0.8
    assert np.mean([one.worth for one in found]) > 120
    assert np.exp([one.evidence for one in found]).mean() == pytest.approx(1.0, abs=0.1)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    lab, item, x = rng.integers(0, 8, 160), rng.integers(0, 20, 160), rng.normal(size=160)
    y = 3 + 0.3 * x + rng.normal(0, 0.3, 8)[lab] + rng.normal(0, 0.2, 20)[item] + rng.normal(0, 0.1, 160)
    half = np.where(lab < 4, "a", "b")
    return pd.DataFrame(
        {"lab": [f"l{i}" for i in lab], "item": [f"i{i}" for i in item], "half": half, "x": x, "y": y}
    )


def of(table: pd.DataFrame, known: Covariates, **changes: Any) -> tuple[Design, Density]:
    spec = parse_model(MODEL | changes)
    design = build_design(table, spec, known)
    return design, density(design, spec)


@pytest.fixture(scope="module")
def near(table: pd.DataFrame, known: Covariates) -> Cloud:
    spec = parse_model(MODEL)
    design, summed = of(table, known)
    draws = collapsed.sample(design, spec, seed=2, draws=4000)
    return cloud(summed, design, draws.tree["posterior"].to_dataset())


def moments(found: Weighted) -> tuple[np.ndarray, np.ndarray]:
    theta = found.density.coordinates.unpack(found.u)
    values = np.log(np.vstack([theta.sd, theta.residual]))
    mean = values @ found.weight
    return mean, np.sqrt((values - mean[:, None]) ** 2 @ found.weight)


@pytest.mark.parametrize("rows", [160, 120])
def test_moved_draws_are_those_of_the_other_posterior(
    near: Cloud, table: pd.DataFrame, known: Covariates, rows: int
) -> None:
    design, other = of(table.iloc[:rows], known, priors=MODEL["priors"] | TIGHT)
    rng = np.random.default_rng(2)
    found, direct = moved(near, other, rng), proposed(mode(other, design), 4000, rng)
    assert found is not None
    assert found.covered
    (mean, sd), (expected, spread) = moments(found), moments(direct)
    error = 5 * spread * np.sqrt(np.sum(found.weight**2))
    assert (np.abs(mean - expected) < error + 0.02).all()
    np.testing.assert_allclose(sd, spread, rtol=0.3)


def test_the_evidence_of_moved_draws_is_the_ratio_of_the_integrals(
    near: Cloud, table: pd.DataFrame, known: Covariates
) -> None:
    rng = np.random.default_rng(4)
    (design, first), (_, other) = of(table, known), of(table, known, priors=MODEL["priors"] | TIGHT)
    found = moved(near, other, rng)
    assert found is not None
    integrals = [proposed(mode(one, design), 4000, rng).evidence for one in (other, first)]
    assert found.evidence == pytest.approx(integrals[0] - integrals[1], abs=0.15)


def test_draws_with_other_parameters_are_not_moved(
    near: Cloud, table: pd.DataFrame, known: Covariates
) -> None:
    _, other = of(table, known, groups={"lab": {}})
    assert moved(near, other, np.random.default_rng(0)) is None


def test_draws_that_would_lie_where_nothing_can_be_computed_are_not_moved(
    near: Cloud, table: pd.DataFrame, known: Covariates
) -> None:
    _, same = of(table, known)
    assert moved(replace(near, u=near.u + 1e6), same, np.random.default_rng(0)) is None
