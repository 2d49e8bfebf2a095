"""How far long work is: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

PAUSE = 30.0
"""Seconds between two lines where there is no terminal."""


@contextmanager
def progress(what: str, total: int, unit: str) -> Generator[Callable[[int], None]]:
    """Show progress on stderr while the block runs; yield the function that is told how much is done."""
    if not sys.stderr.isatty():
        yield _lines(what, total, unit)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


def _lines(what: str, total: int, unit: str) -> Callable[[int], None]:
    began = said = time.monotonic()
    first = -1

    def tell(done: int) -> None:
        nonlocal said, first
        first = done if first < 0 else first
        now = time.monotonic()
        if now - said < PAUSE and done < total:
            return
        said = now
        each = (now - began) / max(done - first, 1)
        left = f", about {each * (total - done) / 60:.0f} min left" if first < done < total else ""
        print(f"{what}: {done:,} of {total:,} {unit}{left}", file=sys.stderr, flush=True)

    return tell
