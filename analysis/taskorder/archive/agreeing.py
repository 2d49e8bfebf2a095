"""Whether two files of results say the same where their bytes differ."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.base.array import array_stats
from numpy.typing import NDArray
from scipy.stats import norm

from taskorder.archive.contents import CLAIMS
from taskorder.inference import store
from taskorder.inference.criticism import sketches
from taskorder.inference.criticism.sketches import ROUGH, Sketch
from taskorder.inference.summary import INTERVAL

type Floats = NDArray[np.float64]

FALSE_ALARMS = 0.01
"""How often posteriors that differ by their seed only are said to differ."""
LAST_DIGITS = 1e-9
"""What other machines may make of a number that is computed from the data alone."""
GROSS = 0.25
"""By how much of the width of its interval a claim's estimate may be another."""
_TIMED = ("seconds",)
_DERIVED = ("files", "versions")
"""What a manifest says of other lines of the comparison: digests of the fit's files, and libraries."""
_COMPUTED = ("ok", "engine", "rows", "effects")
_GROUPS = ("posterior", "estimands")
_ENDS = ["mean", "lower", "upper"]


@dataclass(frozen=True)
class Agreement:
    """Whether two files agree, as `comparing.Line` has it, and in what respect."""

    status: Literal["equal", "agrees", "differs"]
    remark: str = ""


def agreement(archived: Path, rebuilt: Path | bytes) -> Agreement:
    """Compare two files of one name whose bytes differ by what they say.

    Parameters
    ----------
    archived : Path
    rebuilt : Path or bytes
    """
    if archived.name == CLAIMS:
        return _verdicts(archived, rebuilt)
    if isinstance(rebuilt, bytes):
        return Agreement("differs")
    if archived.name == store.POSTERIOR:
        return _posteriors(archived, rebuilt)
    if archived.name == store.SUMMARY:
        return _summaries(archived, rebuilt)
    if archived.name == store.DIAGNOSTICS:
        return _diagnostics(archived, rebuilt)
    if archived.name == store.MANIFEST:
        return _same_but(_DERIVED, _json(archived), _json(rebuilt), "digests of its files, and versions")
    if archived.suffix == ".npz":
        return _sketches(archived, rebuilt)
    return Agreement("differs")


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))


def _same_but(
    names: tuple[str, ...], first: Mapping[str, Any], second: Mapping[str, Any], what: str
) -> Agreement:
    """Compare two mappings but for some of their entries, and numbers but for their last digits."""
    keys = [key for key in {**first, **second} if key not in names]
    if other := [key for key in keys if not _alike(first.get(key), second.get(key))]:
        return Agreement("differs", f"in {', '.join(other)}")
    return Agreement("equal", f"but for {what}")


def _alike(first: object, second: object) -> bool:
    if isinstance(first, float) and isinstance(second, float):
        return math.isclose(first, second, rel_tol=LAST_DIGITS)
    if isinstance(first, dict) and isinstance(second, dict):
        return list(first) == list(second) and all(_alike(first[key], second[key]) for key in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(_alike, first, second))
    return first == second


def _diagnostics(archived: Path, rebuilt: Path) -> Agreement:
    first, second = _json(archived), _json(rebuilt)
    found = _same_but(_TIMED, first, second, "the seconds")
    if found.status == "equal" or any(first.get(name) != second.get(name) for name in _COMPUTED):
        return found
    of_draws = _posteriors(archived.with_name(store.POSTERIOR), rebuilt.with_name(store.POSTERIOR))
    return Agreement("agrees", found.remark) if of_draws.status == "agrees" else found


def _verdicts(archived: Path, rebuilt: Path | bytes) -> Agreement:
    """Compare verdicts: decisions must be the same, estimates (see `GROSS`) roughly so.

    How well estimates agree is told by the posteriors' own comparison.
    """
    texts = (archived.read_bytes(), rebuilt if isinstance(rebuilt, bytes) else rebuilt.read_bytes())
    first, second = ({one["id"]: one for one in json.loads(text)} for text in texts)
    other = [
        f"{name} of {claim}"
        for claim in {**first, **second}
        for name in ("verdict", "gates", "tier")
        if first.get(claim, {}).get(name) != second.get(claim, {}).get(name)
    ]
    other += [f"the estimate of {claim}" for claim in first if not _near(first[claim], second.get(claim, {}))]
    if other:
        return Agreement("differs", ", ".join(other))
    return Agreement("agrees", "the same verdicts, gates and tiers")


