"""Which of the rows that were added a model takes, and what becomes of each of the others."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.errors import MissingData, first_of
from taskorder.inference.fitting import select_rows
from taskorder.inference.layout.design import Design, laid_out
from taskorder.inference.layout.rows import Rows, read_rows
from taskorder.inference.spec import ModelSpec
from taskorder.living.dividing import divided
from taskorder.living.project import ADDED
from taskorder.moderators import StageTable, stage_table
from taskorder.results.averaging import means
from taskorder.results.catalogue import Covariates
from taskorder.results.selection import where, without_flags

type Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Fate:
    """What became of some new rows: how many, and why."""

    rows: int
    reason: str


@dataclass(frozen=True)
class Reach:
    """What a model makes of new rows.

    Attributes
    ----------
    fates : tuple of Fate
        Of every new row one; the first of those that are modelled, if any are.
    rows : DataFrame
        All rows that the model chooses, as `select_rows` gives them.
    modelled : array (N,) of bool
        Which of these are new and modelled.
    read : Rows or None
        These rows as the model sees them; None where none is new.
    design : Design or None
        These rows, laid out; None likewise.
    """

    fates: tuple[Fate, ...]
    rows: pd.DataFrame
    modelled: Booleans
    read: Rows | None = None
    design: Design | None = None

    @property
    def touched(self) -> bool:
        """Whether any new row is modelled."""
        return bool(self.modelled.any())


@dataclass(frozen=True)
class Apart:
    """The rows of a model, with the new ones in groups.

    Attributes
    ----------
    design : Design
        The rows, laid out so that each group of new rows has cells of its own.
    what : str
        What the groups are: `run`, `sequence and target`, ...; empty where all new rows are alike.
    group : Series (N,)
        The group of each new row that is modelled; empty elsewhere.
    together : str
        Why the groups could not have cells of their own; empty where they have.
    """

    design: Design
    what: str
    group: pd.Series
    together: str = ""

    @property
    def groups(self) -> list[tuple[str, Booleans]]:
        """The name of each group of new rows, and its cells."""
        of_cell = np.full(len(self.design.cells.mean), "", dtype=object)
        inside = self.design.row_cell >= 0
        of_cell[self.design.row_cell[inside]] = self.group.to_numpy(dtype=object)[inside]
        names = [str(name) for name in dict.fromkeys(self.group[self.group != ""])]
        return [(name, np.asarray(of_cell == name)) for name in names]


def takes(spec: ModelSpec, name: str) -> bool:
    """Say whether a model file names a table, by its path in the project."""
    path = PurePosixPath(name)
    return any(
        path.match(pattern) and len(PurePosixPath(pattern).parts) == len(path.parts)
        for pattern in spec.data.tables
    )


def untaken(spec: ModelSpec, rows: int) -> Fate:
    """Return the fate of rows in a table that the model file does not name."""
    if spec.data.layout == "any":
        return Fate(rows, f"not read: not its kind of table; it reads {', '.join(spec.data.tables)}")
    return Fate(rows, f'not read: [data] tables of its model file lacks "{ADDED}/*.csv"')


def reach(frame: pd.DataFrame, new: Booleans, spec: ModelSpec, covariates: Covariates) -> Reach:
    """Follow new rows into a model.

    Parameters
    ----------
    frame : DataFrame
        All rows of the model's tables with the new ones.
    new : array (rows,) of bool
    spec : ModelSpec
    covariates : Covariates

    Raises
    ------
    MissingData, InvalidModel
        Where the model cannot be fitted to its rows with these among them.
    """
    chosen, fates = _chosen(frame, new, spec)
    if not (new & chosen).any():
        return Reach(tuple(fates), frame.iloc[:0], np.zeros(0, dtype=bool))
    rows = select_rows(frame, spec, covariates)
    into = means(frame[chosen]) if spec.data.average else np.arange(len(rows))
    into = into[new[chosen]]
    among = np.bincount(into, minlength=len(rows)) > 0
    read = read_rows(rows, spec, covariates)
    design = laid_out(read, covariates)
    modelled = among & (design.row_cell >= 0)
    count, of_means = int(modelled[into].sum()), int(modelled.sum())
    how = "modelled" if of_means == count else f"modelled, as {of_means:,} means over languages"
    stages = _stages(rows, spec, covariates)
    dropped = _dropped(among & ~modelled, len(into) - count, stages, spec)
    found = [Fate(count, how + _untold(modelled, stages, _words(spec)))] if count else []
    return Reach((*found, *dropped, *fates), rows, modelled, read, design)


def apart(found: Reach, covariates: Covariates) -> Apart:
    """Divide the new rows that are modelled, and lay all out so that each group has cells of its own."""
    assert found.read is not None
    assert found.design is not None
    what, group = divided(found.rows, found.modelled)
    if not what:
        return Apart(found.design, what, group)
    try:
        return Apart(laid_out(found.read, covariates, group), what, group)
    except MissingData as error:
        return Apart(found.design, what, group, str(error))


def _chosen(frame: pd.DataFrame, new: Booleans, spec: ModelSpec) -> tuple[Booleans, list[Fate]]:
    """Say which rows the flags and `[data] where` leave, and why other new ones do not stay."""
    fates: list[Fate] = []
    unflagged = frame if spec.data.layout == "any" else without_flags(frame, spec.data.flags)
    kept = np.isin(frame.index, unflagged.index)
    if flagged := int((new & ~kept).sum()):
        fates.append(Fate(flagged, "left out: flagged, and [data] flags does not ask for them"))
    for condition in conditions(spec.data.where):
        fulfilled = np.isin(frame.index, where(frame, condition).index)
        if count := int((new & kept & ~fulfilled).sum()):
            fates.append(Fate(count, f"left out by [data] where: not ({condition})"))
        kept = kept & fulfilled
    return kept, fates


def conditions(text: str) -> Iterator[str]:
    """Take a condition apart into those that it joins by `and`."""
    if not text.strip():
        return
    match ast.parse(text.strip(), mode="eval").body:
        case ast.BoolOp(op=ast.And(), values=several):
            yield from map(ast.unparse, several)
        case one:
            yield ast.unparse(one)


def _stages(rows: pd.DataFrame, spec: ModelSpec, covariates: Covariates) -> StageTable | None:
    sequence = spec.sequence
    if sequence is None or not sequence.moderators:
        return None
    return stage_table(rows, covariates, sequence.difficulty, sequence.similarity)


def _untold(modelled: Booleans, stages: StageTable | None, words: Sequence[str]) -> str:
    """Say how many modelled rows have stages without a moderator, where none of their study has one."""
    said: list[str] = []
    if stages is None:
        return ""
    lines = stages.frame
    for word in words:
        without = lines[lines[word].isna() & modelled[lines["row"].to_numpy()]]
        if count := without["row"].nunique():
            said.append(f"{count:,} of them tell nothing of {word}, which {first_of(_names(without))} lack")
    return "; ".join(["", *said])


def _dropped(dropped: Booleans, count: int, stages: StageTable | None, spec: ModelSpec) -> Iterator[Fate]:
    """Say of `count` new rows that were dropped which stages have no value of which moderator."""
    if stages is None or not dropped.any():
        return
    lacking: list[str] = []
    for word in _words(spec):
        gaps = stages.missing(word)
        own = gaps[dropped[gaps["row"].to_numpy()]]
        if len(own):
            lacking.append(
                f"no {word} ({', '.join(getattr(spec.sequence, word))}) of {first_of(_names(own))}"
            )
    remedy = "give them in data/tasks.csv (difficulty_*) or data/similarity.csv"
    yield Fate(count, f"dropped: {'; '.join(lacking)}; {remedy}")


def _words(spec: ModelSpec) -> list[str]:
    """Return the moderators of a model's stages."""
    return sorted(
        {word for term in spec.sequence.moderators for word in term.split(":")} if spec.sequence else []
    )


def _names(lines: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(lines["stage"].astype(str)))
