"""Task files read and checked: every mistake is named, with the nearest valid word."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from taskorder.errors import InvalidTask, nearest
from taskorder.harness import metrics
from taskorder.harness.examples import Kind
from taskorder.harness.tasks.file import (
    ALL,
    NEEDED,
    OPTIONAL,
    READERS,
    SPLITS,
    Column,
    FileEntry,
    Format,
    Hub,
    HubSplit,
    Limit,
    Split,
    TaskFile,
    columns_of,
)
from taskorder.results.sequences import task_fault


def read_task_file(path: Path) -> TaskFile:
    """Read a task file.

    Raises
    ------
    InvalidTask
        Where it cannot be read or holds anything that is not allowed; all problems at once.
    """
    fault = task_fault(path.stem)
    if fault:
        raise InvalidTask(f"{path}: a task is named by its file, and {fault}")
    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidTask(f"{path}: cannot be read as a task file: {error}") from None
    try:
        found = TaskFile.model_validate(content)
    except ValidationError as error:
        problems = list(dict.fromkeys(_explained(detail) for detail in error.errors(include_url=False)))
    else:
        problems = list(_contradictions(found))
        if not problems:
            return found
    raise InvalidTask("\n".join(f"{path}: {problem}" for problem in problems))


_TABLES: tuple[type[BaseModel], ...] = (TaskFile, Format, FileEntry, Hub, HubSplit, Limit)


def _explained(detail: Any) -> str:
    location = [str(part) for part in detail["loc"]]
    where = ".".join(location)
    if detail["type"] == "extra_forbidden":
        known = sorted({name for table in _TABLES for name in table.model_fields})
        return f"{where}: there is no such key.{nearest(location[-1], known)}"
    if detail["type"] == "missing":
        return f"{where}: is missing"
    message = str(detail["msg"]).removeprefix("Value error, ")
    hint = ""
    if detail["type"] == "literal_error":
        allowed = str(detail["ctx"]["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
        hint = nearest(str(detail["input"]), allowed)
    return f"{where}: {message[0].lower()}{message[1:]}.{hint}"


def _contradictions(task: TaskFile) -> Iterator[str]:
    yield from _wrong_labels(task)
    yield from _wrong_metrics(task)
    if not task.files and task.hub is None:
        yield "neither [files] nor [hub] says where the data are"
    for split in SPLITS:
        yield from _wrong_files(task, split)
        part = None if task.hub is None else task.hub.part(split)
        if task.hub is not None and part is not None:
            languages = part.languages or task.languages.get(split, ())
            yield from _wrong_languages(f"hub.{split}", languages)
            yield from _wrong_columns(task.kind, f"hub.{split}", task.hub.columns | part.columns)


def _wrong_labels(task: TaskFile) -> Iterator[str]:
    labelled = task.kind in {"text", "tokens"} and not task.regression
    if labelled and len(task.labels) < 2:
        yield f"labels: a task of kind {task.kind!r} needs two or more (or regression = true)"
    if not labelled and task.labels:
        yield f"labels: a {'regression' if task.regression else f'task of kind {task.kind!r}'} has none"
    if task.regression and task.kind != "text":
        yield f"regression: a task of kind {task.kind!r} cannot be one"
    if task.threshold is not None and len(task.labels) != 2:
        yield "threshold: needs exactly two labels, for numbers below it and from it on"
    for label in _repeated(task.labels):
        yield f"labels: {label!r} stands twice"
    if task.kind in {"text", "tokens"}:
        for raw, label in task.map.items():
            if label not in task.labels:
                yield f"map: {raw!r} becomes {label!r}, which is no label.{nearest(label, task.labels)}"


def _wrong_metrics(task: TaskFile) -> Iterator[str]:
    if not task.metrics and task.kind != "lines":
        yield "metrics: name one or more; the first is the headline"
    for metric in _repeated(task.metrics):
        yield f"metrics: {metric!r} stands twice"
    languages = {*task.files_of("test"), *task.hub_of("test")}
    for metric in task.metrics:
        try:
            metrics.check(metric, task.kind, languages)
        except InvalidTask as error:
            yield f"metrics: {error}"


def _wrong_files(task: TaskFile, split: Split) -> Iterator[str]:
    seen: list[str] = []
    for entry in task.files.get(split, ()):
        place = f"files.{split}"
        form = entry.format or task.format
        languages = entry.languages or task.languages.get(split, ())
        yield from _wrong_languages(place, languages)
        seen += [ALL] if entry.pairs else languages
        if form is None:
            yield f"{place}: [format] does not say how to read it"
            continue
        if len(languages) > 1 and "{language}" not in "".join((*entry.path, *form.where.values())):
            yield f"{place}: {entry.path[0]!r} has {len(languages)} languages: write {{language}} in it"
        if form.reader not in READERS[task.kind]:
            yield (
                f"{place}: {form.reader!r} gives no task of kind {task.kind!r}; allowed:"
                f" {', '.join(sorted(READERS[task.kind]))}"
            )
        if entry.pairs and form.reader != "aligned":
            yield f"{place}: pairs = true is for reader = 'aligned'"
        yield from _wrong_columns(task.kind, place, columns_of(task.kind, form))
    for language in _repeated(seen):
        yield f"files.{split}: {language!r} is named twice"


def _wrong_languages(place: str, languages: tuple[str, ...]) -> Iterator[str]:
    if not languages:
        yield f"{place}: its languages are not named, neither here nor in [languages]"
    for language in _repeated(languages):
        yield f"{place}: language {language!r} is named twice"


def _wrong_columns(kind: Kind, place: str, columns: Mapping[str, Column]) -> Iterator[str]:
    allowed = (*NEEDED[kind], *OPTIONAL[kind])
    for name in NEEDED[kind]:
        if name not in columns:
            yield f"{place}: columns does not say which one is {name!r}"
    for name, column in columns.items():
        if name not in allowed:
            yield (
                f"{place}: columns.{name} is nothing of kind {kind!r}; allowed: {', '.join(allowed)}."
                + nearest(name, allowed)
            )
        elif (
            name != "choices" and not isinstance(column, str) and not all(isinstance(c, str) for c in column)
        ):
            yield f"{place}: columns.{name}: only choices may be lists of lists"


def _repeated(words: list[str] | tuple[str, ...]) -> list[str]:
    return [word for word, count in Counter(words).items() if count > 1]
