"""Simulated scores after sequences of intermediate tasks, drawn from the model of ordered sequences.

    asin(sqrt(score)) = 1 + backbone + target + language + order + sum over stages k of w_k effect_k + e
    w_k = exp(-recency (K - k))        effect_k = stage + m(t_k, target)' gamma + u[t_k] + h[t_k, target]

with m = (difficulty of the stage, its similarity to the target, their product). The design is balanced: 60
sequences of 1 to 3 of 9 tasks, on 2 backbones, before 6 targets, scored in 15 languages: 10,800 rows a seed.

    python sequences.py FOLDER --seeds 1 [--pairs]

writes `results.csv`, `tasks.csv`, `similarity.csv`, `model.toml` and `truth.json`. With `--pairs` the data
have the effects h of a stage on one target, and the model as well.
"""

import argparse
import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MODEL = Path(__file__).parent / "models" / "sequences.toml"
STAGES = ("mnli", "qqp", "squad", "hellaswag", "cosmosqa", "socialiqa", "scitail", "sst2", "wic")
TARGETS = ("xnli", "pawsx", "xcopa", "xquad", "panx", "udpos")
BACKBONES = ("bert-base-multilingual-cased", "xlm-roberta-base")
LANGUAGES = ("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")
ORDERS = {1: (9, 1), 2: (9, 2), 3: (11, 3)}
"""For each length: how many sets of tasks, and how many orders of each."""

TRUTH = {
    "1": 0.85,
    "stage": 0.02,
    "difficulty": -0.015,
    "similarity": 0.03,
    "difficulty:similarity": 0.015,
    "recency": 0.7,
    "sd:stage": 0.04,
    "sd:backbone": 0.05,
    "sd:target": 0.08,
    "sd:language": 0.06,
    "sd:order": 0.025,
    "residual": 0.025,
}
PAIRS = {"sd:stage:target": 0.015}


@dataclass(frozen=True)
class Simulated:
    """A data set: result table, difficulties, similarities."""

    results: pd.DataFrame
    tasks: pd.DataFrame
    similarity: pd.DataFrame


