"""The rows of a table as a linear model: cells of replicates, a sparse design, blocks of coefficients.

With lambda the recency parameter, the expected value of a cell on the model's scale is

    eta = X(lambda) b,        X(lambda) = sum_s exp(-lambda s) X_s

where X_s holds the effects of the stages that stand s steps back, and X_0 all the others as well. The
coefficients b fall into blocks: a fixed term, or the levels of a group, which share one sd.

Rows that the model cannot tell apart are replicates, and so are the seeds behind a row that is a mean with
its sd. A set of n replicates with variance s2 is kept as its mean, n and sum of squares about the mean:
    mean ~ Normal(eta, s2 / n)      ss / s2 ~ chi-squared(df)
which carries all that the rows say; nothing is lost by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from taskorder.errors import MissingData, nearest
from taskorder.inference.observations import Cells, Observations, observe
from taskorder.inference.priors import Defaults, Prior, defaults
from taskorder.inference.spec import STAGE, GroupSpec, ModelSpec, crossed_names, sd_name
from taskorder.inference.terms import fixed_columns
from taskorder.moderators import StageTable, stage_table
from taskorder.moderators.stages import KEY
from taskorder.results.catalogue import Covariates
from taskorder.results.selection import where

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """Coefficients with one prior.

    Attributes
    ----------
    name : str
        `tuning[lora]` for a fixed term, `difficulty|target` for slopes over the levels of a group.
    labels : tuple of str
        The levels; empty for a fixed term.
    dim : str
        The group whose levels they are; empty for a fixed term.
    sd : str
        The parameter that is the levels' sd; empty for a fixed term.
    prior : Prior or None
        Of a fixed term.
    start, stop : int
        Where its columns are in the design.
    """

    name: str
    labels: tuple[str, ...]
    dim: str
    sd: str
    prior: Prior | None
    start: int
    stop: int

    @property
    def coordinate(self) -> str:
        """The name of the dimension of `labels`, which no parameter bears."""
        return f"{self.dim}_level"

    @property
    def columns(self) -> slice:
        """The block's columns in the design."""
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class Design:
    """Everything that an engine needs to know of the data.

    Attributes
    ----------
    cells : Cells
    effects : tuple of sparse arrays (C, P)
        `X_s` for s = 0, 1, ...: one of them where the model has no recency.
    blocks : tuple of Block
        The P coefficients.
    residual_levels : tuple of str
        Empty for a single residual sd.
    frame : DataFrame
        The columns that the model uses, one row a cell.
    row_cell : array (N,) of int
        The cell of each row of the table; -1 where the row was left out.
    defaults : Defaults
        Priors for what the model file does not name.
    reference : float
        The score at which effects are stated in points.
    units : DataFrame
        What one standardised unit of each moderator is.
    notes : tuple of str
        What was done that a reader should know.
    """

    cells: Cells
    effects: tuple[sparse.csr_array, ...]
    blocks: tuple[Block, ...]
    residual_levels: tuple[str, ...]
    frame: pd.DataFrame
    row_cell: Integers
    defaults: Defaults
    reference: float
    units: pd.DataFrame
    notes: tuple[str, ...]

    def block(self, name: str) -> Block:
        """Return the block of that name; KeyError if there is none."""
        return {block.name: block for block in self.blocks}[name]


@dataclass(frozen=True)
class _Entries:
    """Entries of the design of one block: cell, level, value and how many steps back the stage stands."""

    cell: Integers
    level: Integers
    value: Floats
    steps_back: Integers


@dataclass(frozen=True)
class _Piece:
    """A block before it has its place among the columns."""

    name: str
    labels: tuple[str, ...]
    dim: str
    sd: str
    prior: Prior | None
    entries: _Entries


