"""The first page: each question with its answer in words and numbers, and a small picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from taskorder.claims import Verdict
from taskorder.reporting import estimates, figures, pictures, sentences, wording
from taskorder.reporting.answer import Answer, Unanswered
from taskorder.reporting.content import Part
from taskorder.reporting.estimates import Estimate


def card(found: Answer | Unanswered) -> Part:
    """Return the question, one or two sentences, and the density of the estimate that they are about."""
    if isinstance(found, Unanswered):
        return {"text": ["No data bear on it yet.", tally(found.verdicts)], "picture": None}
    estimate = principal(found)
    if estimate is None:
        return {"text": ["The model file reports no estimand."], "picture": None}
    return {
        "text": [sentences.finding(found, estimate), judged(found, estimate)],
        "picture": pictures.bare(figures.small_density(estimate, found.claim())),
    }


def principal(found: Answer) -> Estimate | None:
    """Return the estimate that stands for an answer: that of its first claim, else the first."""
    claim = found.claim()
    if claim is not None:
        return estimates.named(found.fit, claim.estimand)
    slopes = [one for one in estimates.headline(found.fit) if one.term != "1"]
    return next(iter([*slopes, *estimates.others(found.fit)]), None)


def judged(found: Answer, estimate: Estimate) -> str:
    """Say what became of the claim about an estimate, and of the others; nothing where there are none."""
    first = next((one for one in found.verdicts if one.claim.estimand == estimate.parameter), None)
    if first is None:
        return tally(found.verdicts)
    probability = wording.probability(first.judgement.probability)
    text = f"That it is {wording.claimed(first)} is {_verdict(first)} (probability {probability})."
    return f"{text} {tally(found.verdicts)}" if len(found.verdicts) > 1 else text


def _verdict(one: Verdict) -> str:
    if one.verdict == one.judgement.decision:
        return one.verdict
    missing = [_MISSED[name] for name, passed in one.gates.items() if not passed]
    return f"{one.verdict}, since it {wording.listed(missing)}"


_MISSED = {
    "grounded": "is not grounded",
    "reproduced": "does not come again",
    "attacked": "does not withstand its attacks",
}


def tally(verdicts: Sequence[Verdict]) -> str:
    """Say how many claims have which verdict."""
    if not verdicts:
        return "No claim about it is registered."
    counts = Counter(one.verdict for one in verdicts)
    parts = [
        f"{wording.counted_plain(counts[word])} {'is' if counts[word] == 1 else 'are'} {word}"
        for word in ("supported", "refuted", "undecided")
        if counts[word]
    ]
    total = wording.counted_plain(len(verdicts))
    if len(verdicts) == 1:
        return f"Its one claim is {verdicts[0].verdict}."
    if len(parts) == 1:
        return f"All its {total} claims are {verdicts[0].verdict}."
    return f"Of its {total} claims {wording.listed(parts)}."
