"""What a report is made from: posteriors with the verdicts on their claims and their companions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal, Protocol

import pandas as pd

from taskorder.inference.fitting import Fit
from taskorder.results.catalogue import Covariates

type VerdictWord = Literal["supported", "refuted", "undecided"]


class Verdict(Protocol):
    """What a report needs to know of the verdict on a claim."""

    @property
    def id(self) -> str:
        """The claim’s name in the register."""
        ...

    @property
    def question(self) -> str:
        """The question that it answers."""
        ...

    @property
    def statement(self) -> str:
        """The claim in one sentence."""
        ...

    @property
    def estimand(self) -> str:
        """The estimand that it is about."""
        ...

    @property
    def region(self) -> str:
        """The values that it claims, in words."""
        ...

    @property
    def probability(self) -> float:
        """The posterior probability of the region."""
        ...

    @property
    def mean(self) -> float:
        """The posterior mean."""
        ...

    @property
    def lower(self) -> float:
        """The lower end of the 95 % interval."""
        ...

    @property
    def upper(self) -> float:
        """The upper end of the 95 % interval."""
        ...

    @property
    def unit(self) -> str:
        """The unit of mean and interval."""
        ...

    @property
    def verdict(self) -> VerdictWord:
        """What was judged."""
        ...

    @property
    def rope(self) -> float:
        """Half the width of what is practically zero; 0 for none."""
        ...

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it was judged so."""
        ...


@dataclass(frozen=True)
class Answer:
    """What was found out about one question.

    Attributes
    ----------
    fit : Fit
    verdicts : tuple of Verdict
        Of the claims about this fit.
    companion : DataFrame
        The frequentist companion: `term, system, estimate, se, lower, upper, p, unit, agrees`; may be empty.
    covariates : Covariates or None
        What the fit was given; None for what ships with taskorder.
    """

    fit: Fit
    verdicts: tuple[Verdict, ...] = ()
    companion: pd.DataFrame = field(default_factory=pd.DataFrame)
    covariates: Covariates | None = None

    def rope(self, parameters: Collection[str]) -> float:
        """Return half the width of what is practically zero in the claims about some estimands.

        0 if there is none, or the claims differ in it.
        """
        about = [verdict for verdict in self.verdicts if verdict.estimand in parameters]
        ropes = {verdict.rope for verdict in about if verdict.rope > 0}
        return ropes.pop() if len(ropes) == 1 else 0.0

    def judged(self, verdict: Verdict) -> VerdictWord:
        """Return the verdict on a claim; a fit that failed its diagnostics leaves every claim undecided."""
        return verdict.verdict if self.fit.diagnostics.ok else "undecided"
