"""An experiment from its file to its table."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from taskorder.errors import TaskorderError
from taskorder.harness.execution import collecting
from taskorder.harness.execution.agenda import agenda
from taskorder.harness.execution.jobs import FULL, Executor, InProcess, Job
from taskorder.harness.execution.locking import locked
from taskorder.harness.execution.progress import watching
from taskorder.harness.execution.sweep import Sweep
from taskorder.harness.experiments.experiment import Experiment, checkout
from taskorder.harness.tree.nodes import Store
from taskorder.harness.tree.plan import Node, Plan, plan
from taskorder.harness.tree.work import load

WORK = "taskorder.harness.stages.work"
"""The module that trains and scores."""
TABLE = "results.csv"


class DiskFull(TaskorderError):
    """There is no room for what a run writes beside the nodes."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a run puts what it makes: `table`, and the nodes under `folder`."""

    folder: Path
    table: Path


@dataclass(frozen=True, slots=True)
class Means:
    """How the jobs are done.

    Attributes
    ----------
    workers : int
        Processes; 1 is this one (with `dask` = local: processes of the cluster).
    gpus : int
        GPUs; above 0 every worker has one to itself.
    dask : str
        Address of a Dask scheduler, or ``local``; empty for none.
    """

    workers: int = 1
    gpus: int = 0
    dask: str = ""

    def executor(self, folder: Path) -> Executor:
        """Start what does the jobs."""
        if self.dask:
            from taskorder.harness.execution.cluster import Cluster

            return Cluster(self.dask, folder, self.workers, self.gpus)
        if self.workers > 1:
            from taskorder.harness.execution.processes import Processes

            return Processes(self.workers, self.gpus)
        return InProcess()


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did.

    Attributes
    ----------
    plan : Plan
    trained, scored : int
        Nodes that had to be.
    table : Path
    written : bool
        False where the table was there already, to the byte.
    """

    plan: Plan
    trained: int
    scored: int
    table: Path
    written: bool


def places(experiment: Experiment, output: Path | None = None) -> Places:
    """Return where things go: beside the file and in the checkout's models/encoders, or all in `output`."""
    if output is not None:
        return Places(output.resolve(), output.resolve() / TABLE)
    root = checkout(experiment.folder)
    folder = experiment.folder / ".taskorder" if root is None else root / "models" / "encoders"
    return Places(folder, experiment.folder / TABLE)


def run(
    experiment: Experiment,
    where: Places,
    means: Means | None = None,
    *,
    work: str = WORK,
    force: bool = False,
) -> Done:
    """Train and score all that is missing, and write the table.

    Parameters
    ----------
    experiment : Experiment
    where : Places
    means : Means, optional
        In this process, one node after the other, unless it says otherwise.
    work : str
        Dotted name of the module that does the work (see `taskorder.harness.tree.work`).
    force : bool
        Replace a table that was not written from this folder.

    Returns
    -------
    Done

    Raises
    ------
    InvalidExperiment, InvalidTask, MissingData
        Before anything is trained, if the experiment cannot be done.
    FolderInUse
        If another run works in the folder.
    DiskFull
        If there is no room for the table or the lock.
    SweepFailed
        If nodes failed; all others are done and kept.
    """
    module, store = load(work), Store(where.folder)
    with room(where), locked(where.folder), watching() as (tell, say):
        say("Reading tasks and backbones, to see that all is there.")
        module.check(experiment)
        wanted = plan(experiment, module)
        store.clean()
        todo = agenda(wanted, store, say, mend=True)

        def job(node: Node) -> Job:
            keys = {one: wanted.keys[one] for one in node.evaluations}
            train = node.id in todo.train
            return Job(node, experiment, work, where.folder, train, keys, wanted.tokens[node.id])

        sweep = Sweep(wanted, todo, store, experiment.keep, job, say, tell)
        executor = (means or Means()).executor(where.folder)
        try:
            sweep.run(executor)
        finally:
            executor.close()
            store.clean()
        text = collecting.table(wanted, store, experiment)
        written = collecting.write(where.table, text, store, say, force=force)
    return Done(wanted, len(todo.train), len(todo.score), where.table, written)


@contextmanager
def room(where: Places) -> Generator[None]:
    """Say of a disk without room which one it is, and that nothing is lost."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        folders = " and ".join(dict.fromkeys((str(where.folder), str(where.table.parent))))
        raise DiskFull(
            f"The disk is full: {error}. All nodes that are done are kept. Free space under {folders}, and"
            " run again: only what is missing is done."
        ) from None
