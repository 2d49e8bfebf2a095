"""Files written whole or not at all, and their digests."""

import hashlib
import os
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path, *, force: bool = False) -> Generator[Path]:
    """Give a path beside `path` to write to; when the block ends well, that file takes its place.

    Parameters
    ----------
    path
        The file to make; its folder is made where it is missing.
    force
        Replace a file that exists.

    Raises
    ------
    FileExistsError
        If the file exists and `force` is not set.
    """
    if path.exists() and not force:
        raise FileExistsError(f"{path} exists and is left as it is: pass --force to replace it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(4)}.{path.name}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def replacing_folder(path: Path) -> Generator[Path]:
    """Give a folder beside `path` to write into; when the block ends well, that folder takes its place.

    Where another process has put its own there in the meantime, that one stays: folders with one name hold
    the same.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(4)}.{path.name}")
    temporary.mkdir()
    try:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                with file.open("rb+") as opened:
                    os.fsync(opened.fileno())
        try:
            temporary.replace(path)
        except OSError:
            if not path.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_whole(path: Path, content: bytes | str, *, force: bool = False) -> None:
    """Write bytes, or text as UTF-8 with its line ends as they are, so that a reader sees all or nothing.

    Raises
    ------
    FileExistsError
        If the file exists and `force` is not set.
    """
    with replacing(path, force=force) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    """SHA-256 of a text's UTF-8 bytes, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
