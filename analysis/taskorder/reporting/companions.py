"""Frequentist estimates beside the posterior: the same quantities, and what only other methods say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from taskorder.inference.fitting import Fit
from taskorder.inference.frequentist.slopes import SYSTEM
from taskorder.reporting import estimates, names
from taskorder.reporting.answer import Answer
from taskorder.reporting.content import Cell, Column, Mark, Strip, Table
from taskorder.reporting.estimates import Estimate
from taskorder.reporting.strips import Axis, axis_of
from taskorder.reporting.wording import (
    counted,
    counted_plain,
    decimals_for,
    interval,
    listed,
    number,
    probability,
    sentence_case,
    short_unit,
)  # fmt: skip

_AT_LEVEL = re.compile(r"(?P<term>.+)\[(?P<level>.+)\]")
_HETEROGENEITY = re.compile(r"I2 ?(?P<part>.*)")
_OF_NEW_STUDY = "prediction interval"
_LABELS = {"se": "Small studies"}
MOST = 18
"""Rows that only the companions have and that are printed."""
MOST_NAMED = 4
"""Single systems at which companions and posterior differ and that are named, not counted."""


@dataclass(frozen=True)
class Companion:
    """A row of the table of companions, in the report's units; what a method does not give is NaN.

    Attributes
    ----------
    term, level : str
        What is estimated, and at which level of `system`; empty for all of them.
    method, unit : str
    estimate, lower, upper, df, p : float
    agrees : bool or None
        Whether the sign is that of the posterior mean; None where there is nothing to compare.
    """

    term: str
    level: str
    method: str
    unit: str
    estimate: float
    lower: float
    upper: float
    df: float
    p: float
    agrees: bool | None


type Pair = tuple[Companion, Estimate]


def companions(answer: Answer) -> list[Companion]:
    """Return the companions of an answer; those of the model's scale are turned into points."""
    if not len(answer.companion):
        return []
    return [_in_points(_companion(row, answer.fit), answer.fit) for _, row in answer.companion.iterrows()]


def _companion(row: pd.Series, fit: Fit) -> Companion:
    """Return a row; a term of the model itself, such as `regime[joint]`, is at no level of a system."""
    own = str(row["term"]) in fit.tree["posterior"].data_vars
    at = None if own else _AT_LEVEL.fullmatch(str(row["term"]))
    numbers = {name: float(row[name]) for name in ("estimate", "lower", "upper", "df", "p")}
    return Companion(
        term=at["term"] if at else str(row["term"]),
        level=at["level"] if at else "",
        method=str(row["method"]),
        unit=str(row["unit"]),
        agrees=None if pd.isna(row["agrees"]) else bool(row["agrees"]),
        **numbers,
    )


def _in_points(found: Companion, fit: Fit) -> Companion:
    scale, unit = fit.spec.outcome.scale, estimates.outcome_unit(fit)
    if found.unit == f"{scale} per se":
        return replace(found, unit="per standard error")
    if found.unit != scale:
        return found
    factor = float(fit.manifest["points_per_unit"])
    numbers = {name: factor * getattr(found, name) for name in ("estimate", "lower", "upper")}
    return replace(found, unit=unit, **numbers)


def paired(answer: Answer) -> list[Pair]:
    """Return the companions that have a posterior beside them, term by term.

    The interval of a new study's effect is not one of the mean that the posterior is about.
    """
    found = [one for one in companions(answer) if not one.method.endswith(_OF_NEW_STUDY)]
    beside = _beside(answer.fit)
    order = {term: i for i, term in enumerate(dict.fromkeys(one.term for one in found))}
    pairs = [(one, beside.get((one.term, one.level))) for one in sorted(found, key=lambda o: order[o.term])]
    return [(one, estimate) for one, estimate in pairs if estimate is not None]


