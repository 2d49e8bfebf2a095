"""What rows would tell of theta is what the covariance of all rows says; each run takes from the rest."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from taskorder.choosing.ahead.cloud import Cloud
from taskorder.choosing.ahead.information import Point
from taskorder.choosing.ahead.told import Told, told, truths_of

Floats = NDArray[np.float64]

THERE, COMING = 9, 4
RUNS = {0: np.array([9, 10]), 1: np.array([11, 12])}
GROUP = np.array([-1, 0, 0, 0, 1, 1])
LEVEL = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0])
V = np.linspace(0.0, 0.3, THERE + COMING)
MU = np.array([0.7, 0.0, 0.0, 0.0, 0.0, 0.0])
OUTCOME = np.array([*np.random.default_rng(4).normal(0.0, 2.0, THERE), *np.zeros(COMING)])


def designs() -> tuple[Floats, Floats]:
    rng = np.random.default_rng(1)
    shape = (THERE + COMING, len(GROUP))
    return rng.normal(size=shape), rng.normal(size=shape)


def at(theta: Floats) -> tuple[Point, Floats]:
    """Return the point at theta (recency, log sds, log residual sds), and the covariance of all rows."""
    first, second = designs()
    sd = np.array([0.8, *np.exp(theta[1:3])])[GROUP + 1]
    residual = np.exp(2 * theta[3:])[LEVEL]
    slope = -np.exp(-theta[0]) * second
    x = (first - slope) * sd
    point = Point(x, slope * sd, GROUP, V + residual, residual, OUTCOME, slope @ MU, LEVEL)
    return point, x @ x.T + np.diag(V + residual)


THETA = np.array([0.4, -0.3, 0.2, -0.5, 0.1])
N = np.array([1.0, 2, 1, 1, 3, 1, 1, 1, 1, 0, 0, 0, 0])


def given(theta: Floats, there: list[int], run: list[int]) -> tuple[Floats, Floats]:
    """Return by what the mean of a run's rows follows from those that are there, and their covariance."""
    point, whole = at(theta)
    noise = np.diag(whole - point.x @ point.x.T)
    whole = whole - np.diag(noise) + np.diag(noise / np.where(N > 0, N, 1.0))
    solved = np.linalg.solve(whole[np.ix_(there, there)], whole[np.ix_(there, run)])
    return solved.T, whole[np.ix_(run, run)] - whole[np.ix_(run, there)] @ solved


def information(there: list[int], run: list[int]) -> Floats:
    """Return the expected information of a run by differences of its mean and covariance.

    Rows to come that are there come out as those before them foretell, with the variance that these leave.
    """
    made, chosen, step = there[:THERE], there[THERE:], 1e-5
    outcome, variance = OUTCOME[there], np.zeros((len(there), len(there)))
    if chosen:
        by, variance[THERE:, THERE:] = given(THETA, made, chosen)
        outcome[THERE:] = by @ OUTCOME[made]
    by, covariance = given(THETA, there, run)
    inverse = np.linalg.inv(covariance)
    first, second = designs()
    steps = [step * one for one in np.eye(len(THETA))]
    sides = [[given(THETA + sign * one, there, run) for sign in (1, -1)] for one in steps]
    means = [(up[0] - down[0]) / (2 * step) for up, down in sides]
    prior = [
        ((first + np.exp(-THETA[0] - one[0]) * second) - (first + np.exp(one[0] - THETA[0]) * second)) @ MU
        for one in steps
    ]
    shifts = [
        by_one @ outcome + (moved[run] - by @ moved[there]) / (2 * step)
        for by_one, moved in zip(means, prior, strict=True)
    ]
    slopes = [inverse @ (up[1] - down[1]) / (2 * step) for up, down in sides]
    parts = list(zip(shifts, means, slopes, strict=True))
    return np.array(
        [
            [
                shift @ inverse @ other + np.trace(inverse @ one @ variance @ two.T) + 0.5 * np.trace(a @ b)
                for other, two, b in parts
            ]
            for shift, one, a in parts
        ]
    )


@pytest.mark.parametrize("run", [0, 1])
def test_a_run_adds_what_its_distribution_given_all_rows_says(run: int) -> None:
    point, _ = at(THETA)
    made = point.made(N, np.ones(len(GROUP)))
    found = point.informations(made.inverse, N, made, [RUNS[0], RUNS[1]])[run]
    expected = information(list(range(THERE)), list(RUNS[run]))
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-8)


