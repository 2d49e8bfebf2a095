"""Scores of one model in several languages as one score: their mean."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.errors import MissingData
from taskorder.results.keys import distinct
from taskorder.results.schema import KEY

SEVERAL = "mul"
"""The code that stands for several languages."""
COMPARED = ("study", "target", "train_language", "metric", "stage")
"""Means of rows that agree in these are compared, so they must be over the same languages."""


def over_languages(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row for all languages that a trained model was scored in: their mean score.

    Parameters
    ----------
    table : DataFrame
        The frame of a `ResultTable`.

    Returns
    -------
    DataFrame
        With the columns of `table`; a row for each target, metric, perturbation, ... of a model. Of a mean,
        `language` is `mul`, `n_test` the sum, and `sd` is empty, for the sd in each language does not tell
        that of the mean. Other columns are empty where the languages differ in them.

    Raises
    ------
    MissingData
        Where a model lacks a language that others of its study, target and metric were scored in.
    """
    codes, first = distinct(table, _keys(table))
    _refuse_others(table, codes)
    several = np.bincount(codes) > 1
    found = {str(name): _kept(column, codes, first) for name, column in table.items()}
    found["language"] = found["language"].mask(several, SEVERAL)
    found["score"] = table["score"].groupby(codes).mean()
    if "n_test" in table:
        found["n_test"] = table["n_test"].groupby(codes).sum(min_count=1)
    if "sd" in table:
        found["sd"] = found["sd"].mask(several)
    return pd.DataFrame(found)


def means(table: pd.DataFrame) -> NDArray[np.int64]:
    """Return which row of `over_languages(table)` each row goes into."""
    return distinct(table, _keys(table))[0]


def _keys(table: pd.DataFrame) -> list[str]:
    return [name for name in (*KEY, "train_language") if name in table and name != "language"]


def _kept(column: pd.Series, codes: np.ndarray, first: np.ndarray) -> pd.Series:
    """Return what the rows of each mean have in common in a column; empty where they differ."""
    values = pd.factorize(column, use_na_sentinel=False)[0]
    differ = np.bincount(codes, values != values[first][codes]) > 0
    common = column.iloc[first].reset_index(drop=True)
    return common.mask(differ) if pd.api.types.is_numeric_dtype(column) else common.mask(differ, "")


def _refuse_others(table: pd.DataFrame, codes: np.ndarray) -> None:
    """Raise MissingData where means that are compared would be over different languages."""
    compared, _ = distinct(table, [name for name in COMPARED if name in table])
    languages = table["language"].groupby(codes).nunique().to_numpy()[codes]
    lacking = languages < table["language"].groupby(compared).transform("nunique").to_numpy()
    if not lacking.any():
        return
    at = int(lacking.argmax())
    missing = sorted(
        set(table["language"][compared == compared[at]]) - set(table["language"][codes == codes[at]])
    )
    row = table.iloc[at]
    raise MissingData(
        f'[data] average = "language": run {row["run"]!r} of {row["study"]} was not scored on {row["target"]}'
        f" in {', '.join(missing)}, as others were, so that means over languages could not be compared; leave"
        f" these languages, or such runs, out with [data] where"
    )
