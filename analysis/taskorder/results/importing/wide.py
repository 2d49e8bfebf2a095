"""Wide tables: a row is a model, and its scores stand in columns whose headers are languages or targets.

A column named as in the result table holds for all scores of its row. The header of a column of a target and
a language is ``target/language``, in one line or in two.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_scalar

from taskorder.errors import Problem
from taskorder.results import catalogue
from taskorder.results.converting import MISSING, NUMBER
from taskorder.results.importing.names import COLUMNS, NameMap
from taskorder.results.importing.scores import LeftOut, Reading, Score, joined, shown
from taskorder.results.loading import listed, load
from taskorder.results.schema import BY_NAME

type Headers = Literal["language", "target", "target/language", "language/target"]

KINDS = {"language": "language", "target": "task"}
MEANS = ("avg", "avg.", "average", "mean", "macro", "overall", "all")


@dataclass(frozen=True, slots=True)
class Wide:
    """A CSV, TSV or Parquet file with several scores a row.

    Attributes
    ----------
    headers
        What the columns of scores are named by.
    header_rows
        In how many lines: 2 where the first names the one, and the second the other.
    """

    headers: Headers = "language"
    header_rows: int = 1
    name: ClassVar[str] = "wide"
    percent: ClassVar[bool] = False

    def known(self) -> NameMap:
        """Give the tasks of data/tasks.csv by their keys and names, and what means are called."""
        tasks = catalogue.tasks()
        keys = {
            written: {"target": str(key)}
            for key, title in zip(tasks["task"], tasks["name"], strict=True)
            for written in (str(title), str(key).upper(), str(key))
        }
        means = {
            written: {"skip": "the mean of other columns."}
            for mean in MEANS
            for written in (mean, mean.title(), mean.upper())
        }
        return NameMap.of("data/tasks.csv", {"task": keys | means, "language": means})

    def read(self, path: Path) -> Reading:
        """Read a table."""
        loaded = load(path, self.header_rows)
        if loaded.problems:
            return Reading(problems=loaded.problems)
        own = [name for name in loaded.cells.columns if name in COLUMNS]
        if twice := [name for name in own if name in self.headers.split("/")]:
            message = f"the table has a column {twice[0]!r}: then --columns cannot be {self.headers}."
            return Reading(problems=(Problem(str(path), 1, twice[0], message),))
        cells = pd.DataFrame({name: _texts(loaded.cells[name]) for name in loaded.cells.columns})
        says = [_said(row) for row in cells[own].to_dict("records")]
        others = [name for name in cells.columns if name not in own]
        return joined(self._of_column(path, name, cells[name], says, loaded.lines) for name in others)

    def _of_column(
        self, path: Path, column: str, cells: pd.Series, says: list[dict[str, str]], lines: NDArray[np.int64]
    ) -> Reading:
        parts, kinds = column.split("/"), [KINDS[part] for part in self.headers.split("/")]
        if len(parts) != len(kinds):
            why = f"the header is not of the form {self.headers} (--columns)."
            return Reading(left_out=(LeftOut(f"{path.name} column {column}", column, why),))
        is_number = cells.str.fullmatch(NUMBER).to_numpy(dtype=bool)
        is_blank = cells.isin(MISSING).to_numpy(dtype=bool)
        if not is_number.any():
            why = "blank in every row." if is_blank.all() else "no cell of the column is a number."
            return Reading(left_out=(LeftOut(f"{path.name} column {column}", column, why),))
        names = dict(zip(kinds, parts, strict=True))
        scores = tuple(
            Score(Decimal(text), f"{path.name} line {line} {column}", names, row)
            for text, line, row, wanted in zip(cells, lines, says, is_number, strict=True)
            if wanted
        )
        blanks = tuple(
            LeftOut(f"{path.name} line {line} {column}", f"blank cells of {column}", "no score.")
            for line, blank in zip(lines, is_blank, strict=True)
            if blank
        )
        texts = listed(
            str(path),
            column,
            lines,
            np.flatnonzero(~(is_number | is_blank)),
            lambda row: _no_number(cells.iloc[row]),
        )
        return Reading(scores, blanks, tuple(texts))


def _texts(cells: pd.Series) -> pd.Series:
    """Give cells as text without blanks around them, whatever types the file gave them."""
    missing = cells.map(lambda value: is_scalar(value) and bool(pd.isna(value))).to_numpy(dtype=bool)
    return cells.astype("object").map(str).str.strip().where(~missing, "").astype("str")


def _said(row: Mapping[Hashable, str]) -> dict[str, str]:
    """Give the cells of a row that say something: an empty sequence does, an empty study does not."""
    return {str(name): text for name, text in row.items() if text or not BY_NAME[str(name)].filled}


def _no_number(text: str) -> str:
    return f"{shown(text)!r} is no number: write the score alone, and empty the cell where there is none."
