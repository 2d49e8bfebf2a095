"""What the rows themselves say of the order of tasks, before any model: the scores of each order of one set.

A set is what several sequences of one study have in common but for their order. Scores of one block (study,
system, target, language, seed: whatever else the model tells apart) are compared within it: each less the
mean over the orders of its set.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from taskorder.inference.fitting import Fit
from taskorder.reporting.estimates import outcome_unit
from taskorder.reporting.names import plural
from taskorder.reporting.style import (
    BLUE,
    FULL_WIDTH,
    GREY,
    OCHRE,
    RULE,
    SMALL,
    Picture,
    finish,
    house_style,
    new_figure,
)  # fmt: skip
from taskorder.reporting.wording import MINUS, count, counted, listed
from taskorder.results.sequences import parse, task_set

Floats = NDArray[np.float64]

NO_BLOCK = {"sequence", "run", "order", "recency", "difficulty_tau", "difficulty", "similarity"}
"""Columns in which the orders of one set may differ."""
ORDERS, PANELS, ACROSS = 6, 6, 2
"""How many orders of a set, and how many sets, are drawn at the most; and panels beside each other."""
FEW = 4
"""Levels of a column that the caption names."""
PERTURBED = "perturbed"
"""The column that says whether a text was perturbed; scores of one block may differ in it."""
_ROW, _HEAD = 4.6, 15.0


@dataclass(frozen=True)
class Compared:
    """The orders of one set of tasks in one study, from the lowest mean to the highest.

    Attributes
    ----------
    study, tasks : str
    orders : tuple of str
    points : tuple of array
        Of each order: how far its scores are above the mean of their block.
    pooled : dict of str to tuple of str
        In which columns its blocks differ, and what they have there.
    replicated : bool
        Whether an order has several scores in a block.
    """

    study: str
    tasks: str
    orders: tuple[str, ...]
    points: tuple[Floats, ...]
    pooled: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    replicated: bool = False

    @property
    def means(self) -> Floats:
        """The mean of each order."""
        return np.array([values.mean() for values in self.points])

    @property
    def scores(self) -> int:
        """How many scores there are."""
        return sum(len(values) for values in self.points)


def compared(fit: Fit) -> tuple[Compared, ...]:
    """Return the sets of tasks that were trained in several orders, those with the most scores first."""
    data = fit.tree["constant_data"].to_dataset()
    if fit.spec.sequence is None or not {"study", "sequence"} <= set(map(str, data.data_vars)):
        return ()
    columns = [str(name) for name in data.data_vars if data[name].dtype.kind == "U"]
    cells = pd.DataFrame({name: data[name].to_numpy().astype(str) for name in columns})
    sets = {text: task_set(parse(text)) for text in cells["sequence"].unique()}
    several = {text for text in sets if len(parse(text)) > 1}
    factor = float(fit.manifest["points_per_unit"])
    cells = cells.assign(
        tasks=cells["sequence"].map(sets), points=fit.tree["observed_data"]["mean"].to_numpy() * factor
    )
    found = _sets(cells[cells["sequence"].isin(several)], [name for name in columns if name not in NO_BLOCK])
    return tuple(sorted(found, key=lambda one: (-one.scores, one.study, one.tasks)))


def _sets(cells: pd.DataFrame, block: Sequence[str]) -> Iterator[Compared]:
    by_block = cells.groupby(list(block) + (["tasks"] if "tasks" not in block else []))
    shared = cells[by_block["sequence"].transform("nunique") > 1]
    if shared.empty:
        return
    of_order = shared.groupby([*block, "tasks", "sequence"])["points"].transform("mean")
    blocks = shared.assign(points=of_order).drop_duplicates([*block, "tasks", "sequence"])
    middle = blocks.groupby([*block, "tasks"])["points"].mean().rename("middle").reset_index()
    rows = shared.merge(middle, on=[*block, "tasks"])
    rows = rows.assign(above=rows["points"] - rows["middle"])
    for (study, tasks), own in rows.groupby(["study", "tasks"]):
        by_order = {str(name): part["above"].to_numpy(float) for name, part in own.groupby("sequence")}
        names = sorted(by_order, key=lambda name: by_order[name].mean())
        points = tuple(by_order[name] for name in names)
        values = {name: tuple(map(str, own[name].unique())) for name in block}
        pooled = {name: several for name, several in values.items() if len(several) > 1}
        replicated = bool(own.duplicated([*block, "sequence"]).any())
        yield Compared(str(study), str(tasks), tuple(names), points, pooled, replicated)


def drawn(found: Compared) -> Compared:
    """Return the set with its extreme orders only, where there are too many."""
    if len(found.orders) <= ORDERS:
        return found
    half = ORDERS // 2
    kept = [*range(half), *range(len(found.orders) - half, len(found.orders))]
    orders, points = (tuple(values[i] for i in kept) for values in (found.orders, found.points))
    return replace(found, orders=orders, points=points)


def picture(found: Sequence[Compared]) -> Picture:
    """Draw the orders of each set against their scores: every score, and the mean of each order."""
    shown = [drawn(one) for one in found[:PANELS]]
    across = min(ACROSS, len(shown))
    down = -(-len(shown) // across)
    tallest = max(len(one.orders) for one in shown)
    with house_style():
        figure = new_figure(FULL_WIDTH, down * (_HEAD + _ROW * tallest))
        panels = figure.subplots(down, across, sharex=True, squeeze=False).ravel()
        for axes, one in zip(panels, shown, strict=False):
            _panel(axes, one, tallest)
        for axes in panels[len(shown) :]:
            axes.set_visible(False)
        for axes in panels[max(len(shown) - across, 0) : len(shown)]:
            axes.tick_params("x", labelbottom=True)
            axes.set_xlabel("points above the mean of the orders")
        return finish(figure, "Scores of each order of the same tasks, less the mean over the orders")


def _panel(axes: Axes, one: Compared, tallest: int) -> None:
    axes.axvline(0.0, color=GREY, linewidth=0.6, zorder=0)
    for place, values in enumerate(one.points):
        axes.axhline(place, color=RULE, linewidth=0.3, zorder=0)
        spread = 0.24 * (np.arange(len(values)) % 3 - 1)
        axes.plot(
            values,
            place + spread,
            "o",
            color="none",
            markeredgecolor=OCHRE,
            markeredgewidth=0.6,
            markersize=2.6,
        )
    axes.plot(one.means, range(len(one.orders)), "o", color=BLUE, markersize=4.2)
    axes.set_yticks(range(len(one.orders)), [name.replace(">", " › ") for name in one.orders], size=SMALL)
    axes.set_ylim(len(one.orders) - tallest - 0.6, len(one.orders) - 0.4)
    axes.set_title(one.study, style="italic")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", MINUS))


def caption(found: Sequence[Compared], fit: Fit) -> str:
    """Say what the drawing of the orders shows, and what it leaves out."""
    widest = max(found, key=lambda one: float(np.ptp(one.means)))
    text = (
        f"The orders of the same tasks, before any model: each score (open) less the mean of all orders in"
        f" its block, in {outcome_unit(fit)}, and the mean of each order (full). The largest difference"
        f" between the means of two orders is {np.ptp(widest.means):.1f}, in {widest.study}, of"
        f" {counted(widest.scores, 'score')}.{_pooled(found[:PANELS], fit)}"
    )
    if len(found) > PANELS:
        text += f" Drawn are the {PANELS} of {count(len(found))} sets with the most scores."
    if any(len(one.orders) > ORDERS for one in found[:PANELS]):
        text += f" Of sets with more than {ORDERS} orders the lowest and the highest are drawn."
    return text


def _pooled(shown: Sequence[Compared], fit: Fit) -> str:
    """Say what else differs between the scores of a panel."""
    values: dict[str, list[str]] = {}
    for one in shown:
        for name, found in one.pooled.items():
            values.setdefault(name, []).extend(found)
    parts = [_of_column(name, sorted(set(found))) for name, found in values.items()]
    if any(one.replicated for one in shown):
        perturbed = any(PERTURBED in term.split(":") for term in fit.spec.fixed.terms)
        parts.append("runs on clean and on perturbed text" if perturbed else "runs")
    return f" A panel pools {listed(parts)}." if parts else ""


def _of_column(name: str, values: Sequence[str]) -> str:
    few = len(values) <= FEW
    return f"{plural(name)} ({listed(values)})" if few else f"{count(len(values))} {plural(name)}"
