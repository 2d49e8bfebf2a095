"""The model of ordered sequences in plain PyMC: nothing integrated out, non-centred effects.

    python pymc_sequences.py DATA OUT [--sampler nutpie|pymc] [--draws 1000] [--chains 2]

Every row has up to three stages; a stage's effect is looked up in a table of stages by targets and weighted
by exp(-recency * steps back).
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
from drawn import prior_of, priors
from numpy.typing import NDArray
from sampling import sample

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
GROUPS = {"backbone": "backbone", "target": "target", "language": "language", "order": "sequence"}
LINEAR = ("1", "stage", "difficulty", "similarity", "difficulty:similarity")


@dataclass(frozen=True)
class Data:
    """N rows with up to K stages.

    Attributes
    ----------
    z : array (N,)
        The outcome, asin(sqrt(score)).
    stage, back : arrays (N, K)
        Each stage, and how many stand after it.
    there : array (N, K)
        1 where there is a stage, else 0.
    code, levels : dict
        Of each group.
    difficulty, similarity : arrays (S,), (S, T)
        Standardised.
    stages : list of str
    """

    z: Floats
    stage: Integers
    back: Integers
    there: Floats
    code: dict[str, Integers]
    levels: dict[str, list[str]]
    difficulty: Floats
    similarity: Floats
    stages: list[str]


def read(data: Path) -> Data:
    """Lay the tables of a data folder out as arrays."""
    table = pd.read_csv(data / "results.csv")
    factors = {name: pd.factorize(table[column], sort=True) for name, column in GROUPS.items()}
    levels = {name: list(labels) for name, (_, labels) in factors.items()}
    difficulty = pd.read_csv(data / "tasks.csv").set_index("task")["difficulty"].sort_index()
    similarity = pd.read_csv(data / "similarity.csv").pivot_table("similarity", "task", "target")
    similarity = similarity.loc[difficulty.index, levels["target"]]
    stages = list(difficulty.index)
    split = [text.split(">") for text in levels["order"]]
    most = max(map(len, split))
    stage, back, there = (np.zeros((len(split), most)) for _ in range(3))
    for i, names in enumerate(split):
        stage[i, : len(names)] = [stages.index(name) for name in names]
        back[i, : len(names)] = np.arange(len(names))[::-1]
        there[i, : len(names)] = 1.0
    at = factors["order"][0]
    return Data(
        np.arcsin(np.sqrt(table["score"].to_numpy())),
        stage.astype(np.int64)[at],
        back.astype(np.int64)[at],
        there[at],
        {name: codes for name, (codes, _) in factors.items()},
        levels,
        _standardised(difficulty.to_numpy()),
        _standardised(similarity.to_numpy(), len(levels["language"])),
        stages,
    )


def _standardised(values: Floats, repeats: int = 1) -> Floats:
    return (values - values.mean()) / np.repeat(values.ravel(), repeats).std(ddof=1)


def build(data: Data, known: dict[str, dict[str, Any]], *, pairs: bool) -> tuple[pm.Model, list[str]]:
    """Return the model, and the variables that are compared."""

    def parameter(name: str) -> Any:
        dist, values = prior_of(known, name)
        return getattr(pm, dist)(name, **values)

    def effects(name: str, dims: str) -> Any:
        raw = pm.Normal(f"raw {name}", 0, 1, dims=dims)
        return pm.Deterministic(f"1|{name}", parameter(f"sd:{name}") * raw, dims=dims)

    coords = {f"{name}_level": labels for name, labels in data.levels.items()}
    coords |= {"stage_level": data.stages}
    coords |= {"pair": [f"{stage}|{target}" for stage in data.stages for target in data.levels["target"]]}
    with pm.Model(coords=coords) as model:
        linear = {name: parameter(name) for name in LINEAR}
        d, s = data.difficulty[:, None], data.similarity
        by_target: Any = linear["stage"] + linear["difficulty"] * d + linear["similarity"] * s
        by_target = by_target + linear["difficulty:similarity"] * d * s
        by_target = by_target + effects("stage", "stage_level")[:, None]
        if pairs:
            by_target = by_target + effects("stage:target", "pair").reshape(s.shape)
        weight = data.there * pt.exp(-parameter("recency") * data.back)
        mean: Any = linear["1"] + pt.sum(weight * by_target[data.stage, data.code["target"][:, None]], axis=1)
        for name, code in data.code.items():
            mean = mean + effects(name, f"{name}_level")[code]
        pm.Normal("z", mean, parameter("residual"), observed=data.z)
    groups = ["stage", *(["stage:target"] if pairs else []), *GROUPS]
    sds, levels = [f"sd:{name}" for name in groups], [f"1|{name}" for name in groups]
    return model, [*LINEAR, "recency", *sds, "residual", *levels]


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sampler", choices=("nutpie", "pymc"), default="nutpie")
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--chains", type=int, default=2)
    given = parser.parse_args()
    began = time.perf_counter()
    pairs = 'crossed = ["target"]' in (given.data / "model.toml").read_text("utf-8")
    model, names = build(read(given.data), priors(given.data), pairs=pairs)
    sample(
        model, given.out, names, sampler=given.sampler, draws=given.draws, chains=given.chains, began=began
    )


if __name__ == "__main__":
    main()
