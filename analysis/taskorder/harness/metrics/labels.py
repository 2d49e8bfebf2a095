"""Scores of labels and of numbers, equal to scikit-learn's and SciPy's."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from taskorder.errors import InvalidTask

POSITIVE = frozenset(
    {"1", "true", "yes", "positive", "equivalent", "paraphrase", "duplicate", "acceptable", "entailment"}
)
"""Labels that are the positive one of two, in any case."""


def accuracy(predictions: Sequence[Hashable], gold: Sequence[Hashable]) -> float:
    """Return the share of predictions that equal the gold."""
    return sum(mine == right for mine, right in zip(predictions, gold, strict=True)) / len(gold)


def binary_f1(predictions: Sequence[str], gold: Sequence[str], positive: str) -> float:
    """Return the F1 of one label; 0 where it is neither predicted nor gold."""
    return _f1_of_each(predictions, gold, [positive])[0]


def macro_f1(predictions: Sequence[str], gold: Sequence[str]) -> float:
    """Return the mean F1 of all labels that are predicted or gold."""
    return float(np.mean(_f1_of_each(predictions, gold, sorted({*predictions, *gold}))))


def _f1_of_each(predictions: Sequence[str], gold: Sequence[str], labels: Iterable[str]) -> list[float]:
    right = Counter(mine for mine, true in zip(predictions, gold, strict=True) if mine == true)
    either = Counter(predictions) + Counter(gold)
    return [2 * right[label] / either[label] if either[label] else 0.0 for label in labels]


def positive_label(labels: Iterable[str]) -> str:
    """Find the positive one of two labels.

    Raises
    ------
    InvalidTask
        If there are more than two labels, or not exactly one of two is in `POSITIVE`.
    """
    found = sorted(set(labels))
    positive = [label for label in found if label.casefold() in POSITIVE]
    if len(found) <= 1:
        return positive[0] if positive else "1"
    if len(found) == 2 and len(positive) == 1:
        return positive[0]
    raise InvalidTask(
        "metric f1 is of one label out of two, and which one that is cannot be told of"
        f" {', '.join(map(repr, found[:5]))}; map the positive one to '1'"
        f" ({', '.join(sorted(POSITIVE))} would also do), or take macro_f1"
    )


def matthews(predictions: Sequence[str], gold: Sequence[str]) -> float:
    """Return Matthews' correlation, of two labels or more; 0 where predictions or gold are constant.

    Notes
    -----
    Gorodkin (2004), Comparing two K-category assignments by a K-category correlation coefficient, eq. 8.
    """
    total = len(gold)
    predicted, true = Counter(predictions), Counter(gold)
    right = sum(mine == label for mine, label in zip(predictions, gold, strict=True))
    shared = right * total - sum(predicted[label] * true[label] for label in true)
    spread = math.prod(total**2 - sum(n * n for n in counts.values()) for counts in (predicted, true))
    return shared / math.sqrt(spread) if spread else 0.0


def pearson(predictions: Sequence[float], gold: Sequence[float]) -> float:
    """Return Pearson's correlation; 0, and not NaN, where predictions or gold are constant."""
    return _correlation("pearsonr", predictions, gold)


def spearman(predictions: Sequence[float], gold: Sequence[float]) -> float:
    """Return Spearman's rank correlation; 0, and not NaN, where predictions or gold are constant."""
    return _correlation("spearmanr", predictions, gold)


def _correlation(name: str, predictions: Sequence[float], gold: Sequence[float]) -> float:
    if len(predictions) != len(gold):
        raise ValueError(f"{len(predictions)} predictions for {len(gold)} examples")
    if len(set(predictions)) < 2 or len(set(gold)) < 2:
        return 0.0
    from scipy import stats

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = float(getattr(stats, name)(predictions, gold).statistic)
    return value if math.isfinite(value) else 0.0
