"""Run one contender in a process of its own, with nothing compiled beforehand, and measure the process.

This module loads nothing large: on Linux a process starts with the peak memory of the one that started it.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

POLL = 0.01
"""Seconds between two looks at whether a process has ended."""


@dataclass(frozen=True)
class Measured:
    """What a process took.

    Attributes
    ----------
    seconds : float
        From its start to its end.
    memory : float
        Peak of the largest process of it, in MiB.
    status : int or None
        Its exit status; None where it was ended at the limit.
    errors : str
        The end of what it wrote to stderr.
    """

    seconds: float
    memory: float
    status: int | None
    errors: str


def environment(cache: str) -> dict[str, str]:
    """Return this process' environment with an empty compile cache and one BLAS thread."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    caches = {"PYTENSOR_FLAGS": f"base_compiledir={cache}", "NUMBA_CACHE_DIR": cache}
    return {**os.environ, **caches, **dict.fromkeys(threads, "1")}


def measure(command: Sequence[str], limit: float) -> Measured:
    """Run a command and wait for it.

    Parameters
    ----------
    command : sequence of str
    limit : float
        Seconds after which it is ended, with all processes that it started.
    """
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=environment(cache),
            start_new_session=True,
        )
        status: int | None = None
        while True:
            ended, code, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                status = os.waitstatus_to_exitcode(code)
                break
            if time.perf_counter() - began > limit:
                os.killpg(process.pid, signal.SIGKILL)
                _, _, usage = os.wait4(process.pid, 0)
                break
            time.sleep(POLL)
        process.returncode = -signal.SIGKILL if status is None else status
        seconds = time.perf_counter() - began
        errors.seek(0)
        text = errors.read().decode(errors="replace")[-2000:]
    return Measured(seconds, _mebibytes(usage.ru_maxrss), status, text)


def _mebibytes(maxrss: int) -> float:
    return maxrss / 2**20 if sys.platform == "darwin" else maxrss / 2**10


def run(command: Sequence[str | Path]) -> None:
    """Run a helper that is not timed; CalledProcessError where it fails."""
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
