"""The estimands under one analysis, as weighted draws: what is kept where many analyses are compared."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.base.array import array_stats
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from taskorder.errors import FitFailed, TaskorderError
from taskorder.files import replacing
from taskorder.inference.criticism.cloud import Cloud, Weighted, moved, proposed
from taskorder.inference.diagnostics import MAX_PARETO_K
from taskorder.inference.engines import collapsed
from taskorder.inference.engines.density import density
from taskorder.inference.engines.mode import Mode, mode
from taskorder.inference.estimands import by_level, estimands
from taskorder.inference.fitting import choose, sampler
from taskorder.inference.layout.design import Design, build_design
from taskorder.inference.spec import ModelSpec, needs_nuts
from taskorder.inference.summary import INTERVAL
from taskorder.results.catalogue import Covariates

type Floats = NDArray[np.float64]

DRAWS = 1000
"""Of a posterior that has to be sampled."""
ROUGH_R_HAT = 1.05
"""Of so few draws."""
_KEPT = ("name", "kind", "rows", "problem", "pareto_k", "elpd")


@dataclass(frozen=True)
class Effort:
    """How much is drawn where a proposal has to be fitted.

    Attributes
    ----------
    thetas : int
        Weighted draws of theta, or a third of them where these are worth enough.
    times : int
        Draws of the coefficients at each.
    """

    thetas: int = 400
    times: int = 8


ROUGH = Effort()
"""For one of many analyses."""


@dataclass(frozen=True)
class Sketch:
    """The estimands under one analysis.

    Attributes
    ----------
    name : str
        What is done otherwise, in words.
    kind : str
        What it is an instance of: `prior`, `scale`, `measure`, `flags`, `outliers`, `study`, ...
    rows : int
        That were modelled.
    draws : DataFrame (S, estimands)
        One column an estimand; those that have levels are `NAME[level]`. Empty where `problem` says that
        there is no posterior.
    weight : array (S,)
        Sums to one.
    problem : str
        Why the draws cannot be relied on; empty where they can.
    pareto_k : float
        Of importance sampling; NaN where there was none.
    elpd : float
        Log density of rows that were left out, as the others foretell them; NaN where none were.
    """

    name: str
    kind: str
    rows: int
    draws: pd.DataFrame
    weight: Floats
    problem: str = ""
    pareto_k: float = float("nan")
    elpd: float = float("nan")

    @property
    def ess(self) -> float:
        """How many draws of equal weight these are worth."""
        return 1.0 / float(np.sum(self.weight**2)) if len(self.weight) else float("nan")

    def summary(self, estimand: str) -> dict[str, float]:
        """Return `mean, sd, lower, upper` of an estimand; all NaN where this analysis has no such estimand.

        The interval is 95 % equal-tailed.
        """
        if estimand not in self.draws:
            return dict.fromkeys(("mean", "sd", "lower", "upper"), float("nan"))
        values, weight = self.draws[estimand].to_numpy(), self.weight
        mean = float(values @ weight)
        order = np.argsort(values)
        reached = np.cumsum(weight[order]) - weight[order] / 2
        tail = (1.0 - INTERVAL) / 2
        lower, upper = np.interp([tail, 1.0 - tail], reached, values[order])
        sd = float(np.sqrt(((values - mean) ** 2) @ weight))
        return {"mean": mean, "sd": sd, "lower": float(lower), "upper": float(upper)}


@dataclass(frozen=True)
class Sketched:
    """A sketch, and what it was made from.

    Attributes
    ----------
    sketch : Sketch
    design : Design
    start : Mode or None
        Where its draws were looked for; None where the posterior was sampled.
    found : Weighted or None
        Its draws of theta; None likewise.
    """

    sketch: Sketch
    design: Design
    start: Mode | None = None
    found: Weighted | None = None


def failed(name: str, kind: str, rows: int, problem: str) -> Sketch:
    """Return the sketch of an analysis that gave no posterior."""
    return Sketch(name, kind, rows, pd.DataFrame(), np.zeros(0), problem)


def sketched(
    spec: ModelSpec,
    rows: pd.DataFrame,
    covariates: Covariates,
    *,
    name: str,
    kind: str,
    seed: int,
    near: Cloud | None = None,
) -> Sketch:
    """Fit a model to rows that `select_rows` has chosen, and keep its estimands only.

    The posterior of a Gaussian model is told from some hundred weighted draws of theta, with several draws of
    the coefficients at each: those of a posterior that is near, moved to its mode, or draws from a proposal
    of its own. Where these do not cover it, and for other models, it is sampled. What cannot be fitted
    becomes a sketch that says why.
    """
    try:
        design = build_design(rows, spec, covariates)
        return sketch_of(design, spec, name=name, kind=kind, seed=seed, near=near).sketch
    except TaskorderError as error:
        return failed(name, kind, len(rows), str(error))


def sketch_of(
    design: Design,
    spec: ModelSpec,
    *,
    name: str,
    kind: str,
    seed: int,
    near: Cloud | None = None,
    effort: Effort = ROUGH,
) -> Sketched:
    """Fit a model to a design, and keep what it was told from, too; otherwise as `sketched`.

    Raises
    ------
    TaskorderError
        Where it cannot be fitted.
    """
    rows = int((design.row_cell >= 0).sum())
    rng = np.random.default_rng(seed)
    try:
        if needs_nuts(spec):
            return Sketched(_sampled(design, spec, name, kind, rows, seed), design)
        with threadpool_limits(limits=1, user_api="blas"):
            sums = density(design, spec)
            found = None if near is None else moved(near, sums, rng, effort.times)
            start = None
            if found is None or not found.covered:
                start = mode(sums, design)
                found = proposed(start, effort.thetas, rng, effort.times)
        if not found.covered:
            return Sketched(_sampled(design, spec, name, kind, rows, seed), design)
    except np.linalg.LinAlgError:
        raise FitFailed("no mode can be found") from None
    weight = np.tile(found.weight, effort.times) / effort.times
    draws = _evaluated(design, spec, found, effort.times)
    sketch = Sketch(name, kind, rows, draws, weight, "", found.pareto_k)
    return Sketched(sketch, design, start, found)


def _evaluated(design: Design, spec: ModelSpec, found: Weighted, times: int) -> pd.DataFrame:
    posterior = collapsed.posterior_of(
        design, found.density, np.tile(found.u, times)[:, None], found.coefficients[:, None]
    )
    return pd.DataFrame(dict(by_level(estimands(posterior, design, spec))))


def _sampled(design: Design, spec: ModelSpec, name: str, kind: str, rows: int, seed: int) -> Sketch:
    result = sampler(choose("auto", spec))(design, spec, seed=seed, draws=DRAWS)
    draws = pd.DataFrame(dict(by_level(estimands(result.tree["posterior"].to_dataset(), design, spec))))
    k = float("nan") if result.pareto_k is None else result.pareto_k
    problem = f"Pareto k-hat is {k:.2f}" if k >= MAX_PARETO_K else _unsettled(result.tree)
    return Sketch(name, kind, rows, draws, np.full(len(draws), 1.0 / len(draws)), problem, k)


def _unsettled(tree: xr.DataTree) -> str:
    """Say if chains that walked differ by so much that nothing can be made of them."""
    posterior = tree["posterior"].to_dataset()
    wide = max(
        float(np.nanmax(array_stats.rhat(values.to_numpy(), chain_axis=0, draw_axis=1)))
        for values in posterior.data_vars.values()
    )
    return "" if wide < ROUGH_R_HAT else f"R-hat is {wide:.2f} after {DRAWS:,} draws"


def save(sketches: Sequence[Sketch], path: Path) -> None:
    """Write sketches into one file of NumPy's, whole."""
    about = [
        {**{name: getattr(one, name) for name in _KEPT}, "estimands": list(one.draws)} for one in sketches
    ]
    arrays: dict[str, Any] = {"about": np.array(json.dumps(about))}
    for place, one in enumerate(sketches):
        arrays |= {f"draws{place}": one.draws.to_numpy(np.float64), f"weight{place}": one.weight}
    with replacing(path, force=True) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def load(path: Path) -> tuple[Sketch, ...] | None:
    """Read sketches back; None where there are none, or the file is damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            return tuple(
                Sketch(
                    draws=pd.DataFrame(kept[f"draws{place}"], columns=entry["estimands"]),
                    weight=kept[f"weight{place}"],
                    **{name: entry[name] for name in _KEPT},
                )
                for place, entry in enumerate(json.loads(str(kept["about"])))
            )
    except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile, zlib.error):
        return None
