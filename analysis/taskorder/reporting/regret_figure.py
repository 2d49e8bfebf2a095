"""The figure of what choices cost: regret against the number of intermediate tasks that are tried."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from taskorder.choosing.curve import RANDOM
from taskorder.choosing.evaluating import MODEL
from taskorder.reporting.names import plain
from taskorder.reporting.style import (
    BLUE,
    GREY,
    OCHRE,
    SMALL,
    TEXT_WIDTH,
    Picture,
    finish,
    house_style,
    new_figure,
)

Floats = NDArray[np.float64]

APART = 0.055
"""Between two labels at the least, as a share of the axis."""
HEIGHT = 72.0


def regret_curves(curve: pd.DataFrame) -> Picture:
    """Draw the mean regret of each strategy by the number of tasks that are tried, with 95 % intervals.

    Parameters
    ----------
    curve : DataFrame
        As `choosing.regret_curve` returns it. The model is drawn in blue, random choice in grey, rules of
        thumb in ochre.
    """
    tried = sorted(int(k) for k in curve["tried"].unique())
    first = curve[curve["tried"] == tried[0]].sort_values("regret")
    with house_style():
        figure = new_figure(TEXT_WIDTH, HEIGHT)
        axes: Axes = figure.subplots()
        _axes(axes, curve, tried)
        shifts = 0.05 * (np.arange(len(first)) - (len(first) - 1) / 2)
        for strategy, shift in zip(first["strategy"], shifts, strict=True):
            own = curve[curve["strategy"] == strategy].sort_values("tried")
            _line(axes, own, float(shift), _colour(str(strategy)))
        places = spread(first["regret"].to_numpy(float), APART * float(np.diff(axes.get_ylim())[0]))
        edge = tried[0] + float(shifts[0]) - 0.1
        for strategy, shift, y, place in zip(first["strategy"], shifts, first["regret"], places, strict=True):
            colour = _colour(str(strategy))
            axes.plot([edge - 0.1, edge, tried[0] + shift], [place, y, y], color=colour, linewidth=0.4)
            label = plain(str(strategy))
            axes.text(edge - 0.14, place, label, color=colour, size=SMALL + 0.5, va="center", ha="right")
        return finish(figure, "Mean regret of each strategy against the number of tasks that are tried")


def _colour(strategy: str) -> str:
    return {MODEL: BLUE, RANDOM: GREY}.get(strategy, OCHRE)


def _line(axes: Axes, own: pd.DataFrame, shift: float, colour: str) -> None:
    x, y = own["tried"] + shift, own["regret"]
    width = 1.5 if colour == BLUE else 0.9
    axes.plot(x, y, color=colour, linewidth=width, linestyle=(0, (4, 2)) if colour == GREY else "-")
    axes.vlines(x, own["lower"], own["upper"], color=colour, linewidth=0.6)
    axes.plot(x, y, "o", color="white", markeredgecolor=colour, markeredgewidth=0.9, markersize=3.2)


def _axes(axes: Axes, curve: pd.DataFrame, tried: list[int]) -> None:
    axes.axhline(0.0, color=GREY, linewidth=0.6, zorder=0)
    axes.set_xticks(tried, [str(k) for k in tried])
    axes.set_xlim(tried[0] - 1.9, tried[-1] + 0.3)
    ends = curve[["regret", "lower", "upper"]]
    axes.set_ylim(min(0.0, float(ends.min().min())), 1.03 * float(ends.max().max()))
    axes.set_xlabel("intermediate tasks that are tried")
    axes.set_ylabel("regret, points")
    axes.spines["left"].set_visible(True)
    axes.tick_params("y", length=2.5, width=0.5, labelsize=SMALL)


def spread(wanted: Floats, apart: float) -> Floats:
    """Return places in ascending order that are at least so far apart, each as near to its own as may be.

    Least squares under an order, by pooling those that push one another (isotonic regression).
    """
    shifted = wanted - apart * np.arange(len(wanted))
    pools: list[list[float]] = []
    for value in shifted:
        pools.append([float(value)])
        while len(pools) > 1 and np.mean(pools[-2]) > np.mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    level = np.concatenate([np.full(len(pool), np.mean(pool)) for pool in pools])
    return level + apart * np.arange(len(wanted))
