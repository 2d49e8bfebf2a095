"""JSON files read without trust, and the files below a folder without leaving it."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from taskorder.errors import InvalidTable, Problem, nearest
from taskorder.results.importing.scores import LeftOut, shown

LARGEST = 1 << 28
"""Bytes of the largest file that is read."""


def read_text(path: Path, place: str) -> str:
    """Read a file as UTF-8, with or without its mark.

    Raises
    ------
    InvalidTable
        Where it cannot be read, is larger than 256 MiB, is in another encoding, or is binary.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise _refusal(place, f"the file has {size:,} bytes; at most {LARGEST:,} are read.")
        content = path.read_bytes()
    except OSError as error:
        raise _refusal(place, f"the file cannot be read: {error.strerror}.") from None
    if b"\0" in content:
        raise _refusal(place, "the file is binary, or in UTF-16: save it as text in UTF-8.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidTable(
            [
                Problem(
                    place,
                    line,
                    "",
                    f"byte 0x{content[error.start]:02x} is not UTF-8: save the file as UTF-8.",
                )
            ]
        ) from None


def parse_json(text: str, place: str) -> dict[str, Any]:
    """Read a JSON object; its numbers are `Decimal`, as they are written.

    Raises
    ------
    InvalidTable
        Where it is no JSON, no object, or names a key twice in one object.
    """

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(found)
        if len(table) < len(found):
            twice = Counter(key for key, _ in found).most_common(1)[0][0]
            raise _refusal(place, f"the key {shown(twice)!r} stands twice in one object: remove one of them.")
        return table

    try:
        content: object = json.loads(
            text, object_pairs_hook=pairs, parse_float=Decimal, parse_int=Decimal, parse_constant=Decimal
        )
    except json.JSONDecodeError as error:
        raise InvalidTable(
            [Problem(place, error.lineno, "", f"the file is no well-formed JSON: {error.msg}.")]
        ) from None
    except (RecursionError, ArithmeticError, ValueError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else "a number is too long"
        raise _refusal(place, f"the file is no JSON that can be read: {reason}.") from None
    if not isinstance(content, dict):
        raise _refusal(place, "the file holds no JSON object: it must begin with '{'.")
    return cast("dict[str, Any]", content)


def table_at(content: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Give the object at a path of keys; an empty one where there is none."""
    for key in keys:
        inner = content.get(key)
        if not isinstance(inner, dict):
            return {}
        content = cast("dict[str, Any]", inner)
    return content


def existing(path: Path) -> Path:
    """Give the path back.

    Raises
    ------
    InvalidTable
        Where nothing is there.
    """
    if path.exists():
        return path
    there = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    raise _refusal(str(path), f"there is no such file or folder.{nearest(path.name, there)}")


def files_below(root: Path, is_wanted: Callable[[Path], bool]) -> tuple[list[Path], list[LeftOut]]:
    """List the files of a folder and of those below it, in the order of their names.

    Parameters
    ----------
    root
        A folder, or a single file, which is taken whatever its name is.
    is_wanted
        Whether the tool writes scores into a file of that name.

    Returns
    -------
    wanted
        The files; links to folders are not followed.
    left_out
        All other files, and the links.
    """
    if not root.is_dir():
        return [root], []
    wanted: list[Path] = []
    left_out: list[LeftOut] = []
    for path in _walk(root, left_out):
        place = path.relative_to(root).as_posix()
        if path.is_symlink() and path.is_dir():
            left_out.append(
                LeftOut(place, "links to folders", "they are not followed: import their folders apart.")
            )
        elif is_wanted(path):
            wanted.append(path)
        else:
            left_out.append(LeftOut(place, _sort_of(path), "the tool writes no scores into such files."))
    return wanted, left_out


def place_below(root: Path, path: Path) -> str:
    """Name a file by its path below the one that is imported."""
    return path.name if path == root else path.relative_to(root).as_posix()


def _walk(root: Path, left_out: list[LeftOut]) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        left_out.append(LeftOut(str(error.filename), "folders", f"they cannot be read: {error.strerror}."))

    for folder, folders, files in os.walk(root, onerror=unreadable):
        folders.sort()
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        yield from (Path(folder) / name for name in sorted([*files, *links]))


def _sort_of(path: Path) -> str:
    return f"*{path.suffix} files" if path.suffix else "files without an ending"


def _refusal(place: str, message: str) -> InvalidTable:
    return InvalidTable([Problem(place, None, "", message)])
