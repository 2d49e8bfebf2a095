"""The orders of stages that an experiment asks for."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence as Listed

from taskorder.harness.experiments.settings import Sample, Sequences
from taskorder.results.sequences import Sequence, parse


def sequences_of(table: Sequences) -> tuple[Sequence, ...]:
    """Return the sequences of a `[sequences]` table.

    Returns
    -------
    tuple of Sequence
        As they are listed; else by length, then in the order of the pool.
    """
    if isinstance(table.orders, tuple):
        return tuple(parse(text) for text in table.orders)
    lengths = sorted(table.lengths)
    if isinstance(table.orders, Sample):
        chosen = _sampled(len(table.pool), lengths, table.orders)
    else:
        chosen = [order for n in lengths for order in itertools.permutations(range(len(table.pool)), n)]
    steps = [parse(step)[0] for step in table.pool]
    return tuple(tuple(steps[i] for i in order) for order in chosen)


def _sampled(pool: int, lengths: Listed[int], wanted: Sample) -> list[tuple[int, ...]]:
    """Draw orders of one step or more without replacement; the direct one stays where `lengths` has 0."""
    counts = [math.perm(pool, n) for n in lengths if n]
    total = sum(counts)
    rng = random.Random(wanted.seed)
    chosen: set[int] = set(range(total)) if wanted.sample >= total else set()
    while len(chosen) < min(wanted.sample, total):
        chosen.add(int(rng.random() * total))
    direct: list[tuple[int, ...]] = [()] if 0 in lengths else []
    return direct + [_order(number, pool, [n for n in lengths if n]) for number in sorted(chosen)]


def _order(number: int, pool: int, lengths: Listed[int]) -> tuple[int, ...]:
    """Return one of all orders by its number, as lengths and then permutations are listed."""
    for length in lengths:
        count = math.perm(pool, length)
        if number < count:
            break
        number -= count
    else:
        raise IndexError(number)
    left, order = list(range(pool)), list[int]()
    for place in range(length):
        below = math.perm(pool - place - 1, length - place - 1)
        order.append(left.pop(number // below))
        number %= below
    return tuple(order)


def tasks_of(table: Sequences) -> tuple[str, ...]:
    """Return the tasks that the sequences hold, each once, in alphabetical order."""
    texts = table.orders if isinstance(table.orders, tuple) else table.pool
    steps = [step for text in texts for step in parse(text)]
    return tuple(sorted({stage.task for step in steps for stage in step}))
