"""Batches of so many tokens, of examples about as long as each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

POOL = 50
"""Batches' worth of examples among which lengths are sorted: short of all of them, so that chance stays."""


def in_order(lengths: Integers, batch_tokens: int) -> list[Integers]:
    """Cut examples, longest first, into batches; for evaluation, where their order is free.

    Parameters
    ----------
    lengths : array (N,)
        Tokens of every example.
    batch_tokens : int
        Tokens of a batch at most, padding included; an example that is longer is a batch of its own.

    Returns
    -------
    list of arrays
        Which examples; each of them once.
    """
    return _cut(np.argsort(-lengths, kind="stable"), lengths, batch_tokens)


def shuffled(lengths: Integers, batch_tokens: int, rng: np.random.Generator) -> list[Integers]:
    """Cut examples into batches by chance: in each pool of examples those of like lengths stand together."""
    order = rng.permutation(len(lengths))
    pool = max(1, round(POOL * batch_tokens / max(1.0, float(lengths.mean()))))
    found: list[Integers] = []
    for start in range(0, len(order), pool):
        part = order[start : start + pool]
        found += _cut(part[np.argsort(-lengths[part], kind="stable")], lengths, batch_tokens)
    return [found[i] for i in rng.permutation(len(found))]


def _cut(order: Integers, lengths: Integers, batch_tokens: int) -> list[Integers]:
    """Cut examples in descending order of length: the first one of a batch is its width."""
    found: list[Integers] = []
    start = 0
    while start < len(order):
        count = max(1, batch_tokens // int(lengths[order[start]]))
        found.append(order[start : start + count])
        start += count
    return found


def interleaved(parts: Sequence[Sequence[Integers]], rng: np.random.Generator) -> list[tuple[int, Integers]]:
    """Mix the batches of several tasks by chance, each task in proportion to its batches."""
    tagged = [(task, batch) for task, batches in enumerate(parts) for batch in batches]
    return [tagged[i] for i in rng.permutation(len(tagged))]
