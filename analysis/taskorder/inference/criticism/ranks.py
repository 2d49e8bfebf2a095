"""One data set of a calibration: simulate it, fit it, and find the truth's place among the draws.

If the engine draws from the posterior of the model that made the data, the rank of the truth among
independent draws is uniform, for every function of the parameters and even of the data (Talts et al. 2018,
arXiv:1804.06788; Modrak et al. 2023, Bayesian Analysis, who recommend the log likelihood as one of them).
Estimands that are probabilities (`same_sign`) take two values only and have no useful rank; they are left
out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from taskorder.errors import FitFailed
from taskorder.inference.criticism import predictive
from taskorder.inference.criticism.simulate import Simulated, simulate
from taskorder.inference.diagnostics import Diagnostics, diagnose
from taskorder.inference.engines.draws import Draws
from taskorder.inference.estimands import estimands
from taskorder.inference.layout.design import Design
from taskorder.inference.spec import ModelSpec
from taskorder.inference.summary import summarise

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

KEPT = 200
"""Draws among which the truth is ranked; fewer where the effective sample size is smaller."""
LOG_LIKELIHOOD = "log likelihood"
_DISCRETE = {"same_sign"}
_BREAKDOWNS = (FitFailed, np.linalg.LinAlgError, FloatingPointError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Task:
    """What all data sets of a calibration share.

    Attributes
    ----------
    design : Design
    spec : ModelSpec
    engine : str
    sample : callable
        The engine: `sample(design, spec, seed=, draws=)`. Worker processes import it by its name.
    seed : int
        Every data set has a stream of its own from it, so it does not matter which is done when.
    draws : int
        Of each fit.
    """

    design: Design
    spec: ModelSpec
    engine: str
    sample: Callable[..., Draws]
    seed: int
    draws: int


@dataclass(frozen=True)
class Outcome:
    """The place of the truth in one data set.

    Attributes
    ----------
    data_set : int
    ok : bool
        Whether the fit passed the gate on diagnostics.
    problem : str
        Which gate it did not pass, or why it broke down.
    how : str
        The engine, and how it sampled.
    kept : int
        Draws that the truth was ranked among; 0 if the fit broke down.
    min_ess, pareto_k, seconds : float
        Smallest bulk effective sample size; k-hat where the engine has one; the engine's time.
    ranks : dict
        By parameter: how many of the kept draws are below the truth.
    below : dict
        By parameter: the share of all draws that are below the truth.
    """

    data_set: int
    ok: bool
    problem: str = ""
    how: str = ""
    kept: int = 0
    min_ess: float = math.nan
    pareto_k: float = math.nan
    seconds: float = math.nan
    ranks: dict[str, int] = field(default_factory=dict[str, int])
    below: dict[str, float] = field(default_factory=dict[str, float])


def outcome(task: Task, data_set: int) -> Outcome:
    """Simulate one data set, fit it and rank its truth; a fit that breaks down is an outcome, too."""
    of_data, of_engine = np.random.SeedSequence(task.seed, spawn_key=(data_set,)).spawn(2)
    made = simulate(task.design, task.spec, np.random.default_rng(of_data))
    seed = int(of_engine.generate_state(1)[0]) // 2
    try:
        result = task.sample(made.design, task.spec, seed=seed, draws=task.draws)
    except _BREAKDOWNS as error:
        return Outcome(data_set, ok=False, problem=f"{type(error).__name__}: {error}"[:200])
    return _placed(task, data_set, made, result)


def _placed(task: Task, data_set: int, made: Simulated, result: Draws) -> Outcome:
    posterior = result.tree["posterior"].to_dataset()
    reported = _reported(posterior, made.design, task.spec)
    summary = summarise(reported, {}, {"residual_level_sd": "residual:"})
    verdict = _verdict(summary, result, task)
    keep = _kept(reported, verdict.min_ess_bulk)
    truth = _values(_reported(made.truth, made.design, task.spec))
    both = list(zip(summary["parameter"], _values(reported), truth, strict=True))
    ranks = {name: int(np.sum(values[keep] < true)) for name, values, true in both}
    below = {name: float(np.mean(values < true)) for name, values, true in both}
    if task.spec.outcome.likelihood == "normal":
        first = np.zeros(1, dtype=np.int64)
        true = log_likelihood(made.truth, made.design, task.spec, first)
        level = log_likelihood(posterior, made.design, task.spec, keep) < true
        ranks[LOG_LIKELIHOOD], below[LOG_LIKELIHOOD] = int(level.sum()), float(level.mean())
    return Outcome(
        data_set=data_set,
        ok=verdict.ok,
        problem="" if verdict.ok else verdict.messages[0],
        how=result.how,
        kept=len(keep),
        min_ess=float(np.round(verdict.min_ess_bulk)),
        pareto_k=math.nan if verdict.pareto_k is None else round(verdict.pareto_k, 3),
        seconds=round(result.seconds["total"], 3),
        ranks=ranks,
        below={name: round(share, 4) for name, share in below.items()},
    )


def _reported(posterior: xr.Dataset, design: Design, spec: ModelSpec) -> xr.Dataset:
    """Return what is ranked: estimands but for probabilities, and parameters but for the levels of groups."""
    continuous = {name: entry for name, entry in spec.estimands.items() if entry.function not in _DISCRETE}
    derived = estimands(posterior, design, spec.model_copy(update={"estimands": continuous}))
    names = [name for name in map(str, posterior.data_vars) if "|" not in name]
    return xr.Dataset({**derived.data_vars, **posterior[sorted(names)].data_vars})


def _values(draws: xr.Dataset) -> list[Floats]:
    """Return the draws (S,) of every element of every variable, in the order of `summarise`."""
    found: list[Floats] = []
    for variable in draws.data_vars.values():
        values = variable.transpose("chain", "draw", ...).to_numpy()
        found += list(values.reshape(values.shape[0] * values.shape[1], -1).T)
    return found


def _verdict(summary: pd.DataFrame, result: Draws, task: Task) -> Diagnostics:
    stats = result.tree["sample_stats"].to_dataset()
    return diagnose(
        summary,
        engine=task.engine,
        seconds=result.seconds,
        divergences=int(stats["diverging"].sum()) if "diverging" in stats else 0,
        rows=len(task.design.cells.mean),
        effects=task.design.effects[0].shape[1],
        pareto_k=result.pareto_k,
    )


def _kept(draws: xr.Dataset, ess: float) -> Integers:
    """Return evenly spaced draws, about as many as are independent."""
    total = draws.sizes["chain"] * draws.sizes["draw"]
    count = max(1, min(KEPT, total, int(ess) if math.isfinite(ess) else 1))
    return np.linspace(0, total - 1, count).round().astype(np.int64)


def log_likelihood(posterior: xr.Dataset, design: Design, spec: ModelSpec, keep: Integers) -> Floats:
    """Return the log density of all cells at some draws, numbered chain by chain: (L,)."""
    chain, draw = np.divmod(keep, posterior.sizes["draw"])
    chosen = posterior.isel(chain=xr.DataArray(chain, dims="kept"), draw=xr.DataArray(draw, dims="kept"))
    one_chain = chosen.drop_vars(["chain", "draw"], errors="ignore").rename(kept="draw").expand_dims("chain")
    return predictive.log_likelihood(one_chain, design, spec)[0].sum(axis=-1)
