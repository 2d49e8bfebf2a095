"""The vector of theta: there and back, and its prior by the change of variables."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from taskorder.inference.engines.theta import STEEPEST, Coordinates, Theta, coordinates
from taskorder.inference.priors import Prior

Floats = NDArray[np.float64]
Make = Callable[..., Any]

RECENCY = (Prior("Normal", (("mu", 0.2), ("sigma", 0.8))), stats.norm(0.2, 0.8))
SDS = [
    (Prior("HalfNormal", (("sigma", 0.5),)), stats.halfnorm(scale=0.5)),
    (Prior("HalfCauchy", (("beta", 0.3),)), stats.halfcauchy(scale=0.3)),
]
RESIDUAL = (Prior("Gamma", (("alpha", 2.0), ("beta", 5.0))), stats.gamma(2.0, scale=0.2))
SPREAD = (Prior("Exponential", (("lam", 1.5),)), stats.expon(scale=1 / 1.5))
TOLD = np.array([-0.8, 0.1, 0.6, -0.2])


def layout(*, recency: bool, levels: int, information: float = 0.0) -> Coordinates:
    """Return coordinates of two sds and so many residual ones; `information` on levels told unequally."""
    several = levels > 1
    return Coordinates(
        recency=RECENCY[0] if recency else None,
        sds=tuple(prior for prior, _ in SDS),
        residual=RESIDUAL[0] if levels else None,
        spread=SPREAD[0] if several else None,
        middle=-0.3,
        told=TOLD[:levels] if several else np.zeros(0),
        information=information * np.arange(1.0, levels + 1) if several else np.zeros(0),
    )


LAYOUTS = {
    "sds only": layout(recency=False, levels=0),
    "recency and one residual": layout(recency=True, levels=1),
    "levels told nothing": layout(recency=False, levels=3),
    "levels told a little": layout(recency=True, levels=3, information=2.0),
    "levels told much": layout(recency=True, levels=4, information=5e3),
}


@pytest.fixture(params=LAYOUTS)
def given(request: pytest.FixtureRequest) -> Coordinates:
    return LAYOUTS[request.param]


def vectors(given: Coordinates, count: int = 5) -> Floats:
    return np.random.default_rng(1).normal(0.0, 0.8, (given.size, count))


def natural(given: Coordinates, u: Floats) -> Floats:
    """Return recency, log sds, log typical residual sd, log width and log levels, what there is of them."""
    theta = given.unpack(u)
    parts = [] if given.recency is None else [theta.recency[None]]
    parts.append(np.log(theta.sd))
    if theta.typical is not None and theta.width is not None:
        parts += [np.log(theta.typical)[None], np.log(theta.width)[None]]
    if given.residual is not None:
        parts.append(np.log(theta.residual))
    return np.concatenate(parts)


def test_unpacked_and_packed_again(given: Coordinates) -> None:
    u = vectors(given)
    np.testing.assert_allclose(given.pack(given.unpack(u)), u, rtol=1e-9, atol=1e-9)
    theta = given.unpack(u)
    again = given.unpack(given.pack(theta))
    for field in fields(Theta):
        one, other = getattr(theta, field.name), getattr(again, field.name)
        assert (one is None) == (other is None)
        if one is not None:
            np.testing.assert_allclose(other, one, rtol=1e-9)


def written_out(given: Coordinates, u: Floats) -> float:
    """Return the log prior density of one vector by change of variables, the determinant by differences."""
    theta = given.unpack(u)
    total = RECENCY[1].logpdf(theta.recency[0]) if given.recency else 0.0
    logs = [(prior, sd) for (_, prior), sd in zip(SDS, theta.sd[:, 0], strict=True)]
    if theta.typical is not None and theta.width is not None:
        typical, width = float(theta.typical[0]), float(theta.width[0])
        logs += [(RESIDUAL[1], typical), (SPREAD[1], width)]
        total += stats.norm(np.log(typical), width).logpdf(np.log(theta.residual[:, 0])).sum()
    elif given.residual is not None:
        logs.append((RESIDUAL[1], theta.residual[0, 0]))
    total += sum(prior.logpdf(x) + np.log(x) for prior, x in logs)
    steps = 1e-5 * np.eye(len(u))
    jacobian = (natural(given, u + steps) - natural(given, u - steps)) / 2e-5
    return float(total + np.linalg.slogdet(jacobian)[1])


def test_the_prior_is_that_of_the_parameters(given: Coordinates) -> None:
    u = vectors(given)
    theirs = np.array([written_out(given, u[:, [b]]) for b in range(u.shape[1])])
    ours = given.log_prior(u)
    np.testing.assert_allclose(ours - ours[0], theirs - theirs[0], atol=1e-5)


def test_the_slope_of_the_prior_is_that_of_central_differences(given: Coordinates) -> None:
    u = vectors(given, 1)
    steps = 1e-5 * np.eye(len(u))
    expected = (given.log_prior(u + steps) - given.log_prior(u - steps)) / 2e-5
    np.testing.assert_allclose(given.log_prior_slope(u)[:, 0], expected, rtol=1e-5, atol=1e-5)


def test_slopes_by_parameters_become_slopes_by_coordinates(given: Coordinates) -> None:
    u = vectors(given, 1)
    by = np.random.default_rng(2)
    levels = given.unpack(u).residual.shape[0]
    by_recency, by_sd, by_residual = by.normal(size=1), by.normal(size=(2, 1)), by.normal(size=(levels, 1))

    def linear(at: Floats) -> Floats:
        theta = given.unpack(at)
        value = by_recency * theta.recency + (by_sd * np.log(theta.sd)).sum(axis=0)
        return value if given.residual is None else value + (by_residual * np.log(theta.residual)).sum(axis=0)

    steps = 1e-5 * np.eye(len(u))
    expected = (linear(u + steps) - linear(u - steps)) / 2e-5
    found = given.pulled_back(u, by_recency, by_sd, by_residual)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-5, atol=1e-7)


def test_where_much_is_told_of_a_level_its_coordinate_is_its_distance_from_that() -> None:
    """Where the width is not small the prior moves nothing: log level = told + x / sqrt(information)."""
    given = LAYOUTS["levels told much"]
    u = vectors(given)
    u[given.first_residual + 1] = 0.0
    log_sd = np.log(given.unpack(u).residual)
    x = u[given.first_residual + 2 :]
    expected = TOLD[:, None] + x / np.sqrt(given.information)[:, None]
    np.testing.assert_allclose(log_sd, expected, atol=2e-3)


def test_where_nothing_is_told_it_is_its_distance_from_the_typical_in_widths() -> None:
    given = LAYOUTS["levels told nothing"]
    u = vectors(given)
    theta = given.unpack(u)
    assert theta.typical is not None
    assert theta.width is not None
    x = (np.log(theta.residual) - np.log(theta.typical)) / theta.width
    np.testing.assert_allclose(x, u[given.first_residual + 2 :])


def test_limits(given: Coordinates) -> None:
    """The outcome's own size is inside; an sd or a recency out of all proportion is not."""
    u = np.full((given.size, 1), given.middle)
    assert given.inside(u).all()
    for i in range(given.size):
        if i >= given.first_residual + 2:
            continue
        away = u.copy()
        away[i] = 50.0
        assert not given.inside(away).any()
    if given.recency is not None:
        for recency, inside in ((STEEPEST - 0.1, True), (STEEPEST + 0.1, False)):
            assert given.inside(np.vstack([[[recency]], u[1:]])).all() == inside


def test_a_design_lays_its_parameters_out(small_design: Make) -> None:
    several = coordinates(*small_design(1, steps=2, residuals=3))
    assert several.recency is not None
    assert (len(several.sds), several.size) == (3, 1 + 3 + 2 + 3)
    assert several.information.tolist() == [0.0, 0.0, 0.0]
    assert np.flatnonzero(several.log_sds()).tolist() == [1, 2, 3, 5]
    one = coordinates(*small_design(1))
    assert (one.recency, one.spread, one.size) == (None, None, 4)
    assert one.log_sds().all()
    known = coordinates(*small_design(1, residuals=0))
    assert (known.residual, known.size) == (None, 3)
    assert (known.unpack(np.zeros((3, 2))).residual == 0).all()
