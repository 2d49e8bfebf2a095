"""The log densities of cells, against SciPy's and against maximum likelihood of other software."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytensor
import pytensor.tensor as pt
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats

from taskorder.inference.engines.likelihoods import beta_binomial, binomial, log_likelihood, student_t
from taskorder.inference.layout.design import Design, build_design
from taskorder.inference.layout.observations import Cells, Counts, Observations
from taskorder.inference.spec import parse_model
from taskorder.results.catalogue import covariates

Floats = NDArray[np.float64]

REFERENCE = Path(__file__).parents[2] / "reference"
ETA = np.array([-3.0, -0.4, 0.0, 1.3, 4.0])
COUNTS = Counts(np.array([0.0, 3.0, 1.0, 30.0, 200.0]), np.array([7.0, 9.0, 1.0, 40.0, 200.0]))


def cells(**given: Any) -> Cells:
    nothing = np.zeros(5)
    standard = {"mean": nothing, "n": np.ones(5), "ss": nothing, "df": nothing, "v": nothing}
    return Cells(**{**standard, "level": np.zeros(5, dtype=np.int64), **given})


def known(number: object) -> Any:
    """Return a constant in double precision, whatever PyTensor makes of a short number."""
    return pt.as_tensor(np.asarray(number, dtype=np.float64))


def value(density: Any) -> Floats:
    return np.asarray(density.eval())


def test_single_scores_are_student_t() -> None:
    mean, v, n = np.array([-1.0, 0.5, 9.0, 0.0, 1.0]), np.full(5, 0.04), np.array([1.0, 1.0, 1.0, 3.0, 5.0])
    ours = value(student_t(cells(mean=mean, v=v, n=n), known(ETA), known(0.3), known(2.5)))
    theirs = stats.t(2.5, ETA, np.sqrt((0.04 + 0.09) / n)).logpdf(mean)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)


def test_replicates_behind_a_mean_with_its_sd_are_a_multivariate_student_t() -> None:
    """Their mean and sum of squares carry all that they say of location, scale and degrees of freedom."""
    y = np.array([0.3, -0.1, 0.9, 0.4])
    told = Observations(y, np.ones(4), np.zeros(4), np.zeros(4), np.zeros(4))
    cell = told.cells(np.zeros(4, dtype=np.int64), 1, np.zeros(1, dtype=np.int64))
    gaps: list[float] = []
    for eta, sigma, nu in ((0.0, 0.5, 3.0), (1.0, 0.1, 1.5), (-2.0, 2.0, 40.0)):
        ours = value(student_t(cell, known([eta]), known(sigma), known(nu)))
        theirs = stats.multivariate_t(np.full(4, eta), sigma**2 * np.eye(4), nu).logpdf(y)
        gaps.append(float(ours[0]) - float(theirs))
    np.testing.assert_allclose(gaps, gaps[0], atol=1e-9)


def test_counts() -> None:
    k, n, p = COUNTS.successes, COUNTS.trials, 1.0 / (1.0 + np.exp(-ETA))
    made, eta = cells(counts=COUNTS), known(ETA)
    np.testing.assert_allclose(value(binomial(made, eta)), stats.binom(n, p).logpmf(k), rtol=1e-9)
    for phi in (0.5, 12.0, 3000.0):
        theirs = stats.betabinom(n, p * phi, (1 - p) * phi).logpmf(k)
        np.testing.assert_allclose(value(beta_binomial(made, eta, known(phi))), theirs, rtol=1e-7)


def test_limits() -> None:
    made, eta = cells(counts=COUNTS, mean=ETA / 2), known(ETA)
    without = value(beta_binomial(made, eta, known(1e8)))
    np.testing.assert_allclose(without, value(binomial(made, eta)), atol=1e-4)
    light = value(student_t(made, eta, known(0.7), known(1e7)))
    np.testing.assert_allclose(light, stats.norm(ETA, 0.7).logpdf(ETA / 2), rtol=1e-5)


def test_gradients_far_away_are_finite() -> None:
    eta, phi, nu = pt.dvector(), pt.dvector(), pt.dscalar()
    made = cells(counts=COUNTS)
    for name in ("student_t", "binomial", "beta_binomial"):
        total = pt.sum(log_likelihood(name, made, eta, phi, nu))
        slopes = pytensor.function(
            [eta, phi, nu],
            pytensor.grad(total, [eta, phi, nu], disconnected_inputs="ignore"),
            on_unused_input="ignore",
            mode="FAST_COMPILE",
        )
        for far in (-30.0, 30.0):
            for found in slopes(np.full(5, far), np.full(5, 50.0), 3.0):
                assert np.isfinite(found).all(), name


def cbpp() -> tuple[Design, dict[str, Any]]:
    content = json.loads((REFERENCE / "cbpp.json").read_text("utf-8"))
    spec = parse_model(
        {
            "name": "cbpp",
            "data": {"schema": "any"},
            "outcome": {
                "column": "incidence",
                "trials": "size",
                "likelihood": "binomial",
                "scale": "logit",
            },
            "fixed": {"terms": ["1", "period"]},
            "groups": {"herd": {}},
        }
    )
    table = pd.DataFrame(content["data"]).astype({"herd": str, "period": str})
    return build_design(table, spec, covariates()), content["estimates"]


class Integrated:
    """The likelihood of a design with one random intercept, by adaptive Gauss-Hermite quadrature.

    With one point that is Laplace's approximation.
    """

    def __init__(self, design: Design, points: int) -> None:
        x = design.effects[0].toarray()
        levels = design.block("1|herd").columns
        eta = pt.dvector()
        density = binomial(design.cells, eta)
        slope = pytensor.grad(pt.sum(density), eta)
        curvature = pytensor.grad(pt.sum(slope), eta)
        self.of_cells: Callable[[Floats], list[Floats]] = pytensor.function(
            [eta], [density, slope, curvature], mode="FAST_COMPILE"
        )
        self.fixed, self.member = x[:, : levels.start], x[:, levels]
        self.nodes, self.weights = np.polynomial.hermite_e.hermegauss(points)

    def log_joint(self, b: Floats, sd: float, effects: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the log density of each level's data and effect, and its two derivatives by the effect."""
        density, slope, curvature = self.of_cells(self.fixed @ b + self.member @ effects)
        return (
            self.member.T @ density + stats.norm(0.0, sd).logpdf(effects),
            self.member.T @ slope - effects / sd**2,
            self.member.T @ curvature - 1.0 / sd**2,
        )

    def __call__(self, b: Floats, sd: float) -> float:
        effects = np.zeros(self.member.shape[1])
        for _ in range(10):
            _, slope, curvature = self.log_joint(b, sd, effects)
            effects = effects - slope / curvature
        width = 1.0 / np.sqrt(-self.log_joint(b, sd, effects)[2])
        terms = [
            np.log(weight) + self.log_joint(b, sd, effects + width * node)[0] + 0.5 * node**2
            for node, weight in zip(self.nodes, self.weights, strict=True)
        ]
        return float(np.sum(np.logaddexp.reduce(terms, axis=0) + np.log(width)))


@pytest.mark.parametrize(
    ("points", "source"), [(1, "glmer, Laplace"), (1, "glmmTMB"), (25, "glmer, 25 points")]
)
def test_maximum_likelihood_is_that_of_other_software(points: int, source: str) -> None:
    """To 2e-3, at which their optimisers stop: glmer and glmmTMB differ by as much from each other."""
    design, estimates = cbpp()
    likelihood = Integrated(design, points)
    found = optimize.minimize(
        lambda at: -likelihood(at[:-1], float(np.exp(at[-1]))), np.array([-1.4, -1.0, -1.0, -1.5, -0.4])
    )
    theirs = estimates[source]
    named = {"1": 0, "period2": 1, "period3": 2, "period4": 3}
    expected = [theirs["estimates"][name]["estimate"] for name in named]
    np.testing.assert_allclose(found.x[:-1], expected, atol=2e-3)
    assert np.exp(found.x[-1]) == pytest.approx(theirs["sd:herd"], abs=2e-3)
