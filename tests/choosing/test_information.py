"""What rows would tell of theta is what the covariance of all rows says; each run takes from the rest."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from taskorder.choosing.information import Cloud, Point, Told, told

Floats = NDArray[np.float64]

THERE, COMING = 9, 4
RUNS = {0: np.array([9, 10]), 1: np.array([11, 12])}
GROUP = np.array([-1, 0, 0, 0, 1, 1])
LEVEL = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0])
V = np.linspace(0.0, 0.3, THERE + COMING)


def designs() -> tuple[Floats, Floats]:
    rng = np.random.default_rng(1)
    shape = (THERE + COMING, len(GROUP))
    return rng.normal(size=shape), rng.normal(size=shape)


def at(theta: Floats) -> tuple[Point, Floats]:
    """Return the point at theta (recency, log sds, log residual sds), and the covariance of all rows."""
    first, second = designs()
    sd = np.array([0.8, *np.exp(theta[1:3])])[GROUP + 1]
    residual = np.exp(2 * theta[3:])[LEVEL]
    x = (first + np.exp(-theta[0]) * second) * sd
    point = Point(x, -np.exp(-theta[0]) * second * sd, GROUP, V + residual, residual, LEVEL)
    return point, x @ x.T + np.diag(V + residual)


THETA = np.array([0.4, -0.3, 0.2, -0.5, 0.1])
N = np.array([1.0, 2, 1, 1, 3, 1, 1, 1, 1, 0, 0, 0, 0])


def information(rows: list[int]) -> Floats:
    """Return the expected information of rows by differences of their covariance matrix."""

    def covariance(theta: Floats) -> Floats:
        point, whole = at(theta)
        noise = np.diag(whole - point.x @ point.x.T)
        many = np.where(N > 0, N, 1.0)
        return (whole - np.diag(noise) + np.diag(noise / many))[np.ix_(rows, rows)]

    step = 1e-5
    inverse = np.linalg.inv(covariance(THETA))
    slopes = [
        inverse @ (covariance(THETA + step * one) - covariance(THETA - step * one)) / (2 * step)
        for one in np.eye(len(THETA))
    ]
    return np.array([[0.5 * np.trace(a @ b) for b in slopes] for a in slopes])


@pytest.mark.parametrize("run", [0, 1])
def test_a_run_adds_what_the_covariance_of_all_rows_says(run: int) -> None:
    point, _ = at(THETA)
    inverse = point.inverse(N, np.ones(len(GROUP)))
    found = point.informations(inverse, N, [RUNS[0], RUNS[1]])[run]
    there = list(range(THERE))
    expected = information([*there, *RUNS[run]]) - information(there)
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-8)


def of_draws(
    value: Callable[[Floats], Floats], theta: Floats, b: Floats, columns: list[int], *, logarithm: bool
) -> Told:
    at_columns = np.array(columns, dtype=np.int64), np.ones(len(columns))
    return told(
        value,
        Cloud.of(theta, b[columns]),
        [at(THETA)[0]],
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
    assert np.allclose(
        both.information[0], information([*there, 9, 10, 11, 12]) - information(there), rtol=1e-6
    )
    assert known.gains([0])[0] == pytest.approx(known.variance - known.after(0).variance)
    assert both.width() < known.after(0).width() < known.width()
    width = np.ptp(np.quantile(np.exp(ratio(theta)), [0.025, 0.975]))
    assert known.width() == pytest.approx(width, rel=1e-3)
    assert np.allclose(known.widths_along([0, 1]), [known.after(0).width(), both.width()])


def test_of_what_is_linear_and_normal_runs_take_what_algebra_says() -> None:
    rng = np.random.default_rng(3)
    theta = THETA[:, None] + 0.1 * rng.normal(size=(5, 20_000))
    inverse = at(THETA)[0].inverse(N, np.ones(len(GROUP)))
    b = np.linalg.cholesky(inverse) @ rng.normal(size=(len(GROUP), 20_000)) + 2.0 * theta[0]
    weights, slope = np.array([3.0, -1.0]), np.array([1.0, 0, 0, 0, 0])

    def value(x: Floats) -> Floats:
        return np.tensordot(slope, x[:5], axes=1) + np.tensordot(weights, x[5:], axes=1)

    known = of_draws(value, theta, b, [0, 2], logarithm=False)
    precision = np.diag(np.full(5, 0.1**-2)) + known.after(0).information[0]
    with_run = np.where(np.arange(len(N)) < 11, np.maximum(N, 1.0), 0.0)
    after = at(THETA)[0].inverse(with_run, np.ones(len(GROUP)))[np.ix_([0, 2], [0, 2])]
    by_theta = slope + 2.0 * weights.sum() * np.eye(5)[0]
    expected = by_theta @ np.linalg.solve(precision, by_theta) + weights @ after @ weights
    assert known.after(0).variance == pytest.approx(expected, rel=0.05)
    assert known.gains([0, 1])[0] == pytest.approx(known.variance - known.after(0).variance)
    assert known.variance == pytest.approx(value(np.concatenate([theta, b[[0, 2]]])).var(), rel=1e-3)


def test_draws_that_come_together_keep_to_the_truths_that_they_come_to() -> None:
    rng = np.random.default_rng(4)
    cloud = Cloud.of(rng.normal(size=(2, 500)), rng.normal(size=(1, 500)))
    exactly = cloud.narrowed(1e12 * np.eye(3))
    assert np.ptp(exactly, axis=2).max() < 1e-4
    draws = cloud.mean[:, None] + cloud.apart
    nothing = cloud.narrowed(np.zeros((3, 3)))
    assert np.allclose(nothing[:2], draws[:2, None, :], atol=1e-4)
    some = cloud.narrowed(np.diag([3.0, 0.0, 0.0]))
    assert some[0].var(axis=-1).mean() == pytest.approx(0.25 * draws[0].var(), rel=0.1)
    assert some[1].var(axis=-1).mean() == pytest.approx(draws[1].var(), rel=0.1)
