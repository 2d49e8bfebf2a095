"""What an importer finds: scores with all that their file says of them, and what it leaves out, and why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, Protocol

from taskorder.errors import Problem
from taskorder.results.importing.names import NameMap
from taskorder.results.loading import on_one_line

LONGEST_SHOWN = 160
BEYOND_ANY_SCALE = 50


@dataclass(frozen=True, slots=True)
class Score:
    """One number that may be a score.

    Attributes
    ----------
    value
        As it stands in the file; `tidying` divides percent by 100.
    place
        File and place in it, below the path that is imported; it becomes the cell of `source`.
    names
        The names under which it stands, such as ``{"task": "xnli_sw", "metric": "acc,none"}``: a map may say
        what each stands for.
    says
        Cells of the result table, or of columns beside it, that the file itself states.
    scaled
        More such cells, of numbers that are on the scale of the score.
    """

    value: Decimal
    place: str
    names: Mapping[str, str]
    says: Mapping[str, str] = field(default_factory=dict[str, str])
    scaled: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something in the files that is no row of the table.

    Attributes
    ----------
    place
        File and place in it.
    what
        The name of the thing: a metric, a task, a file.
    why
        The reason, and what to do where it should be a row.
    """

    place: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Reading:
    """All that the files of one import hold.

    Attributes
    ----------
    scores
        Numbers that may be rows.
    left_out
        All else.
    problems
        What is wrong with the files; where there are any, nothing is imported.
    """

    scores: tuple[Score, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    problems: tuple[Problem, ...] = ()


class Format(Protocol):
    """A kind of files that can be imported.

    Attributes
    ----------
    name
        As the command line calls it.
    percent
        Its scores are always percent.
    """

    name: ClassVar[str]
    percent: ClassVar[bool]

    def known(self) -> NameMap:
        """Give what names stand for in this tool, whoever used it."""
        ...

    def read(self, path: Path) -> Reading:
        """Find the scores in a file or in the files below a folder."""
        ...


def joined(readings: Iterable[Reading]) -> Reading:
    """Put several readings into one, in their order."""
    found = list(readings)
    return Reading(
        tuple(score for reading in found for score in reading.scores),
        tuple(left for reading in found for left in reading.left_out),
        tuple(problem for reading in found for problem in reading.problems),
    )


def shown(text: str) -> str:
    """Give a text from a file as it may be printed: on one line, without marks of control, not too long."""
    return on_one_line(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}...")


def number(value: object) -> Decimal | None:
    """Take a JSON value as a number; None where it is none, or is no finite one."""
    return value if isinstance(value, Decimal) and value.is_finite() else None


def cell(value: Decimal, *, percent: bool = False) -> str:
    """Write a number as a cell, divided by 100 without rounding where it is percent."""
    scaled = value.scaleb(-2) if percent and abs(value.adjusted()) < BEYOND_ANY_SCALE else value
    return str(+scaled) if abs(scaled.adjusted()) < BEYOND_ANY_SCALE else f"{scaled:.2E}"
