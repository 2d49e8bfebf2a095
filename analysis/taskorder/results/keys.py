"""Rows that hold the same: numbered by it, and refused where it makes them the same score of one model."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.errors import Problem
from taskorder.results.converting import Sheet
from taskorder.results.schema import BY_NAME, KEY


def distinct(table: pd.DataFrame, columns: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a number for each row that says what it holds in some columns.

    Returns
    -------
    codes : array (N,)
        The number of each row's combination, in the order of their first rows.
    first : array
        The first row of each combination.
    """
    codes = np.zeros(len(table), dtype=np.int64)
    for name in columns:
        own, values = pd.factorize(table[name], use_na_sentinel=False)
        codes = pd.factorize(codes * len(values) + own)[0].astype(np.int64)
    return codes, np.unique(codes, return_index=True)[1].astype(np.int64)


def duplicates(sheets: Sequence[Sheet]) -> list[Problem]:
    """Find rows whose key an earlier row has, in the same file or in another.

    Parameters
    ----------
    sheets
        All files; those that lack a required column of the key are passed over.

    Returns
    -------
    list of Problem
        One for each later row, naming the first.
    """
    whole = [sheet for sheet in sheets if all(name in sheet.names for name in KEY if BY_NAME[name].required)]
    if not whole:
        return []
    keys = pd.concat([sheet.frame[list(KEY)] for sheet in whole], ignore_index=True)
    repeated = keys[keys.duplicated(keep=False)]
    places = pd.Series(repeated.index, index=repeated.index)
    first = places.groupby([repeated[name] for name in KEY], dropna=False, sort=False).transform("min")
    bounds = np.cumsum([0, *(len(sheet.frame) for sheet in whole)])

    def place(row: int) -> str:
        owner = int(np.searchsorted(bounds, row, side="right")) - 1
        return f"row {whole[owner].lines[row - bounds[owner]]} of {whole[owner].file}"

    problems: list[Problem] = []
    for start, sheet in zip(bounds[:-1].tolist(), whole, strict=True):
        here = first[
            (first.index >= start) & (first.index < start + len(sheet.frame)) & (first != first.index)
        ]
        bad: NDArray[np.bool_] = np.zeros(len(sheet.frame), dtype=bool)
        bad[here.index.to_numpy() - start] = True
        problems += sheet.problems("run", bad, _duplicate_message(here, start, place))
    return problems


def _duplicate_message(first: pd.Series, start: int, place: Callable[[int], str]) -> Callable[[int], str]:
    def message(row: int) -> str:
        other = place(int(first.loc[row + start]))
        return f"{other} has the same {', '.join(KEY)}: remove one, or give each model a run of its own."

    return message
