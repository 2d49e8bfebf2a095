"""Tables that a person hands in: read, validated together with what stands already, and named."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pandas as pd

from taskorder.errors import InvalidTable, Problem, TaskorderError
from taskorder.files import sha256
from taskorder.living.change import Added
from taskorder.living.project import ADDED, Project
from taskorder.paths import resource
from taskorder.results.catalogue import Covariates, published
from taskorder.results.loading import load
from taskorder.results.reading import read

LONGEST = 40
"""Characters of a table's own name that are kept."""


@dataclass(frozen=True)
class Table:
    """A table that is added, or was.

    Attributes
    ----------
    name : str
        Its path in the project: `data/added/0001-mine.csv`.
    content : bytes
    frame : DataFrame
        Its rows, validated.
    """

    name: str
    content: bytes
    frame: pd.DataFrame

    @property
    def sha256(self) -> str:
        """SHA-256 of its bytes."""
        return hashlib.sha256(self.content).hexdigest()

    def added(self) -> Added:
        """Return what the ledger holds of it."""
        return Added(self.name, self.sha256, len(self.frame))


@dataclass(frozen=True)
class Offer:
    """What a person handed in: the tables that are new, and which are there already, a sentence each."""

    tables: tuple[Table, ...]
    known: tuple[str, ...]


def offered(paths: Sequence[Path], project: Project, ever: Iterable[str], covariates: Covariates) -> Offer:
    """Validate tables that are to be added, among themselves and with the tables of the project.

    Parameters
    ----------
    paths : sequence of Path
    project : Project
    ever : iterable of str
        The names of all tables that were ever added: none of their numbers is used again.
    covariates : Covariates

    Raises
    ------
    InvalidTable
        With all that is wrong, also where a score stands in another table already.
    """
    _refuse_endings(paths)
    there = {sha256(path): f"{ADDED}/{path.name}" for path in project.tables()}
    contents = {path: path.read_bytes() if path.is_file() else b"" for path in paths}
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()}
    known = [f"{path} is {there[digests[path]]} already" for path in paths if digests[path] in there]
    new = [path for path in paths if digests[path] not in there]
    if not new:
        return Offer((), tuple(known))
    frames = _validated(new, contents, project, covariates)
    first = _next_number([*ever, *(path.name for path in project.tables())])
    tables = tuple(
        Table(f"{ADDED}/{first + place:04d}-{_slug(path)}.csv", contents[path], frame)
        for place, (path, frame) in enumerate(zip(new, frames, strict=True))
    )
    return Offer(tables, tuple(known))


def _refuse_endings(paths: Iterable[Path]) -> None:
    message = "a table that is added ends in .csv: save it as CSV with commas and in UTF-8."
    problems = [
        Problem(str(path), None, "", message)
        for path in paths
        if path.is_file() and path.suffix.lower() != ".csv"
    ]
    if problems:
        raise InvalidTable(problems)


def _validated(
    paths: Sequence[Path], contents: Mapping[Path, bytes], project: Project, covariates: Covariates
) -> list[pd.DataFrame]:
    """Read new tables together with those of the same studies, so that a score that stands twice is found."""
    codes = covariates.languages["language"].tolist()
    new = read(*paths, languages=codes).frame
    studies = set(new["study"])
    same = [path for path in _standing(project) if _has_study(path, studies)]
    if not same:
        table = read(*paths, languages=codes)
    else:
        try:
            table = read(*same, *paths, languages=codes)
        except InvalidTable as error:
            raise InvalidTable([*_remedy(error.problems, project), *error.problems]) from None
    for file, path in zip(table.inputs[-len(paths) :], paths, strict=True):
        if file.sha256 != hashlib.sha256(contents[path]).hexdigest():
            raise TaskorderError(f"{path} changed while it was read: try again")
    frame = table.frame.iloc[-len(new) :].reset_index(drop=True)
    bounds = [0]
    for file in table.inputs[-len(paths) :]:
        bounds.append(bounds[-1] + file.rows)
    return [frame.iloc[begin:end].reset_index(drop=True) for begin, end in pairwise(bounds)]


def _remedy(problems: Sequence[Problem], project: Project) -> list[Problem]:
    """Say what to do about a table that was added before and has grown."""
    added = [f"{ADDED}/{path.name}" for path in project.tables()]
    grown = sorted({name for name in added for problem in problems if Path(name).name in problem.message})
    return [
        Problem(
            name,
            None,
            "",
            "its rows stand in a table that was added before: hand in the new rows only, or take it back"
            " (taskorder refit --undo) and add the whole table.",
        )
        for name in grown
    ]


def _standing(project: Project) -> list[Path]:
    """Return every table of results of a project: published, measured and added."""
    experiments = resource("data").glob("experiments/*/results.csv")
    return [*published(), *sorted(experiments), *project.tables()]


def _has_study(path: Path, studies: set[str]) -> bool:
    text = path.read_bytes() if path.suffix == ".csv" else b""
    if text and not any(study.split('"')[0].encode() in text for study in studies):
        return False
    cells = load(path).cells
    return "study" in cells and bool(cells["study"].astype(str).str.strip().isin(list(studies)).any())


def _next_number(names: Iterable[str]) -> int:
    """Return the number after the highest one that a table's name begins with."""
    found = (re.match(r"\d+", Path(name).name) for name in names)
    return 1 + max((int(number[0]) for number in found if number), default=0)


def _slug(path: Path) -> str:
    text = re.sub(r"[^a-z0-9_]+", "-", path.stem.lower()).strip("-")[:LONGEST]
    return text or "table"
