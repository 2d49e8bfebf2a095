"""Tasks: what a model is trained on and scored on, described by a TOML file each."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from taskorder.errors import InvalidTask, MissingData, nearest
from taskorder.files import sha256, sha256_text
from taskorder.harness.examples import Example, Kind
from taskorder.harness.streams import stream
from taskorder.harness.tasks.checked import read_task_file
from taskorder.harness.tasks.file import (
    SPLITS,
    Format,
    HubSource,
    ReaderName,
    Split,
    TaskFile,
    columns_of,
)
from taskorder.harness.tasks.making import Making
from taskorder.harness.tasks.readers.conll import columns, conllu
from taskorder.harness.tasks.readers.entities import mewslix
from taskorder.harness.tasks.readers.hub import hub
from taskorder.harness.tasks.readers.rows import Row
from taskorder.harness.tasks.readers.squad import lareqa, squad
from taskorder.harness.tasks.readers.tabular import comma_separated, jsonl, tsv
from taskorder.harness.tasks.readers.text import aligned, bucc, plain
from taskorder.paths import resource
from taskorder.results.sequences import task_fault

DATA_VARIABLE = "TASKORDER_DATA"
"""The environment variable that names folders of data, parted as in PATH."""
READING = 2
"""Raised whenever the same files come to give other examples."""

_READERS: dict[ReaderName, Callable[[Sequence[Path], Format], Iterator[Row]]] = {
    "conllu": conllu,
    "columns": columns,
    "squad": squad,
    "csv": comma_separated,
    "tsv": tsv,
    "jsonl": jsonl,
    "lines": plain,
    "aligned": aligned,
    "bucc": bucc,
    "lareqa": lareqa,
    "mewslix": mewslix,
}


@dataclass(frozen=True)
class Task:
    """A task.

    Attributes
    ----------
    name : str
        The name of its file.
    kind : Kind
    labels : tuple of str
        In the order of their numbers; empty for regressions and kinds without labels.
    regression : bool
    metrics : tuple of str
        The first is the headline.
    file : TaskFile
        All that the task file says.
    path : Path
        Where that file is.
    folders : tuple of Path
        Where data are looked for after the folder of the task file.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    regression: bool
    metrics: tuple[str, ...]
    file: TaskFile = field(repr=False)
    path: Path = field(repr=False)
    folders: tuple[Path, ...] = field(default=(), repr=False)

    def languages(self, split: str) -> tuple[str, ...]:
        """Return the languages that the task file declares for a split, in its order; none is none.

        Raises
        ------
        InvalidTask
            If the split is none of train, dev and test.
        """
        known = self._split(split)
        return tuple(self.file.files_of(known) | self.file.hub_of(known))

    def examples(self, split: str, language: str) -> tuple[Example, ...]:
        """Read the examples of a language of a split.

        Files are taken where they are found: in the folder of the task file, then in `folders`, then in those
        of the environment variable TASKORDER_DATA; else the hub's data set, where the task has one.

        Raises
        ------
        InvalidTask
            With ``file:line``, if the data are not what the task file says, or hold no example; and if the
            task has no such split or language.
        MissingData
            If there are no data, with the places that were looked at and how to get them.
        """
        known = self._split(split)
        found = self._found(known, language)
        read = self._from_hub(found) if isinstance(found, HubSource) else self._from_files(*found)
        try:
            examples = tuple(read)
        except MissingData as error:
            raise MissingData(f"task {self.name!r}: {error}{self._looked_for(known, language)}") from None
        if not examples:
            raise InvalidTask(
                f"task {self.name!r}: {split} in {language!r} holds no example ({_origin(found)})"
            )
        return self._limited(examples, known)

    def digest(self, split: str, language: str) -> str:
        """Return a sha256 that identifies the examples: of the files' bytes and of the rules of reading.

        Of data from the hub it is that of the examples themselves.

        Raises
        ------
        InvalidTask, MissingData
            As `examples`.
        """
        known = self._split(split)
        found = self._found(known, language)
        if isinstance(found, HubSource):
            return sha256_text("\n".join(map(repr, self.examples(split, language))))
        form, files = found
        rules = self.file.model_dump(
            include={"kind", "labels", "regression", "map", "cut", "threshold", "questions"}
        )
        limit = (self.file.limit.of(known), self.file.limit.seed)
        return sha256_text(
            json.dumps([READING, rules, form.model_dump(), limit, [sha256(file) for file in files]])
        )

    def _split(self, split: str) -> Split:
        for known in SPLITS:
            if known == split:
                return known
        raise InvalidTask(f"task {self.name!r}: {split!r} is no split; allowed: {', '.join(SPLITS)}.")

    def _found(self, split: Split, language: str) -> tuple[Format, tuple[Path, ...]] | HubSource:
        """Find the files of a language, or else its data set on the hub."""
        files, hosted = self.file.files_of(split).get(language), self.file.hub_of(split).get(language)
        if files is None:
            if hosted is not None:
                return hosted
            declared = self.languages(split)
            raise InvalidTask(
                f"task {self.name!r} has no {split} data in {language!r}; it has"
                f" {_shortened(declared) or 'none'}.{nearest(language, declared)}"
            )
        folders = self._data_folders()
        found = {path: _locate(path, folders) for path in files.paths}
        missing = [path for path, at in found.items() if not at]
        if not missing:
            return files.format, tuple(at for paths in found.values() for at in paths)
        if hosted is not None and len(missing) == len(found):
            return hosted
        raise MissingData(_missing(self.name, missing, folders, hosted))

    def _looked_for(self, split: Split, language: str) -> str:
        """Say which files would have done instead of the hub's data set, and where they were looked for."""
        files = self.file.files_of(split).get(language)
        if files is None:
            return ""
        return f" ({', '.join(files.paths)}; looked in {', '.join(map(str, self._data_folders()))})"

    def _data_folders(self) -> tuple[Path, ...]:
        return (self.path.parent, *self.folders, *data_folders())

    def _from_files(self, form: Format, files: Sequence[Path]) -> Iterator[Example]:
        making = Making(self.file, columns_of(self.kind, form), form.word_prefix)
        rows = _READERS[form.reader](files, form)
        for number, row in enumerate(_matching(rows, form.where), start=1):
            yield making.example(row, number)

    def _from_hub(self, source: HubSource) -> Iterator[Example]:
        making = Making(self.file, source.columns)
        rows = _matching(hub(source, self.path.parent), source.where)
        for number, row in enumerate(rows, start=1):
            yield making.example(row, number)

    def _limited(self, examples: tuple[Example, ...], split: Split) -> tuple[Example, ...]:
        limit = self.file.limit.of(split)
        if limit is None or limit >= len(examples):
            return examples
        chosen = stream(self.file.limit.seed, "limit", split).choice(len(examples), limit, replace=False)
        return tuple(examples[i] for i in sorted(chosen))


