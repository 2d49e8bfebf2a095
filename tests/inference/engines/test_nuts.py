"""The moved model is the model: its density, and its initial point."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit
from threadpoolctl import threadpool_limits

from taskorder.inference.engines import marginal, nuts
from taskorder.inference.engines.marginal import Conditional, Problem, design_at, mode, take_apart
from taskorder.inference.families import NU
from taskorder.inference.fitting import select_rows
from taskorder.inference.layout.design import build_design
from taskorder.inference.layout.observations import Cells
from taskorder.inference.priors import log_density
from taskorder.inference.session import read_tables, tables_of
from taskorder.inference.spec import parse_model, read_model
from taskorder.paths import resource
from taskorder.results.catalogue import Covariates, covariates

Floats = NDArray[np.float64]
Make = Callable[..., Any]

FAST = "FAST_COMPILE"


def several_rows(results: Make) -> pd.DataFrame:
    """Two systems, of which one is told much by its seeds; sequences of up to two stages; a lonely group."""
    rng = np.random.default_rng(7)
    sequence = ["", "one", "two>one", "one>two", "three", "three>two+one", "two", "one>three"] * 2
    return results(
        study=["s"] * 8 + ["t"] * 8,
        backbone=(["b"] * 4 + ["c"] * 4) * 2,
        sequence=sequence,
        target=["goal", "aim"] * 8,
        score=rng.uniform(0.5, 0.8, 16),
        n_seeds=pd.array([20] * 8 + [2] * 8, dtype="Int64"),
        n_test=pd.array([400] * 16, dtype="Int64"),
        sd=[0.01] * 8 + [0.02] * 8,
    )


MODELS: dict[str, dict[str, Any]] = {
    "groups": {
        "groups": {"study": {}, "system": {"by": ["1", "difficulty"]}, "run": {}},
        "priors": {
            "sd:study": {"dist": "HalfCauchy", "beta": 0.1},
            "1": {"dist": "StudentT", "nu": 4, "mu": 1, "sigma": 1},
        },
    },
    "residuals by study": {"groups": {"system": {}}, "residual": {"by": "study"}},
    "no groups": {
        "fixed": {"terms": ["1", "steps"]},
        "sequence": {"difficulty": ["made"], "similarity": ["made"], "crossed": []},
    },
    "student_t": {"groups": {"run": {}}, "outcome": {"likelihood": "student_t"}},
    "student_t, residuals by study": {
        "groups": {"system": {}},
        "outcome": {"likelihood": "student_t"},
        "residual": {"by": "study"},
        "priors": {"nu": {"dist": "Exponential", "lam": 0.03}},
    },
    "binomial": {"groups": {"run": {}}, "outcome": {"likelihood": "binomial", "scale": "logit"}},
    "beta_binomial": {"groups": {"run": {}}, "outcome": {"likelihood": "beta_binomial", "scale": "logit"}},
    "beta_binomial, residuals by study": {
        "groups": {"system": {}},
        "outcome": {"likelihood": "beta_binomial", "scale": "logit"},
        "residual": {"by": "study"},
    },
}


def prepared(
    content: dict[str, Any], table: pd.DataFrame, known: Covariates, make: Make
) -> tuple[Problem, Conditional]:
    spec = make(**content)
    if spec.outcome.likelihood == "beta_binomial":
        table = table.drop(columns=["n_seeds", "sd"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marginal, "ELIMINATE_FROM", 10)
        return nuts.prepared(build_design(select_rows(table, spec, known), spec, known), spec)


class Natural:
    """A model's parameters and log density as functions of what the sampler moves."""

    def __init__(self, model: pm.Model) -> None:
        self.start: dict[str, Floats] = {
            name: np.asarray(value, dtype=float) for name, value in model.initial_point().items()
        }
        named = [
            name
            for name in (
                "recency",
                "nu",
                "residual",
                "sd:residual",
                "residual_level_sd",
                "sd",
                "coefficients",
            )
            if name in model.named_vars
        ]
        values = model.replace_rvs_by_values([model[name] for name in named])
        function = model.compile_fn(
            [model.logp(), *values], inputs=model.value_vars, on_unused_input="ignore", mode=FAST
        )
        self._names = named
        self._function = function
        self.size = sum(value.size for value in self.start.values())

    def at(self, vector: Floats) -> tuple[float, dict[str, Floats]]:
        point, begin = {}, 0
        for name, value in self.start.items():
            point[name] = vector[begin : begin + value.size].reshape(value.shape)
            begin += value.size
        density, *values = self._function(point)
        return float(density), dict(zip(self._names, map(np.asarray, values), strict=True))

    def log_jacobian(self, vector: Floats) -> float:
        """Return log |d natural / d moved|, by central differences; residual levels count as logarithms."""

        def flat(at: Floats) -> Floats:
            values = self.at(at)[1]
            logs = {name: np.log(v) if name == "residual_level_sd" else v for name, v in values.items()}
            return np.concatenate([np.ravel(value) for value in logs.values()])

        step = 1e-6
        columns = [
            (flat(vector + step * unit) - flat(vector - step * unit)) / (2 * step)
            for unit in np.eye(self.size)
        ]
        return float(np.linalg.slogdet(np.array(columns))[1])