def build_design(table: pd.DataFrame, spec: ModelSpec, covariates: Covariates) -> Design:
    """Lay a table out for a model.

    Parameters
    ----------
    table : DataFrame
        The rows to be modelled, with the columns of `moderators.attach`.
    spec : ModelSpec
        The model.
    covariates : Covariates
        Where the stages' moderators are looked up.

    Raises
    ------
    MissingData
        Where a column or a value that the model needs is not there, with what to do about it.
    """
    if table.empty:
        raise MissingData(f"model {spec.name!r}: no rows are left to fit; widen [data] where, or add tables")
    observations = observe(table, spec)
    levels, notes = _group_levels(table, spec)
    residual = _residual_levels(table, spec)
    used = _used_columns(table, spec, levels, residual, observations)
    cell_of_row = used.groupby(list(used.columns), dropna=False, sort=False).ngroup().to_numpy()
    first = pd.Series(np.arange(len(table))).groupby(cell_of_row).first().to_numpy()
    frame, levels = table.iloc[first].reset_index(drop=True), levels.iloc[first].reset_index(drop=True)
    keep, lines, stage_notes = _stages(frame, spec, covariates)
    frame, levels = frame[keep].reset_index(drop=True), levels[keep].reset_index(drop=True)
    row_cell = np.where(keep, np.cumsum(keep) - 1, -1)[cell_of_row]
    names, codes = _coded(residual.iloc[first][keep])
    fallback = defaults(spec.outcome.scale, float(observations.y.mean()), float(observations.y.std()))
    pieces, piece_notes = _pieces(frame, levels, lines, spec, fallback)
    effects, blocks = _assemble(pieces, len(frame), spec)
    dropped = int((row_cell < 0).sum())
    return Design(
        cells=observations.cells(row_cell, len(frame), codes),
        effects=effects,
        blocks=blocks,
        residual_levels=names if spec.residual.columns else (),
        frame=frame,
        row_cell=row_cell,
        defaults=fallback,
        reference=_reference(table, spec),
        units=lines.units if lines is not None else pd.DataFrame(),
        notes=(*notes, *stage_notes, *piece_notes, *([f"{dropped:,} rows dropped"] if dropped else [])),
    )


def _reference(table: pd.DataFrame, spec: ModelSpec) -> float:
    if spec.outcome.reference is not None:
        return spec.outcome.reference
    return float(table[spec.outcome.column].mean())


def _column(table: pd.DataFrame, name: str, place: str) -> pd.Series:
    if name not in table:
        known = [str(column) for column in table.columns]
        raise MissingData(
            f"{place}: the table has no column {name!r}; it has {', '.join(known)}.{nearest(name, known)}"
        )
    column = table[name]
    if column.isna().any():
        raise MissingData(
            f"{place}: column {name!r} is empty in {int(column.isna().sum()):,} of {len(column):,} rows;"
            f" fill it in, or leave those rows out with [data] where"
        )
    return column


def _labels(table: pd.DataFrame, columns: Sequence[str], place: str) -> pd.Series:
    parts = [_column(table, name, place).astype(str) for name in columns]
    label = parts[0]
    for part in parts[1:]:
        label = label + "/" + part
    return label


def _group_levels(table: pd.DataFrame, spec: ModelSpec) -> tuple[pd.DataFrame, list[str]]:
    """Return each row's level of each group (empty = none), and a note for each group that had to go."""
    levels: dict[str, pd.Series] = {}
    notes: list[str] = []
    for name, group in spec.groups.items():
        label = _labels(table, _group_columns(name, spec), f"[groups.{name}]")
        if group.where:
            label = label.where(table.index.isin(where(table, group.where).index), "")
        rows = label.map(label.value_counts())
        label = label.where(rows >= group.min_rows, "")
        if label[label != ""].nunique() < 2:
            notes.append(f"group {name!r} has fewer than two levels in these rows and was left out")
            continue
        levels[name] = label
    return pd.DataFrame(levels, index=table.index), notes


def _group_columns(name: str, spec: ModelSpec) -> tuple[str, ...]:
    group = spec.groups[name]
    own = group.columns or (name,)
    return (*_group_columns(group.within, spec), *own) if group.within else own


def _residual_levels(table: pd.DataFrame, spec: ModelSpec) -> pd.Series:
    if not spec.residual.columns:
        return pd.Series("all", index=table.index)
    return _labels(table, spec.residual.columns, "[residual] by")


