"""Small posteriors built by hand, so that nothing is sampled."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.typing import NDArray

from taskorder.claims import Claim, Verdict
from taskorder.claims.evidence import Attack, Attacked, Ground, Grounded, Judgement, Reproduced
from taskorder.inference.diagnostics import Diagnostics
from taskorder.inference.fitting import Fit, distinct
from taskorder.inference.frequentist.beside import COLUMNS
from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.inference.summary import summarise
from taskorder.moderators import stage_table
from taskorder.reporting.answer import Answer
from taskorder.reporting.catalogue_summary import CatalogueSummary, StudySummary
from taskorder.results import catalogue

Floats = NDArray[np.float64]
STAGES = ("boolq", "cosmosqa", "qqp", "snli", "wic")
TARGETS = ("copa", "rte", "wsc", "cb")
SYSTEMS = ("t5-base/lora", "roberta-base/full")
MODEL = {
    "name": "small",
    "question": "How does difficulty act?",
    "outcome": {"reference": 0.6},
    "sequence": {
        "moderators": ["difficulty", "similarity", "difficulty:similarity"],
        "similarity": ["taskshop_roe"],
        "crossed": ["target"],
        "missing": "drop",
    },
    "groups": {"system": {"by": ["1", "difficulty"]}},
    "residual": {"by": ["study", "target"]},
    "estimands": {
        "difficulty_points": {"function": "points", "of": "difficulty"},
        "interaction_points": {"function": "points", "of": "difficulty:similarity"},
        "difficulty_by_system": {"function": "level_points", "of": "difficulty", "group": "system"},
        "one_sign": {"function": "same_sign", "of": "difficulty", "group": "system"},
    },
}
POINTS = 98.0


CLAIM = Claim(
    id="c1",
    question="How does difficulty act?",
    statement="Harder tasks help.",
    model="small",
    estimand="difficulty_points",
    rope=0.2,
)
VERDICT = Verdict(
    CLAIM,
    Judgement(0.97, 0.7, 0.1, 1.3, "points per sd at 60", diagnosed=True, calibrated=True),
    Grounded((Ground("taskweb", 40, 2, 20, 40, "0" * 64),)),
    Reproduced(0.7, 0.71, 0.01),
    Attacked((Attack("priors twice as wide", "prior", 0.96, "supported", "supported"),)),
)


def _draws(mean: float, sd: float, *shape: int, seed: int = 0) -> Floats:
    """Draws with exactly this mean and sd over chains and draws."""
    values = np.random.default_rng(seed).standard_normal((2, 200, *shape))
    values = (values - values.mean(axis=(0, 1))) / values.std(axis=(0, 1))
    return mean + sd * values


def _cells() -> pd.DataFrame:
    rows = [
        {
            "study": "taskweb",
            "backbone": system.split("/")[0],
            "tuning": system.split("/")[1],
            "sequence": stage,
        }
        | {"target": target, "train_language": "en", "language": "en", "metric": "accuracy"}
        for system in SYSTEMS
        for stage in STAGES
        for target in TARGETS
    ]
    return pd.DataFrame(rows)


def _posterior(slope: float, scale: float) -> xr.Dataset:
    def variable(*dims: str, mean: float, sd: float, seed: int) -> tuple[tuple[str, ...], Floats]:
        shape = [len(coords[dim]) for dim in dims]
        return ("chain", "draw", *dims), scale * _draws(mean, sd, *shape, seed=seed)

    coords = {"stage_level": list(STAGES), "system_level": list(SYSTEMS)}
    return xr.Dataset(
        {
            "1": variable(mean=0.9, sd=0.02, seed=1),
            "stage": variable(mean=0.01, sd=0.01, seed=2),
            "difficulty": variable(mean=slope / POINTS, sd=0.004, seed=3),
            "similarity": variable(mean=0.007, sd=0.002, seed=4),
            "difficulty:similarity": variable(mean=-0.001, sd=0.002, seed=5),
            "sd:stage": variable(mean=0.02, sd=0.003, seed=6),
            "sd:system": variable(mean=0.08, sd=0.01, seed=7),
            "sd:system:difficulty": variable(mean=0.006, sd=0.001, seed=8),
            "residual": variable(mean=0.03, sd=0.002, seed=9),
            "1|stage": variable("stage_level", mean=0.0, sd=0.01, seed=10),
            "difficulty|system": variable("system_level", mean=0.001, sd=0.003, seed=11),
        },
        coords,
    )


def _estimands(posterior: xr.Dataset) -> xr.Dataset:
    levels = (posterior["difficulty"] + posterior["difficulty|system"]) * POINTS
    unit = "points per sd at 60"
    return xr.Dataset(
        {
            "difficulty_points": (posterior["difficulty"] * POINTS).assign_attrs(unit=unit),
            "interaction_points": (posterior["difficulty:similarity"] * POINTS).assign_attrs(unit=unit),
            "difficulty_by_system": levels.assign_attrs(unit=unit),
            "one_sign": (levels > 0).all("system_level").astype(float).assign_attrs(unit="probability"),
        }
    )


def _diagnostics(ok: bool, rows: int) -> Diagnostics:
    messages = () if ok else ("r_hat of difficulty is 1.2, the gate is 1.01: draw more",)
    seconds = {"compile": 3.0, "sample": 40.0, "total": 43.0}
    return Diagnostics(ok, "nuts", seconds, 800.0, 700.0, 1.004 if ok else 1.2, 0, None, rows, 90, messages)


def _manifest(spec: ModelSpec, rows: dict[str, int], units: pd.DataFrame) -> dict[str, object]:
    return {
        "model": spec.name,
        "model_sha256": "a" * 64,
        "rows_sha256": "b" * 64,
        "covariates_sha256": "c" * 64,
        "inputs": [{"path": "data/published/taskweb.csv", "sha256": "0123456789abcdef" * 4, "rows": 40}],
        "rows": rows,
        "distinct": {study: {} for study in rows},
        "cells": sum(rows.values()),
        "seed": 1,
        "draws": 400,
        "engine": "nuts",
        "why": "it was asked for",
        "interval": "95 % equal-tailed",
        "reference_score": 0.6,
        "points_per_unit": POINTS,
        "priors": {
            "difficulty": "Normal(0, 0.05)",
            "sd:system": "HalfNormal(0.1)",
            "residual": "HalfNormal(0.1)",
        },
        "units": units.to_dict("records"),
        "notes": ["3 rows dropped"],
        "versions": {"python": "3.13.0", "pymc": "6.0"},
    }


def _companions(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Complete companions with intervals 0.2 to either side, and what else the columns ask for."""
    frame = pd.DataFrame(rows).assign(se=0.1, df=20.0, p=0.04)
    defaults = {"method": "WLS, errors clustered by stage", "unit": "points per sd at 60"}
    frame = frame.assign(**{name: frame.get(name, value) for name, value in defaults.items()})
    frame = frame.assign(lower=frame["estimate"] - 0.2, upper=frame["estimate"] + 0.2)
    return frame.assign(agrees=pd.array(frame["agrees"], dtype="boolean"))[COLUMNS]


