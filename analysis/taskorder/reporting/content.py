"""What the template is given: tables of finished text, and marks that it draws.

A cell is a text, or one of the values below; `as_json` turns a table into what JSON holds. The template
sets texts as they are, so nothing in a name can be taken for markup.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

type Kind = Literal["text", "number", "mono", "math", "strip", "mark"]
type Part = dict[str, Any]
"""A part of the document, as the template takes it."""
type Cell = str | Strip | Mark


@dataclass(frozen=True)
class Column:
    """A column: its head, how its cells are set, and its width in Typst's words or in mm."""

    head: str
    kind: Kind = "text"
    width: Literal["auto", "1fr"] | float = "auto"
    ticks: tuple[Tick, ...] = ()


@dataclass(frozen=True)
class Tick:
    """A mark on the scale of a column of strips, at a share of its width."""

    at: float
    label: str


@dataclass(frozen=True)
class Strip:
    """An interval drawn in a cell; all places are shares of the width of the column.

    `lower` and `upper` end the thin line, `inner` the thick one (empty for none); `zero` is a reference line
    (negative for none); `other` is a second, open, interval: lower, middle, upper.
    """

    lower: float
    middle: float
    upper: float
    inner: tuple[float, ...] = ()
    zero: float = -1.0
    other: tuple[float, ...] = ()
    band: tuple[float, ...] = ()


@dataclass(frozen=True)
class Mark:
    """A mark of its own shape and colour, with a word."""

    mark: Literal["supported", "refuted", "undecided", "pass", "fail", "differs"]
    word: str


@dataclass(frozen=True)
class Table:
    """A table; a row of a single text is a heading over the rows that follow."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    wide: bool = False


def as_json(table: Table) -> dict[str, object]:
    """Return a table as JSON holds it."""
    return {
        "columns": [asdict(column) for column in table.columns],
        "rows": [[cell if isinstance(cell, str) else asdict(cell) for cell in row] for row in table.rows],
        "caption": table.caption,
        "wide": table.wide,
    }
