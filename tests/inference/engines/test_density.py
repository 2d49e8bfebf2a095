"""The linear effects integrated out, against dense Gaussian formulas on small random designs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from taskorder.inference.engines import density as densities
from taskorder.inference.engines.density import Density, density
from taskorder.inference.engines.elimination import planning
from taskorder.inference.engines.mode import mode
from taskorder.inference.engines.parameters import sd_names
from taskorder.inference.engines.sufficient import sufficient
from taskorder.inference.layout.design import Design
from taskorder.inference.layout.observations import Cells
from taskorder.inference.priors import Prior, normal

Floats = NDArray[np.float64]
Make = Callable[..., Any]

CHOICES = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10_000),
        "steps": st.integers(1, 3),
        "residuals": st.integers(0, 3),
        "known": st.booleans(),
        "nested": st.booleans(),
    }
)


def density_of(made: Any, *, eliminate: bool) -> Density:
    """Return the density of a design, every group that can be eliminated or none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "MOST_MET", 1000)
        patch.setattr(planning, "FEWEST", 2 if eliminate else 1000)
        found = density(*made)
    assert bool(found.order.groups) == eliminate
    return found


def points(found: Density, seed: int, count: int = 3) -> Floats:
    return np.random.default_rng(seed).normal(-0.5, 0.7, (found.coordinates.size, count))


def written_out(dense: Make, design: Design, found: Density, u: Floats) -> list[Any]:
    theta = found.coordinates.unpack(u)
    return [
        dense(
            design,
            theta.recency[b],
            dict(zip(sd_names(design.blocks), theta.sd[:, b], strict=True)),
            theta.residual[:, b],
        )
        for b in range(u.shape[1])
    ]


@settings(max_examples=30, deadline=None)
@given(CHOICES, st.booleans())
def test_the_density_is_that_of_the_dense_normal(
    small_design: Make, dense: Make, choice: dict[str, Any], eliminate: bool
) -> None:
    made = small_design(**choice)
    found = density_of(made, eliminate=eliminate)
    u = points(found, choice["seed"])
    theirs = np.array([at.log_likelihood() for at in written_out(dense, made[0], found, u)])
    for ours in (found.log_likelihood(u), found.log_density(u) - found.coordinates.log_prior(u)):
        np.testing.assert_allclose(ours - ours[0], theirs - theirs[0], rtol=1e-8, atol=1e-8)


def test_nested_groups_are_all_eliminated_and_crossed_ones_not(small_design: Make) -> None:
    nested, crossed = (density_of(small_design(3, nested=n), eliminate=True) for n in (True, False))
    assert [len(group) for group in nested.order.groups][:2] == [7, 3]
    assert len(crossed.order.groups) == 1


def measured(found: Density, rng: np.random.Generator) -> Density:
    """Return the density in the coordinates of residual levels of which something is known."""
    levels = len(found.coordinates.told)
    layout = found.coordinates.measured(0.4, rng.normal(size=levels), 30.0 * rng.random(levels))
    return replace(found, coordinates=layout)


@settings(max_examples=30, deadline=None)
@given(CHOICES, st.booleans())
def test_the_gradient_is_that_of_central_differences(
    small_design: Make, choice: dict[str, Any], eliminate: bool
) -> None:
    found = density_of(small_design(**choice), eliminate=eliminate)
    if choice["residuals"] > 1:
        found = measured(found, np.random.default_rng(choice["seed"]))
    u = points(found, choice["seed"], 1)
    value, slope = found.value_and_slope(u[:, 0])
    assert value == pytest.approx(found.log_density(u)[0], rel=1e-10)
    steps = 1e-5 * np.eye(len(u))
    expected = (found.log_density(u + steps) - found.log_density(u - steps)) / 2e-5
    np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(CHOICES, st.booleans())
