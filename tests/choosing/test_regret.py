"""What a choice costs, against counting every way that chance may decide."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from taskorder.choosing.regret import advantage, expected_best, regret

Floats = NDArray[np.float64]


def counted(values: Floats, by: Floats, scored: Floats, k: int) -> float:
    """Average over all sets of k candidates that a strategy might try."""
    sets = list(combinations(range(len(values)), k))
    worth = [tuple(sorted(values[list(chosen)], reverse=True)) for chosen in sets]
    tried = [chosen for chosen, own in zip(sets, worth, strict=True) if own == max(worth)]
    return float(np.mean([scored[max(chosen, key=lambda i: by[i])] for chosen in tried]))


@settings(deadline=None)
@given(
    values=st.lists(st.integers(0, 2), min_size=3, max_size=7),
    k=st.integers(1, 7),
    seed=st.integers(0, 10_000),
)
def test_the_best_of_k_is_the_mean_over_all_ways_to_break_ties(values: list[int], k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    count, k = len(values), min(k, len(values))
    by, scored = rng.permutation(count).astype(float), rng.normal(size=count)
    found = expected_best(np.array(values, dtype=float), by, scored, k)
    assert np.isclose(found, counted(np.array(values, dtype=float), by, scored, k))


def test_random_choice_costs_the_best_less_the_mean() -> None:
    scores = np.array([[0.5], [0.7], [0.9], [0.6]])
    assert regret(scores, np.zeros(4)) == pytest.approx(0.9 - 0.675)
    assert regret(scores, np.zeros(4), k=4) == pytest.approx(0.0)
    assert regret(scores, scores[:, 0]) == 0.0


@given(seed=st.integers(0, 1000), replicates=st.integers(1, 5))
def test_the_advantage_is_the_regret_of_chance_less_that_of_the_choice(seed: int, replicates: int) -> None:
    rng = np.random.default_rng(seed)
    scores, values = rng.uniform(size=(6, replicates)), rng.integers(0, 3, 6).astype(float)
    spared = regret(scores, np.zeros(6)) - regret(scores, values)
    assert np.isclose(advantage(scores, values), spared)


def test_trying_more_never_costs_more_where_the_scores_are_known() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        scores, values = rng.uniform(size=(8, 1)), rng.integers(0, 4, 8).astype(float)
        costs = [regret(scores, values, k) for k in range(1, 9)]
        assert np.all(np.diff(costs) <= 1e-12)
        assert costs[-1] == pytest.approx(0.0)


def test_candidates_that_differ_by_noise_alone_have_no_regret() -> None:
    rng = np.random.default_rng(2)
    tables = 0.01 * rng.normal(size=(400, 20, 8))
    costs = np.array([regret(table, np.zeros(20)) for table in tables])
    taken_at_face_value = np.mean([regret(t.mean(axis=1, keepdims=True), np.zeros(20)) for t in tables])
    assert abs(costs.mean()) < 4 * costs.std() / np.sqrt(len(costs))
    assert taken_at_face_value > 0.005


def test_regret_with_replicates_is_near_the_true_one_where_noise_is_small() -> None:
    rng = np.random.default_rng(3)
    truth = np.linspace(0.5, 0.7, 10)
    scores = truth[:, None] + 0.005 * rng.normal(size=(10, 8))
    assert regret(scores, -truth) == pytest.approx(0.2, abs=0.01)
