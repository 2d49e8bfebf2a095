"""Simulation-based calibration: whether an engine's posterior of a model deserves its probabilities.

Many data sets are made by the model itself, with parameters from its priors (`simulate`); each is fitted,
and the truth is ranked among the draws (`ranks`). For a correct engine the ranks are uniform (`uniformity`),
and a share p of the intervals of probability p hold the truth. The ranks go to a file as they come, so that
an interrupted run goes on where it ended (`ledger`).
"""

from __future__ import annotations

import hashlib
import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd

from taskorder.errors import FitFailed
from taskorder.files import sha256, sha256_text, write_whole
from taskorder.inference.criticism import ledger
from taskorder.inference.criticism.progress import progress
from taskorder.inference.criticism.ranks import Outcome, Task, outcome
from taskorder.inference.criticism.simulate import refuse_flat
from taskorder.inference.criticism.smaller import smaller
from taskorder.inference.criticism.uniformity import uniformity
from taskorder.inference.engines.draws import Draws
from taskorder.inference.fitting import DRAWS, SEED, Engine, Fit, choose, rows_digest, select_rows, versions
from taskorder.inference.layout.design import Design, build_design
from taskorder.inference.spec import ModelSpec
from taskorder.paths import PACKAGE
from taskorder.processes import processes
from taskorder.results.catalogue import Covariates

LEVELS = (50, 80, 95)
"""Percent of the equal-tailed intervals whose coverage is counted."""
DATA_SETS = 1000
TOGETHER = 8
"""Data sets that a process is given at once: the design goes to it with them."""
EVERY = 20.0
"""Seconds between two writings of the ranks."""
COLUMNS = [
    "parameter",
    "engine",
    "cells",
    "data_sets",
    "failed",
    *(f"{what}_{level}" for level in LEVELS for what in ("coverage", "error")),
    "max_deviation",
    "p",
    "inside",
    "inside_with_failed",
]
_CODE = (
    *("engines", "layout", "families.py", "priors.py", "scales.py", "spec*", "estimands.py", "ordering.py"),
    *("diagnostics.py", "summary.py"),
    *(f"criticism/{name}.py" for name in ("simulate", "ranks", "predictive")),
)


@dataclass(frozen=True)
class Plan:
    """How a model is calibrated.

    Attributes
    ----------
    engine : {"auto", "collapsed", "nuts"}
    data_sets : int
    cells : int
        At most so many cells of the design; 0 for all of them.
    draws : int
        Of each fit.
    seed : int
    workers : int
        Processes that fit at the same time.
    """

    engine: Engine = "auto"
    data_sets: int = DATA_SETS
    cells: int = 0
    draws: int = DRAWS
    seed: int = SEED
    workers: int = 2


@dataclass(frozen=True)
class Calibration:
    """What a calibration found.

    Attributes
    ----------
    model, engine : str
    summary : DataFrame
        One row a parameter, with the columns `COLUMNS`. Coverage, its Monte Carlo error and the ECDF band are
        over the fits that passed their diagnostics, the only ones that are ever reported;
        `inside_with_failed` is over all fits that gave draws.
    files : tuple of Path
        The summary, and the ranks.
    """

    model: str
    engine: str
    summary: pd.DataFrame
    files: tuple[Path, Path]

    @property
    def outside(self) -> tuple[str, ...]:
        """The parameters whose ranks leave the band; one in twenty does where all is well."""
        return tuple(self.summary.loc[~self.summary["inside"], "parameter"])

    def text(self) -> str:
        """Return the summary for a terminal."""
        first = self.summary.iloc[0]
        shown = self.summary[["parameter", *(f"coverage_{level}" for level in LEVELS), "p", "inside"]]
        return (
            f"{self.model}, {self.engine}: {first['data_sets']:,} data sets of {first['cells']:,} cells,"
            f" {first['failed']:,} failed fits\n"
            f"{shown.to_string(index=False, float_format='{:.3f}'.format)}\n"
            f"{len(self.outside)} of {len(self.summary)} parameters leave the 95 % band of uniform ranks"
            f" (about {0.05 * len(self.summary):.0f} would by chance)"
        )