def _matching(rows: Iterator[Row], where: Mapping[str, str]) -> Iterator[Row]:
    for row in rows:
        for column in where:
            if column not in row.values:
                raise InvalidTask(
                    f"{row.place}: 'where' names the column {column!r}; there are {', '.join(row.values)}."
                    + nearest(column, row.values)
                )
        if all(fnmatchcase(str(row.values[column]), pattern) for column, pattern in where.items()):
            yield row


def _origin(found: tuple[Format, tuple[Path, ...]] | HubSource) -> str:
    return found.dataset if isinstance(found, HubSource) else ", ".join(map(str, found[1][:3]))


def _shortened(words: Sequence[str]) -> str:
    return ", ".join(words[:60]) + (f" and {len(words) - 60} more" if len(words) > 60 else "")


def data_folders() -> tuple[Path, ...]:
    """Return the folders that the environment variable TASKORDER_DATA names."""
    named = os.environ.get(DATA_VARIABLE, "").split(os.pathsep)
    return tuple(Path(folder).expanduser() for folder in named if folder.strip())


def _locate(path: str, folders: Sequence[Path]) -> list[Path]:
    """Return the file of a path, or all that match it, in the first folder that has any."""
    for folder in folders:
        found = sorted(folder.glob(path)) if any(sign in path for sign in "*?[") else [folder / path]
        files = [file for file in found if file.is_file()]
        if files:
            return files
    return []


def _missing(name: str, paths: Sequence[str], folders: Sequence[Path], hosted: HubSource | None) -> str:
    remedy = f"put them into a folder and name that folder in the environment variable {DATA_VARIABLE}"
    if hosted is not None:
        remedy += f", or remove those that are there, to use {hosted.dataset!r} of the Hugging Face hub"
    return (
        f"task {name!r}: {', '.join(paths[:5])}{' and others' if len(paths) > 5 else ''} not found;"
        f" looked in {', '.join(map(str, folders))}. Get the data set's files: {remedy}"
    )


def read_task(path: Path, folders: Sequence[Path] = ()) -> Task:
    """Read a task file; the data themselves are not touched.

    Parameters
    ----------
    path : Path
    folders : sequence of Path
        Where the data are looked for after the folder of the task file, before those of TASKORDER_DATA.

    Raises
    ------
    InvalidTask
        Where the file cannot be read or holds anything that is not allowed; all problems at once.
    """
    file = read_task_file(path)
    return Task(path.stem, file.kind, file.labels, file.regression, file.metrics, file, path, tuple(folders))


def find_task(name: str, folders: Sequence[Path] = ()) -> Task:
    """Find a task by name.

    Parameters
    ----------
    name : str
    folders : sequence of Path
        Where task files are looked for first; then among those that ship with taskorder.

    Raises
    ------
    InvalidTask
        If there is no such task, with the nearest name.
    """
    fault = task_fault(name)
    if fault:
        raise InvalidTask(f"{fault}.")
    places = [*folders, resource("data/tasks")]
    for folder in places:
        if (folder / f"{name}.toml").is_file():
            return read_task(folder / f"{name}.toml")
    known = sorted({path.stem for folder in places for path in folder.glob("*.toml")})
    raise InvalidTask(
        f"there is no task {name!r}.{nearest(name, known)} Known: {_shortened(known)}. A task of your own is"
        f" a file {name}.toml in {places[0] if folders else 'the folder that an experiment names as tasks'}"
    )
