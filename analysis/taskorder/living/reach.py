"""Which of the rows that were added a model takes, and what becomes of each of the others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.errors import MissingData, first_of
from taskorder.inference.fitting import select_rows
from taskorder.inference.layout.design import Design, build_design
from taskorder.inference.spec import ModelSpec
from taskorder.living.dividing import divided
from taskorder.living.project import ADDED
from taskorder.moderators import stage_table
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
    design : Design or None
        These rows, laid out so that each group of new rows has cells of its own; None where none is new.
    what : str
        What the groups are: `run`, `sequence and target`, ...; empty where all new rows are alike.
    group : Series (N,)
        The group of each new row that is modelled; empty elsewhere.
    together : str
        Why the groups could not have cells of their own; empty where they have.
    """

    fates: tuple[Fate, ...]
    rows: pd.DataFrame
    modelled: Booleans
    design: Design | None = None
    what: str = ""
    group: pd.Series = field(default_factory=lambda: pd.Series(dtype="str"))
    together: str = ""

    @property
    def touched(self) -> bool:
        """Whether any new row is modelled."""
        return bool(self.modelled.any())

    @property
    def groups(self) -> list[tuple[str, Booleans]]:
        """The name of each group of new rows, and its cells."""
        assert self.design is not None
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
    what, group = divided(rows, among)
    design, together = _laid_out(rows, spec, covariates, group)
    modelled = among & (design.row_cell >= 0)
    count, of_means = int(modelled[into].sum()), int(modelled.sum())
    how = "modelled" if of_means == count else f"modelled, as {of_means:,} means over languages"
    dropped = _dropped(rows, among & ~modelled, len(into) - count, spec, covariates)
    found = [Fate(count, how)] if count else []
    group = group.where(modelled, "")
    if group[group != ""].nunique() < 2:
        what = ""
    return Reach((*found, *dropped, *fates), rows, modelled, design, what, group, together)


def _laid_out(
    rows: pd.DataFrame, spec: ModelSpec, covariates: Covariates, group: pd.Series
) -> tuple[Design, str]:
    """Lay rows out, each group in cells of its own; or all of them together, and say why."""
    try:
        return build_design(rows, spec, covariates, apart=group), ""
    except MissingData as error:
        return build_design(rows, spec, covariates), str(error)


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


def _dropped(
    rows: pd.DataFrame, dropped: Booleans, count: int, spec: ModelSpec, covariates: Covariates
) -> Iterator[Fate]:
    """Say of `count` new rows that were dropped which stages have no value of which moderator."""
    sequence = spec.sequence
    if sequence is None or not dropped.any():
        return
    lines = stage_table(rows, covariates, sequence.difficulty, sequence.similarity).frame
    own = lines[dropped[lines["row"].to_numpy()]]
    words = sorted({word for term in sequence.moderators for word in term.split(":")})
    lacking = [
        f"no {word} ({', '.join(getattr(sequence, word))}) of {first_of(_names(own, own[word].isna()))}"
        for word in words
        if own[word].isna().any()
    ]
    remedy = "give them in data/tasks.csv (difficulty_*) or data/similarity.csv"
    yield Fate(count, f"dropped: {'; '.join(lacking)}; {remedy}")


def _names(lines: pd.DataFrame, some: pd.Series) -> list[str]:
    return list(dict.fromkeys(lines.loc[some, "stage"].astype(str)))
