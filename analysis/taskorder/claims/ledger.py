"""The history of the claims: append-only, each entry chained to the hash of the one before.

One line of JSON an entry. A claim is `registered`, with its whole wording, before a fit judges it; what is
then `judged` is written with the digests of model, rows and files; a claim whose wording is changed is
`amended`. Beside the ledger a second file holds the number and hash of the last entry, so that a line is
missed even where it was the last.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal, cast

from taskorder.claims.claim import Claim
from taskorder.claims.verdict import Verdict
from taskorder.errors import TaskorderError
from taskorder.files import sha256_text, write_whole

type Event = Literal["registered", "amended", "judged"]

START = "0" * 64
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
class Entry:
    """One line of the ledger.

    Attributes
    ----------
    number : int
        From 1.
    date : str
        Of its writing, YYYY-MM-DD.
    event : {"registered", "amended", "judged"}
    claim : str
        Its id.
    content : dict
        The wording of a claim; of a judgement what it was made from, and what came of it.
    previous : str
        SHA-256 of the line before.
    """

    number: int
    date: str
    event: Event
    claim: str
    content: Mapping[str, object]
    previous: str

    def line(self) -> str:
        """Return the entry as it is written, without the end of the line."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @property
    def sha256(self) -> str:
        """The hash that the next entry names."""
        return sha256_text(self.line())


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
        """Return a claim as it was last registered or amended; None where it never was."""
        entry = self.last(claim, "registered", "amended")
        return None if entry is None else entry.content

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
    entries: list[Entry] = []
    faults: list[str] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        entry = _entry(line)
        if entry is None:
            faults.append(f"{path}:{number}: cannot be read as an entry")
            continue
        faults += [
            f"{path}:{number}: {fault}" for fault in _breaks(entries[-1] if entries else None, entry, line)
        ]
        entries.append(entry)
    return Ledger(tuple(entries), (*faults, *_tail(path, entries)))


def write(path: Path, ledger: Ledger) -> None:
    """Write a ledger and the hash of its end, each whole.

    Raises
    ------
    TaskorderError
        If its chain is broken: what was lost is to be brought back first.
    """
    if ledger.faults:
        raise TaskorderError(
            f"{ledger.faults[0]}. Nothing is added to a ledger whose chain is broken: restore {path.name}"
            f" from version control"
        )
    write_whole(path, "".join(f"{entry.line()}\n" for entry in ledger.entries), force=True)
    end = ledger.entries[-1]
    write_whole(_head_path(path), f"{end.number} {end.sha256}\n", force=True)


def _head_path(path: Path) -> Path:
    return path.with_suffix(".head")


def _head(path: Path) -> tuple[int, str] | None:
    """Return the number and hash of the last entry, as it was noted down."""
    try:
        number, digest = _head_path(path).read_text("utf-8").split()
        return int(number), digest
    except (OSError, ValueError):
        return None


def _entry(line: str) -> Entry | None:
    try:
        return Entry(**json.loads(line))
    except (ValueError, TypeError):
        return None


def _breaks(before: Entry | None, entry: Entry, line: str) -> Iterator[str]:
    number, digest = (before.number, before.sha256) if before else (0, START)
    if entry.number > number + 1:
        lost = range(number + 1, entry.number)
        yield f"entr{'y' if len(lost) == 1 else 'ies'} {', '.join(map(str, lost))} removed before this one"
    elif entry.previous != digest:
        yield f"entry {number or entry.number} was edited after entry {entry.number} was written"
    if entry.line() != line:
        yield "not as it was written"


def _tail(path: Path, entries: list[Entry]) -> list[str]:
    noted = _head(path)
    if noted is None:
        return (
            [f"{_head_path(path)}: missing or unreadable; it notes the end of the ledger"] if entries else []
        )
    number, digest = noted
    if not entries or entries[-1].number < number:
        return [f"{path}: it ends before entry {number}, which was its last"]
    if entries[-1].sha256 != digest:
        return [f"{path}:{len(entries)}: the last entry was edited, or added by hand"]
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
    last = ledger.last(claim.id, "judged", "amended")
    if last is not None and last.event == "judged" and not _changed(last.content, content):
        return ledger
    return ledger.with_entry("judged", claim.id, content, on)


def registered(ledger: Ledger, claim: Claim, on: str) -> Ledger:
    """Return the ledger with the wording of a claim, if that is new."""
    before, now = ledger.wording(claim.id), asdict(claim)
    if before == now:
        return ledger
    return ledger.with_entry("registered" if before is None else "amended", claim.id, now, on)


def differences(ledger: Ledger, verdict: Verdict, made_from: Mapping[str, object]) -> tuple[str, ...]:
    """Say how a verdict, and what it was made from, differ from what the ledger last says of it."""
    claim = verdict.claim
    wording = ledger.wording(claim.id)
    if wording is None:
        return (f"{claim.id}: not in the ledger",)
    edited = [name for name, value in asdict(claim).items() if wording.get(name) != value]
    found = [
        f"{claim.id}: its {name} was edited after it was registered: {wording.get(name)!r} is now"
        f" {asdict(claim)[name]!r}"
        for name in edited
    ]
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
