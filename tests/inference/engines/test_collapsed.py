"""The collapsed engine: exact where that can be computed, in agreement with `nuts`, honest where it fails."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from arviz_stats.base.array import array_stats
from numpy.typing import NDArray
from scipy import sparse, stats

from taskorder.errors import FitFailed
from taskorder.inference.diagnostics import MAX_PARETO_K
from taskorder.inference.engines import collapsed, importance, nuts
from taskorder.inference.engines.draws import CHAINS, Draws
from taskorder.inference.layout.design import Design, build_design
from taskorder.inference.priors import Prior
from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.results.catalogue import covariates

Floats = NDArray[np.float64]
Make = Callable[..., Any]

SCHOOLS = pd.DataFrame(
    {
        "school": list("ABCDEFGH"),
        "y": [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0],
        "v": [225.0, 100.0, 256.0, 121.0, 81.0, 121.0, 100.0, 324.0],
    }
)
WIDTH = 5.0


def schools() -> tuple[Design, ModelSpec]:
    spec = parse_model(
        {
            "name": "schools",
            "data": {"schema": "any"},
            "outcome": {"column": "y", "scale": "identity", "variance": "v"},
            "groups": {"school": {}},
            "residual": {"sd": 0},
            "priors": {
                "1": {"dist": "Normal", "mu": 0, "sigma": WIDTH},
                "sd": {"dist": "HalfNormal", "sigma": WIDTH},
            },
        }
    )
    return build_design(SCHOOLS, spec, covariates()), spec


def crossed() -> tuple[Design, ModelSpec]:
    """Return a slope and two crossed groups, with several rows a cell."""
    rng = np.random.default_rng(3)
    group, item = np.repeat(np.arange(10), 18), np.tile(np.repeat(np.arange(6), 3), 10)
    x = rng.normal(size=len(group))
    level = rng.normal(0.0, 0.5, 10)[group] + rng.normal(0.0, 0.8, 6)[item]
    y = 1.0 + 0.4 * x + level + rng.normal(0.0, 0.3, len(group))
    table = pd.DataFrame({"y": y, "x": x, "g": [f"g{i}" for i in group], "item": [f"i{i}" for i in item]})
    spec = parse_model(
        {
            "name": "crossed",
            "data": {"schema": "any"},
            "outcome": {"column": "y", "scale": "identity"},
            "fixed": {"terms": ["1", "x"]},
            "groups": {"g": {}, "item": {}},
        }
    )
    return build_design(table, spec, covariates()), spec


def posterior(found: Draws) -> xr.Dataset:
    return found.tree["posterior"].to_dataset()


def flat(values: xr.DataArray) -> Floats:
    """Return draws as (parameters, chains, draws)."""
    return values.to_numpy().reshape(*values.shape[:2], -1).transpose(2, 0, 1)


def differences(one: xr.Dataset, other: xr.Dataset) -> dict[str, float]:
    """Return the largest difference of mean and sd of every variable, in Monte Carlo errors of both."""
    assert set(one.data_vars) == set(other.data_vars)
    found: dict[str, float] = {}
    for name in map(str, one.data_vars):
        aligned = other[name].transpose(*one[name].dims)
        for values in zip(flat(one[name]), flat(aligned), strict=True):
            for what, method in (("mean", np.mean), ("sd", np.std)):
                errors = [float(az.mcse(draws, method=what)) for draws in values]
                gap = abs(float(method(values[0]) - method(values[1]))) / float(np.hypot(*errors))
                found[f"{what} of {name}"] = max(gap, found.get(f"{what} of {name}", 0.0))
    return found


def test_one_seed_gives_one_set_of_draws() -> None:
    made = schools()
    first, again, other = (posterior(collapsed.sample(*made, seed=s, draws=400)) for s in (1, 1, 2))
    xr.testing.assert_identical(first, again)
    assert not np.isin(other["1"].to_numpy(), first["1"].to_numpy()).any()
    assert len({chain.tobytes() for chain in first["1"].to_numpy()}) == CHAINS
    assert set(first.data_vars) == {"1", "1|school", "sd:school"}
    assert first["1|school"].sizes == {"chain": CHAINS, "draw": 100, "school_level": 8}


def test_the_posterior_is_that_of_quadrature() -> None:
    """With one sd and known variances the posterior is an integral over a line."""
    found = collapsed.sample(*schools(), seed=1, draws=8000)
    assert found.pareto_k is not None
    assert found.pareto_k < MAX_PARETO_K
    tau = np.linspace(1e-3, 40.0, 20_001)
    variance = SCHOOLS["v"].to_numpy()[:, None] + tau**2
    y = SCHOOLS["y"].to_numpy()[:, None]
    precision = 1 / WIDTH**2 + np.sum(1 / variance, axis=0)
    mean = np.sum(y / variance, axis=0) / precision
    log_density = -0.5 * (np.log(variance) + y**2 / variance).sum(axis=0)
    log_density += 0.5 * (precision * mean**2 - np.log(precision)) - 0.5 * (tau / WIDTH) ** 2
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    draws = posterior(found)
    for name, expected, spread in (
        ("sd:school", tau @ weight, np.sqrt(tau**2 @ weight - (tau @ weight) ** 2)),
        ("1", mean @ weight, np.sqrt((1 / precision + mean**2) @ weight - (mean @ weight) ** 2)),
    ):
        values = draws[name].to_numpy()
        assert values.mean() == pytest.approx(expected, abs=4 * float(az.mcse(values)))
        assert values.std() == pytest.approx(spread, abs=4 * float(az.mcse(values, method="sd")))
    cumulated = np.cumsum(weight)
    uniform = np.interp(draws["sd:school"].to_numpy(), tau, cumulated).ravel()[::4]
    assert stats.kstest(uniform, "uniform").pvalue > 1e-3


def test_a_proposal_that_is_all_but_the_posterior_is_not_refused() -> None:
    """Weights with an upper bound that many of them reach have no tail for Pareto's k-hat to measure."""
    design, spec = schools()
    wide = spec.model_copy(update={"priors": {**spec.priors, "sd": Prior("HalfCauchy", (("beta", WIDTH),))}})
    assert all(collapsed.sample(design, wide, seed=s, draws=4000).pareto_k is not None for s in range(5))


