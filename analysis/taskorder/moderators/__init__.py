"""What may explain a score: difficulty and similarity of the stages, their position, distance of languages.

A table goes in, columns come out: `attach` adds to each row what summarises it, `stage_table` lays out the
stages of each row, one line a stage, as the sequence model needs them.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from taskorder.moderators.diversity import language_columns
from taskorder.moderators.orders import order_columns
from taskorder.moderators.perturbation import perturbed
from taskorder.moderators.position import sequence_columns
from taskorder.moderators.regimes import regime_column
from taskorder.moderators.stages import KEY, StageTable, stage_table
from taskorder.results.catalogue import Covariates
from taskorder.results.keys import distinct

__all__ = ["StageTable", "attach", "stage_table"]


def attach(
    table: pd.DataFrame,
    covariates: Covariates,
    difficulty: Sequence[str] = ("shortfall",),
    similarity: Sequence[str] = ("taskshop_roe",),
) -> pd.DataFrame:
    """Add to a tidy result table the columns that may explain its scores.

    Parameters
    ----------
    table : DataFrame
        The frame of a `ResultTable`; columns that it already has are not replaced.
    covariates : Covariates
        Tasks, similarities and languages.
    difficulty, similarity : sequence of str
        Measures in order of preference.

    Returns
    -------
    DataFrame
        The table with `system` (backbone and tuning in one), `regime` (see `regimes`), `steps, stages,
        difficulty, similarity, difficulty_tau` (see `sequence_columns`), `task_set, orders` (see
        `order_columns`), `family, genus, script, zero_shot, distance_*` (see `language_columns`) and
        `perturbed` (1.0 where the evaluated text was perturbed).
    """
    codes, first = distinct(table, [*KEY, "backbone", "tuning"])
    few = table.iloc[first].reset_index(drop=True)
    lines = stage_table(few, covariates, difficulty, similarity).frame
    system = (few["backbone"] + "/" + few["tuning"]).rename("system")
    regime = regime_column(few, covariates)
    sequences, orders = sequence_columns(lines, len(few)), order_columns(few)
    added = pd.concat([system, regime, sequences, orders, language_columns(few, covariates)], axis=1)
    added = added.iloc[codes].set_axis(table.index).assign(perturbed=perturbed(table))
    return pd.concat([table, added[[name for name in added if name not in table]]], axis=1)
