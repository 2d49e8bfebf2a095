"""Regret against the number of candidates that are tried, with intervals over what was left out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats

from taskorder.choosing.blocks import BLOCK
from taskorder.choosing.evaluating import TRIED, of_tried
from taskorder.errors import MissingData, nearest
from taskorder.inference.summary import INTERVAL

RANDOM = "random"
COLUMNS = ["strategy", "tried", "regret", "lower", "upper", "levels"]


def regret_curve(table: pd.DataFrame, scheme: str) -> pd.DataFrame:
    """Return the mean regret of each strategy by the number of candidates that are tried.

    Parameters
    ----------
    table : DataFrame
        As `regrets` returns it.
    scheme : str
        What is left out: `target` or `language`.

    Returns
    -------
    DataFrame
        The columns `COLUMNS`, `random` among the strategies, and `studies`, the names of all that count;
        regrets in points. Only blocks count in which all strategies of the scheme take part. The mean is
        over the `levels` that were left out, each the mean of its blocks, and the 95 % interval is Student's
        t over them: blocks of one level are not independent.

    Raises
    ------
    MissingData
        If the table has no such scheme, or no block in which all strategies take part.
    """
    rows = table[table["scheme"] == scheme]
    if rows.empty:
        known = sorted(map(str, table["scheme"].unique()))
        raise MissingData(
            f"no strategy was judged by leaving out each {scheme!r}; the table has {', '.join(known)}."
            f"{nearest(scheme, known)}"
        )
    shared = rows[rows.groupby(list(BLOCK))["strategy"].transform("nunique") == rows["strategy"].nunique()]
    if shared.empty:
        raise MissingData(f"leaving out each {scheme}: there is no block in which all strategies take part")
    studies = ", ".join(sorted(shared["study"].astype(str).unique()))
    return pd.DataFrame(_points(shared, scheme), columns=COLUMNS).assign(studies=studies)


def _points(rows: pd.DataFrame, scheme: str) -> Iterator[tuple[str, int, float, float, float, int]]:
    one = rows[rows["strategy"] == rows["strategy"].iloc[0]]
    for k in TRIED:
        for strategy, own in rows.groupby("strategy"):
            yield str(strategy), k, *_interval(own.groupby(scheme)[of_tried("regret", k)].mean())
        yield RANDOM, k, *_interval(one.groupby(scheme)[of_tried("random_regret", k)].mean())


def _interval(means: pd.Series[float]) -> tuple[float, float, float, int]:
    levels, mean = len(means), float(means.mean())
    if levels < 2:
        return mean, float("nan"), float("nan"), levels
    half = float(stats.t.ppf(0.5 + INTERVAL / 2, levels - 1) * means.std() / np.sqrt(levels))
    return mean, mean - half, mean + half, levels
