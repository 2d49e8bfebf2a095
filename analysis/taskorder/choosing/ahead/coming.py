"""Rows to come, laid out with those that are there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from taskorder.inference.layout.design import Design
from taskorder.inference.layout.observations import observe
from taskorder.inference.spec import ModelSpec

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Coming:
    """Rows to come: the design that has them, the cell of each, and its run."""

    design: Design
    cells: Integers
    run: Integers


def only(design: Design, rows: pd.DataFrame, keep: Booleans, spec: ModelSpec) -> Design:
    """Return a design of some of its rows, with the coefficients of all."""
    cells, cell = np.unique(design.row_cell[keep], return_inverse=True)
    seen = observe(rows[keep], spec).cells(cell, len(cells), design.cells.level[cells])
    number = np.full(len(keep), -1, dtype=np.int64)
    number[keep] = cell
    return replace(
        design,
        cells=seen,
        effects=tuple(sparse.csr_array(matrix[cells]) for matrix in design.effects),
        frame=design.frame.iloc[cells].reset_index(drop=True),
        row_cell=number,
    )


def summed(design: Design, weight: Floats) -> sparse.csr_array:
    """Return the sum of the effects of stages that stand 0, 1, ... steps back, weighed: (C, P)."""
    total = weight[0] * design.effects[0]
    for w, matrix in zip(weight[1:], design.effects[1:], strict=True):
        total = total + w * matrix
    return sparse.csr_array(total)
