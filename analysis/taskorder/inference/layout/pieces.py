"""The blocks of a design before they have their place: fixed terms, stages and groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.errors import MissingData
from taskorder.inference.layout.levels import coded, full_column, refuse_infinite
from taskorder.inference.layout.terms import fixed_columns
from taskorder.inference.priors import Defaults, Prior, scaled
from taskorder.inference.spec import STAGE, GroupSpec, ModelSpec, crossed_names, sd_name
from taskorder.moderators import StageTable, stage_table
from taskorder.results.catalogue import Covariates

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Entries:
    """Entries of the design of one block: cell, level, value and how many steps back the stage stands."""

    cell: Integers
    level: Integers
    value: Floats
    steps_back: Integers


@dataclass(frozen=True)
class Piece:
    """A block before it has its place among the columns."""

    name: str
    labels: tuple[str, ...]
    dim: str
    sd: str
    prior: Prior | None
    entries: Entries
    centre: float = 0.0


def rows_with_moderators(
    table: pd.DataFrame, spec: ModelSpec, covariates: Covariates
) -> tuple[NDArray[np.bool_], list[str]]:
    """Return which rows have a value of every moderator for every stage, and notes about those that do not.

    Raises
    ------
    MissingData
        Where there are such rows and the model file does not say that they are to be dropped.
    """
    keep = np.ones(len(table), dtype=bool)
    notes: list[str] = []
    sequence = spec.sequence
    if sequence is None:
        return keep, notes
    lines = stage_table(table, covariates, sequence.difficulty, sequence.similarity)
    for name in _words(sequence.moderators):
        gaps = lines.missing(name)
        if gaps.empty:
            continue
        if sequence.missing == "error":
            raise MissingData(_missing_moderator(name, gaps))
        keep[gaps["row"].unique()] = False
        notes.append(f"no {name} for some rows with {_list(gaps['stage'].unique())}, which were dropped")
    if not keep.all():
        notes.append(f"{int((~keep).sum()):,} rows dropped")
    return keep, notes


def stages_of(
    frame: pd.DataFrame, spec: ModelSpec, covariates: Covariates
) -> tuple[StageTable | None, list[str]]:
    """Return the stages of every cell, and notes about what they say nothing of.

    Raises
    ------
    MissingData
        Where no row has a stage, or no stage a value of a moderator.
    """
    sequence = spec.sequence
    if sequence is None:
        return None, []
    lines = stage_table(frame, covariates, sequence.difficulty, sequence.similarity)
    if lines.frame.empty:
        raise MissingData("[sequence]: no row to fit has a stage before its target; leave [sequence] out")
    silent = {name: lines.silent(name) for name in _words(sequence.moderators)}
    for name, studies in silent.items():
        if lines.frame[f"{name}_z"].isna().all():
            raise MissingData(
                f"[sequence] moderators: {name} has no values for the stages of"
                f" {_list(studies)}, so these rows say nothing of it; name another measure in [sequence]"
                f" {name}, give your own values ({_option(name)}), or take it out"
            )
    notes = [
        f"{name} does not vary over the stages of {_list(studies)}, which say nothing of its slope"
        for name, studies in silent.items()
        if studies
    ]
    if sequence.recency and not lines.frame["steps_back"].any():
        notes.append("recency: no row has two stages before its target, so it and its prior were left out")
    return lines, notes


def _words(terms: Sequence[str]) -> list[str]:
    return sorted({word for term in terms for word in term.split(":")})


def _option(name: str) -> str:
    columns = "task, difficulty" if name == "difficulty" else "task, target, similarity"
    return f"--{'tasks' if name == 'difficulty' else 'similarity'} FILE with {columns}"


def _missing_moderator(name: str, gaps: pd.DataFrame) -> str:
    return (
        f"no {name} for the stages {_list(gaps['stage'].unique())} of {_list(gaps['study'].unique())};"
        f" give it with {_option(name)}, name another measure in [sequence] {name},"
        f' or drop these rows with [sequence] missing = "drop"'
    )


def _list(words: Sequence[object], most: int = 8) -> str:
    shown = ", ".join(str(word) for word in words[:most])
    return shown if len(words) <= most else f"{shown} and {len(words) - most} more"


def pieces_of(
    frame: pd.DataFrame, levels: pd.DataFrame, lines: StageTable | None, spec: ModelSpec, fallback: Defaults
) -> list[Piece]:
    """Return every block of the model, in the order of the model file."""
    pieces = _fixed_pieces(frame, spec, fallback)
    if lines is not None and spec.sequence is not None:
        for term in (STAGE, *spec.sequence.moderators):
            prior = spec.priors.get(term, fallback.slope)
            pieces.append(Piece(term, (), "", "", prior, _stage_entries(lines, term)))
        for name, column in crossed_names(spec.sequence).items():
            pieces.append(_crossed_piece(frame, lines, name, column))
    for name, group in spec.groups.items():
        if name in levels:
            pieces += _group_pieces(name, group, frame, levels[name], lines, spec)
    return pieces


def _fixed_pieces(frame: pd.DataFrame, spec: ModelSpec, fallback: Defaults) -> list[Piece]:
    cells = np.arange(len(frame))
    pieces: list[Piece] = []
    for column in fixed_columns(frame, spec.fixed.terms, spec.fixed.reference):
        default = fallback.intercept if column.term == "1" else scaled(fallback.slope, 1.0 / column.sd)
        prior = spec.priors.get(column.name, spec.priors.get(column.term, default))
        entries = Entries(cells, np.zeros_like(cells), column.values, np.zeros_like(cells))
        pieces.append(Piece(column.name, (), "", "", prior, entries, column.centre))
    return pieces


def _moderator(lines: StageTable, term: str) -> Floats:
    value = lines.frame["share"].to_numpy(dtype=float).copy()
    for word in term.split(":"):
        if word != STAGE:
            value *= lines.frame[f"{word}_z"].fillna(0.0).to_numpy()
    return value


def _stage_entries(lines: StageTable, term: str, level: Integers | None = None) -> Entries:
    cell = lines.frame["row"].to_numpy(dtype=np.int64)
    steps_back = lines.frame["steps_back"].to_numpy(dtype=np.int64)
    codes = np.zeros_like(cell) if level is None else level
    return Entries(cell, codes, _moderator(lines, term), steps_back)


def _crossed_piece(frame: pd.DataFrame, lines: StageTable, name: str, column: str) -> Piece:
    label = lines.frame["stage"].astype(str)
    if column:
        other = full_column(frame, column, "[sequence] crossed").astype(str).to_numpy()
        label = label + "|" + other[lines.frame["row"].to_numpy()]
    labels, codes = coded(label)
    return Piece(f"1|{name}", labels, name, f"sd:{name}", None, _stage_entries(lines, STAGE, codes))


def _group_pieces(
    name: str,
    group: GroupSpec,
    frame: pd.DataFrame,
    level: pd.Series,
    lines: StageTable | None,
    spec: ModelSpec,
) -> list[Piece]:
    member = (level != "").to_numpy()
    labels, codes = coded(level[member])
    code = np.full(len(frame), -1, dtype=np.int64)
    code[member] = codes
    stage_terms = set[str]() if spec.sequence is None else {STAGE, *spec.sequence.moderators}
    pieces: list[Piece] = []
    for term in group.by:
        if term in stage_terms and lines is not None:
            entries = _stage_entries(lines, term, code[lines.frame["row"].to_numpy()])
        else:
            cells = np.flatnonzero(member)
            value = _slope(frame, term, name)[cells]
            entries = Entries(cells, code[cells], value, np.zeros_like(cells))
        entries = _only(entries, entries.level >= 0)
        pieces.append(Piece(f"{term}|{name}", labels, name, sd_name(name, term), None, entries))
    return pieces


def _only(entries: Entries, keep: NDArray[np.bool_]) -> Entries:
    return Entries(entries.cell[keep], entries.level[keep], entries.value[keep], entries.steps_back[keep])


def _slope(frame: pd.DataFrame, term: str, group: str) -> Floats:
    value = np.ones(len(frame))
    for word in term.split(":"):
        if word == "1":
            continue
        column = full_column(frame, word, f"[groups.{group}] by")
        if not pd.api.types.is_numeric_dtype(column):
            raise MissingData(f"[groups.{group}] by: {word!r} is not a number, so it has no slope")
        refuse_infinite(column, f"[groups.{group}] by")
        value = value * column.to_numpy(dtype=float)
    return value
