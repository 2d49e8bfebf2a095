"""Mewsli-X: mentions of entities in news, and descriptions of entities in many languages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict

from pydantic import TypeAdapter, ValidationError

from taskorder.errors import InvalidTask
from taskorder.harness.tasks.file import Format
from taskorder.harness.tasks.readers.rows import Row, first_fault, lines


class Span(TypedDict):
    """Characters of a text."""

    start: int
    end: int


class Surface(Span):
    """Characters of a text, with what they read."""

    text: str


class Mention(TypedDict):
    """A stretch of an article that names an entity."""

    example_id: str
    entity_id: str
    mention_span: Surface


class Context(TypedDict):
    """An article."""

    language: str
    text: str
    sentence_spans: list[Span]


class Article(TypedDict):
    """An article and what it mentions."""

    context: Context
    mentions: list[Mention]


class Entity(TypedDict):
    """A candidate."""

    entity_id: str
    description: str


_ARTICLE = TypeAdapter(Article)
_ENTITY = TypeAdapter(Entity)


def mewslix(files: Sequence[Path], form: Format) -> Iterator[Row]:
    """Yield pairs of a mention's sentence and its entity's description, then all other candidates.

    Two files: mentions (`context`, `mentions`), and the candidate entities. The article's language is the
    column `language`, after which `where` picks.

    Source: Ruder et al. 2021 (XTREME-R); the format is that of Mewsli-X, 2022-05-18.
    """
    if len(files) != 2:
        raise InvalidTask(f"{files[0]}: Mewsli-X is read from two files: mentions, candidate entities")
    entities = {entity["entity_id"]: entity["description"] for _, entity in _read(files[1], _ENTITY)}
    wanted = form.where.get("language", "")
    used: set[str] = set()
    for place, article in _read(files[0], _ARTICLE):
        language = article["context"]["language"]
        for mention in article["mentions"] if wanted in ("", language) else ():
            entity = mention["entity_id"]
            if entity not in entities:
                raise InvalidTask(f"{place}: {entity!r} is not among the candidates of {files[1]}")
            used.add(entity)
            values = {"source": _sentence(place, article["context"], mention), "target": entities[entity]}
            yield Row(place, {"id": mention["example_id"], "gold": True, "language": language, **values})
    for entity, text in entities.items():
        if entity not in used:
            values = {"id": entity, "source": "", "target": text, "gold": False, "language": wanted}
            yield Row(str(files[1]), values)


def _read[T](path: Path, shape: TypeAdapter[T]) -> Iterator[tuple[str, T]]:
    for number, line in lines(path):
        try:
            yield f"{path}:{number}", shape.validate_json(line)
        except ValidationError as error:
            raise InvalidTask(f"{path}:{number}: not as in Mewsli-X: {first_fault(error)}") from None


def _sentence(place: str, context: Context, mention: Mention) -> str:
    """Return the sentence of a mention; the whole text where no sentence holds it."""
    span, text = mention["mention_span"], context["text"]
    start, end = span["start"], span["end"]
    if text[start:end] != span["text"]:
        raise InvalidTask(
            f"{place}: mention {mention['example_id']!r} does not stand at {start};"
            " the articles' text is added by get-mewsli-x.sh"
        )
    whole: Span = {"start": 0, "end": len(text)}
    holding = next((one for one in context["sentence_spans"] if one["start"] <= start < one["end"]), whole)
    return text[holding["start"] : holding["end"]].strip()
