"""An experiment's plan and its cost, for a person who has not yet decided to run it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rich.console import RenderableType

from taskorder.harness.execution.agenda import agenda
from taskorder.harness.execution.running import WORK, places
from taskorder.harness.experiments.experiment import read_experiment
from taskorder.harness.preview.cost import cost
from taskorder.harness.preview.drawing import drawn, told
from taskorder.harness.tree.nodes import Store
from taskorder.harness.tree.plan import plan
from taskorder.harness.tree.work import load


def planned(
    file: Path, output: Path | None, say: Callable[[str], None], work: str = WORK
) -> tuple[RenderableType, str]:
    """Return the tree of an experiment's plan, and what it costs in words; nothing is changed.

    Parameters
    ----------
    file : Path
        The experiment file.
    output : Path or None
        The folder of its nodes, where it is not the usual one.
    say : callable
        Is told of damage to what has been trained already.
    work : str
        Dotted name of the module that would do the work.
    """
    experiment, module = read_experiment(file), load(work)
    wanted, store = plan(experiment, module), Store(places(experiment, output).folder)
    left = agenda(wanted, store, say, mend=False)
    found = cost(wanted, left, store, experiment, lambda name: module.parameters(name, experiment))
    return drawn(wanted, left), told(found, len(experiment.seeds))
