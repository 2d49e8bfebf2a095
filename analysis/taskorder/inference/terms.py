"""The columns of the fixed terms of a model file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
from formulaic import model_matrix
from numpy.typing import NDArray

from taskorder.errors import MissingData, nearest

Floats = NDArray[np.float64]


def fixed_columns(frame: pd.DataFrame, terms: Sequence[str]) -> list[tuple[str, str, Floats]]:
    """Return the columns of linear terms.

    Parameters
    ----------
    frame : DataFrame
        One row a cell; columns of text are coded against their first level in alphabetical order.
    terms : sequence of str
        `1` for the intercept, column names, and interactions with `:`.

    Returns
    -------
    list of (name, term, values)
        `tuning[lora]` is the name of a level's column of the term `tuning`.

    Raises
    ------
    MissingData
        Where a column is not there, has empty cells, does not vary, or can be written as a sum of others.
    """
    simple = [word for term in terms for word in term.split(":") if word != "1"]
    for word in simple:
        _check(frame, word)
    formula = " + ".join(["1" if "1" in terms else "0", *(term for term in terms if term != "1")])
    matrix: Any = model_matrix(formula, frame[list(dict.fromkeys(simple))], na_action="raise")
    indices = cast("dict[object, list[int]]", matrix.model_spec.term_indices)
    structure = {column: str(term) for term, columns in indices.items() for column in columns}
    names = [_tidy(str(name)) for name in matrix.columns]
    values = matrix.to_numpy(dtype=np.float64)
    _check_rank(names, values)
    return [(name, structure[i], values[:, i].copy()) for i, name in enumerate(names)]


def _tidy(name: str) -> str:
    return "1" if name == "Intercept" else name.replace("[T.", "[")


def _check(frame: pd.DataFrame, name: str) -> None:
    known = [str(column) for column in frame.columns]
    if name not in known:
        raise MissingData(
            f"[fixed] terms: the table has no column {name!r}; it has {', '.join(known)}."
            f"{nearest(name, known)}"
        )
    if frame[name].isna().any():
        raise MissingData(
            f"[fixed] terms: column {name!r} is empty in some of the rows to fit; fill it in,"
            f" or leave those rows out with [data] where"
        )
    if frame[name].nunique() < 2:
        raise MissingData(
            f"[fixed] terms: column {name!r} is {frame[name].iloc[0]!r} in all rows to fit, so it cannot be"
            f" told from the intercept; take it out of the terms"
        )


def _check_rank(names: Sequence[str], values: Floats) -> None:
    scaled = values / np.maximum(np.abs(values).max(axis=0, initial=0.0), 1e-300)
    kept: list[int] = []
    for i in range(scaled.shape[1]):
        if np.linalg.matrix_rank(scaled[:, [*kept, i]]) == len(kept) + 1:
            kept.append(i)
            continue
        others = ", ".join(names[j] for j in kept)
        raise MissingData(
            f"[fixed] terms: {names[i]!r} is a sum of multiples of {others} in these rows (perfectly"
            f" collinear); take one of them out"
        )
