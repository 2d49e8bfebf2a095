"""The runs of an experiment: which its plan asks for, which are made, and what one more would cost.

A run that is not made yet is laid out like one that is: as many scores, in the same languages and metrics,
under the same perturbations. Its scores are placeholders, which nothing may look at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import pandas as pd

from taskorder.errors import MissingData
from taskorder.harness.experiments.experiment import Experiment
from taskorder.results.sequences import parse, render

type Training = tuple[str, str, int, str]
"""One training of one stage: backbone, tuning, seed, and the steps up to and with it."""

PREFIX = "not made yet: "
"""What the names of runs begin with that are not made."""


@dataclass(frozen=True, order=True)
class Run:
    """One trained model: a backbone, taken through a sequence to a target, with one seed."""

    backbone: str
    tuning: str
    sequence: str
    target: str
    seed: int

    @property
    def trainings(self) -> tuple[Training, ...]:
        """What has to be trained: every step of the sequence after those before it, and the target."""
        steps = parse(self.sequence)
        prefixes = [render(steps[:k]) for k in range(1, len(steps) + 1)]
        place = (self.backbone, self.tuning, self.seed)
        return (*((*place, prefix) for prefix in prefixes), (*place, f"{self.sequence}>>{self.target}"))


def planned(experiment: Experiment) -> tuple[Run, ...]:
    """Return all runs that an experiment asks for, in the order in which it lists them."""
    names = [experiment.backbone_name(backbone) for backbone in experiment.backbones]
    return tuple(
        Run(backbone, tuning, render(order), target, seed)
        for seed in experiment.seeds
        for backbone, tuning, target, order in product(
            names, experiment.tuning, experiment.targets, experiment.orders_of(seed)
        )
    )


def made(rows: pd.DataFrame, study: str) -> tuple[Run, ...]:
    """Return the runs of a study of which a result table has scores after the target's own training."""
    columns = ["backbone", "tuning", "sequence", "target", "seed"]
    own = rows[(rows["study"] == study) & (rows["stage"] == "") & rows["seed"].notna()]
    found = own[columns].drop_duplicates().itertuples(index=False)
    return tuple(Run(b, tuning, render(parse(s)), target, int(seed)) for b, tuning, s, target, seed in found)


def cost(run: Run, trained: Iterable[Training]) -> int:
    """Return how many stages have to be trained for a run where others are trained already."""
    return len(set(run.trainings) - set(trained))


def laid_out(runs: Sequence[Run], rows: pd.DataFrame, study: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the rows that runs would have, and a note on those of which nobody knows.

    Parameters
    ----------
    runs : sequence of Run
        That are not made.
    rows : DataFrame
        A result table, with runs that are.
    study : str
        The study that they belong to.

    Returns
    -------
    rows : DataFrame
        In the columns of the table; the name of the i-th run is `PREFIX` and i. Scores are those of the run
        by whose likeness the rows were made.
    notes : tuple of str

    Raises
    ------
    MissingData
        If no run of any of their targets is made.
    """
    own = rows[(rows["study"] == study) & (rows["stage"] == "")]
    likeness: dict[str, pd.DataFrame] = {}
    for target, scores in own.groupby("target"):
        by_run = scores.groupby("run")
        likeness[str(target)] = by_run.get_group(by_run.size().idxmax())
    unknown = sorted({run.target for run in runs} - set(likeness))
    if runs and not any(run.target in likeness for run in runs):
        raise MissingData(
            f"study {study!r} has no run before {' or '.join(unknown)} yet, so that nobody knows what scores"
            f" a run gives; make one for each target first, such as with taskorder run"
        )
    parts = [
        likeness[run.target].assign(
            backbone=run.backbone,
            tuning=run.tuning,
            sequence=run.sequence,
            seed=run.seed,
            run=f"{PREFIX}{i}",
        )
        for i, run in enumerate(runs)
        if run.target in likeness
    ]
    notes = [f"no run before {name} is made yet: those before it were left out" for name in unknown]
    return pd.concat(parts, ignore_index=True) if parts else own.iloc[:0], tuple(notes)


def number_of(names: pd.Series) -> pd.Series:
    """Return which run each row is of, by its name; -1 for the runs that are made."""
    digits = names.astype(str).str.extract(rf"^{PREFIX}(\d+)$", expand=False)
    return digits.fillna("-1").astype(int)
