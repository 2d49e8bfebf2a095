"""All claims about one model heard: it is fitted, examined, and each claim judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from taskorder.claims.claim import Claim
from taskorder.claims.examining import Examination, examine
from taskorder.claims.judging import made_from, verdict
from taskorder.claims.ledger import Ledger, differences, recorded, registered, withdrawn
from taskorder.claims.verdict import Verdict
from taskorder.inference.session import Found, Settings, fitted, read_tables, tables_of
from taskorder.inference.spec import ModelSpec
from taskorder.processes import WORKERS
from taskorder.results.catalogue import Covariates


@dataclass(frozen=True)
class Hearing:
    """What was found out about one model and its claims.

    Attributes
    ----------
    found : Found
        The fit.
    table : DataFrame
        The rows as they were read.
    examination : Examination
    verdicts : tuple of Verdict
    """

    found: Found
    table: pd.DataFrame
    examination: Examination
    verdicts: tuple[Verdict, ...]

    def differences(self, ledger: Ledger) -> tuple[str, ...]:
        """Say what the ledger does not know of: edited claims, data, models, and verdicts that changed."""
        origin = made_from(self.examination)
        return tuple(text for one in self.verdicts for text in differences(ledger, one, origin))


def hear(
    spec: ModelSpec,
    claims: Sequence[Claim],
    covariates: Covariates,
    settings: Settings,
    *,
    calibrations: Path | None = None,
    workers: int = WORKERS,
    say: Callable[[str], None] = lambda _: None,
) -> Hearing:
    """Fit a model to its tables, examine the fit and judge the claims that are about it.

    Parameters
    ----------
    spec : ModelSpec
    claims : sequence of Claim
        Of all models.
    covariates : Covariates
    settings : Settings
        How it is fitted.
    calibrations : Path or None
        The folder of calibration tables.
    workers : int
        Processes that examine the fit at the same time.
    say : callable
        Is told what takes time before it is done.
    """
    about = [claim for claim in claims if claim.model == spec.name]
    found = fitted(spec, (), covariates, settings, say)
    table, _ = read_tables(spec, tables_of(spec), covariates)
    examination = examine(found, table, covariates, about, seed=settings.seed, workers=workers, say=say)
    verdicts = tuple(verdict(claim, examination, calibrations) for claim in about)
    return Hearing(found, table, examination, verdicts)


def without_data(claims: Sequence[Claim]) -> tuple[Verdict, ...]:
    """Return the verdicts on claims that no data bear on."""
    return tuple(Verdict(claim) for claim in claims if not claim.model)


def entered(ledger: Ledger, claims: Sequence[Claim], hearings: Sequence[Hearing], on: str) -> Ledger:
    """Return the ledger with what is new: wordings of claims, claims withdrawn, and verdicts."""
    ledger = withdrawn(ledger, claims, on)
    for claim in claims:
        ledger = registered(ledger, claim, on)
    for hearing in hearings:
        for one in hearing.verdicts:
            ledger = recorded(ledger, one, made_from(hearing.examination), on)
    return ledger
