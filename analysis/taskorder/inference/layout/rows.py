"""The rows of a table as a model sees them, before those that it cannot tell apart become one cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.errors import MissingData
from taskorder.inference.layout.levels import group_levels, residual_levels
from taskorder.inference.layout.observations import Observations, observe
from taskorder.inference.layout.pieces import rows_with_moderators
from taskorder.inference.layout.silent import constant_columns, without
from taskorder.inference.spec import ModelSpec
from taskorder.moderators.stages import KEY
from taskorder.results.catalogue import Covariates

Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """The M of N rows of a table that have all that a model needs.

    Attributes
    ----------
    keep : array (N,) of bool
        Which rows these are.
    table : DataFrame (M,)
    spec : ModelSpec
        The model, without terms in which these rows do not differ.
    observations : Observations
    levels : DataFrame (M,)
        The level of each group; empty where a row has none.
    residual : Series (M,)
        The level of the residual sd.
    distinguished : DataFrame (M,)
        The columns by which the model tells rows apart.
    notes : tuple of str
        What was done that a reader should know.
    """

    keep: Booleans
    table: pd.DataFrame
    spec: ModelSpec
    observations: Observations
    levels: pd.DataFrame
    residual: pd.Series
    distinguished: pd.DataFrame
    notes: tuple[str, ...]


def read_rows(table: pd.DataFrame, spec: ModelSpec, covariates: Covariates) -> Rows:
    """Read the rows of a table as `build_design` lays them out.

    Raises
    ------
    MissingData
        Where a column or a value that the model needs is not there, with what to do about it.
    """
    keep, table, notes = _complete(table, spec, covariates)
    spec, constant_notes = without(spec, constant_columns(table, spec))
    observations = observe(table, spec)
    levels, level_notes = group_levels(table, spec)
    residual, residual_notes = residual_levels(table, spec)
    distinguished = _distinguished(table, spec, levels, residual, observations)
    every_note = (*notes, *constant_notes, *level_notes, *residual_notes)
    return Rows(keep, table, spec, observations, levels, residual, distinguished, every_note)


def _complete(
    table: pd.DataFrame, spec: ModelSpec, covariates: Covariates
) -> tuple[Booleans, pd.DataFrame, list[str]]:
    """Return which rows have all that the model needs, these rows, and what to know of the others."""
    if table.empty:
        raise MissingData(f"model {spec.name!r}: no rows are left to fit; widen [data] where, or add tables")
    keep, notes = rows_with_moderators(table, spec, covariates)
    table = table[keep].reset_index(drop=True)
    if table.empty:
        raise MissingData(f"model {spec.name!r}: no rows are left to fit: {'; '.join(notes)}")
    return keep, table, notes


def _distinguished(
    table: pd.DataFrame, spec: ModelSpec, levels: pd.DataFrame, residual: pd.Series, seen: Observations
) -> pd.DataFrame:
    """Return the columns by which the model tells rows apart."""
    words = {word for term in spec.fixed.terms for word in term.split(":") if word != "1"}
    words |= {word for group in spec.groups.values() for term in group.by for word in term.split(":")}
    if spec.sequence is not None:
        words |= {*KEY, *spec.sequence.crossed}
    columns = table[[name for name in sorted(words) if name in table]]
    extra = {f"group {name}": levels[name] for name in levels}
    extra |= {"level of the residual": residual, "kept apart": seen.apart}
    return columns.assign(**extra).reset_index(drop=True)
