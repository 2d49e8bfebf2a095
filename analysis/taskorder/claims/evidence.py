"""What stands behind a verdict: a posterior's judgement, and the three gates that a claim has to pass.

grounded
    Every row behind the claim says where in its source the number stands.
reproduced
    The estimate, computed again from the rows by this code with another seed, is the same but for Monte
    Carlo error. There is no expected value to be written down, and so none that could agree with itself.
attacked
    Each attack is a fit in which one choice of the analysis is made otherwise. The score is ten times the
    share of attacks that flip the decision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

type Decision = Literal["supported", "refuted", "undecided"]

ENOUGH = 0.95
MOST_ERRORS = 4.0
"""Monte Carlo errors by which a reproduced estimate may differ."""
HIGHEST_SCORE = 2.0
"""The attack score at which a claim still stands: one attack of five."""


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


@dataclass(frozen=True)
class Judgement:
    """What a posterior says of a claim.

    Attributes
    ----------
    probability : float
        Of the claimed region; NaN, as mean, lower and upper are, where the model has no such estimand.
    mean, lower, upper : float
        Of the estimand; the interval is 95 % equal-tailed.
    unit : str
    diagnosed : bool
        Whether the fit passed its diagnostics.
    calibrated : bool
        Whether the estimand was inside the band when this model and engine were calibrated.
    """

    probability: float
    mean: float
    lower: float
    upper: float
    unit: str
    diagnosed: bool
    calibrated: bool = False

    @property
    def decision(self) -> Decision:
        """What the posterior alone decides."""
        return decide(self.probability, passed=self.diagnosed)


@dataclass(frozen=True)
class Ground:
    """The rows of one study behind a claim: how many, from how many systems, runs, and their digest."""

    study: str
    rows: int
    systems: int
    runs: int
    sourced: int
    sha256: str


@dataclass(frozen=True)
class Grounded:
    """The gate that asks where the numbers stand.

    Attributes
    ----------
    grounds : tuple of Ground
    """

    grounds: tuple[Ground, ...]

    @property
    def share(self) -> float:
        """The share of rows with a source."""
        rows = sum(ground.rows for ground in self.grounds)
        return sum(ground.sourced for ground in self.grounds) / rows if rows else 0.0

    @property
    def passed(self) -> bool:
        """Whether there are rows, and all have a source."""
        return self.share == 1.0


@dataclass(frozen=True)
class Reproduced:
    """The gate that asks whether the number comes again.

    Attributes
    ----------
    value, again : float
        The estimate, and the one that was computed again.
    error : float
        The Monte Carlo standard error of their difference.
    """

    value: float
    again: float
    error: float

    @property
    def errors(self) -> float:
        """How many Monte Carlo errors apart they are; infinite where either, or the error, is no number."""
        difference = abs(self.value - self.again)
        if not (math.isfinite(difference) and math.isfinite(self.error)):
            return math.inf
        if difference == 0:
            return 0.0
        return difference / self.error if self.error > 0 else math.inf

    @property
    def passed(self) -> bool:
        """Whether they agree."""
        return self.errors <= MOST_ERRORS


@dataclass(frozen=True)
class Attack:
    """One choice of the analysis made otherwise.

    Attributes
    ----------
    name, kind : str
    probability : float
        Of the claimed region under it.
    before, after : {"supported", "refuted", "undecided"}
        The decision as registered, and under the attack.
    problem : str
        Why it could not be carried out; empty where it was.
    denies : bool
        Whether the claim says that there is little or nothing, which is true of shuffled labels.
    """

    name: str
    kind: str
    probability: float
    before: Decision
    after: Decision
    problem: str = ""
    denies: bool = False

    @property
    def carried_out(self) -> bool:
        """Whether there is an outcome to be compared."""
        return not self.problem

    @property
    def flipped(self) -> bool:
        """Whether the decision is another; where labels are shuffled, whether something is found there."""
        if not self.carried_out:
            return False
        if self.kind == SHUFFLED:
            return self.after == "refuted" if self.denies else self.before == self.after == "supported"
        return self.before != self.after

    @property
    def reversed(self) -> bool:
        """Whether what was supported is refuted, or the other way round."""
        return (
            self.carried_out
            and self.kind != SHUFFLED
            and {self.before, self.after} == {"supported", "refuted"}
        )


SHUFFLED = "shuffled"


@dataclass(frozen=True)
class Attacked:
    """The gate that asks whether the decision withstands other choices."""

    attacks: tuple[Attack, ...]

    @property
    def tried(self) -> int:
        """How many attacks were carried out."""
        return sum(attack.carried_out for attack in self.attacks)

    @property
    def score(self) -> float:
        """Ten times the share of attacks that flip the decision; NaN where none was carried out."""
        flips = sum(attack.flipped for attack in self.attacks)
        return 10.0 * flips / self.tried if self.tried else math.nan

    @property
    def passed(self) -> bool:
        """Whether attacks were carried out, few flip the decision and none reverses it."""
        return self.score <= HIGHEST_SCORE and not any(attack.reversed for attack in self.attacks)
