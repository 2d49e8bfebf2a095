"""Groups within groups, such as languages within families: what both do to the score, or to a slope."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from taskorder.inference.fitting import Fit
from taskorder.reporting import names
from taskorder.reporting.estimates import draws_of, outcome_unit
from taskorder.reporting.style import (
    BLUE,
    FULL_WIDTH,
    OCHRE,
    RULE,
    SMALL,
    TEXT_WIDTH,
    Picture,
    finish,
    house_style,
    new_figure,
    zero_line,
)  # fmt: skip
from taskorder.reporting.wording import MINUS, count, sentence_case

Floats = NDArray[np.float64]

MOST = 24
"""Levels of the outer group that are drawn at the most."""
_ROW, _HEAD = 6.0, 17.0


@dataclass(frozen=True)
class Level:
    """A level of the outer group, with the levels within it.

    Attributes
    ----------
    name : str
    mean, lower, low, high, upper : float
        Its mean, 95 % interval and central half.
    inner : tuple of (str, float)
        The levels within it with their means.
    """

    name: str
    mean: float
    lower: float
    low: float
    high: float
    upper: float
    inner: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Nested:
    """One term over the levels of a group, and over those of the group within it.

    Attributes
    ----------
    term, outer, inner : str
    levels : tuple of Level
        From the lowest mean to the highest.
    """

    term: str
    outer: str
    inner: str
    levels: tuple[Level, ...]


def nested(fit: Fit) -> tuple[Nested, ...]:
    """Return what varies over two groups of which one is within the other, term by term."""
    return tuple(_found(fit))


def _found(fit: Fit) -> Iterator[Nested]:
    posterior = fit.tree["posterior"]
    for inner, group in fit.spec.groups.items():
        outer = group.within
        for term in group.by:
            if outer and f"{term}|{outer}" in posterior and f"{term}|{inner}" in posterior:
                yield Nested(term, outer, inner, tuple(_levels(fit, term, outer, inner)))


def _levels(fit: Fit, term: str, outer: str, inner: str) -> list[Level]:
    whole = draws_of(fit, term) if term != "1" else np.zeros(1)
    factor = float(fit.manifest["points_per_unit"])
    effects, own = _effects(fit, term, outer), _effects(fit, term, inner)
    found: list[Level] = []
    for name, draws in effects.items():
        values = (whole + draws) * factor
        within = tuple(
            (label.removeprefix(f"{name}/"), float(values.mean() + each.mean() * factor))
            for label, each in own.items()
            if label.startswith(f"{name}/")
        )
        lower, low, high, upper = (float(end) for end in np.quantile(values, [0.025, 0.25, 0.75, 0.975]))
        found.append(Level(name, float(values.mean()), lower, low, high, upper, within))
    return sorted(found, key=lambda level: level.mean)


def _effects(fit: Fit, term: str, group: str) -> dict[str, Floats]:
    """Return the draws of a term's deviation at each level of a group."""
    dim = f"{group}_level"
    variable = fit.tree["posterior"][f"{term}|{group}"].transpose(dim, "chain", "draw")
    labels = [str(label) for label in variable[dim].to_numpy()]
    return dict(zip(labels, variable.to_numpy().reshape(len(labels), -1), strict=True))


def shown(found: Nested) -> tuple[Level, ...]:
    """Return the levels that are drawn: the most extreme ones where there are too many."""
    if len(found.levels) <= MOST:
        return found.levels
    return (*found.levels[: MOST // 2], *found.levels[-(MOST // 2) :])


def picture(found: Sequence[Nested], fit: Fit) -> Picture:
    """Draw the levels of the outer group with their intervals, and below each those within it."""
    levels = max((shown(one) for one in found), key=len)
    with house_style():
        width = FULL_WIDTH if len(found) > 1 else TEXT_WIDTH
        figure = new_figure(width, _HEAD + _ROW * len(levels))
        panels = np.atleast_1d(figure.subplots(1, len(found)))
        for axes, one in zip(panels, found, strict=True):
            _panel(axes, shown(one))
            title = "score" if one.term == "1" else names.term(one.term)
            axes.set_title(sentence_case(title), style="italic")
            axes.set_xlabel(outcome_unit(fit))
        outer, inner = names.plural(found[0].outer), names.plural(found[0].inner)
        return finish(figure, f"What {outer} do, and the {inner} within them")


def _panel(axes: Axes, levels: Sequence[Level]) -> None:
    zero_line(axes)
    for place, level in enumerate(levels):
        axes.axhline(place - 0.5, color=RULE, linewidth=0.3, zorder=0)
        axes.hlines(place, level.lower, level.upper, color=BLUE, linewidth=0.8)
        axes.hlines(place, level.low, level.high, color=BLUE, linewidth=2.4)
        axes.plot(
            [level.mean],
            [place],
            "o",
            color="white",
            markeredgecolor=BLUE,
            markeredgewidth=0.9,
            markersize=3.6,
        )
        _inner(axes, level, place - 0.26)
    axes.set_yticks(range(len(levels)), [level.name for level in levels])
    axes.set_ylim(-0.7, len(levels) - 0.3)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", MINUS))


def _inner(axes: Axes, level: Level, y: float) -> None:
    """Draw the levels within one, the lowest and the highest with their names."""
    ends = sorted(level.inner, key=lambda one: one[1])
    axes.plot(
        [value for _, value in ends], [y] * len(ends), "o",
        color="none", markeredgecolor=OCHRE, markeredgewidth=0.6, markersize=2.2,
    )  # fmt: skip
    if len(ends) < 2:
        return
    for (name, value), side, shift in ((ends[0], "right", -3.0), (ends[-1], "left", 3.0)):
        axes.annotate(
            name, (value, y), (shift, 0), textcoords="offset points",
            ha=side, va="center", size=SMALL - 1.0, color=OCHRE,
        )  # fmt: skip


def caption(found: Sequence[Nested]) -> str:
    """Say what the drawing of nested groups shows."""
    first = found[0]
    outer, inner = names.plural(first.outer), names.plural(first.inner)
    text = (
        f"What {outer} do to the score, or to a slope, by the model: mean, central half and 95 % interval."
        f" Open, below each: the means of the {inner} within it, the lowest and the highest by name."
    )
    if len(first.levels) > MOST:
        text += f" Shown are the {MOST} most extreme of {count(len(first.levels))} {outer}."
    return text
