"""Draw scaling.png from results.csv: seconds by rows, and by levels of the groups."""

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from cases import HERE

STYLE = {"taskorder, collapsed": ("C0", "o"), "taskorder, nuts": ("C1", "s")}
LEVELS, ROWS = 40, 100_000


def draw() -> None:
    """Draw both panels."""
    table = pd.read_csv(HERE / "results.csv")
    table = table[(table["case"] == "scaling") & table["sample_s"].notna()]
    table = table.assign(engine_s=table["compile_s"].fillna(0) + table["sample_s"])
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    panel(left, table[table["levels"] == LEVELS], "rows", f"rows ({LEVELS} levels)")
    panel(right, table[table["rows"] == ROWS], "levels", f"levels of two crossed groups ({ROWS:,} rows)")
    left.set_ylabel("seconds")
    left.legend(frameon=False, fontsize=8)
    figure.savefig(HERE / "scaling.png", dpi=150, metadata={"Software": None})


def panel(axes: Axes, table: pd.DataFrame, by: str, label: str) -> None:
    """Draw the engine's seconds, and those of the whole process, of every engine."""
    for engine, (colour, marker) in STYLE.items():
        chosen = table[table["engine"] == engine].sort_values(by)
        if chosen.empty:
            continue
        for column, line, what in (("engine_s", "-", "engine"), ("process_s", ":", "whole process")):
            axes.plot(
                chosen[by],
                chosen[column],
                line,
                color=colour,
                marker=marker,
                markersize=4,
                label=f"{engine}: {what}",
            )
    axes.set(xscale="log", yscale="log", xlabel=label)
    axes.set_xticks(sorted(table[by].unique()))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.grid(alpha=0.3)


if __name__ == "__main__":
    draw()
