"""An archive is read: nothing of it is trusted before it was compared with the record."""

from __future__ import annotations

import hashlib
import shutil
import stat
import zlib
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO
from zipfile import BadZipFile, ZipFile, ZipInfo

from taskorder.archive.record import METADATA, Record, read_record
from taskorder.errors import InvalidArchive, MissingData
from taskorder.files import replacing_folder

LARGEST, MOST_FILES, LARGEST_RECORD = 16 << 30, 100_000, 64 << 20
"""Bytes in all, files, and bytes of the record: beyond these nothing is unpacked."""


@dataclass(frozen=True)
class Member:
    """A file of an archive: the bytes that it is said to have, and how it is opened."""

    size: int
    open: Callable[[], IO[bytes]]


def unpack(crate: Path, folder: Path) -> Record:
    """Unpack an archive into a folder, if all of it is what its record says.

    Parameters
    ----------
    crate : Path
        A zip, or a folder.
    folder : Path
        To be made; nothing is left there if anything is wrong.

    Raises
    ------
    MissingData
        If there is no such archive.
    InvalidArchive
        With every file that was changed, removed or added; or if a name, a link or a size makes it unsafe to
        unpack.
    """
    with _opened(crate) as members:
        record = _record(crate, members)
        if problems := _differences(record, members):
            raise InvalidArchive(problems)
        _refuse_size(crate, members, folder)
        digests = {entry.path: entry.sha256 for entry in record.entries}
        with replacing_folder(folder) as temporary:
            for name, member in members.items():
                target = temporary / name
                target.parent.mkdir(parents=True, exist_ok=True)
                problems += _unpacked(name, member, target, digests.get(name))
            if problems:
                raise InvalidArchive(problems)
    return record


@contextmanager
def _opened(crate: Path) -> Generator[Mapping[str, Member]]:
    """Give the files of an archive by their names, none of which leads out of it."""
    if crate.is_dir():
        yield _folder(crate)
    elif crate.is_file():
        try:
            packed = ZipFile(crate)
        except (BadZipFile, NotImplementedError, OSError, ValueError) as error:
            raise InvalidArchive(
                [f"{crate} is neither a folder nor a zip that can be read: {error}"]
            ) from None
        with packed:
            yield _zip(crate, packed)
    else:
        raise MissingData(
            f"{crate} is not there: name a zip or a folder that taskorder report --archive wrote"
        )


def _folder(crate: Path) -> dict[str, Member]:
    found: dict[str, Member] = {}
    problems: list[str] = []
    for path in sorted(crate.rglob("*")):
        name, mode = path.relative_to(crate).as_posix(), path.lstat().st_mode
        if stat.S_ISREG(mode):
            found[name] = Member(path.stat().st_size, partial(path.open, "rb"))
        elif not stat.S_ISDIR(mode):
            problems.append(f"{crate}: {name} is {_kind(mode)}: an archive holds files and folders only")
    if problems:
        raise InvalidArchive(problems)
    return found


def _kind(mode: int) -> str:
    return "a link" if stat.S_ISLNK(mode) else "a device"


def _zip(crate: Path, packed: ZipFile) -> dict[str, Member]:
    files = [info for info in packed.infolist() if not info.is_dir()]
    if len(files) > MOST_FILES:
        raise InvalidArchive(
            [f"{crate} holds {len(files):,} files; more than {MOST_FILES:,} are not unpacked"]
        )
    if problems := [f"{crate}: {problem}" for problem in (*_unsafe(files), *_ambiguous(files))]:
        raise InvalidArchive(problems)
    return {info.filename: Member(info.file_size, partial(packed.open, info)) for info in files}


def _unsafe(files: list[ZipInfo]) -> Generator[str]:
    for info in files:
        name, mode = info.orig_filename, info.external_attr >> 16
        place = PurePosixPath(name)
        if place.is_absolute() or PureWindowsPath(name).drive or PureWindowsPath(name).root:
            yield f"{name!r} is an absolute path, which would be written outside of the folder"
        elif ".." in place.parts or "\\" in name:
            yield f"{name!r} leads out of the folder that it is unpacked to"
        elif not name.isprintable() or name != place.as_posix():
            yield f"{name!r} is no plain path of a file"
        elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            yield f"{name!r} is {_kind(mode)}: an archive holds files and folders only"
        elif info.flag_bits & 1:
            yield f"{name!r} is encrypted: unpack the zip yourself, and name the folder"


def _ambiguous(files: list[ZipInfo]) -> Generator[str]:
    names = [info.filename.casefold() for info in files]
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    for name, count in Counter(names).items():
        if count > 1 or name in folders:
            yield f"{name!r} is there twice, or is a file and a folder"


def _record(crate: Path, members: Mapping[str, Member]) -> Record:
    if METADATA not in members:
        raise InvalidArchive(
            [f"{crate} has no {METADATA}: it is no archive that taskorder report --archive wrote"]
        )
    if members[METADATA].size > LARGEST_RECORD:
        raise InvalidArchive(
            [f"{crate}: {METADATA} has more than {LARGEST_RECORD:,} bytes, which no record has"]
        )
    try:
        with members[METADATA].open() as file:
            text = file.read(LARGEST_RECORD).decode()
    except _UNREADABLE as error:
        raise InvalidArchive([f"{crate}: {METADATA} cannot be read: {error}"]) from None
    return read_record(text, str(crate))


_UNREADABLE = (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError)


def _differences(record: Record, members: Mapping[str, Member]) -> list[str]:
    """Name each file that is missing, added, or not of the size that the record says."""
    known = {entry.path: entry.size for entry in record.entries}
    problems = [f"{name} is missing: the archive's record lists it" for name in known if name not in members]
    for name, member in members.items():
        if name not in known and name != METADATA:
            problems.append(f"{name} was added: the archive's record does not list it")
        elif name in known and member.size != known[name]:
            problems.append(
                f"{name} is not what the archive's record says: it has {member.size:,} bytes, not"
                f" {known[name]:,}"
            )
    return problems


def _refuse_size(crate: Path, members: Mapping[str, Member], folder: Path) -> None:
    size = sum(member.size for member in members.values())
    there = next(parent for parent in folder.absolute().parents if parent.exists())
    free = shutil.disk_usage(there).free
    if size > LARGEST:
        raise InvalidArchive(
            [f"{crate} would unpack to {size:,} bytes; more than {LARGEST:,} are not unpacked"]
        )
    if size > free:
        raise InvalidArchive([f"{crate} would unpack to {size:,} bytes, and {there} has {free:,} left"])


def _unpacked(name: str, member: Member, target: Path, expected: str | None) -> list[str]:
    """Write a file; return what is wrong with it. None is expected of the record itself."""
    digest = hashlib.sha256()
    try:
        with member.open() as source, target.open("wb") as file:
            while block := source.read(1 << 20):
                digest.update(block)
                file.write(block)
    except _UNREADABLE as error:
        return [f"{name} cannot be read: {error}"]
    if expected is None or digest.hexdigest() == expected:
        return []
    return [
        f"{name} is not what the archive's record says: its sha256 is {digest.hexdigest()[:16]}..., not"
        f" {expected[:16]}..."
    ]
