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

from taskorder.errors import MissingData
from taskorder.inference.levels import coded, group_levels, residual_levels
from taskorder.inference.observations import Cells, Observations, observe
from taskorder.inference.pieces import Piece, pieces_of, stages_of
from taskorder.inference.priors import Defaults, Prior, defaults
from taskorder.inference.spec import ModelSpec
from taskorder.moderators.stages import KEY
from taskorder.results.catalogue import Covariates

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
    levels, notes = group_levels(table, spec)
    residual = residual_levels(table, spec)
    used = _used_columns(table, spec, levels, residual, observations)
    cell_of_row = used.groupby(list(used.columns), dropna=False, sort=False).ngroup().to_numpy()
    first = pd.Series(np.arange(len(table))).groupby(cell_of_row).first().to_numpy()
    frame, levels = table.iloc[first].reset_index(drop=True), levels.iloc[first].reset_index(drop=True)
    keep, lines, stage_notes = stages_of(frame, spec, covariates)
    frame, levels = frame[keep].reset_index(drop=True), levels[keep].reset_index(drop=True)
    row_cell = np.where(keep, np.cumsum(keep) - 1, -1)[cell_of_row]
    names, codes = coded(residual.iloc[first][keep])
    fallback = defaults(spec.outcome.scale, float(observations.y.mean()), float(observations.y.std()))
    pieces = pieces_of(frame, levels, lines, spec, fallback)
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
        notes=(*notes, *stage_notes, *([f"{dropped:,} rows dropped"] if dropped else [])),
    )


def _reference(table: pd.DataFrame, spec: ModelSpec) -> float:
    if spec.outcome.reference is not None:
        return spec.outcome.reference
    return float(table[spec.outcome.column].mean())


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


def _assemble(
    pieces: Sequence[Piece], cells: int, spec: ModelSpec
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
