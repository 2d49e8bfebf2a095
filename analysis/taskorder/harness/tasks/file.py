"""A task file (TOML) as frozen values: what the task is, how its data read, and where they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from taskorder.harness.examples import Kind
from taskorder.results.sequences import LANGUAGES

Split = Literal["train", "dev", "test"]
ReaderName = Literal[
    "conllu", "columns", "squad", "csv", "tsv", "jsonl", "lines", "aligned", "bucc", "lareqa", "mewslix"
]
SPLITS: tuple[Split, ...] = get_args(Split)
ALL = "mul"
"""The language of text in many languages."""

_ANY_TABLE = frozenset({"csv", "tsv", "jsonl"})
READERS: dict[Kind, frozenset[str]] = {
    "text": _ANY_TABLE,
    "tokens": _ANY_TABLE | {"conllu", "columns"},
    "span": _ANY_TABLE | {"squad"},
    "choice": _ANY_TABLE,
    "lines": _ANY_TABLE | {"lines", "aligned"},
    "retrieval": _ANY_TABLE | {"aligned", "bucc", "lareqa", "mewslix"},
}
NEEDED: dict[Kind, tuple[str, ...]] = {
    "text": ("text", "label"),
    "tokens": ("words", "labels"),
    "span": ("question", "context", "answers"),
    "choice": ("choices", "label"),
    "lines": ("text",),
    "retrieval": ("source", "target"),
}
"""What a row must give, by kind: these are the names in `columns`."""
OPTIONAL: dict[Kind, tuple[str, ...]] = {
    "text": ("text2", "id"),
    "tokens": ("id",),
    "span": ("id",),
    "choice": ("prompt", "question", "id"),
    "lines": ("text2", "language", "id"),
    "retrieval": ("gold", "id"),
}
_PAIR = {"source": "source", "target": "target", "gold": "gold", "id": "id"}
STANDARD: dict[str, dict[str, str]] = {
    "conllu": {"words": "form", "id": "sent_id"},
    "squad": {"question": "question", "context": "context", "answers": "answers", "id": "id"},
    "lines": {"text": "line", "language": "file"},
    "aligned": {"text": "first", "text2": "second", "source": "first", "target": "second"},
    "bucc": _PAIR,
    "lareqa": _PAIR,
    "mewslix": _PAIR,
}
"""What the columns of a format are called where the task file says nothing."""


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _safe_path(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith(("/", "~")) or ".." in parts or "\\" in path or "\0" in path:
        raise ValueError(
            f"{path!r} leaves the data folders: write a path relative to them, without '..', and name the"
            " folder itself in TASKORDER_DATA"
        )
    return path


def _safe_dataset(name: str) -> str:
    if not re.fullmatch(r"(\./)?[A-Za-z0-9][\w.-]*(/[\w.-]+)?", name) or ".." in name:
        raise ValueError(
            f"{name!r} is no data set: write owner/name of the hub, or ./name, beside the task file"
        )
    return name


def _language(code: str) -> str:
    if not LANGUAGES.fullmatch(code):
        raise ValueError(f"{code!r} is no language: write an ISO 639 code in small letters, such as sw")
    return code


Language = Annotated[str, BeforeValidator(_language)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9](\.?[A-Za-z0-9_-])*$")]
Dataset = Annotated[str, BeforeValidator(_safe_dataset)]
FilePath = Annotated[str, BeforeValidator(_safe_path)]
Listed = BeforeValidator(_listed)
Column = str | tuple[str | tuple[str, ...], ...]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Format(_Table):
    r"""How files are read.

    Attributes
    ----------
    reader
        The format.
    columns
        What is in which column. A list names alternatives, of which a file has one; for `choices` it names
        one column (or a list of alternatives) for each choice.
    header
        Whether the first line of a table names its columns; columns without names are numbered from 1.
    separator
        Of `columns`; white space where it is empty.
    comments
        Whether lines of `columns` that begin with ``#`` are left out.
    where
        Rows are kept that match in all these columns; ``*`` stands for anything.
    word_prefix
        What is taken off the front of words, such as ``en:``.
    """

    reader: ReaderName
    columns: dict[str, Column] = Field(default_factory=dict[str, Column])
    header: bool = True
    separator: str = ""
    comments: bool = False
    where: dict[str, str] = Field(default_factory=dict[str, str])
    word_prefix: str = ""


class FileEntry(_Table):
    """Where the files of some languages are.

    Attributes
    ----------
    path
        One file or several; ``{language}`` stands for the language in the data set's own code, ``*`` for
        anything.
    languages
        Those of the task's `[languages]` where it is empty.
    codes
        The data set's own codes, by language.
    pairs
        Whether files of single languages are read in pairs: the task then has every pair ``xx-yy``, and `mul`
        for all of them.
    format
        Where these files differ from the task's `[format]`.
    """

    path: Annotated[tuple[FilePath, ...], Listed, Field(min_length=1)]
    languages: tuple[Language, ...] = ()
    codes: dict[str, Code] = Field(default_factory=dict[str, Code])
    pairs: bool = False
    format: Format | None = None


class HubSplit(_Table):
    """One split of a hub data set; what is empty is as `[hub]` says."""

    split: str
    dataset: Dataset | None = None
    config: str | None = None
    folder: FilePath | Literal[""] | None = None
    revision: str | None = None
    languages: tuple[Language, ...] = ()
    codes: dict[str, Code] = Field(default_factory=dict[str, Code])
    columns: dict[str, Column] = Field(default_factory=dict[str, Column])
    where: dict[str, str] = Field(default_factory=dict[str, str])


def _hub_split(value: Any) -> Any:
    return {"split": value} if isinstance(value, str) else value


class Hub(_Table):
    """`[hub]`: a data set of the Hugging Face hub, or (``./name``) a folder beside the task file.

    `config` and `folder` may hold ``{language}``; `codes` are the data set's own names of languages. A data
    set whose own files need code is read from its branch ``refs/convert/parquet`` (`revision`), where each
    configuration is a `folder`.
    """

    dataset: Dataset
    config: str = ""
    folder: FilePath | Literal[""] = ""
    revision: str = ""
    codes: dict[str, Code] = Field(default_factory=dict[str, Code])
    columns: dict[str, Column] = Field(default_factory=dict[str, Column])
    where: dict[str, str] = Field(default_factory=dict[str, str])
    train: Annotated[HubSplit | None, BeforeValidator(_hub_split)] = None
    dev: Annotated[HubSplit | None, BeforeValidator(_hub_split)] = None
    test: Annotated[HubSplit | None, BeforeValidator(_hub_split)] = None

    def part(self, split: str) -> HubSplit | None:
        """Return one split's table."""
        return {"train": self.train, "dev": self.dev, "test": self.test}[split]


