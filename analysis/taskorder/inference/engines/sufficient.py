"""What a Gaussian model needs to know of the data, whatever their number: sums of products.

With the design X(lambda) = sum_s w_s X_s, w_s = exp(-lambda s), and the cells fallen into noise groups g, in
each of which a replicate has the same variance s2_g,

    X' W X = sum over g, s <= t of   omega_g w_s w_t (X_s' N_g X_t + its transpose where s < t)
    X' W y = sum over g, s of        omega_g w_s X_s' N_g y
    y' W y = sum over g of           omega_g y' N_g y

where omega = 1 / s2, and N_g holds the numbers of replicates of the cells of g. The sums do not depend on
any parameter: they are made in one pass over the cells, and are all that a density costs afterwards. They
are sparse, and they add up: those without one study are the sums of all less the sums of that study.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from taskorder.inference.engines.products import products
from taskorder.inference.layout.design import Design

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Sufficient:
    """Sums of products of a design.

    Attributes
    ----------
    left, right : array (E,)
        Columns i <= j of each entry of X'WX that is not zero by structure; every diagonal one is among them.
    gram : sparse array (E, K)
        The entries' sums: one component for each noise group and each pair of steps back.
    score : sparse array (P, G S)
        The sums with y: one component for each noise group and number of steps back.
    square, count : array (G,)
        Sum of squares, and number of independent replicates (1 + degrees of freedom of each cell).
    variance : array (G,)
        Known sampling variance of one replicate.
    level : array (G,) of int
        Which residual sd applies.
    steps : int
        S: how many steps back stages stand at most, plus one.
    shift : float
        What was taken off the outcome.
    """

    left: Integers
    right: Integers
    gram: sparse.csr_array
    score: sparse.csr_array
    square: Floats
    count: Floats
    variance: Floats
    level: Integers
    steps: int
    shift: float

    @property
    def width(self) -> int:
        """P, the number of coefficients."""
        return self.score.shape[0]

    def less(self, other: Sufficient) -> Sufficient:
        """Return the sums without those of `other`, which must be of some cells of the same design."""
        key = self.left * self.width + self.right
        at = np.searchsorted(key, other.left * self.width + other.right)
        part = other.gram.tocoo()
        shape = (len(key), self.gram.shape[1])
        moved = sparse.coo_array((part.data, (at[part.coords[0]], part.coords[1])), shape=shape)
        return replace(
            self,
            gram=sparse.csr_array(self.gram - moved.tocsr()),
            score=sparse.csr_array(self.score - other.score),
            square=self.square - other.square,
            count=self.count - other.count,
        )


def sufficient(design: Design, shift: float, cells: Booleans | None = None) -> Sufficient:
    """Sum up a design.

    Parameters
    ----------
    design : Design
    shift : float
        Is taken off the outcome first, so that no digits are lost where its level is far from zero.
    cells : array (C,) of bool, optional
        The cells to sum over; all of them where it is not given.
    """
    data = design.cells
    noise, group = data.noise
    here = np.ones(len(data.mean), dtype=bool) if cells is None else cells
    y, n = data.mean - shift, np.where(here, data.n, 0.0)
    left, right, gram = _gram(design.effects, np.flatnonzero(here), n, group, len(noise))
    return Sufficient(
        left=left,
        right=right,
        gram=gram,
        score=_score(design.effects, n * y, group, len(noise)),
        square=np.bincount(group, n * y**2 + np.where(here, data.ss, 0.0), len(noise)),
        count=np.bincount(group, np.where(here, 1.0 + data.df, 0.0), len(noise)),
        variance=noise[:, 0],
        level=noise[:, 1].astype(np.int64),
        steps=len(design.effects),
        shift=shift,
    )


def step_pairs(steps: int) -> list[tuple[int, int]]:
    """Return the pairs of steps back, in the order of the components of `gram`."""
    return [(s, t) for s in range(steps) for t in range(s, steps)]


def _score(
    effects: tuple[sparse.csr_array, ...], ny: Floats, group: Integers, groups: int
) -> sparse.csr_array:
    parts = [
        sparse.csr_array(
            matrix.T @ sparse.csr_array((ny, (np.arange(len(ny)), group)), shape=(len(ny), groups))
        )
        for matrix in effects
    ]
    side_by_side = sparse.hstack(parts, format="csc")
    by_group = np.arange(len(parts) * groups).reshape(len(parts), groups).T.ravel()
    return sparse.csr_array(side_by_side[:, by_group])


def _gram(
    effects: tuple[sparse.csr_array, ...], cells: Integers, n: Floats, group: Integers, groups: int
) -> tuple[Integers, Integers, sparse.csr_array]:
    width, pairs = effects[0].shape[1], step_pairs(len(effects))
    diagonal = np.arange(width, dtype=np.int64)
    components = groups * len(pairs)
    keys = [(diagonal * width + diagonal) * components]
    values = [np.zeros(width)]
    for k, (s, t) in enumerate(pairs):
        for cell, i, j, value in products(effects[s], effects[t], cells, same=s == t):
            low, high = np.minimum(i, j), np.maximum(i, j)
            doubled = np.where((i == j) & (s != t), 2.0, 1.0)
            component = group[cell] * len(pairs) + k
            key, total = _summed((low * width + high) * components + component, n[cell] * value * doubled)
            keys.append(key)
            values.append(total)
    key, value = _summed(np.concatenate(keys), np.concatenate(values))
    entry, component = np.divmod(key, components)
    entries, row = np.unique(entry, return_inverse=True)
    gram = sparse.csr_array((value, (row, component)), shape=(len(entries), components))
    return entries // width, entries % width, gram


def _summed(key: Integers, value: Floats) -> tuple[Integers, Floats]:
    """Return the different keys, ascending, and the sum of the values of each."""
    place, found = pd.factorize(key, sort=True)
    return np.asarray(found), np.bincount(place, value, len(found))


def products_of_rows(design: Design, sums: Sufficient) -> list[sparse.csr_array]:
    """Return the matrices (C, E) that turn entries A into x_s' A x_t of every cell, one a pair of steps back.

    Entries off the diagonal count twice, and so do unequal steps.
    """
    width, cells = sums.width, np.arange(len(design.cells.mean))
    key = sums.left * width + sums.right
    found: list[sparse.csr_array] = []
    for s, t in step_pairs(sums.steps):
        parts = list(products(design.effects[s], design.effects[t], cells, same=s == t))
        cell, i, j, value = (np.concatenate(column) for column in zip(*parts, strict=True))
        entry = np.searchsorted(key, np.minimum(i, j) * width + np.maximum(i, j))
        twice = np.where((i == j) & (s == t), 1.0, 2.0)
        shape = (len(cells), len(key))
        found.append(sparse.coo_array((value * twice, (cell, entry)), shape=shape).tocsr())
    return found
