"""Questions about paragraphs, in the JSON of SQuAD; and their answers' sentences, as LAReQA reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from taskorder.errors import InvalidTask
from taskorder.harness.readers.rows import Row, json_file
from taskorder.harness.taskfile import Format


def squad(files: Sequence[Path], form: Format) -> Iterator[Row]:
    """Yield questions: `id`, `question`, `context`, `answers` (pairs of text and start), `title`."""
    del form
    for path in files:
        for title, paragraph in _paragraphs(path):
            for question in paragraph["qas"]:
                yield Row(
                    f"{path}: question {question.get('id', '')}",
                    {
                        "id": question.get("id", ""),
                        "question": question.get("question"),
                        "context": paragraph.get("context"),
                        "answers": _answers(path, question),
                        "title": title,
                    },
                )


def lareqa(files: Sequence[Path], form: Format) -> Iterator[Row]:
    """Yield pairs of a question and the sentence that holds its answer, then all other sentences.

    Source: Roy et al. 2020 (LAReQA), section 3.1: the candidates are all sentences of all paragraphs; the
    right one is where the answer begins. `id` is the question's, which is the same in all languages.
    """
    del form
    for path in files:
        for _, paragraph in _paragraphs(path):
            sentences, breaks = paragraph.get("sentences"), paragraph.get("sentence_breaks")
            if not sentences or not breaks or len(sentences) != len(breaks):
                raise InvalidTask(
                    f"{path}: a paragraph has no 'sentences' with 'sentence_breaks': use the files of LAReQA,"
                    " which add them to those of XQuAD"
                )
            answered: set[int] = set()
            for question in paragraph["qas"]:
                place = f"{path}: question {question.get('id', '')}"
                answers = _answers(path, question)
                at = _sentence(answers[0][1], breaks) if answers else None
                if at is None:
                    raise InvalidTask(f"{place}: no sentence of its paragraph holds the answer")
                answered.add(at)
                source, target = question.get("question"), sentences[at]
                yield Row(place, {"id": question["id"], "source": source, "target": target, "gold": True})
            for i, sentence in enumerate(sentences):
                if i not in answered:
                    yield Row(str(path), {"id": "", "source": "", "target": sentence, "gold": False})


def _sentence(start: int, breaks: Sequence[Sequence[int]]) -> int | None:
    before = [i for i, (first, _) in enumerate(breaks) if first <= start]
    return before[-1] if before else None


def _paragraphs(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    content = json_file(path)
    try:
        for article in content["data"]:
            for paragraph in article["paragraphs"]:
                iter(paragraph["qas"])
                yield str(article.get("title", "")), paragraph
    except (KeyError, TypeError, AttributeError):
        raise InvalidTask(
            f"{path}: no JSON of SQuAD, which has data[].paragraphs[] with context and qas[]"
        ) from None


def _answers(path: Path, question: dict[str, Any]) -> list[tuple[str, int]]:
    try:
        return [(answer["text"], answer["answer_start"]) for answer in question["answers"]]
    except (KeyError, TypeError):
        raise InvalidTask(
            f"{path}: question {question.get('id', '')}: each of its answers needs 'text' and 'answer_start'"
        ) from None
