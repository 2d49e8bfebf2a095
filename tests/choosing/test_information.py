"""What rows would tell of theta is what the covariance of all rows says; each run takes from the rest."""

import numpy as np
import pytest
from numpy.typing import NDArray

from taskorder.choosing.information import Point, told

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


def test_runs_one_after_the_other_add_up_to_both() -> None:
    point, _ = at(THETA)
    rng = np.random.default_rng(2)
    parameters = THETA[:, None] + 0.3 * rng.normal(size=(5, 400))
    draws = np.exp(parameters[1] - parameters[3] + 0.01 * rng.normal(size=400))
    known = told(draws, parameters, [point], np.ones(len(GROUP)), N, RUNS, positive=True, reference=0.5)
    both = known.after(0).after(1)
    there = list(range(THERE))
    assert np.allclose(both.information, information([*there, 9, 10, 11, 12]) - information(there), rtol=1e-6)
    assert known.gains([0])[0] == pytest.approx(known.variance - known.after(0).variance)
    assert both.width() < known.after(0).width() < known.width()
    assert known.width() == pytest.approx(np.ptp(np.quantile(draws, [0.025, 0.975])), rel=1e-3)
    assert np.allclose(known.widths_along([0, 1]), [known.after(0).width(), both.width()])
