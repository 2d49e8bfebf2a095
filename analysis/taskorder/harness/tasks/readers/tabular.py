"""Tables: TSV without quoting, CSV with it, one JSON object a line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from taskorder.errors import InvalidTask
from taskorder.harness.tasks.file import Format
from taskorder.harness.tasks.readers.rows import Row, lines


def tsv(files: Sequence[Path], form: Format) -> Iterator[Row]:
    """Yield rows of fields parted by tabs; quotes are characters like any other."""
    for path in files:
        yield from _table(path, ((number, line.split("\t")) for number, line in lines(path) if line), form)


def comma_separated(files: Sequence[Path], form: Format) -> Iterator[Row]:
    """Yield rows of CSV with quoting (RFC 4180)."""
    for path in files:
        yield from _table(path, _csv_fields(path), form)


def _csv_fields(path: Path) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(1 << 30)
    reader = csv.reader((line + "\n" for _, line in lines(path)), strict=True)
    start = 1
    try:
        for fields in reader:
            if fields:
                yield start, fields
            start = reader.line_num + 1
    except csv.Error as error:
        raise InvalidTask(f"{path}:{start}: no valid CSV: {error}") from None


def _table(path: Path, rows: Iterator[tuple[int, list[str]]], form: Format) -> Iterator[Row]:
    names: list[str] | None = None
    for number, fields in rows:
        if names is None:
            names = fields if form.header else [str(i + 1) for i in range(len(fields))]
            if form.header:
                continue
        if len(fields) != len(names):
            raise InvalidTask(f"{path}:{number}: {len(fields)} fields where there are {len(names)} columns")
        yield Row(f"{path}:{number}", dict(zip(names, fields, strict=True)))


def jsonl(files: Sequence[Path], form: Format) -> Iterator[Row]:
    """Yield objects, one a line."""
    del form
    for path in files:
        for number, line in lines(path):
            if line.strip():
                yield Row(f"{path}:{number}", json_object(f"{path}:{number}", line))


def json_object(place: str, line: str) -> dict[str, Any]:
    """Read a line that must be a JSON object.

    Raises
    ------
    InvalidTask
    """
    try:
        found = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InvalidTask(f"{place}: no valid JSON: {error}") from None
    if not isinstance(found, dict):
        raise InvalidTask(f"{place}: not a JSON object, such as {{...}}")
    return cast("dict[str, Any]", found)
