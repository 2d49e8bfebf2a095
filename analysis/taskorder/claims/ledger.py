"""The history of the claims: append-only, each entry chained to the hash of the one before.

One line of JSON an entry. A claim is `registered`, with its whole wording, before a fit judges it; what is
then `judged` is written with the digests of model, rows and files; a claim whose wording is changed is
`amended`, and one that is no longer registered `withdrawn`. Rows that a person `added`, and those that were
`taken_back`, have entries of their own. Beside the ledger a second file holds the number
and hash of the last entry, so that a line is missed even where it was the last.

Whoever rewrites every line and the second file leaves no trace here: version control, and archives of
reports, are what tells then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import cast

from taskorder import together
from taskorder.claims.claim import Claim
from taskorder.claims.entries import START, Entry, Event, parsed
from taskorder.claims.verdict import Verdict
from taskorder.errors import TaskorderError

_WORDING: tuple[Event, ...] = ("registered", "amended", "withdrawn")
_WHAT = {
    "model_sha256": "the model",
    "rows_sha256": "the rows",
    "files": "the data files",
    "verdict": "the verdict",
    "gates": "the gates",
    "tier": "the tier",
}
"""What an entry is compared by, and what its change is called."""


@dataclass(frozen=True)
class Ledger:
    """Entries from first to last, and what is wrong with the file that they were read from."""

    entries: tuple[Entry, ...] = ()
    faults: tuple[str, ...] = field(default=(), compare=False)

    def last(self, claim: str, *events: Event) -> Entry | None:
        """Return the last entry of a claim that is one of some events."""
        of_claim = (one for one in reversed(self.entries) if one.claim == claim and one.event in events)
        return next(of_claim, None)

    def wording(self, claim: str) -> Mapping[str, object] | None:
        """Return a claim as it was last registered or amended; None where it is not registered."""
        entry = self.last(claim, *_WORDING)
        return None if entry is None or entry.event == "withdrawn" else entry.content

    def with_entry(self, event: Event, claim: str, content: Mapping[str, object], on: str) -> Ledger:
        """Return the ledger with one entry more."""
        previous = self.entries[-1].sha256 if self.entries else START
        plain = cast(dict[str, object], json.loads(json.dumps(content, ensure_ascii=False)))
        entry = Entry(len(self.entries) + 1, on, event, claim, plain, previous)
        return Ledger((*self.entries, entry), self.faults)

    def corrections(self, claim: str) -> int:
        """Count how often a claim's verdict or wording has changed."""
        judged = [
            one.content.get("verdict") for one in self.entries if one.claim == claim and one.event == "judged"
        ]
        changes = sum(before != after for before, after in pairwise(judged))
        amended = sum(one.claim == claim and one.event == "amended" for one in self.entries)
        return changes + amended


def read(path: Path) -> Ledger:
    """Read a ledger; what is wrong with its chain is in `faults`, one sentence each.

    Parameters
    ----------
    path : Path
        Where there is no such file the ledger is empty.
    """
    if not path.exists():
        gone = _head(path)
        return Ledger(faults=(f"{path}: the ledger is gone; it had {gone[0]} entries",) if gone else ())
    text = path.read_bytes().decode("utf-8", errors="replace").replace("\r\n", "\n")
    entries, faults = parsed(text.removesuffix("\n").split("\n") if text else [])
    told = (f"{path}:{place}: {fault}" for place, fault in faults)
    return Ledger(entries, (*told, *_tail(path, entries)))


def update(path: Path, change: Callable[[Ledger], Ledger]) -> Ledger:
    """Add entries to a ledger as it is at that moment; of two processes that do so, one waits.

    Parameters
    ----------
    path : Path
    change : callable
        Returns the ledger that it is given with what is new.

    Raises
    ------
    TaskorderError
        If its chain is broken.
    """
    with together.alone(path.parent):
        before = read(path)
        _refuse_broken(path, before)
        after = change(before)
        if after.entries != before.entries:
            write(path, after)
    return after


