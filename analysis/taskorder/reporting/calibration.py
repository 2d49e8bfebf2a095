"""How well the engines are calibrated: the tables of `taskorder calibrate`, drawn and in figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from taskorder.inference.criticism import ledger
from taskorder.inference.criticism.calibration import LEVELS, of_present_state, places
from taskorder.inference.criticism.uniformity import band, ecdf, grid
from taskorder.inference.fitting import Fit
from taskorder.reporting import names
from taskorder.reporting.content import Cell, Column, Mark, Table
from taskorder.reporting.style import (
    BAND,
    BLUE,
    FULL_WIDTH,
    GREY,
    OCHRE,
    SMALL,
    Picture,
    finish,
    house_style,
    new_figure,
)
from taskorder.reporting.wording import MINUS, count, number, sentence_case

RANKS = "_ranks.csv"
_ACROSS = 5
_PANEL_HEIGHT = 25.0


@dataclass(frozen=True)
class Calibrated:
    """A calibration as its two files tell it.

    Attributes
    ----------
    model, engine : str
    summary : DataFrame
        One row a parameter; see `criticism.calibration.COLUMNS`.
    ranks : DataFrame
        One row a data set; see `criticism.ledger`.
    """

    model: str
    engine: str
    summary: pd.DataFrame
    ranks: pd.DataFrame

    @property
    def outside(self) -> int:
        """How many parameters leave the band."""
        return int((~self.summary["inside"]).sum())

    def families(self) -> dict[str, list[str]]:
        """Return the parameters by what they are: the levels of an estimand or of the residual are one."""
        found: dict[str, list[str]] = {}
        for name in self.summary["parameter"].astype(str):
            found.setdefault(_family(name), []).append(name)
        return found


def _family(parameter: str) -> str:
    if parameter.startswith("residual:"):
        return "residual:"
    return parameter.split("[")[0] if parameter.endswith("]") else parameter


def read(folder: Path) -> list[Calibrated]:
    """Read the calibrations of a folder, by model and engine; those without a summary are not done yet."""
    found: list[Calibrated] = []
    for path in sorted(folder.glob(f"*{RANKS}")):
        name = path.name.removesuffix(RANKS)
        summary = folder / f"{name}.csv"
        if summary.is_file():
            model, _, engine = name.rpartition("_")
            table = pd.read_csv(summary, dtype={"state": "str"})
            found.append(_of_files(model, engine, table, ledger.read(path)))
    return found


def _of_files(model: str, engine: str, summary: pd.DataFrame, ranks: pd.DataFrame) -> Calibrated:
    """Put the two files together: the ranks may be of more data sets than the summary."""
    return Calibrated(model, engine, summary, ranks[ranks["data_set"] < int(summary["data_sets"].iloc[0])])


def earlier(one: Calibrated, fit: Fit) -> str:
    """Say that a calibration is of another state than a fit; nothing if it is of the same."""
    if of_present_state(one.summary, fit):
        return ""
    return "This is of an earlier state of model, data or code, and does not count for the present one."


def overview(found: Sequence[Calibrated]) -> Table:
    """Return a row for each model and engine: how many data sets, how many failed, what left the band."""
    columns = (
        Column("Model"),
        Column("Engine"),
        Column("Cells", "number"),
        Column("Data sets", "number"),
        Column("Failed fits", "number"),
        Column("95 % intervals that hold the truth", "number"),
        Column("Parameters", "number"),
        Column("Outside the band", "number"),
        Column("By chance", "number"),
    )
    rows: list[tuple[Cell, ...]] = []
    for one in found:
        first = one.summary.iloc[0]
        rows.append(
            (
                sentence_case(names.plain(one.model)),
                one.engine,
                count(int(first["cells"])),
                count(int(first["data_sets"])),
                count(int(first["failed"])),
                _range(one.summary["coverage_95"]),
                count(len(one.summary)),
                count(one.outside),
                number(0.05 * len(one.summary), 1),
            )
        )
    return Table(columns, tuple(rows), wide=True)


def coverage(one: Calibrated) -> Table:
    """Return a row for each parameter: coverage of three intervals, and how uniform its ranks are."""
    error = ", ".join(number(100 * float(one.summary[f"error_{level}"].iloc[0]), 1) for level in LEVELS)
    columns = (
        Column("Parameter", width="1fr"),
        *(Column(f"{level} %", "number") for level in LEVELS),
        Column("Deviation", "number"),
        Column("p", "number"),
        Column("Ranks", "mark"),
    )
    table = one.summary.set_index("parameter")
    rows = tuple(_coverage_row(family, table.loc[own]) for family, own in one.families().items())
    return Table(
        columns,
        rows,
        caption=f"Share of intervals that hold the truth, in percent; Monte Carlo errors {error}. Deviation:"
        " the largest distance of the ranks' distribution function from that of uniform ranks; p: how often"
        " uniform ranks stray as far. For the levels of a group: the range.",
        wide=True,
    )


def _coverage_row(family: str, own: pd.DataFrame) -> tuple[Cell, ...]:
    outside = int((~own["inside"]).sum())
    levels = f", {len(own)} levels" if len(own) > 1 else ""
    word = f"{outside} outside" if len(own) > 1 and outside else "outside" if outside else "uniform"
    return (
        sentence_case(label(family)) + levels,
        *(_range(own[f"coverage_{level}"]) for level in LEVELS),
        number(float(own["max_deviation"].max()), 3),
        number(float(own["p"].min()), 3),
        Mark("fail" if outside else "pass", word),
    )


def label(family: str) -> str:
    """Return a parameter or an estimand in words."""
    if family == "residual:":
        return "residual sds"
    if family.startswith(("sd:", "residual")):
        text = names.parameter_of(family)
        return f"sd, {text}" if family.startswith("sd:") and family != "sd:residual" else text
    return names.term(family)


def _range(shares: pd.Series) -> str:
    low, high = (number(100 * float(share), 1) for share in (shares.min(), shares.max()))
    return low if low == high else f"{low}–{high}"


def panels(one: Calibrated) -> Picture:
    """Draw the ranks' distribution function less that of uniform ranks, with the simultaneous 95 % band.

    Only fits that passed their diagnostics count. A curve above zero on the left says that the truth is too
    often below the draws; one that is above zero on the left and below it on the right, that intervals are
    too narrow.
    """
    passed = one.ranks[one.ranks["ok"] == 1]
    lower, upper = band(len(passed))
    inside = dict(zip(one.summary["parameter"], one.summary["inside"], strict=True))
    families = one.families()
    across = min(_ACROSS, len(families))
    down = -(-len(families) // across)
    with house_style():
        figure = new_figure(FULL_WIDTH, _PANEL_HEIGHT * down + 6.0)
        grid_of_axes = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel()
        for axes, (family, own) in zip(grid_of_axes, families.items(), strict=False):
            axes.fill_between(grid(), lower - grid(), upper - grid(), color=BAND, linewidth=0, zorder=-1)
            for name in sorted(own, key=lambda name: not inside[name]):
                _curve(axes, places(passed, name), held=bool(inside[name]))
            axes.set_title(sentence_case(label(family)), style="italic", size=SMALL)
            _axes(axes)
        for axes in grid_of_axes[len(families) :]:
            axes.set_visible(False)
        for axes in grid_of_axes[max(len(families) - across, 0) : len(families)]:
            axes.tick_params("x", labelbottom=True)
        alt = f"Ranks of the truth among the draws of {one.engine}, {one.model}: {one.outside} leave the band"
        return finish(figure, alt)


def _curve(axes: Axes, place: pd.Series, *, held: bool) -> None:
    x = np.concatenate([[0.0], grid(), [1.0]])
    y = np.concatenate([[0.0], ecdf(place.to_numpy()) - grid(), [0.0]])
    axes.plot(x, y, color=BLUE if held else OCHRE, linewidth=0.8, alpha=0.8)


def _axes(axes: Axes) -> None:
    axes.axhline(0.0, color=GREY, linewidth=0.5, zorder=0)
    axes.set_xticks([0, 0.5, 1], ["0", "½", "1"])
    axes.spines["left"].set_visible(True)
    axes.tick_params("y", length=2.5, width=0.5, labelsize=SMALL)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", MINUS))
