"""The first page: each question with its answer in words and numbers, and a small picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from taskorder.claims import Verdict
from taskorder.inference.estimands import PROBABILITY
from taskorder.reporting import estimates, figures, names, pictures, sentences, wording
from taskorder.reporting.answer import Answer, Unanswered
from taskorder.reporting.catalogue_summary import millions
from taskorder.reporting.content import Part
from taskorder.reporting.estimates import Estimate


def card(found: Answer | Unanswered) -> Part:
    """Return the answer in a sentence, the claims that are decided, and a density.

    Returns
    -------
    Part
        `text`: what the principal estimate is. `picture`: its density. `claims`: those that are supported or
        refuted, with the probability of what they claim. `open`: the others. `counts`: how many there are of
        each, for want of room.
    """
    claims = {"claims": decided(found.verdicts), "counts": tally(found.verdicts), "open": undecided(found)}
    if isinstance(found, Unanswered):
        return {**claims, "text": "No data bear on it yet.", "picture": None}
    estimate = principal(found)
    if estimate is None:
        return {**claims, "text": "The model file reports no estimand.", "picture": None}
    picture = pictures.bare(figures.small_density(estimate, found.claim()))
    return {**claims, "text": sentences.finding(found, estimate), "picture": picture}


def principal(found: Answer) -> Estimate | None:
    """Return the estimate that stands for an answer: that of its first claim, else the first."""
    claim = found.claim()
    if claim is not None:
        return estimates.named(found.fit, claim.estimand)
    slopes = [one for one in estimates.headline(found.fit) if one.term != "1"]
    return next(iter([*slopes, *estimates.others(found.fit)]), None)


def decided(verdicts: Sequence[Verdict]) -> list[Part]:
    """Return the claims that are supported or refuted, the former first."""
    return [
        {
            "mark": word,
            "statement": one.claim.statement,
            "probability": wording.probability(one.judgement.probability) + _but(one),
        }
        for word in ("supported", "refuted")
        for one in verdicts
        if one.verdict == word
    ]


def undecided(found: Answer | Unanswered) -> Part | None:
    """Return how many claims are neither, and what they are about; None where there are none."""
    left = [one for one in found.verdicts if one.verdict == "undecided"]
    if not left:
        return None
    about = [] if isinstance(found, Unanswered) else [_open(one, found) for one in left]
    count = wording.sentence_case(wording.counted_plain(len(left)))
    return {"count": f"{count} undecided", "about": "; ".join(about)}


def _open(one: Verdict, found: Answer) -> str:
    estimate = estimates.named(found.fit, one.claim.estimand)
    label = estimate.label if estimate else names.plain(one.claim.estimand)
    region = "" if one.judgement.unit == PROBABILITY else f" {wording.claimed(one)}"
    held = _but(one) if one.verdict != one.judgement.decision else ""
    return f"{label[:1].lower()}{label[1:]}{region} ({wording.probability(one.judgement.probability)}{held})"


def _but(one: Verdict) -> str:
    missed = [_MISSED[name] for name, passed in one.gates.items() if not passed]
    return f", but {wording.listed(missed)}" if missed else ""


_MISSED = {
    "grounded": "it is not grounded",
    "reproduced": "it does not come again",
    "attacked": "it does not withstand its attacks",
}


def own_rows(parts: Sequence[Part]) -> str:
    """Say which chapters rest on our own experiments, and how far; empty where none does.

    Parameters
    ----------
    parts : sequence of Part
        All chapters, as `chapters.answer` returns them.
    """
    found = {i: own for i, part in enumerate(parts, 1) if (own := part.get("data", {}).get("own"))}
    if not found:
        return ""
    shares = [f"{100 * own['share']:.0f} % of the rows behind chapter {i}" for i, own in found.items()]
    parameters = millions(number for own in found.values() for number in own["parameters"])
    return (
        f"Our own experiments, with encoders of {parameters} million parameters, say nothing of large models."
        f" They are {wording.listed(shares)}."
    )


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
