"""Calibration of an engine that is known to be right, and of one that is known to be wrong."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from taskorder.errors import FitFailed, InvalidModel
from taskorder.inference.criticism import calibration, ledger, predictive
from taskorder.inference.criticism.calibration import Plan, run
from taskorder.inference.criticism.ranks import Outcome, Task, log_likelihood
from taskorder.inference.criticism.simulate import draw, expected, simulate
from taskorder.inference.criticism.smaller import smaller
from taskorder.inference.criticism.uniformity import band, ecdf, grid, uniformity
from taskorder.inference.engines.draws import Draws
from taskorder.inference.fitting import select_rows
from taskorder.inference.layout.design import Design, build_design
from taskorder.inference.priors import LOCATION, POSITIVE, Prior, log_density
from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.paths import PACKAGE
from taskorder.results.catalogue import Covariates

FLAT = {"Flat", "HalfFlat"}
DATA_SETS = 100


def line(**priors: Any) -> ModelSpec:
    """A regression with known variances: conjugate, so its posterior is exact."""
    return parse_model(
        {
            "name": "line",
            "data": {"schema": "any"},
            "outcome": {"column": "y", "scale": "identity", "variance": "v"},
            "fixed": {"terms": ["1", "x"]},
            "residual": {"sd": 0},
            "priors": {
                "1": {"dist": "Normal", "mu": 1, "sigma": 2},
                "x": {"dist": "Normal", "mu": -1, "sigma": 0.5},
            }
            | priors,
            "estimands": {"slope": {"function": "points", "of": "x"}},
        }
    )


@pytest.fixture
def design(known: Covariates) -> Design:
    x = np.arange(10.0)
    table = pd.DataFrame({"y": np.sin(x), "v": 0.1 + x / 10, "x": 5 + x})
    return build_design(table, line(), known)


def exact(
    design: Design, spec: ModelSpec, *, seed: int, draws: int, width: float = 1.0, shift: float = 0.0
) -> Draws:
    """Draw from the posterior of `line`, or from one that is too wide or beside it."""
    assert spec.name == "line"
    x = design.effects[0].toarray()
    priors = [dict(block.prior.parameters) for block in design.blocks if block.prior]
    precision = np.diag([p["sigma"] ** -2 for p in priors])
    weight = design.cells.n / design.cells.v
    covariance = np.linalg.inv(precision + x.T * weight @ x)
    mean = covariance @ (precision @ [p["mu"] for p in priors] + x.T @ (weight * design.cells.mean))
    root = np.linalg.cholesky(covariance)
    noise = np.random.default_rng(seed).standard_normal((4, draws // 4, 2))
    b = mean + shift * np.sqrt(np.diag(covariance)) + width * noise @ root.T
    values = {"1": b[..., 0] - design.blocks[1].centre * b[..., 1], "x": b[..., 1]}
    posterior = xr.Dataset({name: (("chain", "draw"), value) for name, value in values.items()})
    tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": xr.Dataset()})
    return Draws(tree, {"total": 0.25}, "exact", pareto_k=0.2)


def too_narrow(design: Design, spec: ModelSpec, *, seed: int, draws: int) -> Draws:
    return exact(design, spec, seed=seed, draws=draws, width=0.5)


def beside(design: Design, spec: ModelSpec, *, seed: int, draws: int) -> Draws:
    return exact(design, spec, seed=seed, draws=draws, shift=0.8)


def broken_now_and_then(design: Design, spec: ModelSpec, *, seed: int, draws: int) -> Draws:
    """Break down, return too few draws, or do well, as the data say."""
    if design.cells.mean[0] > 8:
        raise np.linalg.LinAlgError("not positive definite")
    return exact(design, spec, seed=seed, draws=200 if design.cells.mean[0] < 4 else draws)


def calibrated(
    design: Design, sample: Callable[..., Draws], folder: Path, data_sets: int, **other: Any
) -> calibration.Calibration:
    plan = Plan(data_sets=data_sets, workers=1)
    task = Task(design, line(), "exact", sample, **({"seed": 3, "draws": 4000} | other))
    return run(task, plan, folder)


@pytest.mark.parametrize("dist", sorted(set(LOCATION | POSITIVE) - FLAT))
def test_draws_of_a_prior_have_its_density(dist: str) -> None:
    names = (LOCATION | POSITIVE)[dist]
    prior = Prior(dist, tuple((name, 4.0 if name == "nu" else 1.3 + i) for i, name in enumerate(names)))
    rng = np.random.default_rng(5)
    sample = np.sort([draw(prior, rng) for _ in range(2000)])
    x = np.linspace(*sample[[40, -40]], 40_001)
    density = np.exp(np.array(log_density(prior, x)))
    mass = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(x))])
    share = np.interp(sample[40:-40], x, mass)
    assert mass[-1] == pytest.approx(0.96, abs=0.02)
    assert np.abs(share - np.linspace(0, mass[-1], len(share))).max() < 0.035


def test_cells_scatter_about_their_expectation_as_the_truth_says(
    known: Covariates, full_model: ModelSpec, full_table: pd.DataFrame
) -> None:
    repeated = full_table.assign(n_seeds=4, sd=0.01)
    design = build_design(select_rows(repeated, full_model, known), full_model, known)
    z, share = [], []
    for seed in range(150):
        made = simulate(design, full_model, np.random.default_rng(seed))
        truth, cells = made.truth.isel(chain=0, draw=0), made.design.cells
        b = np.concatenate([np.atleast_1d(truth[block.name].to_numpy()) for block in design.blocks])
        sigma = truth["residual_level_sd"].to_numpy()[cells.level]
        z.append((cells.mean - expected(design, b, float(truth["recency"]))) * np.sqrt(cells.n) / sigma)
        share.append(cells.ss / sigma**2)
    assert np.mean(z) == pytest.approx(0.0, abs=0.08)
    assert np.std(z) == pytest.approx(1.0, abs=0.05)
    assert np.mean(share) == pytest.approx(float(np.mean(design.cells.df)), rel=0.05)


def counted(known: Covariates, likelihood: str, **priors: Any) -> tuple[Design, ModelSpec]:
    """Four hundred counts out of 1,000, with a success in two on average."""
    spec = parse_model(
        {
            "name": "counts",
            "data": {"schema": "any"},
            "outcome": {"column": "k", "scale": "logit", "likelihood": likelihood, "trials": "n"},
            "priors": {"1": {"dist": "Normal", "mu": 0, "sigma": 1e-6}, **priors},
        }
    )
    table = pd.DataFrame({"k": np.arange(400), "n": 1000})
    return build_design(table, spec, known), spec


def test_counts_are_binomial(known: Covariates) -> None:
    design, spec = counted(known, "binomial")
    made = simulate(design, spec, np.random.default_rng(1)).design.cells
    assert made.counts is not None
    assert made.counts.trials.sum() == 400_000
    assert made.counts.successes.sum() / 400_000 == pytest.approx(0.5, abs=0.005)
    assert made.mean == pytest.approx(made.counts.logit()[0])


def test_beta_binomial_counts_vary_as_their_precision_says(known: Covariates) -> None:
    precision = {"residual": {"dist": "LogNormal", "mu": float(np.log(24)), "sigma": 1e-6}}
    design, spec = counted(known, "beta_binomial", **precision)
    made = simulate(design, spec, np.random.default_rng(1)).design.cells
    assert made.counts is not None
    share = made.counts.successes / made.counts.trials
    assert share.mean() == pytest.approx(0.5, abs=0.02)
    assert share.std() == pytest.approx(0.1, rel=0.15)


def test_beta_binomial_outcomes_can_be_foretold_where_the_probability_is_one(known: Covariates) -> None:
    design, spec = counted(known, "beta_binomial")
    certain = xr.Dataset(
        {
            "1": (("chain", "draw"), np.array([[40.0, -800.0]])),
            "residual": (("chain", "draw"), np.array([[5.0, 5.0]])),
        }
    )
    made = predictive.replicated(certain, design, spec, np.random.default_rng(1))
    assert (made[0, 0] == 1000).all()
    assert (made[0, 1] == 0).all()


def student(known: Covariates, nu: float) -> tuple[Design, ModelSpec]:
    spec = parse_model(
        {
            "name": "student",
            "data": {"schema": "any"},
            "outcome": {"column": "y", "scale": "identity", "likelihood": "student_t"},
            "priors": {
                "1": {"dist": "Normal", "mu": 0, "sigma": 1e-6},
                "residual": {"dist": "LogNormal", "mu": 0, "sigma": 1e-6},
                "nu": {"dist": "LogNormal", "mu": float(np.log(nu)), "sigma": 1e-6},
            },
        }
    )
    return build_design(pd.DataFrame({"y": np.arange(2000.0)}), spec, known), spec


def test_student_t_rows_have_heavy_tails(known: Covariates) -> None:
    made = simulate(*student(known, 3.0), np.random.default_rng(1))
    assert made.truth["nu"].item() == pytest.approx(3.0, rel=1e-4)
    sample = made.design.cells.mean
    assert np.quantile(sample, [0.05, 0.5, 0.95]) == pytest.approx([-2.353, 0.0, 2.353], abs=0.25)


def test_degrees_of_freedom_that_cannot_be_are_an_error(known: Covariates) -> None:
    with pytest.raises(InvalidModel, match=r"nu: .* hardly ever above 1"):
        simulate(*student(known, 0.5), np.random.default_rng(1))


def test_the_log_likelihood_is_that_of_the_rows(design: Design) -> None:
    made = simulate(design, line(), np.random.default_rng(1))
    posterior = exact(made.design, line(), seed=1, draws=40).tree["posterior"].to_dataset()
    found = log_likelihood(posterior, made.design, line(), np.array([0, 39]))
    y, v, x = made.design.cells.mean, made.design.cells.v, design.frame["x"].to_numpy()
    a, b = (posterior[name].to_numpy().ravel()[[0, 39]] for name in ("1", "x"))
    misfit = y[:, None] - a - b * x[:, None]
    expected_value = -0.5 * np.sum(np.log(2.0 * np.pi * v)[:, None] + misfit**2 / v[:, None], axis=0)
    assert found == pytest.approx(expected_value)


@pytest.mark.parametrize(("dist", "name"), [("Flat", "x"), ("Flat", "1")])
def test_a_flat_prior_is_refused_with_the_remedy(
    design: Design, known: Covariates, dist: str, name: str
) -> None:
    spec = line(**{name: {"dist": dist}})
    flat = build_design(design.frame, spec, known)
    with pytest.raises(InvalidModel, match=rf"{name}: Flat .* give a proper prior, such as .*Normal"):
        simulate(flat, spec, np.random.default_rng(1))


def test_the_band_holds_uniform_samples_as_often_as_it_says() -> None:
    rng = np.random.default_rng(8)
    found = [uniformity(rng.random(150)) for _ in range(1000)]
    assert np.mean([one.inside for one in found]) == pytest.approx(0.95, abs=0.02)
    assert np.mean([one.p < 0.5 for one in found]) == pytest.approx(0.5, abs=0.05)


def test_inside_and_the_band_that_is_drawn_agree() -> None:
    rng = np.random.default_rng(9)
    lower, upper = band(120)
    for power in np.linspace(0.8, 1.3, 60):
        sample = rng.random(120) ** power
        drawn = ecdf(sample)
        held = np.all((drawn >= lower - 1e-9) & (drawn <= upper + 1e-9))
        assert uniformity(sample).inside == held
    assert len(grid()) == len(lower)


def test_an_exact_engine_is_calibrated(design: Design, tmp_path: Path) -> None:
    found = calibrated(design, exact, tmp_path, 150)
    summary = found.summary.set_index("parameter")
    assert list(summary.index) == ["slope", "1", "x", "log likelihood"]
    assert summary["inside"].all()
    assert (summary["failed"] == 0).all()
    for level in calibration.LEVELS:
        gap = summary[f"coverage_{level}"] - level / 100
        assert (gap.abs() < 3.5 * summary[f"error_{level}"] + 0.005).all()
    assert found.outside == ()
    assert "150 data sets of 10 cells, 0 failed fits" in found.text()


def meta() -> ModelSpec:
    """A random-effects meta-analysis: its posterior is exact but for a grid over one sd."""
    return parse_model(
        {
            "name": "meta",
            "data": {"schema": "any"},
            "outcome": {"column": "y", "scale": "identity", "variance": "v"},
            "groups": {"lab": {}},
            "residual": {"sd": 0},
            "priors": {
                "1": {"dist": "Normal", "mu": 0, "sigma": 1},
                "sd": {"dist": "HalfNormal", "sigma": 0.5},
            },
        }
    )


def on_a_grid(design: Design, spec: ModelSpec, *, seed: int, draws: int) -> Draws:
    """Draw the sd from a grid, then the mean given the sd, then the labs given both."""
    assert spec.name == "meta"
    rng, (y, v) = np.random.default_rng(seed), (design.cells.mean, design.cells.v)
    grid = np.linspace(0.0, 3.0, 1501)[1:]
    weight = 1.0 / (v + grid[:, None] ** 2)
    precision = 1.0 + weight.sum(axis=1)
    mean = (weight * y).sum(axis=1) / precision
    log_density = 0.5 * np.sum(np.log(weight) - weight * y**2, axis=1) - 0.5 * (grid / 0.5) ** 2
    log_density += 0.5 * precision * mean**2 - 0.5 * np.log(precision)
    probability = np.exp(log_density - log_density.max())
    at = rng.choice(len(grid), draws, p=probability / probability.sum())
    sd = grid[at] + rng.uniform(-0.001, 0.001, draws)
    mu = rng.normal(mean[at], precision[at] ** -0.5)
    share = sd[:, None] ** 2 / (v + sd[:, None] ** 2)
    effect = share * (y - mu[:, None]) + np.sqrt(share * v) * rng.standard_normal((draws, len(y)))
    levels = np.empty_like(effect)
    levels[:, design.effects[0][:, design.blocks[1].columns].tocoo().coords[1]] = effect
    posterior = xr.Dataset(
        {
            "1": (("chain", "draw"), mu.reshape(4, -1)),
            "sd:lab": (("chain", "draw"), sd.reshape(4, -1)),
            "1|lab": (("chain", "draw", "lab_level"), levels.reshape(4, -1, len(y))),
        }
    )
    tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": xr.Dataset()})
    return Draws(tree, {"total": 0.25}, "grid")


def test_an_exact_hierarchy_is_calibrated(known: Covariates, tmp_path: Path) -> None:
    table = pd.DataFrame({"y": 0.0, "v": 0.05 + np.arange(8) / 20, "lab": list("hgfedcba")})
    task = Task(build_design(table, meta(), known), meta(), "grid", on_a_grid, seed=5, draws=4000)
    found = run(task, Plan(data_sets=DATA_SETS, workers=1), tmp_path)
    summary = found.summary.set_index("parameter")
    assert list(summary.index) == ["1", "sd:lab", "log likelihood"]
    assert summary["inside"].all()
    assert (summary["p"] > 0.05).all()


def test_an_engine_with_half_the_sd_leaves_the_band(design: Design, tmp_path: Path) -> None:
    summary = calibrated(design, too_narrow, tmp_path, 60).summary.set_index("parameter")
    assert not summary["inside"].any()
    assert (summary["coverage_95"] < 0.8).all()
    assert (summary["p"] < 0.001).all()


def test_a_shifted_engine_leaves_the_band(design: Design, tmp_path: Path) -> None:
    found = calibrated(design, beside, tmp_path, 60)
    assert {"1", "x", "slope"} <= set(found.outside)


def test_a_run_that_was_interrupted_gives_the_same_files(
    design: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "EVERY", 0.0)
    calls = 0

    def dying(design: Design, spec: ModelSpec, *, seed: int, draws: int) -> Draws:
        nonlocal calls
        calls += 1
        if calls > 23:
            raise KeyboardInterrupt
        return exact(design, spec, seed=seed, draws=draws)

    whole = calibrated(design, exact, tmp_path / "whole", 30)
    with pytest.raises(KeyboardInterrupt):
        calibrated(design, dying, tmp_path / "parts", 30)
    assert len(ledger.read(tmp_path / "parts" / "line_exact_ranks.csv")) == 23
    parts = calibrated(design, exact, tmp_path / "parts", 30)
    for one, other in zip(whole.files, parts.files, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_more_data_sets_keep_those_that_are_done(design: Design, tmp_path: Path) -> None:
    calibrated(design, exact, tmp_path / "grown", 4)
    grown = calibrated(design, exact, tmp_path / "grown", 8)
    whole = calibrated(design, exact, tmp_path / "whole", 8)
    assert grown.files[1].read_bytes() == whole.files[1].read_bytes()


def test_ranks_of_another_setting_are_set_aside(design: Design, tmp_path: Path) -> None:
    first = calibrated(design, exact, tmp_path, 5).files[1].read_bytes()
    said: list[str] = []
    task = Task(design, line(), "exact", exact, seed=4, draws=4000)
    run(task, Plan(data_sets=5, workers=1), tmp_path, said.append)
    (aside,) = tmp_path.glob("line_exact_ranks_*.csv")
    assert aside.read_bytes() == first
    assert aside.name in said[0]
    assert len(ledger.read(tmp_path / "line_exact_ranks.csv")) == 5


def test_fewer_data_sets_than_are_on_file_are_summed_up_alone(design: Design, tmp_path: Path) -> None:
    many = calibrated(design, exact, tmp_path / "many", 12)
    fewer = calibrated(design, exact, tmp_path / "many", 5)
    few = calibrated(design, exact, tmp_path / "few", 5)
    pd.testing.assert_frame_equal(fewer.summary, few.summary)
    assert len(ledger.read(many.files[1])) == 12


def test_going_back_to_a_setting_finds_its_ranks_again(tmp_path: Path) -> None:
    def write(key: str, *data_sets: int, rank: int = 3) -> None:
        outcomes = [Outcome(i, ok=True, kept=9, ranks={"x": rank}, below={"x": 0.5}) for i in data_sets]
        ledger.write(path, ledger.rows(outcomes, key))

    path = tmp_path / "m_ranks.csv"
    write("A", *range(1000))
    assert not len(ledger.known(path, "B")[0])
    write("B", 0, 1)
    assert len(ledger.known(path, "A")[0]) == 1000
    assert len(ledger.known(path, "B")[0]) == 2
    write("A", 999, 1000, rank=4)
    ledger.known(path, "B")
    again, _ = ledger.known(path, "A")
    assert again["data_set"].tolist() == list(range(1001))
    assert not list(tmp_path.glob("m_ranks_A.csv"))


def test_trials_are_in_the_key(known: Covariates) -> None:
    design, spec = counted(known, "binomial")
    assert design.cells.counts is not None
    doubled = replace(design.cells.counts, trials=2 * design.cells.counts.trials)
    other = replace(design, cells=replace(design.cells, counts=doubled))
    task = Task(design, spec, "exact", exact, seed=3, draws=4000)
    assert calibration.key_of(task) != calibration.key_of(replace(task, design=other))


def imported(path: Path) -> list[Path]:
    """The modules of the inference that one of them imports."""
    folder = PACKAGE / "inference"
    found: list[Path] = []
    pattern = r"^from taskorder\.inference([\w.]*) import (.*)"
    for module, names in re.findall(pattern, path.read_text("utf-8"), re.MULTILINE):
        place = folder.joinpath(*module.strip(".").split("."))
        inside = [place / f"{name.strip()}.py" for name in names.split(",")]
        found += [one for one in inside if one.is_file()] or [place / "__init__.py"]
        if place.with_suffix(".py").is_file():
            found[-1] = place.with_suffix(".py")
    return found


def test_all_code_that_ranks_follow_from_is_in_their_key() -> None:
    folder = PACKAGE / "inference"
    covered = {path for name in calibration._CODE for path in folder.glob(name)}
    reached = [folder / "criticism" / f"{name}.py" for name in ("ranks", "simulate")]
    for path in reached:
        reached += [one for one in imported(path) if one not in reached]
    assert folder / "families.py" in reached
    assert folder / "criticism/predictive.py" in reached
    assert not [str(path) for path in reached if not {path, *path.parents} & covered]


def test_what_ranks_follow_from_is_in_their_key(design: Design) -> None:
    task = Task(design, line(), "exact", exact, seed=3, draws=4000)
    others = [
        replace(task, seed=4),
        replace(task, draws=800),
        replace(task, engine="other"),
        replace(task, spec=line(x={"dist": "Normal", "mu": 0, "sigma": 1})),
        replace(task, design=replace(design, cells=replace(design.cells, v=design.cells.v * 2))),
    ]
    assert len({calibration.key_of(one) for one in [task, *others]}) == 6
    data = replace(design, cells=replace(design.cells, mean=design.cells.mean + 1))
    assert calibration.key_of(replace(task, design=data)) == calibration.key_of(task)


def test_failed_fits_are_counted_and_kept_apart(design: Design, tmp_path: Path) -> None:
    found = calibrated(design, broken_now_and_then, tmp_path, 40)
    table = ledger.read(found.files[1])
    broken = table["problem"].str.startswith("LinAlgError")
    refused = (table["ok"] == 0) & ~broken
    assert broken.any()
    assert table.loc[refused, "problem"].str.startswith("ess_bulk of").any()
    assert table.loc[broken, "x"].isna().all()
    assert table.loc[refused, "x"].notna().all()
    assert (found.summary["failed"] == int(broken.sum() + refused.sum())).all()
    assert (found.summary["data_sets"] == 40).all()


def test_a_calibration_without_a_good_fit_is_an_error(design: Design, tmp_path: Path) -> None:
    with pytest.raises(
        FitFailed, match=r"no fit of 3 data sets passed its diagnostics, such as: .* the gate is"
    ):
        calibrated(design, exact, tmp_path, 3, draws=200)


def test_a_file_that_is_no_ledger_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n", "utf-8")
    with pytest.raises(FitFailed, match="not the ranks of a calibration"):
        ledger.read(path)


def test_a_broken_fit_first_leaves_the_columns_in_order() -> None:
    good = Outcome(1, ok=True, kept=9, min_ess=500, seconds=1.0, ranks={"x": 4}, below={"x": 0.5})
    table = ledger.rows([Outcome(0, ok=False, problem="no"), good], "k")
    assert list(table) == [*ledger.HEAD, "x", "x below"]
    assert ledger.parameters(table) == ["x"]


def test_a_smaller_design_keeps_whole_evaluation_sets_and_two_levels(
    known: Covariates, results: Callable[..., pd.DataFrame], full_model: ModelSpec
) -> None:
    rng = np.random.default_rng(2)
    stages = ["", "one", "two>one", "one>two", "three", "four"]
    table = results(
        study=["s", "t"] * 60,
        target=["goal"] * 60 + ["aim"] * 60,
        language=(["en"] * 12 + ["sw"] * 12 + ["de"] * 12 + ["fr"] * 12 + ["hi"] * 12) * 2,
        backbone=["b", "c", "d"] * 40,
        sequence=(stages * 20),
        score=rng.uniform(0.4, 0.9, 120),
    )
    design = build_design(select_rows(table, full_model, known), full_model, known)
    small = smaller(design, 50, np.random.default_rng(1))
    assert 12 <= len(small.cells.mean) <= 50
    sets = ["study", "target", "language"]
    kept = small.frame.groupby(sets).size()
    assert kept.equals(design.frame.groupby(sets).size().loc[kept.index])
    assert all(len(block.labels) >= 2 for block in small.blocks if block.labels)
    assert small.blocks[-1].stop == small.effects[0].shape[1]
    assert np.array_equal(np.unique(small.cells.level), np.arange(len(small.residual_levels)))
    rows = small.row_cell >= 0
    assert np.array_equal(small.frame["language"].to_numpy()[small.row_cell[rows]], table["language"][rows])
    assert "cut down to" in small.notes[-1]
    assert smaller(design, 10_000, np.random.default_rng(1)) is design
    made = simulate(small, full_model, np.random.default_rng(3))
    assert np.isfinite(made.design.cells.mean).all()
