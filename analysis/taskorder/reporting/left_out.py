"""What the estimates would be without each study, as the report tells it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from taskorder.inference.criticism.leaving_out import COLUMNS
from taskorder.inference.estimands import PROBABILITY, RATIO
from taskorder.inference.fitting import Fit
from taskorder.reporting import estimates
from taskorder.reporting.content import Cell, Column, Mark, Table
from taskorder.reporting.estimates import Estimate
from taskorder.reporting.strips import Axis, axis_of
from taskorder.reporting.wording import (
    amount,
    count,
    decimals_for,
    interval,
    listed,
    number,
    sentence_case,
)  # fmt: skip

MOST = 2
"""Estimands that are told; the specification curves have all that claims are about."""


@dataclass(frozen=True)
class LeftOut:
    """The estimands without each study.

    Attributes
    ----------
    table : DataFrame
        As `without_levels` returns it; empty where it cannot be told.
    why : str
        Why not, as the end of a sentence; empty where there is nothing to tell.
    """

    table: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS))
    why: str = ""


def headline(found: LeftOut, fit: Fit, claimed: Sequence[str] = ()) -> list[tuple[Estimate, pd.DataFrame]]:
    """Return the estimands that claims are about, else the headline, with their rows of the table."""
    rows = {str(name): part for name, part in found.table.groupby("estimand")}
    about = [one for name in dict.fromkeys(claimed) if (one := estimates.named(fit, name))]
    shown = [one for one in about if one.unit != PROBABILITY] or list(estimates.headline(fit))
    return [(e, rows[e.parameter]) for e in shown if e.parameter in rows][:MOST]


def reliable(rows: pd.DataFrame) -> pd.Series:
    """Say which rows can be relied on: those of all data, and those without a problem."""
    return (rows["left_out"] == "") | (rows["problem"] == "")


def table(found: LeftOut, fit: Fit, claimed: Sequence[str] = ()) -> Table:
    """Return the first estimands without each study, in blocks; what is not reliable is a dash."""
    shown = headline(found, fit, claimed)
    good = pd.concat([part[reliable(part)] for _, part in shown])
    axis = axis_of([], *good["lower"], *good["upper"])
    rows: list[tuple[Cell, ...]] = []
    for estimate, part in shown:
        places = decimals_for(estimate.width)
        rows += [(estimate.label,), *(_row(row, axis, places) for _, row in part.iterrows())]
    columns = (
        Column("Without", width="1fr"),
        Column("Its rows", "number"),
        Column("Mean", "number"),
        Column("95 % interval", "number"),
        Column("", "strip", 44.0, axis.ticks()),
        Column("ESS", "number"),
        Column("k-hat", "mark"),
    )
    return Table(columns, tuple(rows), wide=True)


def _row(row: pd.Series, axis: Axis, places: int) -> tuple[Cell, ...]:
    everything = row["left_out"] == ""
    k = float(row["pareto_k"])
    good = everything or row["problem"] == ""
    mean, lower, upper = (float(row[name]) if good else np.nan for name in ("mean", "lower", "upper"))
    return (
        "nothing" if everything else str(row["left_out"]),
        "" if everything else count(int(row["rows"])),
        number(mean, places),
        interval(lower, upper, places),
        axis.interval(mean, lower, upper),
        number(float(row["ess"]), 0),
        "" if everything else number(k, 2) if good else Mark("fail", number(k, 2)),
    )


def text(found: LeftOut, fit: Fit, claimed: Sequence[str] = ()) -> list[str]:
    """Say how far the headline moves without one study, and which study cannot be left out this way."""
    shown = headline(found, fit, claimed)
    if not shown:
        return (
            [f"What the estimates would be without each study is not told: {found.why}."] if found.why else []
        )
    sentences = [_moves(estimate, part) for estimate, part in shown]
    _, first = shown[0]
    bad = first[~reliable(first)]
    far, none = bad[bad["pareto_k"].notna()], bad[bad["pareto_k"].isna()]
    if len(far):
        sentences.append(_too_far(far, int(first["rows"].iloc[0])))
    return [*sentences, *(f"Without {row['left_out']}: {row['problem']}." for _, row in none.iterrows())]


def _too_far(bad: pd.DataFrame, total: int) -> str:
    studies = [
        f"{row['left_out']} ({count(int(row['rows']))} of {count(total)} rows; Pareto k-hat"
        f" {number(float(row['pareto_k']), 2)})"
        for _, row in bad.iterrows()
    ]
    return (
        f"The draws cannot be weighed so as to tell the posterior without {' or '.join(studies)}: a fit to"
        " the other studies would tell it."
    )


def _moves(estimate: Estimate, part: pd.DataFrame) -> str:
    good = part[reliable(part) & (part["left_out"] != "")]
    label = f"the mean of {estimate.label[:1].lower()}{estimate.label[1:]}"
    if good.empty:
        return sentence_case(f"{label} cannot be told without any of the studies.")
    places = decimals_for(estimate.width)
    low, high = (number(float(end), places) for end in (good["mean"].min(), good["mean"].max()))
    span = f"from {low} to {high}" if low != high else low
    other = good.loc[np.sign(good["mean"]) != np.sign(estimate.mean), "left_out"].astype(str).tolist()
    sign = f"; its sign changes without {listed(other)}" if other else ""
    unit = "" if estimate.unit == RATIO else estimate.unit
    return sentence_case(f"{label} is {amount(span, unit)} as one study is left out{sign}.")
