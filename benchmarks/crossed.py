"""Simulated crossed designs, and the thirteen trials of BCG vaccine: what other software can fit as well.

    y = 0.5 + 0.05 x + sum over factors a[level] + e

    python crossed.py FOLDER full                                   2,000 rows, every combination once
    python crossed.py FOLDER random --rows 75000 --levels 3000 1000    each row a random pair
    python crossed.py FOLDER bcg                                    13 log risk ratios

writes `results.csv`, `model.toml` and `truth.json` (empty for real data).
"""

import argparse
import itertools
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MODELS = Path(__file__).parent / "models"
FULL = {"backbone": 10, "task": 20, "language": 10}
RANDOM = ("evaluation", "system")
FIXED = {"1": 0.5, "x": 0.05, "residual": 0.03}
SPREAD = {"backbone": 0.05, "task": 0.10, "language": 0.08, "evaluation": 0.10, "system": 0.05}

TRIALS = (
    (4, 119, 11, 128, 44), (6, 300, 29, 274, 55), (3, 228, 11, 209, 42), (62, 13536, 248, 12619, 52),
    (33, 5036, 47, 5761, 13), (180, 1361, 372, 1079, 44), (8, 2537, 10, 619, 19),
    (505, 87886, 499, 87892, 13), (29, 7470, 45, 7232, 27), (17, 1699, 65, 1600, 42),
    (186, 50448, 141, 27197, 18), (5, 2493, 3, 2338, 33), (27, 16886, 29, 17825, 33),
)  # fmt: skip
"""Colditz et al. 1994: cases and non-cases of the vaccinated, the same of controls, absolute latitude."""


def full(seed: int) -> pd.DataFrame:
    """Draw the design that has every combination of levels once."""
    codes = np.array(list(itertools.product(*(range(count) for count in FULL.values()))))
    return _outcomes(FULL, codes, np.random.default_rng(seed))


def random(rows: int, levels: Sequence[int], seed: int) -> pd.DataFrame:
    """Draw rows that each pair a random evaluation set with a random system."""
    rng = np.random.default_rng(seed)
    counts = dict(zip(RANDOM, levels, strict=True))
    codes = np.column_stack([rng.integers(0, count, rows) for count in counts.values()])
    return _outcomes(counts, codes, rng)


def _outcomes(counts: Mapping[str, int], codes: NDArray[np.int64], rng: np.random.Generator) -> pd.DataFrame:
    x = rng.standard_normal(len(codes))
    x -= x.mean()
    y = FIXED["1"] + FIXED["x"] * x + rng.normal(0, FIXED["residual"], len(codes))
    table = pd.DataFrame({"x": x})
    for (name, count), code in zip(counts.items(), codes.T, strict=True):
        y = y + rng.normal(0, SPREAD[name], count)[code]
        labels = np.array([f"{name}{i:0{len(str(count))}d}" for i in range(count)])
        table[name] = labels[code]
    return table.assign(y=y)


def bcg() -> pd.DataFrame:
    """Return the log risk ratio of each trial, and its sampling variance."""
    cases, healthy, control_cases, control_healthy, latitude = np.array(TRIALS, dtype=float).T
    treated, controls = cases + healthy, control_cases + control_healthy
    return pd.DataFrame(
        {
            "trial": [f"t{i:02d}" for i in range(1, len(TRIALS) + 1)],
            "yi": np.log(cases / treated) - np.log(control_cases / controls),
            "vi": 1 / cases - 1 / treated + 1 / control_cases - 1 / controls,
            "ablat": latitude,
        }
    )


def write(folder: Path, design: str, rows: int, levels: Sequence[int], seed: int) -> None:
    """Write a data set, the model that fits it, and the truth."""
    folder.mkdir(parents=True, exist_ok=True)
    truth = FIXED
    if design == "bcg":
        table, model, truth = bcg(), "bcg", {}
    elif design == "full":
        table, model = full(seed), "crossed"
        truth = FIXED | {f"sd:{name}": SPREAD[name] for name in FULL}
    else:
        table, model = random(rows, levels, seed), "random"
        truth = FIXED | {f"sd:{name}": SPREAD[name] for name in RANDOM}
    table.to_csv(folder / "results.csv", index=False)
    shutil.copyfile(MODELS / f"{model}.toml", folder / "model.toml")
    (folder / "truth.json").write_text(json.dumps(truth))


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description="Write a crossed design, or the BCG trials.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("design", choices=("full", "random", "bcg"))
    parser.add_argument("--rows", type=int, default=75_000)
    parser.add_argument("--levels", type=int, nargs=2, default=(3_000, 1_000))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    write(given.folder, given.design, given.rows, given.levels, given.seed)


if __name__ == "__main__":
    main()
