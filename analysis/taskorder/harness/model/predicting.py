"""Predictions of a trained model on many evaluation sets in one pass of batches sorted by length."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from taskorder.harness.examples import Example, Kind, SpanExample, TokensExample
from taskorder.harness.model.batches import in_order
from taskorder.harness.model.encoding import Encoded, joined
from taskorder.harness.model.learner import Learner, by_example, units

Integers = NDArray[np.int64]

ANSWER_TOKENS = 30
"""An answer has no more tokens."""
BEST = 20
"""Starts and ends that are considered in each window."""
DEPTH = 0.54
"""Share of the layers after which sentences are compared: layer 7 of 12, as XTREME does."""


@dataclass(frozen=True)
class EvaluationSet:
    """Examples with their features."""

    examples: Sequence[Example]
    encoded: Encoded


def predict(
    learner: Learner,
    task: str,
    kind: Kind,
    labels: tuple[str, ...],
    sets: Sequence[EvaluationSet],
    batch_tokens: int,
) -> list[Any]:
    """Predict all examples of all sets.

    Parameters
    ----------
    learner : Learner
    task : str
        Whose head is used.
    kind : Kind
        But for `lines`.
    labels : tuple of str
        Empty for a regression.
    sets : sequence of EvaluationSet
    batch_tokens : int

    Returns
    -------
    list
        For each set what `metrics.score` takes: labels or values (`text`), sequences of labels (`tokens`),
        answers (`span`), numbers of choices (`choice`), or two matrices of embeddings (`retrieval`).
    """
    counts = [len(one.examples) for one in sets]
    everything = joined([one.encoded for one in sets], counts)
    examples = [example for one in sets for example in one.examples]
    outputs = _outputs(learner, task, kind, everything, batch_tokens)
    found = _decoded(kind, examples, everything, outputs, labels)
    ends = itertools.accumulate(counts)
    return [_part(found, end - count, end) for end, count in zip(ends, counts, strict=True)]


def _part(found: Any, start: int, end: int) -> Any:
    if isinstance(found, tuple):
        return tuple(matrix[start:end] for matrix in found)
    return found[start:end]


def _outputs(learner: Learner, task: str, kind: Kind, encoded: Encoded, batch_tokens: int) -> list[Any]:
    outputs: list[Any] = [None] * len(encoded)
    divided = units(encoded, kind)
    was_training = learner.training
    learner.eval()
    with torch.inference_mode():
        for batch in in_order(divided.lengths, batch_tokens):
            features = divided.features(batch)
            for feature, output in zip(
                features, _of_batch(learner, task, kind, encoded, features), strict=True
            ):
                outputs[feature] = output
    learner.train(was_training)
    return outputs


def _of_batch(learner: Learner, task: str, kind: Kind, encoded: Encoded, features: Integers) -> list[Any]:
    given = learner.inputs(encoded, features)
    if kind == "retrieval":
        layers = learner.encoder.layers(given.ids, given.mask, given.types, every=True)
        states, mask = layers[round(DEPTH * (len(layers) - 1) + 0.5)], given.mask[..., None]
        return list((states * mask).sum(1).div(mask.sum(1)).float().cpu().numpy())
    logits = learner.outputs(task, kind, given).float().cpu()
    lengths = encoded.lengths[features]
    if kind == "tokens":
        return [row[:length] for row, length in zip(logits.argmax(-1).numpy(), lengths, strict=True)]
    if kind == "span":
        return [row[:length] for row, length in zip(logits.numpy(), lengths, strict=True)]
    return list(logits.numpy())


def _decoded(
    kind: Kind, examples: Sequence[Example], encoded: Encoded, outputs: list[Any], labels: tuple[str, ...]
) -> Any:
    if kind == "tokens":
        return _words(examples, encoded, outputs, labels)
    if kind == "span":
        return _answers(examples, encoded, outputs)
    vectors = np.array(outputs)
    if kind == "retrieval":
        return vectors[0::2], vectors[1::2]
    if kind == "choice":
        table, _ = by_example(torch.from_numpy(vectors[:, 0]), encoded.owner)
        return [int(i) for i in table.argmax(1)]
    if not labels:
        return [float(value) for value in vectors[:, 0]]
    return [labels[int(i)] for i in vectors.argmax(1)]


def _words(
    examples: Sequence[Example], encoded: Encoded, outputs: Sequence[Any], labels: tuple[str, ...]
) -> list[tuple[str, ...]]:
    """Give every word the label of its first token; a word that has no token gets the first label."""
    found = [[labels[0]] * len(cast(TokensExample, example).words) for example in examples]
    for feature, output in enumerate(outputs):
        places = encoded.places[encoded.starts[feature] : encoded.starts[feature + 1]]
        for at in np.flatnonzero(places >= 0):
            found[encoded.owner[feature]][int(places[at])] = labels[int(output[at])]
    return [tuple(words) for words in found]


def _answers(examples: Sequence[Example], encoded: Encoded, outputs: Sequence[Any]) -> list[str]:
    """Return the best span over the windows of each example."""
    best: list[tuple[float, str]] = [(-np.inf, "")] * len(examples)
    for feature, logits in enumerate(outputs):
        owner = int(encoded.owner[feature])
        places = encoded.places[encoded.starts[feature] : encoded.starts[feature + 1]]
        found = _best_span(logits, places)
        if found is not None and found[0] > best[owner][0]:
            value, start, end = found
            context = cast(SpanExample, examples[owner]).context
            best[owner] = (value, context[places[start, 0] : places[end, 1]])
    return [text for _, text in best]


def _best_span(logits: NDArray[np.float32], places: Integers) -> tuple[float, int, int] | None:
    inside = np.flatnonzero(places[:, 0] >= 0)
    if not len(inside):
        return None
    starts, ends = (inside[np.argsort(-logits[inside, side], kind="stable")[:BEST]] for side in (0, 1))
    value = logits[starts, 0][:, None] + logits[ends, 1][None]
    width = ends[None] - starts[:, None]
    value = np.where((width >= 0) & (width < ANSWER_TOKENS), value, -np.inf)
    i, j = np.unravel_index(int(np.argmax(value)), value.shape)
    return None if value[i, j] == -np.inf else (float(value[i, j]), int(starts[i]), int(ends[j]))
