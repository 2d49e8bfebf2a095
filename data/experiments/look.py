"""Look at an experiment's table as it is, without a model: raw figures, and a few simple statistics.

    python data/experiments/look.py data/experiments/orders-bert

draws `raw.svg` beside the table (a score for each order, seed and language) and prints the statistics as
Markdown. Scores are accuracies on clean text in languages that the target was not trained in; a gain is over
direct fine-tuning with the same seed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from taskorder.results.catalogue import languages

KEY = ["backbone", "tuning", "target", "seed"]


def zero_shot(path: Path) -> pd.DataFrame:
    """Return the scores in other languages than the target's training data, with what they are grouped by."""
    table = pd.read_csv(path, keep_default_na=False)
    known = languages().set_index("language")["family"]
    table = table[(table["metric"] == "accuracy") & (table["language"] != table["train_language"])]
    steps = table["sequence"].map(lambda text: text.split(">") if text else [])
    return table.assign(
        family=table["language"].map(known),
        length=steps.map(len),
        task_set=steps.map(lambda names: "&".join(sorted(names))),
    )


def by_run(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over languages of every trained model, in points."""
    key = [*KEY, "sequence", "task_set", "length", "perturbation"]
    found = rows.groupby(key, as_index=False)["score"].mean()
    return found.assign(score=100 * found["score"])


def orders_and_seeds(runs: pd.DataFrame) -> pd.DataFrame:
    """Return, by target and length, the sd over seeds of one order, and over orders of one set of tasks.

    The variance over seeds is pooled over orders. That of the orders' means holds a share of it, which is
    taken off (analysis of variance); below zero it counts as zero.
    """
    several = runs[(runs["length"] > 1) & (runs["perturbation"] == "")]
    found: list[dict[str, object]] = []
    for (target, length), part in several.groupby(["target", "length"]):
        alike = ["backbone", "tuning", "task_set"]
        means = part.groupby([*alike, "sequence"])["score"].agg(["mean", "var", "size"])
        seeds = float(means["var"].mean())
        between = float(means.groupby(alike)["mean"].var().mean())
        orders = max(between - seeds / float(means["size"].mean()), 0.0)
        found.append(
            {
                "target": target,
                "tasks": length,
                "orders": len(means),
                "sd over seeds": seeds**0.5,
                "sd over orders": orders**0.5,
                "ratio": (orders / seeds) ** 0.5,
            }
        )
    return pd.DataFrame(found)


def gains(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the gain in points of every score over direct fine-tuning with the same seed."""
    clean = rows[rows["perturbation"] == ""]
    key = [*KEY, "language"]
    direct = clean[clean["length"] == 0].set_index(key)["score"].rename("direct")
    joined = clean[clean["length"] > 0].join(direct, on=key)
    return joined.assign(gain=100 * (joined["score"] - joined["direct"]))


def by_family(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the mean gain by language family and target, the families with most languages first."""
    found = gains(rows).pivot_table(index="family", columns="target", values="gain", aggfunc="mean")
    return found.assign(languages=rows.groupby("family")["language"].nunique()).sort_values(
        "languages", ascending=False
    )


def drawn(rows: pd.DataFrame) -> Figure:
    """Draw scores by order, and gains by language; a column a target, and a tuning."""
    runs = by_run(rows)
    parts = list(rows.groupby(["target", "tuning"]))
    tasks = _coloured({text.split(">")[-1] for text in runs["sequence"] if text}, "Dark2")
    families = _coloured(set(rows["family"]), "tab20")
    size = (5 * len(parts), 10)
    figure, axes = plt.subplots(2, len(parts), figsize=size, squeeze=False, layout="constrained")
    for column, ((target, tuning), part) in enumerate(parts):
        clean = by_run(part[part["perturbation"] == ""])
        _orders(axes[0, column], clean, tasks)
        what = f"{target}, {tuning}" if len(set(rows["tuning"])) > 1 else target
        axes[0, column].set_title(f"{what}: orders of each set of tasks", loc="left", fontsize=9)
        _languages(axes[1, column], gains(part), families)
    _key(axes[0, -1], tasks, "last task before the target")
    _key(axes[1, -1], families, "language family")
    return figure


def _coloured(names: set[str], scheme: str) -> dict[str, tuple[float, ...]]:
    return dict(zip(sorted(names), mpl.colormaps[scheme].colors * 2, strict=False))


def _key(axes: plt.Axes, colours: dict[str, tuple[float, ...]], title: str) -> None:
    handles = [plt.Line2D([], [], color=colour, linewidth=2, label=name) for name, colour in colours.items()]
    axes.legend(
        handles=handles,
        title=title,
        fontsize=7,
        title_fontsize=7,
        frameon=False,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
    )


def _orders(axes: plt.Axes, runs: pd.DataFrame, colours: dict[str, tuple[float, ...]]) -> None:
    """One column a task set, a dot a trained model, a bar the mean of an order, coloured by its last task."""
    sets = sorted(runs["task_set"].unique(), key=lambda name: (name.count("&") + bool(name), name))
    for place, name in enumerate(sets):
        orders = runs[runs["task_set"] == name].groupby("sequence")["score"]
        spread = np.linspace(-0.35, 0.35, len(orders)) if len(orders) > 1 else [0.0]
        half = 0.3 / len(orders)
        for shift, (sequence, scores) in zip(spread, orders, strict=True):
            at, colour = place + shift, colours.get(str(sequence).split(">")[-1], "black")
            axes.plot(np.full(len(scores), at), scores, ".", color="0.7", markersize=3)
            axes.plot([at - half, at + half], [scores.mean()] * 2, color=colour, linewidth=2)
    axes.set_xticks(range(len(sets)), [name.replace("&", "\n") or "direct" for name in sets], fontsize=6)
    axes.set_ylabel("mean accuracy in other languages, points")


def _languages(axes: plt.Axes, found: pd.DataFrame, colours: dict[str, tuple[float, ...]]) -> None:
    order = found.groupby("language")["gain"].mean().sort_values().index
    for place, language in enumerate(order):
        part = found[found["language"] == language]
        low, middle, high = np.percentile(part["gain"], [10, 50, 90])
        axes.plot([low, high], [place, place], color=colours[part["family"].iloc[0]], linewidth=2)
        axes.plot(middle, place, "o", color=colours[part["family"].iloc[0]], markersize=4)
    axes.axvline(0.0, color="0.7", linewidth=0.8)
    axes.set_yticks(range(len(order)), order, fontsize=7)
    axes.set_xlabel("gain over direct, points: median, middle 80 %")


def main() -> None:
    """Print the statistics and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiment", type=Path, help="a folder with a results.csv")
    folder = parser.parse_args().experiment
    rows = zero_shot(folder / "results.csv")
    counts = rows[["run", "language", "family", "seed"]].nunique()
    print(f"{len(rows):,} zero-shot scores; {', '.join(f'{n:,} {name}' for name, n in counts.items())}\n")
    tables = [orders_and_seeds(by_run(rows))] if counts["seed"] > 1 else []
    for table in (*tables, by_family(rows).reset_index()):
        print(markdown(table), end="\n\n")
    mpl.rcParams["svg.hashsalt"] = folder.name
    drawn(rows).savefig(folder / "raw.svg", metadata={"Date": None})


def markdown(table: pd.DataFrame) -> str:
    """Return a table as Markdown, numbers with two decimals."""
    text = table.map(lambda cell: f"{cell:.2f}" if isinstance(cell, float) else str(cell))
    lines = [list(map(str, table.columns)), ["---"] * table.shape[1], *text.to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
