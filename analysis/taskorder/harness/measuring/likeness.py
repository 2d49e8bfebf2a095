"""How alike two collections of examples are: in the tokens of their texts, and in an encoder's eyes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from taskorder.harness.examples import (
    ChoiceExample,
    Example,
    PairExample,
    SpanExample,
    TokensExample,
)
from taskorder.harness.tasks.task import Task

Floats = NDArray[np.float64]

AT_ONCE = 1000


def texts(example: Example, *, pivot: bool = False) -> tuple[str, ...]:
    """Return all that there is to read in an example; of a pair for retrieval one side."""
    match example:
        case TokensExample():
            return (" ".join(example.words),)
        case SpanExample():
            return (example.question, example.context)
        case ChoiceExample():
            return tuple(filter(None, (example.prompt, example.question, *example.choices)))
        case PairExample():
            return (example.target if pivot else example.source,)
        case _:
            return (example.text, *((example.text2,) if example.text2 else ()))


def token_counts(tokenizer: Any, lines: Iterable[str]) -> Floats:
    """Count the tokens of texts, without special tokens and in full, (V,)."""
    counts = np.zeros(len(tokenizer))
    lines = list(lines)
    for first in range(0, len(lines), AT_ONCE):
        found = tokenizer(lines[first : first + AT_ONCE], add_special_tokens=False, verbose=False)[
            "input_ids"
        ]
        ids = np.concatenate([np.asarray(tokens, dtype=np.int64) for tokens in found])
        counts += np.bincount(ids, minlength=len(counts))
    return counts


def jensen_shannon(first: Floats, second: Floats) -> float:
    """Return the Jensen-Shannon divergence, in bits, of two distributions that are given as counts.

    0 where they are the same, 1 where they share nothing; NaN where one of them is empty.

    Notes
    -----
    Lin (1991), Divergence measures based on the Shannon entropy; as a measure of domains: Ruder and Plank
    (2017), arXiv:1707.05246.
    """
    if not first.sum() or not second.sum():
        return float("nan")
    p, q = first / first.sum(), second / second.sum()
    divergence = (_relative_entropy(p, (p + q) / 2) + _relative_entropy(q, (p + q) / 2)) / 2
    return min(1.0, max(0.0, divergence))


def _relative_entropy(p: Floats, q: Floats) -> float:
    some = p > 0
    return float(np.sum(p[some] * np.log2(p[some] / q[some])))


def cosine(first: Floats, second: Floats) -> float:
    """Return the cosine of the angle between two vectors; NaN where one has no length."""
    norm = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(np.clip(first @ second / norm, -1.0, 1.0)) if norm > 0 else float("nan")


def has_weights(backbone: str) -> bool:
    """Say whether a backbone is pretrained; False for a folder from which encoders start by chance."""
    folder = Path(backbone)
    return not folder.is_dir() or any(folder.glob("*.safetensors*"))


class Embedder:
    """A backbone that turns the examples of a task into one vector.

    Parameters
    ----------
    backbone : str
        A folder, or a name on the hub.
    seed : int
        For a backbone without weights.

    Raises
    ------
    MissingData
        If the backbone cannot be read.
    """

    def __init__(self, backbone: str, tokenizer: Any, seed: int) -> None:
        from taskorder.harness.model.encoders import read_encoder
        from taskorder.harness.model.learner import Learner, Vocabulary, device

        self.tokenizer = tokenizer
        encoder = read_encoder(backbone, "full", {}, seed)
        self.learner = Learner(encoder, {}, Vocabulary.of(tokenizer)).to(device()).eval()

    def mean(
        self, task: Task, examples: Sequence[Example], max_length: int, batch_tokens: int = 4096
    ) -> Floats:
        """Return the mean over examples of the mean over tokens of the states of a middle layer, (H,).

        The layer is that of retrieval (`predicting.DEPTH`). An example that is several inputs (windows,
        choices) counts as the mean of them.

        Notes
        -----
        After TEXTEMB of Vu et al. (2020), arXiv:2005.00770.
        """
        import torch

        from taskorder.harness.model.batches import in_order
        from taskorder.harness.model.encoding import Reading
        from taskorder.harness.model.predicting import DEPTH

        encoded = Reading(self.tokenizer, task.kind, task.labels, max_length).encode(examples)
        states = np.zeros((len(encoded), self.learner.encoder.sizes.states))
        with torch.inference_mode():
            for features in in_order(encoded.lengths, batch_tokens):
                given = self.learner.inputs(encoded, features)
                layers = self.learner.encoder.layers(given.ids, given.mask, given.types, every=True)
                chosen, mask = layers[round(DEPTH * (len(layers) - 1) + 0.5)], given.mask[..., None]
                states[features] = (chosen * mask).sum(1).div(mask.sum(1)).double().cpu().numpy()
        inputs = np.bincount(encoded.owner, minlength=len(examples))
        weights = 1 / inputs[encoded.owner]
        return weights @ states / weights.sum()
