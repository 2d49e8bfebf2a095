"""Loops over entries, compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from numba import njit


def compiled[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function to one that other threads may run beside, and keep it where anything can be kept."""
    try:
        return cast("Callable[P, R]", njit(nogil=True, cache=True)(function))
    except RuntimeError:
        return cast("Callable[P, R]", njit(nogil=True)(function))
