"""Jobs on a Dask cluster: the nodes' folder must be one that every worker sees."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from taskorder.errors import MissingData, TaskorderError
from taskorder.harness.execution.jobs import Job, Outcome, perform

CONNECTING = 30.0
"""Seconds that a scheduler has to answer."""
ARRIVING = 120.0
"""Seconds that its first worker has to come."""
NO_DASHBOARD = "127.0.0.1:0"
"""Dask serves HTTP even so: on a free port, for on a fixed one a second sweep would be in its way."""


class Cluster:
    """A Dask cluster.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``tcp://host:8786``; ``local`` starts processes on this machine.
    folder : Path
        Of the store.
    workers : int
        Processes of a local cluster.
    gpus : int
        Above 0: a job needs the resource ``GPU`` of a worker, of which each has one or more
        (``dask worker --resources GPU=1``; those of a local cluster have one each).

    Raises
    ------
    MissingData
        If Dask is not installed.
    TaskorderError
        If the scheduler does not answer or has no workers, or these have several threads, no GPU where one is
        needed, or do not see the folder.
    """

    def __init__(self, address: str, folder: Path, workers: int = 1, gpus: int = 0) -> None:
        try:
            import distributed as dask
        except ModuleNotFoundError:
            raise MissingData(
                "--dask needs Dask, which is not installed: pip install 'taskorder[cluster]'"
            ) from None
        distributed: Any = dask
        self._dask = distributed
        self._resources = {"GPU": 1} if gpus else None
        self._cluster: Any = None
        if address == "local":
            self._cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=NO_DASHBOARD,
                scheduler_kwargs={"dashboard": False},
                resources=self._resources,
            )
        try:
            self._client: Any = distributed.Client(self._cluster or address, timeout=CONNECTING)
        except (OSError, ValueError) as error:
            raise TaskorderError(
                f"no Dask scheduler answers at {address!r}: {error}. Start one with `dask scheduler`, and"
                " workers with `dask worker ADDRESS --nthreads 1`, or write --dask local."
            ) from None
        self._jobs: dict[Any, str] = {}
        try:
            self._check(folder)
        except BaseException:
            self.close()
            raise

    @property
    def slots(self) -> int:
        """How many jobs the workers can do now; a cluster may grow and shrink."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return max(1, sum(self._places(worker) for worker in workers))

    def start(self, job: Job) -> None:
        """Hand a job to the scheduler."""
        future = self._client.submit(
            perform, job, key=f"{job.node.id}-{secrets.token_hex(4)}", pure=False, resources=self._resources
        )
        self._jobs[future] = job.node.id

    def finished(self, timeout: float) -> Sequence[Outcome]:
        """Wait for answers; a job whose workers died too often for Dask has died."""
        try:
            done = self._dask.wait(list(self._jobs), timeout=timeout, return_when="FIRST_COMPLETED").done
        except (TimeoutError, self._dask.TimeoutError):
            return []
        return [_outcome(self._jobs.pop(future), future) for future in done]

    def close(self) -> None:
        """Cancel what has not begun, and leave the cluster; a local one ends, by force where it is slow."""
        with self._dask.utils.silence_logging_cmgr(logging.ERROR):
            self._client.cancel(list(self._jobs), force=True)
            self._jobs.clear()
            self._client.close()
            if self._cluster is not None:
                self._cluster.close()

    def _places(self, worker: Any) -> int:
        return int(worker["resources"].get("GPU", 0)) if self._resources else int(worker["nthreads"])

    def _check(self, folder: Path) -> None:
        try:
            self._client.wait_for_workers(1, timeout=ARRIVING)
        except (TimeoutError, self._dask.TimeoutError):
            raise TaskorderError(
                f"the Dask scheduler has had no worker for {ARRIVING:g} seconds. Start some with `dask worker"
                " ADDRESS --nthreads 1`; where they wait in a queue, run again when the first has begun."
            ) from None
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        for name, worker in workers.items():
            if int(worker["nthreads"]) > 1:
                raise TaskorderError(
                    f"the Dask worker {name} has {worker['nthreads']} threads, but trainings in one process"
                    " would share their random numbers: start workers with --nthreads 1, and more of them."
                )
        if self._resources and not any(self._places(worker) for worker in workers.values()):
            raise TaskorderError(
                "no worker of the Dask cluster has a GPU: start them with --resources GPU=1, or leave --gpus"
                " out."
            )
        mark = folder / f".seen-{secrets.token_hex(8)}"
        mark.touch()
        try:
            blind = [name for name, seen in self._client.run(mark.exists).items() if not seen]
        finally:
            mark.unlink()
        if blind:
            raise TaskorderError(
                f"the Dask worker {blind[0]} does not see {folder}: choose a folder on a file system that all"
                " workers share, with -o."
            )


def _outcome(name: str, future: Any) -> Outcome:
    if future.status == "finished":
        return future.result()
    return Outcome(name, "died", f"Dask gave it up: {future.exception()!r}")
