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
from threadpoolctl import threadpool_limits

from taskorder.inference.engines import marginal, nuts
from taskorder.inference.engines.marginal import Problem, design_at, mode, take_apart
from taskorder.inference.fitting import select_rows
from taskorder.inference.layout.design import build_design
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
}


def problem_of(content: dict[str, Any], table: pd.DataFrame, known: Covariates, make: Make) -> Problem:
    spec = make(**content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marginal, "ELIMINATE_FROM", 10)
        return take_apart(build_design(select_rows(table, spec, known), spec, known), spec)


class Natural:
    """A model's parameters and log density as functions of what the sampler moves."""

    def __init__(self, model: pm.Model) -> None:
        self.start: dict[str, Floats] = {
            name: np.asarray(value, dtype=float) for name, value in model.initial_point().items()
        }
        named = [
            name
            for name in ("recency", "residual", "sd:residual", "residual_level_sd", "sd", "coefficients")
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
    typical = float(natural["residual"])
    total += log_density(marginal.residual_prior(problem), typical)
    of_level = np.array([typical])
    if "residual_level_sd" in natural:
        of_level, width = natural["residual_level_sd"], float(natural["sd:residual"])
        total += log_density(design.defaults.residual_spread, width)
        total += float(stats.norm(np.log(typical), width).logpdf(np.log(of_level)).sum())
    recency = float(natural.get("recency", 0.0))
    if "recency" in natural:
        total += log_density(design.defaults.recency, recency)
    return total + likelihood(problem, b, recency, of_level, sd)


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


@pytest.mark.parametrize("name", MODELS)
def test_the_moved_density_is_the_written_one(
    name: str, known: Covariates, results: Make, sequence_model: Make
) -> None:
    problem = problem_of(MODELS[name], several_rows(results), known, sequence_model)
    assert (problem.eliminated is not None) == (name == "groups")
    natural = Natural(nuts.build_model(problem, mode(problem)))
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
    "flat priors": {"groups": {"study": {}}, "priors": {"1": {"dist": "Flat"}, "sd": {"dist": "HalfFlat"}}},
    "no groups": {"fixed": {"terms": ["1", "backbone"]}},
    "nested": {"groups": {"backbone": {"within": "study"}}},
    "a slope": {"groups": {"study": {"by": ["1", "sd"]}}, "fixed": {"terms": ["1", "sd"]}},
    "many priors": {"groups": {"study": {}, "backbone": {}, "target": {}}, "priors": MANY_PRIORS},
}


def finite_at_the_start(problem: Problem) -> None:
    with threadpool_limits(limits=1, user_api="blas"):
        model = nuts.build_model(problem, mode(problem, iterations=2))
    start = model.initial_point()
    assert np.isfinite(model.compile_logp(mode=FAST)(start))
    assert np.isfinite(model.compile_dlogp(mode=FAST)(start)).all()


@pytest.mark.parametrize("name", VARIED)
def test_value_and_gradient_are_finite_at_the_start(name: str, results: Make) -> None:
    table = several_rows(results).assign(v=0.01)
    spec = parse_model(GENERIC | VARIED[name])
    finite_at_the_start(take_apart(build_design(table, spec, covariates()), spec))


@pytest.mark.parametrize("path", sorted(resource("models").glob("*.toml")), ids=lambda path: path.name)
def test_shipped_models_start_on_their_published_tables(path: Path) -> None:
    spec, shipped = read_model(path), covariates()
    frame, _ = read_tables(spec, tables_of(spec), shipped)
    finite_at_the_start(take_apart(build_design(select_rows(frame, spec, shipped), spec, shipped), spec))
