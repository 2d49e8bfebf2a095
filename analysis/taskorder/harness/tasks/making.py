"""Examples made of rows, whatever format these came in; everything that is wrong is named with its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from taskorder.errors import InvalidTask, nearest
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
from taskorder.harness.tasks.file import Column, TaskFile
from taskorder.harness.tasks.readers.rows import Row

_ABSENT = object()


@dataclass(frozen=True)
class Making:
    """How rows become examples: the task's rules, and which column is what."""

    task: TaskFile
    columns: Mapping[str, Column]
    word_prefix: str = ""

    def example(self, row: Row, number: int) -> Example:
        """Make the example of a row; `number` is its id where the data have none.

        Raises
        ------
        InvalidTask
            With the row's place, if the row lacks a column or holds what the task does not allow.
        """
        given = self.value(row, "id") if "id" in self.columns else ""
        return _MAKERS[self.task.kind](self, row, str(number) if given in ("", None) else str(given))

    def value(self, row: Row, role: str) -> Any:
        """Return what a row holds in the column of a role."""
        column = self.columns[role]
        return _found(row, (column,) if isinstance(column, str) else cast("tuple[str, ...]", column))

    def text(self, row: Row, role: str) -> str:
        """Return a text; an empty one where the task names no such column."""
        if role not in self.columns:
            return ""
        return _text(row, role, self.value(row, role))

    def label(self, row: Row, raw: Any) -> str:
        """Return the task's label for what the data say."""
        task = self.task
        if raw is None:
            raise InvalidTask(
                f"{row.place}: there is no label: is this a test set whose labels are kept back?"
            )
        if task.threshold is not None:
            return task.labels[int(_number(row, raw) >= task.threshold)]
        text = str(raw).strip()
        if task.cut:
            text = text.split(task.cut)[0]
        text = task.map.get(text, text)
        if text not in task.labels:
            raise InvalidTask(
                f"{row.place}: {text!r} is no label of the task; allowed: {', '.join(task.labels)}."
                f"{nearest(text, task.labels)} To count it as another label, add it to [map]"
            )
        return text


def _found(row: Row, names: Sequence[str]) -> Any:
    for name in names:
        value: Any = row.values
        for part in [name] if name in row.values else name.split("."):
            value = (
                cast("Mapping[str, Any]", value).get(part, _ABSENT) if isinstance(value, Mapping) else _ABSENT
            )
        if value is not _ABSENT:
            return value
    raise InvalidTask(
        f"{row.place}: there is no column {' or '.join(map(repr, names))}; there are"
        f" {', '.join(row.values) or 'none'}.{nearest(names[0], row.values)}"
    )


def _text(row: Row, role: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidTask(f"{row.place}: {role} is {value!r}, and no text")
    return value


def _number(row: Row, raw: Any) -> float:
    try:
        number = float(raw)
    except (TypeError, ValueError):
        number = float("nan")
    if not abs(number) < float("inf"):
        raise InvalidTask(f"{row.place}: the label {raw!r} is no number")
    return number


def _of_text(making: Making, row: Row, name: str) -> Example:
    raw = making.value(row, "label")
    label = _number(row, raw) if making.task.regression else making.label(row, raw)
    second = making.text(row, "text2") if "text2" in making.columns else None
    return TextExample(name, making.text(row, "text"), second, label)


def _of_tokens(making: Making, row: Row, name: str) -> Example:
    words, labels = making.value(row, "words"), making.value(row, "labels")
    if not isinstance(words, (list, tuple)) or not isinstance(labels, (list, tuple)):
        raise InvalidTask(f"{row.place}: words and labels must be lists")
    words, labels = cast("Sequence[Any]", words), cast("Sequence[Any]", labels)
    if len(words) != len(labels):
        raise InvalidTask(f"{row.place}: {len(words)} words, but {len(labels)} labels")
    if not words:
        raise InvalidTask(f"{row.place}: a sentence without words")
    return TokensExample(
        name,
        tuple(_text(row, "a word", word).removeprefix(making.word_prefix) for word in words),
        tuple(making.label(row, label) for label in labels),
    )


def _of_span(making: Making, row: Row, name: str) -> Example:
    context = making.text(row, "context")
    answers = _pairs(row, making.value(row, "answers"))
    for text, start in answers:
        if not text:
            raise InvalidTask(f"{row.place}: an answer is empty; a question without an answer has none")
        if start < 0 or context[start : start + len(text)] != text:
            raise InvalidTask(
                f"{row.place}: the answer {text[:60]!r} does not stand at character {start} of its context;"
                f" there is {context[max(start, 0) : max(start, 0) + len(text)][:60]!r}"
            )
    return SpanExample(name, making.text(row, "question"), context, answers)


def _pairs(row: Row, answers: Any) -> tuple[tuple[str, int], ...]:
    """Read answers as pairs, or as two lists (`text`, `answer_start`)."""
    try:
        pairs = (
            list(zip(answers["text"], answers["answer_start"], strict=True))
            if isinstance(answers, Mapping)
            else [
                (answer["text"], answer["answer_start"]) if isinstance(answer, Mapping) else answer
                for answer in answers
            ]
        )
        found = tuple((text, start) for text, start in pairs)
    except (KeyError, TypeError, ValueError):
        found = None
    if found is None or not all(isinstance(text, str) and isinstance(start, int) for text, start in found):
        raise InvalidTask(f"{row.place}: each answer needs a text and the number of its first character")
    return cast("tuple[tuple[str, int], ...]", found)


def _of_choice(making: Making, row: Row, name: str) -> Example:
    column = making.columns["choices"]
    if isinstance(column, str):
        raw = _found(row, (column,))
        values = list(cast("Sequence[Any]", raw)) if isinstance(raw, (list, tuple)) else [raw]
    else:
        values = [_found(row, (one,) if isinstance(one, str) else one) for one in column]
    choices = tuple(_text(row, "a choice", value) for value in values)
    raw_label = str(making.value(row, "label")).strip()
    label = making.task.map.get(raw_label, raw_label)
    if not label.isdecimal() or int(label) >= len(choices):
        raise InvalidTask(
            f"{row.place}: the label {raw_label!r} is no number of a choice, 0 to {len(choices) - 1}; other"
            ' names of choices go into [map], such as A = "0"'
        )
    question = making.text(row, "question")
    question = making.task.questions.get(question, question)
    return ChoiceExample(name, making.text(row, "prompt"), question, choices, int(label))


def _of_lines(making: Making, row: Row, name: str) -> Example:
    second = making.text(row, "text2") if "text2" in making.columns else None
    return LineExample(name, making.text(row, "text"), second, making.text(row, "language"))


def _of_retrieval(making: Making, row: Row, name: str) -> Example:
    gold = bool(making.value(row, "gold")) if "gold" in making.columns else True
    source, target = making.text(row, "source"), making.text(row, "target")
    if gold and not (source.strip() and target.strip()):
        raise InvalidTask(f"{row.place}: one side of a pair is empty")
    return PairExample(name, source, target, gold)


_MAKERS: dict[Kind, Callable[[Making, Row, str], Example]] = {
    "text": _of_text,
    "tokens": _of_tokens,
    "span": _of_span,
    "choice": _of_choice,
    "lines": _of_lines,
    "retrieval": _of_retrieval,
}