def written_out(problem: Problem, natural: dict[str, Floats]) -> float:
    """Return the log density of the natural parameters and the cells, but for a constant."""
    design = problem.design
    sd = dict(zip(problem.sd_names, natural.get("sd", np.zeros(0)), strict=True))
    total = sum(
        log_density(prior, float(sd[name]))
        for name, prior in zip(problem.sd_names, marginal.sd_priors(problem), strict=True)
    )
    b = natural["coefficients"]
    for block in problem.blocks:
        values = b[block.columns]
        if block.prior is None:
            total += float(stats.norm(0.0, sd[block.sd]).logpdf(values).sum())
        else:
            total += log_density(block.prior, float(values[0]))
    of_level = np.zeros(1)
    if "residual" in natural:
        typical = float(natural["residual"])
        total += log_density(marginal.residual_prior(problem), typical)
        of_level = np.array([typical])
    if "residual_level_sd" in natural:
        of_level, width = natural["residual_level_sd"], float(natural["sd:residual"])
        total += log_density(design.defaults.residual_spread, width)
        total += float(stats.norm(np.log(typical), width).logpdf(np.log(of_level)).sum())
    if "nu" in natural:
        total += log_density(problem.spec.priors.get("nu", NU), float(natural["nu"]))
    recency = float(natural.get("recency", 0.0))
    if "recency" in natural:
        total += log_density(design.defaults.recency, recency)
    if problem.spec.outcome.likelihood == "normal":
        return total + likelihood(problem, b, recency, of_level, sd)
    eta, residual = design_at(problem, recency) @ b, of_level[design.cells.level]
    return total + not_gaussian(design.cells, problem.spec.outcome.likelihood, eta, residual, natural)


def likelihood(problem: Problem, b: Floats, recency: float, residual: Floats, sd: dict[str, Any]) -> float:
    cells = problem.design.cells
    s2 = cells.v + residual[cells.level] ** 2
    covariance = np.diag(s2 / cells.n)
    if problem.eliminated is not None:
        member = problem.membership().toarray()
        covariance += float(sd[problem.eliminated.sd]) ** 2 * member.T @ member
    eta = design_at(problem, recency) @ b
    some = cells.df > 0
    squares = stats.chi2(cells.df[some]).logpdf(cells.ss[some] / s2[some]) - np.log(s2[some])
    return float(stats.multivariate_normal(eta, covariance).logpdf(cells.mean) + squares.sum())


def not_gaussian(
    cells: Cells, likelihood: str, eta: Floats, residual: Floats, natural: dict[str, Floats]
) -> float:
    """Return the log likelihood; replicates with a Student-t share one weight, integrated out by a grid."""
    if cells.counts is None:
        half = float(natural["nu"]) / 2.0
        weight = np.geomspace(1e-6, 1e3, 4001)[:, None]
        precision = weight / (cells.v + residual**2)
        squares = cells.n * (cells.mean - eta) ** 2 + cells.ss
        given = 0.5 * (1.0 + cells.df) * np.log(precision) - 0.5 * precision * squares
        joint = given + stats.gamma(half, scale=1.0 / half).logpdf(weight)
        return float(np.log(np.trapezoid(np.exp(joint), weight, axis=0)).sum())
    k, n, p = cells.counts.successes, cells.counts.trials, expit(eta)
    if likelihood == "binomial":
        return float(stats.binom(n, p).logpmf(k).sum())
    return float(stats.betabinom(n, p * residual, (1.0 - p) * residual).logpmf(k).sum())


