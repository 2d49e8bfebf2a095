"""One run at a time in one folder."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from taskorder.errors import TaskorderError

LOCK = "lock"


class FolderInUse(TaskorderError):
    """Another run works in the same folder."""


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Hold the lock of a folder; the operating system gives it back however this process ends.

    Raises
    ------
    FolderInUse
        If another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise FolderInUse(
                f"{folder} is in use by {holder}: wait until it has ended, or choose another folder with -o."
                " What it finishes need not be trained again."
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield
