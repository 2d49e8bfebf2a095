"""Named functions of the posterior: what a model file reports, in points where that is possible.

On a scale z = f(score) a small change dz is `dp = dz / f'(score)` in score; points are stated at one
reference score. The functions, with `of` a linear term:

============== ==========================================================================================
`points`       the slope of a term
`contrast`     the slope of a term less that of another: `of` less `to`
`sd_points`    the sd of a term's slope over the levels of `group`
`level_points` the slope at each level of `group`: the overall slope and the level's own deviation
`same_sign`    1 in draws where the slope has one sign at all levels of `group`: its mean is a probability
`ratio`        one sd over another: `of` over `to`
============== ==========================================================================================
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from taskorder.inference.layout.design import Design
from taskorder.inference.scales import SCALES
from taskorder.inference.spec import STAGE, EstimandSpec, ModelSpec, sd_name

PROBABILITY = "probability"
RATIO = "ratio"


def points_per_unit(spec: ModelSpec, reference: float) -> float:
    """Return how many points one unit of the model's scale is, at the reference score."""
    scale = SCALES[spec.outcome.scale]
    return scale.points * float(scale.derivative(reference))


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
        value = _evaluate(posterior, estimand, factor)
        if value is not None:
            found[name] = value.assign_attrs(unit=unit(estimand, spec, design.reference))
    return xr.Dataset(found)


def unit(estimand: EstimandSpec, spec: ModelSpec, reference: float) -> str:
    """Return the unit of an estimand in words."""
    if estimand.function == "same_sign":
        return PROBABILITY
    if estimand.function == "ratio":
        return RATIO
    sequence = set[str]() if spec.sequence is None else set(spec.sequence.moderators)
    per = " per sd" if estimand.of in sequence else " per stage" if estimand.of == STAGE else ""
    if spec.outcome.scale == "identity":
        return f"{spec.outcome.column}{per}"
    return f"points{per} at {100 * reference:.0f}"


def _evaluate(posterior: xr.Dataset, estimand: EstimandSpec, factor: float) -> xr.DataArray | None:
    of, group = estimand.of, estimand.group
    needed = {
        "ratio": (of, estimand.to),
        "points": (of,),
        "contrast": (of, estimand.to),
        "sd_points": (sd_name(group, of),),
        "level_points": (of, f"{of}|{group}"),
        "same_sign": (of, f"{of}|{group}"),
    }[estimand.function]
    if any(name not in posterior for name in needed):
        return None
    values = [posterior[name] for name in needed]
    if estimand.function == "ratio":
        return values[0] / values[1]
    if estimand.function == "contrast":
        return (values[0] - values[1]) * factor
    if estimand.function in {"points", "sd_points"}:
        return values[0] * factor
    levels = values[0] + values[1]
    if estimand.function == "level_points":
        return levels * factor
    dim = f"{group}_level"
    return ((levels > 0).all(dim) | (levels < 0).all(dim)).astype(float)


def by_level(values: xr.Dataset) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Go through estimands, and each level of those that have any as `NAME[level]`, with their draws (S,)."""
    for name, array in values.data_vars.items():
        levels = [dim for dim in array.dims if dim not in ("chain", "draw")]
        if not levels:
            yield str(name), array.to_numpy().ravel()
            continue
        for level in array[levels[0]].to_numpy():
            yield f"{name}[{level}]", array.sel({levels[0]: level}).to_numpy().ravel()


def by_level(values: xr.Dataset) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Go through estimands, and each level of those that have any as `NAME[level]`, with their draws (S,)."""
    for name, array in values.data_vars.items():
        levels = [dim for dim in array.dims if dim not in ("chain", "draw")]
        if not levels:
            yield str(name), array.to_numpy().ravel()
            continue
        for level in array[levels[0]].to_numpy():
            yield f"{name}[{level}]", array.sel({levels[0]: level}).to_numpy().ravel()
