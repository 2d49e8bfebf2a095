"""Metrics by their names, equal to those of the benchmarks' official scripts.

What a metric is depends on the kind of task: `f1` is that of the positive label of two (`text`), of entities
(`tokens`), of the words of answers (`span`) or of mined translations (`retrieval`).

Predictions are, by the kind of task:

============== =====================================================================================
`text`         labels, or numbers where the task is a regression
`tokens`       a sequence of labels for each sentence, one for each word
`span`         answers
`choice`       numbers of choices, counted from 0
`retrieval`    two matrices of embeddings, of the sources and of the targets, one row an example each
============== =====================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from taskorder.errors import InvalidExperiment, InvalidTask, MissingData, nearest
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
from taskorder.harness.metrics import answers, entities, labels, retrieval
from taskorder.results.schema import CORRELATIONS

type Function = Callable[[Any, Sequence[Any], str], float]
"""Predictions, examples, language -> score."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What a name means for each kind of task.

    Attributes
    ----------
    functions : mapping
        For each kind that the metric is defined for.
    reported : str
        Its name in result tables: the field writes `f1` for SQuAD's F1 and MLQA's alike.
    languages : frozenset of str or None
        Where it is defined; None for everywhere.
    """

    functions: Mapping[Kind, Function]
    reported: str
    languages: frozenset[str] | None = None

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest score."""
        return (-1.0 if self.reported in CORRELATIONS else 0.0, 1.0)


def _labels_of(examples: Sequence[TextExample]) -> list[str]:
    return [str(one.label) for one in examples]


def _on_labels(function: Callable[[Sequence[str], Sequence[str]], float]) -> Function:
    return lambda predictions, examples, _: function(predictions, _labels_of(examples))


def _on_numbers(function: Callable[[Sequence[float], Sequence[float]], float]) -> Function:
    return lambda predictions, examples, _: function(
        [float(value) for value in predictions], [float(one.label) for one in examples]
    )


def _on_answers(
    function: Callable[[Sequence[str], Sequence[Sequence[str]], answers.Words], float], *, mlqa: bool
) -> Function:
    def scored(predictions: Sequence[str], examples: Sequence[SpanExample], language: str) -> float:
        gold = [[text for text, _ in one.answers] for one in examples]
        return function(predictions, gold, answers.mlqa_words(language) if mlqa else answers.squad_words)

    return scored


def _on_embeddings(
    function: Callable[[retrieval.Embeddings, Sequence[PairExample]], float],
) -> Function:
    return lambda predictions, examples, _: function(predictions, examples)


def _of_words(predictions: Sequence[Sequence[str]], examples: Sequence[TokensExample], _: str) -> float:
    pairs = [
        pair
        for mine, one in zip(predictions, examples, strict=True)
        for pair in zip(mine, one.labels, strict=True)
    ]
    return labels.accuracy([mine for mine, _ in pairs], [true for _, true in pairs])


def _of_choices(predictions: Sequence[int], examples: Sequence[ChoiceExample], _: str) -> float:
    return labels.accuracy(predictions, [one.label for one in examples])


def _of_entities(seqeval: entities.Seqeval) -> Function:
    return lambda predictions, examples, _: entities.entity_f1(
        predictions, [one.labels for one in examples], seqeval=seqeval
    )


def _of_positives(predictions: Sequence[str], examples: Sequence[TextExample], _: str) -> float:
    gold = _labels_of(examples)
    return labels.binary_f1(predictions, gold, labels.positive_label([*gold, *predictions]))


METRICS: Mapping[str, Metric] = {
    "accuracy": Metric(
        {
            "text": _on_labels(labels.accuracy),
            "tokens": _of_words,
            "choice": _of_choices,
            "retrieval": _on_embeddings(retrieval.tatoeba_accuracy),
        },
        "accuracy",
    ),
    "f1": Metric(
        {
            "text": _of_positives,
            "tokens": _of_entities("1.2.2"),
            "span": _on_answers(answers.answer_f1, mlqa=False),
            "retrieval": _on_embeddings(retrieval.bucc_f1),
        },
        "f1",
    ),
    "seqeval0_f1": Metric({"tokens": _of_entities("0.0.12")}, "f1"),
    "macro_f1": Metric({"text": _on_labels(labels.macro_f1)}, "macro_f1"),
    "mcc": Metric({"text": _on_labels(labels.matthews)}, "mcc"),
    "pearson": Metric({"text": _on_numbers(labels.pearson)}, "pearson"),
    "spearman": Metric({"text": _on_numbers(labels.spearman)}, "spearman"),
    "exact_match": Metric({"span": _on_answers(answers.exact_match, mlqa=False)}, "exact_match"),
    "mlqa_f1": Metric({"span": _on_answers(answers.answer_f1, mlqa=True)}, "f1", answers.MLQA_LANGUAGES),
    "mlqa_exact_match": Metric(
        {"span": _on_answers(answers.exact_match, mlqa=True)}, "exact_match", answers.MLQA_LANGUAGES
    ),
    "mrr": Metric({"retrieval": _on_embeddings(retrieval.mean_reciprocal_rank)}, "mrr"),
    "map": Metric({"retrieval": _on_embeddings(retrieval.mean_average_precision)}, "map"),
}
"""All metrics by the names that task files use."""

