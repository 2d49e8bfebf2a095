"""What the ledger holds of rows that were added or taken back: entered, and read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from taskorder.claims import ledger as ledgers
from taskorder.claims.judging import made_from
from taskorder.claims.ledger import Ledger
from taskorder.errors import MissingData, TaskorderError
from taskorder.files import sha256
from taskorder.living.change import Added, Change
from taskorder.living.comparing import ClaimChange, ModelChange
from taskorder.living.project import ADDED, Project


@dataclass(frozen=True)
class Addition:
    """Rows that were added, as the ledger tells of them.

    Attributes
    ----------
    number : int
        Of the entry.
    tables : tuple of Added
    studies : mapping
        How many rows each study has among them.
    models : mapping
        What became of the models that were refitted, by their names.
    """

    number: int
    tables: tuple[Added, ...]
    studies: Mapping[str, int]
    models: Mapping[str, object]


_ADDITION = TypeAdapter(Addition)


def additions(ledger: Ledger) -> tuple[Addition, ...]:
    """Return all that ever was added, first to last."""
    return tuple(
        _ADDITION.validate_python({"number": entry.number, **entry.content})
        for entry in ledger.entries
        if entry.event == "added"
    )


def sound(project: Project) -> Ledger:
    """Read the ledger.

    Raises
    ------
    TaskorderError
        If its chain is broken, so that nothing could be added to it.
    """
    ledger = ledgers.read(project.ledger)
    if ledger.faults:
        raise TaskorderError(f"{ledger.faults[0]}. Restore the ledger from version control first")
    return ledger


def last_added(project: Project, ledger: Ledger) -> tuple[Addition, tuple[Path, ...]]:
    """Return what was added last and still stands, and the files of its tables.

    Raises
    ------
    MissingData
        Where nothing stands.
    TaskorderError
        If a table is not as it was added.
    """
    back = {entry.content["entry"] for entry in ledger.entries if entry.event == "taken_back"}
    standing = [one for one in additions(ledger) if one.number not in back]
    if not standing:
        by_hand = [f"{ADDED}/{path.name}" for path in project.tables()]
        also = f"; {', '.join(by_hand)} came there by hand, and can be removed so" if by_hand else ""
        raise MissingData(f"no table that taskorder refit added is in {project.added}{also}")
    return standing[-1], tuple(_as_added(project, one) for one in standing[-1].tables)


def _as_added(project: Project, one: Added) -> Path:
    path = project.root / one.table
    if not path.is_file():
        raise TaskorderError(
            f"{one.table} is gone, though the ledger says that it was added: restore it (its SHA-256"
            f" is {one.sha256[:16]}...), then take it back with taskorder refit --undo"
        )
    if sha256(path) != one.sha256:
        raise TaskorderError(
            f"{one.table} is not as it was added (SHA-256 {one.sha256[:16]}...): restore it, or"
            f" keep your copy elsewhere first; what was added is what is taken back"
        )
    return path


def entered(ledger: Ledger, change: Change) -> Ledger:
    """Return the ledger with the entry of a change, and the verdicts that went through their gates."""
    on = datetime.now(UTC).date().isoformat()
    content = {
        **({"entry": change.undoes} if change.undoes else {}),
        "tables": [asdict(one) for one in change.tables],
        "studies": dict(change.studies),
        "models": {one.spec.name: _rows(one) for one in change.models},
        "claims": {one.claim.id: _decisions(one) for model in change.models for one in model.claims},
    }
    ledger = ledger.with_entry("taken_back" if change.undoes else "added", "", content, on)
    for model in change.models:
        examination = model.examinations[1]
        if examination is not None:
            for one in model.claims:
                ledger = ledgers.recorded(ledger, one.after, made_from(examination), on)
    return ledger


def _rows(one: ModelChange) -> dict[str, object]:
    return {
        "rows": list(one.rows),
        "rows_sha256": list(one.digests),
        "ok": not one.failed[1] and not one.unfitted[1],
        "fitted": one.folders[1] is not None,
    }


def _decisions(one: ClaimChange) -> dict[str, object]:
    return {
        "before": [one.words[0], one.before.as_dict()["probability"]],
        "after": [one.words[1], one.after.as_dict()["probability"]],
        "gates": one.gates,
    }
