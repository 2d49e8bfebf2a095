"""What would change our mind: how far each claim is from the other decision, and what came nearest to it."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import norm

from taskorder.claims import Claim, Verdict
from taskorder.claims.evidence import ENOUGH, SHUFFLED, Decision, decide
from taskorder.inference.estimands import PROBABILITY, RATIO
from taskorder.reporting.content import Part
from taskorder.reporting.specification import nearest_sentence
from taskorder.reporting.wording import (
    amount,
    claimed,
    decimals_for,
    interval,
    listed,
    number,
    probability,
    sentence_case,
)

NARROWEST = 30.0
"""How many times as narrow an interval may have to become for its decision to be within reach."""
_HALF = float(norm.ppf(0.975))


def needed(claim: Claim, mean: float, sd: float) -> tuple[float, Decision]:
    """Return how many times as narrow the posterior must become to decide a claim, and what it then decides.

    The posterior is taken for Normal, and its mean to stay where it is: infinite where the mean lies at the
    limit of the region.
    """
    low, high = _region(claim)
    times = np.geomspace(1.0, NARROWEST, 2000)
    inside = norm.cdf((high - mean) * times / sd) - norm.cdf((low - mean) * times / sd)
    decided = np.flatnonzero((inside >= ENOUGH) | (1.0 - inside >= ENOUGH))
    if not len(decided):
        return math.inf, "undecided"
    first = decided[0]
    return float(times[first]), decide(float(inside[first]), passed=True)


def _region(claim: Claim) -> tuple[float, float]:
    """Return the ends of the claimed region."""
    low, high = claim.at - claim.rope, claim.at + claim.rope
    return {"above": (high, math.inf), "below": (-math.inf, low), "within": (low, high)}[claim.region]


def change(verdict: Verdict) -> Part:
    """Return what would change the mind about a claim: its mark, its statement and sentences."""
    return {
        "mark": {"mark": verdict.verdict, "word": verdict.verdict},
        "statement": verdict.claim.statement,
        "text": " ".join(text for text in _sentences(verdict) if text),
    }


def _sentences(verdict: Verdict) -> list[str]:
    claim, judgement = verdict.claim, verdict.judgement
    needs = f"{sentence_case(claim.needs)} would decide it." if claim.needs else ""
    if not math.isfinite(judgement.probability):
        return ["There are no data.", needs]
    if not judgement.diagnosed:
        return ["A fit that passes its diagnostics comes first."]
    if judgement.decision == "undecided":
        return [_open(verdict), _deciding(verdict), needs]
    stands = "" if verdict.verdict != "undecided" else _gates(verdict)
    return [stands, _flips(verdict), nearest_sentence(verdict)]


def _open(verdict: Verdict) -> str:
    """Say how much narrower the interval has to become, and how many times the data that takes."""
    claim, judgement = verdict.claim, verdict.judgement
    found = probability(judgement.probability)
    held = f"The claimed region, {claimed(verdict)}, has probability {found}"
    if judgement.unit == PROBABILITY:
        return f"{held}; {ENOUGH:g} decides."
    places = decimals_for(judgement.upper - judgement.lower)
    inside = amount(interval(judgement.lower, judgement.upper, places), _unit(judgement.unit))
    text = f"{held}: the interval is {inside}, with its mean at {number(judgement.mean, places)}."
    times, decision = needed(claim, judgement.mean, (judgement.upper - judgement.lower) / (2 * _HALF))
    if decision == "undecided":
        return f"{text} The mean lies so near the limit that more data of the same kind may never decide it."
    return (
        f"{text} Were the mean to stay there, an interval {number(times, 1)} times as narrow would make it"
        f" {decision}: about {_times(times**2)} the independent data, as variance falls with their number."
    )


def _unit(unit: str) -> str:
    return "" if unit == RATIO else unit


def _times(value: float) -> str:
    return f"{number(value, 1 if value < 10 else 0)} times"


def _deciding(verdict: Verdict) -> str:
    """Say under which other choices an open claim would be decided."""
    found: dict[str, list[str]] = {"supported": [], "refuted": []}
    for attack in verdict.attacked.attacks if verdict.attacked else ():
        if attack.flipped and attack.kind != SHUFFLED and attack.after in found:
            found[attack.after].append(attack.name)
    said = [f"{decision} under: {listed(under)}" for decision, under in found.items() if under]
    return f"It would be {'; '.join(said)}." if said else ""


def _flips(verdict: Verdict) -> str:
    attacked = verdict.attacked
    if attacked is None or not attacked.tried:
        return ""
    flips = [one.name for one in attacked.attacks if one.flipped]
    if not flips:
        return f"None of {attacked.tried} other choices of the analysis flips the decision."
    return f"{len(flips)} of {attacked.tried} other choices flip the decision: {listed(flips)}."


def _gates(verdict: Verdict) -> str:
    missing = [_OPENED[name] for name, passed in verdict.gates.items() if not passed]
    return (
        f"The posterior is decided (probability {probability(verdict.judgement.probability)}); it would be"
        f" {verdict.judgement.decision} if it {listed(missing)}, too."
    )


_OPENED = {"grounded": "were grounded", "reproduced": "came again", "attacked": "withstood its attacks"}
