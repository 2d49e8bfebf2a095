"""The linear effects integrated out, against dense Gaussian formulas on small random designs."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse, stats

from taskorder.inference.engines import marginal
from taskorder.inference.engines.marginal import (
    Problem,
    Theta,
    condition,
    design_at,
    gradient,
    mode,
    take_apart,
)
from taskorder.inference.layout.design import Block, Design
from taskorder.inference.layout.observations import Cells
from taskorder.inference.priors import defaults, normal
from taskorder.inference.spec import ModelSpec, parse_model

Floats = NDArray[np.float64]

CELLS = 24


def small_design(seed: int, *, steps: int, residuals: int, known: bool) -> tuple[Design, ModelSpec]:
    """Make a crossed design: an intercept, a slope, two groups, and a stage effect up to `steps` back."""
    rng = np.random.default_rng(seed)
    widths = {"1": 1, "x": 1, "1|many": 7, "1|few": 3, "1|stage": 4}
    blocks: list[Block] = []
    start = 0
    for name, width in widths.items():
        dim = name.partition("|")[2]
        prior = None if dim else normal(0.3, 0.8)
        labels = tuple(f"l{i}" for i in range(width)) if dim else ()
        blocks.append(Block(name, labels, dim, f"sd:{dim}" if dim else "", prior, start, start + width))
        start += width
    x = np.zeros((steps, CELLS, start))
    x[0, :, 0] = 1.0
    x[0, :, 1] = rng.normal(size=CELLS)
    member = rng.integers(-1, 7, CELLS)
    x[0, np.flatnonzero(member >= 0), 2 + member[member >= 0]] = 1.0
    x[0, np.arange(CELLS), 9 + rng.integers(0, 3, CELLS)] = 1.0
    for back in range(steps):
        x[back, np.arange(CELLS), 12 + rng.integers(0, 4, CELLS)] += rng.integers(0, 2, CELLS)
    df = rng.integers(0, 4, CELLS).astype(float)
    cells = Cells(
        mean=rng.normal(size=CELLS),
        n=1.0 + df,
        ss=df * rng.gamma(2.0, 0.1, CELLS),
        df=df,
        v=rng.gamma(2.0, 0.1, CELLS) if known else np.zeros(CELLS),
        level=rng.integers(0, residuals, CELLS),
    )
    levels = tuple(f"r{i}" for i in range(residuals)) if residuals > 1 else ()
    content: dict[str, Any] = {"name": "small", "groups": {"many": {}, "few": {}}}
    return (
        Design(
            cells=cells,
            effects=tuple(sparse.csr_array(matrix) for matrix in x),
            blocks=tuple(blocks),
            residual_levels=levels,
            frame=Any,
            row_cell=np.arange(CELLS),
            defaults=defaults("identity", 0.0, 1.0),
            reference=0.5,
            units=Any,
            notes=(),
        ),
        parse_model(content),
    )


def dense(problem: Problem, theta: Theta) -> tuple[Floats, Floats, Floats]:
    """Return X, the prior means and prior sds of all coefficients, in the design's own order."""
    design = problem.design
    x = sum(np.exp(-theta.recency * s) * matrix.toarray() for s, matrix in enumerate(design.effects))
    by_name = dict(zip(problem.sd_names, theta.sd, strict=True))
    mean, sd = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for block in design.blocks:
        mean[block.columns] = 0.3 if block.prior else 0.0
        sd[block.columns] = 0.8 if block.prior else by_name[block.sd]
    return x, mean, sd


def brute_force(problem: Problem, theta: Theta) -> float:
    """Return the log density of the cells' means and sums of squares, but for a constant."""
    cells = problem.design.cells
    x, mean, sd = dense(problem, theta)
    s2 = cells.v + theta.residual[cells.level] ** 2
    covariance = np.diag(s2 / cells.n) + (x * sd**2) @ x.T
    of_means = stats.multivariate_normal(x @ mean, covariance).logpdf(cells.mean)
    some = cells.df > 0
    of_squares = stats.chi2(cells.df[some]).logpdf(cells.ss[some] / s2[some]) - np.log(s2[some])
    return float(of_means + of_squares.sum())