@pytest.fixture
def make_fit() -> Callable[..., Fit]:
    """Make a fit whose slope of difficulty is `slope` points."""

    def _make(slope: float = 0.7, *, ok: bool = True, **changes: object) -> Fit:
        spec = parse_model(MODEL | changes)
        posterior = _posterior(slope, 1.0)
        estimands = _estimands(posterior)
        cells = _cells()
        lines = stage_table(cells, catalogue.covariates(), ("shortfall",), ("taskshop_roe",))
        score = 0.9 + np.random.default_rng(3).normal(0, 0.05, len(cells))
        tree = xr.DataTree.from_dict(
            {
                "posterior": posterior,
                "estimands": estimands,
                "observed_data": xr.Dataset({"mean": ("cell", score)}),
                "constant_data": xr.Dataset({name: ("cell", cells[name].to_numpy(str)) for name in cells}),
            }
        )
        scalars = posterior[[name for name in posterior.data_vars if "|" not in str(name)]]
        units = {str(name): str(variable.attrs["unit"]) for name, variable in estimands.data_vars.items()}
        with np.errstate(invalid="ignore", divide="ignore"):  # a sign that is the same in every draw
            pieces = [summarise(estimands, units), summarise(scalars, {})]
        summary = pd.concat(pieces, ignore_index=True)
        manifest = _manifest(spec, {"taskweb": len(cells)}, lines.units)
        manifest["distinct"] = distinct(cells)
        return Fit(spec, tree, summary, _diagnostics(ok, len(cells)), manifest)

    return _make


