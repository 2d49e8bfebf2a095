"""What tasks are made of: one frozen type of example for each kind of task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

type Kind = Literal["text", "tokens", "span", "choice", "lines", "retrieval"]
"""`text`: a label or a number for one text or two; `tokens`: a label for every word; `span`: an answer within
a context; `choice`: one of several continuations; `lines`: raw or aligned text for language modelling;
`retrieval`: the translation of a sentence among many."""


@dataclass(frozen=True, slots=True)
class TextExample:
    """One text or two, and what they are to be given: a label, or a number where the task is a regression."""

    id: str
    text: str
    text2: str | None
    label: str | float


@dataclass(frozen=True, slots=True)
class TokensExample:
    """Words with a label each; labels outside the task's set have been mapped or refused by the reader."""

    id: str
    words: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SpanExample:
    """A question about a context; an answer (text, start) has `context[start:start + len(text)] == text`."""

    id: str
    question: str
    context: str
    answers: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ChoiceExample:
    """A prompt, a question about it (may be empty), and choices; `label` is the right one, counted from 0."""

    id: str
    prompt: str
    question: str
    choices: tuple[str, ...]
    label: int


@dataclass(frozen=True, slots=True)
class LineExample:
    """A line of text, or the same line in two languages.

    `language` is what the line is counted with where languages are mixed: the name of its file, if no column
    says another; empty for two texts.
    """

    id: str
    text: str
    text2: str | None = None
    language: str = ""


@dataclass(frozen=True, slots=True)
class PairExample:
    """A sentence in a language, and its translation into English (or whatever the task's pivot is).

    `gold` is False for a sentence without a translation in the other set (BUCC, Mewsli-X).
    """

    id: str
    source: str
    target: str
    gold: bool = True


type Example = TextExample | TokensExample | SpanExample | ChoiceExample | LineExample | PairExample


def evenly[T](examples: Sequence[T], most: int | None) -> Sequence[T]:
    """Return at most so many examples, evenly spaced: files may be sorted by their labels."""
    if most is None or most >= len(examples):
        return examples
    return [examples[i * len(examples) // most] for i in range(most)]
