"""Which of the rows that were added a model takes, and what becomes of each of the others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.errors import first_of
from taskorder.inference.fitting import select_rows
from taskorder.inference.layout.design import Design, build_design
from taskorder.inference.spec import ModelSpec
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
        These rows, laid out; None where none is new.
    """

    fates: tuple[Fate, ...]
    rows: pd.DataFrame
    modelled: Booleans
    design: Design | None = None

    @property
    def touched(self) -> bool:
        """Whether any new row is modelled."""
        return bool(self.modelled.any())


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
    design = build_design(rows, spec, covariates)
    modelled = among & (design.row_cell >= 0)
    count, of_means = int(modelled[into].sum()), int(modelled.sum())
    how = "modelled" if of_means == count else f"modelled, as {of_means:,} means over languages"
    dropped = _dropped(rows, among & ~modelled, len(into) - count, spec, covariates)
    found = [Fate(count, how)] if count else []
    return Reach((*found, *dropped, *fates), rows, modelled, design)


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


def parts(found: Reach, most: int) -> tuple[str, pd.Series]:
    """Divide the new rows into groups, as fine as `most` groups allow.

    Returns
    -------
    what : str
        What the groups are: `run`, `sequence and target`, ...; empty where all new rows are alike.
    group : Series (N,)
        The group of each new row that is modelled; empty elsewhere.
    """
    rows, new = found.rows, found.modelled
    group = pd.Series("", index=rows.index, dtype="str")
    best: tuple[str, pd.Series] | None = None
    for columns in _DIVISIONS:
        labels = _labels(rows[new], columns)
        count = labels.nunique()
        if count >= 2 and (best is None or count < best[1].nunique()):
            best = (" and ".join(columns).removeprefix("study and "), labels)
        if 2 <= count <= most:
            break
    if best is None:
        return "", group
    group[new] = _fewer(best[1], most)
    return best[0], group


_DIVISIONS = (
    ("study", "run"),
    ("sequence", "target"),
    ("sequence",),
    ("target",),
    ("backbone", "tuning"),
    ("study",),
)
OTHERS = "all others"


def _labels(rows: pd.DataFrame, columns: tuple[str, ...]) -> pd.Series:
    told = [name for name in columns if name != "study" or len(set(rows["study"])) > 1 or len(columns) == 1]
    texts = rows[told].astype("str").replace("", "direct")
    return pd.Series([", ".join(row) for row in texts.to_numpy()], index=rows.index, dtype="str")


def _fewer(labels: pd.Series, most: int) -> pd.Series:
    """Keep the largest groups apart, and join all others."""
    sizes = labels.value_counts()
    if len(sizes) <= most:
        return labels
    largest = sorted(sizes.index, key=lambda name: (-sizes[name], str(name)))[: most - 1]
    return labels.where(labels.isin(largest), OTHERS)


def design_of(found: Reach, group: pd.Series, spec: ModelSpec, covariates: Covariates) -> Design:
    """Lay the rows out so that each group of new rows has cells of its own."""
    return build_design(found.rows, spec, covariates, apart=group)
