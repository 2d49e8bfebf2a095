"""Exact match and F1 of answers, as the official scripts of SQuAD 1.1 and MLQA score them.

XTREME scores XQuAD and TyDiQA-GoldP in all languages with the script of SQuAD, which knows English articles
and ASCII punctuation only; MLQA with its own, which knows seven languages.
"""

from __future__ import annotations

import re
import string
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache

from taskorder.errors import InvalidTask

type Words = Callable[[str], list[str]]

_ARTICLES = {
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "ar": r"\sال^|ال",
}
MLQA_LANGUAGES = frozenset({*_ARTICLES, "hi", "zh"})
_IDEOGRAPH = re.compile("([\u4e00-\u9fa5])")


def squad_words(text: str) -> list[str]:
    """Split an answer as SQuAD 1.1 does: lower case, no ASCII punctuation, no English articles."""
    bare = text.lower().translate(_ascii_punctuation())
    return re.sub(_ARTICLES["en"], " ", bare).split()


def mlqa_words(language: str) -> Words:
    """Return what splits an answer as MLQA does.

    Lower case, no Unicode punctuation, no articles of the language; in Chinese each ideograph is a word.

    Raises
    ------
    InvalidTask
        If the language is none of MLQA's seven.
    """
    if language not in MLQA_LANGUAGES:
        raise InvalidTask(
            f"MLQA's metrics are not defined in {language!r} but in {', '.join(sorted(MLQA_LANGUAGES))};"
            " take f1 and exact_match, as XTREME does for XQuAD and TyDiQA"
        )

    def words(text: str) -> list[str]:
        bare = text.lower().translate(_punctuation())
        if language in _ARTICLES:
            bare = re.sub(_ARTICLES[language], " ", bare)
        return (_IDEOGRAPH.sub(r" \1 ", bare) if language == "zh" else bare).split()

    return words


def exact_match(
    predictions: Sequence[str], gold: Sequence[Sequence[str]], words: Words = squad_words
) -> float:
    """Return the share of predictions that equal one of their gold answers.

    Parameters
    ----------
    predictions : sequence of str
    gold : sequence of sequences of str
        Where there is no answer, the prediction must be empty, as in SQuAD 2.0.
    words : callable
        `squad_words`, or what `mlqa_words` returns.
    """
    return _mean_of_best(_same, predictions, gold, words)


def answer_f1(predictions: Sequence[str], gold: Sequence[Sequence[str]], words: Words = squad_words) -> float:
    """Return the mean F1 of predicted words, each prediction beside the nearest of its gold answers.

    Parameters are those of `exact_match`.
    """
    return _mean_of_best(_overlap, predictions, gold, words)


def _mean_of_best(
    compare: Callable[[list[str], list[str]], float],
    predictions: Sequence[str],
    gold: Sequence[Sequence[str]],
    words: Words,
) -> float:
    total = 0.0  # term by term, as the official scripts do: `sum` compensates, and differs in the last digit
    for prediction, answers in zip(predictions, gold, strict=True):
        mine = words(prediction)
        total += max(compare(mine, words(answer)) for answer in answers) if answers else float(not mine)
    return total / len(gold)


def _same(mine: list[str], true: list[str]) -> float:
    return float(mine == true)


def _overlap(mine: list[str], true: list[str]) -> float:
    same = (Counter(mine) & Counter(true)).total()
    if not same:
        return 0.0
    precision, recall = same / len(mine), same / len(true)
    return 2 * precision * recall / (precision + recall)


@cache
def _ascii_punctuation() -> dict[int, None]:
    return dict.fromkeys(map(ord, string.punctuation))


@cache
def _punctuation() -> dict[int, None]:
    unicode = (code for code in range(sys.maxunicode) if unicodedata.category(chr(code)).startswith("P"))
    return dict.fromkeys(unicode) | _ascii_punctuation()
