"""What a person asks for, refused before any work where it cannot be had."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, get_args

from taskorder.errors import TaskorderError, nearest
from taskorder.interface.saying import progress

if TYPE_CHECKING:
    from taskorder.inference.fitting import Engine
    from taskorder.inference.session import Settings

LEAST_DRAWS = 400


def settings(seed: int, draws: int, engine: Engine = "auto") -> Settings:
    """Return how a model is fitted.

    Raises
    ------
    TaskorderError
        If there is no such engine, or seed or draws are too few.
    """
    from taskorder.inference.fitting import Engine
    from taskorder.inference.session import Settings

    refuse_other("engine", engine, get_args(Engine.__value__))
    refuse_less("seed", seed, 0)
    refuse_less("draws", draws, LEAST_DRAWS)
    return Settings(engine, seed, draws, progress())


def refuse_other(name: str, value: str, allowed: Collection[str]) -> None:
    """Raise TaskorderError where an argument is none of those that are allowed."""
    if value not in allowed:
        raise TaskorderError(
            f"{name} = {value!r}: allowed: {', '.join(map(repr, allowed))}.{nearest(str(value), allowed)}"
        )


def refuse_less(name: str, value: int, least: int) -> None:
    """Raise TaskorderError where a number is less than the least that is allowed."""
    if value < least:
        raise TaskorderError(f"{name} = {value}: name at least {least:,}")
