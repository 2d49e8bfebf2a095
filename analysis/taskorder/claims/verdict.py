"""A verdict: evidence, and what follows from it. What follows is derived, never stored.

A record that is falsified and of the highest tier at once cannot be written down: there is no field for
either.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from taskorder.claims.claim import Claim
from taskorder.claims.evidence import (
    ENOUGH,
    HIGHEST_SCORE,
    Attacked,
    Decision,
    Grounded,
    Judgement,
    Reproduced,
)  # fmt: skip
from taskorder.inference.estimands import PROBABILITY

type Level = Literal["low", "medium", "high"]
type Tier = Literal["open", "weak", "moderate", "strong"]

LEVELS: tuple[Level, ...] = ("low", "medium", "high")
TIERS: tuple[Tier, ...] = ("weak", "moderate", "strong")
MANY_STUDIES, SOME_STUDIES = 5, 2
NO_DATA = Judgement(math.nan, math.nan, math.nan, math.nan, "", diagnosed=False)


@dataclass(frozen=True)
class Verdict:
    """What is known of a claim.

    Attributes
    ----------
    claim : Claim
    judgement : Judgement
        Of the posterior alone.
    grounded : Grounded or None
    reproduced : Reproduced or None
    attacked : Attacked or None
        The gates; None where it was not tried, and a gate that was not tried is not passed.
    """

    claim: Claim
    judgement: Judgement = NO_DATA
    grounded: Grounded | None = None
    reproduced: Reproduced | None = None
    attacked: Attacked | None = None

    @property
    def gates(self) -> dict[str, bool]:
        """Which gates were passed, by name."""
        gates = {"grounded": self.grounded, "reproduced": self.reproduced, "attacked": self.attacked}
        return {name: gate is not None and gate.passed for name, gate in gates.items()}

    @property
    def verdict(self) -> Decision:
        """The decision: no claim is supported that has not passed every gate."""
        decision = self.judgement.decision
        return "undecided" if decision == "supported" and not all(self.gates.values()) else decision

    @property
    def attack_score(self) -> float:
        """Of 10; NaN where nothing was attacked."""
        return self.attacked.score if self.attacked else math.nan

    @property
    def dimensions(self) -> dict[str, Level]:
        """How good the record is in each respect, from stated facts.

        Evidence counts studies: 5 or more are high, 2 medium. Grounding is the share of rows with a source:
        all, or nine of ten. Uncertainty is high where the fit passed its diagnostics and the estimand is
        calibrated, medium where the fit passed. Reproducibility is high where the number came again and the
        decision withstood its attacks, medium where the number came again.
        """
        studies = len(self.grounded.grounds) if self.grounded else 0
        share = self.grounded.share if self.grounded else 0.0
        diagnosed, again = self.judgement.diagnosed, self.gates["reproduced"]
        return {
            "evidence": _level(studies >= MANY_STUDIES, studies >= SOME_STUDIES),
            "grounding": _level(share == 1.0, share >= 0.9),
            "uncertainty": _level(diagnosed and self.judgement.calibrated, diagnosed),
            "reproducibility": _level(again and self.gates["attacked"], again),
        }

    @property
    def tier(self) -> Tier:
        """`open` where nothing is decided, else as good as the weakest dimension."""
        if self.verdict == "undecided":
            return "open"
        return TIERS[min(LEVELS.index(level) for level in self.dimensions.values())]

    @property
    def region(self) -> str:
        """The claimed region in words, with its unit."""
        if self.judgement.unit == PROBABILITY:
            return "true in every level"
        return f"{self.claim.region_in_words()} {self.judgement.unit}".rstrip()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the verdict is not better than it is."""
        return tuple(_reasons(self))

    def as_dict(self) -> dict[str, object]:
        """Return the verdict as `taskorder claims --json` prints it; what is no number is null."""
        judgement = self.judgement
        numbers = {
            "probability": judgement.probability,
            "mean": judgement.mean,
            "lower": judgement.lower,
            "upper": judgement.upper,
        }
        return {
            "id": self.claim.id,
            "question": self.claim.question,
            "statement": self.claim.statement,
            "model": self.claim.model,
            "estimand": self.claim.estimand,
            "region": self.region,
            **{name: _number(value) for name, value in numbers.items()},
            "unit": judgement.unit,
            "verdict": self.verdict,
            "gates": self.gates,
            "attack_score": _number(self.attack_score),
            "tier": self.tier,
            "dimensions": self.dimensions,
            "reasons": list(self.reasons),
        }


def _level(high: bool, medium: bool) -> Level:
    return "high" if high else "medium" if medium else "low"


def _number(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def _reasons(found: Verdict) -> list[str]:
    claim, judgement = found.claim, found.judgement
    if not claim.model or judgement is NO_DATA:
        return ["no data bear on it", *([f"{claim.needs} would decide it"] if claim.needs else [])]
    reasons: list[str] = []
    if math.isnan(judgement.probability):
        reasons.append("these rows leave the model without this estimand")
    if not judgement.diagnosed:
        reasons.append("the fit failed its diagnostics, so it decides nothing")
    if 1.0 - ENOUGH < judgement.probability < ENOUGH:
        reasons.append(
            f"the claimed region holds {judgement.probability:.0%} of the posterior; {ENOUGH:.0%} decides"
        )
    if not math.isnan(judgement.probability):
        reasons += _gates_not_passed(found)
    if reasons and claim.needs and found.verdict == "undecided":
        reasons.append(f"{claim.needs} would decide it")
    return reasons


def _gates_not_passed(found: Verdict) -> list[str]:
    reasons: list[str] = []
    grounded, reproduced, attacked = found.grounded, found.reproduced, found.attacked
    if grounded and not grounded.passed:
        without = [ground.study for ground in grounded.grounds if ground.sourced < ground.rows]
        reasons.append(f"rows of {', '.join(without) or 'no study'} do not say where their number stands")
    if reproduced and not reproduced.passed:
        reasons.append(
            f"computed again it is {reproduced.again:.3g}, {reproduced.errors:.1f} Monte Carlo errors from"
            f" {reproduced.value:.3g}"
        )
    if attacked and not attacked.passed:
        flips = [attack.name for attack in attacked.attacks if attack.flipped]
        if not attacked.tried:
            reasons.append("no attack could be carried out")
        else:
            reasons.append(
                f"{len(flips)} of {attacked.tried} attacks flip the decision ({', '.join(flips)}); a score"
                f" above {HIGHEST_SCORE:g}, or a decision reversed, fails the gate"
            )
    untried = [
        name
        for name, gate in (("grounded", grounded), ("reproduced", reproduced), ("attacked", attacked))
        if gate is None
    ]
    if untried:
        reasons.append(f"not tried: whether it is {', '.join(untried)}")
    return reasons