def _used_columns(
    table: pd.DataFrame, spec: ModelSpec, levels: pd.DataFrame, residual: pd.Series, seen: Observations
) -> pd.DataFrame:
    """Return the columns by which the model tells rows apart."""
    words = {word for term in spec.fixed.terms for word in term.split(":") if word != "1"}
    words |= {word for group in spec.groups.values() for term in group.by for word in term.split(":")}
    if spec.sequence is not None:
        words |= {*KEY, *spec.sequence.crossed}
    columns = table[[name for name in sorted(words) if name in table]]
    extra = {f"group {name}": levels[name] for name in levels} | {"residual": residual}
    return columns.assign(**extra, variance=seen.v).reset_index(drop=True)


def _coded(labels: pd.Series) -> tuple[tuple[str, ...], Integers]:
    codes, names = pd.factorize(labels, sort=True)
    return tuple(str(name) for name in names), codes.astype(np.int64)


def _stages(
    frame: pd.DataFrame, spec: ModelSpec, covariates: Covariates
) -> tuple[NDArray[np.bool_], StageTable | None, list[str]]:
    """Return which cells stay, the stages of those, and notes about stages without a moderator."""
    sequence = spec.sequence
    if sequence is None:
        return np.ones(len(frame), dtype=bool), None, []
    lines = stage_table(frame, covariates, sequence.difficulty, sequence.similarity)
    simple = sorted({word for term in sequence.moderators for word in term.split(":")})
    missing = {name: lines.missing(name) for name in simple}
    keep = np.ones(len(frame), dtype=bool)
    notes: list[str] = []
    for name, gaps in missing.items():
        if gaps.empty:
            continue
        if sequence.missing == "error":
            raise MissingData(_missing_moderator(name, gaps))
        without = lines.frame.merge(gaps, on=["study", "stage", "target"])["row"].unique()
        keep[without] = False
        notes.append(f"no {name} for {_list(gaps['stage'].unique())}: rows with these stages were dropped")
    if not keep.all():
        lines = stage_table(frame[keep], covariates, sequence.difficulty, sequence.similarity)
    silent = {name: lines.silent(name) for name in simple}
    notes += [
        f"{name} does not vary over the stages of {_list(studies)}, which say nothing of its slope"
        for name, studies in silent.items()
        if studies
    ]
    return keep, lines, notes


def _missing_moderator(name: str, gaps: pd.DataFrame) -> str:
    option = (
        "--tasks FILE (task, difficulty)"
        if name == "difficulty"
        else "--similarity FILE (task, target, similarity)"
    )
    return (
        f"no {name} for the stages {_list(gaps['stage'].unique())} of {_list(gaps['study'].unique())};"
        f" give it with {option}, name another measure in [sequence] {name},"
        f' or drop these rows with [sequence] missing = "drop"'
    )


def _list(words: Sequence[object], most: int = 8) -> str:
    shown = ", ".join(str(word) for word in words[:most])
    return shown if len(words) <= most else f"{shown} and {len(words) - most} more"


def _pieces(
    frame: pd.DataFrame, levels: pd.DataFrame, lines: StageTable | None, spec: ModelSpec, fallback: Defaults
) -> tuple[list[_Piece], list[str]]:
    pieces, notes = _fixed_pieces(frame, spec, fallback)
    if lines is not None and spec.sequence is not None:
        for term in (STAGE, *spec.sequence.moderators):
            prior = spec.priors.get(term, fallback.slope)
            pieces.append(_Piece(term, (), "", "", prior, _stage_entries(lines, term)))
        for name, column in crossed_names(spec.sequence).items():
            pieces.append(_crossed_piece(frame, lines, name, column))
    for name, group in spec.groups.items():
        if name in levels:
            pieces += _group_pieces(name, group, frame, levels[name], lines, spec)
    return pieces, notes


def _fixed_pieces(frame: pd.DataFrame, spec: ModelSpec, fallback: Defaults) -> tuple[list[_Piece], list[str]]:
    columns = fixed_columns(frame, spec.fixed.terms)
    cells = np.arange(len(frame))
    pieces: list[_Piece] = []
    for name, term, values in columns:
        prior = spec.priors.get(
            name, spec.priors.get(term, fallback.intercept if term == "1" else fallback.slope)
        )
        entries = _Entries(cells, np.zeros_like(cells), values, np.zeros_like(cells))
        pieces.append(_Piece(name, (), "", "", prior, entries))
    return pieces, []


