"""The running text about a fit, written from its numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from taskorder.inference.estimands import PROBABILITY, RATIO, reports_points
from taskorder.inference.fitting import Fit
from taskorder.inference.spec import EstimandSpec
from taskorder.reporting import estimates, names, wording
from taskorder.reporting.answer import Answer
from taskorder.reporting.calibration import Calibrated
from taskorder.reporting.estimates import Estimate, draws_of

MOST_TOLD = 4
"""Estimates of the headline that are told in sentences where no claim says which matter."""


def findings(answer: Answer) -> list[str]:
    """Return the answer to the question: a paragraph for each estimate that matters, then one on recency.

    Those matter that a claim is about; without claims, the first of the headline.
    """
    fit = answer.fit
    claimed = dict.fromkeys(verdict.claim.estimand for verdict in answer.verdicts)
    told = [one for name in claimed if (one := estimates.named(fit, name)) and one.unit != PROBABILITY]
    told = told or list(estimates.headline(fit)[:MOST_TOLD])
    found = [" ".join([finding(answer, one), *_signs_of(fit, one)]) for one in told]
    if "recency" in fit.tree["posterior"].data_vars:
        ratio = np.exp(-draws_of(fit, "recency"))
        low, high = np.quantile(ratio, [0.025, 0.975])
        above_one = float((ratio > 1).mean())
        found.append(wording.recency_sentence(float(ratio.mean()), float(low), float(high), above_one))
    return found


def _signs_of(fit: Fit, estimate: Estimate) -> list[str]:
    entry = fit.spec.estimands.get(estimate.parameter)
    return signs(fit, estimate.term) if entry is None or entry.function == "points" else []


def finding(answer: Answer, estimate: Estimate) -> str:
    """Say what an estimate is, in a sentence."""
    fit = answer.fit
    entry = fit.spec.estimands.get(estimate.parameter)
    if entry is None or entry.function == "points":
        return _slope(answer, estimate)
    if entry.function in {"contrast", "curriculum"}:
        subject = _contrast(entry) if entry.function == "contrast" else _curriculum(entry)
        return _changes(answer, estimate, wording.sentence_case(subject))
    return wording.level_sentence(
        wording.sentence_case(names.quantity(entry, fit.spec)),
        estimate.mean,
        estimate.lower,
        estimate.upper,
        "" if estimate.unit == RATIO else estimate.unit,
    )


def _contrast(entry: EstimandSpec) -> str:
    return f"{_level(entry.of)} instead of {_level(entry.to, beside=entry.of)}"


def _curriculum(entry: EstimandSpec) -> str:
    apart = f"of two tasks one standard deviation apart in {entry.of}"
    return f"{apart}, training on the higher one last and not first"


def _level(term: str, beside: str = "") -> str:
    """Return a level with its column, such as `the tuning “lora”`; alone beside another of this column.

    Of no column of text it is the term itself.
    """
    column, bracket, level = term.removesuffix("]").partition("[")
    if not bracket:
        return names.term(column)
    quoted = f"“{names.plain(level)}”"
    return quoted if beside.startswith(f"{column}[") else f"the {names.plain(column)} {quoted}"


def _slope(answer: Answer, estimate: Estimate) -> str:
    fit, term = answer.fit, estimate.term
    unit = estimate.unit if fit.spec.outcome.scale != "identity" else ""
    numbers = (estimate.mean, estimate.lower, estimate.upper)
    moderators = () if fit.spec.sequence is None else fit.spec.sequence.moderators
    if term == "1":
        return wording.level_sentence("The intercept", *numbers, unit)
    if term.endswith("]") and "1" not in fit.spec.fixed.terms:
        outcome = _outcome(fit) if reports_points(fit.spec) else f"the mean of {_outcome(fit)}"
        return wording.mean_sentence(_level(term), outcome, numbers, unit, estimate.above_zero)
    first, *rest = term.split(":")
    if rest and {first, *rest} <= set(moderators):
        return wording.interaction_sentence(
            first, names.plain(":".join(rest)), numbers, unit, estimate.above_zero
        )
    slope, _, last = term.rpartition(":")
    if slope and term not in moderators and "[" not in term:
        each = f"Each further unit of {names.term(last)}"
        return _changes(answer, estimate, each, f"the {names.slope(slope)}")
    return _changes(answer, estimate, _subject(term, moderators, fit))


def _changes(answer: Answer, estimate: Estimate, subject: str, changed: str = "") -> str:
    fit = answer.fit
    unit = estimate.unit if fit.spec.outcome.scale != "identity" else ""
    numbers = (estimate.mean, estimate.lower, estimate.upper)
    rope = answer.rope(estimate.parameter)
    outcome = changed or _outcome(fit)
    return wording.slope_sentence(subject, outcome, numbers, unit, estimate.above_zero, rope)


def _outcome(fit: Fit) -> str:
    return "the score" if reports_points(fit.spec) else names.plain(fit.spec.outcome.column)


def _subject(term: str, moderators: tuple[str, ...], fit: Fit) -> str:
    words = names.long_term(term, fit.spec)
    if term in moderators:
        return f"One standard deviation more {words}"
    if term.endswith("]"):
        return wording.sentence_case(f"{_level(term)} instead of {_reference(term, fit)}")
    return f"An {words}" if fit.spec.sequence is not None and term == "stage" else f"One unit more {words}"


def _reference(term: str, fit: Fit) -> str:
    """Return the level that a column of text is coded against."""
    column = term.partition("[")[0]
    if column in fit.spec.fixed.reference:
        return _level(f"{column}[{fit.spec.fixed.reference[column]}]", beside=term)
    cells = fit.tree["constant_data"]
    if column not in cells:
        return "the reference"
    return _level(f"{column}[{min(map(str, cells[column].to_numpy()))}]", beside=term)


def signs(fit: Fit, term: str) -> list[str]:
    """Say for a slope that differs between levels at how many of them its sign can be told."""
    return [
        _signs_at(levels, names.between(group, fit.spec))
        for group, terms in estimates.by_level(fit).items()
        for levels in terms
        if levels[0].term == term
    ]


def _signs_at(levels: Sequence[Estimate], groups: str) -> str:
    """Say at how many levels, each for itself, a sign can be told, and whether all have one at once."""
    sides: list[wording.Direction] = [wording.direction(level.above_zero) for level in levels]
    text = wording.signs_sentence(f"the {names.slope(levels[0].term)}", f"{groups}, each taken alone", sides)
    told = len(levels) - sides.count("undecided")
    excluding = sum(level.lower > 0 or level.upper < 0 for level in levels)
    more: list[str] = []
    if excluding < told:
        verb = "exclude" if excluding > 1 else "excludes"
        number = wording.counted_plain(excluding) if excluding else "none"
        more.append(f"{number} of their 95 % intervals {verb} zero")
    if len(levels) > 1 and len(levels) in (sides.count("positive"), sides.count("negative")):
        above = np.stack([level.draws for level in levels]) > 0  # (L, S)
        at_once = float((above.all(axis=0) | ~above.any(axis=0)).mean())
        more.append(f"that all of them have one sign has probability {wording.probability(at_once)}")
    return f"{text} {wording.sentence_case('; '.join(more))}." if more else text


def doubts(fit: Fit) -> list[str]:
    """Say what is least certain, and what differs most."""
    found: list[str] = []
    slopes = [estimate for estimate in estimates.headline(fit) if estimate.term != "1"]
    if slopes:
        vaguest = max(slopes, key=lambda e: e.width / abs(e.mean) if e.mean else float("inf"))
        unit = vaguest.unit if fit.spec.outcome.scale != "identity" else ""
        label = vaguest.label[:1].lower() + vaguest.label[1:]
        found.append(wording.vaguest_sentence(label, vaguest.lower, vaguest.upper, vaguest.mean, unit))
    found += _largest_spread(fit)
    return found


def _largest_spread(fit: Fit) -> list[str]:
    words = names.heterogeneity(fit.spec)
    sds = [estimates.in_points(e, fit) for e in estimates.heterogeneity(fit) if e.parameter in words]
    shown = [e for e in sds if not names.held(e.parameter, fit.spec)]
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
    aside = len(sds) - len(shown)
    if found and aside:
        prior = "a narrow prior" if aside == 1 else "narrow priors"
        found.append(f"Left aside: {wording.counted(aside, 'sd')} held by {prior}.")
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
    """Say how the posterior was computed, and why so; not in what time, so that it can be said again."""
    d, m = fit.diagnostics, fit.manifest
    return (
        f"{wording.count(int(m['draws']))} draws by the {d.engine} engine (seed {m['seed']}), since"
        f" {m['why']}:"
        f" {wording.count(d.rows)} rows in {wording.count(int(m['cells']))} cells of replicates,"
        f" {wording.count(d.effects)} linear effects. {_sampling(fit)}"
    )


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
        " The draws are resampled by their Pareto-smoothed weights;"
        f" {100 * float(stats['distinct'].mean()):.0f} % of those kept are distinct."
        if "distinct" in stats
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
