"""What the report shows of a network of evidence: its graph, its contrasts, and how consistent they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from taskorder.claims.evidence import ENOUGH
from taskorder.claims.examining import STUDY
from taskorder.inference.fitting import Fit
from taskorder.inference.network.contrasts import contrast
from taskorder.inference.network.designs import Inconsistency
from taskorder.inference.network.graph import Edge, Network
from taskorder.inference.network.splits import Split
from taskorder.reporting import estimates, names
from taskorder.reporting.content import Cell, Column, Strip, Table
from taskorder.reporting.strips import Axis
from taskorder.reporting.style import (
    BLUE,
    GREY,
    INK,
    SMALL,
    TEXT_WIDTH,
    Picture,
    finish,
    house_style,
    new_figure,
)  # fmt: skip
from taskorder.reporting.wording import (
    amount,
    count,
    counted,
    counted_plain,
    decimals_for,
    interval,
    listed,
    number,
    probability,
    sentence_case,
)  # fmt: skip

Floats = NDArray[np.float64]

_STRIP_WIDTH = 34.0
_LARGEST_NODE, _WIDEST_EDGE = 16.0, 5.0
"""Diameter of the node with the most trials, and width of the edge with the most, in typographic points."""
_LEAST = 0.18
"""Size of what has next to no trials beside the largest."""


@dataclass(frozen=True)
class Summary:
    """Mean and 95 % interval of some draws."""

    mean: float
    lower: float
    upper: float

    @property
    def width(self) -> float:
        """The width of the interval."""
        return self.upper - self.lower

    def text(self, places: int) -> str:
        """Return the mean with its interval in brackets."""
        return f"{number(self.mean, places)} ({interval(self.lower, self.upper, places)})"


def summary(draws: Floats) -> Summary:
    """Summarise draws (S,)."""
    lower, upper = np.quantile(draws, [0.025, 0.975])
    return Summary(float(draws.mean()), float(lower), float(upper))


@dataclass(frozen=True)
class Evidence:
    """A network of evidence.

    Attributes
    ----------
    graph : Network
    splits : tuple of Split
        The contrasts that have direct and indirect evidence.
    inconsistency : Inconsistency or None
        Between designs; None where all trials are of one design.
    obstacle : str
        Why direct and indirect evidence cannot be told apart; empty where they were.
    """

    graph: Network
    splits: tuple[Split, ...] = ()
    inconsistency: Inconsistency | None = None
    obstacle: str = ""


@dataclass(frozen=True)
class Diagram:
    """A network laid out on a circle.

    Attributes
    ----------
    names : tuple of str
    place : array (K, 2)
        Of the nodes on the unit circle: the reference at the top, the others clockwise.
    size : array (K,)
        Diameters of the nodes, in typographic points: areas are as numbers of trials.
    edges : tuple of Edge
    width : array (E,)
        Of the edges in typographic points, as numbers of trials.
    """

    names: tuple[str, ...]
    place: Floats
    size: Floats
    edges: tuple[Edge, ...]
    width: Floats


def laid_out(graph: Network) -> Diagram:
    """Lay a network out on a circle."""
    angle = np.pi / 2 - 2 * np.pi * np.arange(len(graph.nodes)) / len(graph.nodes)
    trials = np.array([node.trials for node in graph.nodes], dtype=np.float64)
    compared = np.array([edge.trials for edge in graph.edges], dtype=np.float64)
    return Diagram(
        graph.names,
        np.column_stack([np.cos(angle), np.sin(angle)]),
        _LARGEST_NODE * np.maximum(np.sqrt(trials / trials.max()), _LEAST),
        graph.edges,
        _WIDEST_EDGE * np.maximum(compared / compared.max(), _LEAST),
    )


def picture(graph: Network) -> Picture:
    """Draw a network: nodes by their trials, edges by the trials that compare.

    At an edge stands how many studies compare, where more than one does. It is blue where indirect evidence
    stands beside the direct, grey where there is none.
    """
    drawn = laid_out(graph)
    with house_style():
        figure = new_figure(TEXT_WIDTH, 0.7 * TEXT_WIDTH)
        axes: Axes = figure.subplots()
        for edge, width in zip(drawn.edges, drawn.width, strict=True):
            _edge(axes, drawn, edge, float(width))
        x, y = drawn.place.T
        axes.scatter(x, y, s=drawn.size**2, facecolors="white", edgecolors=INK, linewidths=0.9, zorder=3)
        for name, place, node in zip(drawn.names, drawn.place, graph.nodes, strict=True):
            _label(axes, f"{names.plain(name)}\n{count(node.trials)}", place)
        axes.set_xlim(-1.9, 1.9)
        axes.set_ylim(-1.4, 1.4)
        axes.set_aspect("equal")
        axes.set_axis_off()
        return finish(figure, f"Which of {listed(drawn.names)} are compared with each other, and how often")


def _edge(axes: Axes, drawn: Diagram, edge: Edge, width: float) -> None:
    ends = drawn.place[[drawn.names.index(edge.first), drawn.names.index(edge.second)]]
    colour = BLUE if edge.closed else GREY
    axes.plot(*ends.T, color=colour, alpha=0.55, linewidth=width, solid_capstyle="butt", zorder=1)
    if edge.studies < 2:
        return
    x, y = 0.62 * ends[0] + 0.38 * ends[1]
    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"}
    axes.text(
        float(x), float(y), count(edge.studies), size=SMALL, ha="center", va="center", bbox=box, zorder=2
    )


def _label(axes: Axes, text: str, place: Floats) -> None:
    x, y = 1.16 * place
    aligned = "center" if abs(place[0]) < 0.2 else "left" if place[0] > 0 else "right"
    vertical = "center" if abs(place[1]) < 0.9 else "bottom" if place[1] > 0 else "top"
    axes.text(float(x), float(y), text, ha=aligned, va=vertical, size=8.0, linespacing=1.05)


def legend(graph: Network) -> str:
    """Return what the drawing of a network shows, as its caption."""
    return (
        f"What is compared with what. Nodes: {names.plural(graph.column)}, with their numbers of trials."
        " Lines: trials that compare the two, wider for more, with the number of studies that they are from"
        " where there are several. Blue: other trials compare the two indirectly, too."
    )


def against_reference(fit: Fit, graph: Network) -> Table:
    """Return what the whole network says of every treatment against the reference."""
    directly = {edge.second: edge for edge in graph.edges if edge.first == graph.reference}
    draws = {name: contrast(fit, graph.column, name, graph.reference) for name in graph.names[1:]}
    found = {name: summary(values) for name, values in draws.items()}
    axis = _axis(list(found.values()))
    rows = tuple(
        (
            sentence_case(names.plain(name)),
            count(graph.nodes[graph.names.index(name)].studies),
            count(directly[name].trials if name in directly else 0),
            number(one.mean, decimals_for(one.width)),
            interval(one.lower, one.upper, decimals_for(one.width)),
            axis.interval(one.mean, one.lower, one.upper),
            probability(float((draws[name] > 0).mean())),
        )
        for name, one in found.items()
    )
    columns = (
        Column("", width="1fr"),
        Column("Studies", "number"),
        Column("Trials", "number"),
        Column("Mean", "number"),
        Column("95 % interval", "number"),
        Column("", "strip", _STRIP_WIDTH, axis.ticks()),
        Column("P(> 0)", "number"),
    )
    caption = (
        f"Gain over {names.plain(graph.reference)} in {estimates.outcome_unit(fit)}, by the whole network:"
        f" how many studies have it, and how many trials compare it with {names.plain(graph.reference)}."
    )
    if STUDY not in fit.spec.networks[graph.column].trial:
        caption += " A trial may have its arms from several studies."
    return Table(columns, rows, caption, wide=True)


def direct_and_indirect(fit: Fit, splits: Sequence[Split]) -> Table:
    """Return contrasts by direct and by indirect evidence, drawn over what the whole network says."""
    found = [tuple(map(summary, (split.network, split.direct, split.indirect))) for split in splits]
    axis = _axis([one for three in found for one in three])
    rows: list[tuple[Cell, ...]] = []
    for split, (network, direct, indirect) in zip(splits, found, strict=True):
        difference = summary(split.difference)
        places = decimals_for(direct.width, indirect.width)
        strip = Strip(
            *axis.ends(direct.mean, direct.lower, direct.upper),
            zero=axis.zero(),
            other=axis.ends(indirect.mean, indirect.lower, indirect.upper),
            band=(axis.at(network.lower), axis.at(network.upper)),
        )
        rows.append(
            (
                sentence_case(f"{names.plain(split.of)} against {names.plain(split.against)}"),
                count(split.edge.studies),
                direct.text(places),
                indirect.text(places),
                strip,
                difference.text(places),
                "–" if split.failures else probability(split.one_sign),
            )
        )
    columns = (
        Column("", width="1fr"),
        Column("Studies", "number"),
        Column("Direct", "number"),
        Column("Indirect", "number"),
        Column("", "strip", _STRIP_WIDTH, axis.ticks()),
        Column("Difference", "number"),
        Column("P(sign)", "number"),
    )
    caption = (
        f"Direct and indirect evidence apart, in {estimates.outcome_unit(fit)}: mean and 95 % interval of"
        " each, of the difference of the two, and the probability of the difference's sign (0.50: none)."
        " Full: direct; open: indirect; shaded: the whole network. –: the fit that tells them apart failed"
        " its diagnostics."
    )
    return Table(columns, tuple(rows), caption, wide=True)


def _axis(shown: Sequence[Summary]) -> Axis:
    ends = [end for one in shown for end in (one.lower, one.upper)]
    return Axis(min(0.0, *ends), max(0.0, *ends))


def connection_sentence(graph: Network) -> str:
    """Say how many trials compare what, and whether the network is connected."""
    several = graph.compared.sum(axis=1) > 1
    closed = sum(edge.closed for edge in graph.edges)
    both = counted_plain(closed) if closed else "none"
    text = (
        f"{counted(len(graph.nodes), 'treatment')} are compared in {counted(int(several.sum()), 'trial')}:"
        f" {counted(len(graph.edges), 'pair')} directly, {both} of these indirectly, too."
    )
    if len(graph.parts) > 1:
        parts = "; ".join(listed([names.plain(name) for name in part]) for part in graph.parts)
        text += (
            f" The network is not connected ({parts}): between its parts nothing is compared, and what is"
            " said of them rests on the priors and on the levels of scores."
        )
    return sentence_case(text)


def conflict_sentence(splits: Sequence[Split]) -> str:
    """Say of which contrasts direct and indirect evidence differ; empty where none were told apart."""
    told = [split for split in splits if not split.failures]
    if not told:
        return ""
    apart = [
        f"{names.plain(one.of)} against {names.plain(one.against)} (probability {probability(one.one_sign)})"
        for one in told
        if one.one_sign > ENOUGH
    ]
    looked = f"Of {counted(len(told), 'contrast')} with both kinds of evidence"
    if not apart:
        return f"{looked}, none has a difference of the two whose sign has a probability above {ENOUGH:g}."
    return f"{looked}, the two differ for {listed(apart)}."


def consistency_sentence(found: Inconsistency | None, unit: str) -> str:
    """Say how much contrasts differ between designs, beside how much between trials of one design."""
    if found is None:
        return "All trials compare the same treatments, so that nothing can be inconsistent."
    if found.failures:
        return f"The inconsistency between designs cannot be told: {'; '.join(found.failures)}."
    sd, other = summary(found.sd), summary(found.heterogeneity)
    places = decimals_for(sd.width, other.width)
    inside = [f"95 % interval {interval(one.lower, one.upper, places)}" for one in (sd, other)]
    return (
        f"Between {counted(len(found.designs), 'design')} of trials a contrast differs with a standard"
        f" deviation of {amount(number(sd.mean, places), unit)} ({inside[0]}), beside"
        f" {amount(number(other.mean, places), unit)} ({inside[1]}) between trials of one design; the former"
        f" is the larger with probability {probability(found.larger)}."
    )
