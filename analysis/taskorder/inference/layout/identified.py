"""What the data of a design can tell: improper posteriors are refused, what priors decide alone is noted.

With N replicates, and J levels of a group, the posterior is improper

- where an sd has a flat prior and its levels are too few: J - (flat terms between the levels) < 2, and so for
  the residual, N - (flat terms) < 2 (Gelman 2006, Bayesian Analysis 1, 515-534);
- where a flat term is a sum of multiples of others;
- where a residual sd is estimated and nothing is left for it (`exact`);
- where the recency has a flat prior: far out orders look alike, and the likelihood does not fall.

Where the posterior is proper but the likelihood has no say, a note says that the priors have it alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.errors import MissingData
from taskorder.inference.layout.exact import estimates_noise, exact_levels, refuse_exact
from taskorder.inference.layout.linear import DEPENDENT, Linear, linear_terms
from taskorder.inference.layout.observations import Cells
from taskorder.inference.layout.pieces import Piece
from taskorder.inference.priors import Prior, mass_beyond
from taskorder.inference.spec import ModelSpec, sd_name

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STEEPEST = 12.0
"""Limit of the recency either way.

A stage that stands one step back counts a 160,000th there, or 160,000 times: beyond, orders look alike, and
sums of products lose their digits.
"""
CUT = 1e-3
"""The share of a prior beyond a limit that is worth a note."""


def what_is_told(
    pieces: Sequence[Piece],
    cells: Cells,
    frame: pd.DataFrame,
    levels: pd.DataFrame,
    residual_levels: Sequence[str],
    spec: ModelSpec,
) -> list[str]:
    """Refuse what has no proper posterior, and return notes on what the priors decide alone.

    Parameters
    ----------
    pieces : sequence of Piece
        The blocks of the model.
    cells : Cells
    frame, levels : DataFrame
        One row a cell: the columns that the model uses, and the level of each group (empty = none).
    residual_levels : sequence of str
        The names of `cells.level`.
    spec : ModelSpec

    Raises
    ------
    MissingData
        Where the posterior would be improper, with the remedy.
    """
    if not pieces:
        raise MissingData(
            f"model {spec.name!r}: [fixed] terms is empty and no group is left, so there is nothing to"
            f' estimate; add the intercept: terms = ["1"]'
        )
    steps = any(np.any(piece.entries.steps_back) for piece in pieces)
    recency = steps and spec.sequence is not None and spec.sequence.recency
    linear = linear_terms(pieces, len(cells.mean), recency=recency)
    if recency:
        _refuse_flat_recency(spec)
    refuse_exact(exact_levels(linear, cells, spec), cells, residual_levels, spec)
    _refuse_flat_sds(linear, cells, levels, spec)
    return [
        *_collinear(linear),
        *_same_as_fixed(frame, levels, spec),
        *_same_as_residual(cells, levels, spec),
        *_same_as_intercept(pieces, spec),
        *(_beyond_limits(spec) if recency else ()),
    ]


def refuse_improper(linear: Linear, cells: Cells, levels: pd.DataFrame, spec: ModelSpec) -> None:
    """Raise MissingData where flat priors leave some cells of a design without a proper posterior.

    Parameters
    ----------
    linear : Linear
    cells : Cells
    levels : DataFrame
        One row a cell: the level of each group (empty = none).
    spec : ModelSpec
    """
    _refuse_flat_sds(linear, cells, levels, spec)
    flat = [prior.dist == "Flat" for prior in linear.priors]
    for name, told in zip(linear.names, linear.columns.any(axis=0) | np.logical_not(flat), strict=True):
        if not told:
            raise MissingData(f"no row tells {name!r}, whose prior is flat; give it a proper one in [priors]")
    if any(flat):
        _collinear(linear)


def _refuse_flat_recency(spec: ModelSpec) -> None:
    if spec.priors.get("recency", Prior("Normal")).dist == "Flat":
        raise MissingData(
            f"model {spec.name!r}: the prior of recency is flat, and so is the likelihood far out, where"
            f" orders look alike: the posterior is improper. Give it a Normal prior, of sd 3 or less"
        )


def _beyond_limits(spec: ModelSpec) -> list[str]:
    """Note that a wide prior of the recency is cut."""
    prior = spec.priors.get("recency")
    if prior is None:
        return []
    reach = mass_beyond(prior, STEEPEST)
    return (
        [f"recency is held within {STEEPEST:g} either way, where {reach:.1%} of its prior {prior} is not"]
        if reach > CUT
        else []
    )


def _refuse_flat_sds(linear: Linear, cells: Cells, levels: pd.DataFrame, spec: ModelSpec) -> None:
    """Raise MissingData for a flat prior of an sd that too few levels, or rows, are there to bound."""
    flat = linear.flat
    remedy = "give it a proper prior in [priors], such as HalfNormal"
    for name in map(str, levels):
        if not any(_is_flat(sd_name(name, term), spec) for term in spec.groups[name].by):
            continue
        codes, known = pd.factorize(levels[name])
        count = int((known != "").sum())
        if count - _constant_within(flat, codes.astype(np.int64)) < 2:
            raise MissingData(
                f"[priors] the sd of group {name!r} has a flat prior, which {count} levels do not bound from"
                f" above (they must be 2 more than the flat terms that vary between them only); {remedy}"
            )
    if estimates_noise(cells, spec) and _is_flat("residual", spec):
        count = int(cells.df.sum()) + len(cells.mean)
        if count - flat.shape[1] < 2:
            raise MissingData(
                f"[priors] residual: it has a flat prior, which {count} rows do not bound from above (they"
                f" must be 2 more than the flat terms); {remedy}"
            )


def _is_flat(name: str, spec: ModelSpec) -> bool:
    prior = spec.priors.get(name, spec.priors.get("sd") if name.startswith("sd:") else None)
    return prior is not None and prior.dist == "HalfFlat"


def _constant_within(columns: Floats, code: Integers) -> int:
    """Return how many directions of columns (C, F) are the same in all cells of a level."""
    if not columns.shape[1]:
        return 0
    mean = np.column_stack([np.bincount(code, column) for column in columns.T]) / np.bincount(code)[:, None]
    within = columns - mean[code]
    scale = np.maximum(np.sqrt(np.mean(columns**2, axis=0)), np.finfo(np.float64).tiny)
    return columns.shape[1] - int(np.linalg.matrix_rank(within / scale, tol=1e-9 * len(code) ** 0.5))


def _collinear(linear: Linear) -> list[str]:
    """Note the terms that are sums of multiples of others; raise MissingData where all have flat priors."""
    square = linear.columns.T @ linear.columns
    size = np.sqrt(np.maximum(np.diag(square), np.finfo(np.float64).tiny))
    gram = square / np.outer(size, size)
    kept: list[int] = []
    notes: list[str] = []
    for i in sorted(range(len(linear.names)), key=lambda i: linear.priors[i].dist != "Flat"):
        left = gram[i, i] - gram[kept, i] @ np.linalg.solve(gram[np.ix_(kept, kept)], gram[kept, i])
        if left > DEPENDENT:
            kept.append(i)
            continue
        others = ", ".join(linear.names[j] for j in kept)
        text = f"{linear.names[i]!r} is a sum of multiples of {others} in these rows (perfectly collinear)"
        if linear.priors[i].dist == "Flat":
            raise MissingData(
                f"{text}, and flat priors do not tell them apart; take one out, or give it a prior"
            )
        notes.append(f"{text}: only their priors tell them apart")
    return notes


def _same_as_fixed(frame: pd.DataFrame, levels: pd.DataFrame, spec: ModelSpec) -> list[str]:
    """Note the groups whose intercepts are sums of the columns of a fixed term of text."""
    notes: list[str] = []
    for term in spec.fixed.terms:
        words = [word for word in term.split(":") if word != "1"]
        if not words or any(pd.api.types.is_numeric_dtype(frame[word]) for word in words):
            continue
        same = frame.groupby(words, sort=False, dropna=False).ngroup().to_numpy()
        notes += [
            f"group {name!r}: the fixed term {term!r} tells its levels apart already, so that only the prior"
            f" tells its sd; take one of the two out"
            for name in map(str, levels)
            if "1" in spec.groups[name].by and int(levels[name].groupby(same).nunique().max()) == 1
        ]
    return notes


def _same_as_residual(cells: Cells, levels: pd.DataFrame, spec: ModelSpec) -> list[str]:
    """Note the groups with a level for each row, where the residual has one for each row, too."""
    if not estimates_noise(cells, spec) or cells.df.any() or np.ptp(cells.n) > 0:
        return []
    return [
        f"group {name!r} has as many levels as rows, so that only the priors tell its sd from the residual's;"
        f" leave it out, or give a column of variances ([outcome] variance)"
        for name in map(str, levels)
        if "1" in spec.groups[name].by and levels[name].is_unique and (levels[name] != "").all()
    ]


def _same_as_intercept(pieces: Sequence[Piece], spec: ModelSpec) -> list[str]:
    """Note the slopes over a group whose column is one number in all rows that have a level."""
    rows = {piece.name: len(piece.entries.cell) for piece in pieces}
    return [
        f"[groups.{piece.dim}] by: {piece.name.split('|')[0]!r} is {piece.entries.value[0]:g} in all rows, so"
        f" that only the priors tell its slopes from the intercepts; take it out"
        for piece in pieces
        if piece.dim in spec.groups
        and not piece.name.startswith("1|")
        and rows.get(f"1|{piece.dim}") == len(piece.entries.cell)
        and np.ptp(piece.entries.value) == 0
    ]
