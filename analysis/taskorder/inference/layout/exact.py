"""A residual sd with nothing left for it: its density grows without bound at zero, and is refused.

With k replicates more than what the terms with a prior of their own explain to the last digit, the
likelihood grows like sd^-k. The sds of several residual levels are lognormal, log sd = m + s z with z
standard normal, and s has a prior of its own. Over z, k repeats of a level make exp(k^2 s^2 / 2) of sd^-k,
which only a prior of s that falls as fast makes up for: one repeat in all is bounded by a half normal prior
of sd 1, where other levels hold m. With J of them that leave something, what is left of the product falls
like s^-(J - 1), so that a few are needed for s to have a mean, and an interval that is of use. Levels of one
row, which leave nothing either, are not asked about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taskorder.errors import MissingData
from taskorder.inference.layout.linear import DEPENDENT, Linear
from taskorder.inference.layout.observations import Cells
from taskorder.inference.priors import RESIDUAL_SPREAD, Prior
from taskorder.inference.spec import ModelSpec

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

ROUNDING = 16.0 * float(np.finfo(np.float64).eps)
"""Relative error of a sum of a few terms."""
ENOUGH = 5
"""So many residual levels that leave something bound the spread of all."""
WIDEST = 1.0
"""The sd of the half normal prior of the spread that one repeat does not outgrow."""


@dataclass(frozen=True)
class Exact:
    """What is explained to the last digit in a residual level.

    Attributes
    ----------
    level : int
    repeats : int
        Replicates beyond what explains them: k, where the likelihood grows like sd^-k.
    text : str
        How they come to be explained.
    """

    level: int
    repeats: int
    text: str


def estimates_noise(cells: Cells, spec: ModelSpec) -> bool:
    """Say whether a residual sd is all the noise that there is."""
    return spec.residual.sd is None and spec.outcome.family.residual == "sd" and not cells.v.any()


def exact_levels(linear: Linear, cells: Cells, spec: ModelSpec, asked: Integers | None = None) -> list[Exact]:
    """Return the residual levels, of those that are asked about, that leave nothing to an sd of theirs.

    Parameters
    ----------
    linear : Linear
    cells : Cells
    spec : ModelSpec
    asked : array of int, optional
        Codes of residual levels; all without it.
    """
    if not estimates_noise(cells, spec) or not len(cells.mean):
        return []
    rounding = _rounding(cells)
    found = (
        _exact(linear, cells, int(code), spec.outcome.column, rounding)
        for code in (np.unique(cells.level) if asked is None else asked)
    )
    return [exact for exact in found if exact is not None]


def refuse_exact(
    found: Sequence[Exact], cells: Cells, residual_levels: Sequence[str], spec: ModelSpec
) -> None:
    """Raise MissingData for residual sds with nothing left for them, where other levels do not bound them.

    Parameters
    ----------
    found : sequence of Exact
        As `exact_levels` finds them in `cells`.
    cells : Cells
    residual_levels : sequence of str
        The names of `cells.level`.
    spec : ModelSpec
    """
    others = int((np.bincount(cells.level, cells.ss) > _rounding(cells)).sum()) if found else 0
    if not found or _bounded(found, others, spec):
        return
    worst = max(found, key=lambda exact: exact.repeats)
    level = f" of residual level {residual_levels[worst.level]!r}" if spec.residual.columns else ""
    more = f" ({len(found):,} residual levels are like this)" if len(found) > 1 else ""
    narrower = f"; or give sd:residual its usual prior, {RESIDUAL_SPREAD}, which bounds one repeat"
    usual = spec.model_copy(update={"priors": {**spec.priors, "sd:residual": RESIDUAL_SPREAD}})
    alone = _bounded(found, others, usual)
    raise MissingData(
        f"[outcome] column: {worst.text}. The residual sd{level} would be 0, and its posterior"
        f" improper{more}: look for rows that were entered twice, for a copied column, or values rounded too"
        " much; leave such rows out with [data] where, or say how exact they are by a column of variances"
        f" ([outcome] variance){narrower if alone else ''}"
    )


def _rounding(cells: Cells) -> float:
    return (ROUNDING * float(np.abs(cells.mean).max())) ** 2 * float(cells.n.sum())


def _spread(spec: ModelSpec) -> Prior:
    return spec.priors.get("sd:residual", RESIDUAL_SPREAD)


def _bounded(found: Sequence[Exact], others: int, spec: ModelSpec) -> bool:
    """Say whether all that is exact is one repeat, and the spread of residual sds bounded in spite of it."""
    spread, typical = _spread(spec), spec.priors.get("residual", RESIDUAL_SPREAD)
    narrow = spread.dist == "HalfNormal" and dict(spread.parameters)["sigma"] <= WIDEST
    rises = typical.dist in {"Gamma", "Weibull"} and dict(typical.parameters)["alpha"] < 1.0
    one = [exact.repeats for exact in found] == [1]
    return bool(spec.residual.columns) and one and others >= ENOUGH and narrow and not rises


def _exact(linear: Linear, cells: Cells, level: int, column: str, rounding: float) -> Exact | None:
    """Return what is explained to the last digit in a residual level, if anything is."""
    here = cells.level == level
    mean, repeats = cells.mean[here], int(cells.df[here].sum())
    if len(mean) + repeats < 2 or float(cells.ss[here].sum()) > rounding:
        return None
    left, rank = _left(linear.columns[here], mean, cells.n[here])
    given = left <= rounding and rank < len(mean)
    if not repeats and not given:
        return None
    beyond = repeats + (len(mean) - rank if given else 0)
    if repeats:
        text = (
            f"rows that the model cannot tell apart have the same {column!r} to the last digit, such"
            f" as {mean[cells.df[here].argmax()]:g} on the model's scale ({repeats:,} repeat another, or are"
            f" means with an sd of 0)"
        )
    elif float(np.ptp(mean)) ** 2 <= rounding:
        text = f"{column!r} is the same in {len(mean):,} rows, {mean[0]:g} on the model's scale"
    else:
        text = f"{', '.join(linear.names)} give {column!r} to the last digit in {len(mean):,} rows"
    return Exact(level, beyond, text)


def _left(columns: Floats, mean: Floats, n: Floats) -> tuple[float, int]:
    """Return the sum of squares that columns leave, and how many of them are no sums of others.

    Least squares, with one refinement: what is left of an exact fit is rounding.
    """
    scaled = columns * np.sqrt(n)[:, None]
    scaled = scaled / np.maximum(np.linalg.norm(scaled, axis=0), np.finfo(np.float64).tiny)
    left = mean * np.sqrt(n)
    if not columns.shape[1]:
        return float(left @ left), 0
    square = scaled.T @ scaled
    inverse = np.linalg.pinv(square, rcond=DEPENDENT, hermitian=True)
    for _ in range(2):
        left = left - scaled @ (inverse @ (scaled.T @ left))
    return float(left @ left), int(np.linalg.matrix_rank(square, tol=DEPENDENT, hermitian=True))