_KINDS: Mapping[type[Example], Kind] = {
    TextExample: "text",
    TokensExample: "tokens",
    SpanExample: "span",
    ChoiceExample: "choice",
    LineExample: "lines",
    PairExample: "retrieval",
}


def check(metric: str, kind: Kind, languages: Iterable[str] = ()) -> Metric:
    """Refuse, before anything is trained, a metric that could not be computed.

    Parameters
    ----------
    metric : str
        A name in `METRICS`.
    kind : Kind
    languages : iterable of str
        All that will be evaluated.

    Raises
    ------
    InvalidTask
        If there is no such metric, or it is not defined for that kind of task or one of the languages.
    """
    fitting = [name for name, one in METRICS.items() if kind in one.functions]
    there_are = f"for tasks of kind {kind!r} there are {', '.join(fitting) or 'none'}"
    if metric not in METRICS:
        raise InvalidTask(f"there is no metric {metric!r}; {there_are}.{nearest(metric, fitting)}")
    found = METRICS[metric]
    if kind not in found.functions:
        raise InvalidTask(f"metric {metric!r} is not defined here; {there_are}")
    if found.languages is not None and (other := sorted(set(languages) - found.languages)):
        raise InvalidTask(
            f"metric {metric!r} is not defined in {', '.join(other)} but in"
            f" {', '.join(sorted(found.languages))}; take {found.reported} there"
        )
    return found


def score(metric: str, predictions: Any, examples: Sequence[Example], *, language: str) -> float:
    """Score predictions.

    Parameters
    ----------
    metric : str
        A name in `METRICS`.
    predictions
        One for each example, in the form that the head of this module lists.
    examples : sequence of Example
        All of one kind.
    language : str
        Of the examples; only MLQA's metrics ask for it.

    Returns
    -------
    float
        A fraction within the metric's range, never NaN: correlations of constants are 0.

    Raises
    ------
    InvalidTask
        If the metric is not defined for such examples or in that language.
    InvalidExperiment
        If predictions are not finite numbers.
    MissingData
        If there is nothing to score.
    ValueError
        If predictions and examples are not equally many.
    """
    if not examples:
        raise MissingData(f"metric {metric!r}: there are no examples to score in {language!r}")
    kind = _KINDS[type(examples[0])]
    found = check(metric, kind)
    if kind == "retrieval":
        _check_retrieval(metric, predictions, examples)
    elif len(predictions) != len(examples):
        raise ValueError(f"{len(predictions)} predictions for {len(examples)} examples")
    _check_finite(metric, predictions)
    return float(found.functions[kind](predictions, examples, language))


def _check_retrieval(metric: str, embeddings: Any, examples: Sequence[Any]) -> None:
    if any(len(matrix) != len(examples) for matrix in embeddings):
        raise ValueError(f"{[len(matrix) for matrix in embeddings]} embeddings for {len(examples)} examples")
    if not any(one.gold and one.source and one.target for one in examples):
        raise MissingData(f"metric {metric!r}: no example has a translation to be found")


def _check_finite(metric: str, predictions: Sequence[Any]) -> None:
    first = predictions[0]
    if isinstance(first, np.ndarray):
        finite = all(bool(np.isfinite(matrix).all()) for matrix in predictions)
    else:
        finite = not isinstance(first, float) or all(math.isfinite(value) for value in predictions)
    if not finite:
        raise InvalidExperiment(
            f"metric {metric!r}: the model predicts numbers that are not finite, so its training has"
            " diverged; lower the learning rate in [training] and train it again"
        )
