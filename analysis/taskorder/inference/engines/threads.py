"""Two things at a time: what is compiled, and what LAPACK does, lets other threads run beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import parent_process
from typing import Any

THREADS = 2


def at_once() -> int:
    """Return how many things this process does at a time.

    A process that another one started is one of several that compute, and does one thing at a time.
    """
    return 1 if parent_process() else THREADS


def in_threads[T](function: Callable[..., T], *arguments: Iterable[Any]) -> list[T]:
    """Return what `map(function, *arguments)` gives, in its order."""
    if at_once() == 1:
        return list(map(function, *arguments))
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(function, *arguments))
