"""What came before a target: the regime of training that a row's sequence is an instance of.

==================== =====================================================================================
`direct`             nothing
`task`               one intermediate task
`joint`              several tasks in one step, trained jointly (`a+b`, or a mixture such as `muppet`)
`sequence`           two or more steps of tasks, one after the other
`pretraining`        continued pretraining (`mlm[..]`, `tlm[..]`) in any number of steps
`pretraining>task`   continued pretraining, then tasks
`task>pretraining`   tasks, then continued pretraining
==================== =====================================================================================

Longer alternations are named likewise: `task>pretraining>task`. The names follow Phang et al. 2018
(intermediate tasks) and Gururangan et al. 2020 (continued pretraining).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

import pandas as pd

from taskorder.results.catalogue import Covariates
from taskorder.results.sequences import OBJECTIVES, Stage, parse

DIRECT = "direct"
TASK = "task"
JOINT = "joint"
SEQUENCE = "sequence"
PRETRAINING = "pretraining"

MIXTURE = "mixture"
"""The kind of a task that is several tasks trained jointly."""
ONE_FOR_EACH_TARGET = {"best_intermediate"}
"""Stages of that kind that are a single task, but not the same one for every target."""


def regime_column(table: pd.DataFrame, covariates: Covariates) -> pd.Series:
    """Return the regime of each row.

    Parameters
    ----------
    table : DataFrame
        With the column `sequence`.
    covariates : Covariates
        Its task table knows the kinds of tasks; a task that it does not have is an intermediate task.

    Returns
    -------
    Series
        `regime`, on the index of `table`.
    """
    tasks = covariates.tasks.dropna(subset=["kind"])
    kinds = dict(zip(tasks["task"].astype(str), tasks["kind"].astype(str), strict=True))
    regimes = {text: regime_of(text, kinds) for text in table["sequence"].unique()}
    return table["sequence"].map(regimes).rename("regime")


def regime_of(sequence: str, kinds: Mapping[str, str]) -> str:
    """Return the regime of a sequence, given the kinds of tasks."""
    steps = parse(sequence)
    pretrains = [all(_pretrains(stage, kinds) for stage in step) for step in steps]
    if any(pretrains):
        return ">".join(PRETRAINING if run else TASK for run, _ in groupby(pretrains))
    stages = [stage for step in steps for stage in step]
    if not stages:
        return DIRECT
    if len(steps) > 1:
        return SEQUENCE
    return JOINT if len(stages) > 1 or _is_mixture(stages[0], kinds) else TASK


def _pretrains(stage: Stage, kinds: Mapping[str, str]) -> bool:
    return stage.task in OBJECTIVES or kinds.get(stage.task) in OBJECTIVES


def _is_mixture(stage: Stage, kinds: Mapping[str, str]) -> bool:
    return kinds.get(stage.task) == MIXTURE and stage.task not in ONE_FOR_EACH_TARGET
