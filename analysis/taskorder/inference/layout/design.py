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
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from taskorder.errors import MissingData, nearest
from taskorder.inference.families import PRECISION
from taskorder.inference.layout.identified import what_is_told
from taskorder.inference.layout.levels import coded
from taskorder.inference.layout.observations import Cells, Observations
from taskorder.inference.layout.pieces import Piece, pieces_of, stages_of
from taskorder.inference.layout.plausibility import doubts
from taskorder.inference.layout.rows import Rows, read_rows
from taskorder.inference.layout.silent import constant_moderators, without
from taskorder.inference.priors import Defaults, Prior, defaults
from taskorder.inference.spec import ModelSpec
from taskorder.results.catalogue import Covariates

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

_OF_TERMS = {"points", "contrast", "level_points", "worst_level_points", "same_sign", "curriculum"}


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
    centre : float
        What was taken off a numeric fixed term's column; the intercept is reported at zero all the same.
    """

    name: str
    labels: tuple[str, ...]
    dim: str
    sd: str
    prior: Prior | None
    start: int
    stop: int
    centre: float = 0.0

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
        The columns in which the rows of every cell agree, one row a cell: those that the model uses, and
        whatever else does not cut across them.
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
    mixed : tuple of str
        The other columns: rows of one cell differ in them.
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
    mixed: tuple[str, ...] = ()

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
    return laid_out(read_rows(table, spec, covariates), covariates)


def laid_out(rows: Rows, covariates: Covariates, apart: pd.Series | None = None) -> Design:
    """Lay rows out that were read.

    Parameters
    ----------
    rows : Rows
    covariates : Covariates
    apart : Series of the table's rows, optional
        Rows in which it differs are never one cell, even if the model cannot tell them apart: so cells of
        some rows can be left out alone. The likelihood stays the same.

    Raises
    ------
    MissingData
        As `build_design` does.
    """
    table, observations = rows.table, rows.observations
    distinguished = rows.distinguished
    if apart is not None:
        distinguished = distinguished.assign(**{"asked apart": apart[rows.keep].to_numpy()})
    cell_of_row, first = _cells(distinguished)
    frame, levels = table.iloc[first].reset_index(drop=True), rows.levels.iloc[first].reset_index(drop=True)
    lines, stage_notes = stages_of(frame, rows.spec, covariates)
    spec, moderator_notes = without(rows.spec, constant_moderators(lines, rows.spec))
    fallback = _defaults(observations, spec)
    names, codes = coded(rows.residual.iloc[first])
    cells = observations.cells(cell_of_row, len(frame), codes)
    pieces = pieces_of(frame, levels, lines, spec, fallback)
    told = what_is_told(pieces, cells, frame, levels, names, spec)
    effects, blocks = _assemble(pieces, len(frame), spec)
    mixed = _mixed(table, first, cell_of_row)
    notes = (*rows.notes, *stage_notes, *moderator_notes, *told, *_without_levels(spec, blocks))
    return Design(
        cells=cells,
        effects=effects,
        blocks=blocks,
        residual_levels=names if len(names) > 1 else (),
        frame=frame.drop(columns=list(mixed)),
        row_cell=_spread(cell_of_row, rows.keep),
        defaults=fallback,
        reference=_reference(table, spec),
        units=lines.units if lines is not None else pd.DataFrame(),
        notes=(*notes, *doubts(table, observations, spec)),
        mixed=mixed,
    )


def _cells(distinguished: pd.DataFrame) -> tuple[Integers, Integers]:
    """Return the cell of each row, by all columns, and the first row of each cell."""
    groups = distinguished.groupby(list(distinguished.columns), dropna=False, sort=False)
    cell_of_row: Integers = np.asarray(groups.ngroup(), dtype=np.int64)
    first = pd.Series(np.arange(len(distinguished))).groupby(cell_of_row).first().to_numpy()
    return cell_of_row, first


def _spread(cell_of_row: Integers, keep: Booleans) -> Integers:
    """Return the cell of each row that there was, -1 for those that were not kept."""
    row_cell = np.full(len(keep), -1, dtype=np.int64)
    row_cell[keep] = cell_of_row
    return row_cell


def _defaults(observations: Observations, spec: ModelSpec) -> Defaults:
    found = defaults(spec.outcome.scale, float(observations.y.mean()), float(observations.y.std()))
    return replace(found, residual=PRECISION) if spec.outcome.family.residual == "precision" else found


def _mixed(table: pd.DataFrame, first: Integers, cell_of_row: Integers) -> tuple[str, ...]:
    """Name the columns in which a row differs from the first one of its cell."""
    if len(first) == len(table):
        return ()
    codes = {str(name): pd.factorize(column)[0] for name, column in table.items()}
    return tuple(name for name, code in codes.items() if (code != code[first][cell_of_row]).any())


def _reference(table: pd.DataFrame, spec: ModelSpec) -> float:
    if spec.outcome.reference is not None:
        return spec.outcome.reference
    total = float(table[spec.outcome.column].sum())
    return total / (float(table[spec.outcome.trials].sum()) if spec.outcome.trials else len(table))


def _without_levels(spec: ModelSpec, blocks: Sequence[Block]) -> list[str]:
    """Note the estimands of a level that no row has; raise MissingData for those of no single column."""
    names = [block.name for block in blocks if not block.labels]
    notes: list[str] = []
    for name, estimand in spec.estimands.items():
        words = {"of": estimand.of} | ({"to": estimand.to} if estimand.function == "contrast" else {})
        absent = {key: word for key, word in words.items() if word not in names}
        if estimand.function not in _OF_TERMS or not absent:
            continue
        key, word = next(iter(absent.items()))
        term = word.split("[")[0]
        levels = [other for other in names if other.startswith(f"{term}[")]
        if word != term and levels:
            notes.append(f"estimand {name!r} was left out: these rows have {', '.join(levels)}, not {word!r}")
            continue
        found = f"it has the columns {', '.join(levels)}: name one" if levels else nearest(word, names)
        raise MissingData(f"[estimands.{name}] {key} = {word!r} is no single term of these rows; {found}")
    return notes


def _assemble(
    pieces: Sequence[Piece], cells: int, spec: ModelSpec
) -> tuple[tuple[sparse.csr_array, ...], tuple[Block, ...]]:
    recency = spec.sequence is not None and spec.sequence.recency
    blocks: list[Block] = []
    start = 0
    for piece in pieces:
        stop = start + max(len(piece.labels), 1)
        blocks.append(
            Block(piece.name, piece.labels, piece.dim, piece.sd, piece.prior, start, stop, piece.centre)
        )
        start = stop
    cell = np.concatenate([piece.entries.cell for piece in pieces])
    column = np.concatenate([p.entries.level + b.start for p, b in zip(pieces, blocks, strict=True)])
    value = np.concatenate([piece.entries.value for piece in pieces])
    steps = np.concatenate([piece.entries.steps_back for piece in pieces])
    steps = steps if recency else np.zeros_like(steps)
    effects: list[sparse.csr_array] = []
    for back in range(int(steps.max(initial=0)) + 1):
        at = steps == back
        matrix = sparse.coo_array((value[at], (cell[at], column[at])), shape=(cells, start)).tocsr()
        matrix.eliminate_zeros()
        effects.append(matrix)
    return tuple(effects), tuple(blocks)
