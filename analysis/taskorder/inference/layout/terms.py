"""The columns of the fixed terms of a model file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from formulaic import model_matrix
from numpy.typing import NDArray

from taskorder.errors import MissingData, nearest
from taskorder.inference.layout.levels import empty, refuse_infinite

Floats = NDArray[np.float64]

MOST_TEXTS = 5
"""A column of text in which no value comes twice may be a term in so many rows."""


@dataclass(frozen=True)
class Column:
    """One column of a linear term.

    Attributes
    ----------
    name, term : str
        `tuning[lora]` is the column of a level of the term `tuning`.
    values : array (C,)
        Less `centre`.
    centre : float
        The mean of a numeric term's column where the model has an intercept, else 0.
    sd : float
        Of a numeric term's column; 1 for the intercept and the columns of levels.
    """

    name: str
    term: str
    values: Floats
    centre: float = 0.0
    sd: float = 1.0


def fixed_columns(frame: pd.DataFrame, terms: Sequence[str], reference: Mapping[str, str]) -> list[Column]:
    """Return the columns of linear terms.

    Parameters
    ----------
    frame : DataFrame
        One row a cell.
    terms : sequence of str
        `1` for the intercept, column names, and interactions with `:`.
    reference : mapping of str
        The level that a column of text is coded against; without one, the first in alphabetical order.

    Raises
    ------
    MissingData
        Where a column is not there, has empty cells, does not vary, or can be written as a sum of others,
        or where it does not have its reference level.
    """
    if not terms:
        return []
    simple = [word for term in terms for word in term.split(":") if word != "1"]
    for word in simple:
        _check(frame, word)
    formula = " + ".join(["1" if "1" in terms else "0", *(term for term in terms if term != "1")])
    coded = frame[list(dict.fromkeys(simple))].assign(
        **{name: _against(frame[name], level) for name, level in reference.items() if name in simple}
    )
    matrix: Any = model_matrix(formula, coded, na_action="raise")
    indices = cast("dict[object, list[int]]", matrix.model_spec.term_indices)
    structure = {column: str(term) for term, columns in indices.items() for column in columns}
    names = [_tidy(str(name)) for name in matrix.columns]
    values = matrix.to_numpy(dtype=np.float64)
    _check_rank(names, values)
    return [
        _column(name, structure[i], values[:, i], frame, centred="1" in terms) for i, name in enumerate(names)
    ]


def _column(name: str, term: str, values: Floats, frame: pd.DataFrame, *, centred: bool) -> Column:
    words = [word for word in term.split(":") if word != "1"]
    if not words or not all(pd.api.types.is_numeric_dtype(frame[word]) for word in words):
        return Column(name, term, values.copy())
    centre = float(values.mean()) if centred else 0.0
    return Column(name, term, values - centre, centre, float(values.std()) or 1.0)


def _against(column: pd.Series, level: str) -> pd.Categorical[str]:
    """Return a column of text as one whose first category is a level of it."""
    if pd.api.types.is_numeric_dtype(column):
        raise MissingData(f"[fixed] reference: column {column.name!r} holds numbers, which have no levels")
    levels = sorted(str(value) for value in column.unique())
    if level not in levels:
        raise MissingData(
            f"[fixed] reference: column {column.name!r} is never {level!r} in the rows to fit; it is"
            f" {', '.join(levels)}.{nearest(level, levels)}"
        )
    return pd.Categorical(column.astype(str), [level, *(other for other in levels if other != level)])


def level_name(column: str, level: str) -> str:
    """Return the name of the column of a level: `tuning[lora]`."""
    return _tidy(f"{column}[{level}]")


def _tidy(name: str) -> str:
    return "1" if name == "Intercept" else name.replace("[T.", "[").replace("/", ":")


def _check(frame: pd.DataFrame, name: str) -> None:
    known = [str(column) for column in frame.columns]
    if name not in known:
        raise MissingData(
            f"[fixed] terms: the table has no column {name!r}; it has {', '.join(known)}."
            f"{nearest(name, known)}"
        )
    if empty(frame[name]).any():
        raise MissingData(
            f"[fixed] terms: column {name!r} is empty in some of the rows to fit; fill it in,"
            f" or leave those rows out with [data] where"
        )
    refuse_infinite(frame[name], "[fixed] terms")
    if frame[name].nunique() < 2:
        raise MissingData(
            f"[fixed] terms: column {name!r} is {frame[name].iloc[0]!r} in all rows to fit, so it cannot be"
            f" told from the intercept; take it out of the terms"
        )
    if not pd.api.types.is_numeric_dtype(frame[name]) and frame[name].nunique() == len(frame) > MOST_TEXTS:
        raise MissingData(
            f"[fixed] terms: column {name!r} holds text with {len(frame):,} different values in as many rows,"
            f" such as {str(frame[name].iloc[0])!r}, each of which would be a term of its own; turn it into"
            f" numbers, or make it a group"
        )


def _check_rank(names: Sequence[str], values: Floats) -> None:
    scaled = values / np.maximum(np.abs(values).max(axis=0, initial=0.0), 1e-300)
    triangle, noise = np.linalg.qr(scaled, mode="r"), len(scaled) * np.finfo(np.float64).eps
    kept: list[int] = []
    for i in range(scaled.shape[1]):
        if np.linalg.matrix_rank(triangle[:, [*kept, i]], rtol=noise) == len(kept) + 1:
            kept.append(i)
            continue
        others = ", ".join(names[j] for j in kept)
        raise MissingData(
            f"[fixed] terms: {names[i]!r} is a sum of multiples of {others} in these rows (perfectly"
            f" collinear); take one of them out"
        )
