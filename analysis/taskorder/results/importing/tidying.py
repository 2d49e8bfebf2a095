"""From scores with their cells to one validated table; whatever is missing or twice is named."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from taskorder.errors import InvalidTable, MissingData, Problem, nearest
from taskorder.files import write_whole
from taskorder.results.checking import examine
from taskorder.results.importing.names import Entry
from taskorder.results.importing.placing import Given, Names, Row, placed
from taskorder.results.importing.scores import Format, LeftOut, shown
from taskorder.results.language_codes import LanguageCodes
from taskorder.results.loading import LISTED, Loaded, on_one_line, shortened
from taskorder.results.schema import BY_NAME, COLUMNS, KEY, Column

EXAMPLES = {
    "study": "NAME",
    "run": "NAME",
    "backbone": "xlm-roberta-base",
    "tuning": "full",
    "sequence": "'mnli>squad' (or '' for direct fine-tuning)",
    "target": "xnli",
    "train_language": "en (or '' where the target was not trained)",
    "language": "sw",
    "metric": "accuracy",
}
"""What a person might write behind the option of each column."""


@dataclass(frozen=True)
class Imported:
    """A table made of other tools' files.

    Attributes
    ----------
    frame
        Cells of text as they are written: the columns of the contract that say something, then others that
        the files state, such as ``item_stderr``, the standard error of item sampling.
    left_out
        Everything in the files that is no row.
    notes
        What else the person should know.
    """

    frame: pd.DataFrame
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        runs = len(self.frame[["study", "run"]].drop_duplicates())
        counts = ((len(self.frame), "score"), (runs, "run"))
        return ", ".join(f"{count:,} {noun}{'' if count == 1 else 's'}" for count, noun in counts)

    def lines(self) -> list[str]:
        """Give what was left out, one line for each thing and reason, and the notes."""
        return [*summarised(self.left_out), *(f"note: {note}" for note in self.notes)]

    def write(self, path: Path, *, force: bool = False) -> None:
        """Write the table as CSV.

        Raises
        ------
        FileExistsError
            If the file exists and `force` is not set.
        MissingData
            If the name of the file says that it is something else.
        """
        if path.suffix.lower() != ".csv":
            raise MissingData(f"{path}: the table is written as CSV: give it a name that ends in .csv.")
        write_whole(path, self.frame.to_csv(index=False, lineterminator="\n"), force=force)


def import_results(form: Format, path: Path, given: Given) -> Imported:
    """Turn what another tool wrote into a result table.

    Parameters
    ----------
    form
        The format of the files.
    path
        A file, or a folder.
    given
        What the files do not say.

    Returns
    -------
    Imported
        A table that `taskorder.results.checking.check` finds no fault with.

    Raises
    ------
    InvalidTable
        With everything that is wrong: a file, a score that is said twice, a column that nothing fills.
    MissingData
        If no score can be placed.
    """
    reading = form.read(path)
    if reading.problems:
        raise _refusal(reading.problems)
    names = Names(given.names, form.known(), LanguageCodes.known(given.languages))
    found = [placed(score, names, given, percent=form.percent) for score in reading.scores]
    rows = [row for row in found if isinstance(row, Row)]
    left_out = (*reading.left_out, *(left for left in found if isinstance(left, LeftOut)))
    faults = [fault for fault in found if isinstance(fault, Problem)]
    if problems := [*_first(faults), *_missing(rows, path), *_repeated(rows)]:
        raise _refusal(problems)
    if not rows:
        nothing = f"{path}: it holds no score that can be placed (read as {form.name})."
        raise MissingData("\n".join([nothing, *summarised(left_out)]))
    frame = _frame(rows)
    if problems := _faults(frame, rows, given.languages):
        raise _refusal(problems)
    return Imported(frame, left_out, tuple(_notes(rows, given, names)))


def summarised(left_out: Iterable[LeftOut]) -> list[str]:
    """Say what was left out: one line for each reason, with the names of the things and the first place."""
    by_reason: dict[str, list[LeftOut]] = {}
    for left in left_out:
        by_reason.setdefault(left.why, []).append(left)
    return [_summary(why, found) for why, found in by_reason.items()]


def _summary(why: str, found: Sequence[LeftOut]) -> str:
    things = [shown(what) for what in dict.fromkeys(left.what for left in found)]
    more = f", and {len(things) - LISTED:,} other names" if len(things) > LISTED else ""
    first = f"{shown(found[0].place)}{f', and at {len(found) - 1:,} other places' if len(found) > 1 else ''}"
    return f"left out: {', '.join(things[:LISTED])}{more} ({first}): {why}"


def _refusal(problems: Iterable[Problem]) -> InvalidTable:
    """Refuse the files, each problem on one line though names in it come from them."""
    return InvalidTable(
        [
            replace(
                problem,
                file=on_one_line(problem.file),
                column=on_one_line(problem.column),
                message=shortened(on_one_line(problem.message)),
            )
            for problem in problems
        ]
    )


def _missing(rows: Sequence[Row], path: Path) -> list[Problem]:
    """Find required columns that nothing fills."""
    problems: list[Problem] = []
    for column in COLUMNS:
        lacking = [row for row in rows if _lacks(row, column)]
        if not lacking:
            continue
        first = lacking[0].score
        below = " or ".join(shown(str(Entry(kind, name))) for kind, name in first.names.items())
        message = (
            f"{len(lacking):,} of {len(rows):,} scores do not say it, the first at {shown(first.place)}:"
            f" it is {column.meaning}. Pass --{column.name.replace('_', '-')} {EXAMPLES[column.name]},"
            f" or give {column.name} in the map (--map), here below {below}."
        )
        problems.append(Problem(str(path), None, column.name, message))
    return problems


def _lacks(row: Row, column: Column) -> bool:
    if not column.required:
        return False
    return column.name not in row.cells or (column.filled and not row.cells[column.name])


def _repeated(rows: Sequence[Row]) -> list[Problem]:
    """Find scores that are said to be the same score of the same model."""
    first: dict[tuple[str, ...], Row] = {}
    problems: list[Problem] = []
    for row in rows:
        key = tuple(row.cells.get(column, "") for column in KEY)
        if (other := first.setdefault(key, row)) is not row:
            message = (
                f"{shown(other.score.place)} has the same {', '.join(KEY)}: leave one out (skip = true in the"
                " map), or say in the map how they differ."
            )
            problems.append(Problem(shown(row.score.place), None, "", message))
    return _first(problems)


def _first(problems: list[Problem]) -> list[Problem]:
    """Keep the first problems of a kind, and count the others."""
    if (more := len(problems) - LISTED) <= 0:
        return problems
    rest = f"and {more:,} more with this kind of problem."
    return [*problems[:LISTED], Problem(problems[LISTED].file, None, "", rest)]


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    """Make the table: columns of the contract that are required or say something, then all others."""
    ours = [
        column.name
        for column in COLUMNS
        if column.required or any(row.cells.get(column.name) for row in rows)
    ]
    others = dict.fromkeys(name for row in rows for name in row.cells if name not in BY_NAME)
    table = {name: [row.cells.get(name, "") for row in rows] for name in (*ours, *others)}
    return pd.DataFrame(table, dtype="str")


def _faults(frame: pd.DataFrame, rows: Sequence[Row], languages: Collection[str]) -> list[Problem]:
    """Check the table as one that is read from a file; name the place that each score came from."""
    _, found = examine([Loaded("", frame, np.arange(len(frame)), "")], percent=False, languages=languages)
    return [
        replace(problem, file=shown(rows[problem.row].score.place), row=None)
        if problem.row is not None
        else problem
        for problem in found
    ]


def _notes(rows: Sequence[Row], given: Given, names: Names) -> list[str]:
    kept = Counter(column for row in rows for column in row.kept)
    options = [
        f"--{column.replace('_', '-')} {given.columns[column]}: {count:,}"
        f" {'score says' if count == 1 else 'scores say'} otherwise; file and map stand above an option."
        for column, count in kept.items()
    ]
    unused = [
        f"{entry} of {names.own.origin} fits no name.{nearest(entry.pattern, there)}"
        for entry, there in names.unused()
    ]
    return [*options, *unused]
