"""Experiments: what would be trained, training it, and what can be measured of it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console

from taskorder.errors import training_libraries
from taskorder.interface import showing
from taskorder.interface.saying import say
from taskorder.results.reading import ResultTable, read

_WIDTH = 110


@dataclass(frozen=True, repr=False)
class Planned:
    """What an experiment would train.

    Attributes
    ----------
    tree : str
        The stages, as a tree; sequences that begin alike share them.
    costs : str
        What is done of it, and what the rest costs.
    """

    tree: str
    costs: str

    def __repr__(self) -> str:
        return f"{self.tree}\n{self.costs}"

    def _repr_html_(self) -> str:
        return showing.printed(str(self))


@training_libraries()
def plan(experiment: str | Path, output: str | Path | None = None) -> Planned:
    """Show what an experiment would train, what is done of it, and what the rest costs.

    Parameters
    ----------
    experiment : str or Path
        An experiment file.
    output : str or Path, optional
        The folder that `taskorder.run` is given.

    Returns
    -------
    Planned
    """
    from taskorder.harness.preview.preview import planned

    tree, costs = planned(Path(experiment), _path(output), say)
    drawn = io.StringIO()
    Console(file=drawn, width=_WIDTH, color_system=None, force_jupyter=False, force_terminal=False).print(
        tree
    )
    return Planned(drawn.getvalue().rstrip(), costs)


@training_libraries()
def run(
    experiment: str | Path,
    output: str | Path | None = None,
    *,
    workers: int | None = None,
    gpus: int = 0,
    dask: str = "",
    force: bool = False,
) -> ResultTable:
    """Train and score what is missing of an experiment, and write its table; it may be stopped at any time.

    Parameters
    ----------
    experiment : str or Path
        An experiment file.
    output : str or Path, optional
        Where results.csv and checkpoints go; else the table goes beside the experiment file.
    workers : int, optional
        Processes that train at the same time; else one, or one a GPU.
    gpus : int
        Every worker takes one for itself.
    dask : str
        Train on a Dask cluster: the scheduler's address, or ``"local"``.
    force : bool
        Replace a table that did not come from this folder.

    Returns
    -------
    ResultTable
        The results, ready for `taskorder.fit`.
    """
    from taskorder.harness.execution import running
    from taskorder.harness.experiments.experiment import read_experiment

    spec = read_experiment(Path(experiment))
    means = running.Means(workers or max(1, gpus), gpus, dask)
    done = running.run(spec, running.places(spec, _path(output)), means, force=force)
    say(f"{done.trained} nodes trained, {done.scored} scored; {done.table}")
    return read(done.table)


@training_libraries()
def export(
    experiment: str | Path,
    sequence: str,
    folder: str | Path,
    *,
    backbone: str = "",
    tuning: str = "",
    seed: int | None = None,
    output: str | Path | None = None,
) -> Path:
    """Write a trained encoder as a folder of transformers.

    Parameters
    ----------
    experiment : str or Path
        An experiment file.
    sequence : str
        Up to the stage whose encoder is wanted, such as ``"mlm[mul]"``.
    folder : str or Path
        The folder to make.
    backbone, tuning : str
        Which, where there are several.
    seed : int, optional
        Which, where there are several.
    output : str or Path, optional
        The folder that `taskorder.run` was given.

    Returns
    -------
    Path
        The folder.
    """
    from taskorder.harness.execution import exporting
    from taskorder.harness.experiments.experiment import read_experiment

    wanted = exporting.Wanted(sequence, backbone, tuning, seed)
    exporting.export(read_experiment(Path(experiment)), wanted, Path(folder), _path(output))
    return Path(folder)


@training_libraries()
def measure(experiment: str | Path, output: str | Path | None = None, *, seed: int = 0) -> pd.DataFrame:
    """Measure how difficult an experiment's tasks are, and how similar to its targets.

    Parameters
    ----------
    experiment : str or Path
        An experiment file that has been run.
    output : str or Path, optional
        The folder that `taskorder.run` was given.
    seed : int
        For the examples that are drawn.

    Returns
    -------
    DataFrame
        One row a measure of a task, or of a task and a target. `taskorder measure` writes it, and the tables
        of tasks and similarities that `taskorder.fit` takes.
    """
    from taskorder.harness.experiments.experiment import read_experiment
    from taskorder.harness.measuring import measured as measuring

    asked = read_experiment(Path(experiment))
    found = measuring.measure(asked, *measuring.trained(asked, _path(output)), seed=seed)
    for note in found.notes:
        say(note)
    return pd.DataFrame(found.found)


def _path(text: str | Path | None) -> Path | None:
    return None if text is None else Path(text)
