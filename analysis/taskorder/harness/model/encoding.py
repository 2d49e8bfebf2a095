"""Examples as token numbers: ragged arrays that are made once, kept on disk and mapped into memory.

A feature is one input of the encoder: an example; a window of a long one (`tokens`, `span`); or one of an
example's choices. Windows overlap where an answer might be cut (`span`), and not where words are labelled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from taskorder.errors import InvalidTask
from taskorder.files import replacing_folder
from taskorder.harness.examples import (
    ChoiceExample,
    Example,
    Kind,
    LineExample,
    PairExample,
    SpanExample,
    TextExample,
    TokensExample,
)

Integers = NDArray[np.int64]

IGNORED = -100
"""The label of a token that has none."""
QUESTION_TOKENS = 64
"""A question is cut after so many."""
AT_ONCE = 2000
"""Examples that are tokenised together."""


@dataclass(frozen=True)
class Encoded:
    """Features of an evaluation set or of training data, one after another.

    Attributes
    ----------
    ids, types : arrays (T,) of int32
        Token numbers with special tokens, and segment numbers.
    starts : array (N + 1,)
        Where each of N features begins.
    owner : array (N,)
        Which example a feature is of.
    labels : array
        `text`: (N,), a label's number, or a value; `choice`: (N,), the number of the right choice; `span`:
        (N, 2), first and last token of the answer within the feature, or of its classification token;
        `tokens`: (T,), a label's number at the first token of a word; `lines`: (N,), the name
        of the language; otherwise (0,).
    places : array
        `tokens`: (T,), the number of the word of which a token is the first, or -1; `span`: (T, 2), the
        characters of the context that a token covers, or -1; `lines`: (N,), where the second text begins,
        or 0; otherwise (0,).
    """

    ids: NDArray[np.int32]
    types: NDArray[np.int32]
    starts: Integers
    owner: Integers
    labels: NDArray[Any]
    places: NDArray[Any]

    def __len__(self) -> int:
        """N."""
        return len(self.owner)

    @property
    def lengths(self) -> Integers:
        """Tokens of every feature, (N,)."""
        return np.diff(self.starts)


@dataclass(frozen=True)
class Reading:
    """How texts become token numbers.

    Attributes
    ----------
    tokenizer
        Of the transformers library, a fast one.
    kind : Kind
    labels : tuple of str
        The task's, in the order of their numbers; empty where labels are numbers.
    max_length : int
        Tokens of a feature at most.
    """

    tokenizer: Any
    kind: Kind
    labels: tuple[str, ...]
    max_length: int

    def encode(self, examples: Sequence[Example]) -> Encoded:
        """Turn examples into features."""
        maker = _MAKERS[self.kind]
        features = [
            feature
            for first in range(0, len(examples), AT_ONCE)
            for feature in maker(self, examples[first : first + AT_ONCE], first)
        ]
        return _packed(features)

    def __call__(self, first: list[Any], second: list[str] | None = None, **options: Any) -> Any:
        """Tokenise."""
        return self.tokenizer(first, second, **{"truncation": True, "max_length": self.max_length} | options)


@dataclass(frozen=True, slots=True)
class _Feature:
    ids: Sequence[int]
    types: Sequence[int]
    owner: int
    label: Any = None
    place: Any = None


def _packed(features: Sequence[_Feature]) -> Encoded:
    lengths = np.array([len(feature.ids) for feature in features], dtype=np.int64)
    return Encoded(
        ids=_joined([feature.ids for feature in features], np.int32),
        types=_joined([feature.types for feature in features], np.int32),
        starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        owner=np.array([feature.owner for feature in features], dtype=np.int64),
        labels=_stacked([feature.label for feature in features]),
        places=_stacked([feature.place for feature in features]),
    )


def _joined(parts: Sequence[Sequence[int]], dtype: Any) -> NDArray[Any]:
    return np.concatenate([np.asarray(part, dtype=dtype) for part in parts]) if parts else np.zeros(0, dtype)


def _stacked(values: Sequence[Any]) -> NDArray[Any]:
    """One number a feature, or the arrays of all of them joined; nothing where there is nothing."""
    if not values or values[0] is None:
        return np.zeros(0)
    return np.concatenate(values) if isinstance(values[0], np.ndarray) else np.array(values)


def _texts(reading: Reading, examples: Sequence[Example], first: int) -> Iterable[_Feature]:
    found = [cast(TextExample, example) for example in examples]
    seconds = [example.text2 or "" for example in found] if found and found[0].text2 is not None else None
    made = reading([example.text for example in found], seconds)
    for i, example in enumerate(found):
        label = reading.labels.index(str(example.label)) if reading.labels else float(example.label)
        yield _Feature(made["input_ids"][i], _types(made, i), first + i, label)


def _choices(reading: Reading, examples: Sequence[Example], first: int) -> Iterable[_Feature]:
    found = [cast(ChoiceExample, example) for example in examples]
    flat = [(first + i, example, choice) for i, example in enumerate(found) for choice in example.choices]
    prompts = [" ".join(filter(None, (example.prompt, example.question))) for _, example, _ in flat]
    made = reading(prompts, [choice for _, _, choice in flat])
    for i, (owner, example, _) in enumerate(flat):
        yield _Feature(made["input_ids"][i], _types(made, i), owner, example.label)


def _lines(reading: Reading, examples: Sequence[Example], first: int) -> Iterable[_Feature]:
    found = [cast(LineExample, example) for example in examples]
    for alone, alike in groupby(found, key=lambda line: line.text2 is None):
        lines = list(alike)
        made = reading([line.text for line in lines], None if alone else [line.text2 or "" for line in lines])
        for i, line in enumerate(lines):
            second = 0 if alone else next((at for at, of in enumerate(made.sequence_ids(i)) if of == 1), 0)
            yield _Feature(made["input_ids"][i], _types(made, i), first + i, line.language, second)
        first += len(lines)


def _sentences(reading: Reading, examples: Sequence[Example], first: int) -> Iterable[_Feature]:
    """Yield the source of every pair, then its target, as two features of one example."""
    found = [cast(PairExample, example) for example in examples]
    made = reading([text for example in found for text in (example.source, example.target)])
    for i in range(2 * len(found)):
        yield _Feature(made["input_ids"][i], _types(made, i), first + i // 2)


def _words(reading: Reading, examples: Sequence[Example], first: int) -> Iterable[_Feature]:
    found = [cast(TokensExample, example) for example in examples]
    made = reading(
        [list(example.words) for example in found],
        is_split_into_words=True,
        return_overflowing_tokens=True,
        stride=0,
    )
    owners = made["overflow_to_sample_mapping"]
    number = {label: i for i, label in enumerate(reading.labels)}
    last = (-1, -1)
    for i, owner in enumerate(owners):
        words = made.word_ids(i)
        place = np.full(len(words), -1, dtype=np.int64)
        for at, word in enumerate(words):
            if word is not None and (owner, word) > last:
                place[at] = word
                last = (owner, word)
        labels = found[owner].labels
        label = np.array([IGNORED if word < 0 else number[labels[word]] for word in place])
        yield _Feature(made["input_ids"][i], _types(made, i), first + owner, label, place)


def _spans(reading: Reading, examples: Sequence[Example], first: int) -> Iterable[_Feature]:
    found = [cast(SpanExample, example) for example in examples]
    made = reading(
        [_cut(reading, example.question) for example in found],
        [example.context for example in found],
        truncation="only_second",
        return_overflowing_tokens=True,
        stride=max(1, (reading.max_length - QUESTION_TOKENS) // 3),
        return_offsets_mapping=True,
    )
    for i, owner in enumerate(made["overflow_to_sample_mapping"]):
        inside = np.array([of == 1 for of in made.sequence_ids(i)])
        place = np.where(inside[:, None], np.array(made["offset_mapping"][i]), -1)
        label = _answer(found[owner], place, _classification(reading, made["input_ids"][i]))
        yield _Feature(made["input_ids"][i], _types(made, i), first + owner, label[None], place)


def _answer(example: SpanExample, place: Integers, classification: int) -> Integers:
    """Return the first and last token of the first answer; those of nothing where the window lacks it."""
    if example.answers:
        text, start = example.answers[0]
        covered = np.flatnonzero((place[:, 0] < start + len(text)) & (place[:, 1] > start))
        whole = len(covered) and place[covered[0], 0] <= start and place[covered[-1], 1] >= start + len(text)
        if whole:
            return covered[[0, -1]]
    return np.array([classification, classification])


def _classification(reading: Reading, ids: Sequence[int]) -> int:
    token = reading.tokenizer.cls_token_id
    return ids.index(token) if token in ids else 0


def _cut(reading: Reading, question: str) -> str:
    offsets = reading(
        [question], return_offsets_mapping=True, add_special_tokens=False, truncation=False, max_length=None
    )["offset_mapping"][0]
    longest = min(QUESTION_TOKENS, reading.max_length // 2)
    return question if len(offsets) <= longest else question[: offsets[longest - 1][1]]


def _types(made: Any, i: int) -> Sequence[int]:
    return made["token_type_ids"][i] if "token_type_ids" in made else [0] * len(made["input_ids"][i])


_MAKERS: dict[Kind, Callable[[Reading, Sequence[Example], int], Iterable[_Feature]]] = {
    "text": _texts,
    "choice": _choices,
    "lines": _lines,
    "retrieval": _sentences,
    "tokens": _words,
    "span": _spans,
}


def joined(parts: Sequence[Encoded], examples: Sequence[int]) -> Encoded:
    """Put features of several sets into one, whose owners count on; `examples` says how many each set has."""
    offsets = np.concatenate([[0], np.cumsum(examples)])
    owners = [part.owner + offset for part, offset in zip(parts, offsets, strict=False)]
    together = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("ids", "types", "labels", "places")
    }
    lengths = np.concatenate([part.lengths for part in parts])
    return Encoded(starts=np.concatenate([[0], np.cumsum(lengths)]), owner=np.concatenate(owners), **together)


def refuse_unanswerable(encoded: Encoded, task: str, max_length: int) -> None:
    """Refuse training data of a span task in which no window holds its answer.

    Raises
    ------
    InvalidTask
    """
    at = encoded.starts[:-1] + encoded.labels[:, 0]
    if len(encoded) and (encoded.places[at, 0] < 0).all():
        raise InvalidTask(
            f"task {task!r}: the tokeniser cuts every answer off: at max_length = {max_length} no window of a"
            " context holds its answer whole. Raise max_length, or use another tokeniser"
        )


def kept(folder: Path, make: Callable[[], Encoded]) -> Encoded:
    """Read features from a folder, mapped into memory; where it is not there, make and write them first."""
    if not folder.is_dir():
        made = make()
        with replacing_folder(folder) as temporary:
            for field in fields(Encoded):
                np.save(temporary / f"{field.name}.npy", getattr(made, field.name))
    return Encoded(
        **{field.name: np.load(folder / f"{field.name}.npy", mmap_mode="r") for field in fields(Encoded)}
    )
