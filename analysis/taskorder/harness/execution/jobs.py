"""One node's work, as a value that goes to whichever process does it, and what comes back."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from taskorder.errors import TaskorderError
from taskorder.harness.experiments.experiment import Experiment
from taskorder.harness.sealed import Damaged
from taskorder.harness.tree.nodes import Store
from taskorder.harness.tree.plan import Evaluation, Node
from taskorder.harness.tree.work import Work, load

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Errors of a disk, quota or file size that is used up."""
FULL_WORDS = ("No space left on device", "Disk quota exceeded", "File too large", "requested and")
"""How libraries say so that raise no error of the operating system: safetensors, and NumPy (so many bytes
"requested and" fewer written)."""


@dataclass(frozen=True)
class Job:
    """What is to be done about a node.

    Attributes
    ----------
    node : Node
    experiment : Experiment
    work : str
        Dotted name of the module that does it.
    folder : Path
        Of the store.
    train : bool
        Whether the node has to be trained before it is scored.
    keys : mapping of Evaluation to str
        Those of the node's evaluations; what has no scores yet is scored.
    tokens : int
        About how many it is trained on.
    """

    node: Node
    experiment: Experiment
    work: str
    folder: Path
    train: bool
    keys: Mapping[Evaluation, str]
    tokens: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job.

    Attributes
    ----------
    id : str
        Of the node.
    status : {"done", "failed", "full", "died"}
        `full`: the disk is; `died`: the process ended without an answer.
    message : str
        What the person has to know; of a failure, what went wrong.
    details : str
        The traceback of an error that taskorder did not foresee.
    """

    id: str
    status: Literal["done", "failed", "full", "died"]
    message: str = ""
    details: str = ""


class Executor(Protocol):
    """Does jobs, some of them at the same time."""

    @property
    def slots(self) -> int:
        """How many jobs it can do at the same time."""
        ...

    def start(self, job: Job) -> None:
        """Take a job on; no more than there are slots."""
        ...

    def finished(self, timeout: float) -> Sequence[Outcome]:
        """Wait for jobs, at most so many seconds, and return what has come of them."""
        ...

    def close(self) -> None:
        """Give all jobs up, and free what they hold."""
        ...


class InProcess:
    """Does one job after the other, here."""

    slots = 1

    def __init__(self) -> None:
        self._jobs: list[Job] = []

    def start(self, job: Job) -> None:
        """Take a job on."""
        self._jobs.append(job)

    def finished(self, timeout: float) -> Sequence[Outcome]:  # noqa: ARG002 (it cannot look at a clock)
        """Do the job."""
        return [perform(self._jobs.pop())] if self._jobs else []

    def close(self) -> None:
        """Forget the job."""
        self._jobs.clear()


def perform(job: Job) -> Outcome:
    """Train and score a node as its job says, and never raise an `Exception`."""
    store, work = Store(job.folder), load(job.work)
    try:
        notes = [_trained(job, store, work)] if job.train else []
        _score(job, store, work)
    except Exception as error:
        return _failure(job.node.id, error)
    return Outcome(job.node.id, "done", "\n".join(filter(None, notes)))


def _trained(job: Job, store: Store, work: Work) -> str:
    node = job.node
    before = None
    if store.path(node.id).is_dir():
        try:
            before = store.record(node.id, weights=False)
        except Damaged:
            store.remove(node.id)
    parent = None
    if node.parent:
        parent = store.path(node.parent)
        if store.record(node.parent, weights=True) is None:
            raise Damaged(f"{parent} lost its weights while they were needed: run again")

    told: list[str] = []

    def make(folder: Path) -> None:
        told.append(work.train(node, job.experiment, parent, folder))

    after = store.add(node, make, tokens=job.tokens, versions=work.versions())
    if before is None or before.weights() == after.weights():
        return "".join(f"{node.id}: {note}" for note in told if note)
    return (
        f"{node.id} was trained again and its weights differ from those of the first time"
        f" ({_versions(before.versions)}; now {_versions(after.versions)}): it is scored anew, while what was"
        " trained from the earlier weights stays."
    )


def _versions(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))


def _score(job: Job, store: Store, work: Work) -> None:
    node, known = job.node, store.scores(job.node.id)
    missing = {one: key for one, key in job.keys.items() if key not in known}
    if not missing:
        return
    scores: dict[str, list[dict[str, Any]]] = {key: [] for key in missing.values()}
    for row in work.score(node, job.experiment, store.path(node.id), tuple(missing)):
        one = Evaluation(row["task"], row["language"], row["perturbation"], row["severity"])
        scores[missing[one]].append(dict(row))
    if silent := [one for one, key in missing.items() if not scores[key]]:
        raise TaskorderError(f"no score came of {silent[0].task} in {silent[0].language!r}")
    store.add_scores(node.id, scores)


def _failure(name: str, error: Exception) -> Outcome:
    if isinstance(error, OSError) and error.errno in FULL:
        return Outcome(name, "full", str(error))
    if any(words in str(error) for words in FULL_WORDS):
        return Outcome(name, "full", str(error))
    if isinstance(error, TaskorderError | Damaged):
        return Outcome(name, "failed", str(error))
    lines = "".join(traceback.format_exception(error))
    return Outcome(name, "failed", f"{type(error).__name__}: {error}", lines)
