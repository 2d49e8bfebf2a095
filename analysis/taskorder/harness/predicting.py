"""Predictions of a trained model on many evaluation sets in one pass of batches sorted by length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from taskorder.harness.batches import in_order
from taskorder.harness.encoding import Encoded
from taskorder.harness.examples import Example, Kind, SpanExample, TokensExample
from taskorder.harness.learner import Learner, by_example, units

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
        For each set what `metrics.score` takes: labels or values (`text`), label sequences (`tokens`), answers
        (`span`), numbers of choices (`choice`), or two matrices of sentence embeddings (`retrieval`).
    """
    outputs: list[list[Any]] = [[None] * len(one.encoded) for one in sets]
    divided = [units(one.encoded, kind) for one in sets]
    lengths = np.concatenate([part.lengths for part in divided])
    which = np.repeat(np.arange(len(sets)), [len(part.lengths) for part in divided])
    number = np.concatenate([np.arange(len(part.lengths)) for part in divided])
    was_training = learner.training
    learner.eval()
    with torch.inference_mode():
        for batch in in_order(lengths, batch_tokens):
            for of_set in np.unique(which[batch]):
                chosen = divided[of_set].features(number[batch[which[batch] == of_set]])
                found = _outputs(learner, task, kind, sets[of_set].encoded, chosen)
                for feature, output in zip(chosen, found, strict=True):
                    outputs[of_set][feature] = output
    learner.train(was_training)
    return [_DECODERS[kind](one, found, labels) for one, found in zip(sets, outputs, strict=True)]


def _outputs(learner: Learner, task: str, kind: Kind, encoded: Encoded, features: Integers) -> list[Any]:
    given = learner.inputs(encoded, features)
    if kind == "retrieval":
        layers = learner.encoder.layers(given.ids, given.mask, given.types, every=True)
        states, mask = layers[round(DEPTH * (len(layers) - 1) + 0.5)], given.mask[..., None]
        return list((states * mask).sum(1).div(mask.sum(1)).float().cpu().numpy())
    logits = learner.outputs(task, kind, given).float().cpu()
    lengths = encoded.lengths[features]
    if kind == "tokens":
        return [row[:length].argmax(-1).numpy() for row, length in zip(logits, lengths, strict=True)]
    if kind == "span":
        return [row[:length].numpy() for row, length in zip(logits, lengths, strict=True)]
    return list(logits.numpy())


def _texts(one: EvaluationSet, outputs: Sequence[Any], labels: tuple[str, ...]) -> list[Any]:
    if not labels:
        return [float(output[0]) for output in outputs]
    return [labels[int(np.argmax(output))] for output in outputs]


def _choices(one: EvaluationSet, outputs: Sequence[Any], labels: tuple[str, ...]) -> list[int]:
    table, _ = by_example(cast(Tensor, torch.tensor(np.array(outputs)[:, 0])), one.encoded.owner)
    return [int(i) for i in table.argmax(1)]


def _words(one: EvaluationSet, outputs: Sequence[Any], labels: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Give every word the label of its first token; a word that has no token gets the first label."""
    found = [[labels[0]] * len(cast(TokensExample, example).words) for example in one.examples]
    encoded = one.encoded
    for feature, output in enumerate(outputs):
        places = encoded.places[encoded.starts[feature] : encoded.starts[feature + 1]]
        for at in np.flatnonzero(places >= 0):
            found[encoded.owner[feature]][int(places[at])] = labels[int(output[at])]
    return [tuple(words) for words in found]


def _answers(one: EvaluationSet, outputs: Sequence[Any], labels: tuple[str, ...]) -> list[str]:
    """Return the best span over the windows of each example."""
    best: list[tuple[float, str]] = [(-np.inf, "")] * len(one.examples)
    encoded = one.encoded
    for feature, logits in enumerate(outputs):
        owner = int(encoded.owner[feature])
        places = encoded.places[encoded.starts[feature] : encoded.starts[feature + 1]]
        found = _best_span(logits, places)
        if found is not None and found[0] > best[owner][0]:
            value, start, end = found
            context = cast(SpanExample, one.examples[owner]).context
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


def _sentences(one: EvaluationSet, outputs: Sequence[Any], labels: tuple[str, ...]) -> Any:
    vectors = np.array(outputs)
    return vectors[0::2], vectors[1::2]


_DECODERS: dict[Kind, Any] = {
    "text": _texts,
    "choice": _choices,
    "tokens": _words,
    "span": _answers,
    "retrieval": _sentences,
}
