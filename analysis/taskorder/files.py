"""Files written whole or not at all, and their digests."""

import hashlib
import os
import secrets
from pathlib import Path


def write_whole(path: Path, content: bytes | str, *, force: bool = False) -> None:
    """Write a file so that a reader sees all of it or none of it.

    Parameters
    ----------
    path
        The file to write; its folder is made where it is missing.
    content
        Bytes, or text that is written as UTF-8 with its line ends as they are.
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
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    """SHA-256 of a text's UTF-8 bytes, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