def _beside(fit: Fit) -> dict[tuple[str, str], Estimate]:
    """Return what the posterior has under the name of a term, over all systems (level empty) and at each.

    A term of the model that the model file asks nothing about has a posterior all the same.
    """
    asked = fit.spec.estimands
    points = [
        one
        for one in estimates.headline(fit)
        if one.parameter in asked and asked[one.parameter].function == "points"
    ]
    overall = {(one.term, ""): one for one in (*estimates.terms(fit), *reversed(points))}
    spread = {(e.parameter, ""): estimates.in_points(e, fit) for e in estimates.heterogeneity(fit)}
    levels = [each for terms in estimates.by_level(fit).get(SYSTEM, ()) for each in terms]
    return spread | overall | {(estimate.term, estimate.level): estimate for estimate in reversed(levels)}


def method(answer: Answer) -> str:
    """Name the method of all companions that have a posterior beside them; empty where there are several."""
    found = {one.method for one, _ in paired(answer)}
    return found.pop() if len(found) == 1 else ""


def shown_beside(answer: Answer) -> list[Pair]:
    """Return the pairs that are printed: those over all systems, and single systems that do not agree."""
    return [
        pair for pair in paired(answer) if not pair[0].level or pair[0].agrees is not True or _apart(*pair)
    ]


def omitted(answer: Answer) -> str:
    """Say how many estimates are not printed; empty where all are."""
    pairs = len(paired(answer)) - len(shown_beside(answer))
    single = counted(pairs, "estimate")
    verb = "agrees" if pairs == 1 else "agree"
    text = f"{single} at single systems {verb} in sign with the posterior and is not printed."
    return sentence_case(text.replace(" is not", " are not") if pairs > 1 else text) if pairs else ""


def beside(answer: Answer) -> Table:
    """Return the companions beside the posterior of the same quantity, in blocks where there are levels."""
    shown = shown_beside(answer)
    axis = axis_of(
        [found for _, found in shown], *(end for one, _ in shown for end in (one.lower, one.upper))
    )
    several, in_blocks = not method(answer), any(one.level for one, _ in shown)
    rows: list[tuple[Cell, ...]] = []
    before: Pair | None = None
    for pair in shown:
        if in_blocks and (before is None or pair[0].term != before[0].term):
            rows.append((_label(pair[0].term),))
        again = before is not None and pair[1] is before[1]
        label = (pair[0].level or "overall") if in_blocks else _label(pair[0].term)
        rows.append(_row(pair, axis, label="" if again else label, several=several))
        before = pair
    columns = (
        Column("", width="1fr"),
        Column("Posterior", "number"),
        Column("95 % interval", "number"),
        *((Column("Method", width=34.0),) if several else ()),
        Column("Estimate", "number"),
        Column("95 % interval", "number"),
        Column("p", "number"),
        Column("", "strip", 28.0 if several else 36.0, axis.ticks()),
        Column("Sign", "mark"),
    )
    return Table(columns, tuple(rows), wide=True)


def _row(pair: Pair, axis: Axis, *, label: str, several: bool) -> tuple[Cell, ...]:
    """Return a row; without a label the posterior stands in the row above already."""
    one, found = pair
    places = decimals_for(found.width)
    ends = axis.ends(found.mean, found.lower, found.upper)
    posterior = (number(found.mean, places), interval(found.lower, found.upper, places))
    return (
        label,
        *(posterior if label else ("", "")),
        *((one.method,) if several else ()),
        number(one.estimate, places),
        interval(one.lower, one.upper, places),
        probability(one.p),
        Strip(*ends, zero=axis.zero(), other=axis.ends(one.estimate, one.lower, one.upper)),
        _agreement(one),
    )


def _agreement(one: Companion) -> Cell:
    """Return the mark of a sign that differs; a dash where there is nothing to compare."""
    if one.agrees is None:
        return "–"
    return "" if one.agrees else Mark("differs", "differs")


