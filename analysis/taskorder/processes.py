"""Processes that compute beside this one."""

from __future__ import annotations

import signal
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

WORKERS = 2
"""So many compute at the same time, where no other number is asked for."""


@contextmanager
def processes(workers: int) -> Generator[ProcessPoolExecutor]:
    """Give processes that start afresh, on every system alike.

    What waits for them is dropped when the block is left early; an interrupt ends them without a word.
    """
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_quiet)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _quiet() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
