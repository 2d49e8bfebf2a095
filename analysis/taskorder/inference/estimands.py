"""Named functions of the posterior: what a model file reports, in points where that is possible.

On a scale z = f(score) a small change dz is `dp = dz / f'(score)` in score; points are stated at one
reference score. The functions, with `of` a linear term:

==================== ====================================================================================
`points`             the slope of a term
`contrast`           the slope of a term less that of another: `of` less `to`
`sd_points`          the sd of a term's slope over the levels of `group`
`level_points`       the slope at each level of `group`: the overall slope and the level's own deviation
`worst_level_points` the smallest of the slopes at the levels of `group`, in each draw
`same_sign`          1 where the slope has one sign at all levels of `group`: its mean is a probability
`ratio`              one sd over another, `of` over `to`; names joined by `+` are sds of a sum
`recency`            the rate at which a stage's weight decays with each stage after it
`curriculum`         of two tasks one sd apart in `of`: the higher one last, less the higher one first
`order_sd`           the sd over the orders of `steps` tasks: by recency, and the orders' own (`group`)
`order_ratio`        the same over the sd `to`
`best_order`         the best of the orders of `steps` tasks, less the mean over them, expected
==================== ====================================================================================

The last four are derived in `ordering`. Their tasks are drawn from the population that the model describes:
for one target, and whatever else stages are crossed with, the effects of tasks have the variance of the
stages' own effects, those crossed included, and of the moderators', each of which has unit variance: the
square of its slope, and of that slope's sd over the levels of every group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from taskorder.inference.layout.design import Design
from taskorder.inference.ordering import best_over_mean, curriculum, sd_over_orders
from taskorder.inference.scales import SCALES
from taskorder.inference.spec import STAGE, EstimandSpec, ModelSpec, crossed_names, sd_name, summands

PROBABILITY = "probability"
RATIO = "ratio"


def points_per_unit(spec: ModelSpec, reference: float) -> float:
    """Return how many points one unit of the model's scale is, at the reference score."""
    points = 100.0 if reports_points(spec) else 1.0
    return points * float(SCALES[spec.outcome.scale].derivative(reference))


def reports_points(spec: ModelSpec) -> bool:
    """Say whether effects are points of a score: not those on an outcome of any other unit."""
    of_scores = spec.data.layout == "results" and spec.outcome.column == "score"
    return of_scores or spec.outcome.scale != "identity"


def estimands(posterior: xr.Dataset, design: Design, spec: ModelSpec) -> xr.Dataset:
    """Evaluate every estimand of a model file.

    Parameters
    ----------
    posterior : Dataset
        Draws of the parameters, with the dimensions chain and draw.
    design : Design
        Holds the reference score.
    spec : ModelSpec
        Its `estimands` are evaluated; those of a group that was left out are left out, too.

    Returns
    -------
    Dataset
        One variable an estimand, each with the attribute `unit`.
    """
    factor = points_per_unit(spec, design.reference)
    found: dict[str, xr.DataArray] = {}
    for name, estimand in spec.estimands.items():
        value = _evaluate(posterior, estimand, spec, factor)
        if value is not None:
            found[name] = value.assign_attrs(unit=unit(estimand, spec, design.reference))
    return xr.Dataset(found)


def unit(estimand: EstimandSpec, spec: ModelSpec, reference: float) -> str:
    """Return the unit of an estimand in words."""
    if estimand.function == "same_sign":
        return PROBABILITY
    if estimand.function in {"ratio", "order_ratio"}:
        return RATIO
    if estimand.function == "recency":
        return "per stage"
    sequence = set[str]() if spec.sequence is None else set(spec.sequence.moderators)
    per = " per sd" if estimand.of in sequence else " per stage" if estimand.of == STAGE else ""
    if not reports_points(spec):
        return f"{spec.outcome.column}{per}"
    at = "" if spec.outcome.scale == "identity" else f" at {100 * reference:.0f}"
    return f"points{per}{at}"


