"""What names in files stand for: the mapping file, and the same tables for what is known of each tool.

A mapping file is TOML, one table for each name or pattern of names::

    [folder."{sequence}/seed{seed}"]     # a part in braces becomes the cell of that column
    [folder."old/*"]
    skip = "an earlier try"              # or true
    [task.xnli_mt]
    target = "xnli"
    language = "mt"
    [metric.exact_match]
    percent = true
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self, cast

from taskorder.errors import InvalidTable, Problem, nearest
from taskorder.results.language_codes import LanguageCodes
from taskorder.results.loading import on_one_line
from taskorder.results.schema import BY_NAME

KINDS = ("folder", "file", "model", "task", "dataset", "language", "metric")
"""What a name in a file may be the name of."""

COLUMNS = tuple(name for name in BY_NAME if name not in ("score", "source"))
LANGUAGE = r"[A-Za-z]+(?:[_-][A-Z][a-z]{3})?"
WILD = re.compile(r"\*|\{(\w+)\}")
MOST_WILD = 4
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """What one name, or all names that fit a pattern, stand for.

    Attributes
    ----------
    kind
        One of `KINDS`.
    pattern
        The name; in a pattern ``*`` is anything, ``{column}`` a part that becomes the cell of that column.
    cells
        Cells of the result table.
    skip
        Why scores of this name are left out; empty where they are not.
    percent
        Whether scores of this name are percent; None where nothing is said.
    """

    kind: str
    pattern: str
    cells: Mapping[str, str] = field(default_factory=dict[str, str])
    skip: str = ""
    percent: bool | None = None

    def __str__(self) -> str:
        name = self.pattern if self.pattern.isidentifier() else f'"{self.pattern}"'
        return f"[{self.kind}.{on_one_line(name)}]"

    @property
    def wild(self) -> bool:
        """Whether it is a pattern."""
        return bool(WILD.search(self.pattern))

    def fits(self, name: str, codes: LanguageCodes) -> dict[str, str] | None:
        """Give the cells for a name; None where the entry is not about it.

        A part that stands for a language fits the code or the name of one only.
        """
        if not self.wild:
            return dict(self.cells) if name == self.pattern else None
        found = _compiled(self.pattern).fullmatch(name) if len(name) <= LONGEST_NAME else None
        if found is None:
            return None
        parts = {
            column: codes.code(part) if _is_language(column) else part
            for column, part in found.groupdict().items()
        }
        return {**parts, **self.cells} if all(parts.values()) else None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one name stands for: the entry that says it, and the cells."""

    entry: Entry
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NameMap:
    """Entries in the order of their file; an exact name stands above patterns, a pattern above later ones.

    Attributes
    ----------
    origin
        Where the entries stand.
    entries
        All of them.
    """

    origin: str = ""
    entries: tuple[Entry, ...] = ()

    @classmethod
    def of(cls, origin: str, tables: Mapping[str, Mapping[str, Mapping[str, str]]]) -> Self:
        """Make a map of what is known of a tool: kind, name, cells; a cell ``skip`` is the reason."""
        return cls(
            origin,
            tuple(
                Entry(
                    kind,
                    name,
                    {key: text for key, text in cells.items() if key != "skip"},
                    cells.get("skip", ""),
                )
                for kind, names in tables.items()
                for name, cells in names.items()
            ),
        )

    def find(self, kind: str, name: str, codes: LanguageCodes) -> Meaning | None:
        """Find what a name stands for."""
        mine = [entry for entry in self.entries if entry.kind == kind]
        for entry in sorted(mine, key=lambda entry: entry.wild):
            if (cells := entry.fits(name, codes)) is not None:
                return Meaning(entry, cells)
        return None


def read_map(path: Path) -> NameMap:
    """Read a mapping file.

    Raises
    ------
    InvalidTable
        With everything that is wrong in it.
    """
    problems: list[Problem] = []
    entries: list[Entry] = []
    for kind, names in _content(path).items():
        if kind not in KINDS:
            message = (
                f"{kind!r} is no kind of name; there are {', '.join(KINDS)}: write [kind.name], such as"
                f" [task.xnli_sw], and in quotation marks what is not a plain word.{nearest(kind, KINDS)}"
            )
            problems.append(Problem(str(path), None, "", message))
            continue
        for name, table in cast("dict[str, Any]", names if isinstance(names, dict) else {"": names}).items():
            entry, faults = _entry(kind, name, table)
            problems += [Problem(str(path), None, "", f"{entry}: {fault}") for fault in faults]
            entries.append(entry)
    if problems:
        raise InvalidTable(problems)
    return NameMap(str(path), tuple(entries))


def _content(path: Path) -> dict[str, Any]:
    def refusal(message: str) -> InvalidTable:
        return InvalidTable([Problem(str(path), None, "", message)])

    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        raise refusal("there is no such mapping file.") from None
    except OSError as error:
        raise refusal(f"the mapping file cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise refusal(f"byte {error.start} is not UTF-8: save the file as UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise refusal(f"the mapping file is not valid TOML: {error}.") from None


def _entry(kind: str, name: str, table: object) -> tuple[Entry, list[str]]:
    if not isinstance(table, dict):
        return Entry(kind, name), ['it must be a table, such as [task.xnli_sw] and below it target = "xnli".']
    values = cast("dict[str, Any]", table)
    faults = _pattern_faults(name)
    skip, percent = values.pop("skip", False), values.pop("percent", None)
    if not isinstance(skip, bool | str):
        faults.append(f"skip = {skip!r}: write true, or the reason in quotation marks.")
    if not isinstance(percent, bool | None):
        faults.append(f"percent = {percent!r}: write true or false.")
    for column, value in values.items():
        if column not in COLUMNS:
            faults.append(
                f"there is no column {column!r}; there are {', '.join(COLUMNS)}, and skip and percent."
                f"{nearest(column, (*COLUMNS, 'skip', 'percent'))}"
            )
        elif isinstance(value, bool) or not isinstance(value, str | int | float):
            faults.append(f"{column} = {value!r}: write a text in quotation marks, or a number.")
    reason = f"{kind} skipped by the map" if skip is True else str(skip or "")
    cells = {column: str(value) for column, value in values.items()}
    return Entry(kind, name, cells, reason, percent), faults


def _pattern_faults(pattern: str) -> list[str]:
    found = list(WILD.finditer(pattern))
    faults = [
        f"{part[0]} stands for no column; there are {', '.join(COLUMNS)}.{nearest(part[1], COLUMNS)}"
        for part in found
        if part[1] and part[1] not in COLUMNS
    ]
    if len(found) > MOST_WILD:
        faults.append(f"{len(found)} parts of the name are open; at most {MOST_WILD} can be.")
    return faults


def _is_language(column: str) -> bool:
    return BY_NAME[column].kind == "language"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Make a regular expression of a pattern; a part that occurs twice must be the same twice."""
    pieces: list[str] = []
    named: set[str] = set()
    end = 0
    for part in WILD.finditer(pattern):
        pieces.append(re.escape(pattern[end : part.start()]))
        end = part.end()
        if not part[1]:
            pieces.append(".*")
        elif part[1] in named:
            pieces.append(f"(?P={part[1]})")
        else:
            pieces.append(f"(?P<{part[1]}>{_open_part(part[1])})")
            named.add(part[1])
    return re.compile("".join(pieces) + re.escape(pattern[end:]), re.DOTALL)


def _open_part(column: str) -> str:
    if _is_language(column):
        return LANGUAGE
    return r"\d+" if BY_NAME[column].numeric else "[^/]+"
