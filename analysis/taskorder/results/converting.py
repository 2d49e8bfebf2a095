"""From cells as they stand in a file to columns of the contract's types; a misfit is a problem."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.errors import Problem
from taskorder.results.loading import Loaded, listed
from taskorder.results.schema import BY_NAME, COLUMNS, Column

EXPONENT = r"(?:[eE](?:[+]?\d{1,2}|-\d{1,3}))?"
NUMBER = rf"[+-]?(?:\d+\.?\d*|\.\d+){EXPONENT}"
WHOLE = r"-?\d{1,18}(?:\.0*)?"
PLAIN_NUMBER = rf"-?(?:0|[1-9]\d{{0,14}})(?:\.\d*)?{EXPONENT}"
LARGEST = 2.0**63
"""What a whole number must be below, either way."""
MISSING = ("", "NA", "NaN", "nan")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One file's table.

    Attributes
    ----------
    file
        The file, as the person named it.
    frame
        Every column of the contract with its type, whether or not the file has it, then all others as they
        are.
    lines
        The line at which each row begins, (rows,).
    names
        The columns that the file has.
    """

    file: str
    frame: pd.DataFrame
    lines: NDArray[np.int64]
    names: tuple[str, ...]

    def problems(self, column: str, bad: NDArray[np.bool_], message: Callable[[int], str]) -> list[Problem]:
        """Make problems of the rows at fault, (rows,); none where the file lacks the column."""
        if column and column not in self.names:
            return []
        return listed(self.file, column, self.lines, np.flatnonzero(bad), message)

    def alike(self, column: str, kind: NDArray[np.int64], message: Callable[[int], str]) -> list[Problem]:
        """Make one problem of all rows of a kind, (rows,), at the first of them; those below 0 have none."""
        at = np.flatnonzero(kind >= 0)
        _, first, count = np.unique(kind[at], return_index=True, return_counts=True)
        rows_like = dict(zip(at[first].tolist(), count.tolist(), strict=True))

        def told(row: int) -> str:
            more = rows_like[row] - 1
            return message(row) + (
                f" ({more:,} more {'row' if more == 1 else 'rows'} like this)" if more else ""
            )

        bad = np.zeros(len(kind), dtype=bool)
        bad[list(rows_like)] = True
        return self.problems(column, bad, told)

    def with_frame(self, frame: pd.DataFrame) -> "Sheet":
        """Give the same sheet with other values."""
        return replace(self, frame=frame)


def convert(loaded: Loaded) -> tuple[Sheet, list[Problem]]:
    """Give every column of the contract its type.

    Parameters
    ----------
    loaded
        The cells of a file; columns that the file lacks become empty.

    Returns
    -------
    sheet
        Cells that are no number are missing in it.
    problems
        One for each of those cells.
    """
    names = tuple(loaded.cells.columns)
    columns: dict[str, pd.Series] = {}
    problems: list[Problem] = []
    for column in COLUMNS:
        if column.name not in names:
            columns[column.name] = _empty(column, len(loaded.cells))
            continue
        columns[column.name], found = _converted(loaded, column)
        problems += found
    others = {name: loaded.cells[name] for name in names if name not in BY_NAME}
    return Sheet(loaded.file, pd.DataFrame(columns | others), loaded.lines, names), problems


def with_numbers(cells: pd.Series) -> pd.Series:
    """Turn a column of text into numbers where all of it is numbers, with empty cells and NA as missing.

    A column that holds anything else, such as a number with leading zeros or one too long to be held exactly,
    stays as it is.
    """
    if cells.dtype == "Float64":
        return cells.astype("float64")
    if cells.dtype != "str":
        return cells
    missing = cells.isin(MISSING)
    told = cells[~missing]
    if told.empty or not all(some.str.fullmatch(PLAIN_NUMBER).all() for some in (told.head(), told)):
        return cells
    return cells.where(~missing, np.nan).astype("float64")


def _empty(column: Column, rows: int) -> pd.Series:
    return _typed(
        pd.Series([np.nan] * rows, dtype="float64") if column.numeric else pd.Series([""] * rows), column
    )


def _typed(cells: pd.Series, column: Column) -> pd.Series:
    if column.kind == "whole":
        return cells.astype("Int64")
    return cells.astype("float64") if column.kind == "number" else cells.astype("str")


def _converted(loaded: Loaded, column: Column) -> tuple[pd.Series, list[Problem]]:
    cells = loaded.cells[column.name]
    if cells.dtype == "str":
        if not column.numeric:
            return cells, []
        if not loaded.typed:
            return _from_text(loaded, column, cells)
    elif cells.isna().all() and not column.numeric:
        return _empty(column, len(cells)), []
    elif column.numeric and (_is_number(cells) or cells.isna().all()):
        return _from_numbers(loaded, column, cells)
    needed = "numbers" if column.numeric else "text"
    message = f"the column's type is {cells.dtype}: it must hold {needed}. Save it with that type."
    return _empty(column, len(cells)), [Problem(loaded.file, None, column.name, message)]


def _is_number(cells: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells)


def _from_text(loaded: Loaded, column: Column, cells: pd.Series) -> tuple[pd.Series, list[Problem]]:
    fits = cells.str.fullmatch(WHOLE if column.kind == "whole" else NUMBER).to_numpy(dtype=bool)
    bad = ~fits if column.filled else ~fits & (cells != "").to_numpy(dtype=bool)

    def message(row: int) -> str:
        return _number_fault(column, str(cells.iloc[row]))

    numbers = cells.where(fits, np.nan)
    if column.kind == "whole":
        numbers = numbers.str.replace(r"\.0*$", "", regex=True)
    problems = listed(loaded.file, column.name, loaded.lines, np.flatnonzero(bad), message)
    return _typed(numbers, column), problems


def _from_numbers(loaded: Loaded, column: Column, cells: pd.Series) -> tuple[pd.Series, list[Problem]]:
    values = cells.to_numpy(dtype=np.float64, na_value=np.nan)
    bad = np.isinf(values) | (np.isnan(values) & column.filled)
    if column.kind == "whole":
        bad |= np.isfinite(values) & ((values % 1 != 0) | (np.abs(values) >= LARGEST))

    def message(row: int) -> str:
        return _number_fault(column, "" if np.isnan(values[row]) else f"{values[row]:g}")

    problems = listed(loaded.file, column.name, loaded.lines, np.flatnonzero(bad), message)
    return _typed(cells.where(~bad & ~np.isnan(values)), column), problems


def _number_fault(column: Column, text: str) -> str:
    """Say why a cell is not the number that it should be, and what to write."""
    kind = "a whole number" if column.kind == "whole" else "a number"
    bare = text.strip()
    if not bare:
        return f"the cell is empty: every row needs {column.meaning}."
    if bare != text and re.fullmatch(NUMBER, bare):
        return f"blanks around the number: write {bare!r}."
    if re.fullmatch(NUMBER, bare):
        return f"{text} is not {kind}: it is {column.meaning}."
    if re.fullmatch(rf"{NUMBER}\s*%", bare):
        return f"{text!r} is not {kind}: write the fraction, without the percent sign."
    if re.fullmatch(NUMBER, bare.replace(",", ".")):
        return f"{text!r} is not {kind}: write the decimal point as '.', and no mark between thousands."
    remedy = (
        "leave out the row where there is none"
        if column.filled
        else "leave the cell empty where there is none"
    )
    return f"{text!r} is not {kind}: it is {column.meaning}; {remedy}."
