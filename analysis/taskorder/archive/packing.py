"""An archive is written: a folder, or a zip whose bytes depend on nothing but what it holds."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from taskorder import __version__
from taskorder.archive import means
from taskorder.archive.contents import Item, contents
from taskorder.archive.record import METADATA, Entry, Record
from taskorder.claims.proceedings import Proceedings
from taskorder.errors import TaskorderError
from taskorder.files import replacing, replacing_folder, sha256, sha256_text
from taskorder.inference import store
from taskorder.inference.session import Settings

ZIP = ".zip"
_OTHERS = frozenset({".7z", ".bz2", ".gz", ".rar", ".tar", ".tgz", ".xz", ".zst"})
EPOCH_VARIABLE = "SOURCE_DATE_EPOCH"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first date that a zip can hold: no file's own date is kept."""
_PACKED = frozenset({".nc", ".npz", ".pdf"})
"""What holds compressed data already."""


@dataclass(frozen=True)
class Archive:
    """An archive that was written.

    Attributes
    ----------
    path : Path
    sha256 : str
        Of the zip; of a folder's record, which holds the digests of all its other files.
    files, size : int
        How many there are beside the record, and their bytes in all.
    """

    path: Path
    sha256: str
    files: int
    size: int


def refuse_to_replace(path: Path, *, force: bool) -> None:
    """Refuse a place where no archive can be written.

    Raises
    ------
    FileExistsError
        If there is something, and `force` is not set or it is no archive.
    TaskorderError
        If the name is that of another format.
    """
    if path.suffix.lower() in _OTHERS:
        raise TaskorderError(f"{path}: an archive is a folder, or a file that ends in {ZIP}")
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not force:
        raise FileExistsError(f"{path} exists and is left as it is: pass --force to replace it.")
    if (path.suffix.lower() == ZIP) != path.is_file() or (path.is_dir() and not (path / METADATA).exists()):
        raise FileExistsError(f"{path} is no archive and is left as it is, even with --force: remove it.")


def archive(
    report: Path, done: Proceedings, settings: Settings, path: Path, *, force: bool = False
) -> Archive:
    """Write the archive of a report; the same state gives the same bytes.

    Parameters
    ----------
    report : Path
        The PDF.
    done : Proceedings
        The fits and verdicts that it was set from.
    settings : Settings
        How the models were fitted.
    path : Path
        A zip if it ends in `.zip`, else a folder.
    force : bool
        Replace an archive that exists.

    Raises
    ------
    FileExistsError, TaskorderError
        As `refuse_to_replace` and `contents` say; or if a file changes while it is read.
    """
    refuse_to_replace(path, force=force)
    items = contents(report, done)
    record = Record(
        entries=entries(items),
        engine=settings.engine,
        seed=settings.seed,
        draws=settings.draws,
        date=_date(done),
        version=__version__,
        commit=means.commit(),
    )
    sources = {item.path: item.source for item in items}
    write = _zipped if path.suffix.lower() == ZIP else _foldered
    write(path, record, sources, force=force)
    digest = sha256(path) if path.is_file() else sha256_text(record.json())
    return Archive(path, digest, len(items), sum(entry.size for entry in record.entries))


def entries(items: Sequence[Item]) -> tuple[Entry, ...]:
    """Return what a record holds of files."""
    return tuple(Entry(item.path, item.role, *_digest(item.source)) for item in items)


def _digest(source: Path | bytes) -> tuple[str, int]:
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest(), len(source)
    return sha256(source), source.stat().st_size


def _date(done: Proceedings) -> str:
    """Return the day of the state: SOURCE_DATE_EPOCH, else the ledger's last entry, else the newest fit.

    The variable is that of https://reproducible-builds.org/specs/source-date-epoch/.
    """
    if stated := os.environ.get(EPOCH_VARIABLE, ""):
        try:
            return _day(int(stated))
        except (ValueError, OverflowError, OSError):
            raise TaskorderError(f"{EPOCH_VARIABLE} = {stated!r}: a number of seconds since 1970") from None
    if done.ledger.entries:
        return done.ledger.entries[-1].date
    folders = [heard.found.folder for heard in done.hearings]
    return _day(max((folder / store.MANIFEST).stat().st_mtime for folder in folders))


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def _zipped(path: Path, record: Record, sources: Mapping[str, Path | bytes], *, force: bool) -> None:
    with (
        replacing(path, force=force) as temporary,
        ZipFile(temporary, "w") as packed,
    ):
        packed.writestr(_info(METADATA), record.json().encode())
        for entry in record.entries:
            with packed.open(_info(entry.path, entry.size), "w") as target:
                _copy(entry, sources[entry.path], target)


def _info(name: str, size: int = 0) -> ZipInfo:
    info = ZipInfo(name, _EPOCH)
    info.compress_type = ZIP_STORED if Path(name).suffix in _PACKED else ZIP_DEFLATED
    info.create_system, info.external_attr = 3, 0o644 << 16
    info.file_size = size
    return info


def _foldered(path: Path, record: Record, sources: Mapping[str, Path | bytes], *, force: bool) -> None:
    with replacing_folder(path) as temporary:
        (temporary / METADATA).write_bytes(record.json().encode())
        for entry in record.entries:
            file = temporary / entry.path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as target:
                _copy(entry, sources[entry.path], target)
        if force and path.exists():
            shutil.rmtree(path)


def _copy(entry: Entry, source: Path | bytes, target: IO[bytes]) -> None:
    """Copy a file; what is written is what the record says, or an error."""
    digest = hashlib.sha256()
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
            target.write(block)
    if digest.hexdigest() != entry.sha256:
        raise TaskorderError(f"{source!s} changed while it was archived: make the archive again")
