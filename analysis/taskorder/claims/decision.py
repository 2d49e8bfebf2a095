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
diagnostics; refuted if the opposite region does; else undecided. For "above" and "below" this is one-sided:
an estimand can be above 0 by it while the 95 % equal-tailed interval, with 2.5 % beyond each end, reaches
below. (Regions of practical equivalence: Kruschke 2018, doi:10.1177/2515245918771304, whose rule is another:
it sets the whole 95 % highest-density interval against the region.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from taskorder.inference.estimands import PROBABILITY, unit
from taskorder.inference.fitting import Fit
from taskorder.inference.summary import INTERVAL

type Region = Literal["above", "below", "within"]
type Decision = Literal["supported", "refuted", "undecided"]
type Floats = NDArray[np.float64]

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
        Posterior probability of the claimed region; NaN, as mean, lower and upper are, where the model has
        no such estimand in these rows.
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
        About an estimand of the fit's model that has one value in all (see `matching.refuse_estimand`).
    fit : Fit
        Its posterior.
    """
    measured = unit(fit.spec.estimands[claim.estimand], fit.spec, float(fit.manifest["reference_score"]))
    draws = _draws(claim, fit)
    probability = _probability(claim, draws)
    tail = (1.0 - INTERVAL) / 2
    lower, upper = (float(value) for value in np.quantile(draws, [tail, 1.0 - tail]))
    return Verdict(
        id=claim.id,
        question=claim.question,
        statement=claim.statement,
        estimand=claim.estimand,
        region="true in every level" if measured == PROBABILITY else f"{_words(claim)} {measured}",
        probability=probability,
        mean=float(draws.mean()),
        lower=lower,
        upper=upper,
        unit=measured,
        verdict=decide(probability, passed=fit.diagnostics.ok),
        rope=claim.rope,
        reasons=_reasons(probability, fit),
    )


def decide(probability: float, *, passed: bool) -> Decision:
    """Return the decision for a posterior probability of the claimed region.

    Parameters
    ----------
    probability : float
        In [0, 1], or NaN, which decides nothing.
    passed : bool
        Whether the fit passed its diagnostics; one that did not decides nothing.
    """
    if not passed:
        return "undecided"
    if probability >= ENOUGH:
        return "supported"
    return "refuted" if 1.0 - probability >= ENOUGH else "undecided"


def _draws(claim: Claim, fit: Fit) -> Floats:
    """Return the draws of the estimand (S,); one NaN where the rows leave the model without it."""
    try:
        return np.asarray(fit.estimand(claim.estimand).to_numpy(), dtype=np.float64).ravel()
    except KeyError:
        return np.array([np.nan])


def _probability(claim: Claim, draws: Floats) -> float:
    if not np.isfinite(draws).all():
        return float("nan")
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
    if np.isnan(probability):
        reasons.append("the rows of this fit leave the model without this estimand: its group was left out")
    if not fit.diagnostics.ok:
        reasons.append("the fit failed its diagnostics, so it decides nothing")
    if 1.0 - ENOUGH < probability < ENOUGH:
        reasons.append(f"the claimed region holds {probability:.0%} of the posterior; {ENOUGH:.0%} decides")
    return tuple(reasons)
