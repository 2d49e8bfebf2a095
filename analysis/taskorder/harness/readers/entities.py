"""Mewsli-X: mentions of entities in news, and descriptions of entities in many languages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from taskorder.errors import InvalidTask
from taskorder.harness.readers.rows import Row, lines
from taskorder.harness.readers.tabular import json_object
from taskorder.harness.taskfile import Format


def mewslix(files: Sequence[Path], form: Format) -> Iterator[Row]:
    """Yield pairs of a mention's sentence and its entity's description, then all other candidates.

    Two files: mentions (`context`, `mentions`), and the candidate entities. The article's language is the
    column `language`; rows without a mention have it empty and are kept whatever the language.

    Source: Ruder et al. 2021 (XTREME-R); the format is that of Mewsli-X, 2022-05-18.
    """
    if len(files) != 2:
        raise InvalidTask(f"{files[0]}: Mewsli-X is read from two files: mentions, candidate entities")
    entities = dict(_entities(files[1]))
    wanted = form.where.get("language", "")
    used: set[str] = set()
    for number, line in lines(files[0]):
        place = f"{files[0]}:{number}"
        article = json_object(place, line)
        try:
            language = article["context"]["language"]
            mentions = [] if wanted and language != wanted else _mentions(article)
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidTask(f"{place}: no article of Mewsli-X: {error!r} is missing or wrong") from None
        for one, entity, text in mentions:
            if entity not in entities:
                raise InvalidTask(f"{place}: {entity!r} is not among the candidates of {files[1]}")
            used.add(entity)
            yield Row(
                place,
                {"id": one, "source": text, "target": entities[entity], "gold": True, "language": language},
            )
    for entity, text in entities.items():
        if entity not in used:
            yield Row(
                str(files[1]), {"id": entity, "source": "", "target": text, "gold": False, "language": wanted}
            )


def _mentions(article: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return id, entity and the sentence of every mention."""
    text = article["context"]["text"]
    spans = [(span["start"], span["end"]) for span in article["context"]["sentence_spans"]]
    found: list[tuple[str, str, str]] = []
    for mention in article["mentions"]:
        start, end = mention["mention_span"]["start"], mention["mention_span"]["end"]
        if text[start:end] != mention["mention_span"]["text"]:
            raise ValueError(f"mention_span of {mention['example_id']}")
        first, last = next(((a, b) for a, b in spans if a <= start < b), (0, len(text)))
        found.append((mention["example_id"], mention["entity_id"], text[first:last].strip()))
    return found


def _entities(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in lines(path):
        entity = json_object(f"{path}:{number}", line)
        try:
            yield entity["entity_id"], entity["description"]
        except KeyError as error:
            raise InvalidTask(f"{path}:{number}: the entity has no {error}") from None