def draw_sequences(rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Choose sets of tasks, and several orders of each: 60 sequences of indices into `STAGES`."""
    found: list[tuple[int, ...]] = []
    for length, (sets, orders) in ORDERS.items():
        combinations = list(itertools.combinations(range(len(STAGES)), length))
        for i in rng.choice(len(combinations), sets, replace=False):
            permutations = list(itertools.permutations(combinations[i]))
            found += [permutations[j] for j in rng.choice(len(permutations), orders, replace=False)]
    return found


def standardised(values: Floats, repeats: int = 1) -> Floats:
    """Return values less their mean, per sd, as a model has them; each counts `repeats` times."""
    return (values - values.mean()) / np.repeat(values.ravel(), repeats).std(ddof=1)


def simulate(seed: int, seeds: int = 1, *, pairs: bool = False) -> Simulated:
    """Draw a data set.

    Parameters
    ----------
    seed : int
        Of all that is drawn; sequences and effects do not depend on `seeds`.
    seeds : int
        Runs of each sequence, target and backbone; 10,800 rows each.
    pairs : bool
        Whether a stage's effect differs from target to target beyond its similarity.
    """
    rng = np.random.default_rng(seed)
    sequences = draw_sequences(rng)
    difficulty = rng.uniform(0.1, 0.6, len(STAGES)).round(4)
    similarity = rng.uniform(0.2, 0.9, (len(STAGES), len(TARGETS))).round(4)
    reached = _stages_total(sequences, _stage_effects(difficulty, similarity, rng, pairs=pairs))
    sizes = (len(BACKBONES), len(sequences), len(TARGETS), len(LANGUAGES))
    backbone, order, target, language = (index.ravel() for index in np.indices(sizes))
    level = TRUTH["1"] + reached[order, target]
    for name, at, size in zip(
        ("backbone", "order", "target", "language"), (backbone, order, target, language), sizes, strict=True
    ):
        level = level + rng.normal(0, TRUTH[f"sd:{name}"], size)[at]
    z = np.tile(level, seeds) + rng.normal(0, TRUTH["residual"], len(level) * seeds)
    results = _table(sequences, (backbone, order, target, language), z, seeds)
    pairs_of = itertools.product(range(len(STAGES)), range(len(TARGETS)))
    return Simulated(
        results,
        pd.DataFrame({"task": STAGES, "difficulty": difficulty}),
        pd.DataFrame(
            [(STAGES[i], TARGETS[j], similarity[i, j]) for i, j in pairs_of],
            columns=["task", "target", "similarity"],
        ),
    )


def _stage_effects(
    difficulty: Floats, similarity: Floats, rng: np.random.Generator, *, pairs: bool
) -> Floats:
    """Return what a stage next to the target does, (stages, targets)."""
    d, s = standardised(difficulty)[:, None], standardised(similarity, len(LANGUAGES))
    own = rng.normal(0, TRUTH["sd:stage"], (len(STAGES), 1))
    pair = rng.normal(0, PAIRS["sd:stage:target"], s.shape)
    moderated = TRUTH["difficulty"] * d + TRUTH["similarity"] * s + TRUTH["difficulty:similarity"] * d * s
    return TRUTH["stage"] + moderated + own + (pair if pairs else 0.0)


def _stages_total(sequences: list[tuple[int, ...]], effects: Floats) -> Floats:
    """Return what a whole sequence does, (sequences, targets)."""
    weights = np.zeros((len(sequences), len(STAGES)))
    for i, sequence in enumerate(sequences):
        back = np.arange(len(sequence))[::-1]
        weights[i, list(sequence)] = np.exp(-TRUTH["recency"] * back)
    return weights @ effects


def _table(
    sequences: list[tuple[int, ...]], index: tuple[Integers, ...], z: Floats, seeds: int
) -> pd.DataFrame:
    if z.min() < 0 or z.max() > np.pi / 2:
        raise ValueError(f"the simulated scale values {z.min():.2f} ... {z.max():.2f} leave [0, pi/2]")
    backbone, order, target, language = (np.tile(at, seeds) for at in index)
    texts = np.array([">".join(STAGES[i] for i in sequence) for sequence in sequences])
    seed = np.repeat(np.arange(seeds), len(index[0]))
    table = pd.DataFrame(
        {
            "study": "simulated",
            "run": "",
            "backbone": np.array(BACKBONES)[backbone],
            "tuning": "full",
            "sequence": texts[order],
            "target": np.array(TARGETS)[target],
            "train_language": "en",
            "language": np.array(LANGUAGES)[language],
            "metric": "accuracy",
            "score": (np.sin(z) ** 2).round(6),
            "seed": seed,
        }
    )
    number = (backbone * len(sequences) + order) * len(TARGETS) + target
    run = pd.Series(number).astype(str) + "/s" + pd.Series(seed).astype(str)
    return table.assign(run="r" + run)


def write(folder: Path, seed: int, seeds: int, *, pairs: bool) -> None:
    """Write a data set, the model that fits it, and the truth."""
    data = simulate(seed, seeds, pairs=pairs)
    folder.mkdir(parents=True, exist_ok=True)
    data.results.to_csv(folder / "results.csv", index=False)
    data.tasks.to_csv(folder / "tasks.csv", index=False)
    data.similarity.to_csv(folder / "similarity.csv", index=False)
    model = MODEL.read_text("utf-8")
    (folder / "model.toml").write_text(
        model.replace("crossed = []", 'crossed = ["target"]') if pairs else model
    )
    (folder / "truth.json").write_text(json.dumps(TRUTH | (PAIRS if pairs else {})))


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description="Simulate scores after sequences of tasks.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--pairs", action="store_true")
    given = parser.parse_args()
    write(given.folder, given.seed, given.seeds, pairs=given.pairs)


if __name__ == "__main__":
    main()