def test_the_coefficients_given_theta(
    small_design: Make, dense: Make, choice: dict[str, Any], eliminate: bool
) -> None:
    made = small_design(**choice)
    found = density_of(made, eliminate=eliminate)
    u = points(found, choice["seed"], 1)
    (at,) = written_out(dense, made[0], found, u)
    expected, covariance = at.coefficients()
    mean, variance = found.coefficients(u[:, 0])
    expected[0] -= found.sums.shift
    np.testing.assert_allclose(mean, expected, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(variance, np.diag(covariance), rtol=1e-7, atol=1e-10)
    cells = made[0].cells
    fitted = np.einsum("ci,ij,cj->c", at.x, covariance, at.x) * cells.n / at.s2
    residual = at.s2 - cells.v
    left = np.bincount(cells.level, residual / at.s2 * (1.0 + cells.df - fitted))
    np.testing.assert_allclose(found.left_over(u[:, 0]), np.maximum(left, 0.0), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("eliminate", [True, False])
def test_draws_have_the_mean_and_covariance_of_the_coefficients(
    small_design: Make, dense: Make, eliminate: bool
) -> None:
    made = small_design(8, steps=2, nested=True)
    found = density_of(made, eliminate=eliminate)
    u, count = points(found, 4, 1), 20_000
    mean, covariance = written_out(dense, made[0], found, u)[0].coefficients()
    mean[0] -= found.sums.shift
    value, drawn = found.drawn(np.repeat(u, count, axis=1), np.random.default_rng(1))
    np.testing.assert_allclose(value, found.log_density(u)[0], rtol=1e-10)
    standard = np.linalg.solve(np.linalg.cholesky(covariance), drawn - mean[:, None])
    np.testing.assert_allclose(standard.mean(axis=1), 0.0, atol=5 / np.sqrt(count))
    np.testing.assert_allclose(np.cov(standard), np.eye(len(mean)), atol=5 * np.sqrt(2 / count))


def only(design: Design, cells: NDArray[np.bool_]) -> Design:
    """Return the design of some of the cells, with the same coefficients."""
    data = design.cells
    columns = (data.mean, data.n, data.ss, data.df, data.v, data.level)
    kept = Cells(*(column[cells] for column in columns))
    return replace(design, cells=kept, effects=tuple(matrix[cells] for matrix in design.effects))


@settings(max_examples=20, deadline=None)
@given(CHOICES, st.booleans())
def test_a_density_less_some_cells_is_that_of_the_others(
    small_design: Make, choice: dict[str, Any], eliminate: bool
) -> None:
    design, spec = small_design(**choice)
    whole = density_of((design, spec), eliminate=eliminate)
    left_out = np.random.default_rng(choice["seed"]).random(len(design.cells.mean)) < 0.3
    less = whole.less(sufficient(design, whole.sums.shift, left_out))
    rest = replace(density(only(design, ~left_out), spec), coordinates=whole.coordinates)
    u = points(whole, choice["seed"])
    ours, theirs = less.log_density(u), rest.log_density(u)
    np.testing.assert_allclose(ours - ours[0], theirs - theirs[0], rtol=1e-8, atol=1e-8)
    means = [found.coefficients(u[:, 0])[0] for found in (less, rest)]
    means[0][0], means[1][0] = (m[0] + f.sums.shift for m, f in zip(means, (less, rest), strict=True))
    np.testing.assert_allclose(*means, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("eliminate", [True, False])
def test_flat_priors_give_the_restricted_likelihood(small_design: Make, dense: Make, eliminate: bool) -> None:
    made = small_design(2, steps=2, residuals=2, known=True, fixed=Prior("Flat"))
    found = density_of(made, eliminate=eliminate)
    u = points(found, 1, 5)
    restricted = np.array([at.restricted() for at in written_out(dense, made[0], found, u)])
    flat = found.log_likelihood(u)
    np.testing.assert_allclose(flat - flat[0], restricted - restricted[0], rtol=1e-8, atol=1e-8)
    wide = density_of(
        small_design(2, steps=2, residuals=2, known=True, fixed=normal(0, 1e4)), eliminate=eliminate
    )
    likelihood = wide.log_likelihood(u)
    np.testing.assert_allclose(likelihood - likelihood[0], flat - flat[0], atol=1e-5)
    np.testing.assert_allclose(wide.coefficients(u[:, 0])[0], found.coefficients(u[:, 0])[0], atol=1e-5)


def test_what_memory_holds_together_makes_no_difference(
    small_design: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = density(*small_design(1, steps=3, residuals=3))
    u = points(found, 2, 7)
    together = found.log_density(u)
    monkeypatch.setattr(densities, "AT_ONCE", 1)
    np.testing.assert_allclose(found.log_density(u), together, rtol=1e-12)


def test_the_level_of_the_outcome_costs_no_digits(small_design: Make) -> None:
    """An outcome of which all digits but the last few are the same is as good as its deviations."""
    design, spec = small_design(6, fixed=Prior("Flat"))
    moved = replace(design, cells=replace(design.cells, mean=design.cells.mean + 1e6))
    near, far = density(design, spec), density(moved, spec)
    u = points(near, 3)
    np.testing.assert_allclose(far.log_likelihood(u), near.log_likelihood(u), rtol=1e-7)


@pytest.mark.parametrize("residuals", [0, 1, 3])
def test_nothing_near_the_mode_is_higher(small_design: Make, residuals: int) -> None:
    design, spec = small_design(3, steps=2, residuals=residuals)
    found = mode(density(design, spec), design, iterations=200)
    u = found.u[:, None]
    near = u + 0.1 * np.column_stack([np.eye(len(u)), -np.eye(len(u))])
    assert (found.density.log_density(near) < found.density.log_density(u) + 1e-4).all()
    slope = found.density.value_and_slope(found.u)[1]
    assert slope @ found.covariance @ slope < 1e-3
