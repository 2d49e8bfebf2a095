"""What the package says besides its answers: the logger `taskorder`."""

from __future__ import annotations

import logging
import sys

LOGGER = logging.getLogger("taskorder")


def say(text: str) -> None:
    """Say what takes time: silent until somebody asks."""
    LOGGER.info(text)


def warn(text: str) -> None:
    """Say what a person should know: on stderr, unless logging is set up otherwise."""
    LOGGER.warning(text)


def progress() -> bool:
    """Return whether bars of progress can be seen: on a terminal only."""
    return sys.stderr.isatty()