@pytest.mark.parametrize("name", MODELS)
def test_the_moved_density_is_the_written_one(
    name: str, known: Covariates, results: Make, sequence_model: Make
) -> None:
    problem, at = prepared(MODELS[name], several_rows(results), known, sequence_model)
    assert (problem.eliminated is not None) == (name == "groups")
    natural = Natural(nuts.build_model(problem, at))
    rng = np.random.default_rng(11)
    gaps: list[float] = []
    for _ in range(5):
        vector = rng.normal(0.0, 0.5, natural.size)
        density, values = natural.at(vector)
        gaps.append(density - written_out(problem, values) - natural.log_jacobian(vector))
    np.testing.assert_allclose(gaps, gaps[0], atol=2e-4)


GENERIC = {
    "name": "generic",
    "data": {"schema": "any"},
    "outcome": {"column": "score", "scale": "identity"},
}
WITH_VARIANCE = {"column": "score", "scale": "identity", "variance": "v"}
COUNTS = {"column": "right", "trials": "items", "scale": "logit"}
MANY_PRIORS = {
    "1": {"dist": "Laplace", "mu": 0, "b": 1},
    "sd:study": {"dist": "Gamma", "alpha": 2, "beta": 3},
    "sd:backbone": {"dist": "Gamma", "alpha": 2, "beta": 4},
    "sd:target": {"dist": "LogNormal", "mu": 0, "sigma": 1},
    "residual": {"dist": "InverseGamma", "alpha": 2, "beta": 1},
}
VARIED: dict[str, dict[str, Any]] = {
    "one sd": {"groups": {"study": {}}},
    "known variances": {"groups": {"study": {}}, "outcome": WITH_VARIANCE, "residual": {"sd": 0}},
    "known and residual": {"outcome": WITH_VARIANCE},
    "flat priors": {
        "groups": {"sequence": {}},
        "priors": {"1": {"dist": "Flat"}, "sd": {"dist": "HalfFlat"}},
    },
    "no groups": {"fixed": {"terms": ["1", "backbone"]}},
    "nested": {"groups": {"backbone": {"within": "study"}}},
    "a slope": {"groups": {"study": {"by": ["1", "size"]}}, "fixed": {"terms": ["1", "size"]}},
    "many priors": {"groups": {"study": {}, "backbone": {}, "target": {}}, "priors": MANY_PRIORS},
    "heavy tails": {"groups": {"study": {}}, "outcome": {"likelihood": "student_t", "scale": "identity"}},
    "heavy tails and known variances": {
        "outcome": WITH_VARIANCE | {"likelihood": "student_t"},
        "residual": {"sd": 0},
    },
    "counts": {"groups": {"study": {}}, "outcome": COUNTS | {"likelihood": "binomial"}},
    "varied counts": {"groups": {"study": {}}, "outcome": COUNTS | {"likelihood": "beta_binomial"}},
    "varied counts by study": {
        "outcome": COUNTS | {"likelihood": "beta_binomial"},
        "residual": {"by": "study"},
    },
}


def finite_at_the_start(problem: Problem, at: Conditional) -> None:
    with threadpool_limits(limits=1, user_api="blas"):
        model = nuts.build_model(problem, at)
    start = model.initial_point()
    assert np.isfinite(model.compile_logp(mode=FAST)(start))
    assert np.isfinite(model.compile_dlogp(mode=FAST)(start)).all()


@pytest.mark.parametrize("name", VARIED)
def test_value_and_gradient_are_finite_at_the_start(name: str, results: Make) -> None:
    table = several_rows(results).assign(v=0.01, items=200)
    table["size"] = np.linspace(0.0, 1.0, len(table))
    table["right"] = (table["score"] * table["items"]).round()
    spec = parse_model(GENERIC | VARIED[name])
    design = build_design(table, spec, covariates())
    if spec.outcome.likelihood == "normal":
        problem = take_apart(design, spec)
        finite_at_the_start(problem, mode(problem, iterations=2))
    else:
        finite_at_the_start(*nuts.prepared(design, spec))


@pytest.mark.parametrize("path", sorted(resource("models").glob("*.toml")), ids=lambda path: path.name)
def test_shipped_models_start_on_their_published_tables(path: Path) -> None:
    spec, shipped = read_model(path), covariates()
    frame, _ = read_tables(spec, tables_of(spec), shipped)
    problem = take_apart(build_design(select_rows(frame, spec, shipped), spec, shipped), spec)
    finite_at_the_start(problem, mode(problem, iterations=2))