def write(path: Path, ledger: Ledger) -> None:
    """Write a ledger and the hash of its end, both or neither.

    Raises
    ------
    TaskorderError
        If its chain is broken: what was lost is to be brought back first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    together.change(path.parent, files(path, ledger))


def files(path: Path, ledger: Ledger) -> dict[Path, bytes]:
    """Return what the ledger and the file that notes its end hold.

    Raises
    ------
    TaskorderError
        If its chain is broken: what was lost is to be brought back first.
    """
    _refuse_broken(path, ledger)
    lines, end = "".join(f"{entry.line()}\n" for entry in ledger.entries), ledger.entries[-1]
    return {path: lines.encode(), _head_path(path): f"{end.number} {end.sha256}\n".encode()}


def _refuse_broken(path: Path, ledger: Ledger) -> None:
    if ledger.faults:
        raise TaskorderError(
            f"{ledger.faults[0]}. Nothing is added to a ledger whose chain is broken: restore {path.name} and"
            f" {_head_path(path).name} from version control"
        )


def _head_path(path: Path) -> Path:
    return path.with_suffix(".head")


def _head(path: Path) -> tuple[int, str] | None:
    """Return the number and hash of the last entry, as it was noted down."""
    try:
        number, digest = _head_path(path).read_text("utf-8").split()
        return int(number), digest
    except (OSError, ValueError):
        return None


def _tail(path: Path, entries: Sequence[Entry]) -> list[str]:
    noted = _head(path)
    if noted is None:
        return (
            [f"{_head_path(path)}: missing or unreadable; it notes the end of the ledger"] if entries else []
        )
    number, digest = noted
    if not entries or entries[-1].number < number:
        return [f"{path}: it ends before entry {number}, which was its last"]
    if entries[-1].sha256 != digest:
        return [
            f"{path}:{len(entries)}: the last entry was edited, added by hand, or not written to its end:"
            f" {_head_path(path).name} notes entry {number} with another hash"
        ]
    return []


def recorded(ledger: Ledger, verdict: Verdict, made_from: Mapping[str, object], on: str) -> Ledger:
    """Return the ledger with what is new about a claim: its wording, its verdict, or nothing.

    Parameters
    ----------
    ledger : Ledger
    verdict : Verdict
    made_from : mapping
        Digests of what the verdict follows from: `model_sha256`, `rows_sha256`, `files`.
    on : str
        The date, YYYY-MM-DD.
    """
    claim = verdict.claim
    ledger = registered(ledger, claim, on)
    content = {
        **made_from,
        **{
            name: verdict.as_dict()[name]
            for name in ("probability", "mean", "lower", "upper", "attack_score")
        },
        **{name: verdict.as_dict()[name] for name in ("verdict", "gates", "tier")},
    }
    last = ledger.last(claim.id, "judged", *_WORDING)
    if last is not None and last.event == "judged" and not _changed(last.content, content):
        return ledger
    return ledger.with_entry("judged", claim.id, content, on)


def registered(ledger: Ledger, claim: Claim, on: str) -> Ledger:
    """Return the ledger with the wording of a claim, if that is new."""
    before, now = ledger.wording(claim.id), asdict(claim)
    if before == now:
        return ledger
    return ledger.with_entry("registered" if before is None else "amended", claim.id, now, on)


def withdrawn(ledger: Ledger, claims: Sequence[Claim], on: str) -> Ledger:
    """Return the ledger with an entry for each claim that is registered in it and is not among these."""
    for claim in _absent(ledger, claims):
        ledger = ledger.with_entry("withdrawn", claim, {}, on)
    return ledger


def _absent(ledger: Ledger, claims: Sequence[Claim]) -> list[str]:
    known, there = dict.fromkeys(entry.claim for entry in ledger.entries), {claim.id for claim in claims}
    return [claim for claim in known if claim not in there and ledger.wording(claim) is not None]


def edits(ledger: Ledger, claims: Sequence[Claim]) -> tuple[str, ...]:
    """Say how the wordings of all claims differ from those in the ledger, and which of these are gone."""
    found = [text for claim in claims for text in _edits(ledger, claim)]
    return (*found, *(f"{claim}: registered in the ledger, and gone" for claim in _absent(ledger, claims)))


def _edits(ledger: Ledger, claim: Claim) -> list[str]:
    wording = ledger.wording(claim.id)
    if wording is None:
        return [f"{claim.id}: not in the ledger"]
    return [
        f"{claim.id}: its {name} was edited after it was registered: {wording.get(name)!r} is now {value!r}"
        for name, value in asdict(claim).items()
        if wording.get(name) != value
    ]


def differences(ledger: Ledger, verdict: Verdict, made_from: Mapping[str, object]) -> tuple[str, ...]:
    """Say how a verdict, and what it was made from, differ from what the ledger last says of it."""
    claim = verdict.claim
    found = _edits(ledger, claim)
    if ledger.wording(claim.id) is None:
        return tuple(found)
    last = ledger.last(claim.id, "judged")
    if last is None:
        return (*found, f"{claim.id}: registered, and not judged in the ledger")
    now = {**made_from, **{name: verdict.as_dict()[name] for name in ("verdict", "gates", "tier")}}
    return (*found, *(f"{claim.id}: {text} (entry {last.number})" for text in _changed(last.content, now)))


def _changed(before: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    plain = cast(dict[str, object], json.loads(json.dumps(now)))
    found: list[str] = []
    for name, what in _WHAT.items():
        if name not in plain or before.get(name) == plain[name]:
            continue
        old, new = before.get(name), plain[name]
        if isinstance(old, dict) and isinstance(new, dict):
            parts = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
            found.append(f"{what} changed: {', '.join(map(str, parts))}")
        elif name in {"verdict", "tier"}:
            found.append(f"{what} changed from {old} to {new}")
        else:
            found.append(f"{what} changed")
    return found
