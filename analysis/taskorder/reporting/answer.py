"""What a report is made from: posteriors with the verdicts on their claims and their companions."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from taskorder.claims import Verdict
from taskorder.claims.decision import Decision
from taskorder.inference.fitting import Fit
from taskorder.results.catalogue import Covariates


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

    def rope(self, estimand: str) -> float:
        """Return half the width of what the claims about an estimand hold to be practically zero.

        0 if there is none, or the claims differ in it.
        """
        ropes = {
            verdict.rope for verdict in self.verdicts if verdict.estimand == estimand and verdict.rope > 0
        }
        return ropes.pop() if len(ropes) == 1 else 0.0

    def judged(self, verdict: Verdict) -> Decision:
        """Return the verdict on a claim; a fit that failed its diagnostics leaves every claim undecided."""
        return verdict.verdict if self.fit.diagnostics.ok else "undecided"
