"""Whether what is left of the data, once some cells are taken away, still has a proper posterior."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.inference.layout.design import Design
from taskorder.inference.layout.identified import (
    GENERIC_RECENCY,
    Linear,
    refuse_exact,
    refuse_improper,
)
from taskorder.inference.layout.observations import Cells
from taskorder.inference.spec import ModelSpec

Booleans = NDArray[np.bool_]


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
    """

    design: Design
    spec: ModelSpec
    linear: Linear
    levels: pd.DataFrame

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
        return cls(design, spec, linear, _levels(design, spec))

    def refuse_without(self, cells: Booleans) -> None:
        """Raise MissingData where the cells that are not these have no proper posterior.

        A residual sd is asked about only where it is that of some of these cells.
        """
        level = self.design.cells.level
        kept, touched = ~cells, ~cells & np.isin(level, np.unique(level[cells]))
        refuse_improper(self._linear(kept), _some(self.design.cells, kept), self.levels[kept], self.spec)
        names = self.design.residual_levels
        refuse_exact(self._linear(touched), _some(self.design.cells, touched), names, self.spec)

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