class Limit(_Table):
    """`[limit]`: how many examples of a split are taken, drawn by `seed`; the same rows in every language."""

    train: Annotated[int, Field(ge=1)] | None = None
    dev: Annotated[int, Field(ge=1)] | None = None
    test: Annotated[int, Field(ge=1)] | None = None
    seed: int = 0

    def of(self, split: str) -> int | None:
        """Return the limit of a split."""
        return {"train": self.train, "dev": self.dev, "test": self.test}[split]


def _entries(value: Any) -> Any:
    """Turn ``{en = "a"}``, ``{path = "{language}.tsv"}`` or a list of such into entries."""
    found: list[Any] = []
    for part in cast("list[Any]", value) if isinstance(value, list) else [value]:
        if not isinstance(part, dict):
            raise ValueError('write {en = "file"}, {path = "{language}.tsv", languages = ["en"]}, or a list')
        table = cast("dict[str, Any]", part)
        if "path" in table:
            found.append(table)
            continue
        for language, where in table.items():
            inner = cast("dict[str, Any]", where) if isinstance(where, dict) else {"path": where}
            found.append(inner | {"languages": [language]})
    return found


Entries = Annotated[tuple[FileEntry, ...], BeforeValidator(_entries)]


@dataclass(frozen=True)
class FileSource:
    """Files of one language of a split, as the task file names them, and how they read."""

    paths: tuple[str, ...]
    format: Format


