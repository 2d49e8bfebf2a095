"""How far a sweep is: a display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from taskorder.harness.execution.sweep import State
from taskorder.results.sequences import render

PAUSE = 30.0
"""Seconds between two lines where there is no terminal."""


def duration(seconds: float) -> str:
    """Return a span of time as a person says it: `45 s`, `12 min`, `3.5 h`, `2.1 days`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


class Clock:
    """Tells from the tokens of finished trainings how much longer the rest takes."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._began = now()

    def left(self, state: State) -> float | None:
        """Return the seconds left; None while nothing is known."""
        if not state.tokens_left:
            return 0.0
        return (
            (self._now() - self._began) * state.tokens_left / state.tokens_done if state.tokens_done else None
        )


def counts(state: State, left: float | None) -> str:
    """Return the counts of a state as one line."""
    parts = [f"{state.done:,} done", f"{len(state.running):,} running", f"{state.waiting:,} waiting"]
    parts += [f"{state.failed:,} failed"] if state.failed else []
    parts += [f"about {duration(left)} left"] if left and state.running else []
    return ", ".join(parts)


@contextmanager
def watching() -> Generator[tuple[Callable[[State], None], Callable[[str], None]]]:
    """Show a sweep on stderr while the block runs.

    Yields
    ------
    tell : callable
        Takes the state of the sweep.
    say : callable
        Takes a message for the person.
    """
    if sys.stderr.isatty():
        with _display() as functions:
            yield functions
    else:
        yield _lines(Clock()), lambda text: print(text, file=sys.stderr, flush=True)


def _lines(clock: Clock, now: Callable[[], float] = time.monotonic) -> Callable[[State], None]:
    said, last = now() - PAUSE, ""

    def tell(state: State) -> None:
        nonlocal said, last
        over = not state.running and not state.waiting
        line = counts(state, clock.left(state))
        if line != last and (over or now() - said >= PAUSE):
            said, last = now(), line
            print(line, file=sys.stderr, flush=True)

    return tell


@contextmanager
def _display() -> Generator[tuple[Callable[[State], None], Callable[[str], None]]]:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    console, clock = Console(stderr=True), Clock()

    def shown(state: State) -> Group:
        total = state.done + len(state.running) + state.waiting + state.failed
        running = [
            Text(f"  {render(node.steps)}  {node.backbone} {node.tuning} seed {node.seed}", style="dim")
            for node in state.running
        ]
        bar = ProgressBar(total=max(1, total), completed=state.done, width=30)
        line = Table.grid(padding=(0, 1))
        line.add_row(bar, counts(state, clock.left(state)))
        return Group(line, *running)

    with Live(console=console, transient=False, refresh_per_second=4) as live:
        yield (lambda state: live.update(shown(state))), (lambda text: console.print(text, markup=False))
