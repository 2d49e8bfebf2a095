"""The Gaussian that stands in for other likelihoods has their mode, whatever was eliminated on the way."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from taskorder.inference.engines import marginal, working
from taskorder.inference.engines.working import log_precisions, stand_in
from taskorder.inference.layout.design import Design, build_design
from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.results.catalogue import covariates

GROUPS = 12


def simulated(rng: np.random.Generator, phi: float) -> pd.DataFrame:
    group = np.repeat(np.arange(GROUPS), 25)
    x = rng.uniform(-1.0, 1.0, len(group))
    p = expit(0.3 + 0.8 * x + 0.5 * rng.standard_normal(GROUPS)[group])
    n = rng.integers(40, 90, len(group))
    k = rng.binomial(n, rng.beta(phi * p, phi * (1.0 - p)))
    noise = 0.1 * rng.standard_t(3, len(group))
    return pd.DataFrame({"k": k, "n": n, "x": x, "y": x + noise, "g": [f"g{i:02d}" for i in group]})


def laid_out(likelihood: str, table: pd.DataFrame, **content: Any) -> tuple[Design, ModelSpec]:
    counts = {"column": "k", "trials": "n", "likelihood": likelihood, "scale": "logit"}
    heavy = {"column": "y", "likelihood": likelihood, "scale": "identity"}
    standard = {
        "name": "made",
        "data": {"schema": "any"},
        "outcome": heavy if likelihood == "student_t" else counts,
        "fixed": {"terms": ["1", "x"]},
    }
    spec = parse_model(standard | content)
    return build_design(table, spec, covariates()), spec


FLAT = {"1": {"dist": "Flat"}, "x": {"dist": "Flat"}}


def test_of_counts_it_has_the_mode_and_the_curvature() -> None:
    """At the maximum the score vanishes; the covariance is the inverse information there."""
    table = simulated(np.random.default_rng(3), 1e6)
    design, spec = laid_out("binomial", table, priors=FLAT)
    problem, at = stand_in(design, spec)
    x = problem.main[0].toarray()
    counts = design.cells.counts
    assert counts is not None
    p = expit(x @ at.mean)
    np.testing.assert_allclose(x.T @ (counts.successes - counts.trials * p), 0.0, atol=1e-3)
    information = x.T @ ((counts.trials * p * (1.0 - p))[:, None] * x)
    np.testing.assert_allclose(at.covariance @ information, np.eye(2), atol=1e-3)


def test_outliers_do_not_move_it() -> None:
    rng = np.random.default_rng(4)
    table = simulated(rng, 1e6)
    table.loc[rng.choice(len(table), 20, replace=False), "y"] += 3.0
    design, spec = laid_out("student_t", table, priors=FLAT)
    _, at = stand_in(design, spec)
    assert at.mean[1] == pytest.approx(1.0, abs=0.03)
    assert at.theta.residual[0] < 0.3 < table["y"].sub(table["x"]).std()


@pytest.mark.parametrize("likelihood", ["binomial", "beta_binomial", "student_t"])
def test_an_eliminated_intercept_is_put_back(likelihood: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table = simulated(np.random.default_rng(5), 30.0)
    half = table["g"].map(lambda name: "first" if name < "g06" else "second")
    design, spec = laid_out(likelihood, table.assign(h=half), groups={"g": {}, "h": {}})
    whole, plain = stand_in(design, spec)
    assert whole.eliminated is None
    monkeypatch.setattr(marginal, "ELIMINATE_FROM", GROUPS)
    problem, at = stand_in(design, spec)
    assert problem.sd_names == ("sd:g", "sd:h")
    np.testing.assert_allclose(at.theta.sd, plain.theta.sd, rtol=1e-2)
    np.testing.assert_allclose(at.mean, plain.mean, atol=2e-2)
    np.testing.assert_allclose(at.covariance, plain.covariance, atol=2e-3)


def test_log_precisions_are_what_the_data_tell() -> None:
    table = simulated(np.random.default_rng(6), 40.0).assign(level="told")
    few = table.iloc[:1].assign(level="untold", k=1, n=1)
    table = pd.concat([table, few], ignore_index=True)
    design, spec = laid_out("beta_binomial", table, groups={"g": {}}, residual={"by": "level"})
    centre, told = log_precisions(*stand_in(design, spec))
    assert design.residual_levels == ("told", "untold")
    assert centre[0] == pytest.approx(np.log(40.0), abs=0.4)
    assert told[0] > 50.0
    assert told[1] < 0.1
    assert working.GRID[0] < centre[1] < working.GRID[-1]
