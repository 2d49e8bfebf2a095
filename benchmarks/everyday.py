"""What a person waits for every day, in one run: starting, checking a table, adding it, fitting from nothing.

    python benchmarks/everyday.py [TABLE.csv] [--model TOML]...

All commands work on a copy of the project. TABLE.csv is added to it; else the first runs of a measured
experiment are, as a study of their own, at least `ROWS` rows. Every time is given as a multiple of that of
`python -c pass` and of fitting the same models to the same rows from nothing, and goes to `everyday.csv`
here.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
PROJECT = HERE.parent
PARTS, WEIGHTS = ("data", "models", "reports"), ("encoders", "made")
EXPERIMENT = "data/experiments/regimes/results.csv"
ROWS = 1000
REPEATS = 5
"""Of what takes less than a second; the median counts."""
ANOTHER_SEED = "1"
"""No fit of this seed is kept."""
MODELS = ("moderators", "order", "regimes", "robustness")


def main() -> None:
    """Measure, print a table and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("table", type=Path, nargs="?", help="what is added")
    parser.add_argument("--model", nargs="+", default=MODELS, help="the models that it touches")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for part in PARTS:
            shutil.copytree(PROJECT / part, root / part, ignore=shutil.ignore_patterns(*WEIGHTS))
        table = (asked.table or _made(root)).resolve()
        found = pd.DataFrame(_measured(root, table, asked.model), columns=["what", "seconds"])
    seconds = found["seconds"].to_numpy()
    found = found.assign(times_pass=seconds / seconds[0], times_full_fit=seconds / seconds[-1])
    print(found.to_string(index=False, float_format="{:.3g}".format))
    found.to_csv(HERE / "everyday.csv", index=False, float_format="%.3g")


def _made(root: Path) -> Path:
    """Make a table of another study from the first runs of an experiment."""
    rows = pd.read_csv(PROJECT / EXPERIMENT, dtype=str, keep_default_na=False)
    sizes = rows.groupby("run", sort=False).size().cumsum()
    first = sizes.index[: int((sizes < ROWS).sum()) + 1]
    path = root / "mine.csv"
    rows[rows["run"].isin(first)].assign(study="mine").to_csv(path, index=False)
    return path


def _measured(root: Path, table: Path, models: Sequence[str]) -> Iterator[tuple[str, float]]:
    command = [sys.executable, "-m", "taskorder"]
    chosen = [text for name in models for text in ("--model", f"models/{name}.toml")]

    def fitted(*options: str) -> float:
        fits = ([*command, "fit", "--model", f"models/{name}.toml", "--force", *options] for name in models)
        return sum(_seconds(root, fit) for fit in fits)

    yield "python -c pass", _median(root, [sys.executable, "-c", "pass"])
    yield "taskorder --help", _median(root, [*command, "--help"])
    yield "taskorder check", _median(root, [*command, "check", str(table)])
    fitted()
    yield "taskorder refit --dry-run", _seconds(root, [*command, "refit", "--dry-run", str(table), *chosen])
    yield "taskorder refit", _seconds(root, [*command, "refit", str(table), *chosen])
    _seconds(root, [*command, "refit", "--undo"])
    yield "taskorder refit --full", _seconds(root, [*command, "refit", "--full", str(table), *chosen])
    yield "taskorder fit, each model from nothing", fitted("--seed", ANOTHER_SEED)


def _median(root: Path, command: Sequence[str]) -> float:
    return sorted(_seconds(root, command) for _ in range(REPEATS))[REPEATS // 2]


def _seconds(root: Path, command: Sequence[str]) -> float:
    environment = {**os.environ, "TASKORDER_ROOT": str(root), "OPENBLAS_NUM_THREADS": "1"}
    began = time.perf_counter()
    subprocess.run(command, cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
