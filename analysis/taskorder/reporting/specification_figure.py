"""The figure of a specification curve: the estimate under every analysis, and what was done otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from taskorder.reporting.specification import KINDS, Choice, Curve
from taskorder.reporting.style import (
    BAND,
    BLUE,
    GREY,
    INK,
    OCHRE,
    RULE,
    SMALL,
    TEXT_WIDTH,
    Picture,
    finish,
    house_style,
    new_figure,
)  # fmt: skip
from taskorder.reporting.wording import MINUS, short_unit

_UPPER, _ROW = 34.0, 3.7
"""Height of the curve, and of a row of the matrix below it, in mm."""


def specification(found: Curve) -> Picture:
    """Draw a specification curve.

    Parameters
    ----------
    found : Curve
        The registered analysis is black, one that flips the decision ochre, the others blue. Shaded is the
        region of practical equivalence.
    """
    shown, kinds = found.sorted(), found.kinds()
    with house_style():
        lower = _ROW * len(kinds)
        figure = new_figure(TEXT_WIDTH, _UPPER + lower)
        curve, matrix = figure.subplots(2, 1, sharex=True, height_ratios=[_UPPER, lower])
        _curve(curve, shown, found)
        _matrix(matrix, shown, kinds)
        at = shown.index(found.registered)
        for axes in (curve, matrix):
            axes.axvline(at, color=RULE, linewidth=0.6, zorder=0)
        return finish(figure, f"{found.claim.estimand} under {len(shown)} analyses, in ascending order")


def _curve(axes: Axes, shown: Sequence[Choice], found: Curve) -> None:
    claim = found.claim
    if claim.rope > 0:
        axes.axhspan(claim.at - claim.rope, claim.at + claim.rope, color=BAND, linewidth=0, zorder=-1)
    axes.axhline(claim.at, color=GREY, linewidth=0.6, zorder=0)
    for place, one in enumerate(shown):
        colour = INK if one is found.registered else OCHRE if one.flipped else BLUE
        face = colour if one is found.registered else "white"
        width = 1.3 if one is found.registered else 0.8
        axes.vlines(place, one.lower, one.upper, color=colour, linewidth=width)
        axes.plot(
            [place], [one.mean], "o", color=face, markeredgecolor=colour, markeredgewidth=0.9, markersize=3.4
        )
    axes.set_ylabel(short_unit(found.unit))
    axes.set_xlim(-0.8, len(shown) - 0.2)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.spines["left"].set_visible(True)
    axes.tick_params("y", length=2.5, width=0.5, labelsize=SMALL)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", MINUS))


def _matrix(axes: Axes, shown: Sequence[Choice], kinds: Sequence[str]) -> None:
    for row in range(len(kinds)):
        axes.axhline(row, color=RULE, linewidth=0.3, zorder=0)
    x = np.array([place for place, one in enumerate(shown) if one.kind])
    y = np.array([kinds.index(one.kind) for one in shown if one.kind])
    flipped = np.array([one.flipped for one in shown if one.kind])
    for chosen, colour in ((~flipped, BLUE), (flipped, OCHRE)):
        axes.plot(x[chosen], y[chosen], "s", color=colour, markersize=3.0, markeredgewidth=0)
    axes.set_yticks(range(len(kinds)), [KINDS.get(kind, kind) for kind in kinds], size=7.5)
    axes.set_ylim(len(kinds) - 0.4, -0.6)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params("x", length=0)
