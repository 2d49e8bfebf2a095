"""A crossed design in plain PyMC, written the usual way: non-centred effects.

python pymc_crossed.py DATA OUT [--sampler nutpie|pymc] [--draws 4000] [--chains 4]
"""

import argparse
import time
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pymc as pm
from drawn import prior_of, priors
from sampling import sample


def build(data: Path) -> tuple[pm.Model, list[str]]:
    """Return the model of a data folder, and the variables that are compared."""
    table = pd.read_csv(data / "results.csv")
    groups = list(tomllib.loads((data / "model.toml").read_text("utf-8"))["groups"])
    known = priors(data)

    def parameter(name: str) -> Any:
        dist, values = prior_of(known, name)
        return getattr(pm, dist)(name, **values)

    codes = {name: pd.factorize(table[name], sort=True) for name in groups}
    with pm.Model(coords={f"{name}_level": labels for name, (_, labels) in codes.items()}) as model:
        mean = parameter("1") + parameter("x") * table["x"].to_numpy()
        for name, (code, _) in codes.items():
            raw = pm.Normal(f"raw {name}", 0, 1, dims=f"{name}_level")
            effect = pm.Deterministic(f"1|{name}", parameter(f"sd:{name}") * raw, dims=f"{name}_level")
            mean = mean + effect[code]
        pm.Normal("y", mean, parameter("residual"), observed=table["y"].to_numpy())
    sds = [f"sd:{name}" for name in groups]
    return model, ["1", "x", *sds, "residual", *(f"1|{name}" for name in groups)]


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sampler", choices=("nutpie", "pymc"), default="nutpie")
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--chains", type=int, default=4)
    given = parser.parse_args()
    began = time.perf_counter()
    model, names = build(given.data)
    sample(
        model, given.out, names, sampler=given.sampler, draws=given.draws, chains=given.chains, began=began
    )


if __name__ == "__main__":
    main()
