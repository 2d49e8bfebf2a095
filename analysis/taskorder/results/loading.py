"""From a CSV, TSV or Parquet file to a table of cells as they stand in the file, with the line of every row.

Nothing is interpreted here but the file format: what a cell of a text file holds stays text.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.errors import MissingData, Problem, nearest
from taskorder.files import sha256, sha256_text
from taskorder.results.arrow import Ragged, parse_text
from taskorder.results.schema import COLUMNS

LONGEST_NAME = 10_000
"""Characters of the name of a column."""
SEPARATORS = {".csv": ",", ".csv.gz": ",", ".tsv": "\t", ".tsv.gz": "\t"}
ENDINGS = (*SEPARATORS, ".parquet")
LISTED = 20
LARGEST = 1 << 32
"""Bytes that a compressed file may grow to."""

ABOVE = 20_000
"""Bytes in which a header is looked for that has something above it."""
MOST_COLUMNS = 2_000
LONGEST_MESSAGE = 1_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """The cells of one file.

    Attributes
    ----------
    file
        The file, as the person named it.
    cells
        One column for each column of the file: text for CSV and TSV, the file's own types for Parquet, with
        empty text where it has none.
    lines
        The line at which each row begins, (rows,); for Parquet the row's number from 1.
    digest
        SHA-256 of the file; empty where there is no file.
    problems
        What is wrong with the file itself; where they are `fatal`, there are no cells.
    typed
        The cells have the types that the file gives them (Parquet): text in it is never a number.
    """

    file: str
    cells: pd.DataFrame
    lines: NDArray[np.int64]
    digest: str
    problems: tuple[Problem, ...] = ()
    typed: bool = False

    @property
    def fatal(self) -> bool:
        """Whether the file could not be read as a table at all."""
        return not len(self.cells.columns)


def load_all(paths: Sequence[object]) -> list[Loaded]:
    """Read files' cells as `load` does.

    Raises
    ------
    MissingData
        If no file is named, or something else than a file.
    """
    if not paths:
        raise MissingData("No result table is named: name at least one file.")
    return [load(_path(path)) for path in paths]


def _path(path: object) -> str | Path:
    if isinstance(path, str):
        return path
    if isinstance(path, PathLike):
        return Path(path)
    raise MissingData(
        f"A {type(path).__name__} is no file: name files, each as an argument of its own (*files); a"
        " DataFrame is written first, with to_csv."
    )


def load(path: str | Path, header_rows: int = 1) -> Loaded:
    """Read a file's cells; whatever is wrong with the file becomes a problem, never an exception.

    Parameters
    ----------
    path
        A CSV (also gzipped), TSV or Parquet file.
    header_rows
        Lines of a text file's header: of two, ``a`` above ``b`` names a column ``a/b``, and an empty cell of
        the upper one is spanned by the column to its left.
    """
    file, path = on_one_line(str(path)), Path(path)
    try:
        if fault := _path_fault(path):
            return _unreadable(file, fault)
        digest = sha256(path)
        if _ending(path) == ".parquet":
            return _load_parquet(file, path, digest)
        content = _decompressed(path) if _ending(path).endswith(".gz") else path.read_bytes()
        separator = SEPARATORS[_ending(path)]
    except (OSError, EOFError, zlib.error, ValueError, NotImplementedError) as error:
        return _unreadable(file, f"the file cannot be read: {on_one_line(str(error))}.")
    return _load_text(file, content, separator, digest, header_rows)


def listed(
    file: str, column: str, lines: NDArray[np.int64], bad: NDArray[np.int64], message: Callable[[int], str]
) -> list[Problem]:
    """Make a problem of each of the first twenty rows at fault, and one line for all the others.

    Parameters
    ----------
    file, column
        Where the problems are.
    lines
        The line of every row, (rows,).
    bad
        Positions of the rows at fault, ascending, (bad,).
    message
        From a row's position to what is wrong with it.
    """
    problems = [Problem(file, int(lines[row]), column, shortened(message(int(row)))) for row in bad[:LISTED]]
    if (more := len(bad) - LISTED) > 0:
        rest = f"and {more:,} more {'row' if more == 1 else 'rows'} with this kind of problem in this column."
        problems.append(Problem(file, int(lines[bad[LISTED]]), column, rest))
    return problems


def on_one_line(text: str) -> str:
    """Give a text as it may be printed: marks of control, and what a terminal would obey, are escaped."""
    return "".join(mark if mark.isprintable() else ascii(mark)[1:-1] for mark in text)


def shortened(message: str) -> str:
    """Shorten a message that quotes something very long; what to do stands at its end."""
    if len(message) <= LONGEST_MESSAGE:
        return message
    return f"{message[: LONGEST_MESSAGE // 2]} ... {message[-LONGEST_MESSAGE // 2 :]}"


def _decompressed(path: Path) -> bytes:
    with gzip.open(path) as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"it grows to more than {LARGEST:,} bytes")
    return content


def _ending(path: Path) -> str:
    return next(
        (ending for ending in sorted(ENDINGS, key=len, reverse=True) if path.name.lower().endswith(ending)),
        "",
    )


def _path_fault(path: Path) -> str:
    if path.is_dir():
        return f"this is a folder: name its tables, such as {path / '*.csv'}."
    if not path.is_file():
        there = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        return f"there is no such file.{nearest(path.name, there)}"
    if not _ending(path):
        return f"a table's name ends in {', '.join(ENDINGS)}: save it as CSV with commas and in UTF-8."
    return "the file is empty: a table has a header and at least one row." if path.stat().st_size == 0 else ""


def _unreadable(file: str, fault: str, row: int | None = None, digest: str = "") -> Loaded:
    return Loaded(file, pd.DataFrame(), np.empty(0, np.int64), digest, (Problem(file, row, "", fault),))


def _load_parquet(file: str, path: Path, digest: str) -> Loaded:
    cells = pd.read_parquet(path, dtype_backend="numpy_nullable").rename(columns=str)
    return _typed(file, cells.reset_index(drop=not any(cells.index.names)), digest)


def loaded_frame(frame: pd.DataFrame, name: str) -> Loaded:
    """Take cells from memory, as if they came from a file that gives them types; rows are counted from 1."""
    digest = sha256_text(frame.to_csv(index=False))
    cells = frame.rename(columns=str).reset_index(drop=True).infer_objects()
    return _typed(name, cells, digest)


def _typed(file: str, cells: pd.DataFrame, digest: str) -> Loaded:
    texts = cells.select_dtypes(["string", "str", "category"]).columns
    cells = cells.assign(**{name: cells[name].astype("str").where(cells[name].notna(), "") for name in texts})
    problems = _header_problems(file, list(cells.columns))
    if cells.empty:
        problems.append(Problem(file, None, "", "the table has columns but no rows."))
    return Loaded(file, cells, np.arange(1, len(cells) + 1), digest, tuple(problems), typed=True)


def _load_text(file: str, content: bytes, separator: str, digest: str, header_rows: int) -> Loaded:
    if fault := _encoding_fault(content):
        return _unreadable(file, fault[1], fault[0], digest)
    content = content.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n") + b"\n"
    if not content.strip():
        return _unreadable(
            file, "the file is empty: a table has a header and at least one row.", None, digest
        )
    try:
        header, header_lines = _header(content, separator, header_rows)
    except csv.Error:
        header, header_lines = None, 0
    if header is None or max(map(len, header), default=0) > LONGEST_NAME:
        fault = f"a name in the header is longer than {LONGEST_NAME:,} characters."
        return _unreadable(file, fault, 1, digest)
    if header_rows == 1 and (below := _header_below(content, header, separator)):
        fault = f"the header stands in line {below}: remove what is above it."
        return _unreadable(file, fault, 1, digest)
    problems = _header_problems(file, header, separator)
    if problems:
        return Loaded(file, pd.DataFrame(), np.empty(0, np.int64), digest, tuple(problems))
    try:
        cells, ragged = parse_text(content, header, header_lines, separator)
    except ValueError as error:
        return _unreadable(file, f"the file is not well-formed CSV: {on_one_line(str(error))}.", None, digest)
    simple = content.count(b"\r") == content.count(b"\r\n")
    each_ends_its_line = simple and content.count(b"\n") == header_lines + len(cells) + len(ragged)
    lines, ragged_lines = _lines(cells, ragged, header_lines, within=not each_ends_its_line)
    problems += _ragged_problems(file, ragged, ragged_lines, len(header))
    if content.count(b'"') % 2:
        problems += _quote_problems(file, cells, lines, ragged_lines)
    if cells.empty and not problems:
        problems.append(Problem(file, 1, "", "the file has a header and no rows below it."))
    blank = (cells == "").all(axis="columns").to_numpy(dtype=bool)
    problems += listed(file, "", lines, np.flatnonzero(blank), lambda _: "the row is empty: delete the line.")
    return Loaded(file, cells[~blank].reset_index(drop=True), lines[~blank], digest, tuple(problems))


def _encoding_fault(content: bytes) -> tuple[int | None, str] | None:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None, "the file is in UTF-16: save it as CSV in UTF-8."
    if b"\0" in content:
        return None, "the file is binary, not CSV: save the sheet as CSV in UTF-8."
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return (
            line,
            f"byte 0x{content[error.start]:02x} is not UTF-8 (Latin-1 perhaps): save the file as UTF-8.",
        )
    return None


def _header(content: bytes, separator: str, rows: int) -> tuple[list[str], int]:
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8", newline=""), delimiter=separator)
    upper = next(reader)
    return (upper if rows == 1 else _joined_header(upper, next(reader, []))), reader.line_num


def _joined_header(upper: list[str], lower: list[str]) -> list[str]:
    names: list[str] = []
    above = ""
    for pair in zip_longest(upper, lower, fillvalue=""):
        high, low = (cell.strip() for cell in pair)
        above = (high or above) if low else ""
        names.append("/".join(filter(None, (above or high, low))))
    return names


def _header_below(content: bytes, header: list[str], separator: str) -> int | None:
    """Return the line in which all that the contract requires is named, where the first names none of it."""
    wanted = {column.name for column in COLUMNS if column.required}
    if wanted & set(header):
        return None
    lines = re.split(r"\r\n|\r|\n", content[:ABOVE].decode(errors="ignore"))
    names = ({name.strip(' "') for name in line.split(separator)} for line in lines)
    return next((line for line, found in enumerate(names, 1) if wanted <= found), None)


def _header_problems(file: str, names: list[str], separator: str = "") -> list[Problem]:
    def problem(column: str, message: str) -> Problem:
        return Problem(file, 1, column, message)

    if not names:
        return [problem("", "the first line is blank: it must be the header.")]
    other = next((mark for mark in (";", "\t", ",", "|") if mark in names[0] and mark != separator), None)
    if separator and len(names) == 1 and other:
        return [
            problem(
                "", f"columns are separated by {other!r}, not by {separator!r}: save it with {separator!r}."
            )
        ]
    if len(names) > MOST_COLUMNS:
        return [problem("", f"the table has {len(names):,} columns; at most {MOST_COLUMNS:,} are read.")]
    problems: list[Problem] = []
    for name in dict.fromkeys(names):
        places = [str(place) for place, other in enumerate(names, 1) if other == name]
        if not name.isprintable():
            message = (
                f"the name {shortened(ascii(name))} of column {places[0]} holds marks of control: rename it."
            )
            problems.append(problem("", message))
        elif not name.strip():
            message = f"column {places[0]} has no name (an index saved with the table?): name or remove it."
            problems.append(problem("", message))
        elif name != name.strip():
            problems.append(problem(name, f"blanks around the name of the column: write {name.strip()!r}."))
        elif len(places) > 1:
            message = f"columns {', '.join(places)} have one name: rename or remove all but one."
            problems.append(problem(name, message))
    return problems


def _lines(
    cells: pd.DataFrame, ragged: list[Ragged], header_lines: int, *, within: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lines at which the rows begin, and those of ragged rows; breaks may be `within` cells."""
    is_ragged = np.zeros(len(cells) + len(ragged), dtype=bool)
    is_ragged[[row.record for row in ragged]] = True
    breaks = np.zeros(len(is_ragged), dtype=np.int64)
    breaks[is_ragged] = [row.breaks for row in ragged]
    for name in cells.columns if within else ():
        breaks[~is_ragged] += cells[name].str.count("\n").to_numpy(dtype=np.int64)
    starts = header_lines + 1 + np.arange(len(is_ragged)) + np.cumsum(breaks) - breaks
    return starts[~is_ragged], starts[is_ragged]


def _ragged_problems(file: str, ragged: list[Ragged], lines: NDArray[np.int64], width: int) -> list[Problem]:
    def message(row: int) -> str:
        return (
            f"the row has {ragged[row].fields} fields, the header {width}: "
            "put a cell that holds a comma in quotation marks, and end no row early."
        )

    return listed(file, "", lines, np.arange(len(ragged)), message)


def _quote_problems(
    file: str, cells: pd.DataFrame, lines: NDArray[np.int64], ragged_lines: NDArray[np.int64]
) -> list[Problem]:
    """Find the cell that swallowed the rows below it because its closing quotation mark is missing."""
    breaks = [cells[name].str.contains("\n", regex=False).to_numpy(dtype=bool) for name in cells.columns]
    swallowed = next((lines[has_break] for has_break in breaks if has_break.any()), ragged_lines[-1:])
    message = "a quotation mark is opened in this row and not closed: close it, or write it as two."
    return [Problem(file, int(line), "", message) for line in swallowed[:1]]