def _near(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    before: list[Any] = [first.get(name) for name in _ENDS]
    now: list[Any] = [second.get(name) for name in _ENDS]
    if any(value is None for value in (*before, *now)):
        return before == now
    _, lower, upper = before
    return all(abs(one - other) <= GROSS * (upper - lower) for one, other in zip(before, now, strict=True))


def _summaries(archived: Path, rebuilt: Path) -> Agreement:
    """Compare the numbers of two summaries, as far as their posteriors let them differ."""
    of_draws = _posteriors(archived.with_name(store.POSTERIOR), rebuilt.with_name(store.POSTERIOR))
    first, second = (pd.read_csv(path, index_col="parameter") for path in (archived, rebuilt))
    if list(first.index) != list(second.index) or not first["unit"].equals(second["unit"]):
        return Agreement("differs", "other parameters, or other units")
    if of_draws.status == "equal":
        same = np.allclose(first[_ENDS], second[_ENDS], rtol=1e-5, atol=0, equal_nan=True)
        return Agreement("equal", "but for last digits") if same else Agreement("differs", "from equal draws")
    means = [found["mean"].to_numpy(np.float64) for found in (first, second)]
    errors = [(found["sd"] / np.sqrt(found["ess_bulk"])).fillna(0.0).to_numpy() for found in (first, second)]
    apart = _errors(means[0], errors[0], means[1], errors[1])
    named = zip(map(str, first.index), map(float, apart), strict=True)
    found = _within_error([(name, each, 1) for name, each in named])
    return of_draws if found.status == "agrees" else found


@cache
def _posteriors(archived: Path, rebuilt: Path) -> Agreement:
    with (
        xr.open_datatree(archived, engine="netcdf4") as first,
        xr.open_datatree(rebuilt, engine="netcdf4") as second,
    ):
        draws = [{name: tree[name].to_dataset().load() for name in _GROUPS} for tree in (first, second)]
    if all(draws[0][name].equals(draws[1][name]) for name in _GROUPS):
        return Agreement("equal", "the same draws")
    series = [dict(_series(one)) for one in draws]
    if {name: values.shape[2:] for name, values in series[0].items()} != {
        name: values.shape[2:] for name, values in series[1].items()
    }:
        return Agreement("differs", "other parameters, or other levels")
    return _within_error([(name, *_apart(series[0][name], series[1][name])) for name in series[0]])


def _series(draws: Mapping[str, xr.Dataset]) -> Iterator[tuple[str, Floats]]:
    """Go through what a summary reports: arrays (chains, draws, levels)."""
    for dataset in draws.values():
        for name, values in dataset.data_vars.items():
            if "|" not in str(name):
                yield str(name), np.asarray(values.transpose("chain", "draw", ...), dtype=np.float64)


def _apart(first: Floats, second: Floats) -> tuple[float, int]:
    """Return by how many Monte Carlo errors means and ends of intervals differ at most, and their number."""
    tail = (1.0 - INTERVAL) / 2
    event = np.isin(first, (0.0, 1.0)).all() and np.isin(second, (0.0, 1.0)).all()
    found = [
        _errors(*_estimate(first, prob), *_estimate(second, prob))
        for prob in ((None,) if event else (None, tail, 1.0 - tail))
    ]
    return max(float(np.max(errors, initial=0.0)) for errors in found), sum(errors.size for errors in found)


def _estimate(draws: Floats, prob: float | None) -> tuple[Floats, Floats]:
    """Return means, or quantiles, over chains and draws, with their Monte Carlo standard errors."""
    if prob is None:
        value, error = draws.mean((0, 1)), array_stats.mcse(draws, chain_axis=0, draw_axis=1, method="mean")
    else:
        value = np.quantile(draws, prob, axis=(0, 1))
        error = array_stats.mcse(draws, chain_axis=0, draw_axis=1, method="quantile", prob=prob)
    return np.asarray(value), np.nan_to_num(np.asarray(error))


def _errors(first: Floats, first_error: Floats, second: Floats, second_error: Floats) -> Floats:
    difference = np.where(np.isnan(first) & np.isnan(second), 0.0, np.abs(first - second))
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = difference / np.hypot(first_error, second_error)
    return np.where(difference == 0.0, 0.0, np.nan_to_num(errors, nan=np.inf))


def _within_error(apart: list[tuple[str, float, int]]) -> Agreement:
    """Judge the largest of many differences, each in Monte Carlo errors (Bonferroni)."""
    name, errors, _ = max(apart, key=lambda one: one[1])
    most = float(norm.isf(FALSE_ALARMS / (2 * sum(count for *_, count in apart))))
    remark = f"{errors:.1f} Monte Carlo errors at most, of {name}; {most:.1f} are allowed"
    return Agreement("agrees" if errors <= most else "differs", remark)


def _sketches(archived: Path, rebuilt: Path) -> Agreement:
    first, second = sketches.load(archived), sketches.load(rebuilt)
    if first is None or second is None:
        return Agreement("differs", "cannot be read")
    if [_label(one) for one in first] != [_label(one) for one in second]:
        return Agreement("differs", "other analyses")
    pairs = list(zip(first, second, strict=True))
    if all(_same_draws(one, other) for one, other in pairs):
        return Agreement("equal", "the same draws")
    return _within_error(
        [
            (f"{name} ({one.name})", *_of_means(one, other, str(name)))
            for one, other in pairs
            for name in one.draws
        ]
    )


def _same_draws(first: Sketch, second: Sketch) -> bool:
    return first.draws.equals(second.draws) and np.array_equal(first.weight, second.weight)


def _label(sketch: Sketch) -> tuple[object, ...]:
    return sketch.name, sketch.kind, sketch.rows, bool(sketch.problem), tuple(sketch.draws)


def _of_means(first: Sketch, second: Sketch, estimand: str) -> tuple[float, int]:
    values = [
        (np.asarray(found["mean"]), np.asarray(found["sd"] / np.sqrt(one.ess / ROUGH.times)))
        for one in (first, second)
        for found in (one.summary(estimand),)
    ]
    return float(_errors(*values[0], *values[1])), 1