def _moderator(lines: StageTable, term: str) -> Floats:
    value = lines.frame["share"].to_numpy(dtype=float).copy()
    for word in term.split(":"):
        if word != STAGE:
            value *= lines.frame[f"{word}_z"].fillna(0.0).to_numpy()
    return value


def _stage_entries(lines: StageTable, term: str, level: Integers | None = None) -> _Entries:
    cell = lines.frame["row"].to_numpy(dtype=np.int64)
    steps_back = lines.frame["steps_back"].to_numpy(dtype=np.int64)
    codes = np.zeros_like(cell) if level is None else level
    return _Entries(cell, codes, _moderator(lines, term), steps_back)


def _crossed_piece(frame: pd.DataFrame, lines: StageTable, name: str, column: str) -> _Piece:
    label = lines.frame["stage"].astype(str)
    if column:
        other = _column(frame, column, "[sequence] crossed").astype(str).to_numpy()
        label = label + "|" + other[lines.frame["row"].to_numpy()]
    labels, codes = _coded(label)
    return _Piece(f"1|{name}", labels, name, f"sd:{name}", None, _stage_entries(lines, STAGE, codes))


def _group_pieces(
    name: str,
    group: GroupSpec,
    frame: pd.DataFrame,
    level: pd.Series,
    lines: StageTable | None,
    spec: ModelSpec,
) -> list[_Piece]:
    member = (level != "").to_numpy()
    labels, codes = _coded(level[member])
    code = np.full(len(frame), -1, dtype=np.int64)
    code[member] = codes
    stage_terms = set[str]() if spec.sequence is None else {STAGE, *spec.sequence.moderators}
    pieces: list[_Piece] = []
    for term in group.by:
        if term in stage_terms and lines is not None:
            entries = _stage_entries(lines, term, code[lines.frame["row"].to_numpy()])
        else:
            cells = np.flatnonzero(member)
            value = _slope(frame, term, name)[cells]
            entries = _Entries(cells, code[cells], value, np.zeros_like(cells))
        entries = _only(entries, entries.level >= 0)
        pieces.append(_Piece(f"{term}|{name}", labels, name, sd_name(name, term), None, entries))
    return pieces


def _only(entries: _Entries, keep: NDArray[np.bool_]) -> _Entries:
    return _Entries(entries.cell[keep], entries.level[keep], entries.value[keep], entries.steps_back[keep])


def _slope(frame: pd.DataFrame, term: str, group: str) -> Floats:
    value = np.ones(len(frame))
    for word in term.split(":"):
        if word == "1":
            continue
        column = _column(frame, word, f"[groups.{group}] by")
        if not pd.api.types.is_numeric_dtype(column):
            raise MissingData(f"[groups.{group}] by: {word!r} is not a number, so it has no slope")
        value = value * column.to_numpy(dtype=float)
    return value


def _assemble(
    pieces: Sequence[_Piece], cells: int, spec: ModelSpec
) -> tuple[tuple[sparse.csr_array, ...], tuple[Block, ...]]:
    recency = spec.sequence is not None and spec.sequence.recency
    blocks: list[Block] = []
    start = 0
    for piece in pieces:
        stop = start + max(len(piece.labels), 1)
        blocks.append(Block(piece.name, piece.labels, piece.dim, piece.sd, piece.prior, start, stop))
        start = stop
    cell = np.concatenate([piece.entries.cell for piece in pieces])
    column = np.concatenate([p.entries.level + b.start for p, b in zip(pieces, blocks, strict=True)])
    value = np.concatenate([piece.entries.value for piece in pieces])
    steps = np.concatenate([piece.entries.steps_back for piece in pieces])
    steps = steps if recency else np.zeros_like(steps)
    effects: list[sparse.csr_array] = []
    for back in range(int(steps.max(initial=0)) + 1):
        at = steps == back
        matrix = sparse.coo_array((value[at], (cell[at], column[at])), shape=(cells, start))
        effects.append(matrix.tocsr())
    return tuple(effects), tuple(blocks)
