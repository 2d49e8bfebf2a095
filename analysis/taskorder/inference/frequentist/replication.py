"""Where orders of the same tasks were run on the same subjects, so that they can be compared within them.

Scores count that were taken after the target's own fine-tuning, or after the last stage of the sequence; the
two are never mixed. Subjects are the seeds that a study trained every order with, scores being averaged over
languages; or else the languages. Scores of one trained model in several languages share whatever its seed
did, so that with languages as subjects trained models are compared, not orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from taskorder.inference.frequentist.repeated import FEWEST_SUBJECTS
from taskorder.results.sequences import parse, render, task_set

SHARED = ("study", "backbone", "tuning", "train_language", "metric", "perturbation", "severity")
"""What all rows share that are compared."""
SUBJECTS = ("seed", "language")
"""In order of preference."""
NOISE = ("perturbation", "severity")
MANY = ("", "mul")
"""Values that name nothing in particular."""
NO_CONDITION = ("run", "score", "n_test", "n_seeds", "sd", "stage", "source", "origin", "flag")
"""Columns that say which row it is, not under which condition it was made."""


@dataclass(frozen=True)
class Replicated:
    """Rows of several orders of the same tasks.

    Attributes
    ----------
    tasks : str
        The set of tasks, such as `a&b`.
    condition : str
        Study, system, and whatever else tells these rows from those of other sets.
    subject : str
        The column of the subjects that were scored under every order.
    frame : DataFrame
    """

    tasks: str
    condition: str
    subject: str
    frame: pd.DataFrame

    @property
    def label(self) -> str:
        """The tasks and the condition."""
        return f"{self.tasks}, {self.condition}"

    @property
    def kind(self) -> str:
        """The number of tasks and the condition: what sets that can be pooled share."""
        return f"{len(self.tasks.split('&'))} tasks, {self.condition}"


def replicated_orders(rows: pd.DataFrame) -> list[Replicated]:
    """Find the sets of rows in which at least two orders of the same tasks share at least three subjects.

    Parameters
    ----------
    rows : DataFrame
        Rows of a tidy table.
    """
    after = _after_all_stages(rows)
    keys = ["after", "tasks", *(name for name in SHARED if name in after)]
    found: list[Replicated] = []
    for _, part in after.groupby(keys, dropna=False, sort=False):
        if part["sequence"].nunique() < 2:
            continue
        for subject in SUBJECTS:
            replicated = list(_replicated(part, subject)) if subject in part else []
            found += replicated
            if replicated:
                break
    return found


def _after_all_stages(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows after sequences of several steps, with the columns `tasks` and `after`."""
    sequence, stage = (
        rows[name].fillna("").astype(str) if name in rows else pd.Series("", index=rows.index)
        for name in ("sequence", "stage")
    )
    parsed = {text: parse(text) for text in sequence.unique()}
    last = sequence.map({text: render(steps[-1:]) for text, steps in parsed.items()})
    found = rows.assign(
        tasks=sequence.map({text: task_set(steps) for text, steps in parsed.items()}),
        after=(stage == "").map({True: "target", False: "sequence"}),
    )
    several = sequence.map({text: len(steps) > 1 for text, steps in parsed.items()})
    return found[several & ((stage == "") | (stage == last))]


def _replicated(part: pd.DataFrame, subject: str) -> Iterator[Replicated]:
    """Yield the sets of one study and system that have enough complete subjects."""
    keys = ["target", *_conditions(part)]
    for values, group in part.groupby(keys, dropna=False, sort=False):
        orders = group["sequence"].nunique()
        seen = group.dropna(subset=[subject]).groupby(subject)["sequence"].nunique()
        if orders > 1 and int((seen == orders).sum()) >= FEWEST_SUBJECTS:
            first = group.iloc[0].fillna("").astype(str)
            named = [*zip(keys, map(str, values), strict=True)]
            told = [f"{name} {value}" for name, value in named if value not in MANY]
            told += [first[name] for name in NOISE if first.get(name)]
            system = f"{first['study']} {first['backbone']}/{first['tuning']}"
            rows = group.drop(columns=["tasks", "after"])
            yield Replicated(first["tasks"], ", ".join([system, *told]), subject, rows)


def _conditions(part: pd.DataFrame) -> list[str]:
    """Return the study's own columns that tell rows of one order, target, language and seed apart."""
    identity = [name for name in ("sequence", "target", "language", "seed") if name in part]
    known = {*SHARED, *NO_CONDITION, *identity, "tasks", "after"}
    own = [str(name) for name in part if name not in known]
    distinct = part.groupby(identity, dropna=False)[own].nunique(dropna=False)
    return [name for name in own if int(distinct[name].max()) > 1]
