"""Evaluation sets with noise in their text, which leaves labels, answers and choices where they were.

An example's noise depends on the seed, on its own id and on the perturbation: not on other examples, nor on
the order or the process in which they come.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from taskorder.errors import InvalidExperiment, nearest
from taskorder.harness.examples import (
    ChoiceExample,
    Example,
    LineExample,
    PairExample,
    SpanExample,
    TextExample,
    TokensExample,
)
from taskorder.harness.noise import writing
from taskorder.harness.noise.changes import NOISES, Chance, Changed, Noise
from taskorder.harness.streams import stream
from taskorder.results import catalogue

NOBODY = -1
"""The owner of an empty piece between two words."""


@dataclass(frozen=True, slots=True)
class Perturbation:
    """A kind of noise and how much of it.

    Attributes
    ----------
    name : str
        A key of `taskorder.harness.noise.changes.NOISES`.
    severity : float
        Above 0, at most 1: the share of the letters (typos, and diacritics among those that have any), words
        (case, word-drop, word-swap) or marks (punctuation) that are changed.
    """

    name: str
    severity: float

    def __str__(self) -> str:
        return f"{self.name}:{self.severity!r}"


def parse(text: str) -> Perturbation:
    """Read a perturbation such as ``typos:0.1``, or ``case`` for its usual severity.

    Raises
    ------
    InvalidExperiment
        If there is no such perturbation, or the severity is not a number above 0 and at most 1.
    """
    name, colon, number = text.partition(":")
    if name not in NOISES:
        raise InvalidExperiment(
            f"perturbation {text!r}: there is no {name!r};"
            f" allowed: {', '.join(NOISES)}.{nearest(name, NOISES)}"
        )
    if not colon:
        return Perturbation(name, NOISES[name].severity)
    try:
        severity = float(number)
    except ValueError:
        severity = 0.0
    if not 0 < severity <= 1:
        raise InvalidExperiment(
            f"perturbation {text!r}: the severity is a number above 0 and at most 1, not {number!r};"
            f" write {name}:{NOISES[name].severity:g}, or leave a set without noise out of the list."
        )
    return Perturbation(name, severity)


def applies(perturbation: Perturbation, language: str) -> bool:
    """Say whether a perturbation changes text of a language: not case in a script that has none, for one.

    Parameters
    ----------
    perturbation : Perturbation
    language : str
        A code of data/languages.csv, with its script where that is another one than the usual (``sr-Latn``).

    Returns
    -------
    bool
        True for a language whose script is not known.
    """
    scripts = NOISES[perturbation.name].scripts
    code, _, written = language.partition("-")
    if not written:
        table = catalogue.languages()
        found = table.loc[table["language"] == code, "script"].dropna()
        written = str(found.iloc[0]) if len(found) else ""
    return not scripts or not written or written in scripts


def perturbed(
    examples: Sequence[Example], perturbation: Perturbation, *, language: str, seed: int
) -> tuple[Example, ...]:
    """Put noise into the text of examples.

    Parameters
    ----------
    examples : sequence of Example
        Of any kind but `LineExample`.
    perturbation : Perturbation
    language : str
        Decides which keyboard typos are made on, and how i is written in capitals.
    seed : int

    Returns
    -------
    tuple of Example
        In the same order, with the same ids, labels, answers and right choices. Words that are dropped or
        exchanged take their labels along, and what is left of an entity is an entity (B-, I-); a word of
        punctuation that is taken off is dropped. The text of an answer stays as it is and its place follows.
        Of a pair of sentences only the source is changed. Choices that would become equal stay as they were.

    Raises
    ------
    InvalidExperiment
        If the examples are lines of text, which nothing is evaluated on.
    """
    noise = NOISES[perturbation.name]
    return tuple(
        _perturbed(
            example,
            _Writer(
                noise,
                Chance(perturbation.severity, stream(seed, "perturbation", str(perturbation), example.id)),
                language,
            ),
        )
        for example in examples
    )


@dataclass(frozen=True, slots=True)
class _Writer:
    noise: Noise
    chance: Chance
    language: str

    def change(self, pieces: list[str], free: Sequence[bool]) -> Changed:
        return self.noise.change(pieces, free, self.chance, self.language)

    def text(self, text: str) -> str:
        pieces = self.noise.cut(text)
        return str(self.change(pieces, [True] * len(pieces)))


def _perturbed(example: Example, writer: _Writer) -> Example:
    match example:
        case TextExample(text=text, text2=text2):
            return replace(
                example, text=writer.text(text), text2=None if text2 is None else writer.text(text2)
            )
        case TokensExample():
            return _tokens(example, writer)
        case SpanExample():
            return _span(example, writer)
        case ChoiceExample():
            return _choice(example, writer)
        case PairExample(source=source):
            return replace(example, source=writer.text(source))
        case LineExample():
            raise InvalidExperiment(
                f"example {example.id!r} is a line for language modelling, which is trained on and not"
                " evaluated: list perturbations for tasks with labels, answers, choices or translations."
            )


def _choice(example: ChoiceExample, writer: _Writer) -> ChoiceExample:
    choices = tuple(writer.text(choice) for choice in example.choices)
    return replace(
        example,
        prompt=writer.text(example.prompt),
        question=writer.text(example.question),
        choices=choices if len(set(choices)) == len(set(example.choices)) else example.choices,
    )


def _span(example: SpanExample, writer: _Writer) -> SpanExample:
    pieces = writer.noise.cut(example.context)
    ends = list(itertools.accumulate(map(len, pieces)))
    covered = [(start, start + max(1, len(text))) for text, start in example.answers]
    free = [
        not any(start < end and end - len(piece) < stop for start, stop in covered)
        for piece, end in zip(pieces, ends, strict=True)
    ]
    changed = writer.change(pieces, free)
    lengths = [len(changed.pieces[i]) for i in changed.order]
    new_ends = dict(zip(changed.order, itertools.accumulate(lengths), strict=True))

    def moved(start: int) -> int:
        """Follow the piece, left as it was, in which an answer begins."""
        piece = bisect_right(ends, start)
        return start + (new_ends[piece] - ends[piece] if piece < len(ends) else sum(lengths) - start)

    return replace(
        example,
        question=writer.text(example.question),
        context=str(changed),
        answers=tuple((text, moved(start)) for text, start in example.answers),
    )


def _tokens(example: TokensExample, writer: _Writer) -> TokensExample:
    """Change words, or the characters of words, with an empty piece behind each word."""
    pieces: list[str] = []
    owners: list[int] = []
    free: list[bool] = []
    for i, word in enumerate(example.words):
        parts = [word] if writer.noise.cut is writing.words else writer.noise.cut(word) or [word]
        pieces += [*parts, ""]
        owners += [*[i] * len(parts), NOBODY]
        free += [True] * len(parts) + [_may_be_exchanged(example.labels, i)]
    changed = writer.change(pieces, free)
    words = dict.fromkeys((owners[i] for i in changed.order if owners[i] != NOBODY), "")
    for i in changed.order:
        if owners[i] != NOBODY:
            words[owners[i]] += changed.pieces[i]
    kept = [i for i, word in words.items() if word.strip() or word == example.words[i]]
    if not kept:
        return example
    return replace(example, words=tuple(words[i] for i in kept), labels=_labels(example.labels, kept))


def _may_be_exchanged(labels: tuple[str, ...], i: int) -> bool:
    """Say whether a word may change places with the next: both in one entity, or neither in a longer one."""
    if i + 1 == len(labels):
        return False
    if labels[i].startswith("I-") and labels[i] == labels[i + 1]:
        return True
    return not any(labels[j].startswith("I-") for j in range(i, min(i + 3, len(labels))))


def _labels(labels: tuple[str, ...], kept: list[int]) -> tuple[str, ...]:
    """Take the labels of words that are kept: an entity that lost its first words begins with the next."""
    entities = list(itertools.accumulate(_begins(labels)))
    here = set(kept)
    begun: set[int] = set()
    found: list[str] = []
    for i in kept:
        lost = labels[i].startswith("I-") and entities[i] not in begun and i - 1 not in here and i > 0
        found.append(f"B-{labels[i][2:]}" if lost else labels[i])
        begun.add(entities[i])
    return tuple(found)


def _begins(labels: tuple[str, ...]) -> list[bool]:
    """Say of each word whether it does not continue the entity of the word before it."""
    return [
        not (
            label.startswith("I-")
            and i > 0
            and labels[i - 1][:2] in {"B-", "I-"}
            and labels[i - 1][2:] == label[2:]
        )
        for i, label in enumerate(labels)
    ]
