from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorder.harness.model.batches import in_order, interleaved, shuffled

LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=200)
CUTS: list[Callable[..., list[np.ndarray]]] = [
    in_order,
    lambda lengths, tokens: shuffled(lengths, tokens, np.random.default_rng(3)),
]


@pytest.mark.parametrize("cut", CUTS)
@given(LENGTHS, st.integers(1, 2000))
def test_every_example_is_in_one_batch_within_the_budget(
    cut: Callable[..., list[np.ndarray]], lengths: list[int], tokens: int
) -> None:
    array = np.array(lengths)
    batches = cut(array, tokens)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * array[batch].max() <= tokens for batch in batches)


def test_batches_hold_little_padding() -> None:
    lengths = np.random.default_rng(0).integers(5, 120, 20_000)
    for cut in CUTS:
        padded = sum(len(batch) * lengths[batch].max() for batch in cut(lengths, 4096))
        assert padded < 1.1 * lengths.sum()


def test_the_same_stream_shuffles_alike_and_another_does_not() -> None:
    lengths = np.random.default_rng(0).integers(5, 120, 1000)
    first, again, other = (shuffled(lengths, 512, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(np.concatenate(first), np.concatenate(other))


def test_batches_of_several_tasks_are_mixed_and_none_is_lost() -> None:
    parts = [[np.array([i]) for i in range(count)] for count in (30, 10)]
    mixed = interleaved(parts, np.random.default_rng(0))
    assert sorted((task, int(batch[0])) for task, batch in mixed) == [
        (task, i) for task, count in enumerate((30, 10)) for i in range(count)
    ]
    assert {task for task, _ in mixed[:20]} == {0, 1}
