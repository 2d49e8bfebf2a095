"""Where a long computation says what it does: the logger `taskorder`, which is silent until it is asked."""

from __future__ import annotations

import logging
import sys

LOGGER = logging.getLogger("taskorder")


def say(text: str) -> None:
    """Say what takes time, or what a person should know."""
    LOGGER.info(text)


def progress() -> bool:
    """Return whether bars of progress can be seen: on a terminal only."""
    return sys.stderr.isatty()
