"""The running text about a fit, written from its numbers."""

from __future__ import annotations

import numpy as np

from taskorder.inference.estimands import reports_points
from taskorder.inference.fitting import Fit
from taskorder.reporting import estimates, names, wording
from taskorder.reporting.answer import Answer
from taskorder.reporting.calibration import Calibrated
from taskorder.reporting.estimates import Estimate, draws_of


def findings(answer: Answer) -> list[str]:
    """Return the answer to the question: a paragraph for each slope of the headline, then one on recency."""
    fit = answer.fit
    found = [
        " ".join([_slope(answer, estimate), *signs(fit, estimate.term)])
        for estimate in estimates.headline(fit)
    ]
    if "recency" in fit.tree["posterior"].data_vars:
        ratio = np.exp(-draws_of(fit, "recency"))
        low, high = np.quantile(ratio, [0.025, 0.975])
        above_one = float((ratio > 1).mean())
        found.append(wording.recency_sentence(float(ratio.mean()), float(low), float(high), above_one))
    return found


def _slope(answer: Answer, estimate: Estimate) -> str:
    fit, term = answer.fit, estimate.term
    scored = fit.spec.outcome.scale != "identity"
    outcome = "the score" if scored else names.plain(fit.spec.outcome.column)
    unit = estimate.unit if scored else ""
    numbers = (estimate.mean, estimate.lower, estimate.upper)
    moderators = () if fit.spec.sequence is None else fit.spec.sequence.moderators
    if term == "1":
        return wording.level_sentence("The intercept", *numbers, unit)
    first, *rest = term.split(":")
    if rest and {first, *rest} <= set(moderators):
        return wording.interaction_sentence(
            first, names.plain(":".join(rest)), numbers, unit, estimate.above_zero
        )
    subject, rope = _subject(term, moderators, fit), answer.rope(estimate.parameter)
    return wording.slope_sentence(subject, outcome, numbers, unit, estimate.above_zero, rope)


def _subject(term: str, moderators: tuple[str, ...], fit: Fit) -> str:
    words = names.long_term(term, fit.spec)
    if term in moderators:
        return f"One standard deviation more {words}"
    return f"An {words}" if fit.spec.sequence is not None and term == "stage" else f"One unit more {words}"


def signs(fit: Fit, term: str) -> list[str]:
    """Say for a slope that differs between levels at how many of them its sign can be told."""
    return [
        wording.signs_sentence(
            f"the slope of {names.term(term)}",
            names.plural(group),
            [wording.direction(level.above_zero) for level in levels],
        )
        for group, terms in estimates.by_level(fit).items()
        for levels in terms
        if levels[0].term == term
    ]


def doubts(fit: Fit) -> list[str]:
    """Say what is least certain, and what differs most."""
    found: list[str] = []
    slopes = [estimate for estimate in estimates.headline(fit) if estimate.term != "1"]
    if slopes:
        vaguest = max(slopes, key=lambda e: e.width / abs(e.mean) if e.mean else float("inf"))
        unit = vaguest.unit if fit.spec.outcome.scale != "identity" else ""
        label = f"the slope of {names.term(vaguest.term)}"
        found.append(wording.vaguest_sentence(label, vaguest.lower, vaguest.upper, vaguest.mean, unit))
    found += _largest_spread(fit)
    return found


def _largest_spread(fit: Fit) -> list[str]:
    words = names.heterogeneity(fit.spec)
    shown = [estimates.in_points(e, fit) for e in estimates.heterogeneity(fit) if e.parameter in words]
    slopes = [e for e in shown if words[e.parameter][0] != "score"]
    found: list[str] = []
    for among, subject in ((shown, "Scores differ"), (slopes, "What a stage adds differs")):
        if not among or (among is slopes and slopes == shown):
            continue
        largest = max(among, key=lambda e: e.mean)
        between = words[largest.parameter][1]
        places = wording.decimals_for(largest.width)
        amount = f"sd {wording.number(largest.mean, places)} {largest.unit}"
        found.append(f"{subject} most between {between}: {amount}.")
    return found


