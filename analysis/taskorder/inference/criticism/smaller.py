"""A design cut down to fewer cells: whole evaluation sets, and at least two levels of every group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from taskorder.inference.layout.design import Block, Design

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

EVALUATION = ("study", "target", "train_language", "language", "metric")
"""The columns by which cells belong to one evaluation set."""


def smaller(design: Design, cells: int, rng: np.random.Generator) -> Design:
    """Cut a design down.

    Parameters
    ----------
    design : Design
    cells : int
        How many cells may stay. More do where two levels of every group need them.
    rng : Generator
        Says which evaluation sets stay, beyond those that the groups need.

    Returns
    -------
    Design
        With a note of what was done; the same one if it has no more cells than that.
    """
    count = len(design.cells.mean)
    if count <= cells:
        return design
    unit = _units(design)
    chosen = _needed(design, unit)
    sizes = np.bincount(unit)
    for candidate in rng.permutation(len(sizes)):
        if sizes[[*chosen, candidate]].sum() <= cells and candidate not in chosen:
            chosen.append(int(candidate))
    keep = np.isin(unit, chosen)
    note = f"cut down to {keep.sum():,} of {count:,} cells: {len(chosen):,} of {len(sizes):,} evaluation sets"
    return restricted(design, keep, note)


def _units(design: Design) -> Integers:
    """Return the number of each cell's evaluation set; every cell is one of its own where none are named."""
    columns = [name for name in EVALUATION if name in design.frame]
    if not columns:
        return np.arange(len(design.frame), dtype=np.int64)
    return np.asarray(design.frame.groupby(columns, dropna=False).ngroup(), dtype=np.int64)


def _needed(design: Design, unit: Integers) -> list[int]:
    """Return few evaluation sets in which every group has two levels: the small ones first."""
    sizes = np.bincount(unit)
    present = _present(design, unit)
    chosen: list[int] = []
    for block in (block for block in design.blocks if block.labels):
        levels = present[:, block.columns]
        possible = min(2, int(levels.any(axis=0).sum()))
        while (have := levels[chosen].any(axis=0)).sum() < possible:
            adding = np.flatnonzero((levels & ~have).any(axis=1))
            chosen.append(int(adding[np.argmin(sizes[adding])]))
    return chosen


def _present(design: Design, unit: Integers) -> Booleans:
    """Say which coefficients act in which evaluation sets, (U, P)."""
    cells = len(unit)
    member = sparse.csr_array((np.ones(cells), (unit, np.arange(cells))), shape=(int(unit.max()) + 1, cells))
    total = sum((abs(matrix) for matrix in design.effects[1:]), start=abs(design.effects[0]))
    return (member @ total).toarray() > 0


def restricted(design: Design, keep: Booleans, note: str) -> Design:
    """Return some cells of a design, without the levels that are in none of them."""
    effects = [sparse.csr_array(matrix[np.flatnonzero(keep)]) for matrix in design.effects]
    staying = _staying(design.blocks, effects)
    cells = design.cells
    level, residual_levels = cells.level[keep], design.residual_levels
    if residual_levels:
        codes, level = np.unique(level, return_inverse=True)
        residual_levels = tuple(residual_levels[code] for code in codes)
    names = ("mean", "n", "ss", "df", "v")
    number = np.where(keep, np.cumsum(keep) - 1, -1)
    return replace(
        design,
        cells=replace(cells, **{name: getattr(cells, name)[keep] for name in names}, level=level),
        effects=tuple(sparse.csr_array(matrix[:, np.flatnonzero(staying)]) for matrix in effects),
        blocks=_blocks(design.blocks, staying),
        residual_levels=residual_levels,
        frame=pd.DataFrame(design.frame[keep]).reset_index(drop=True),
        row_cell=np.where(design.row_cell >= 0, number[design.row_cell], -1),
        notes=(*design.notes, note),
    )


def _staying(blocks: Sequence[Block], effects: Sequence[sparse.csr_array]) -> Booleans:
    """Say which coefficients (P,) stay: fixed terms, and levels that act by any of their group's terms."""
    acting = sum((abs(matrix).sum(axis=0) for matrix in effects), start=np.zeros(effects[0].shape[1])) > 0
    by_dim: dict[str, Booleans] = {}
    for block in blocks:
        own = acting[block.columns] if block.labels else np.ones(1, dtype=bool)
        by_dim[block.dim] = own | by_dim.get(block.dim, False)
    return np.concatenate([by_dim[block.dim] for block in blocks])


def _blocks(blocks: Sequence[Block], staying: Booleans) -> tuple[Block, ...]:
    placed: list[Block] = []
    start = 0
    for block in blocks:
        own = staying[block.columns]
        labels = tuple(label for label, stays in zip(block.labels, own, strict=False) if stays)
        stop = start + int(own.sum())
        placed.append(replace(block, labels=labels, start=start, stop=stop))
        start = stop
    return tuple(placed)