def calibrate(
    spec: ModelSpec,
    table: pd.DataFrame,
    covariates: Covariates,
    plan: Plan,
    folder: Path,
    say: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """Calibrate an engine on a model and the design of its rows.

    Parameters
    ----------
    spec : ModelSpec
    table : DataFrame
        As for `fit`; of its outcomes nothing is used but what default priors take from them.
    covariates : Covariates
    plan : Plan
    folder : Path
        Where `MODEL_ENGINE.csv` (the summary) and `MODEL_ENGINE_ranks.csv` go. Data sets that the latter
        holds already are not fitted again, if model, design, engine, code, libraries, seed and draws are the
        same; where it holds more than are asked for, the others stay there, but are not summed up.
    say : callable
        Is told what the person should know.

    Raises
    ------
    InvalidModel
        Where a prior is flat, or the engine is not one for the model.
    FitFailed
        Where no fit passed its diagnostics.
    """
    rows = select_rows(table, spec, covariates)
    design = build_design(rows, spec, covariates)
    if plan.cells:
        design = smaller(design, plan.cells, np.random.default_rng(plan.seed))
    engine = choose(plan.engine, spec).engine
    task = Task(design, spec, engine, engine_named(engine), plan.seed, plan.draws)
    return run(task, plan, folder, say, state=state_of(spec.digest(), rows_digest(rows)))


def engine_named(name: str) -> Callable[..., Draws]:
    """Return the function of an engine that draws from the posterior."""
    return importlib.import_module(f"taskorder.inference.engines.{name}").sample


def run(
    task: Task, plan: Plan, folder: Path, say: Callable[[str], None] = lambda _: None, *, state: str = ""
) -> Calibration:
    """Fit the data sets that the ranks on file lack, and sum all up; otherwise as `calibrate`.

    The file of the summary has one column more, `state` (see `state_of`).
    """
    refuse_flat(task.design, task.spec)
    name = f"{task.spec.name}_{task.engine}"
    path, key = folder / f"{name}_ranks.csv", key_of(task)
    done, message = ledger.known(path, key)
    if message:
        say(message)
    asked = range(plan.data_sets)
    missing = sorted(set(asked) - set(done["data_set"].tolist()))
    if start := len(asked) - len(missing):
        say(f"{start:,} data sets are done already")
    with progress(f"calibrating {name}", plan.data_sets, "data sets") as tell:
        tell(start)
        fresh: list[Outcome] = []
        written = time.monotonic()
        for one in _outcomes(task, missing, plan.workers):
            fresh.append(one)
            tell(start + len(fresh))
            if time.monotonic() - written >= EVERY or len(fresh) == len(missing):
                ledger.write(path, ledger.joined(done, fresh, key))
                written = time.monotonic()
    table = ledger.read(path)
    summary = summarised(table[table["data_set"].isin(asked)], task.engine, len(task.design.cells.mean))
    text = summary.assign(state=state).to_csv(index=False, float_format="%.4g")
    write_whole(folder / f"{name}.csv", text, force=True)
    return Calibration(task.spec.name, task.engine, summary, (folder / f"{name}.csv", path))


def _outcomes(task: Task, data_sets: Sequence[int], workers: int) -> Iterator[Outcome]:
    """Fit data sets one after another, or in processes of their own; in their order either way."""
    one = partial(outcome, task)
    if workers <= 1 or len(data_sets) <= 1:
        yield from map(one, data_sets)
        return
    with processes(workers) as pool:
        yield from pool.map(one, data_sets, chunksize=TOGETHER)


def key_of(task: Task) -> str:
    """Return a hash of all that ranks follow from: model, design, engine, seed, draws, code and libraries."""
    settings = (task.engine, task.seed, task.draws, sorted(versions().items()))
    parts = [task.spec.digest(), _digest(task.design), repr(settings), *_code()]
    return sha256_text("\n".join(parts))[:16]


def state_of(model_sha256: str, rows_sha256: str) -> str:
    """Return a hash of the state that a calibration is of: model, rows, code and libraries.

    It is compared in place of the key, for which the design would have to be built and cut down again.

    Parameters
    ----------
    model_sha256, rows_sha256 : str
        As the manifest of a fit has them; what covariates say of the rows is in the latter.
    """
    return sha256_text("\n".join([model_sha256, rows_sha256, repr(sorted(versions().items())), *_code()]))[
        :16
    ]


def of_present_state(summary: pd.DataFrame, fit: Fit) -> bool:
    """Say whether the summary of a calibration, as it was read, is of the state that a fit is of."""
    present = state_of(fit.manifest["model_sha256"], fit.manifest["rows_sha256"])
    return "state" in summary and set(summary["state"].astype(str)) == {present}


@cache
def _code() -> tuple[str, ...]:
    """Return the digests of the code that ranks follow from."""
    folder = PACKAGE / "inference"
    files = [path for name in _CODE for path in sorted(folder.glob(name))]
    code = [path for found in files for path in (sorted(found.rglob("*.py")) if found.is_dir() else [found])]
    return tuple(sha256(path) for path in code)


def _digest(design: Design) -> str:
    """Return the sha256 of what is kept of a design when its data are replaced."""
    cells = design.cells
    digest = hashlib.sha256()
    trials = () if cells.counts is None else (cells.counts.trials,)
    for array in (cells.n, cells.df, cells.v, cells.level, *trials):
        digest.update(np.ascontiguousarray(array).tobytes())
    for matrix in design.effects:
        for array in (matrix.data, matrix.indices, matrix.indptr):
            digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(repr((design.blocks, design.residual_levels, design.defaults, design.reference)).encode())
    return digest.hexdigest()


def summarised(table: pd.DataFrame, engine: str, cells: int) -> pd.DataFrame:
    """Sum the ranks of a ledger up.

    Returns
    -------
    DataFrame
        The columns `COLUMNS`, one row a parameter.

    Raises
    ------
    FitFailed
        Where no fit passed its diagnostics.
    """
    passed = table["ok"] == 1
    if not passed.any():
        first = table["problem"].iloc[0] if len(table) else "there are no data sets"
        raise FitFailed(f"no fit of {len(table):,} data sets passed its diagnostics, such as: {first}")
    rows: list[dict[str, object]] = []
    for name in ledger.parameters(table):
        place = places(table, name)
        found, all_of_them = uniformity(place[passed].to_numpy()), uniformity(place.dropna().to_numpy())
        rows.append(
            {
                "parameter": name,
                "engine": engine,
                "cells": cells,
                "data_sets": len(table),
                "failed": int((~passed).sum()),
                **_coverage(table.loc[passed, name + ledger.BELOW]),
                "max_deviation": found.max_deviation,
                "p": found.p,
                "inside": found.inside,
                "inside_with_failed": all_of_them.inside,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def places(table: pd.DataFrame, parameter: str) -> pd.Series:
    """Return where in (0, 1) the truths of a parameter stand; NaN where a fit gave no draws.

    A rank of r among L draws is anywhere in [r / (L + 1), (r + 1) / (L + 1)): where, is drawn, once for each
    data set, so that ranks among different numbers of draws are uniform together.
    """
    data_set = table["data_set"].to_numpy(dtype=np.int64)
    within = np.random.default_rng(0).random(int(data_set.max()) + 1)[data_set]
    rank = table[parameter].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    return pd.Series((rank + within) / (table["kept"].to_numpy(dtype=np.float64) + 1.0), index=table.index)


def _coverage(below: pd.Series) -> dict[str, float]:
    """Return the share of equal-tailed intervals that hold the truth, with its Monte Carlo error."""
    found: dict[str, float] = {}
    for level in LEVELS:
        share = float((np.abs(below.to_numpy(dtype=np.float64) - 0.5) <= level / 200).mean())
        error = level / 100 * (1.0 - level / 100) / len(below)
        found |= {f"coverage_{level}": share, f"error_{level}": float(np.sqrt(error))}
    return found
