"""Rows that belong together: a score that stands twice, and rows of one run that differ, are refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.errors import Problem
from taskorder.results.converting import Sheet
from taskorder.results.schema import BY_NAME, KEY

Integers = NDArray[np.int64]

RUN = ("study", "run")
SAME_WEIGHTS = {
    RUN: ("backbone", "tuning", "seed", "n_seeds"),
    (*RUN, "target", "stage"): ("sequence", "train_language"),
}
"""Columns in which rows must agree that agree in others."""


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

    def problems(self, column: str, first: Integers, message: str) -> list[Problem]:
        """Make a problem of each row that names an earlier one.

        Parameters
        ----------
        column : str
            Where the problem is.
        first : array (N,)
            The earlier row; a row without a problem names itself.
        message : str
            A template: `other` is the place of the earlier row, `theirs` and `own` are the two cells.
        """
        cells = self.frame[column]

        def told(row: int) -> str:
            other = int(first[row])
            theirs, own = cells.iloc[other], cells.iloc[row]
            return message.format(other=self.place(other), theirs=repr(str(theirs)), own=repr(str(own)))

        found: list[Problem] = []
        for sheet, (start, stop) in zip(self.sheets, self._bounds, strict=True):
            bad = first[start:stop] != np.arange(start, stop)
            found += sheet.problems(column, bad, lambda row, start=start: told(row + start))
        return found

    @property
    def _bounds(self) -> list[tuple[int, int]]:
        ends = np.cumsum([0, *(len(sheet.frame) for sheet in self.sheets)]).tolist()
        return list(pairwise(ends))


def contradictions(sheets: Sequence[Sheet]) -> list[Problem]:
    """Find rows whose key an earlier row has, and rows of one run that cannot come from the same weights.

    Parameters
    ----------
    sheets
        All files; those that lack a required column of the key are passed over.

    Returns
    -------
    list of Problem
        One for each row that has the key of an earlier one, which it names; and one for each column in which
        rows of a run differ, at the first that does.
    """
    whole = [sheet for sheet in sheets if all(name in sheet.names for name in KEY if BY_NAME[name].required)]
    if not whole:
        return []
    columns = dict.fromkeys([*KEY, *(name for names in SAME_WEIGHTS.values() for name in names)])
    rows = _Rows(whole, pd.concat([sheet.frame[list(columns)] for sheet in whole], ignore_index=True))
    return [*_duplicates(rows), *_disagreements(rows)]


def _duplicates(rows: _Rows) -> list[Problem]:
    codes, first = distinct(rows.frame, KEY)
    message = f"{{other}} has the same {', '.join(KEY)}: remove one, or give each model a run of its own."
    return rows.problems("run", first[codes], message)


def _disagreements(rows: _Rows) -> list[Problem]:
    problems: list[Problem] = []
    named = (rows.frame["run"] != "").to_numpy(dtype=bool)
    for together, columns in SAME_WEIGHTS.items():
        codes, _ = distinct(rows.frame, together)
        agreeing = ", ".join(together[1:])
        for column in columns:
            message = (
                f"{{other}}, of the same {agreeing}, has {{theirs}}, and this row {{own}}: rows of a run come"
                " from the same weights. Correct one, or give each model a run of its own."
            )
            problems += rows.problems(column, _first_other(codes, rows.frame[column], named), message)
    return problems


def _first_other(codes: Integers, cells: pd.Series, asked: NDArray[np.bool_]) -> Integers:
    """Return each row itself; but for the first of those with its code that differs, their first one.

    Cells that are missing differ from none.
    """
    own = pd.factorize(cells)[0]
    told = np.flatnonzero((own >= 0) & asked)
    _, first, group = np.unique(codes[told], return_index=True, return_inverse=True)
    other = np.flatnonzero(own[told] != own[told][first][group])
    _, earliest = np.unique(group[other], return_index=True)
    at = other[earliest]
    found = np.arange(len(cells))
    found[told[at]] = told[first[group[at]]]
    return found
