"""From files to a validated table: all of their rows, or all of their problems."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from taskorder.errors import InvalidTable
from taskorder.results.checking import examine
from taskorder.results.converting import with_numbers
from taskorder.results.loading import Loaded, load_all, loaded_frame
from taskorder.results.schema import BY_NAME, NAMES

SHOWN = 10


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that was read: its name as it was given, its SHA-256, and how many rows it has."""

    path: str
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class ResultTable:
    """Validated results.

    Attributes
    ----------
    frame
        (rows, columns): the columns of the contract first, with text ``""`` and numbers missing where a file
        says nothing, then all other columns of the files. Scores are fractions.
    inputs
        The files, in the order of their rows.
    """

    frame: pd.DataFrame
    inputs: tuple[InputFile, ...]

    @property
    def runs(self) -> int:
        """How many trained models the rows come from."""
        return len(self.frame[["study", "run"]].drop_duplicates())

    @property
    def studies(self) -> int:
        """How many studies the rows come from."""
        return self.frame["study"].nunique()

    def __str__(self) -> str:
        studies = "study" if self.studies == 1 else "studies"
        return f"{len(self.frame):,} rows, {self.runs:,} runs, {self.studies:,} {studies}"

    def _repr_html_(self) -> str:
        files = "file" if len(self.inputs) == 1 else "files"
        return f"<p>{self} in {len(self.inputs)} {files}</p>" + self.frame.head(SHOWN).to_html()


def read(*paths: str | Path, percent: bool = False, languages: Collection[str] = ()) -> ResultTable:
    """Read result tables and validate them.

    Parameters
    ----------
    paths
        CSV (also gzipped), TSV or Parquet files; their rows are joined in this order.
    percent
        The scores and their standard deviations are percent; they are divided by 100.
    languages
        Codes that are allowed beside those of data/languages.csv.

    Returns
    -------
    ResultTable
        Every row of every file. Columns beyond the contract are kept, as numbers where all their cells are.

    Raises
    ------
    InvalidTable
        With all problems of all files.
    MissingData
        If no file is named, or something else than a file.
    """
    return _validated(load_all(paths), percent=percent, languages=languages)


def read_frame(frame: pd.DataFrame, *, percent: bool = False, languages: Collection[str] = ()) -> ResultTable:
    """Validate a table that is in memory already, as `read` does a file.

    Parameters
    ----------
    frame
        With the columns of a result table; problems name its rows from 1.
    percent, languages
        As for `read`.

    Raises
    ------
    InvalidTable
        With all problems.
    """
    return _validated([loaded_frame(frame, "the table")], percent=percent, languages=languages)


def _validated(files: Sequence[Loaded], *, percent: bool, languages: Collection[str]) -> ResultTable:
    sheets, problems = examine(files, percent=percent, languages=languages)
    if problems:
        raise InvalidTable(problems)
    frame = _joined([sheet.frame for sheet in sheets])
    others = [name for name in frame.columns if name not in BY_NAME]
    return ResultTable(frame[[*NAMES, *others]], _inputs(files))


def read_any(*paths: str | Path) -> tuple[pd.DataFrame, tuple[InputFile, ...]]:
    """Read tables whatever their columns are, as for ``schema = "any"``.

    Parameters
    ----------
    paths
        CSV (also gzipped), TSV or Parquet files; their rows are joined in this order.

    Returns
    -------
    frame
        (rows, columns); a column is of numbers where all its cells are numbers, empty or NA, else of text.
    inputs
        The files.

    Raises
    ------
    InvalidTable
        If a file is no well-formed table.
    MissingData
        If no file is named, or something else than a file.
    """
    files = load_all(paths)
    if problems := [problem for loaded in files for problem in loaded.problems]:
        raise InvalidTable(problems)
    frame = _joined([loaded.cells for loaded in files])
    return frame.assign(**{name: with_numbers(frame[name]) for name in frame.columns}), _inputs(files)


def _inputs(files: Sequence[Loaded]) -> tuple[InputFile, ...]:
    return tuple(InputFile(loaded.file, loaded.digest, len(loaded.cells)) for loaded in files)


def _joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Join rows; where a table lacks a column of text, its cells are empty."""
    names = list(dict.fromkeys(name for frame in frames for name in frame.columns))
    texts = {name for frame in frames for name in frame.columns if frame[name].dtype == "str"}
    filled = [
        frame.assign(
            **{name: pd.Series("", frame.index, dtype="str") for name in texts.difference(frame.columns)}
        )
        for frame in frames
    ]
    joined = pd.concat(filled, ignore_index=True)[names]
    return joined.assign(**{name: with_numbers(joined[name]) for name in names if name not in BY_NAME})
