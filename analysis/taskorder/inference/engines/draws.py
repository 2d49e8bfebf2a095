"""What an engine returns: draws under the names of the model file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from taskorder.inference.engines.parameters import sd_names
from taskorder.inference.layout.design import Design

Floats = NDArray[np.float64]

CHAINS = 4
LEVEL_DIM = "residual_level"
DRAW_DIMS = ("chain", "draw")


@dataclass(frozen=True)
class Draws:
    """What an engine returns.

    Attributes
    ----------
    tree : DataTree
        With the groups `posterior` and `sample_stats`.
    seconds : dict
        `compile`, `sample` and `total`.
    how : str
        The engine, and how it sampled, in words.
    pareto_k : float or None
        Of importance sampling, where it was used.
    """

    tree: xr.DataTree
    seconds: dict[str, float]
    how: str
    pareto_k: float | None = None


def named(
    design: Design, coefficients: Floats, sd: Floats, others: Mapping[str, Floats], *, shift: float = 0.0
) -> xr.Dataset:
    """Give every parameter, and the effects of every group with their levels, a variable of its own.

    Parameters
    ----------
    design : Design
        Names the columns. A numeric fixed term is centred in it; the intercept is reported at zero.
    coefficients : array (chains, draws, P)
    sd : array (chains, draws, G)
        In the order of `parameters.sd_names`.
    others : mapping
        `recency`, `residual` and `sd:residual` as arrays (chains, draws), `residual_level_sd` with a last
        axis.
    shift : float
        What was taken off the outcome, for the intercept.
    """
    found: dict[str, tuple[tuple[str, ...], Floats]] = {}
    coords: dict[str, Any] = dict(zip(DRAW_DIMS, map(np.arange, coefficients.shape), strict=False))
    for block in design.blocks:
        values = coefficients[..., block.columns]
        if block.labels:
            found[block.name] = ((*DRAW_DIMS, block.coordinate), values)
            coords[block.coordinate] = np.array(block.labels)
        else:
            found[block.name] = (DRAW_DIMS, values[..., 0])
    if "1" in found:
        centred = [block for block in design.blocks if block.centre]
        moved = shift - sum(block.centre * found[block.name][1] for block in centred)
        found["1"] = (DRAW_DIMS, found["1"][1] + moved)
    for i, name in enumerate(sd_names(design.blocks)):
        found[name] = (DRAW_DIMS, sd[..., i])
    for name, values in others.items():
        found[name] = (DRAW_DIMS if values.ndim == len(DRAW_DIMS) else (*DRAW_DIMS, LEVEL_DIM), values)
    if any(LEVEL_DIM in dims for dims, _ in found.values()):
        coords[LEVEL_DIM] = np.array(design.residual_levels)
    return xr.Dataset(found, coords=coords)