def disagreements(answer: Answer) -> str:
    """Say where companions and posterior differ: in sign, beyond their intervals, in what excludes zero."""
    pairs = paired(answer)
    signed = [pair for pair in pairs if pair[0].agrees is not None]
    of_posterior = [pair for pair in signed if _excludes_zero(pair[1]) and _reaches_zero(pair[0])]
    of_companion = [pair for pair in signed if _excludes_zero(pair[0]) and _reaches_zero(pair[1])]
    said = [
        ("The two 95 % intervals do not overlap", [pair for pair in pairs if _apart(*pair)]),
        ("Only the posterior’s interval excludes zero", of_posterior),
        ("Only the companion’s interval excludes zero", of_companion),
    ]
    found = [f"{text} for {_called(which, pairs)}." for text, which in said if which]
    return " ".join([_signs([bool(one.agrees) for one, _ in signed]), *found])


def _signs(agrees: Sequence[bool]) -> str:
    """Say of how many companions the sign is not that of the posterior mean."""
    if not agrees:
        return "None of them has a posterior mean to compare its sign with."
    differing, total = agrees.count(False), counted(len(agrees), "estimate")
    if differing:
        return f"The two differ in sign on {counted_plain(differing)} of {total}."
    every = {1: "the one estimate", 2: "both estimates"}.get(len(agrees), f"all {total}")
    return f"The two agree in sign on {every}."


def _apart(one: Companion, found: Estimate) -> bool:
    """Say whether two intervals do not overlap; one that is not known overlaps with all."""
    return one.lower > found.upper or one.upper < found.lower


def _excludes_zero(one: Companion | Estimate) -> bool:
    return one.lower > 0 or one.upper < 0


def _reaches_zero(one: Companion | Estimate) -> bool:
    return one.lower <= 0 <= one.upper


def _called(which: Sequence[Pair], among: Sequence[Pair]) -> str:
    """Name the quantities of some pairs, with the method where there are several; count many systems."""
    methods = Counter((one.term, one.level) for one, _ in among)
    single = [one for one, _ in which if one.level]
    told = [one for one, _ in which if not one.level or len(single) <= MOST_NAMED]
    words = [
        names.parameter_of(one.term)
        + (f" at {one.level}" if one.level else "")
        + (f" ({one.method})" if methods[one.term, one.level] > 1 else "")
        for one in told
    ]
    rest = len(which) - len(told)
    return listed([*words, f"{counted(rest, 'estimate')} at single systems"] if rest else words)


def alone(answer: Answer) -> list[Companion]:
    """Return the companions that no posterior stands beside; those at single levels are left out."""
    beside = {id_of(one) for one, _ in paired(answer)}
    return [one for one in companions(answer) if not one.level and id_of(one) not in beside]


def id_of(one: Companion) -> tuple[str, str, str]:
    """Return what tells a companion from the others of its answer."""
    return one.term, one.level, one.method


def others(answer: Answer) -> Table:
    """Return what only the companions say: heterogeneity, prediction, small studies, orders."""
    rows = tuple(
        (
            _label(one.term),
            one.method,
            number(one.estimate, _places(one)),
            interval(one.lower, one.upper, _places(one)),
            short_unit(one.unit),
            number(one.df, 0 if float(one.df).is_integer() else 1),
            probability(one.p),
        )
        for one in alone(answer)[:MOST]
    )
    left = len(alone(answer)) - MOST
    caption = "What only the companions say."
    if left > 0:
        caption += f" {sentence_case(counted(left, 'row'))} more are not printed."
    columns = (
        Column("", width="1fr"),
        Column("Method", width=44.0),
        Column("Estimate", "number"),
        Column("95 % interval", "number"),
        Column("Unit"),
        Column("df", "number"),
        Column("p", "number"),
    )
    return Table(columns, rows, caption, wide=True)


def _places(one: Companion) -> int:
    width = one.upper - one.lower
    return decimals_for(width if np.isfinite(width) else abs(one.estimate))


def _label(term: str) -> str:
    heterogeneity = _HETEROGENEITY.fullmatch(term)
    if heterogeneity is None:
        return _LABELS.get(term, sentence_case(names.parameter_of(term)))
    part = heterogeneity["part"]
    return f"I², {names.parameter_of(part)}" if part else "I²"
