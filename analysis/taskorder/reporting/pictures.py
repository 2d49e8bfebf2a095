"""What the document draws, each picture with its caption."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from taskorder.inference.diagnostics import MAX_R_HAT, MIN_ESS
from taskorder.inference.estimands import PROBABILITY
from taskorder.inference.fitting import Fit
from taskorder.reporting import (
    calibration,
    contrasts,
    estimates,
    figures,
    names,
    nested,
    networks,
    orders,
    regret_figure,
    specification,
    specification_figure,
    wording,
)
from taskorder.reporting.answer import Answer
from taskorder.reporting.content import Part
from taskorder.reporting.estimates import Estimate
from taskorder.reporting.style import Picture
from taskorder.results import catalogue as shipped

_MOST_RANKS = 3


def _picture(picture: Picture, caption: str) -> Part:
    return {"svg": picture.svg, "width": picture.width, "alt": picture.alt, "caption": caption}


def bare(picture: Picture) -> Part:
    """Return a picture that needs no caption."""
    return _picture(picture, "")


def network(evidence: networks.Evidence) -> Part:
    """Draw a network of evidence."""
    return _picture(networks.picture(evidence.graph), networks.legend(evidence.graph))


def regrets(found: Answer) -> list[Part]:
    """Draw the regret of every strategy by how many tasks are tried: a picture for each thing left out."""
    return [_regrets(scheme, curve) for scheme, curve in found.curves.items()]


def _regrets(scheme: str, curve: pd.DataFrame) -> Part:
    levels = wording.counted(int(curve["levels"].max()), names.plain(scheme))
    caption = (
        "What each strategy loses against the best candidate, by the number of candidates that are tried:"
        f" means and 95 % intervals (Student’s t) over {levels} of"
        f" {wording.listed(str(curve['studies'].iloc[0]).split(', '))} that were left out in turn."
    )
    return _picture(regret_figure.regret_curves(curve), caption)


def of_orders(fit: Fit) -> Part | None:
    """Draw the scores of the orders of the same tasks; None where no set has two orders."""
    found = orders.compared(fit)
    return _picture(orders.picture(found), orders.caption(found, fit)) if found else None


def of_nested(fit: Fit) -> list[Part]:
    """Draw what groups within groups do, such as languages within families."""
    found = nested.nested(fit)
    pairs = dict.fromkeys((one.outer, one.inner) for one in found)
    of_pairs = [[one for one in found if (one.outer, one.inner) == pair] for pair in pairs]
    return [_picture(nested.picture(terms, fit), nested.caption(terms)) for terms in of_pairs]


def specifications(found: Answer) -> list[Part]:
    """Draw the estimate of each claim as each choice of the analysis is made otherwise."""
    curves: dict[str, specification.Curve] = {}
    for verdict in found.verdicts:
        if (one := specification.curve(verdict, found.otherwise)) is not None:
            curves.setdefault(verdict.claim.estimand, one)
    return [_specification(found.fit, one) for one in curves.values()]


def _specification(fit: Fit, curve: specification.Curve) -> Part:
    estimate = estimates.named(fit, curve.claim.estimand)
    label = estimate.label if estimate else names.plain(curve.claim.estimand)
    picture = _picture(
        specification_figure.specification(curve), f"{label}. {specification.sentences(curve)}"
    )
    return {**picture, "claim": curve.claim.id}


def densities(found: Answer) -> list[Part]:
    """Draw the estimates that claims are about, without any the headline: one picture a unit."""
    claimed = dict.fromkeys(verdict.claim.estimand for verdict in found.verdicts)
    about = [one for name in claimed if (one := estimates.named(found.fit, name))]
    shown = [one for one in about if one.unit != PROBABILITY]
    units: dict[str, list[Estimate]] = {}
    for one in shown or [one for one in estimates.headline(found.fit) if one.term != "1"]:
        units.setdefault(one.unit, []).append(one)
    return [_densities(found, shown, unit) for unit, shown in units.items()]


def _densities(found: Answer, shown: Sequence[Estimate], unit: str) -> Part:
    regions = [found.region(estimate.parameter) for estimate in shown]
    caption = "The posterior of each estimate, with its mean, its central half and its 95 % interval."
    if any(rope for _, rope in regions):
        ropes = [rope for _, rope in regions]
        caption += f" Shaded: what the claims hold too small to matter{_limit(ropes, unit)}."
    unit = unit or estimates.outcome_unit(found.fit)
    return _picture(figures.densities(shown, regions, wording.long_unit(unit)), caption)


def _limit(ropes: Sequence[float], unit: str) -> str:
    """Return the limit that all slopes share, as the end of a sentence; empty if they have different ones."""
    return f", ±{ropes[0]:g} {wording.short_unit(unit)}" if len(set(ropes)) == 1 else ""


def matrix(found: Answer) -> Part | None:
    """Draw what each stage does to each target in one study; None where no study has enough of both."""
    rows = _contrasts(found)
    chosen = contrasts.matrix(rows) if rows is not None else None
    if chosen is None:
        return None
    study, table = chosen
    best = table.mean(axis=1)
    caption = (
        f"What each stage (row) does to each target (column) in {study}, before any model: its score"
        " against the mean over all stages. A full disc is a gain, an open one a loss; the largest is"
        f" {wording.signed(_largest(table), 1)} points. On average {names.plain(str(best.index[0]))} does"
        f" most ({wording.signed(float(best.iloc[0]), 1)}), {names.plain(str(best.index[-1]))} least"
        f" ({wording.signed(float(best.iloc[-1]), 1)})."
    )
    return _picture(figures.gain_matrix(table), caption)


def _largest(table: pd.DataFrame) -> float:
    values = table.to_numpy(float)
    return float(values.flat[int(np.nanargmax(np.abs(values)))])


def _contrasts(found: Answer) -> pd.DataFrame | None:
    return contrasts.contrasts(found.fit, found.covariates or shipped.covariates())


def forest(found: Answer, group: str) -> Part:
    """Draw the slopes of each level of a group."""
    terms = estimates.by_level(found.fit)[group]
    overall = [estimates.overall(found.fit, levels[0].term) for levels in terms]
    ropes = [0.0 if total is None else found.rope(total.parameter) for total in overall]
    unit = terms[0][0].unit
    levels = names.between(group, found.fit.spec)
    caption = (
        f"Slopes by {levels}: mean, central half and 95 % interval. The lozenge and the broken"
        f" line are the slope over all {levels}. {wording.sentence_case(levels)} whose studies say nothing of"
        f" a slope show the spread of the population of {levels}."
    )
    if any(ropes):
        caption += f" Shaded: what the claims hold too small to matter{_limit(ropes, unit)}."
    if len(terms[0]) > figures.MOST_LEVELS:
        caption += f" Shown are the {figures.MOST_LEVELS} most extreme of {wording.count(len(terms[0]))}."
    return _picture(figures.forest(terms, overall, ropes, unit.split(" at ")[0]), caption)


def moderators(found: Answer) -> list[Part]:
    """Draw the stages against each moderator."""
    rows = _contrasts(found)
    if rows is None:
        return []
    shown = [contrasts.against(found.fit, rows, term) for term in ("difficulty", "similarity")]
    return [_moderator(data) for data in shown if data is not None]


def _moderator(data: contrasts.Against) -> Part:
    if len(data.fitted):
        caption = (
            f"Each stage against its {data.term}. Open: its mean score in the rows, before any model."
            " Full: what the model makes of it, with 95 % interval. Line and band: the slope alone."
            f" What lies off the line, {data.term} does not explain."
        )
    else:
        caption = (
            f"Each of {wording.count(len(data.labels))} pairs of stage and target against their {data.term},"
            " before any model; line and band: the slope of the model with its 95 % interval."
        )
    return {
        **_picture(figures.moderator(data, "in standard deviations"), caption),
        "term": names.plain(data.term),
    }


def mixing(fit: Fit) -> Part:
    """Draw how the chains mix."""
    chosen = [estimate for estimate in estimates.headline(fit) if estimate.term != "1"][:_MOST_RANKS]
    chains = fit.tree["posterior"].sizes["chain"]
    ranked = [(estimate.label, estimate.draws.reshape(chains, -1)) for estimate in chosen]
    caption = (
        f"Left: every estimate; the broken lines are the gates (R-hat at most {MAX_R_HAT:g}, effective sample"
        f" size at least {MIN_ESS}), a cross is beyond them. Right: the share of each chain’s ranks below"
        " each value, less what is expected; chains that mix stay near zero."
    )
    return _picture(figures.mixing(fit.summary, ranked, MAX_R_HAT, MIN_ESS), caption)


def ranks(one: calibration.Calibrated) -> Part:
    """Draw the ranks of a calibration."""
    caption = (
        f"The {one.engine} engine: the distribution function of the truths’ ranks among the draws, less that"
        " of uniform ranks. The band holds all of a curve with probability 95 % where the engine is right;"
        " levels of a group share a panel. A curve that leaves it is ochre."
    )
    return _picture(calibration.panels(one), caption)
