"""The figures of the report, drawn for print: vector, readable in grey, labelled where the eye is."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy.stats import gaussian_kde

from taskorder.claims import Claim
from taskorder.reporting import labelling
from taskorder.reporting.contrasts import Against
from taskorder.reporting.estimates import Estimate
from taskorder.reporting.names import plain
from taskorder.reporting.style import (
    BAND,
    BLUE,
    FULL_WIDTH,
    GREY,
    INK,
    OCHRE,
    RULE,
    SMALL,
    TEXT_WIDTH,
    Picture,
    band,
    finish,
    house_style,
    new_figure,
    zero_line,
)  # fmt: skip
from taskorder.reporting.wording import MINUS, sentence_case

Floats = NDArray[np.float64]

MOST_LEVELS = 40
SMALL_WIDTH, SMALL_HEIGHT = 48.0, 18.0
"""Of a picture on the first page, in mm."""
_KDE_DRAWS = 1000
_ROOMY = 5
"""Densities that are drawn with room about them; more stand closer."""


def densities(estimates: Sequence[Estimate], regions: Sequence[tuple[float, float]], unit: str) -> Picture:
    """Draw the posterior of each estimate: its density, and below it mean, central half and 95 % interval.

    Parameters
    ----------
    estimates : sequence of Estimate
    regions : sequence of (float, float)
        For each of them what it is compared with, and half the width of the region of practical equivalence
        about that; 0 for none.
    unit : str
        Of the x axis.
    """
    with house_style():
        row = 12.0 if len(estimates) <= _ROOMY else 8.0
        figure = new_figure(TEXT_WIDTH, 12.0 + row * len(estimates))
        axes: Axes = figure.subplots()
        if all(at == 0 for at, _ in regions):
            zero_line(axes)
        rows = list(zip(estimates, regions, strict=True))[::-1]
        for place, (estimate, (at, rope)) in enumerate(rows):
            if rope > 0:
                band = [at - rope, at + rope]
                axes.fill_between(band, place - 0.3, place + 0.75, color=BAND, linewidth=0, zorder=-1)
            if at:
                axes.vlines(at, place - 0.3, place + 0.75, color=GREY, linewidth=0.6, zorder=0)
            _density(axes, estimate, float(place))
        axes.set_yticks(range(len(estimates)), [estimate.label for estimate, _ in rows])
        axes.set_ylim(-0.35, len(estimates) - 0.12)
        axes.set_xlabel(unit)
        _minus(axes)
        return finish(figure, f"Posterior densities of {', '.join(e.label for e in estimates)}")


def small_density(estimate: Estimate, claim: Claim | None) -> Picture:
    """Draw one posterior density small: the part that a claim is about is darker."""
    with house_style():
        figure = new_figure(SMALL_WIDTH, SMALL_HEIGHT)
        axes: Axes = figure.subplots()
        at, rope = (claim.at, claim.rope) if claim else (0.0, 0.0)
        if rope > 0:
            axes.axvspan(at - rope, at + rope, color=BAND, linewidth=0, zorder=-1)
        axes.axvline(at, color=GREY, linewidth=0.6, zorder=0)
        x, height = density_of(estimate)
        if len(x):
            axes.fill_between(x, height, color=BLUE, alpha=0.18, linewidth=0)
            inside = claimed(claim, x) if claim else np.zeros(len(x), dtype=bool)
            axes.fill_between(x, height, where=list(inside), color=BLUE, alpha=0.4, linewidth=0)
            axes.plot(x, height, color=BLUE, linewidth=0.8)
        low, high = estimate.quartiles()
        _interval(axes, estimate.mean, (estimate.lower, estimate.upper), (low, high), -0.14, BLUE)
        axes.set_ylim(-0.3, 1.08)
        axes.set_yticks([])
        axes.set_xlabel(plain(estimate.unit.split(" at ")[0]), size=SMALL, labelpad=1.0)
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", MINUS))
        return finish(figure, f"Posterior density of {estimate.label}")


def claimed(claim: Claim, x: Floats) -> NDArray[np.bool_]:
    """Say of each place whether it is in the region that a claim names."""
    return {
        "above": x > claim.at + claim.rope,
        "below": x < claim.at - claim.rope,
        "within": np.abs(x - claim.at) <= claim.rope,
    }[claim.region]


def density_of(estimate: Estimate) -> tuple[Floats, Floats]:
    """Return places and the height of the density there, at most 1; both empty where all draws are one.

    Where no draw is below zero there is no density either: what the kernels would lay there is reflected.
    """
    if not float(np.ptp(estimate.draws)) > 0:
        return np.empty(0), np.empty(0)
    pad, bounded = 0.25 * estimate.width, bool((estimate.draws >= 0).all())
    start = max(0.0, estimate.lower - pad) if bounded else estimate.lower - pad
    x = np.linspace(start, estimate.upper + pad, 161)
    kernels = gaussian_kde(estimate.draws[:: max(1, len(estimate.draws) // _KDE_DRAWS)])
    height = kernels(x) + kernels(-x) if bounded else kernels(x)
    return x, height / height.max()


def _density(axes: Axes, estimate: Estimate, place: float) -> None:
    low, high = estimate.quartiles()
    x, height = density_of(estimate)
    if len(x):
        axes.fill_between(x, place, place + 0.72 * height, color=BLUE, alpha=0.22, linewidth=0)
        axes.plot(x, place + 0.72 * height, color=BLUE, linewidth=0.7)
    _interval(axes, estimate.mean, (estimate.lower, estimate.upper), (low, high), place - 0.12, BLUE)


def _interval(
    axes: Axes, mean: float, outer: tuple[float, float], inner: tuple[float, float], y: float, colour: str
) -> None:
    axes.hlines(y, *outer, color=colour, linewidth=0.8)
    axes.hlines(y, *inner, color=colour, linewidth=2.4)
    axes.plot([mean], [y], "o", color="white", markeredgecolor=colour, markeredgewidth=0.9, markersize=3.6)


def forest(
    terms: Sequence[Sequence[Estimate]], overall: Sequence[Estimate | None], ropes: Sequence[float], unit: str
) -> Picture:
    """Draw slopes at the levels of a group, one panel a term, with the slope over all levels below.

    Parameters
    ----------
    terms : sequence of sequence of Estimate
        For each term the levels, the same for all; at most `MOST_LEVELS` are drawn, the extreme ones.
    overall : sequence of (Estimate or None)
        For each term the slope over all levels.
    ropes : sequence of float
        For each term half the width of the region of practical equivalence; 0 for none.
    unit : str
        Of the x axis.
    """
    levels = ordered_levels(terms[0])
    with house_style():
        figure = new_figure(FULL_WIDTH if len(terms) > 1 else TEXT_WIDTH, 20.0 + 4.6 * (len(levels) + 1))
        panels = np.atleast_1d(figure.subplots(1, len(terms), sharey=True))
        for axes, term, total, rope in zip(panels, terms, overall, ropes, strict=True):
            _forest_panel(axes, {estimate.level: estimate for estimate in term}, levels, total, rope)
            axes.set_title(sentence_case(plain(term[0].term)), style="italic")
            axes.set_xlabel(unit)
        panels[0].set_yticks(range(-1, len(levels)), ["overall", *levels])
        panels[0].set_ylim(-1.9, len(levels) - 0.4)
        return finish(figure, f"Slopes of {', '.join(term[0].term for term in terms)} by {terms[0][0].group}")


def ordered_levels(term: Sequence[Estimate]) -> list[str]:
    """Return the levels from the lowest mean to the highest, the most extreme ones if there are too many."""
    levels = [estimate.level for estimate in sorted(term, key=lambda estimate: estimate.mean)]
    half = MOST_LEVELS // 2
    return levels if len(levels) <= MOST_LEVELS else [*levels[:half], *levels[-half:]]


def _forest_panel(
    axes: Axes, by_level: dict[str, Estimate], levels: Sequence[str], total: Estimate | None, rope: float
) -> None:
    band(axes, rope)
    zero_line(axes)
    for place, level in enumerate(levels):
        estimate = by_level[level]
        _interval(axes, estimate.mean, (estimate.lower, estimate.upper), estimate.quartiles(), place, BLUE)
    if total is not None:
        x = [total.lower, total.mean, total.upper, total.mean]
        axes.fill(x, [-1.0, -0.66, -1.0, -1.34], color=OCHRE, linewidth=0)
        axes.axvline(total.mean, color=OCHRE, linewidth=0.6, linestyle=(0, (4, 2)), zorder=0)
    axes.axhline(-0.5, color=RULE, linewidth=0.5)
    _minus(axes)


def moderator(data: Against, per: str) -> Picture:
    """Draw what the rows say of each stage against a moderator, and the slope of the model with its band."""
    named = len(data.fitted) > 0
    with house_style():
        figure = new_figure(FULL_WIDTH, 86.0) if named else new_figure(TEXT_WIDTH, 58.0)
        axes: Axes = figure.subplots()
        axes.axhline(0.0, color=GREY, linewidth=0.6, zorder=0)
        axes.fill_between(data.x_line, data.line[:, 1], data.line[:, 2], color=BLUE, alpha=0.14, linewidth=0)
        axes.plot(data.x_line, data.line[:, 0], color=BLUE, linewidth=1.1)
        size = 4.0 if named else 2.4
        axes.plot(
            data.x, data.raw, "o", color="none", markeredgecolor=OCHRE, markeredgewidth=0.7, markersize=size
        )
        if named:
            axes.vlines(data.x, data.fitted[:, 1], data.fitted[:, 2], color=BLUE, linewidth=0.7)
            axes.plot(data.x, data.fitted[:, 0], "o", color=BLUE, markersize=3.0)
        axes.set_xlabel(f"{sentence_case(plain(data.term))}, {per}")
        axes.set_ylabel("points above the average stage")
        axes.spines["left"].set_visible(True)
        axes.tick_params("y", length=2.5, width=0.5, labelsize=SMALL)
        _minus(axes, both=True)
        if named:
            _label_points(figure, axes, data)
        return finish(figure, f"Score of each stage against its {data.term}, with the fitted line")


def _label_points(figure: Figure, axes: Axes, data: Against) -> None:
    figure.draw_without_rendering()
    steps = np.linspace(0.0, 1.0, 25)[:, None]
    bars = data.fitted[:, 1] + steps * (data.fitted[:, 2] - data.fitted[:, 1])
    marks = [np.column_stack([data.x, y]) for y in (data.raw, data.fitted[:, 0], *bars)]
    taken = np.concatenate([axes.transData.transform(mark) for mark in marks])
    at = axes.transData.transform(np.column_stack([data.x, data.fitted[:, 0]]))
    scale = figure.dpi / 72.0
    box = axes.get_window_extent()
    frame = np.array([box.x0, box.y0, box.x1, box.y1]) / scale
    places = labelling.place(at / scale, taken / scale, [plain(name) for name in data.labels], SMALL, frame)
    for name, centre, point in zip(data.labels, places, at / scale, strict=True):
        ends = labelling.leader(centre, point, plain(name), SMALL)
        if ends is not None:
            line = axes.transData.inverted().transform(ends * scale)
            axes.plot(line[:, 0], line[:, 1], color=GREY, linewidth=0.4, zorder=0)
        x, y = axes.transData.inverted().transform(centre * scale)
        axes.text(float(x), float(y), plain(name), size=SMALL, ha="center", va="center", color=INK)


def gain_matrix(table: pd.DataFrame) -> Picture:
    """Draw a table of contrasts: a disc a cell, its area the size; full for a gain, open for a loss."""
    rows, columns = table.shape
    with house_style():
        cell = min(5.6, (FULL_WIDTH - 28.0) / columns)
        figure = new_figure(FULL_WIDTH, cell * rows + 26.0)
        axes: Axes = figure.subplots()
        largest = float(np.nanquantile(np.abs(table.to_numpy()), 0.98))
        for positive, colour, face in ((True, BLUE, BLUE), (False, OCHRE, "white")):
            y, x = np.nonzero((table.to_numpy() > 0) == positive)
            values = np.abs(table.to_numpy()[y, x])
            area = (cell * 0.92 * 72.0 / 25.4) ** 2 * np.minimum(values / largest, 1.0)
            axes.scatter(x, y, s=np.nan_to_num(area), facecolors=face, edgecolors=colour, linewidths=0.7)
        _matrix_axes(axes, table)
        return finish(figure, "Gain of each target from each stage against the average stage")


def _matrix_axes(axes: Axes, table: pd.DataFrame) -> None:
    rows, columns = table.shape
    axes.set_xticks(range(columns), [plain(str(name)) for name in table.columns], rotation=90, size=7.5)
    axes.set_yticks(range(rows), [plain(str(name)) for name in table.index], size=7.5)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines["bottom"].set_visible(False)
    axes.set_aspect("equal")
    axes.set_xlim(-0.6, columns - 0.4)
    axes.set_ylim(rows - 0.4, -0.6)
    for y in range(rows):
        axes.axhline(y, color=RULE, linewidth=0.3, zorder=0)


def mixing(
    summary: pd.DataFrame, chains: Sequence[tuple[str, Floats]], max_r_hat: float, min_ess: float
) -> Picture:
    """Draw how well the chains mixed.

    Parameters
    ----------
    summary : DataFrame
        `ess_bulk` and `r_hat` of all that is reported.
    chains : sequence of (label, array (chains, draws))
        Quantities whose ranks are drawn.
    max_r_hat, min_ess : float
        The gates.
    """
    with house_style():
        figure = new_figure(FULL_WIDTH, 40.0)
        widths = [1.25, *([1.0] * len(chains))]
        panels = np.atleast_1d(figure.subplots(1, 1 + len(chains), width_ratios=widths))
        _gates(panels[0], summary.dropna(subset=["r_hat"]), max_r_hat, min_ess)
        drawn = list(zip(panels[1:], chains, strict=True))
        largest = max([0.05, *(_rank_differences(axes, values) for axes, (_, values) in drawn)])
        for axes, (label, _) in drawn:
            axes.set_ylim(-1.1 * largest, 1.1 * largest)
            axes.set_title("\n".join(wrap(label, 28)), style="italic", size=SMALL + 0.5)
        if chains:
            panels[1].set_ylabel("share less expected")
        return finish(figure, "R-hat against effective sample size, and the ranks of the chains")


def _gates(axes: Axes, summary: pd.DataFrame, max_r_hat: float, min_ess: float) -> None:
    ess, r_hat = summary["ess_bulk"].to_numpy(float), summary["r_hat"].to_numpy(float)
    good = (ess >= min_ess) & (r_hat <= max_r_hat)
    axes.axhline(max_r_hat, color=GREY, linewidth=0.6, linestyle=(0, (4, 2)))
    axes.axvline(min_ess, color=GREY, linewidth=0.6, linestyle=(0, (4, 2)))
    axes.plot(
        ess[good], r_hat[good], "o", color="none", markeredgecolor=BLUE, markeredgewidth=0.7, markersize=3
    )
    axes.plot(ess[~good], r_hat[~good], "x", color=OCHRE, markersize=3.2)
    axes.set_xscale("log")
    lowest = min(min_ess, *ess) if len(ess) else min_ess
    highest = max(min_ess, *ess) if len(ess) else min_ess
    axes.set_xlim(0.7 * lowest, 1.5 * highest)
    ticks = [
        tick
        for tick in (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000)
        if 0.7 * lowest <= tick <= 1.5 * highest
    ]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_title("All estimates", style="italic")
    axes.set_xlabel("bulk effective sample size")
    axes.set_ylabel("R-hat")
    axes.spines["left"].set_visible(True)
    axes.tick_params("y", length=2.5, width=0.5, labelsize=SMALL)


def _rank_differences(axes: Axes, values: Floats) -> float:
    """Draw the ECDF of each chain's ranks less the uniform one; return the largest difference."""
    chains, draws = values.shape
    ranks = np.argsort(np.argsort(values, axis=None)).reshape(values.shape) / (chains * draws)
    grid = np.linspace(0.0, 1.0, 101)
    shares = np.stack([np.searchsorted(np.sort(row), grid, side="right") / draws - grid for row in ranks])
    for i, share in enumerate(shares):
        axes.plot(grid, share, color=BLUE, linewidth=0.8, alpha=1.0 - 0.7 * i / chains)
    axes.axhline(0.0, color=GREY, linewidth=0.6, zorder=0)
    axes.set_xticks([0, 0.5, 1], ["0", "½", "1"])
    axes.set_xlabel("rank")
    axes.spines["left"].set_visible(True)
    axes.tick_params("y", length=2.5, width=0.5, labelsize=SMALL)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", MINUS))
    return float(np.abs(shares).max())


def _minus(axes: Axes, *, both: bool = False) -> None:
    for axis in (axes.xaxis, axes.yaxis) if both else (axes.xaxis,):
        axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
        axis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", MINUS))
