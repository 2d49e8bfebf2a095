"""A sparse pattern, taken apart into dense blocks: an order of elimination that fills little in.

Columns are put into an order of minimal degree (SuperLU's). In that order every column has a parent, the next
one that its elimination changes; a column and its parent go together where that costs less than apart: what
is dense is fast, and every block has a cost of its own.

Reference: Liu, Ng & Peyton (1993), SIAM Journal on Matrix Analysis 14, 242-252, on supernodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

SMALL = 100
"""So few columns are one block."""
MOVED, STARTED = 40.0, 5e5
"""What it costs to move a number, and to begin with a block, in dense multiplications."""


@dataclass(frozen=True)
class Block:
    """Columns that are eliminated together, and those later ones that they meet."""

    columns: Integers
    border: Integers


def blocks(left: Integers, right: Integers, width: int) -> tuple[Block, ...]:
    """Take a pattern apart.

    Parameters
    ----------
    left, right : array
        Columns of the entries that are not zero.
    width : int
        How many columns there are.

    Returns
    -------
    tuple of Block
        In the order of elimination; the last one has no border.
    """
    if width <= SMALL:
        return (Block(np.arange(width), np.zeros(0, dtype=np.int64)),)
    order = _order(left, right, width)
    pattern = np.zeros((width, width), dtype=bool)
    place = np.argsort(order)
    pattern[place[left], place[right]] = pattern[place[right], place[left]] = True
    parent, border = _filled(pattern)
    head = _merged(parent, border)
    return tuple(
        Block(np.sort(order[head == last]), np.sort(order[last + 1 :][pattern[last, last + 1 :]]))
        for last in np.unique(head)
    )


def _order(left: Integers, right: Integers, width: int) -> Integers:
    """Return the columns in an order of minimal degree."""
    entries = sparse.coo_array((np.ones(len(left)), (left, right)), shape=(width, width))
    heavy = sparse.diags_array(np.full(width, 2.0 * width))
    found = splu(
        sparse.csc_array(entries + entries.T + heavy),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    return np.argsort(found.perm_c).astype(np.int64)


def _filled(pattern: Booleans) -> tuple[Integers, Integers]:
    """Fill the upper half of a pattern in; return each column's parent, and how many later ones it meets.

    The parent is the first of these, which meets the others, too; or the last column, where there are none.
    """
    width = len(pattern)
    parent, border = np.full(width, width - 1), np.zeros(width, dtype=np.int64)
    for column in range(width):
        later = column + 1 + np.flatnonzero(pattern[column, column + 1 :])
        border[column] = len(later)
        if len(later):
            above = parent[column] = later[0]
            pattern[above, above + 1 :] |= pattern[column, above + 1 :]
    return parent, border


def _merged(parent: Integers, border: Integers) -> Integers:
    """Return the last column of the block that each column belongs to."""
    width = len(parent)
    head, size = list(range(width)), [1] * width
    for column in range(width - 1):
        above = int(parent[column])
        apart = _cost(size[column], int(border[column])) + _cost(size[above], int(border[above]))
        if _cost(size[column] + size[above], int(border[above])) <= apart:
            head[column] = above
            size[above] += size[column]
    for column in reversed(range(width)):
        head[column] = head[head[column]]
    return np.array(head)


def _cost(size: int, border: int) -> float:
    products = size**3 / 3 + size**2 * border + size * border**2
    return products + MOVED * (size + border) ** 2 + STARTED
