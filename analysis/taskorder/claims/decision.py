"""From a posterior to a decision: supported, refuted or undecided.

A claim names an estimand and a region of it; `rope` is the half-width of the region of practical equivalence:

======== ================== ===================
region   claimed            opposite
======== ================== ===================
above    estimand > rope    estimand <= rope
below    estimand < -rope   estimand >= -rope
within   |estimand| <= rope |estimand| > rope
======== ================== ===================

A claim is supported if the claimed region holds at least 95 % of the posterior and the fit passed its
diagnostics; refuted if the opposite region does; else undecided. (Deciding by the share of the posterior in a
region of practical equivalence: Kruschke 2018, doi:10.1177/2515245918771304.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from taskorder.errors import TaskorderError, nearest
from taskorder.inference.estimands import PROBABILITY
from taskorder.inference.fitting import Fit
from taskorder.inference.summary import INTERVAL

type Region = Literal["above", "below", "within"]
type Decision = Literal["supported", "refuted", "undecided"]

ENOUGH = 0.95


@dataclass(frozen=True)
class Claim:
    """A statement about an estimand, registered before the fit that judges it.

    Attributes
    ----------
    id, question, statement : str
        Its name, the question that it answers and the claim in words.
    model, estimand : str
        Which model, and which of its estimands.
    region : {"above", "below", "within"}
        Of the estimand.
    rope : float
        Half-width of the region of practical equivalence, in the estimand's unit.
    """

    id: str
    question: str
    statement: str
    model: str
    estimand: str
    region: Region
    rope: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """What a posterior says of a claim.

    Attributes
    ----------
    id, question, statement, estimand : str
        Of the claim.
    region : str
        In words, with its unit.
    probability : float
        Posterior probability of the claimed region.
    mean, lower, upper : float
        Of the estimand; the interval is 95 % equal-tailed.
    unit : str
    verdict : {"supported", "refuted", "undecided"}
    rope : float
    reasons : tuple of str
        Why the verdict is not better than it is.
    """

    id: str
    question: str
    statement: str
    estimand: str
    region: str
    probability: float
    mean: float
    lower: float
    upper: float
    unit: str
    verdict: Decision
    rope: float
    reasons: tuple[str, ...]


def judge(claim: Claim, fit: Fit) -> Verdict:
    """Decide a claim by a fit.

    Parameters
    ----------
    claim : Claim
        About an estimand of the fit's model.
    fit : Fit
        Its posterior.

    Raises
    ------
    TaskorderError
        If the fit has no such estimand, or one value for each of several levels.
    """
    draws = _draws(claim, fit)
    unit = str(fit.estimand(claim.estimand).attrs.get("unit", ""))
    probability = _probability(claim, draws)
    tail = (1.0 - INTERVAL) / 2
    lower, upper = (float(value) for value in np.quantile(draws, [tail, 1.0 - tail]))
    if unit == PROBABILITY:
        probability = float(draws.mean())
    verdict = decide(probability, passed=fit.diagnostics.ok)
    return Verdict(
        id=claim.id,
        question=claim.question,
        statement=claim.statement,
        estimand=claim.estimand,
        region="true in every level" if unit == PROBABILITY else f"{_words(claim)} {unit}".strip(),
        probability=probability,
        mean=float(draws.mean()),
        lower=lower,
        upper=upper,
        unit=unit,
        verdict=verdict,
        rope=claim.rope,
        reasons=_reasons(probability, fit),
    )


def decide(probability: float, *, passed: bool) -> Decision:
    """Return the decision for a posterior probability of the claimed region.

    Parameters
    ----------
    probability : float
        In [0, 1].
    passed : bool
        Whether the fit passed its diagnostics; one that did not decides nothing.
    """
    if not passed:
        return "undecided"
    if probability >= ENOUGH:
        return "supported"
    return "refuted" if 1.0 - probability >= ENOUGH else "undecided"


def _draws(claim: Claim, fit: Fit) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    known = list(fit.spec.estimands)
    try:
        values = fit.estimand(claim.estimand)
    except KeyError:
        raise TaskorderError(
            f"claim {claim.id!r}: model {fit.spec.name!r} has no estimand {claim.estimand!r}; it has"
            f" {', '.join(known)}.{nearest(claim.estimand, known)}"
        ) from None
    if values.ndim > 2:
        raise TaskorderError(
            f"claim {claim.id!r}: estimand {claim.estimand!r} has one value a level; a claim needs one in all"
        )
    return values.to_numpy().ravel()


def _probability(claim: Claim, draws: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    inside = {
        "above": draws > claim.rope,
        "below": draws < -claim.rope,
        "within": np.abs(draws) <= claim.rope,
    }[claim.region]
    return float(inside.mean())


def _words(claim: Claim) -> str:
    if claim.region == "within":
        return f"within ±{claim.rope:g}"
    bound = claim.rope if claim.region == "above" else -claim.rope
    return f"{claim.region} {bound:g}"


def _reasons(probability: float, fit: Fit) -> tuple[str, ...]:
    reasons: list[str] = []
    if not fit.diagnostics.ok:
        reasons.append("the fit failed its diagnostics, so it decides nothing")
    if 1.0 - ENOUGH < probability < ENOUGH:
        reasons.append(f"the claimed region holds {probability:.0%} of the posterior; {ENOUGH:.0%} decides")
    return tuple(reasons)
