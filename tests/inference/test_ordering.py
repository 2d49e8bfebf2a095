"""What the order of K tasks does to a score: formulas against all orders of many simulated task sets."""

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate, stats

from taskorder.inference.ordering import best_over_mean, curriculum, sd_over_orders

Floats = NDArray[np.float64]


def one(value: float) -> Floats:
    return np.array([value])


def score(tasks: Floats, recency: float) -> float:
    """Add up the tasks' effects as the sequence model does: the last stage weighs 1."""
    return sum(np.exp(-recency * back) * effect for back, effect in enumerate(reversed(tasks.tolist())))


def all_orders(rng: np.random.Generator, recency: float, spread: float, own: float, steps: int) -> Floats:
    """Score every order of 4,000 task sets, (sets, orders)."""
    scores = np.array(
        [
            [score(np.array(order), recency) for order in permutations(effects)]
            for effects in rng.normal(0.0, spread, (4000, steps))
        ]
    )
    return scores + rng.normal(0.0, own, scores.shape)


def largest_of(count: int) -> float:
    """Return the expected largest of independent standard normal values."""
    found, _ = integrate.quad(
        lambda x: x * count * stats.norm.pdf(x) * stats.norm.cdf(x) ** (count - 1), -10, 10
    )
    return float(found)


@pytest.mark.parametrize("recency", [-0.5, 0.0, 0.7, 3.0])
@pytest.mark.parametrize("slope", [-0.02, 0.03])
def test_the_curriculum_is_one_order_less_the_other(recency: float, slope: float) -> None:
    easy, hard = slope * 0.4, slope * 1.4
    expected = score(np.array([easy, hard]), recency) - score(np.array([hard, easy]), recency)
    np.testing.assert_allclose(curriculum(one(recency), one(slope)), [expected], atol=1e-15)


def test_harder_tasks_that_help_more_belong_next_to_the_target() -> None:
    assert curriculum(one(0.7), one(0.03))[0] > 0
    assert curriculum(one(0.7), one(-0.03))[0] < 0
    assert curriculum(one(-0.7), one(0.03))[0] < 0


@pytest.mark.parametrize("steps", [2, 3, 4])
@pytest.mark.parametrize(
    ("recency", "spread", "own"), [(0.7, 0.03, 0.02), (-0.3, 0.03, 0.01), (2.0, 0.05, 0.0), (0.0, 0.05, 0.02)]
)
def test_sd_and_best_are_those_of_all_orders(recency: float, spread: float, own: float, steps: int) -> None:
    scores = all_orders(np.random.default_rng(steps), recency, spread, own, steps)
    sd = sd_over_orders(one(recency), one(spread), one(own), steps)
    np.testing.assert_allclose(sd, np.sqrt(scores.var(axis=1, ddof=1).mean()), rtol=0.03)
    best = best_over_mean(one(recency), one(spread), one(own), steps)
    np.testing.assert_allclose(best, (scores.max(axis=1) - scores.mean(axis=1)).mean(), rtol=0.03)


def test_two_different_orders_differ_by_the_root_of_two_sds() -> None:
    scores = all_orders(np.random.default_rng(1), 0.7, 0.03, 0.02, 2)
    sd = sd_over_orders(one(0.7), one(0.03), one(0.02), 2)
    np.testing.assert_allclose(np.std(scores[:, 0] - scores[:, 1]), np.sqrt(2.0) * sd, rtol=0.03)


@pytest.mark.parametrize(("steps", "orders"), [(2, 2), (3, 6), (4, 24), (5, 120)])
def test_without_recency_orders_are_independent(steps: int, orders: int) -> None:
    assert sd_over_orders(one(0.0), one(0.3), one(0.02), steps)[0] == pytest.approx(0.02)
    best = best_over_mean(one(0.0), one(0.3), one(0.02), steps)
    np.testing.assert_allclose(best, 0.02 * largest_of(orders), rtol=0.015)


@pytest.mark.parametrize("steps", [2, 3, 4, 5])
def test_where_only_the_last_task_counts_the_best_one_stands_last(steps: int) -> None:
    best = best_over_mean(one(12.0), one(0.05), one(0.0), steps)
    np.testing.assert_allclose(best, 0.05 * largest_of(steps), rtol=0.015)


def test_draws_keep_their_shape_and_have_nothing_to_do_with_each_other() -> None:
    rng = np.random.default_rng(0)
    recency, spread, own = (
        rng.normal(size=(2, 50)),
        rng.gamma(2.0, 0.01, (2, 50)),
        rng.gamma(2.0, 0.01, (2, 50)),
    )
    for function in (sd_over_orders, best_over_mean):
        found = function(recency, spread, own, 3)
        assert found.shape == (2, 50)
        one_at_a_time = function(recency[:1, 7:8], spread[:1, 7:8], own[:1, 7:8], 3)
        np.testing.assert_allclose(found[0, 7], one_at_a_time[0, 0])


def test_where_order_does_nothing() -> None:
    assert sd_over_orders(one(0.0), one(0.1), one(0.0), 3)[0] == pytest.approx(0.0, abs=1e-12)
    assert best_over_mean(one(0.0), one(0.1), one(0.0), 3)[0] == pytest.approx(0.0, abs=1e-12)
    assert best_over_mean(one(0.7), one(0.0), one(0.0), 3)[0] == 0.0
