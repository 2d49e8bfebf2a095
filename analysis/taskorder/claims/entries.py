"""The entries of the ledger, each chained to the hash of the one before, and what is wrong with its lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, NoReturn

from pydantic import TypeAdapter

from taskorder.files import sha256_text

type Event = Literal["registered", "amended", "withdrawn", "judged", "added", "taken_back"]

START = "0" * 64
"""What the first entry names in place of a hash."""


@dataclass(frozen=True)
class Entry:
    """One line of the ledger.

    Attributes
    ----------
    number : int
        From 1.
    date : str
        Of its writing, YYYY-MM-DD.
    event : {"registered", "amended", "withdrawn", "judged", "added", "taken_back"}
    claim : str
        Its id; empty where rows were added or taken back.
    content : dict
        The wording of a claim; of a judgement what it was made from, and what came of it; of rows
        their tables, and what became of models and claims.
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
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True, allow_nan=False)

    @property
    def sha256(self) -> str:
        """The hash that the next entry names."""
        return sha256_text(self.line())


_ENTRY = TypeAdapter(Entry)


def parsed(lines: Sequence[str]) -> tuple[tuple[Entry, ...], tuple[tuple[int, str], ...]]:
    """Read lines as entries; return those that are, and what is wrong, each with the number of its line."""
    read = [(place, line, _entry(line)) for place, line in enumerate(lines, start=1)]
    faults = [(place, "cannot be read as an entry") for place, _, entry in read if entry is None]
    entries: list[Entry] = []
    first: dict[int, Entry] = {}
    for _, _, entry in read:
        if entry is not None:
            first.setdefault(entry.number, entry)
    for place, line, entry in read:
        if entry is not None:
            faults += [(place, fault) for fault in _breaks(entry, line, entries, first)]
            entries.append(entry)
    return tuple(entries), tuple(sorted(faults))


def _entry(line: str) -> Entry | None:
    try:
        json.loads(line, parse_constant=_refuse)
        return _ENTRY.validate_json(line, strict=True)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number that a ledger holds")


def _breaks(entry: Entry, line: str, before: Sequence[Entry], first: Mapping[int, Entry]) -> Iterator[str]:
    """Say where an entry does not follow those before it; `first` has the first entry of each number."""
    number, last = entry.number, before[-1].number if before else 0
    ahead = first.get(number - 1)
    if first[number] is not entry:
        yield f"entry {number} is there a second time"
    elif number <= last:
        yield f"entry {number} stands after entry {last}: lines were put into another order"
    elif lost := [str(each) for each in range(last + 1, number) if each not in first]:
        yield f"entr{'y' if len(lost) == 1 else 'ies'} {', '.join(lost)} removed before this one"
    elif number == 1 and entry.previous != START:
        yield "entry 1 was edited: nothing stood before it"
    if ahead is not None and entry.previous != ahead.sha256:
        yield f"entry {ahead.number} was edited after entry {number} was written"
    if entry.line() != line:
        yield "not as it was written"