@pytest.fixture
def plain_fit() -> Fit:
    """A meta-analysis of `yi` and `vi`: no stages, no groups, no estimands, no studies."""
    spec = parse_model(
        {
            "name": "meta",
            "data": {"schema": "any"},
            "outcome": {"column": "yi", "scale": "identity", "variance": "vi"},
            "fixed": {"terms": ["1", "dose"]},
            "residual": {"sd": 0},
        }
    )
    posterior = xr.Dataset(
        {"1": (("chain", "draw"), _draws(0.3, 0.1)), "dose": (("chain", "draw"), _draws(-0.5, 0.1, seed=2))}
    )
    tree = xr.DataTree.from_dict(
        {
            "posterior": posterior,
            "estimands": xr.Dataset(),
            "observed_data": xr.Dataset({"mean": ("cell", np.linspace(-2.0, 2.0, 9))}),
            "constant_data": xr.Dataset({"n": ("cell", np.ones(9))}),
        }
    )
    manifest = _manifest(spec, {"all": 9}, pd.DataFrame()) | {"notes": [], "inputs": [], "priors": {}}
    manifest |= {"points_per_unit": 1.0}
    return Fit(spec, tree, summarise(posterior, {}), _diagnostics(True, 9), manifest)


@pytest.fixture
def small_catalogue() -> CatalogueSummary:
    """A catalogue of one study."""
    study = StudySummary(
        "taskweb",
        "TaskWeb",
        "Kim et al.",
        "2023",
        "arXiv:2305.13256",
        "github.com/x/y",
        "MIT",
        45,
        9,
        8,
        1,
        3,
        5,
    )
    return CatalogueSummary((study,), 45, 9, 8, 1, 1, 3, 5, (("derived", 5),), 60, 15)


@pytest.fixture
def companion() -> pd.DataFrame:
    """A companion that agrees overall, differs at one system, and has a slope that the posterior has not."""
    rows = [
        {"term": "difficulty", "estimate": 0.5, "agrees": True},
        {"term": "difficulty:similarity[t5-base/lora]", "estimate": 0.1, "agrees": True},
        {"term": "difficulty[t5-base/lora]", "estimate": -0.25, "agrees": False},
    ]
    return _companions(rows)


@pytest.fixture
def make_companion() -> Callable[[list[dict[str, object]]], pd.DataFrame]:
    """Make a table of companions."""
    return _companions


@pytest.fixture
def verdict() -> Callable[..., Verdict]:
    """Make a verdict with some fields of its claim or its judgement changed."""

    def _verdict(**fields: object) -> Verdict:
        of_claim = {name: value for name, value in fields.items() if name in CLAIM.__dataclass_fields__}
        of_judgement = {name: value for name, value in fields.items() if name not in of_claim}
        judgement = replace(VERDICT.judgement, **of_judgement)
        return replace(VERDICT, claim=replace(CLAIM, **of_claim), judgement=judgement)

    return _verdict


@pytest.fixture
def answer(make_fit: Callable[..., Fit], companion: pd.DataFrame) -> Answer:
    """An answer with everything that it can have."""
    return Answer(make_fit(), (VERDICT,), companion)
