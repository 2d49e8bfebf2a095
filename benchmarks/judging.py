"""What a contender found, whatever wrote it: smallest effective sample size, means, sds and their errors.

    python judging.py OUT

reads `posterior.nc` with `diagnostics.json` (taskorder), `draws.npz` or `draws.csv` with `timing.json` (those
that sample) or `estimates.csv` with `timing.json` (those that maximise), and writes `judged.json`.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr

CHAINS_OF_CSV = ".chain"
MANY = 250
"""Where there are more parameters than this, those of single levels are judged but not listed."""


def judge(out: Path) -> dict[str, Any]:
    """Return seconds, versions, smallest ESS and whose it is, largest R-hat, and the estimates."""
    if (out / "diagnostics.json").exists():
        return _taskorder(out)
    timing = json.loads((out / "timing.json").read_text("utf-8"))
    if (out / "estimates.csv").exists():
        return timing | _point(pd.read_csv(out / "estimates.csv"))
    return timing | _drawn(_npz(out) if (out / "draws.npz").exists() else _csv(out))


def _taskorder(out: Path) -> dict[str, Any]:
    """Judge a fit; importance sampling knows better than its draws how many they are worth."""
    told = json.loads((out / "diagnostics.json").read_text("utf-8"))
    versions = json.loads((out / "manifest.json").read_text("utf-8"))["versions"]
    with xr.open_dataset(out / "posterior.nc", group="posterior", engine="netcdf4") as posterior:
        found = _drawn(xr.concat(_columns(posterior.load()), "parameter"))
    if told["min_ess_bulk"] is not None and told["min_ess_bulk"] < found["ess"]:
        found |= {"ess": told["min_ess_bulk"], "worst": "reported by the fit"}
    k = "" if told["pareto_k"] is None else f"Pareto k-hat {told['pareto_k']:.2f}"
    failed = "" if told["ok"] else f"failed its diagnostics: {told['messages'][0]}"
    seconds = told["seconds"]
    return found | {
        "compile": seconds.get("compile", 0.0),
        "sample": seconds["total"] - seconds.get("compile", 0.0),
        "versions": f"taskorder {versions['taskorder']}, engine {told['engine']}",
        "note": "; ".join(text for text in (k, failed) if text),
    }


def _columns(posterior: xr.Dataset) -> Iterator[xr.DataArray]:
    """Yield every variable as (chain, draw, parameter), its levels in brackets."""
    for name, values in posterior.data_vars.items():
        dims = [dim for dim in values.dims if dim not in {"chain", "draw"}]
        if not dims:
            yield values.drop_vars(values.coords, errors="ignore").expand_dims(parameter=[str(name)])
            continue
        (dim,) = dims
        labels = [f"{name}[{label}]" for label in values[dim].to_numpy()]
        plain = values.drop_vars(values.coords, errors="ignore")
        yield plain.rename({dim: "parameter"}).assign_coords(parameter=labels)


def _npz(out: Path) -> xr.DataArray:
    with np.load(out / "draws.npz") as file:
        coords = {"parameter": file["names"]}
        return xr.DataArray(file["values"], dims=("chain", "draw", "parameter"), coords=coords)


def _csv(out: Path) -> xr.DataArray:
    """Read the draws of brms: one line a draw, columns `.chain` and `.draw` beside the parameters."""
    table = pd.read_csv(out / "draws.csv")
    names = [name for name in table if not name.startswith(".")]
    chains = table[CHAINS_OF_CSV].nunique()
    values = table.sort_values([CHAINS_OF_CSV, ".draw"])[names].to_numpy().reshape(chains, -1, len(names))
    return xr.DataArray(values, dims=("chain", "draw", "parameter"), coords={"parameter": names})


def _drawn(draws: xr.DataArray) -> dict[str, Any]:
    data = draws.transpose("chain", "draw", "parameter").astype(np.float64).to_dataset(name="value")
    names = [str(name) for name in draws["parameter"].to_numpy()]
    ess = az.ess(data, method="bulk")["value"].to_numpy()
    error = az.mcse(data, method="mean")["value"].to_numpy()
    r_hat = az.rhat(data)["value"].to_numpy()
    mean = data["value"].mean(("chain", "draw")).to_numpy()
    sd = data["value"].std(("chain", "draw")).to_numpy()
    rows = zip(names, mean.tolist(), sd.tolist(), error.tolist(), strict=True)
    listed = [row for row in rows if len(names) <= MANY or "[" not in row[0]]
    return {
        "ess": float(np.nanmin(ess)),
        "worst": names[int(np.nanargmin(ess))],
        "r_hat": float(np.nanmax(r_hat)),
        "parameters": len(names),
        "note": "",
        "estimates": listed,
    }


def _point(table: pd.DataFrame) -> dict[str, Any]:
    rows = table.astype(object).where(table.notna(), None)
    estimates = [(row["parameter"], row["mean"], row["sd"], None) for row in rows.to_dict("records")]
    return {"ess": None, "worst": "", "r_hat": None, "parameters": None, "note": "", "estimates": estimates}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    (folder / "judged.json").write_text(json.dumps(judge(folder)))
