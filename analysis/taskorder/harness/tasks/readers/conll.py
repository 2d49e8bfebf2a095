"""Sentences of one word a line: CoNLL-U, and plain columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from taskorder.errors import InvalidTask
from taskorder.harness.tasks.file import Format
from taskorder.harness.tasks.readers.rows import Row, lines

UD_COLUMNS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")


def conllu(files: Sequence[Path], form: Format) -> Iterator[Row]:
    """Yield sentences of CoNLL-U; multi-word tokens (``3-4``) and empty nodes (``5.1``) are left out.

    Every column is a tuple with one text a word; `sent_id` is the comment's.
    """
    del form
    for path in files:
        for start, comments, words in _blocks(path, comments=True):
            fields = [_ud_fields(path, number, line) for number, line in words]
            kept = [field for field in fields if field[0].isdecimal()]
            values: dict[str, object] = (
                dict(zip(UD_COLUMNS, zip(*kept, strict=True), strict=True)) if kept else {}
            )
            for comment in comments:
                key, _, value = comment.lstrip("# ").partition("=")
                if key.strip() == "sent_id":
                    values["sent_id"] = value.strip()
            yield Row(f"{path}:{start}", {"sent_id": str(start)} | values)


def _ud_fields(path: Path, number: int, line: str) -> list[str]:
    fields = line.split("\t")
    if len(fields) != len(UD_COLUMNS):
        raise InvalidTask(
            f"{path}:{number}: {len(fields)} columns where CoNLL-U has {len(UD_COLUMNS)}, parted by tabs"
        )
    if not fields[0].replace("-", "").replace(".", "").isdecimal():
        raise InvalidTask(f"{path}:{number}: {fields[0]!r} is no number of a word")
    return fields


def columns(files: Sequence[Path], form: Format) -> Iterator[Row]:
    """Yield sentences of words in columns, which are numbered from 1; a blank line ends a sentence."""
    separator = form.separator or None
    for path in files:
        for start, _, words in _blocks(path, comments=form.comments):
            fields = [line.split(separator) for _, line in words]
            if fields[0][0] == "-DOCSTART-":
                continue
            for (number, line), field in zip(words, fields, strict=True):
                if len(field) != len(fields[0]):
                    raise InvalidTask(
                        f"{path}:{number}: {len(field)} columns where the sentence began with"
                        f" {len(fields[0])}: {line[:60]!r}"
                    )
            table = {str(i): column for i, column in enumerate(zip(*fields, strict=True), start=1)}
            yield Row(f"{path}:{start}", table)


def _blocks(path: Path, *, comments: bool) -> Iterator[tuple[int, list[str], list[tuple[int, str]]]]:
    """Yield what stands between blank lines: number of the first word's line, comments, words' lines."""
    said: list[str] = []
    words: list[tuple[int, str]] = []
    for number, line in lines(path):
        if not line.strip():
            if words:
                yield words[0][0], said, words
            said, words = [], []
        elif comments and line.startswith("#") and not words:
            said.append(line)
        else:
            words.append((number, line))
    if words:
        yield words[0][0], said, words
