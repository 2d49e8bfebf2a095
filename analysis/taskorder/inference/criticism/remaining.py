"""Whether what is left of the data, once some cells are taken away, still has a proper posterior."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.inference.layout.design import Design
from taskorder.inference.layout.exact import exact_levels, refuse_exact
from taskorder.inference.layout.identified import refuse_improper
from taskorder.inference.layout.linear import GENERIC_RECENCY, Linear
from taskorder.inference.layout.observations import Cells
from taskorder.inference.spec import ModelSpec

Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Remaining:
    """What `layout.identified` asks of a model, laid out once so that cells can be taken away cheaply.

    Attributes
    ----------
    design : Design
    spec : ModelSpec
    linear : Linear
        The terms that have a prior of their own.
    levels : DataFrame
        One row a cell: the level of each group (empty = none).
    exact : array of int
        The residual levels that leave nothing to an sd of theirs, which others bound.
    """

    design: Design
    spec: ModelSpec
    linear: Linear
    levels: pd.DataFrame
    exact: Integers

    @classmethod
    def of(cls, design: Design, spec: ModelSpec) -> Self:
        """Lay a design out."""
        fixed = [block for block in design.blocks if block.prior is not None]
        places = [block.start for block in fixed]
        columns = sum(
            np.exp(-GENERIC_RECENCY * back) * matrix[:, places].toarray()
            for back, matrix in enumerate(design.effects)
        )
        priors = tuple(block.prior for block in fixed if block.prior is not None)
        linear = Linear(tuple(block.name for block in fixed), priors, np.asarray(columns))
        exact = [found.level for found in exact_levels(linear, design.cells, spec)]
        return cls(design, spec, linear, _levels(design, spec), np.array(exact, dtype=np.int64))

    def refuse_without(self, cells: Booleans) -> None:
        """Raise MissingData where the cells that are not these have no proper posterior.

        A residual sd is asked about where it is that of some of these cells, or where others bound it.
        """
        level = self.design.cells.level
        kept = ~cells
        linear, left = self._linear(kept), _some(self.design.cells, kept)
        refuse_improper(linear, left, self.levels[kept], self.spec)
        asked = np.union1d(level[cells], self.exact)
        refuse_exact(
            exact_levels(linear, left, self.spec, asked), left, self.design.residual_levels, self.spec
        )

    def _linear(self, cells: Booleans) -> Linear:
        return replace(self.linear, columns=self.linear.columns[cells])


def _some(cells: Cells, keep: Booleans) -> Cells:
    names = ("mean", "n", "ss", "df", "v", "level")
    return replace(cells, **{name: getattr(cells, name)[keep] for name in names})


def _levels(design: Design, spec: ModelSpec) -> pd.DataFrame:
    levels = pd.DataFrame(index=np.arange(len(design.cells.mean)))
    for block in design.blocks:
        if block.dim not in spec.groups or block.dim in levels:
            continue
        label = np.full(len(levels), "", dtype=object)
        for matrix in design.effects:
            cell, column = matrix[:, block.columns].tocoo().coords
            label[cell] = np.array(block.labels, dtype=object)[column]
        levels[block.dim] = label
    return levels
