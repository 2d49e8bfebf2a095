"""Which level of each group, and which residual sd, every row belongs to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.errors import MissingData, nearest
from taskorder.inference.spec import ModelSpec
from taskorder.results.selection import where

Integers = NDArray[np.int64]

MAY_BE_EMPTY = {"sequence", "task_set", "train_language", "stage", "perturbation", "setting", "flag"}
"""Columns in which an empty text says something: direct, not trained, clean, zero-shot, without a flag."""


def group_levels(table: pd.DataFrame, spec: ModelSpec) -> tuple[pd.DataFrame, list[str]]:
    """Return each row's level of each group (empty = none), and a note for each group that had to go."""
    levels: dict[str, pd.Series] = {}
    notes: list[str] = []
    for name, group in spec.groups.items():
        label = labels_of(table, name, spec)
        codes = pd.factorize(label)[0]
        label = label.where(np.bincount(codes)[codes] >= group.min_rows, "")
        if label[label != ""].nunique() < 2:
            notes.append(f"group {name!r} has fewer than two levels in these rows and was left out")
            continue
        levels[name] = label
        if "run" in group.columns and "n_seeds" in table:
            means = int((table["n_seeds"].fillna(1) > 1)[label != ""].sum())
            if means:
                notes.append(f"group {name!r}: {means:,} rows are means over seeds but have one run's effect")
    return pd.DataFrame(levels, index=table.index), notes


def labels_of(table: pd.DataFrame, name: str, spec: ModelSpec) -> pd.Series:
    """Return each row's level of one group, however many rows have it; empty where it has none."""
    label = pd.Series("", index=table.index)
    members = where(table, spec.groups[name].where)
    if not members.empty:
        label.update(joined(members, group_columns(name, spec), f"[groups.{name}]"))
    return label


def group_columns(name: str, spec: ModelSpec) -> tuple[str, ...]:
    """Return the columns that make up a level of a group, with those of the groups that it is nested in."""
    group = spec.groups[name]
    own = group.columns or (name,)
    return (*group_columns(group.within, spec), *own) if group.within else own


def residual_levels(table: pd.DataFrame, spec: ModelSpec) -> tuple[pd.Series, list[str]]:
    """Return each row's level of the residual sd, and a note where several were meant and there is one."""
    if not spec.residual.columns:
        return pd.Series("all", index=table.index), []
    label = joined(table, spec.residual.columns, "[residual] by")
    only = label.iloc[0]
    if (label != only).any():
        return label, []
    return label, [f"[residual] by: all these rows are of the level {only!r}, so there is one residual sd"]


def coded(labels: pd.Series) -> tuple[tuple[str, ...], Integers]:
    """Return the distinct labels in alphabetical order, and the number of each row's."""
    codes, names = pd.factorize(labels, sort=True)
    return tuple(str(name) for name in names), codes.astype(np.int64)


def full_column(table: pd.DataFrame, name: str, place: str) -> pd.Series:
    """Return a column without empty cells; a MissingData error names `place` in the model file."""
    if name not in table:
        known = [str(column) for column in table.columns]
        raise MissingData(
            f"{place}: the table has no column {name!r}; it has {', '.join(known)}.{nearest(name, known)}"
        )
    column = table[name]
    if empty(column).any():
        raise MissingData(
            f"{place}: column {name!r} is empty in {int(empty(column).sum()):,} of {len(column):,} rows;"
            f" fill it in, or leave those rows out with [data] where"
        )
    return column


def refuse_infinite(column: pd.Series, place: str) -> None:
    """Raise MissingData for a numeric column with an infinite value; the error names `place`."""
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return
    infinite = np.isinf(column.to_numpy(dtype=np.float64, na_value=np.nan))
    if infinite.any():
        raise MissingData(
            f"{place}: column {column.name!r} is infinite in {int(infinite.sum()):,} of {len(column):,} rows;"
            f" correct it, or leave those rows out with [data] where"
        )


def empty(column: pd.Series) -> pd.Series:
    """Say which cells hold nothing; an empty text is a value in columns where it means something."""
    missing = column.isna()
    if column.name in MAY_BE_EMPTY or pd.api.types.is_numeric_dtype(column):
        return missing
    return missing | (column.astype(str) == "")


def joined(table: pd.DataFrame, columns: Sequence[str], place: str) -> pd.Series:
    """Return the values of several columns as one label a row."""
    parts = [full_column(table, name, place).astype(str) for name in columns]
    label = parts[0]
    for part in parts[1:]:
        label = label + "/" + part
    return label