def subtitle(fit: Fit) -> str:
    """Return what the answer rests on: model, rows, studies."""
    rows = fit.manifest["rows"]
    parts = [
        f"Model {fit.spec.name}",
        f"{wording.count(sum(rows.values()))} rows of {wording.counted(len(rows), 'study', 'studies')}",
    ]
    return ", ".join(parts)


def conventions(fit: Fit) -> str:
    """Say what the numbers are: interval, points and the score at which they hold."""
    interval = fit.manifest["interval"]
    text = f"Intervals are {interval}: they hold the true value with that probability, given the model."
    if not reports_points(fit.spec):
        return f"{text} Numbers are in the units of {names.plain(fit.spec.outcome.column)}."
    if fit.spec.outcome.scale == "identity":
        return f"{text} Points are hundredths of the score."
    reference = wording.number(100 * float(fit.manifest["reference_score"]), 1)
    factor = wording.number(float(fit.manifest["points_per_unit"]), 1)
    return (
        f"{text} Points are hundredths of the score, stated at a score of {reference}"
        f" (one unit of the {fit.spec.outcome.scale} scale is {factor} points)."
    )


def computation(fit: Fit) -> str:
    """Say how the posterior was computed, and why so."""
    d, m = fit.diagnostics, fit.manifest
    first = "find the mode" if d.engine == "collapsed" else "compile"
    spent = [
        f"{wording.seconds(d.seconds[key])} to {what}"
        for key, what in (("compile", first), ("sample", "sample"))
        if key in d.seconds
    ]
    text = (
        f"{wording.count(int(m['draws']))} draws by the {d.engine} engine (seed {m['seed']}), since"
        f" {m['why']}:"
        f" {wording.count(d.rows)} rows in {wording.count(int(m['cells']))} cells of replicates,"
        f" {wording.count(d.effects)} linear effects"
    )
    return f"{text}{'; ' * bool(spent)}{wording.listed(spent)}. {_sampling(fit)}"


def _sampling(fit: Fit) -> str:
    d = fit.diagnostics
    if d.engine != "collapsed":
        return "NUTS walked on the whole model."
    if d.pareto_k is None:
        return (
            "The linear effects are integrated out. No proposal covered the density of what remains, so NUTS"
            " walked on it; the effects are drawn exactly, given the rest."
        )
    stats = fit.tree["sample_stats"].to_dataset() if "sample_stats" in fit.tree.children else {}
    kept = (
        f" Chains are made of the weighted draws; {100 * float(stats['moved'].mean()):.0f} % of their steps"
        " take a new draw."
        if "moved" in stats
        else ""
    )
    return (
        "The linear effects are integrated out; what remains is drawn by importance sampling from a proposal"
        f" about the mode, and the effects exactly, given the rest.{kept}"
    )


def calibrated(one: Calibrated, fit: Fit) -> str:
    """Say on what the calibration of an engine rests, and what it found."""
    first = one.summary.iloc[0]
    cells, total = int(first["cells"]), int(fit.manifest["cells"])
    design = (
        f"all {wording.count(total)}"
        if cells == total
        else f"{wording.count(cells)} of the {wording.count(total)}"
    )
    failed = int(first["failed"])
    fits = "fit" if failed == 1 else "fits"
    return (
        f"The {one.engine} engine was given {wording.count(int(first['data_sets']))} data sets that the model"
        f" made itself, with parameters from its priors, on {design} cells of its design;"
        f" {wording.counted_plain(failed)} {fits} failed the diagnostics and are not counted."
        f" {wording.sentence_case(wording.counted_plain(one.outside))} of"
        f" {wording.counted(len(one.summary), 'parameter')} left the 95 % band of uniform ranks, where"
        f" {wording.number(0.05 * len(one.summary), 1)} would by chance."
    )


def not_calibrated(fit: Fit) -> str:
    """Say that there is no calibration of a model."""
    return (
        f"The model {fit.spec.name} has not been calibrated: there is no table of it, such as"
        " “taskorder calibrate” writes."
    )
