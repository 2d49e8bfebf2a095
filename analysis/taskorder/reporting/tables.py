"""The tables about a fit: finished text, from the numbers of the fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from taskorder.claims import Verdict
from taskorder.inference.diagnostics import MAX_PARETO_K, MAX_R_HAT, MIN_ESS
from taskorder.inference.estimands import PROBABILITY
from taskorder.inference.fitting import Fit
from taskorder.inference.frequentist.slopes import ALL, SYSTEM
from taskorder.inference.spec import ModelSpec
from taskorder.reporting import estimates, names
from taskorder.reporting.answer import Answer
from taskorder.reporting.content import Cell, Column, Mark, Strip, Table, Tick
from taskorder.reporting.equation import symbols
from taskorder.reporting.estimates import Estimate
from taskorder.reporting.wording import (
    count,
    decimals_for,
    interval,
    long_unit,
    number,
    probability,
    sentence_case,
    short_unit,
)  # fmt: skip

_STRIP_WIDTH = 34.0
_LARGEST_P = 0.05


class _Axis:
    """The scale of a column of strips, from numbers to shares of its width."""

    def __init__(self, low: float, high: float) -> None:
        pad = 0.04 * (high - low) or 1.0
        self.low, self.high = low - pad, high + pad

    def at(self, value: float) -> float:
        return round(float(np.clip((value - self.low) / (self.high - self.low), 0.0, 1.0)), 4)

    def ticks(self, most: int = 3) -> tuple[Tick, ...]:
        step = _round_step((self.high - self.low) / most)
        first = int(np.ceil(self.low / step))
        values = [step * i for i in range(first, int(np.floor(self.high / step)) + 1)]
        return tuple(
            Tick(self.at(value), number(value, max(0, -int(np.floor(np.log10(step)))))) for value in values
        )

    def strip(self, estimate: Estimate, band: float = 0.0) -> Strip:
        low, high = estimate.quartiles()
        return Strip(
            self.at(estimate.lower), self.at(estimate.mean), self.at(estimate.upper),
            inner=(self.at(low), self.at(high)), zero=self.zero(),
            band=(self.at(-band), self.at(band)) if band > 0 else (),
        )  # fmt: skip

    def zero(self) -> float:
        return self.at(0.0) if self.low <= 0.0 <= self.high else -1.0


def _round_step(width: float) -> float:
    power = 10.0 ** np.floor(np.log10(width))
    return float(next(power * factor for factor in (1, 2, 5, 10) if power * factor >= width))


def _axis(shown: Sequence[Estimate], *more: float) -> _Axis:
    ends = [end for estimate in shown for end in (estimate.lower, estimate.upper)]
    return _Axis(min([0.0, *ends, *more]), max([0.0, *ends, *more]))


def headline(answer: Answer) -> Table:
    """Return the slopes with their intervals, drawn and in figures."""
    shown = estimates.headline(answer.fit)
    axis = _axis(shown)
    units = {estimate.unit or estimates.outcome_unit(answer.fit) for estimate in shown}
    rows = tuple(
        (
            estimate.label,
            number(estimate.mean, decimals_for(estimate.width)),
            interval(estimate.lower, estimate.upper, decimals_for(estimate.width)),
            axis.strip(estimate, answer.rope(estimate.parameter)),
            probability(estimate.above_zero),
            *((short_unit(estimate.unit),) if len(units) > 1 else ()),
        )
        for estimate in shown
    )
    columns = (
        Column("", width="1fr"),
        Column("Mean", "number"),
        Column("95 % interval", "number"),
        Column("", "strip", _STRIP_WIDTH, axis.ticks()),
        Column("P(> 0)", "number"),
        *((Column("Unit"),) if len(units) > 1 else ()),
    )
    common = f" in {long_unit(units.pop())}" if len(units) == 1 else ""
    caption = f"The estimates{common}: posterior mean, 95 % interval and the probability of being above zero."
    return Table(columns, rows, caption)


def all_estimates(fit: Fit) -> Table:
    """Return the slopes and the other estimands, each with unit, effective sample size and R-hat."""
    rows: list[tuple[Cell, ...]] = []
    for estimate in (*estimates.headline(fit), *estimates.others(fit)):
        always = not np.isfinite(estimate.r_hat)
        places = decimals_for(estimate.width)
        as_probability = estimate.unit == PROBABILITY
        rows.append(
            (
                estimate.label,
                probability(estimate.mean) if as_probability else number(estimate.mean, places),
                "" if as_probability else interval(estimate.lower, estimate.upper, places),
                estimate.unit,
                "–" if always else number(estimate.ess, 0),
                "–" if always else f"{estimate.r_hat:.3f}",
            )
        )
    columns = (
        Column("Estimand", width="1fr"),
        Column("Mean", "number"),
        Column("95 % interval", "number"),
        Column("Unit"),
        Column("Bulk ESS", "number"),
        Column("R-hat", "number"),
    )
    return Table(columns, tuple(rows), wide=True)


def heterogeneity(fit: Fit) -> Table:
    """Return the sds between levels, largest first, in points, with how many levels there are."""
    found = estimates.heterogeneity(fit)
    shown = sorted(
        (estimates.in_points(e, fit) for e in found if e.parameter != "sd:residual"), key=lambda e: -e.mean
    )
    words = names.heterogeneity(fit.spec)
    axis = _axis(shown)
    rows = tuple(
        (
            *_what_differs(estimate, words, fit.spec),
            levels_of(fit, estimate.parameter),
            number(estimate.mean, decimals_for(estimate.width)),
            interval(estimate.lower, estimate.upper, decimals_for(estimate.width)),
            axis.strip(estimate),
        )
        for estimate in shown
    )
    columns = (
        Column("What differs"),
        Column("Between", width="1fr"),
        Column("Levels", "number"),
        Column("sd", "number"),
        Column("95 % interval", "number"),
        Column("", "strip", _STRIP_WIDTH, axis.ticks()),
    )
    return Table(columns, rows, wide=True)


def _what_differs(estimate: Estimate, words: dict[str, tuple[str, str]], spec: ModelSpec) -> tuple[str, str]:
    what, between = words.get(estimate.parameter, ("score", "rows that nothing else tells apart"))
    group = spec.groups.get(estimate.parameter.removeprefix("sd:"))
    columns = () if group is None else (*((group.within,) if group.within else ()), *group.columns)
    detail = f" ({', '.join(names.plain(column) for column in columns)})" if columns else ""
    return sentence_case(what), between + detail


def levels_of(fit: Fit, parameter: str) -> str:
    """Return how many levels a group has, by the name of its sd; empty for the residual."""
    for name in fit.tree["posterior"].data_vars:
        slope, _, group = str(name).partition("|")
        if group and parameter in {f"sd:{group}:{slope}", f"sd:{group}" if slope == "1" else ""}:
            return count(fit.tree["posterior"][str(name)].sizes[f"{group}_level"])
    return ""


def verdicts(answer: Answer, *, full: bool = False) -> Table:
    """Return the claims with their verdicts; in full with the region, the estimate and the reasons."""
    columns: tuple[Column, ...] = (Column("Verdict", "mark"), Column("Claim", width="1fr"))
    if not full:
        columns = (*columns, Column("Probability", "number"))
        rows = tuple(
            (_mark(answer, verdict), verdict.statement, probability(verdict.probability))
            for verdict in answer.verdicts
        )
        return Table(columns, rows)
    columns = (
        *columns,
        Column("Claimed"),
        Column("Probability", "number"),
        Column("Mean", "number"),
        Column("95 % interval", "number"),
    )
    return Table(columns, tuple(_full_verdict(answer, verdict) for verdict in answer.verdicts), wide=True)


def _full_verdict(answer: Answer, verdict: Verdict) -> tuple[Cell, ...]:
    places = decimals_for(verdict.upper - verdict.lower)
    of_probability = verdict.unit == PROBABILITY
    return (
        _mark(answer, verdict),
        verdict.statement,
        verdict.region,
        probability(verdict.probability),
        "" if of_probability else number(verdict.mean, places),
        "" if of_probability else interval(verdict.lower, verdict.upper, places),
    )


def _mark(answer: Answer, verdict: Verdict) -> Mark:
    word = answer.judged(verdict)
    return Mark(word, word)


def paired(answer: Answer) -> list[tuple[pd.Series, Estimate]]:
    """Return the rows of the companion that have a slope of the posterior beside them, term by term."""
    if not len(answer.companion):
        return []
    frame = answer.companion
    order = frame["term"].map({term: i for i, term in enumerate(frame["term"].unique())})
    rows = [row for _, row in frame.loc[order.sort_values(kind="stable").index].iterrows()]
    slopes = _slopes(answer.fit)
    found = [(row, slopes.get((str(row["term"]), _level(row)))) for row in rows]
    return [(row, estimate) for row, estimate in found if estimate is not None]


def companion(answer: Answer) -> Table:
    """Return the frequentist estimates beside the posterior of the same slope."""
    shown = paired(answer)
    more = [float(row[end]) for row, _ in shown for end in ("lower", "upper")]
    axis = _axis([found for _, found in shown], *more)
    places = decimals_for(float(np.median([found.width for _, found in shown])))
    rows: list[tuple[Cell, ...]] = []
    for i, (row, found) in enumerate(shown):
        if i == 0 or row["term"] != shown[i - 1][0]["term"]:
            rows.append((sentence_case(names.term(str(row["term"]))),))
        rows.append(_companion_row(row, found, axis, places))
    columns = (
        Column("", width="1fr"),
        Column("Posterior", "number"),
        Column("95 % interval", "number"),
        Column("Estimate", "number"),
        Column("95 % interval", "number"),
        Column("p", "number"),
        Column("", "strip", 36.0, axis.ticks()),
        Column("Sign", "mark"),
    )
    return Table(columns, tuple(rows), wide=True)


def _companion_row(row: pd.Series, found: Estimate, axis: _Axis, places: int) -> tuple[Cell, ...]:
    estimate, lower, upper = float(row["estimate"]), float(row["lower"]), float(row["upper"])
    other = (axis.at(lower), axis.at(estimate), axis.at(upper))
    ends = (axis.at(found.lower), axis.at(found.mean), axis.at(found.upper))
    return (
        _level(row) or "overall",
        number(found.mean, places),
        interval(found.lower, found.upper, places),
        number(estimate, places),
        interval(lower, upper, places),
        probability(float(row["p"])),
        Strip(*ends, zero=axis.zero(), other=other),
        _agreement(row),
    )


def _agreement(row: pd.Series) -> Cell:
    """Return the mark of a sign that differs; a dash where there is nothing to compare."""
    if pd.isna(row["agrees"]):
        return "–"
    return "" if row["agrees"] else Mark("differs", "differs")


def _slopes(fit: Fit) -> dict[tuple[str, str], Estimate]:
    """Return the slope of each term over all systems (level empty) and at each system."""
    overall = {(estimate.term, ""): estimate for estimate in reversed(estimates.headline(fit))}
    levels = [each for terms in estimates.by_level(fit).get(SYSTEM, ()) for each in terms]
    return overall | {(estimate.term, estimate.level): estimate for estimate in reversed(levels)}


def _level(row: pd.Series) -> str:
    """Return the system that a row of the companion is about; empty for all of them."""
    system = str(row["system"])
    return "" if system == ALL else system


def gates(fit: Fit) -> Table:
    """Return the diagnostics against their gates."""
    d = fit.diagnostics
    checks: list[tuple[str, str, str, bool]] = [
        (
            "Largest R-hat",
            f"{d.max_r_hat:.4f}",
            f"at most {MAX_R_HAT:g}",
            d.max_r_hat <= MAX_R_HAT,
        ),
        ("Smallest bulk ESS", number(d.min_ess_bulk, 0), f"at least {MIN_ESS}", d.min_ess_bulk >= MIN_ESS),
        ("Smallest tail ESS", number(d.min_ess_tail, 0), f"at least {MIN_ESS}", d.min_ess_tail >= MIN_ESS),
        ("Divergent transitions", count(d.divergences), "none", d.divergences == 0),
    ]
    if d.pareto_k is not None:
        checks.append(
            (
                "Pareto k-hat",
                f"{d.pareto_k:.2f}",
                f"below {MAX_PARETO_K:g}",
                d.pareto_k < MAX_PARETO_K,
            )
        )
    rows = tuple(
        (Mark(*(("pass", "passed") if ok else ("fail", "failed"))), what, value, gate)
        for what, value, gate, ok in checks
    )
    columns = (Column("Gate", "mark"), Column("", width="1fr"), Column("Value", "number"), Column("Limit"))
    return Table(columns, rows)


def priors(fit: Fit) -> Table:
    """Return the prior of every parameter beside its posterior, on the scale of the model."""
    by_parameter = {str(row["parameter"]): row for _, row in fit.summary.iterrows()}
    signs = symbols(fit.spec)
    rows: list[tuple[Cell, ...]] = []
    for name, prior in fit.manifest["priors"].items():
        row = by_parameter.get(str(name))
        found = ("", "")
        if row is not None:
            places = decimals_for(float(row["upper"]) - float(row["lower"]))
            found = (
                number(float(row["mean"]), places),
                interval(float(row["lower"]), float(row["upper"]), places),
            )
        rows.append((signs.get(name, ""), sentence_case(names.parameter_of(str(name))), str(prior), *found))
    columns = (
        Column("", "math"),
        Column("Parameter", width="1fr"),
        Column("Prior"),
        Column("Posterior mean", "number"),
        Column("95 % interval", "number"),
    )
    return Table(columns, tuple(rows), wide=True)


def units(fit: Fit) -> Table:
    """Return what one standard deviation of each moderator is in the units of its measure."""
    rows = tuple(
        (
            sentence_case(names.plain(str(unit["moderator"]))),
            str(unit["measure"]),
            str(unit["study"]),
            _significant(unit["mean"]),
            _significant(unit["sd"]),
            count(int(unit["values"])),
        )
        for unit in fit.manifest["units"]
    )
    columns = (
        Column("Moderator"),
        Column("Measure"),
        Column("Study", width="1fr"),
        Column("Mean", "number"),
        Column("One sd", "number"),
        Column("Values", "number"),
    )
    return Table(columns, rows)


def _significant(value: object) -> str:
    return "–" if value is None or value != value else number(float(str(value)), 3)