@dataclass(frozen=True)
class HubSource:
    """One language of a split on the hub."""

    dataset: str
    config: str
    folder: str
    revision: str
    split: str
    columns: Mapping[str, Column]
    where: Mapping[str, str]


class TaskFile(_Table):
    """What a task file says.

    Attributes
    ----------
    about
        The task in one line.
    kind, labels, regression, metrics
        See `Task`.
    map
        Labels of the data, and those of the task that they stand for.
    cut
        What ends a label: with ``:`` a ``nmod:poss`` counts as ``nmod``.
    threshold
        Numbers from this one on are the second label, those below it the first.
    questions
        What is asked instead of a question of the data: ``cause`` -> ``What was the cause?``.
    languages, codes
        Defaults of `files` and `hub`.
    """

    about: str = ""
    kind: Kind
    labels: tuple[str, ...] = ()
    regression: bool = False
    metrics: tuple[str, ...] = ()
    map: dict[str, str] = Field(default_factory=dict[str, str])
    cut: str = ""
    threshold: float | None = None
    questions: dict[str, str] = Field(default_factory=dict[str, str])
    languages: dict[Split, tuple[Language, ...]] = Field(default_factory=dict[Split, tuple[Language, ...]])
    codes: dict[str, Code] = Field(default_factory=dict[str, Code])
    format: Format | None = None
    files: dict[Split, Entries] = Field(default_factory=dict[Split, Entries])
    hub: Hub | None = None
    limit: Limit = Limit()

    def files_of(self, split: Split) -> dict[str, FileSource]:
        """Return the files of a split by language, in the order of the task file."""
        return dict(self._files_of(split))

    def _files_of(self, split: Split) -> Iterator[tuple[str, FileSource]]:
        for entry in self.files.get(split, ()):
            form = entry.format or self.format
            languages = entry.languages or self.languages.get(split, ())
            codes = self.codes | entry.codes
            if form is None:
                continue
            if entry.pairs:
                at = {one: _filled(entry.path, one, codes) for one in languages}
                for first, second in permutations(languages, 2):
                    yield f"{first}-{second}", FileSource(at[first] + at[second], form)
                yield ALL, FileSource(tuple(path for one in languages for path in at[one]), form)
                continue
            for language in languages:
                where = {key: _coded(value, language, codes) for key, value in form.where.items()}
                prefix = _coded(form.word_prefix, language, codes)
                own = form.model_copy(update={"where": where, "word_prefix": prefix})
                yield language, FileSource(_filled(entry.path, language, codes), own)

    def hub_of(self, split: Split) -> dict[str, HubSource]:
        """Return the hub's data of a split by language."""
        part = None if self.hub is None else self.hub.part(split)
        if self.hub is None or part is None:
            return {}
        codes = self.codes | self.hub.codes | part.codes
        config, folder, revision = (
            general if own is None else own
            for general, own in (
                (self.hub.config, part.config),
                (self.hub.folder, part.folder),
                (self.hub.revision, part.revision),
            )
        )
        return {
            language: HubSource(
                part.dataset or self.hub.dataset,
                _coded(config, language, codes),
                _coded(folder, language, codes),
                revision,
                part.split,
                self.hub.columns | part.columns,
                {key: _coded(value, language, codes) for key, value in (self.hub.where | part.where).items()},
            )
            for language in part.languages or self.languages.get(split, ())
        }


def _coded(text: str, language: str, codes: Mapping[str, str]) -> str:
    return text.replace("{language}", codes.get(language, language))


def _filled(paths: tuple[str, ...], language: str, codes: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(_coded(path, language, codes) for path in paths)


def columns_of(kind: Kind, form: Format) -> dict[str, Column]:
    """Return which column is what: as the file says, else as the format is."""
    allowed = (*NEEDED[kind], *OPTIONAL[kind])
    standard = STANDARD.get(form.reader, {})
    return {name: column for name, column in standard.items() if name in allowed} | form.columns
