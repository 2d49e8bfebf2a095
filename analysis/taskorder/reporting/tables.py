"""The tables about a fit: finished text, from the numbers of the fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from taskorder.claims import Verdict
from taskorder.inference.diagnostics import MAX_PARETO_K, MAX_R_HAT, MIN_ESS
from taskorder.inference.estimands import PROBABILITY
from taskorder.inference.fitting import Fit
from taskorder.reporting import estimates, names
from taskorder.reporting.answer import Answer
from taskorder.reporting.content import Cell, Column, Mark, Part, Table
from taskorder.reporting.equation import symbols
from taskorder.reporting.estimates import Estimate
from taskorder.reporting.strips import axis_of
from taskorder.reporting.wording import (
    claimed,
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


def headline(answer: Answer) -> Table:
    """Return the slopes with their intervals, drawn and in figures."""
    shown = estimates.headline(answer.fit)
    axis = axis_of(shown)
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
                names.plain(estimate.unit),
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
    axis = axis_of(shown)
    rows = tuple(
        (
            *_what_differs(estimate, words),
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


def _what_differs(estimate: Estimate, words: dict[str, tuple[str, str]]) -> tuple[str, str]:
    what, between = words.get(estimate.parameter, ("score", "rows that nothing else tells apart"))
    return sentence_case(what), between


def levels_of(fit: Fit, parameter: str) -> str:
    """Return how many levels a group has, by the name of its sd; empty for the residual."""
    for name in fit.tree["posterior"].data_vars:
        slope, _, group = str(name).partition("|")
        if group and parameter in {f"sd:{group}:{slope}", f"sd:{group}" if slope == "1" else ""}:
            return count(fit.tree["posterior"][str(name)].sizes[f"{group}_level"])
    return ""


def verdicts(answer: Answer) -> Table:
    """Return the claims with their verdicts, in short."""
    columns: tuple[Column, ...] = (
        Column("Verdict", "mark"),
        Column("Claim", width="1fr"),
        Column("Probability", "number"),
    )
    rows = tuple(
        (_mark(verdict), verdict.claim.statement, probability(verdict.judgement.probability))
        for verdict in answer.verdicts
    )
    return Table(columns, rows)


def verdicts_in_full(found: Sequence[Verdict]) -> Table:
    """Return claims with verdict, region and estimate."""
    columns = (
        Column("Verdict", "mark"),
        Column("Claim", width="1fr"),
        Column("Claimed", width=30.0),
        Column("Probability", "number"),
        Column("Mean", "number"),
        Column("95 % interval", "number"),
    )
    return Table(columns, tuple(_full_verdict(verdict) for verdict in found), wide=True)


def _full_verdict(verdict: Verdict) -> tuple[Cell, ...]:
    judgement = verdict.judgement
    places = decimals_for(judgement.upper - judgement.lower)
    of_probability = judgement.unit == PROBABILITY
    return (
        _mark(verdict),
        verdict.claim.statement,
        claimed(verdict),
        probability(judgement.probability),
        "" if of_probability else number(judgement.mean, places),
        "" if of_probability else interval(judgement.lower, judgement.upper, places),
    )


def in_register(verdict: Verdict) -> Part:
    """Return what the register of all claims says of one."""
    return {
        "mark": asdict(_mark(verdict)),
        "id": verdict.claim.id,
        "statement": verdict.claim.statement,
        "probability": probability(verdict.judgement.probability),
        "tier": verdict.tier,
        "origin": verdict.claim.origin,
    }


def evidence(found: Sequence[Verdict]) -> Table:
    """Return the gates of each claim, and the tier of its record."""
    columns = (
        Column("Claim", "mono", "1fr"),
        Column("Grounded", "mark"),
        Column("Reproduced", "mark"),
        Column("Attacked", "mark"),
        Column("Attacks", "number"),
        Column("Tier"),
    )
    rows = tuple((verdict.claim.id, *_gates(verdict), verdict.tier) for verdict in found)
    return Table(columns, rows, wide=True)


def _gates(verdict: Verdict) -> tuple[Cell, ...]:
    grounded, reproduced, attacked = verdict.grounded, verdict.reproduced, verdict.attacked
    words = (
        f"{100 * grounded.share:.0f} % of rows" if grounded else "–",
        f"{reproduced.errors:.1f} errors" if reproduced and np.isfinite(reproduced.errors) else "–",
        f"{attacked.score:.1f} of 10" if attacked and attacked.tried else "–",
    )
    marks = (
        Mark("pass" if passed else "fail", word)
        for passed, word in zip(verdict.gates.values(), words, strict=True)
    )
    return (*marks, count(attacked.tried) if attacked else "–")


def _mark(verdict: Verdict) -> Mark:
    return Mark(verdict.verdict, verdict.verdict)


def walked(fit: Fit) -> bool:
    """Say whether NUTS drew the posterior: importance sampling has no transitions that could diverge."""
    return fit.diagnostics.pareto_k is None


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
    ]
    if walked(fit):
        checks.append(("Divergent transitions", count(d.divergences), "none", d.divergences == 0))
    if d.pareto_k is not None:
        checks.append(
            (
                "Pareto k-hat",
                number(d.pareto_k, 2),
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
        rows.append(
            (signs.get(name, ""), sentence_case(names.parameter_of(str(name), fit.spec)), str(prior), *found)
        )
    columns = (
        Column("", "math"),
        Column("Parameter", width="1fr"),
        Column("Prior"),
        Column("Posterior mean", "number"),
        Column("95 % interval", "number"),
    )
    return Table(columns, tuple(rows), wide=True)


def units(fit: Fit) -> Table:
    """Return what one standard deviation of each moderator of the model is in the units of its measure."""
    terms = fit.spec.sequence.moderators if fit.spec.sequence else ()
    used = {word for term in terms for word in term.split(":")}
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
        if unit["moderator"] in used
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
