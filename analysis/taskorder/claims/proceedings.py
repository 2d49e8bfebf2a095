"""Every registered claim about every shipped model: heard, compared with the ledger, and entered in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from taskorder.claims import ledger as ledgers
from taskorder.claims import printing
from taskorder.claims.claim import Claim
from taskorder.claims.hearing import Hearing, entered, hear
from taskorder.claims.ledger import Ledger
from taskorder.claims.matching import refuse_unmatched
from taskorder.claims.registry import read_claims
from taskorder.claims.verdict import Verdict
from taskorder.errors import MissingData
from taskorder.inference.session import Settings, tables_of
from taskorder.inference.spec import ModelSpec, read_model
from taskorder.paths import resource
from taskorder.results.catalogue import covariates

CLAIMS, CALIBRATIONS = "reports/claims.toml", "reports/calibration"
CONTROLS, LEDGER = "controls", "ledger.jsonl"
"""Beside the claims."""


@dataclass(frozen=True)
class Proceedings:
    """What was found out about all claims.

    Attributes
    ----------
    hearings : tuple of Hearing
        One a model whose tables are there.
    verdicts : tuple of Verdict
        In the order in which the claims are registered.
    ledger : Ledger
    faults : tuple of str
        What is broken or edited, one sentence each: the ledger's chain, a kept posterior, a claim or data
        that are not what the ledger knows of.
    """

    hearings: tuple[Hearing, ...]
    verdicts: tuple[Verdict, ...]
    ledger: Ledger
    faults: tuple[str, ...]

    def json(self) -> str:
        """Return the verdicts as a list of objects."""
        return json.dumps(
            [one.as_dict() for one in self.verdicts], indent=2, ensure_ascii=False, allow_nan=False
        )

    def text(self) -> str:
        """Return the verdicts as a table, and below it why they are not better than they are."""
        return f"{printing.table(self.verdicts)}\n\n{printing.reasons(self.verdicts)}"


def proceed(
    settings: Settings, *, record: bool = False, say: Callable[[str], None] = lambda _: None
) -> Proceedings:
    """Judge every registered claim.

    Parameters
    ----------
    settings : Settings
        How the models are fitted.
    record : bool
        Enter what is new into the ledger; a claim's wording is entered before anything is fitted.
    say : callable
        Is told what takes time before it is done.

    Raises
    ------
    TaskorderError
        If a claim is about a model or an estimand that there is not, before anything is computed; or if
        something is to be entered into a ledger whose chain is broken.
    """
    claims, models = registered(), shipped()
    refuse_unmatched(claims, models)
    path = resource(CLAIMS).with_name(LEDGER)
    if record:
        ledgers.update(path, lambda ledger: entered(ledger, claims, (), _today()))
    known, calibrations = covariates(), resource(CALIBRATIONS)
    hearings = tuple(
        hear(spec, claims, known, settings, calibrations=calibrations, say=say)
        for spec in models
        if _has_tables(spec, say)
    )
    by_id = {claim.id: Verdict(claim) for claim in claims}
    by_id |= {one.claim.id: one for heard in hearings for one in heard.verdicts}
    if record:
        ledgers.update(path, lambda ledger: entered(ledger, claims, hearings, _today()))
    ledger = ledgers.read(path)
    faults = [*ledger.faults, *(heard.found.fault for heard in hearings if heard.found.fault)]
    faults += ledgers.edits(ledger, claims)
    faults += [text for heard in hearings for text in heard.differences(ledger)]
    verdicts = tuple(by_id[claim.id] for claim in claims)
    return Proceedings(hearings, verdicts, ledger, tuple(dict.fromkeys(faults)))


def registered() -> tuple[Claim, ...]:
    """Read the registered claims that ship."""
    return read_claims(resource(CLAIMS))


def shipped() -> tuple[ModelSpec, ...]:
    """Read the model files that ship, in the order of their names."""
    return tuple(read_model(path) for path in sorted(resource("models").glob("*.toml")))


def _has_tables(spec: ModelSpec, say: Callable[[str], None]) -> bool:
    try:
        return bool(tables_of(spec))
    except MissingData as error:
        say(f"{spec.name} has no data: {error}")
        return False


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
