"""Jobs in processes of this machine; one that dies takes no other with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from taskorder.errors import TaskorderError
from taskorder.harness.execution.jobs import Job, Outcome, perform

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
VISIBLE = "CUDA_VISIBLE_DEVICES"
PATIENCE = 5.0
"""Seconds that a process has to end when it is told to."""


@dataclass
class _Worker:
    process: BaseProcess
    channel: Connection
    number: int
    job: str = ""


class Processes:
    """Processes that each do one job at a time.

    Parameters
    ----------
    count : int
        How many.
    gpus : int
        Each process sees one of so many GPUs, the first of those that this one may see; 0: all of these.

    Raises
    ------
    TaskorderError
        If CUDA_VISIBLE_DEVICES names fewer.
    """

    def __init__(self, count: int, gpus: int = 0) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._gpus = _visible(gpus)
        self._workers = [self._hired(number) for number in range(count)]

    @property
    def slots(self) -> int:
        """How many jobs run at the same time."""
        return len(self._workers)

    def start(self, job: Job) -> None:
        """Give a job to a process that has none."""
        worker = next(worker for worker in self._workers if not worker.job)
        worker.job = job.node.id
        try:
            worker.channel.send(job)
        except (BrokenPipeError, ConnectionError):
            return  # `finished` finds the process dead

    def finished(self, timeout: float) -> Sequence[Outcome]:
        """Wait for answers, or for the end of a process that owes one; it is replaced."""
        busy = [worker for worker in self._workers if worker.job]
        ready = wait([w.channel for w in busy] + [w.process.sentinel for w in busy], timeout)
        outcomes: list[Outcome] = []
        for worker in busy:
            if worker.channel in ready or worker.process.sentinel in ready:
                outcomes.append(self._answer(worker))
                worker.job = ""
        return outcomes

    def _answer(self, worker: _Worker) -> Outcome:
        try:
            if worker.channel.poll():
                return worker.channel.recv()
        except (EOFError, ConnectionError):
            pass
        worker.process.join(PATIENCE)
        code = worker.process.exitcode
        _dismiss(worker)
        self._workers[worker.number] = self._hired(worker.number)
        return Outcome(worker.job, "died", _cause(code))

    def close(self) -> None:
        """End all processes."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            _dismiss(worker)
        self._workers = []

    def _hired(self, number: int) -> _Worker:
        ours, theirs = self._context.Pipe()
        gpu = self._gpus[number % len(self._gpus)] if self._gpus else ""
        process = self._context.Process(target=_serve, args=(theirs, gpu), name=f"taskorder-{number}")
        process.start()
        theirs.close()
        return _Worker(process, ours, number)


def _visible(count: int) -> list[str]:
    """Return the names of so many GPUs, among those that a scheduler may have given to this process."""
    named = os.environ.get(VISIBLE)
    given = [str(i) for i in range(count)] if named is None else [gpu for gpu in named.split(",") if gpu]
    if len(given) < count:
        raise TaskorderError(f"--gpus {count}, but {VISIBLE} = {named!r} gives this run {len(given)}.")
    return given[:count]


def _dismiss(worker: _Worker) -> None:
    worker.process.join(PATIENCE)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()
    worker.channel.close()


def _cause(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"its process was ended by {name}" + (": out of memory, perhaps" if name == "SIGKILL" else "")
    return f"its process ended with exit status {code}"


def _serve(channel: Connection, gpu: str) -> None:
    """Do jobs as they come, until the parent closes the channel or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(dict.fromkeys(THREADS, "1"))
    if gpu:
        os.environ[VISIBLE] = gpu
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            job: Job = channel.recv()
        except EOFError:
            return
        channel.send(perform(job))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
