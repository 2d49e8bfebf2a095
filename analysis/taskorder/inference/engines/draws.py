"""What an engine returns: draws under the names of the model file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from taskorder.inference.engines.parameters import sd_names
from taskorder.inference.layout.design import Block, Design

Floats = NDArray[np.float64]

CHAINS = 4
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
    found: dict[str, xr.DataArray] = {}
    for block in design.blocks:
        values = coefficients[..., block.columns]
        found[block.name] = _levels(values, block) if block.labels else _plain(values[..., 0])
    if "1" in found:
        centred = [block for block in design.blocks if block.centre]
        found["1"] = found["1"] + shift - sum(block.centre * found[block.name] for block in centred)
    for i, name in enumerate(sd_names(design.blocks)):
        found[name] = _plain(sd[..., i])
    for name, values in others.items():
        if values.ndim == len(DRAW_DIMS):
            found[name] = _plain(values)
        else:
            found[name] = xr.DataArray(
                values,
                dims=(*DRAW_DIMS, "residual_level"),
                coords={"residual_level": list(design.residual_levels)},
            )
    numbers = {dim: np.arange(count) for dim, count in zip(DRAW_DIMS, coefficients.shape, strict=False)}
    return xr.Dataset(found, coords=numbers)


def _plain(values: Floats) -> xr.DataArray:
    return xr.DataArray(values, dims=DRAW_DIMS)


def _levels(values: Floats, block: Block) -> xr.DataArray:
    coords = {block.coordinate: list(block.labels)}
    return xr.DataArray(values, dims=(*DRAW_DIMS, block.coordinate), coords=coords)
