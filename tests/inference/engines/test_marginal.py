"""The coefficients given theta, against dense Gaussian formulas on small random designs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from taskorder.inference.engines import marginal, nuts
from taskorder.inference.engines.marginal import Problem, Theta, condition, design_at, take_apart

Floats = NDArray[np.float64]
Make = Callable[..., Any]


def some_theta(problem: Problem, rng: np.random.Generator) -> Theta:
    levels = len(problem.design.residual_levels) or 1
    recency = float(rng.normal()) if len(problem.main) > 1 else 0.0
    return Theta(recency, rng.gamma(3.0, 0.2, len(problem.sd_names)), rng.gamma(3.0, 0.2, levels))


def written_out(dense: Make, problem: Problem, theta: Theta) -> Any:
    sds = dict(zip(problem.sd_names, theta.sd, strict=True))
    return dense(problem.design, theta.recency, sds, theta.residual)


DESIGNS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10_000),
        "steps": st.integers(1, 3),
        "residuals": st.integers(1, 3),
        "known": st.booleans(),
    }
)


def problem_of(made: Any, eliminate: bool) -> Problem:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marginal, "ELIMINATE_FROM", 5 if eliminate else 1000)
        problem = take_apart(*made)
    assert (problem.eliminated is not None) == eliminate
    return problem


@settings(max_examples=25, deadline=None)
@given(DESIGNS, st.booleans())
def test_the_density_is_that_of_the_dense_normal(
    small_design: Make, dense: Make, choice: dict[str, Any], eliminate: bool
) -> None:
    problem = problem_of(small_design(**choice), eliminate)
    rng = np.random.default_rng(choice["seed"])
    points = [some_theta(problem, rng) for _ in range(3)]
    ours = np.array([condition(problem, theta).value for theta in points])
    theirs = np.array([written_out(dense, problem, theta).log_likelihood() for theta in points])
    np.testing.assert_allclose(ours - ours[0], theirs - theirs[0], rtol=1e-9, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(DESIGNS, st.booleans())
def test_the_coefficients_given_theta(
    small_design: Make, dense: Make, choice: dict[str, Any], eliminate: bool
) -> None:
    problem = problem_of(small_design(**choice), eliminate)
    theta = some_theta(problem, np.random.default_rng(choice["seed"]))
    expected, covariance = written_out(dense, problem, theta).coefficients()
    at = condition(problem, theta)
    gone = {problem.eliminated.name} if problem.eliminated else set[str]()
    kept = np.concatenate([np.arange(b.start, b.stop) for b in problem.design.blocks if b.name not in gone])
    np.testing.assert_allclose(at.mean, expected[kept], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(at.covariance, covariance[np.ix_(kept, kept)], rtol=1e-7, atol=1e-10)
    if problem.eliminated is not None:
        own = problem.eliminated.columns
        np.testing.assert_allclose(at.offset - at.gain @ at.mean, expected[own], rtol=1e-7, atol=1e-9)
        given_rest = np.diag(1 / at.precision) + at.gain @ at.covariance @ at.gain.T
        np.testing.assert_allclose(given_rest, covariance[own, own], rtol=1e-7, atol=1e-9)


def test_the_design_at_a_recency_weighs_what_stands_further_back(small_design: Make) -> None:
    problem = problem_of(small_design(1, steps=3), eliminate=False)
    weights = np.exp(-0.7 * np.arange(3))
    expected = sum(w * m.toarray() for w, m in zip(weights, problem.design.effects, strict=True))
    np.testing.assert_allclose(design_at(problem, 0.7).toarray(), expected)


def test_the_levels_of_an_eliminated_group_are_drawn_about_their_rows(small_design: Make) -> None:
    """Given the other parameters a level's draws are normal about its shrunken mean misfit."""
    problem = problem_of(small_design(5), eliminate=True)
    assert problem.eliminated is not None
    rng = np.random.default_rng(2)
    shape = (nuts.CHAINS, 2000)
    both = ("chain", "draw")
    draws = xr.Dataset(
        {
            "coefficients": ((*both, "coefficient"), rng.normal(0.0, 0.5, (*shape, problem.width))),
            "sd": ((*both, "group"), rng.gamma(9.0, 0.1, (*shape, len(problem.sd_names)))),
            "residual": (both, rng.gamma(9.0, 0.1, shape)),
        }
    )
    found = nuts.named(draws, problem, 1)[problem.eliminated.name].to_numpy()
    cells, member = problem.design.cells, problem.membership().toarray()
    precision = 1.0 / draws["residual"].to_numpy()[..., None] ** 2
    predicted = draws["coefficients"].to_numpy() @ problem.main[0].toarray().T
    own = precision * (member @ cells.n) + 1.0 / draws["sd"].to_numpy()[..., -1:] ** 2
    expected = precision * ((cells.n * (cells.mean - predicted)) @ member.T) / own
    standard = ((found - expected) * np.sqrt(own)).reshape(-1, found.shape[-1])
    np.testing.assert_allclose(standard.mean(axis=0), 0.0, atol=0.045)
    np.testing.assert_allclose(standard.std(axis=0), 1.0, atol=0.035)
