"""Questions about paragraphs, in the JSON of SQuAD; and their answers' sentences, as LAReQA reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

from pydantic import TypeAdapter, ValidationError

from taskorder.errors import InvalidTask
from taskorder.harness.tasks.file import Format
from taskorder.harness.tasks.readers.rows import Row, first_fault, json_file


class Answer(TypedDict):
    """A stretch of the context, and its first character."""

    text: str
    answer_start: int


class Question(TypedDict):
    """A question with its answers; none where the context has none."""

    id: str | int
    question: str
    answers: list[Answer]


class Paragraph(TypedDict):
    """A context and what is asked about it; LAReQA adds its sentences, and where they begin and end."""

    context: str
    qas: list[Question]
    sentences: NotRequired[list[str]]
    sentence_breaks: NotRequired[list[tuple[int, int]]]


class Article(TypedDict):
    """Paragraphs of one origin."""

    paragraphs: list[Paragraph]


class Document(TypedDict):
    """A whole file."""

    data: list[Article]


_DOCUMENT = TypeAdapter(Document)


def squad(files: Sequence[Path], form: Format) -> Iterator[Row]:
    """Yield questions: `id`, `question`, `context`, `answers` (a list of text and start)."""
    del form
    for path in files:
        for paragraph in _paragraphs(path):
            for question in paragraph["qas"]:
                yield Row(f"{path}: question {question['id']}", {**question, "context": paragraph["context"]})


def lareqa(files: Sequence[Path], form: Format) -> Iterator[Row]:
    """Yield pairs of a question and a sentence that holds its answer, then all other sentences.

    The first file asks; the sentences are those of the files after it (the same questions in other
    languages, and its own), or its own where there are none. A question has one row, with the same id, for
    each file that answers it.

    Source: Roy et al. 2020 (LAReQA), section 3.1: the candidates are all sentences of all paragraphs; the
    right one is where the answer begins.
    """
    del form
    asked = {
        question["id"]: question["question"]
        for paragraph in _paragraphs(files[0])
        for question in paragraph["qas"]
    }
    for path in dict.fromkeys(files[1:] or files):
        alone: list[str] = []
        for paragraph in _paragraphs(path):
            sentences = _sentences(path, paragraph)
            answered: set[int] = set()
            for question in paragraph["qas"]:
                if question["id"] not in asked:
                    continue
                place = f"{path}: question {question['id']}"
                at = _answering(place, question, paragraph)
                answered.add(at)
                values = {"source": asked[question["id"]], "target": sentences[at], "gold": True}
                yield Row(place, {"id": question["id"], **values})
            alone += [sentence for i, sentence in enumerate(sentences) if i not in answered]
        for sentence in alone:
            yield Row(str(path), {"id": "", "source": "", "target": sentence, "gold": False})


def _paragraphs(path: Path) -> Iterator[Paragraph]:
    try:
        document = _DOCUMENT.validate_python(json_file(path))
    except ValidationError as error:
        raise InvalidTask(
            f"{path}: no JSON of SQuAD (data[].paragraphs[].qas[]): {first_fault(error)}"
        ) from None
    for article in document["data"]:
        yield from article["paragraphs"]


def _sentences(path: Path, paragraph: Paragraph) -> list[str]:
    sentences, breaks = paragraph.get("sentences", []), paragraph.get("sentence_breaks", [])
    if not sentences or len(sentences) != len(breaks):
        raise InvalidTask(
            f"{path}: a paragraph has no 'sentences' with 'sentence_breaks': use the files of LAReQA,"
            " which add them to those of XQuAD"
        )
    return sentences


def _answering(place: str, question: Question, paragraph: Paragraph) -> int:
    """Return the number of the sentence in which the first answer begins."""
    starts = [first for first, _ in paragraph.get("sentence_breaks", [])]
    answers = question["answers"][:1]
    before = [i for i, first in enumerate(starts) if answers and first <= answers[0]["answer_start"]]
    if not before:
        raise InvalidTask(f"{place}: no sentence of its paragraph holds the answer")
    return before[-1]
