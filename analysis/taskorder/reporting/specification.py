"""The specification curve of a claim's estimate: what it is as each choice of the analysis is made otherwise.

Reference: Simonsohn, Simmons & Nelson (2020), Nature Human Behaviour 4, doi:10.1038/s41562-020-0912-z.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from taskorder.claims import Claim, Verdict
from taskorder.claims.evidence import SHUFFLED, Attack, Decision
from taskorder.claims.judging import attack_name
from taskorder.inference.criticism.sketches import Sketch
from taskorder.inference.estimands import PROBABILITY, RATIO
from taskorder.reporting.wording import (
    amount,
    counted,
    counted_plain,
    decimals_for,
    interval,
    listed,
    number,
    probability,
)  # fmt: skip

KINDS = {
    "prior": "prior",
    "scale": "scale",
    "likelihood": "likelihood",
    "measure": "measure of a moderator",
    "flags": "flagged rows taken in",
    "outliers": "outlying rows left out",
    "left out": "study left out",
}
"""What may be chosen otherwise, in the order in which it is listed."""
FEWEST = 2
"""Choices that make a curve."""


@dataclass(frozen=True)
class Choice:
    """The estimate under one analysis, and what it decides.

    `name` and `kind` say what is done otherwise; both are empty for the analysis as registered.
    """

    name: str
    kind: str
    mean: float
    lower: float
    upper: float
    decision: Decision
    flipped: bool = False


@dataclass(frozen=True)
class Curve:
    """The estimate that a claim is about, under every analysis.

    Attributes
    ----------
    claim : Claim
    unit : str
    registered : Choice
    choices : tuple of Choice
        One choice made otherwise each, from the lowest mean to the highest.
    shuffled : Choice or None
        The claim's negative control.
    """

    claim: Claim
    unit: str
    registered: Choice
    choices: tuple[Choice, ...]
    shuffled: Choice | None = None

    def sorted(self) -> tuple[Choice, ...]:
        """Return all analyses from the lowest mean to the highest, the registered one among them."""
        return tuple(sorted((self.registered, *self.choices), key=lambda one: one.mean))

    def kinds(self) -> tuple[str, ...]:
        """Return what is chosen otherwise in any of them."""
        found = dict.fromkeys([*KINDS, *(one.kind for one in self.choices)])
        return tuple(kind for kind in found if any(one.kind == kind for one in self.choices))


def curve(verdict: Verdict, sketches: Sequence[Sketch]) -> Curve | None:
    """Return the specification curve of a claim.

    Parameters
    ----------
    verdict : Verdict
        With its attacks.
    sketches : sequence of Sketch
        What attacked.

    Returns
    -------
    Curve or None
        None where the estimate is a probability, which has no interval, or where too little was tried.
    """
    judgement = verdict.judgement
    if verdict.attacked is None or judgement.unit == PROBABILITY or not np.isfinite(judgement.mean):
        return None
    by_name = {attack_name(sketch): sketch for sketch in sketches}
    pairs = [
        (one, by_name[one.name])
        for one in verdict.attacked.attacks
        if one.carried_out and one.name in by_name
    ]
    found = [_choice(attack, sketch, verdict.claim.estimand) for attack, sketch in pairs]
    choices = sorted((one for one in found if one.kind != SHUFFLED), key=lambda one: one.mean)
    registered = Choice("", "", judgement.mean, judgement.lower, judgement.upper, judgement.decision)
    shuffled = next((one for one in found if one.kind == SHUFFLED), None)
    if len(choices) < FEWEST:
        return None
    return Curve(verdict.claim, judgement.unit, registered, tuple(choices), shuffled)


def _choice(attack: Attack, sketch: Sketch, estimand: str) -> Choice:
    values = sketch.summary(estimand)
    return Choice(
        attack.name,
        attack.kind,
        values["mean"],
        values["lower"],
        values["upper"],
        attack.after,
        attack.flipped,
    )


def sentences(found: Curve) -> str:
    """Say how many analyses keep sign and decision, between what the estimate moves, and what flips it."""
    low, high = found.choices[0], found.choices[-1]
    places = decimals_for(found.registered.upper - found.registered.lower)
    kept = sum(np.sign(one.mean) == np.sign(found.registered.mean) for one in found.choices)
    flips = [one for one in found.choices if one.flipped]
    total, unit = len(found.choices), "" if found.unit == RATIO else found.unit
    text = (
        f"Of {counted(total, 'analysis', 'analyses')} done otherwise {_all(int(kept), total)} the sign and"
        f" {_all(total - len(flips), total)} the decision; the mean is between"
        f" {number(low.mean, places)} ({low.name}) and {amount(number(high.mean, places), unit)}"
        f" ({high.name})."
    )
    if flips:
        named = [f"{one.decision} {_by(one.name)}" for one in flips]
        text += f" It would be {listed(named[:4])}{_more(named[4:])}."
    return f"{text}{_control(found, places)}"


def _all(count: int, total: int) -> str:
    """Return `all keep`, `one keeps` or `none keep`."""
    words = "all" if count == total else "none" if count == 0 else counted_plain(count)
    return f"{words} {'keeps' if words == 'one' else 'keep'}"


def _by(name: str) -> str:
    return name if name.startswith("without") else f"with {name}"


def _more(rest: Sequence[str]) -> str:
    return f", and by {counted_plain(len(rest))} more analyses another" if rest else ""


def _control(found: Curve, places: int) -> str:
    if found.shuffled is None:
        return ""
    one = found.shuffled
    return (
        f" With labels shuffled ({one.name}) it is {number(one.mean, places)}"
        f" ({interval(one.lower, one.upper, places)}), which decides: {one.decision}."
    )


def nearest(verdict: Verdict) -> Attack | None:
    """Return the attack under which a decided claim is least certain; None where nothing was tried."""
    attacked = verdict.attacked
    decision = verdict.judgement.decision
    tried = [one for one in attacked.attacks if one.carried_out and one.kind != SHUFFLED] if attacked else []
    if not tried or decision == "undecided":
        return None
    key = (lambda one: one.probability) if decision == "supported" else (lambda one: -one.probability)
    return min(tried, key=key)


def nearest_sentence(verdict: Verdict) -> str:
    """Say which attack came nearest to flipping a decision; empty where nothing was tried."""
    attack = nearest(verdict)
    if attack is None:
        return ""
    then, registered = probability(attack.probability), probability(verdict.judgement.probability)
    if then == registered:
        return f"Whatever is chosen otherwise, the claimed region keeps a probability of {registered}."
    how = _by(attack.name)
    verb = "flips the decision" if attack.flipped else "comes nearest to flipping the decision"
    return (
        f"{how[:1].upper()}{how[1:]} {verb}: the claimed region then has probability"
        f" {then}, as registered {registered}."
    )
