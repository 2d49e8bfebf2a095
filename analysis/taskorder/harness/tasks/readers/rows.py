"""Rows of data with the place where each stands, and text files read line by line."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from pydantic import ValidationError

from taskorder.errors import InvalidTask


@dataclass(frozen=True, slots=True)
class Row:
    """One row, sentence or question: what its columns hold, and where it stands (``file:line``)."""

    place: str
    values: Mapping[str, Any]


def opened(path: Path) -> BinaryIO:
    """Open a file for reading bytes; a ``.gz`` is unpacked."""
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a UTF-8 file with their numbers, without line ends and byte-order mark.

    Raises
    ------
    InvalidTask
        Where the file cannot be read, is cut off, or is not UTF-8.
    """
    number = 0
    try:
        with opened(path) as file:
            for raw in file:
                number += 1
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                yield number, text.rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise InvalidTask(f"{path}:{number}: byte {error.start + 1} of the line is not UTF-8") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InvalidTask(
            f"{path}:{number + 1}: the compressed file is damaged or cut off ({error}); get it again"
        ) from None
    except OSError as error:
        raise InvalidTask(f"{path}: cannot be read: {error.strerror or error}") from None


def json_file(path: Path) -> Any:
    """Read a whole JSON file.

    Raises
    ------
    InvalidTask
        Where it cannot be read or is no JSON; a file that was cut off is named so.
    """
    text = "\n".join(line for _, line in lines(path))
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        cut = "; the file seems cut off" if error.pos >= len(text.rstrip()) - 1 else ""
        raise InvalidTask(f"{path}:{error.lineno}: no valid JSON: {error.msg}{cut}") from None
    except RecursionError:
        raise InvalidTask(f"{path}: no valid JSON: nested too deeply") from None


def first_fault(error: ValidationError) -> str:
    """Say where in a JSON value the first thing is that is not as it should be, and what it should be."""
    detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"])
    message = detail["msg"]
    return f"{place.lstrip('.') or 'it'}: {message[0].lower()}{message[1:]}"