def test_where_importance_sampling_fails_it_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    made = crossed()
    weighed = collapsed.sample(*made, seed=1, draws=4000)
    monkeypatch.setattr(collapsed, "MAX_PARETO_K", -10.0)
    walked = collapsed.sample(*made, seed=1, draws=2000)
    assert (weighed.pareto_k is None, walked.pareto_k is None) == (False, True)
    assert "NUTS" in walked.how
    assert "NUTS" not in weighed.how
    stats_of = walked.tree["sample_stats"].to_dataset()
    assert int(stats_of["diverging"].sum()) == 0
    gaps = differences(posterior(weighed), posterior(walked))
    assert max(gaps.values()) < 4.5, gaps


SIZE, HEAVY = 15, 15.0


def heavy(u: Floats) -> Floats:
    """Return the log density of a Student-t: along each coordinate it is wider than at the mode."""
    return np.atleast_1d(stats.multivariate_t(np.zeros(SIZE), np.eye(SIZE), df=HEAVY).logpdf(u.T))


def about(log_density: Callable[[Floats], Floats]) -> Any:
    """Return what draws are made about, of a density that is known."""
    coordinates = SimpleNamespace(
        inside=lambda u: np.ones(u.shape[1], dtype=bool), log_sds=lambda: np.zeros(SIZE, dtype=bool)
    )
    density = SimpleNamespace(
        coordinates=coordinates,
        sums=SimpleNamespace(width=1),
        log_density=log_density,
        drawn=lambda u, _, times=1: (log_density(u), np.zeros((1, times * u.shape[1]))),
    )
    covariance = np.eye(SIZE) * HEAVY / (HEAVY + SIZE)
    return SimpleNamespace(density=density, u=np.zeros(SIZE), covariance=covariance)


