"""What was archived beside what was rebuilt from it, file by file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from taskorder.archive import means
from taskorder.archive.agreeing import Agreement, agreement
from taskorder.archive.contents import REPORT, Item
from taskorder.archive.packing import entries
from taskorder.archive.record import Entry, Record

_SHOWN = 12
"""Digits of a SHA-256 in the text."""


@dataclass(frozen=True)
class Line:
    """A file in both.

    Attributes
    ----------
    path : str
    archived, rebuilt : str
        Their SHA-256; empty where there is no such file.
    status : {"same", "equal", "agrees", "follows", "other", "differs", "missing", "added"}
        `same`: to the byte. `equal`: all that matters, though not all bytes. `agrees`: to Monte Carlo error.
        `follows`: made of what only agrees, or is made with other means. `other`: code or libraries, which
        are no results. `differs`, `missing`, `added`: anything else.
    remark : str
    """

    path: str
    archived: str
    rebuilt: str
    status: str
    remark: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is what it should be."""
        return self.status not in {"differs", "missing", "added"}


@dataclass(frozen=True)
class Comparison:
    """All files of an archive beside those that were rebuilt, in the order of their paths."""

    lines: tuple[Line, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing differs beyond Monte Carlo error."""
        return all(line.ok for line in self.lines)

    def table(self) -> pd.DataFrame:
        """Return one row a file."""
        columns = ["path", "archived", "rebuilt", "status", "remark"]
        return pd.DataFrame([vars(line) for line in self.lines], columns=columns)

    def text(self) -> str:
        """Return what is not the same to the byte, a line a file, and how many files are."""
        told = _with_code_in_one([line for line in self.lines if line.status != "same"])
        rows = [(line.status, line.path, _short(line.archived), _short(line.rebuilt)) for line in told]
        widths = [max((len(row[place]) for row in rows), default=0) for place in range(4)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + f"  {line.remark}"
            for row, line in zip(rows, told, strict=True)
        ]
        same = sum(line.status == "same" for line in self.lines)
        last = f"{same:,} of {len(self.lines):,} files are the same to the byte"
        return "\n".join([*(line.rstrip() for line in lines), last])


def _with_code_in_one(lines: Sequence[Line]) -> list[Line]:
    """Return lines with one for all files of the code that are others."""
    code = [line for line in lines if line.status == "other" and line.path.startswith(means.CODE)]
    if len(code) < 2:
        return list(lines)
    one = Line(f"{means.CODE}/", "", "", "other", f"{len(code)} files are not as archived")
    return [one, *(line for line in lines if line not in code)]


def _short(digest: str) -> str:
    return digest[:_SHOWN] or "-"


def compare(record: Record, archived: Path, items: Sequence[Item]) -> Comparison:
    """Compare an archive with what was rebuilt from it.

    Parameters
    ----------
    record : Record
        Of the archive.
    archived : Path
        The folder that it was unpacked to.
    items : sequence of Item
        What was rebuilt.
    """
    before = {entry.path: entry for entry in record.entries}
    now = {entry.path: entry for entry in entries(items)}
    sources = {item.path: item.source for item in items}
    lines = {
        path: _line(path, before.get(path), now.get(path), archived / path, sources)
        for path in sorted({*before, *now})
    }
    if lines[REPORT].status == "differs":
        lines[REPORT] = _report(lines)
    return Comparison(tuple(lines.values()))


def _line(
    path: str,
    before: Entry | None,
    now: Entry | None,
    archived: Path,
    sources: Mapping[str, Path | bytes],
) -> Line:
    line = Line(path, before.sha256 if before else "", now.sha256 if now else "", "same")
    if line.archived == line.rebuilt:
        return line
    if (before or now) is not None and {entry.role for entry in (before, now) if entry} == {"means"}:
        return replace(line, status="other", remark=_means(before, now))
    if before is None or now is None:
        return replace(line, status="added" if before is None else "missing")
    found = agreement(archived, sources[path]) if before.role == "result" else Agreement("differs")
    return replace(line, status=found.status, remark=found.remark)


def _means(before: Entry | None, now: Entry | None) -> str:
    if before is None:
        return "not in the archive"
    return "not here" if now is None else "not as archived"


def _report(lines: Mapping[str, Line]) -> Line:
    """Say of a report that differs whether it must: it prints estimates, and versions of libraries."""
    line = lines[REPORT]
    others = [other for path, other in lines.items() if path != REPORT]
    if any(other.status == "agrees" for other in others):
        return replace(line, status="follows", remark="set from estimates that agree, but not to the digit")
    if any(other.status == "other" for other in others):
        return replace(
            line, status="follows", remark="set by other code, or from other versions that it prints"
        )
    return replace(line, remark="though all that it was made from is the same")
