"""Several files changed as one: all of them or none, whatever happens in between.

The new files are staged beside copies of those that they replace, in a folder that then gets the name
`PENDING`; only now are they put in their places. When all are, the folder loses that name again, and the
change is made. A process that ends earlier leaves the folder behind: whoever comes next (`alone`) puts back
what was there before, which may be interrupted and begun again as often as it takes.

Reference: Gray & Reuter (1993), Transaction Processing, chapter 10, on logs for undoing.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

PENDING = ".pending"
"""A change that is being made, or was not made to its end."""
_STAGED, _DONE = ".staged-", ".done-"
_JOURNAL = "journal.json"


@contextmanager
def alone(folder: Path) -> Generator[bool]:
    """Keep other processes that ask likewise waiting meanwhile (flock(2); its end ends it, too).

    What a process left half done is taken back first.

    Parameters
    ----------
    folder : Path
        Where the changes are staged; made where it is missing.

    Yields
    ------
    bool
        Whether there was such a thing.
    """
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield _take_back(folder)
    finally:
        os.close(opened)


def recovered(folder: Path) -> bool:
    """Take back what a process that was ended left half done; say whether there was such a thing."""
    if not (folder / PENDING).exists():
        return False
    with alone(folder) as found:
        return found


def change(folder: Path, files: Mapping[Path, bytes | None]) -> None:
    """Change files, all of them or none. The caller keeps others out (`alone`).

    Parameters
    ----------
    folder : Path
        As for `alone`, on the file system of the files.
    files : mapping
        What each file is to hold; None where it is to be removed.
    """
    staged = folder / f"{_STAGED}{secrets.token_hex(4)}"
    try:
        _stage(folder, staged, files)
        staged.replace(folder / PENDING)
        for place, (path, content) in enumerate(files.items()):
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                (folder / PENDING / f"{place}.after").replace(path)
        (folder / PENDING).replace(done := folder / f"{_DONE}{secrets.token_hex(4)}")
    except BaseException:
        _take_back(folder)
        raise
    shutil.rmtree(done, ignore_errors=True)


def _stage(folder: Path, staged: Path, files: Mapping[Path, bytes | None]) -> None:
    staged.mkdir()
    journal: list[dict[str, object]] = []
    for place, (path, content) in enumerate(files.items()):
        if path.exists():
            _write(staged / f"{place}.before", path.read_bytes())
        if content is not None:
            _write(staged / f"{place}.after", content)
        made = [one for one in path.parents if not one.exists()]
        journal.append(
            {
                "path": os.path.relpath(path, folder),
                "existed": path.exists(),
                "folders": [os.path.relpath(one, folder) for one in made],
            }
        )
    _write(staged / _JOURNAL, json.dumps(journal).encode())


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _take_back(folder: Path) -> bool:
    """Put back what was there before a change that was not made to its end, if any; sweep the remains."""
    pending = folder / PENDING
    if found := pending.is_dir():
        journal = json.loads((pending / _JOURNAL).read_text("utf-8"))
        for place, entry in enumerate(journal):
            path = folder / entry["path"]
            if entry["existed"]:
                again = pending / f"{place}.again"
                shutil.copyfile(pending / f"{place}.before", again)
                again.replace(path)
            else:
                path.unlink(missing_ok=True)
            for made in entry["folders"]:
                _remove_empty(folder / made)
        pending.replace(folder / f"{_DONE}{secrets.token_hex(4)}")
    for remains in (*folder.glob(f"{_STAGED}*"), *folder.glob(f"{_DONE}*")):
        shutil.rmtree(remains, ignore_errors=True)
    return found


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
