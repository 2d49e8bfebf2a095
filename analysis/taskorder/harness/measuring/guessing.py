"""What guessing would score on a task, and what it would cost: where measures of difficulty have their 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from taskorder.harness.examples import ChoiceExample, Example, TextExample, TokensExample
from taskorder.harness.tasks.task import Task


def chance(task: Task, examples: Sequence[Example], language: str) -> float:
    """Return the headline score of guessing: the best of one label for everything, or of choosing evenly.

    0 for regressions, answers, and tasks without a metric.
    """
    from taskorder.harness import metrics

    if task.kind == "choice":
        return float(np.mean([1 / len(cast(ChoiceExample, one).choices) for one in examples]))
    return max(
        (
            metrics.score(task.metrics[0], _constant(label, examples), examples, language=language)
            for label in task.labels
        ),
        default=0.0,
    )


def _constant(label: str, examples: Sequence[Example]) -> list[Any]:
    return [(label,) * len(one.words) if isinstance(one, TokensExample) else label for one in examples]


def guessing_loss(task: Task, examples: Sequence[Example], tokenizer: Any, max_length: int) -> float:
    """Return the training loss of guessing evenly, in nats; of a regression the variance of its values.

    Among labels, choices, the tokens of an input (`span`), or the words of the vocabulary (`lines`).
    """
    match task.kind:
        case "choice":
            return float(np.mean([math.log(len(cast(ChoiceExample, one).choices)) for one in examples]))
        case "span":
            from taskorder.harness.model.encoding import Reading

            encoded = Reading(tokenizer, task.kind, task.labels, max_length).encode(examples)
            return float(np.mean(np.log(encoded.lengths)))
        case "lines":
            return math.log(len(tokenizer))
        case _ if task.labels:
            return math.log(len(task.labels))
        case _:
            return float(np.var([float(cast(TextExample, one).label) for one in examples]))
