"""The report: made, archived, and made again from its archive."""

from __future__ import annotations

from pathlib import Path

from taskorder.archive import packing
from taskorder.archive import rebuild as rebuilt
from taskorder.archive.comparing import Comparison
from taskorder.claims.proceedings import proceed
from taskorder.inference.fitting import DRAWS, SEED
from taskorder.interface.asking import settings
from taskorder.interface.saying import progress, say
from taskorder.reporting.making import Made, make_report


def report(
    output: str | Path = "report.pdf",
    *,
    archive: str | Path | None = None,
    seed: int = SEED,
    draws: int = DRAWS,
    force: bool = False,
) -> Made:
    """Set everything into one PDF: every shipped model fitted, every registered claim judged.

    Parameters
    ----------
    output : str or Path
        The PDF.
    archive : str or Path, optional
        Also write all that it is made from: a file that ends in .zip, or a folder.
    seed, draws : int
        Of every fit, as for `taskorder.fit`.
    force : bool
        Replace files that exist.

    Returns
    -------
    Made
        The `report` (path, SHA-256, pages), and the models whose fit `failed` its diagnostics.

    Raises
    ------
    FileExistsError
        If a file exists and `force` is not set; before anything is computed.
    """
    asked, pdf = settings(seed, draws), Path(output)
    if archive is not None:
        packing.refuse_to_replace(Path(archive), force=force)
    made = make_report(pdf, asked, force=force, say=say)
    if archive is not None:
        packing.archive(pdf, proceed(asked, say=say), asked, Path(archive), force=force)
    return made


def rebuild(archive: str | Path, folder: str | Path = "rebuilt", *, force: bool = False) -> Comparison:
    """Make an archived report again in another folder, and compare every file.

    Parameters
    ----------
    archive : str or Path
        As `taskorder.report` wrote it.
    folder : str or Path
    force : bool
        Replace the folder's files.

    Returns
    -------
    Comparison
        `ok`, and `text()` with a line for each file that differs.
    """
    return rebuilt(Path(archive), Path(folder), force=force, progress=progress(), say=say)
