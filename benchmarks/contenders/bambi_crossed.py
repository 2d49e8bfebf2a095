"""A crossed design by bambi with the priors of the model file, else at its defaults, which choose nutpie.

python bambi_crossed.py DATA OUT [--draws 4000]
"""

import argparse
import time
from pathlib import Path
from typing import Any

import bambi as bmb
import pandas as pd
from drawn import hand_over, prior_of, priors

GROUPS = ("backbone", "task", "language")
CHAINS = 4


def build(data: Path) -> bmb.Model:
    """Return the model of a data folder; x is centred there already."""
    known = priors(data)

    def prior(name: str) -> Any:
        dist, values = prior_of(known, name)
        return bmb.Prior(dist, **values)

    chosen: dict[str, Any] = {"Intercept": prior("1"), "x": prior("x"), "sigma": prior("residual")}
    for name in GROUPS:
        chosen[f"1|{name}"] = bmb.Prior("Normal", mu=0, sigma=prior(f"sd:{name}"))
    table = pd.read_csv(data / "results.csv")
    formula = "y ~ x + " + " + ".join(f"(1|{name})" for name in GROUPS)
    return bmb.Model(formula, table, priors=chosen)


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--draws", type=int, default=4000)
    given = parser.parse_args()
    began = time.perf_counter()
    model = build(given.data)
    model.build()
    ready = time.perf_counter()
    each = given.draws // CHAINS
    tree = model.fit(draws=each, tune=each, chains=CHAINS, cores=2, random_seed=1, progressbar=False)
    done = time.perf_counter()
    names = {"Intercept": "1", "sigma": "residual", **{f"1|{name}_sigma": f"sd:{name}" for name in GROUPS}}
    posterior = tree["posterior"].to_dataset().rename(names)
    wanted = ["1", "x", "residual", *names.values(), *(f"1|{name}" for name in GROUPS)]
    hand_over(
        given.out,
        posterior[list(dict.fromkeys(wanted))],
        ready - began,
        done - ready,
        ["bambi", "pymc", "nutpie"],
    )


if __name__ == "__main__":
    main()
