"""How a contender hands over what it found: `timing.json` with its draws or its estimates beside it."""

import json
import tomllib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr


def priors(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the priors of the model file in a data folder."""
    return tomllib.loads((folder / "model.toml").read_text("utf-8"))["priors"]


def prior_of(table: Mapping[str, dict[str, Any]], name: str) -> tuple[str, dict[str, float]]:
    """Return distribution and parameters of a parameter: its own line, or that of its kind."""
    entry = table.get(name, table.get(name.split(":")[0]))
    if entry is None:
        raise KeyError(f"the model file gives no prior for {name}")
    return entry["dist"], {key: value for key, value in entry.items() if key != "dist"}


def hand_over(
    out: Path, posterior: xr.Dataset, compiling: float, sampling: float, libraries: list[str]
) -> None:
    """Write draws and timing.

    Parameters
    ----------
    out : Path
        A folder.
    posterior : Dataset
        With the dimensions `chain` and `draw`; parameters bear taskorder's names.
    compiling, sampling : float
        Seconds.
    libraries : list of str
        Whose versions are recorded.
    """
    names: list[str] = []
    columns: list[np.ndarray] = []
    for name, values in posterior.data_vars.items():
        flat = values.transpose("chain", "draw", ...).to_numpy()
        flat = flat.reshape(*flat.shape[:2], -1)
        columns.append(flat)
        labels = values.coords[values.dims[-1]].to_numpy() if values.ndim > 2 else None
        names += [str(name)] if labels is None else [f"{name}[{label}]" for label in labels]
    np.savez(out / "draws.npz", names=np.array(names), values=np.concatenate(columns, axis=-1))
    versions = ", ".join(f"{name} {version(name)}" for name in libraries)
    timing = {"compile": compiling, "sample": sampling, "versions": versions}
    (out / "timing.json").write_text(json.dumps(timing))
