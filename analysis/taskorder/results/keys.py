"""Rows that belong together: a score that stands twice, and rows of one run that differ, are refused."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.errors import Problem
from taskorder.results.converting import Sheet
from taskorder.results.schema import BY_NAME, KEY
from taskorder.results.sequences import parse, render

Integers = NDArray[np.int64]

RUN = ("study", "run")
SAME_WEIGHTS = {
    RUN: ("backbone", "tuning", "seed"),
    (*RUN, "target", "stage"): ("sequence", "train_language"),
}
"""Columns (values) that rows have in common if they have others in common (keys)."""


def distinct(table: pd.DataFrame, columns: Sequence[str]) -> tuple[Integers, Integers]:
    """Return a number for each row that says what it holds in some columns.

    Returns
    -------
    codes : array (N,)
        The number of each row's combination, in the order of their first rows.
    first : array
        The first row of each combination.
    """
    codes = np.zeros(len(table), dtype=np.int64)
    for name in columns:
        own, values = pd.factorize(table[name], use_na_sentinel=False)
        codes = pd.factorize(codes * len(values) + own)[0].astype(np.int64)
    return codes, np.unique(codes, return_index=True)[1].astype(np.int64)


@dataclass(frozen=True)
class _Rows:
    """The rows of several sheets, one after another.

    Attributes
    ----------
    sheets : sequence of Sheet
    frame : DataFrame
        Every column of the contract.
    """

    sheets: Sequence[Sheet]
    frame: pd.DataFrame

    def place(self, row: int) -> str:
        """Name the file and the line of a row."""
        for sheet, (start, stop) in zip(self.sheets, self._bounds, strict=True):
            if row < stop:
                return f"row {sheet.lines[row - start]} of {sheet.file}"
        raise IndexError(row)

    def problems(
        self, column: str, earlier: Integers, message: Callable[[str, int, int], str]
    ) -> list[Problem]:
        """Make a problem of each row that an earlier one is named for.

        Parameters
        ----------
        column : str
            Where the problem is.
        earlier : array (N,)
            The earlier row; -1 for a row without a problem. Of rows of one file whose earlier ones are in one
            other, the first stands for all.
        message : callable
            From the place of the earlier row, its number and that of the row at fault.
        """
        owner = np.searchsorted([stop for _, stop in self._bounds], earlier, side="right")
        found: list[Problem] = []
        for place, (sheet, (start, stop)) in enumerate(zip(self.sheets, self._bounds, strict=True)):
            here, elsewhere = earlier[start:stop], owner[start:stop] != place
            kind = np.where(elsewhere, owner[start:stop], len(self.sheets) + np.arange(stop - start))

            def told(row: int, start: int = start, here: Integers = here) -> str:
                other = int(here[row])
                return message(self.place(other), other, start + row)

            found += sheet.alike(column, np.where(here >= 0, kind, -1), told)
        return found

    @property
    def _bounds(self) -> list[tuple[int, int]]:
        ends = np.cumsum([0, *(len(sheet.frame) for sheet in self.sheets)]).tolist()
        return list(pairwise(ends))


def duplicates(sheets: Sequence[Sheet]) -> list[Problem]:
    """Find rows whose key an earlier row has, in the same file or in another.

    Parameters
    ----------
    sheets
        All files; those that lack a required column of the key are passed over.

    Returns
    -------
    list of Problem
        One for each later row, naming the first.
    """
    rows = _rows([one for one in sheets if all(name in one.names for name in KEY if BY_NAME[name].required)])
    if rows is None:
        return []
    codes, first = distinct(rows.frame, KEY)
    earlier = first[codes]
    earlier[earlier == np.arange(len(earlier))] = -1
    said = f"has the same {', '.join(KEY)}: remove one, or give each model a run of its own."
    return rows.problems("run", earlier, lambda place, *_: f"{place} {said}")


def disagreements(sheets: Sequence[Sheet]) -> list[Problem]:
    """Find rows of one run that cannot come from the same weights.

    Parameters
    ----------
    sheets
        All files, in which nothing else is wrong.

    Returns
    -------
    list of Problem
        One for each run and column in which its rows differ, at the first row that does.
    """
    rows = _rows(sheets)
    if rows is None:
        return []
    problems: list[Problem] = []
    for together, columns in SAME_WEIGHTS.items():
        codes, _ = distinct(rows.frame, together)
        for column in columns:
            cells = rows.frame[column]
            same = (
                cells.map({text: _unordered(text) for text in cells.unique()})
                if column == "sequence"
                else cells
            )
            earlier = _first_other(codes, pd.factorize(same)[0])
            problems += rows.problems(column, earlier, _of_one_run(", ".join(together[1:]), cells))
    return problems


def _unordered(text: str) -> str:
    """Return a sequence with the stages of each joint step in the order of their names."""
    return render(tuple(tuple(sorted(step)) for step in parse(text)))


def _of_one_run(together: str, cells: pd.Series) -> Callable[[str, int, int], str]:
    def message(place: str, other: int, row: int) -> str:
        theirs, own = (
            repr(cell) if isinstance(cell, str) else f"{cell}" for cell in cells.iloc[[other, row]]
        )
        return (
            f"{place} is of the same {together}, but has {cells.name} {theirs}, and this row {own}: rows of a"
            " run come from the same weights. Correct one, or give each model a run of its own."
        )

    return message


def _rows(sheets: Sequence[Sheet]) -> _Rows | None:
    """Put rows one after another; None where there are none."""
    columns = list(dict.fromkeys([*KEY, *(name for names in SAME_WEIGHTS.values() for name in names)]))
    if not sheets:
        return None
    return _Rows(sheets, pd.concat([sheet.frame[columns] for sheet in sheets], ignore_index=True))


def _first_other(codes: Integers, values: Integers) -> Integers:
    """Return, at the first row of each code whose value differs from its first one, the row of that.

    Parameters
    ----------
    codes : array (N,)
    values : array (N,)
        -1 where a row has none: it differs from no other.

    Returns
    -------
    array (N,)
        -1 at all other rows.
    """
    told = np.flatnonzero(values >= 0)
    _, first, code = np.unique(codes[told], return_index=True, return_inverse=True)
    other = np.flatnonzero(values[told] != values[told][first][code])
    _, earliest = np.unique(code[other], return_index=True)
    at = other[earliest]
    found = np.full(len(codes), -1)
    found[told[at]] = told[first[code[at]]]
    return found
