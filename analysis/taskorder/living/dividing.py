"""New rows in groups, so that it can be told which of them moved a model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

type Booleans = NDArray[np.bool_]

MOST = 12
"""Groups of new rows that are left out, one at a time."""
_DIVISIONS = (
    ("study", "run"),
    ("sequence", "target"),
    ("sequence",),
    ("target",),
    ("backbone", "tuning"),
    ("study",),
)
OTHERS = "all others"


def divided(rows: pd.DataFrame, new: Booleans) -> tuple[str, pd.Series]:
    """Divide the new rows into groups, as fine as `MOST` groups allow.

    Parameters
    ----------
    rows : DataFrame
        All rows that a model chooses.
    new : array (N,) of bool

    Returns
    -------
    what : str
        What the groups are: `run`, `sequence and target`, ...; empty where all new rows are alike.
    group : Series (N,)
        The group of each new row; empty elsewhere.
    """
    group = pd.Series("", index=rows.index, dtype="str")
    best: tuple[str, pd.Series] | None = None
    for columns in _DIVISIONS:
        labels = _labels(rows[new], columns)
        count = labels.nunique()
        if count >= 2 and (best is None or count < best[1].nunique()):
            best = (" and ".join(columns).removeprefix("study and "), labels)
        if 2 <= count <= MOST:
            break
    if best is None:
        return "", group
    group[new] = _fewer(best[1])
    return best[0], group


def _labels(rows: pd.DataFrame, columns: tuple[str, ...]) -> pd.Series:
    told = [name for name in columns if name != "study" or len(set(rows["study"])) > 1 or len(columns) == 1]
    texts = rows[told].astype("str").replace("", "direct")
    return pd.Series([", ".join(row) for row in texts.to_numpy()], index=rows.index, dtype="str")


def _fewer(labels: pd.Series) -> pd.Series:
    """Keep the largest groups apart, and join all others."""
    sizes = labels.value_counts()
    if len(sizes) <= MOST:
        return labels
    largest = sorted(sizes.index, key=lambda name: (-sizes[name], str(name)))[: MOST - 1]
    return labels.where(labels.isin(largest), OTHERS)
