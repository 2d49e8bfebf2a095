"""What a report is made from: posteriors with the verdicts on their claims and their companions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from taskorder.claims import Claim, Verdict
from taskorder.inference.criticism.sketches import Sketch
from taskorder.inference.estimands import PROBABILITY
from taskorder.inference.fitting import Fit
from taskorder.inference.spec import ModelSpec
from taskorder.reporting.calibration import Calibrated
from taskorder.reporting.controls import Controlled
from taskorder.reporting.left_out import LeftOut
from taskorder.reporting.networks import Evidence
from taskorder.reporting.sensitivity import Sensitivity
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
        The frequentist companions, with the columns of `frequentist.beside.COLUMNS`; may be empty.
    covariates : Covariates or None
        What the fit was given; None for what ships with taskorder.
    left_out : LeftOut
        What the estimates would be without each study.
    sensitivity : Sensitivity or None
        How much they rest on the prior.
    calibrations : tuple of Calibrated
        Of this model, one an engine.
    controls : Controlled or None
        What came of the controls of its claims; None if they have none.
    otherwise : tuple of Sketch
        The estimands as each choice of the analysis is made otherwise.
    networks : tuple of Evidence
        One a network of the model file.
    curves : mapping
        From what was left out, such as `target`, to regrets as `choosing.regret_curve` returns them; empty
        where the rows are no regrets.
    news : tuple of str
        What the ledger of the claims does not know of.
    """

    fit: Fit
    verdicts: tuple[Verdict, ...] = ()
    companion: pd.DataFrame = field(default_factory=pd.DataFrame)
    covariates: Covariates | None = None
    left_out: LeftOut = field(default_factory=LeftOut)
    sensitivity: Sensitivity | None = None
    calibrations: tuple[Calibrated, ...] = ()
    controls: Controlled | None = None
    otherwise: tuple[Sketch, ...] = ()
    networks: tuple[Evidence, ...] = ()
    curves: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    news: tuple[str, ...] = ()

    def rope(self, estimand: str) -> float:
        """Return half the width of what the claims about an estimand hold to be practically zero.

        0 if there is none, or the claims differ in it.
        """
        ropes = {
            verdict.claim.rope
            for verdict in self.verdicts
            if verdict.claim.estimand == estimand and verdict.claim.rope > 0 and verdict.claim.at == 0
        }
        return ropes.pop() if len(ropes) == 1 else 0.0

    def region(self, estimand: str) -> tuple[float, float]:
        """Return what claims compare an estimand with, and half the width of what is practically that.

        Both are 0 if there is no claim about it, or claims differ in them.
        """
        regions = {
            (verdict.claim.at, verdict.claim.rope)
            for verdict in self.verdicts
            if verdict.claim.estimand == estimand
        }
        return regions.pop() if len(regions) == 1 else (0.0, 0.0)

    def claim(self) -> Claim | None:
        """Return the first claim about a quantity that has a density; None if there is none."""
        return next(
            (
                verdict.claim
                for verdict in self.verdicts
                if verdict.claim.estimand in self.fit.tree["estimands"]
                and verdict.judgement.unit != PROBABILITY
            ),
            None,
        )


@dataclass(frozen=True)
class Unanswered:
    """A question that no data bear on: its model, the claims about it, and why it has no data."""

    spec: ModelSpec
    verdicts: tuple[Verdict, ...]
    why: str
