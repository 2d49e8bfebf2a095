"""Our own experiments, which no paper describes, as data/experiments.csv has them; validated when read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
)

from taskorder.errors import InvalidTable, Problem
from taskorder.paths import resource
from taskorder.results.loading import Loaded, load

FILE = "data/experiments.csv"

type _Text = Annotated[str, Field(min_length=1)]
type _Millions = Annotated[
    tuple[PositiveFloat, ...], Field(min_length=1), BeforeValidator(lambda text: text.split(";"))
]


class Experiment(BaseModel):
    """A row of data/experiments.csv.

    Attributes
    ----------
    study : str
        As the tables of results name it.
    title, encoders, pretraining : str
        What it asks, on which encoders, and what these were made from.
    parameters : tuple of float
        Of each of the encoders, in millions; in the file with `;` between them.
    licence : str
    rows, runs, backbones, tasks, languages : int
        Counted over its table of results, which need not be there where a report is set.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    study: _Text
    title: _Text
    encoders: _Text
    parameters: _Millions
    pretraining: _Text
    licence: _Text
    rows: PositiveInt
    runs: PositiveInt
    backbones: PositiveInt
    tasks: PositiveInt
    languages: PositiveInt


def experiments() -> tuple[Experiment, ...]:
    """Return our own experiments, in the order of the file; none where it is not there.

    Raises
    ------
    InvalidTable
        If a cell is not what it must be, or a study is there twice.
    """
    try:
        loaded = load(resource(FILE))
    except FileNotFoundError:
        return ()
    found: list[Experiment] = []
    problems = list(loaded.problems)
    rows = loaded.cells.to_dict("records")
    for line, row in zip(loaded.lines, rows, strict=True):
        try:
            found.append(Experiment.model_validate(row))
        except ValidationError as error:
            problems += _faults(loaded, int(line), error)
    problems += _repeated(loaded, [str(row.get("study")) for row in rows])
    if problems:
        raise InvalidTable(problems)
    return tuple(found)


def _faults(loaded: Loaded, line: int, error: ValidationError) -> Iterator[Problem]:
    for fault in error.errors():
        yield Problem(loaded.file, line, str(fault["loc"][0]), f"{fault['msg']}.")


def _repeated(loaded: Loaded, studies: Sequence[str]) -> Iterator[Problem]:
    for study in sorted({study for study in studies if studies.count(study) > 1}):
        yield Problem(loaded.file, None, "study", f"{study!r} is there twice: keep one of the rows.")
