"""Do runs that `taskorder design` chooses shrink intervals faster than runs chosen by chance?

    python benchmarks/designing.py [--experiment NAME ...] [--estimand NAME ...] [--split N ...]
    python benchmarks/designing.py --model models/robustness.toml --experiment orders-bert --split 0 1 \\
        --estimand gap_change drop_change gain --step 5
    python benchmarks/designing.py --draw

Half of the runs of an experiment that is made are held back, split by split at random. Then some of them come
back at a time: those that are chosen by what they would tell, or any of them. The model is fitted to the real
rows of all that have come, and the width of the 95 % interval is written down. The rule `foretold` has
the width that was foretold of the runs chosen, from what had come before them.

Each width is a row of designing.csv as soon as it is known. Rows that are there are not made again, so that a
call that was ended is continued by the same call, and parts can be made one by one. A summary comes last. A
fit takes a few seconds of one core, a choice some 20: all that is asked for by default takes two hours.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from taskorder.choosing.ahead.outlook import outlook
from taskorder.choosing.designing import Asked, greedy
from taskorder.choosing.runs import Run, laid_out, made, number_of
from taskorder.inference.engines import collapsed
from taskorder.inference.engines.density import density
from taskorder.inference.engines.mode import mode
from taskorder.inference.estimands import estimands
from taskorder.inference.fitting import select_rows
from taskorder.inference.layout.design import build_design
from taskorder.inference.spec import ModelSpec, read_model
from taskorder.inference.summary import INTERVAL
from taskorder.paths import resource
from taskorder.results.catalogue import Covariates, covariates
from taskorder.results.reading import read

HERE = Path(__file__).parent
TABLE, FIGURE = HERE / "designing.csv", HERE.parent / "docs" / "design.png"
EXPERIMENTS = ("orders-bert", "orders-roberta")
ESTIMANDS = ("recency_rate", "easy_to_hard", "order_to_seed")
SPLITS = (0, 1, 2, 3, 4)
CHOSEN, RANDOM, FORETOLD = "chosen", "random", "foretold"
DRAWS = 800
COLUMNS = ["experiment", "estimand", "split", "rule", "runs", "width"]

type Key = tuple[str, str, int, str, int]
type Row = tuple[Key, float]


@dataclass(frozen=True)
class Split:
    """An experiment with half of its runs held back.

    Attributes
    ----------
    experiment : str
        The name of its folder in data/experiments, and of its study.
    number : int
    spec : ModelSpec
    known : Covariates
    step : int
        How many runs come back at a time.
    draws : int
    """

    experiment: str
    number: int
    spec: ModelSpec
    known: Covariates
    step: int
    draws: int

    @cached_property
    def table(self) -> pd.DataFrame:
        """All rows of runs that the model takes."""
        frame = read(resource(f"data/experiments/{self.experiment}/results.csv")).frame
        frame = frame[frame["study"] == self.experiment]
        return frame[frame["run"].isin(select_rows(frame, self.spec, self.known)["run"])]

    @cached_property
    def shuffled(self) -> list[Run]:
        """All runs: the first half is there from the beginning, the others may come in this order."""
        runs = list(made(self.table, self.experiment))
        return [runs[i] for i in np.random.default_rng([self.number, 7]).permutation(len(runs))]

    @property
    def half(self) -> int:
        """How many runs are there from the beginning."""
        return len(self.shuffled) // 2

    def rows_of(self, runs: Sequence[Run]) -> pd.DataFrame:
        """Return the rows of some runs."""
        wanted = {(r.backbone, r.tuning, r.sequence, r.target, r.seed) for r in runs}
        keys = self.table[["backbone", "tuning", "sequence", "target", "seed"]]
        return self.table[[key in wanted for key in keys.itertuples(index=False, name=None)]]

    def widths(self, runs: Sequence[Run], names: Sequence[str]) -> dict[str, float]:
        """Fit the model to the rows of runs, and return the widths of the intervals of some estimands."""
        design = build_design(select_rows(self.rows_of(runs), self.spec, self.known), self.spec, self.known)
        with threadpool_limits(limits=1, user_api="blas"):
            start = mode(density(design, self.spec), design)
            sampled = collapsed.drawn(start, seed=1, draws=self.draws)
        posterior = collapsed.posterior_of(design, start.density, sampled.u, sampled.coefficients)
        found = estimands(posterior, design, self.spec)
        tail = (1.0 - INTERVAL) / 2
        ends = {name: np.quantile(found[name].to_numpy(), [tail, 1.0 - tail]) for name in names}
        return {name: float(high - low) for name, (low, high) in ends.items()}

    def chosen(self, there: Sequence[Run], held: Sequence[Run], name: str) -> tuple[list[Run], float]:
        """Return the runs that are chosen of those held back, and the width that is foretold."""
        seen = self.rows_of(there)
        new, _ = laid_out(held, seen, self.experiment)
        rows = select_rows(pd.concat([seen, new], ignore_index=True), self.spec, self.known)
        number = number_of(rows["run"]).to_numpy(dtype=np.int64)
        found = outlook(rows, number, self.spec, name, self.known, seed=1, draws=self.draws // 5)
        best, foretold = greedy(found, held, [], Asked(self.step))
        return [held[i] for i in best], float(foretold[-1])

    def by_chance(self, names: Sequence[str], steps: int, known: set[Key]) -> Iterator[Row]:
        """Yield the widths of all estimands after each step of random runs."""
        for step in range(steps + 1):
            have = self.shuffled[: self.half + step * self.step]
            keys = {name: (self.experiment, name, self.number, RANDOM, len(have)) for name in names}
            if missing := [name for name, key in keys.items() if key not in known]:
                for name, width in self.widths(have, missing).items():
                    yield keys[name], width

    def by_design(self, name: str, steps: int, known: set[Key]) -> Iterator[Row]:
        """Yield the widths of one estimand after each step of chosen runs, and those foretold."""
        have, left = self.shuffled[: self.half], self.shuffled[self.half :]

        def key(rule: str) -> Key:
            return (self.experiment, name, self.number, rule, len(have))

        def missing_from(first: int) -> bool:
            counts = range(self.half + first * self.step, self.half + steps * self.step + 1, self.step)
            return any((*key(CHOSEN)[:4], count) not in known for count in counts)

        for step in range(steps + 1):
            if step:
                new, foretold = self.chosen(have, left, name)
                have, left = have + new, [run for run in left if run not in new]
                if key(FORETOLD) not in known:
                    yield key(FORETOLD), foretold
            if key(CHOSEN) not in known:
                yield key(CHOSEN), self.widths(have, [name])[name]
            if not missing_from(step + 1):
                return


def rows(arguments: argparse.Namespace, known: set[Key]) -> Iterator[Row]:
    """Yield all rows that were asked for and are not there."""
    spec = read_model(arguments.model or resource("models/order.toml"))
    measures = covariates(arguments.tasks, arguments.similarity)
    for number in arguments.split:
        for experiment in arguments.experiment:
            split = Split(experiment, number, spec, measures, arguments.step, arguments.draws)
            if RANDOM in arguments.rule:
                yield from split.by_chance(arguments.estimand, arguments.steps, known)
            for name in arguments.estimand if CHOSEN in arguments.rule else ():
                yield from split.by_design(name, arguments.steps, known)


def written(path: Path) -> pd.DataFrame:
    """Return the table as far as it is there."""
    return pd.read_csv(path) if path.exists() else pd.DataFrame(columns=COLUMNS)


def keys_of(table: pd.DataFrame) -> set[Key]:
    """Return which widths a table has."""
    return set(table[COLUMNS[:-1]].itertuples(index=False, name=None))


def shares(table: pd.DataFrame) -> pd.DataFrame:
    """Return widths as shares of that with half of the runs, a column a rule, and how many came back."""
    split = ["experiment", "estimand", "split"]
    ordered = table.sort_values("runs", kind="stable")
    first = ordered.groupby(split)[["runs", "width"]].transform("first")
    ordered = ordered.assign(
        half=first["runs"], back=ordered["runs"] - first["runs"], share=ordered["width"] / first["width"]
    )
    return ordered.pivot_table(index=[*split, "half", "back"], columns="rule", values="share").reset_index()


def summary(table: pd.DataFrame) -> str:
    """Return how chosen runs do beside random ones, on average over experiments, estimands and splits."""
    both = shares(table).dropna(subset=[CHOSEN, RANDOM]).query("back > 0")
    both = both.assign(
        difference=both[CHOSEN] - both[RANDOM],
        narrower=both[CHOSEN] < both[RANDOM],
        foretold_over_found=np.log(both[FORETOLD] / both[CHOSEN]),
    )
    groups = both.groupby(["half", "back"])
    found = groups[[CHOSEN, RANDOM, "difference"]].mean()
    found = found.assign(
        se=groups["difference"].sem(),
        narrower=groups["narrower"].sum(),
        of=groups.size(),
        foretold_over_found=np.exp(groups["foretold_over_found"].mean()),
    )
    return found.to_string(float_format="{:.2f}".format)


def draw(table: pd.DataFrame) -> None:
    """Draw the mean width by each rule, as a share of that with half of the runs, and its range."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    found = shares(table)
    rows, columns = found["experiment"].unique(), [*dict.fromkeys(table["estimand"])]
    size = (2.6 * len(columns), 2.5 * len(rows))
    figure, axes = plt.subplots(len(rows), len(columns), figsize=size, squeeze=False, layout="constrained")
    for row, experiment in zip(axes, rows, strict=True):
        for axis, name in zip(row, columns, strict=True):
            own = found[(found["experiment"] == experiment) & (found["estimand"] == name)]
            if own.empty:
                axis.set_axis_off()
                continue
            for rule, colour, line in ((RANDOM, "0.5", "-"), (CHOSEN, "C0", "-"), (FORETOLD, "C0", ":")):
                by = own.groupby("back")[rule]
                axis.plot(by.mean(), color=colour, linestyle=line, marker="o", markersize=3, label=rule)
                if rule != FORETOLD:
                    axis.fill_between(
                        by.mean().index, by.min(), by.max(), color=colour, alpha=0.15, linewidth=0
                    )
            axis.set_title(f"{experiment}: {name}", loc="left", fontsize=8)
            axis.set_ylim(0, None)
        row[0].set_ylabel("width (1: with half of the runs)", fontsize=8)
    figure.supxlabel("runs that came back", fontsize=8)
    axes[0, 0].legend(frameon=False, fontsize=7)
    figure.savefig(FIGURE, dpi=130, metadata={"Software": None})


def main() -> None:
    """Add the rows that are missing, and sum up; or draw them all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--experiment", nargs="+", default=EXPERIMENTS, metavar="NAME")
    parser.add_argument("--estimand", nargs="+", default=ESTIMANDS, metavar="NAME")
    parser.add_argument("--split", nargs="+", type=int, default=SPLITS, metavar="N")
    parser.add_argument("--rule", nargs="+", choices=(CHOSEN, RANDOM), default=(CHOSEN, RANDOM))
    parser.add_argument("--step", type=int, default=14, help="runs at a time; one for all calls of a table")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--draw", action="store_true")
    for name in ("model", "tasks", "similarity"):
        parser.add_argument(f"--{name}", type=Path)
    arguments = parser.parse_args()
    if not arguments.draw:
        for key, width in rows(arguments, keys_of(written(arguments.table))):
            line = pd.DataFrame([(*key, width)], columns=COLUMNS)
            new = not arguments.table.exists()
            line.to_csv(arguments.table, mode="a", header=new, index=False, float_format="%.5g")
    found = written(arguments.table)
    print(summary(found))
    if arguments.draw:
        draw(found)


if __name__ == "__main__":
    main()
