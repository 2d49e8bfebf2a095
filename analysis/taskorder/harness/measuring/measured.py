"""Moderators that an experiment measures itself: the difficulty of its tasks, their likeness to its targets.

The tables that come out are a person's own covariates: `taskorder fit --tasks tasks.csv --similarity
similarity.csv` takes them as they are. docs/measured-moderators.md says what each measure is.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from taskorder.errors import MissingData, nearest
from taskorder.files import write_whole
from taskorder.harness.experiments.experiment import Experiment
from taskorder.harness.measuring.curves import direct_curves
from taskorder.harness.measuring.difficulty import difficulties
from taskorder.harness.measuring.measures import DIFFICULTY, SIMILARITY, Measure
from taskorder.harness.measuring.similarity import similarities
from taskorder.harness.streams import number

TASKS, PAIRS, MEASURES = "tasks.csv", "similarity.csv", "measures.csv"


@dataclass(frozen=True, slots=True)
class Measured:
    """All that was measured (`found`), and what a person should know of it (`notes`)."""

    found: tuple[Measure, ...]
    notes: tuple[str, ...] = ()

    def of(self, measure: str) -> dict[tuple[str, str], list[Measure]]:
        """Return a measure's values by task and target: one for each backbone and tuning."""
        values: dict[tuple[str, str], list[Measure]] = {}
        for one in self.found:
            if one.measure == measure:
                values.setdefault((one.task, one.target), []).append(one)
        return values


@dataclass(frozen=True, slots=True)
class Chosen:
    """The measures that become covariates: a person's own table holds one value a task or pair.

    Raises
    ------
    MissingData
        If there is no such measure.
    """

    difficulty: str = DIFFICULTY[0]
    similarity: str = SIMILARITY[0]

    def __post_init__(self) -> None:
        for moderator, name, known in (
            ("difficulty", self.difficulty, DIFFICULTY),
            ("similarity", self.similarity, SIMILARITY),
        ):
            if name not in known:
                raise MissingData(
                    f"no {moderator} measure {name!r}; there are {', '.join(known)}.{nearest(name, known)}"
                )


def measure(
    experiment: Experiment, nodes: Path, wanted: Collection[str] | None = None, *, seed: int = 0
) -> Measured:
    """Measure the difficulty of every task of an experiment, and the likeness of each stage to each target.

    Parameters
    ----------
    experiment : Experiment
    nodes : Path
        The folder of the experiment's trained nodes; it need not exist.
    wanted : collection of str, optional
        Ids of the nodes that count; all where it is not given.
    seed : int
        For the drawing of examples: the same seed gives the same values.

    Raises
    ------
    InvalidTask, MissingData
        If a task, its data or a backbone cannot be read.
    """
    from taskorder.harness.stages.training import repeatable

    with repeatable(number(seed, "measure")):
        of_tasks, some = difficulties(experiment, direct_curves(nodes, wanted))
        of_pairs, more = similarities(experiment, seed)
    return Measured((*of_tasks, *of_pairs), (*some, *more))


def trained(experiment: Experiment, output: Path | None = None) -> tuple[Path, frozenset[str]]:
    """Return where the nodes of an experiment are, and the ids of those that start from a backbone.

    Parameters
    ----------
    experiment : Experiment
    output : Path, optional
        The folder that `run` was told to use; where that has no nodes, its usual place is meant.

    Raises
    ------
    TaskorderError
        If a task, its data or a backbone is not there.
    """
    from taskorder.harness.execution.running import WORK, places
    from taskorder.harness.tree.nodes import Store
    from taskorder.harness.tree.plan import plan
    from taskorder.harness.tree.work import load

    direct = frozenset(node.id for node in plan(experiment, load(WORK)).nodes if not node.parent)
    stores = [Store(places(experiment, one).folder) for one in dict.fromkeys((output, None))]
    return next((store.nodes for store in stores if store.nodes.is_dir()), stores[-1].nodes), direct


def refuse_to_replace(folder: Path, *, force: bool) -> None:
    """Raise, before any work, where a file is there that would be replaced.

    Raises
    ------
    FileExistsError
        If `force` is not set.
    """
    for path in (folder / name for name in (TASKS, PAIRS, MEASURES)):
        if path.exists() and not force:
            raise FileExistsError(f"{path} exists and is left as it is: pass --force to replace it.")


def write(measured: Measured, folder: Path, chosen: Chosen, *, force: bool = False) -> list[Path]:
    """Write the chosen measures as a person's covariates, and all of them into one more table.

    Parameters
    ----------
    measured : Measured
    folder : Path
    chosen : Chosen
        What `tasks.csv` and `similarity.csv` hold: the mean over an experiment's backbones and tunings.
    force : bool
        Replace files that exist.

    Returns
    -------
    list of Path
        The files; a table without a row is not written.

    Raises
    ------
    FileExistsError
        If a file exists and `force` is not set.
    """
    refuse_to_replace(folder, force=force)
    tasks = [(task, _mean(found)) for (task, _), found in measured.of(chosen.difficulty).items()]
    pairs = [
        (*pair, _mean(found), f"{chosen.similarity}; {'; '.join(one.source for one in found)}")
        for pair, found in measured.of(chosen.similarity).items()
    ]
    tables: dict[str, tuple[Sequence[str], Sequence[Sequence[object]]]] = {
        TASKS: (("task", "difficulty"), tasks),
        PAIRS: (("task", "target", "similarity", "source"), pairs),
        MEASURES: ([one.name for one in fields(Measure)], [astuple(one) for one in measured.found]),
    }
    written = {folder / name: table for name, table in tables.items() if table[1]}
    for path, (header, rows) in written.items():
        write_whole(path, _csv(header, rows), force=force)
    return list(written)


def _mean(found: Sequence[Measure]) -> float:
    return float(np.mean([one.value for one in found]))


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value + 0.0:.6f}"
    return str(value)
