"""Where a project keeps what was added to it, and the lock that lets one process change it at a time."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from taskorder import together
from taskorder.claims.proceedings import LEDGER
from taskorder.errors import TaskorderError
from taskorder.inference import store
from taskorder.paths import project

ADDED = "data/added"
_HOLDER = "refit.lock"


@dataclass(frozen=True)
class Project:
    """The folder of a project, laid out as the checkout."""

    root: Path

    @property
    def added(self) -> Path:
        """The folder of the tables that were added."""
        return self.root / ADDED

    @property
    def reports(self) -> Path:
        """The folder of the ledger; changes are staged in it."""
        return self.root / "reports"

    @property
    def ledger(self) -> Path:
        """The ledger of the claims."""
        return self.reports / LEDGER

    def tables(self) -> list[Path]:
        """Return the tables that were added, first to last."""
        return sorted(self.added.glob("*.csv"))


def here() -> Project:
    """Return the project that is worked in.

    Raises
    ------
    TaskorderError
        If the working folder has added tables of its own, which the models would read in place of the
        project's.
    """
    found = Project(project())
    if Path(ADDED).is_dir() and Path(ADDED).resolve() != found.added.resolve():
        raise TaskorderError(
            f"there are two projects: tables are added to {found.added}, but models read those of"
            f" {Path(ADDED).resolve()} first, because you work there. Go to {found.root}, or name the folder"
            f" that you work in with the variable TASKORDER_ROOT"
        )
    return found


@contextmanager
def held(of: Project, say: Callable[[str], None]) -> Generator[None]:
    """Let no other process refit the project meanwhile; one that does is named, and waited for.

    What a process that was ended left half done is taken back first.
    """
    import fcntl

    path = store.home() / _HOLDER
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            say(f"waiting: {file.read().strip() or 'another process'} is refitting this project")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        if together.recovered(of.reports):
            say("what an interrupted process had left half done was taken back")
        yield
