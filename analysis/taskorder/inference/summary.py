"""Draws summarised: mean, sd, 95 % equal-tailed interval, effective sample size, R-hat."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.sampling_diagnostics import ess, rhat

INTERVAL = 0.95
"""The probability of every interval that is reported; all are equal-tailed."""

COLUMNS = ["parameter", "mean", "sd", "lower", "upper", "ess_bulk", "ess_tail", "r_hat", "unit"]


def summarise(draws: xr.Dataset, units: dict[str, str], labels: dict[str, str] | None = None) -> pd.DataFrame:
    """Summarise every element of every variable.

    Parameters
    ----------
    draws : Dataset
        With the dimensions chain and draw.
    units : dict
        The unit of each variable.
    labels : dict, optional
        What stands for a variable's name in front of its level, such as `residual:` for `residual_level_sd`;
        without it a level stands in brackets.

    Returns
    -------
    DataFrame
        The columns `COLUMNS`; a value that is the same in every draw has no effective sample size or R-hat.
    """
    if not draws.data_vars:
        return pd.DataFrame(columns=COLUMNS)
    tail = (1.0 - INTERVAL) / 2
    quantiles = draws.quantile([tail, 1.0 - tail], dim=("chain", "draw"))
    pieces = {
        "mean": draws.mean(("chain", "draw")),
        "sd": draws.std(("chain", "draw"), ddof=1),
        "lower": quantiles.isel(quantile=0, drop=True),
        "upper": quantiles.isel(quantile=1, drop=True),
        **_diagnostics(draws, tail),
    }
    rows: list[dict[str, object]] = []
    for name in map(str, draws.data_vars):
        values = {key: np.atleast_1d(piece[name].to_numpy()) for key, piece in pieces.items()}
        levels = _levels(draws[name])
        prefix = (labels or {}).get(name)
        for i, level in enumerate(levels):
            text = name if level is None else f"{prefix}{level}" if prefix else f"{name}[{level}]"
            row = {key: float(value[i]) for key, value in values.items()}
            rows.append({"parameter": text, **row, "unit": units.get(name, "")})
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame.loc[~(frame["sd"] > 0), ["ess_bulk", "ess_tail", "r_hat"]] = np.nan
    return frame


def _diagnostics(draws: xr.Dataset, tail: float) -> dict[str, xr.Dataset]:
    """Return effective sample sizes and R-hat; what is the same in every draw has none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "ess_bulk": ess(draws, method="bulk"),
            "ess_tail": ess(draws, method="tail", prob=(tail, 1.0 - tail)),
            "r_hat": rhat(draws),
        }


def _levels(variable: xr.DataArray) -> list[str | None]:
    dims = [dim for dim in variable.dims if dim not in ("chain", "draw")]
    if not dims:
        return [None]
    return [str(level) for level in variable[dims[0]].to_numpy()]
