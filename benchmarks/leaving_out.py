"""Thirty studies left out one after another, beside one fit of all: how many fits does it cost?

    python benchmarks/leaving_out.py

Simulated: 30 studies of 12 runs on 4 backbones and 10 languages, with a moderator; effects of study, backbone
and language. The engine's own seconds, the best of three.
"""

import itertools
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from taskorder.inference.criticism.leaving_out import whole, without_levels
from taskorder.inference.engines import collapsed
from taskorder.inference.layout.design import build_design
from taskorder.inference.spec import parse_model
from taskorder.results.catalogue import covariates

STUDIES, RUNS, BACKBONES, LANGUAGES = 30, 12, 4, 10
MODEL = {
    "name": "leaving_out",
    "data": {"schema": "any"},
    "outcome": {"column": "y", "scale": "identity"},
    "fixed": {"terms": ["1", "x"]},
    "groups": {"study": {"by": ["1", "x"]}, "backbone": {}, "language": {}},
    "estimands": {"slope": {"function": "points", "of": "x"}},
}


def simulate(seed: int) -> pd.DataFrame:
    """Draw the data set."""
    rng = np.random.default_rng(seed)
    cells = itertools.product(range(STUDIES), range(RUNS), range(LANGUAGES))
    table = pd.DataFrame(list(cells), columns=["study", "run", "language"])
    table["backbone"] = (table["study"] + table["run"]) % BACKBONES
    table["x"] = rng.normal(size=(STUDIES, RUNS))[table["study"], table["run"]]
    slope = 0.05 + rng.normal(0, 0.03, STUDIES)
    y = 0.5 + slope[table["study"]] * table["x"] + rng.normal(0, 0.02, len(table))
    for name, count, sd in (
        ("study", STUDIES, 0.1),
        ("backbone", BACKBONES, 0.05),
        ("language", LANGUAGES, 0.08),
    ):
        y = y + rng.normal(0, sd, count)[table[name]]
    names = {
        name: name[0] + table[name].astype(str).str.zfill(2) for name in ("study", "backbone", "language")
    }
    return table.assign(y=y, **names)


def best(function: Callable[[], object]) -> float:
    """Return the fewest seconds of three."""
    seconds: list[float] = []
    for _ in range(3):
        began = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def main() -> None:
    """Time both and print them."""
    spec = parse_model(MODEL)
    design = build_design(simulate(1), spec, covariates())
    fit = best(lambda: collapsed.sample(design, spec, seed=1, draws=4000))
    posterior = collapsed.sample(design, spec, seed=1, draws=4000).tree["posterior"].to_dataset()
    left_out = best(lambda: without_levels(whole(design, spec, posterior), "study", seed=2))
    table = without_levels(whole(design, spec, posterior), "study", seed=2).iloc[1:]
    print(f"{len(design.cells.mean):,} rows, {design.effects[0].shape[1]} effects, {STUDIES} studies")
    print(f"one fit {fit:.2f} s; every study left out {left_out:.2f} s: {left_out / fit:.1f} fits")
    print(
        f"largest Pareto k-hat {table['pareto_k'].max():.2f}; fewest effective draws {table['ess'].min():.0f}"
    )


if __name__ == "__main__":
    main()