def test_where_effects_turned_out_small_runs_tell_less_of_what_they_do() -> None:
    point = replace(at(THETA)[0], drift=np.zeros(THERE + COMING))
    made = point.made(N, np.ones(len(GROUP)))
    known = (made, replace(made, surprise=0.1 * made.surprise))
    much, little = (point.informations(made.inverse, N, one, [RUNS[0]])[0] for one in known)
    assert little[0, 0] < 0.5 * much[0, 0]


def of_draws(
    value: Callable[[Floats], Floats], theta: Floats, b: Floats, columns: list[int], *, logarithm: bool
) -> Told:
    at_columns = np.array(columns, dtype=np.int64), np.ones(len(columns))
    truths = truths_of(value(np.concatenate([theta, b[columns]])))
    return told(
        value,
        Cloud.of(theta, b[columns]),
        truths,
        [at(THETA)[0] for _ in truths],
        np.ones(len(GROUP)),
        at_columns,
        N,
        RUNS,
        logarithm=logarithm,
        reference=0.5,
    )


def test_runs_one_after_the_other_add_up_to_both() -> None:
    rng = np.random.default_rng(2)
    theta = THETA[:, None] + 0.3 * rng.normal(size=(5, 400))

    def ratio(x: Floats) -> Floats:
        return x[1] - x[3]

    known = of_draws(ratio, theta, np.zeros((len(GROUP), 400)), [], logarithm=True)
    both = known.after(0).after(1)
    there = list(range(THERE))
    expected = information(there, [9, 10]) + information([*there, 9, 10], [11, 12])
    assert np.allclose(both.information[0], expected, rtol=1e-6)
    assert known.gains([0])[0] == pytest.approx(known.variance - known.after(0).variance)
    assert both.width() < known.after(0).width() < known.width()
    width = np.ptp(np.quantile(np.exp(ratio(theta)), [0.025, 0.975]))
    assert known.width() == pytest.approx(width, rel=1e-3)
    assert np.allclose(known.widths_along([0, 1]), [known.after(0).width(), both.width()])


def test_of_what_is_linear_and_normal_runs_take_what_algebra_says() -> None:
    rng = np.random.default_rng(3)
    theta = THETA[:, None] + 0.1 * rng.normal(size=(5, 20_000))
    inverse = at(THETA)[0].made(N, np.ones(len(GROUP))).inverse
    b = np.linalg.cholesky(inverse) @ rng.normal(size=(len(GROUP), 20_000)) + 2.0 * theta[0]
    weights, slope = np.array([3.0, -1.0]), np.array([1.0, 0, 0, 0, 0])

    def value(x: Floats) -> Floats:
        return np.tensordot(slope, x[:5], axes=1) + np.tensordot(weights, x[5:], axes=1)

    known = of_draws(value, theta, b, [0, 2], logarithm=False)
    precision = np.diag(np.full(5, 0.1**-2)) + known.after(0).information[0]
    with_run = np.where(np.arange(len(N)) < 11, np.maximum(N, 1.0), 0.0)
    after = at(THETA)[0].made(with_run, np.ones(len(GROUP))).inverse[np.ix_([0, 2], [0, 2])]
    by_theta = slope + 2.0 * weights.sum() * np.eye(5)[0]
    expected = by_theta @ np.linalg.solve(precision, by_theta) + weights @ after @ weights
    assert known.after(0).variance == pytest.approx(expected, rel=0.05)
    assert known.gains([0, 1])[0] == pytest.approx(known.variance - known.after(0).variance)
    assert known.variance == pytest.approx(value(np.concatenate([theta, b[[0, 2]]])).var(), rel=1e-3)


def test_draws_that_come_together_keep_to_the_truths_that_they_come_to() -> None:
    rng = np.random.default_rng(4)
    cloud = Cloud.of(rng.normal(size=(2, 500)), rng.normal(size=(1, 500)))
    exactly = cloud.narrowed(1e12 * np.eye(3), np.array([7]))
    assert np.ptp(exactly, axis=1).max() < 1e-4
    draws = cloud.mean[:, None] + cloud.apart
    assert np.allclose(exactly[:2, 0], draws[:2, 7], atol=1e-4)
    assert np.allclose(cloud.narrowed(np.zeros((3, 3)), np.array([7]))[:2], draws[:2], atol=1e-4)
    some = cloud.narrowed(np.diag([3.0, 0.0, 0.0]), np.array([7]))
    assert some[0].var() == pytest.approx(0.25 * draws[0].var(), rel=0.1)
    assert some[1].var() == pytest.approx(draws[1].var(), rel=0.1)