def some_theta(problem: Problem, rng: np.random.Generator) -> Theta:
    levels = len(problem.design.residual_levels) or 1
    recency = float(rng.normal()) if len(problem.main) > 1 else 0.0
    return Theta(recency, rng.gamma(3.0, 0.2, len(problem.sd_names)), rng.gamma(3.0, 0.2, levels))


DESIGNS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10_000),
        "steps": st.integers(1, 3),
        "residuals": st.integers(1, 3),
        "known": st.booleans(),
    }
)


def problem_of(choice: dict[str, Any], eliminate: bool) -> Problem:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marginal, "ELIMINATE_FROM", 5 if eliminate else 1000)
        problem = take_apart(*small_design(**choice))
    assert (problem.eliminated is not None) == eliminate
    return problem


@settings(max_examples=25, deadline=None)
@given(DESIGNS, st.booleans())
def test_the_density_is_that_of_the_dense_normal(choice: dict[str, Any], eliminate: bool) -> None:
    problem = problem_of(choice, eliminate)
    rng = np.random.default_rng(choice["seed"])
    points = [some_theta(problem, rng) for _ in range(3)]
    ours = np.array([condition(problem, theta).value for theta in points])
    theirs = np.array([brute_force(problem, theta) for theta in points])
    np.testing.assert_allclose(ours - ours[0], theirs - theirs[0], rtol=1e-9, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(DESIGNS, st.booleans())
def test_the_gradient_is_that_of_central_differences(choice: dict[str, Any], eliminate: bool) -> None:
    problem = problem_of(choice, eliminate)
    theta = some_theta(problem, np.random.default_rng(choice["seed"]))
    step = 1e-5

    def difference(change: Any) -> float:
        ahead, behind = (condition(problem, change(theta, h)).value for h in (step, -step))
        return (ahead - behind) / (2 * step)

    def scaled(name: str, i: int) -> Any:
        def change(at: Theta, h: float) -> Theta:
            values = getattr(at, name).copy()
            values[i] *= np.exp(h)
            return replace(at, **{name: values})

        return change

    by_recency, by_sd, by_residual = gradient(problem, condition(problem, theta))
    assert by_recency == pytest.approx(
        difference(lambda at, h: replace(at, recency=at.recency + h)), rel=1e-6, abs=1e-6
    )
    for name, found in (("sd", by_sd), ("residual", by_residual)):
        expected = [difference(scaled(name, i)) for i in range(len(found))]
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(DESIGNS, st.booleans())
def test_the_coefficients_given_theta(choice: dict[str, Any], eliminate: bool) -> None:
    problem = problem_of(choice, eliminate)
    theta = some_theta(problem, np.random.default_rng(choice["seed"]))
    cells = problem.design.cells
    x, mean, sd = dense(problem, theta)
    weight = cells.n / (cells.v + theta.residual[cells.level] ** 2)
    covariance = np.linalg.inv(np.diag(1 / sd**2) + (x.T * weight) @ x)
    expected = covariance @ (mean / sd**2 + x.T @ (weight * cells.mean))
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


def test_the_design_at_a_recency_weighs_what_stands_further_back() -> None:
    problem = problem_of({"seed": 1, "steps": 3, "residuals": 1, "known": False}, eliminate=False)
    weights = np.exp(-0.7 * np.arange(3))
    expected = sum(w * m.toarray() for w, m in zip(weights, problem.design.effects, strict=True))
    np.testing.assert_allclose(design_at(problem, 0.7).toarray(), expected)


@pytest.mark.parametrize("known", [True, False])
def test_nothing_near_the_mode_is_higher(known: bool) -> None:
    problem = problem_of({"seed": 3, "steps": 1, "residuals": 1, "known": known}, eliminate=False)
    priors = marginal.sd_priors(problem)
    residual = problem.design.defaults.residual

    def density(theta: Theta) -> float:
        value = condition(problem, theta).value
        values = [*zip(priors, theta.sd, strict=True), (residual, theta.residual[0])]
        return value + sum(marginal.log_density(prior, float(x)) + np.log(x) for prior, x in values)

    best = mode(problem, iterations=200).theta
    for factor in (0.9, 1.1):
        for i in range(len(best.sd)):
            sd = best.sd.copy()
            sd[i] *= factor
            assert density(replace(best, sd=sd)) < density(best) + 1e-4
        assert density(replace(best, residual=best.residual * factor)) < density(best) + 1e-4
