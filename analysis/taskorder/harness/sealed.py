"""JSON files that carry the digest of what they hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from taskorder.files import sha256_text, write_whole


class Damaged(Exception):
    """A file that is not what was written; the message says which one and how."""


def seal(path: Path, content: object) -> None:
    """Write a value as JSON beside its digest, whole or not at all; a file that exists is replaced."""
    write_whole(path, sealed(content), force=True)


def sealed(content: object) -> str:
    """Return a value as JSON beside its digest."""
    text = _canonical(content)
    return f'{{"sha256":"{sha256_text(text)}","content":{text}}}\n'


def unseal(path: Path) -> Any:
    """Read a value that `seal` wrote.

    Raises
    ------
    Damaged
        If the file is not whole, or a byte of it has changed.
    FileNotFoundError
        If there is no such file.
    """
    try:
        found = json.loads(path.read_bytes().decode())
        digest, content = found["sha256"], found["content"]
        sound = digest == sha256_text(_canonical(content))
    except (ValueError, LookupError, TypeError, RecursionError):
        sound, content = False, None
    if not sound:
        raise Damaged(f"{path} is not what was written")
    return content


def _canonical(content: object) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