def _evaluate(
    posterior: xr.Dataset, estimand: EstimandSpec, spec: ModelSpec, factor: float
) -> xr.DataArray | None:
    """Return the draws of an estimand; None where the posterior lacks a parameter that it needs."""
    if estimand.function in {"order_sd", "order_ratio", "best_order"}:
        return _of_orders(posterior, estimand, spec, factor)
    of, group = estimand.of, estimand.group
    if estimand.function == "ratio":
        sd, other = _sd_of_sum(posterior, of), _sd_of_sum(posterior, estimand.to)
        return None if sd is None or other is None else sd / other
    slopes = (of, f"{of}|{group}")
    needed = {
        "points": (of,),
        "contrast": (of, estimand.to),
        "sd_points": (sd_name(group, of),),
        "level_points": slopes,
        "worst_level_points": slopes,
        "same_sign": slopes,
        "recency": ("recency",),
        "curriculum": ("recency", of),
    }[estimand.function]
    if any(name not in posterior for name in needed):
        return None
    return _FUNCTIONS[estimand.function](*(posterior[name] for name in needed), factor)


def _one_sign(slope: xr.DataArray, deviation: xr.DataArray, _: float) -> xr.DataArray:
    levels, dim = slope + deviation, str(deviation.dims[-1])
    return ((levels > 0).all(dim) | (levels < 0).all(dim)).astype(float)


_FUNCTIONS: dict[str, Callable[..., xr.DataArray]] = {
    "points": lambda of, factor: of * factor,
    "contrast": lambda of, to, factor: (of - to) * factor,
    "sd_points": lambda sd, factor: sd * factor,
    "level_points": lambda slope, deviation, factor: (slope + deviation) * factor,
    "worst_level_points": lambda slope, deviation, factor: (
        (slope + deviation).min(str(deviation.dims[-1])) * factor
    ),
    "same_sign": _one_sign,
    "recency": lambda recency, _: recency,
    "curriculum": lambda recency, slope, factor: xr.apply_ufunc(curriculum, recency, slope) * factor,
}


def _of_orders(
    posterior: xr.Dataset, estimand: EstimandSpec, spec: ModelSpec, factor: float
) -> xr.DataArray | None:
    """Return what the order of `steps` tasks does; orders have no effects of their own without `group`."""
    found = {"recency": "recency", "own": sd_name(estimand.group, "1") if estimand.group else ""}
    parts = {key: posterior[name] for key, name in found.items() if name in posterior}
    beside = _sd_of_sum(posterior, estimand.to) if estimand.to else None
    if not parts or (estimand.to and beside is None):
        return None
    zero = xr.zeros_like(next(iter(parts.values())))
    of_draws = best_over_mean if estimand.function == "best_order" else sd_over_orders
    value = xr.apply_ufunc(
        of_draws,
        parts.get("recency", zero),
        zero + _sd_between_tasks(posterior, spec),
        parts.get("own", zero),
        kwargs={"steps": estimand.steps},
    )
    return value * factor if beside is None else value / beside


def _sd_of_sum(posterior: xr.Dataset, names: str) -> xr.DataArray | None:
    """Return the sd of the sum of independent effects; None where the posterior lacks one of their sds."""
    parts = summands(names)
    if any(name not in posterior for name in parts):
        return None
    variance = posterior[parts[0]] ** 2
    for name in parts[1:]:
        variance = variance + posterior[name] ** 2
    return variance**0.5


def _sd_between_tasks(posterior: xr.Dataset, spec: ModelSpec) -> xr.DataArray | float:
    """Return the sd between the effects of the tasks that might be trained; 0 without [sequence]."""
    if spec.sequence is None:
        return 0.0
    moderators = spec.sequence.moderators
    names = [*moderators, *(f"sd:{name}" for name in crossed_names(spec.sequence))]
    names += [
        sd_name(name, term) for name, group in spec.groups.items() for term in group.by if term in moderators
    ]
    return sum(posterior[name] ** 2 for name in names if name in posterior) ** 0.5


def by_level(values: xr.Dataset) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Go through estimands, and each level of those that have any as `NAME[level]`, with their draws (S,)."""
    for name, array in values.data_vars.items():
        levels = [dim for dim in array.dims if dim not in ("chain", "draw")]
        if not levels:
            yield str(name), array.to_numpy().ravel()
            continue
        for level in array[levels[0]].to_numpy():
            yield f"{name}[{level}]", array.sel({levels[0]: level}).to_numpy().ravel()
