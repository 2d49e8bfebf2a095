"""Which sequences are the same tasks in another order."""

from __future__ import annotations

import pandas as pd

from taskorder.results.sequences import parse, task_set

PLACE = ["study", "backbone", "tuning", "target"]
"""Orders of a task set are compared where these agree."""


def order_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Return the set of tasks behind each row's sequence, and in how many orders it was trained.

    Parameters
    ----------
    table : DataFrame
        With the columns `sequence`, `study`, `backbone`, `tuning` and `target`.

    Returns
    -------
    DataFrame
        On the index of `table`: `task_set`, the steps whatever their order (`mnli&squad`; empty for direct
        training), and `orders`, how many different sequences of this task set the table has for the row's
        study, backbone, tuning and target.
    """
    sequences = table["sequence"]
    sets = sequences.map({text: task_set(parse(text)) for text in sequences.unique()}).rename("task_set")
    orders = sequences.groupby([*(table[name] for name in PLACE), sets]).transform("nunique")
    return pd.DataFrame({"task_set": sets, "orders": orders.astype(int)})
