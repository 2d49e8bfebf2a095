"""Do runs that `taskorder design` chooses shrink intervals faster than runs chosen by chance?

    python benchmarks/designing.py RESULTS.csv --study NAME --label WORD [--split N] ...
    python benchmarks/designing.py --draw

Half of the runs of a finished experiment are held back. Then some of them come back at a time, once those
that are chosen by what they would tell and several times any of them; the model is fitted to the real rows of
all that have come, and the width of the 95 % interval is written down, beside the width that was foretold.
Every call adds its lines to designing.csv; `--draw` draws docs/design.png from it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from taskorder.choosing.designing import Asked, greedy
from taskorder.choosing.outlook import outlook
from taskorder.choosing.runs import Run, laid_out, made, number_of
from taskorder.inference.engines import collapsed, importance
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
DRAWS = 800
COLUMNS = ["data", "estimand", "split", "way", "repeat", "runs", "width", "foretold"]


def rows_of(table: pd.DataFrame, runs: Sequence[Run], study: str) -> pd.DataFrame:
    """Return the rows of some runs."""
    wanted = {(r.backbone, r.tuning, r.sequence, r.target, r.seed) for r in runs}
    own = table[table["study"] == study]
    keys = own[["backbone", "tuning", "sequence", "target", "seed"]].itertuples(index=False, name=None)
    return own[[key in wanted for key in keys]]


def widths(table: pd.DataFrame, spec: ModelSpec, names: Sequence[str], known: Covariates) -> dict[str, float]:
    """Fit the model, and return the widths of the intervals of some estimands, by weighted proposals."""
    design = build_design(select_rows(table, spec, known), spec, known)
    rng = np.random.default_rng(1)
    with threadpool_limits(limits=1, user_api="blas"):
        start = mode(density(design, spec), design)
        proposal = collapsed.proposal_about(start)
        u = proposal.draw(DRAWS, rng)
        weight, _ = importance.weights(collapsed.bounded(start.density)(u) - proposal.log_density(u))
        kept = u[:, rng.choice(DRAWS, DRAWS, p=weight / weight.sum())]
        _, coefficients = start.density.drawn(kept, rng)
    posterior = collapsed.posterior_of(design, start.density, kept[:, None], coefficients[:, None])
    found = estimands(posterior, design, spec)
    tail = (1.0 - INTERVAL) / 2
    ends = {name: np.quantile(found[name].to_numpy(), [tail, 1.0 - tail]) for name in names}
    return {name: float(high - low) for name, (low, high) in ends.items()}


def chosen(
    table: pd.DataFrame,
    there: Sequence[Run],
    held: Sequence[Run],
    arguments: argparse.Namespace,
    spec: ModelSpec,
    name: str,
    known: Covariates,
) -> tuple[list[Run], float]:
    """Return the runs that are chosen of those held back, and the width that is foretold."""
    seen = rows_of(table, there, arguments.study)
    new, _ = laid_out(held, seen, arguments.study)
    rows = select_rows(pd.concat([seen, new], ignore_index=True), spec, known)
    found = outlook(
        rows, number_of(rows["run"]).to_numpy(dtype=np.int64), spec, name, known, seed=1, draws=400
    )
    best, foretold = greedy(found, held, [], Asked(arguments.step))
    return [held[i] for i in best], float(foretold[-1])


def curves(arguments: argparse.Namespace) -> None:
    """Write the widths along both ways for one split."""
    spec = read_model(arguments.model or resource("models/order.toml"))
    known = covariates(arguments.tasks, arguments.similarity)
    table = read(arguments.results).frame
    rng = np.random.default_rng([arguments.split, 7])
    runs = list(made(table, arguments.study))
    order = [runs[i] for i in rng.permutation(len(runs))]
    there, held = order[: len(order) // 2], order[len(order) // 2 :]

    def note(name: str, way: str, repeat: int, count: int, width: float, foretold: float = np.nan) -> None:
        line = (arguments.label, name, arguments.split, way, repeat, count, width, foretold)
        frame = pd.DataFrame([line], columns=COLUMNS)
        frame.to_csv(TABLE, mode="a", header=not TABLE.exists(), index=False, float_format="%.5g")

    names = arguments.estimand
    begun = widths(rows_of(table, there, arguments.study), spec, names, known)
    for name in names if "design" in arguments.way else ():
        have, left = list(there), list(held)
        note(name, "design", 0, len(have), begun[name])
        for _ in range(arguments.steps):
            new, foretold = chosen(table, have, left, arguments, spec, name, known)
            have, left = have + new, [run for run in left if run not in new]
            width = widths(rows_of(table, have, arguments.study), spec, [name], known)[name]
            note(name, "design", 0, len(have), width, foretold)
    for repeat in range(arguments.repeats if "random" in arguments.way else 0):
        shuffled = [held[i] for i in rng.permutation(len(held))]
        for step in range(arguments.steps + 1):
            have = there + shuffled[: step * arguments.step]
            rows = rows_of(table, have, arguments.study)
            found = widths(rows, spec, names, known) if step else begun
            for name in names:
                note(name, "random", repeat, len(have), found[name])


def draw() -> None:
    """Draw the mean width along each way, as a share of the first, and the range over splits and repeats."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    table = pd.read_csv(TABLE)
    begun = table.groupby(["data", "estimand", "split", "way", "repeat"])["width"].transform("first")
    table = table.assign(share=table["width"] / begun, foretold_share=table["foretold"] / begun)
    panels = list(table.groupby(["data", "estimand"], sort=False))
    figure, axes = plt.subplots(1, len(panels), figsize=(3.4 * len(panels), 3.2), layout="constrained")
    for axis, ((data, name), rows) in zip(np.atleast_1d(axes), panels, strict=True):
        for way, colour in (("random", "0.5"), ("design", "C0")):
            by = rows[rows["way"] == way].groupby("runs")["share"]
            axis.plot(by.mean(), color=colour, marker="o", markersize=3, label=way)
            axis.fill_between(by.mean().index, by.min(), by.max(), color=colour, alpha=0.15, linewidth=0)
        foretold = rows.dropna(subset=["foretold_share"]).groupby("runs")["foretold_share"].mean()
        axis.plot(foretold, color="C0", linestyle=":", label="design, foretold")
        axis.set(title=f"{data}: {name}", xlabel="runs", ylim=(0, None))
    np.atleast_1d(axes)[0].set_ylabel("width of the 95 % interval\n(1: with half of the runs)")
    np.atleast_1d(axes)[0].legend(frameon=False, fontsize=8)
    figure.savefig(FIGURE, dpi=130, metadata={"Software": None})


def main() -> None:
    """Add the lines of one split, or draw them all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("results", type=Path, nargs="?")
    parser.add_argument("--draw", action="store_true")
    parser.add_argument("--label", default="")
    parser.add_argument("--study", default="orders-bert")
    parser.add_argument("--estimand", action="append", required=False)
    parser.add_argument("--way", nargs="+", choices=("design", "random"), default=("design", "random"))
    parser.add_argument("--split", type=int, default=0)
    parser.add_argument("--step", type=int, default=4)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    for name in ("model", "tasks", "similarity"):
        parser.add_argument(f"--{name}", type=Path)
    arguments = parser.parse_args()
    arguments.label = arguments.label or arguments.study
    arguments.estimand = arguments.estimand or ["recency_rate"]
    if arguments.draw:
        draw()
        return
    curves(arguments)


if __name__ == "__main__":
    main()
