"""A report made again from its archive, in another folder, and compared with what was archived."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from taskorder.archive.comparing import Comparison, compare
from taskorder.archive.contents import REPORT, contents
from taskorder.archive.record import METADATA
from taskorder.archive.unpacking import unpack
from taskorder.claims.proceedings import proceed
from taskorder.files import write_whole
from taskorder.paths import rooted
from taskorder.reporting.making import make_report

ARCHIVED, REBUILT, COMPARISON = "archived", "rebuilt", "comparison.csv"


def rebuild(
    crate: Path,
    folder: Path,
    *,
    force: bool = False,
    progress: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Make a report again from nothing but the inputs in an archive, and compare.

    Every model is fitted to the archived tables, with the archived engine, seed and number of draws; no
    archived result is read but to be compared.

    Parameters
    ----------
    crate : Path
        An archive: a zip or a folder.
    folder : Path
        To be made: `archived/` holds the archive, `rebuilt/` its inputs and what was made of them,
        `comparison.csv` one row a file.
    force : bool
        Replace what was rebuilt there before.
    progress : bool
        Whether to show progress bars.
    say : callable
        Is told what takes time before it is done.

    Raises
    ------
    FileExistsError
        If the folder holds something, and `force` is not set or nothing was rebuilt there.
    InvalidArchive
        As `unpack` says; then nothing is fitted.
    """
    _make_way(folder, force=force)
    say(f"unpacking {crate}")
    archived, rebuilt = folder / ARCHIVED, folder / REBUILT
    record = unpack(crate, archived)
    for entry in record.entries:
        if entry.role == "input":
            (rebuilt / entry.path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(archived / entry.path, rebuilt / entry.path)
    settings = replace(record.settings(), progress=progress)
    with rooted(rebuilt):
        make_report(Path(REPORT), settings, force=False, say=say)
        items = contents(Path(REPORT), proceed(settings, say=say))
    found = compare(record, archived, items)
    write_whole(folder / COMPARISON, found.table().to_csv(index=False, lineterminator="\n"), force=True)
    return found


def _make_way(folder: Path, *, force: bool) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not force:
        raise FileExistsError(
            f"{folder} exists and is left as it is: name another folder with -o, or pass --force to replace"
            f" what was rebuilt there"
        )
    if not (folder / ARCHIVED / METADATA).is_file():
        raise FileExistsError(
            f"{folder} is left as it is, even with --force: nothing was rebuilt there before"
        )
    shutil.rmtree(folder)