def test_draws_of_a_proposal_that_learned_have_the_tails_of_the_density(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lessons: list[int] = []

    def learned(*arguments: Any) -> importance.Proposal:
        lessons.append(1)
        return learn(*arguments)

    learn = importance.learned
    monkeypatch.setattr(importance, "learned", learned)
    found = [collapsed.drawn(about(heavy), seed=seed, draws=4000) for seed in range(3)]
    assert len(lessons) >= len(found)
    end = float(stats.t.ppf(0.975, HEAVY))
    u = np.array([one.u for one in found])
    assert np.mean(np.abs(u) > end) == pytest.approx(0.05, abs=0.003)
    assert u.std() == pytest.approx(np.sqrt(HEAVY / (HEAVY - 2)), rel=0.01)
    axes = {"chain_axis": 0, "draw_axis": 1}
    assert max(float(array_stats.rhat(values, **axes)) for one in found for values in one.u) < 1.01


def test_where_no_draw_is_finite_it_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_at_the_mode(u: Floats) -> Floats:
        return np.where((u == 0.0).all(axis=0), 0.0, -np.inf)

    monkeypatch.setattr(collapsed, "_walked", lambda *_, **__: "walked")
    assert str(collapsed.drawn(about(only_at_the_mode), seed=1, draws=400)) == "walked"


def test_both_engines_agree() -> None:
    made = crossed()
    ours = collapsed.sample(*made, seed=1, draws=4000)
    theirs = nuts.sample(*made, seed=2, draws=4000)
    gaps = differences(posterior(ours), posterior(theirs))
    assert max(gaps.values()) < 4.0, gaps


def test_coefficients_that_cannot_be_told_apart_are_a_failed_fit(small_design: Make) -> None:
    """A column of zeros under a flat prior: nothing says what its coefficient is."""
    design, spec = small_design(1, fixed=Prior("Flat"))
    keep = sparse.diags_array((np.arange(design.blocks[-1].stop) != 1).astype(float))
    empty = replace(design, effects=tuple(sparse.csr_array(matrix @ keep) for matrix in design.effects))
    spec = spec.model_copy(update={"priors": {"x": Prior("Flat")}})
    with pytest.raises(FitFailed, match="priors of x are flat; give them a Normal prior"):
        collapsed.sample(empty, spec, seed=1, draws=400)


@pytest.mark.parametrize("residuals", [0, 1, 3])
def test_every_part_of_a_model_is_named(small_design: Make, residuals: int) -> None:
    design, spec = small_design(7, steps=3, residuals=residuals, known=True)
    found = posterior(collapsed.sample(design, spec, seed=1, draws=400))
    expected = {"1", "x", "1|many", "1|few", "1|stage", "sd:many", "sd:few", "sd:stage", "recency"}
    expected |= {"residual"} if residuals else set()
    expected |= {"sd:residual", "residual_level_sd"} if residuals > 1 else set()
    assert set(found.data_vars) == expected
    assert all(np.isfinite(values).all() for values in found.data_vars.values())
    assert 1.0 < float(found["1"].mean()) < 5.0


def test_a_model_of_one_group_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """All coefficients are eliminated, and none is left for dense algebra."""
    monkeypatch.setattr("taskorder.inference.engines.elimination.planning.MOST_MET", 1000)
    design, spec = schools()
    own = replace(design.block("1|school"), start=0, stop=8)
    alone = replace(design, effects=(sparse.csr_array(design.effects[0][:, 1:]),), blocks=(own,))
    draws = posterior(collapsed.sample(alone, spec, seed=1, draws=2000))
    standard = draws["1|school"] / draws["sd:school"]
    assert set(draws.data_vars) == {"1|school", "sd:school"}
    assert float(standard.sel(school_level="A").mean()) > float(standard.sel(school_level="C").mean())


def test_copies_of_a_draw_have_coefficients_of_their_own(small_design: Make) -> None:
    design, spec = small_design(1)
    result = collapsed.sample(design, spec, seed=1, draws=4000)
    distinct = result.tree["sample_stats"]["distinct"].to_numpy().ravel()
    copies = np.flatnonzero(~distinct)
    x, sd = (posterior(result)[name].to_numpy().ravel() for name in ("x", "residual"))
    assert len(copies) > 1000
    assert (sd[copies] == sd[copies - 1]).all()
    assert np.mean(x[copies] != x[copies - 1]) > 0.95
