"""The terms of a model that have a prior of their own, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taskorder.inference.layout.pieces import Piece
from taskorder.inference.priors import Prior

Floats = NDArray[np.float64]

DEPENDENT = 1e-9
"""A column is a sum of multiples of others if this share of its sum of squares is left without them."""
GENERIC_RECENCY = 0.37
"""Where terms that are apart for some recency are apart: at any one but a few."""


@dataclass(frozen=True)
class Linear:
    """The linear terms as columns.

    Attributes
    ----------
    names : tuple of str
    priors : tuple of Prior
    columns : array (C, F)
        At a recency that is not special.
    """

    names: tuple[str, ...]
    priors: tuple[Prior, ...]
    columns: Floats

    @property
    def flat(self) -> Floats:
        """The columns whose prior is flat."""
        return self.columns[:, [prior.dist == "Flat" for prior in self.priors]]


def linear_terms(pieces: Sequence[Piece], cells: int, *, recency: bool) -> Linear:
    """Return the terms of a model that have a prior of their own."""
    names: list[str] = []
    priors: list[Prior] = []
    columns: list[Floats] = []
    for piece in pieces:
        if piece.prior is not None:
            decay = np.exp(-GENERIC_RECENCY * piece.entries.steps_back) if recency else 1.0
            names.append(piece.name)
            priors.append(piece.prior)
            columns.append(np.bincount(piece.entries.cell, piece.entries.value * decay, cells))
    return Linear(tuple(names), tuple(priors), np.column_stack(columns) if columns else np.zeros((cells, 0)))
