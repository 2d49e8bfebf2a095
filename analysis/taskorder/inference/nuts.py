"""The whole hierarchical model in PyMC, sampled by nutpie.

    mean_c ~ Normal(X(recency) b, (v_c + sigma^2) / n_c)      ss_c / (v_c + sigma^2) ~ chi-squared(df_c)
    b of a fixed term ~ its prior                             b of a group ~ Normal(0, sd of the group)
    sd, residual, recency ~ their priors                      log residual of a level ~ Normal(log residual, sd)

The coefficients of a crossed design are strongly correlated, so the sampler does not move them directly. With
their mean m and covariance R R' given the mode of the non-linear parameters (`marginal.mode`) it moves raw,

    b = D (m + R raw),        D = sd / (sd at the mode) for groups that the data tell little of, else 1

whose posterior is near a standard normal one: centred where the data are strong, non-centred where they are
weak, decorrelated in both. The map is linear given the sds; its Jacobian is |D|, and the model is unchanged.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import nutpie
import pymc as pm
import pytensor.sparse as pts
import pytensor.tensor as pt
import xarray as xr
from numpy.typing import NDArray
from scipy import linalg, sparse
from threadpoolctl import threadpool_limits

from taskorder.inference.design import Design
from taskorder.inference.marginal import Conditional, Problem, mode, sd_priors, take_apart
from taskorder.inference.priors import Prior
from taskorder.inference.spec import ModelSpec

Floats = NDArray[np.float64]

CHAINS = 4
ENGINE = "nuts"
WEAK = 0.5
"""A group is non-centred if the data leave more than this share of its prior variance."""
MANY_REPLICATES = 10
"""A residual level with fewer degrees of freedom than this is non-centred."""


@dataclass(frozen=True)
class Draws:
    """What an engine returns.

    Attributes
    ----------
    tree : DataTree
        With the groups `posterior` and `sample_stats`.
    seconds : dict
        `compile`, `sample` and `total`.
    """

    tree: xr.DataTree
    seconds: dict[str, float]


def sample(design: Design, spec: ModelSpec, *, seed: int, draws: int, progress: bool = False) -> Draws:
    """Sample the posterior.

    Parameters
    ----------
    design : Design
        Of the rows to be modelled.
    spec : ModelSpec
        The model.
    seed : int
        The same seed gives the same draws on the same machine.
    draws : int
        In all, over four chains; as many again are spent on tuning, at least 400 a chain.
    progress : bool
        Whether to show nutpie's progress bar.
    """
    began = time.perf_counter()
    each = -(-draws // CHAINS)
    with threadpool_limits(limits=1, user_api="blas"):
        problem = take_apart(design, spec)
        at = mode(problem)
        model = build_model(problem, at)
        compiled = nutpie.compile_pymc_model(model)
        ready = time.perf_counter()
        tree = nutpie.sample(
            compiled,
            draws=each,
            tune=max(each, 400),
            chains=CHAINS,
            cores=2,
            seed=seed,
            save_warmup=False,
            progress_bar=progress,
        )
    done = time.perf_counter()
    posterior = tree["posterior"].to_dataset()
    kept = posterior[[name for name in posterior.data_vars if not str(name).startswith("raw")]]
    stats = tree["sample_stats"].to_dataset()
    wanted = ["diverging", "energy", "logp", "n_steps", "step_size", "tree_depth"]
    groups = {"posterior": kept, "sample_stats": stats[[name for name in wanted if name in stats]]}
    seconds = {"compile": ready - began, "sample": done - ready, "total": done - began}
    return Draws(xr.DataTree.from_dict(groups), seconds)


def build_model(problem: Problem, at: Conditional) -> pm.Model:
    """Write the model down, moved so that its posterior is near a standard normal one.

    Parameters
    ----------
    problem : Problem
        The design taken apart.
    at : Conditional
        The coefficients at the mode; any point gives the same posterior, a good one gives it fast.
    """
    design = problem.design
    with pm.Model(coords=_coords(problem)) as model:
        recency = _positive_or_real("recency", _recency_prior(problem)) if len(problem.main) > 1 else None
        sds = {
            name: _positive_or_real(name, prior)
            for name, prior in zip(problem.sd_names, sd_priors(problem), strict=True)
        }
        variance = pt.as_tensor(design.cells.v) + _residual(problem, at)[design.cells.level] ** 2
        b = _coefficients(problem, at, sds)
        eta = _expected(problem, b, recency)
        if problem.eliminated is not None:
            eta = eta + _eliminated(problem, at, eta, sds[problem.sd_names[-1]])
        cells = design.cells
        misfit = cells.n * (cells.mean - eta) ** 2 + cells.ss
        pm.Potential("log_likelihood", -0.5 * pt.sum((1.0 + cells.df) * pt.log(variance) + misfit / variance))
    return model


def _coords(problem: Problem) -> dict[str, list[str]]:
    blocks = [*problem.blocks, *([problem.eliminated] if problem.eliminated else [])]
    coords = {block.coordinate: list(block.labels) for block in blocks if block.dim}
    if problem.design.residual_levels:
        coords["residual_level"] = list(problem.design.residual_levels)
    return coords


def _recency_prior(problem: Problem) -> Prior:
    return problem.spec.priors.get("recency", problem.design.defaults.recency)


def _positive_or_real(name: str, prior: Prior) -> Any:
    return getattr(pm, prior.dist)(name, **dict(prior.parameters))


def _log_prior(prior: Prior, value: Any) -> Any:
    if prior.dist == "Flat":
        return pt.zeros(())
    return pt.sum(pm.logp(getattr(pm, prior.dist).dist(**dict(prior.parameters)), value))


def _residual(problem: Problem, at: Conditional) -> Any:
    """Return the residual sds (L,); several levels share a hierarchy on the log scale."""
    spec, design = problem.spec, problem.design
    if spec.residual.sd == 0:
        return pt.zeros(1)
    prior = spec.priors.get("residual", spec.priors.get("sd", design.defaults.residual))
    typical = _positive_or_real("residual", prior)
    levels = len(design.residual_levels)
    if levels == 0:
        return pt.stack([typical])
    width = _positive_or_real("sd:residual", spec.priors.get("sd:residual", design.defaults.residual_spread))
    df = np.bincount(design.cells.level, 1.0 + design.cells.df, minlength=levels)
    strong = pt.as_tensor(df >= MANY_REPLICATES)
    raw = pm.Flat("raw residual", shape=levels, initval=np.zeros(levels))
    reference = np.log(at.theta.residual)
    step = 1.0 / np.sqrt(2.0 * df)
    log_sd = pt.switch(strong, reference + step * raw, pt.log(typical) + width * raw)
    density = pm.logp(pm.Normal.dist(pt.log(typical), width), log_sd) + pt.switch(strong, 0.0, pt.log(width))
    pm.Potential("residual levels", pt.sum(density))
    return pm.Deterministic("residual_level_sd", pt.exp(log_sd), dims="residual_level")


def _coefficients(problem: Problem, at: Conditional, sds: dict[str, Any]) -> Any:
    """Return b (P,), with its prior added to the model, and name its blocks."""
    raw = pm.Flat("raw", shape=problem.width, initval=np.zeros(problem.width))
    centred = at.mean + pt.dot(pt.as_tensor(_root(at.covariance)), raw)
    by_name = dict(zip(problem.sd_names, at.theta.sd, strict=True))
    parts: list[Any] = []
    for block in problem.blocks:
        part = centred[block.columns]
        size = block.stop - block.start
        if not block.sd:
            assert block.prior is not None
            pm.Potential(f"prior {block.name}", _log_prior(block.prior, part))
            pm.Deterministic(block.name, part[0])
        else:
            sd, reference = sds[block.sd], by_name[block.sd]
            left = float(np.mean(np.diag(at.covariance)[block.columns])) / reference**2
            stretch = sd / reference if left > WEAK else 1.0
            part = part * stretch
            density = -0.5 * pt.sum((part / sd) ** 2) - size * pt.log(sd) + size * pt.log(stretch)
            pm.Potential(f"prior {block.name}", density)
            pm.Deterministic(block.name, part, dims=block.coordinate)
        parts.append(part)
    return pt.concatenate(parts)


def _root(covariance: Floats) -> Floats:
    """Return R with R R' = covariance; a trace of the diagonal keeps it positive definite."""
    jitter = 1e-12 * np.diag(covariance)
    return linalg.cholesky(covariance + np.diag(jitter), lower=True)


def _times(matrix: sparse.csr_array, vector: Any) -> Any:
    return pts.dot(pts.as_sparse_variable(sparse.csr_matrix(matrix)), vector[:, None])[:, 0]


def _expected(problem: Problem, b: Any, recency: Any) -> Any:
    total: Any = 0.0
    for back, matrix in enumerate(problem.main):
        part = _times(matrix, b)
        total = total + (part if back == 0 else pt.exp(-recency * back) * part)
    return total


def _eliminated(problem: Problem, at: Conditional, eta: Any, sd: Any) -> Any:
    """Return the largest intercept of each cell (C,), moved about its mean given the other coefficients."""
    block = problem.eliminated
    assert block is not None
    cells = problem.design.cells
    member = problem.membership()
    weight = cells.n / (cells.v + at.theta.residual[cells.level] ** 2)
    pull = member.multiply(weight[None, :]).multiply(1.0 / at.precision[:, None]).tocsr()
    raw = pm.Flat("raw largest", shape=len(block.labels), initval=np.zeros(len(block.labels)))
    mean = _times(pull, cells.mean - eta)
    reference = float(at.theta.sd[-1])
    left = float(np.mean(1.0 / at.precision)) / reference**2
    stretch = sd / reference if left > WEAK else 1.0
    size = len(block.labels)
    level = stretch * (mean + raw / np.sqrt(at.precision))
    pm.Potential(
        f"prior {block.name}", -0.5 * pt.sum((level / sd) ** 2) - size * pt.log(sd) + size * pt.log(stretch)
    )
    pm.Deterministic(block.name, level, dims=block.coordinate)
    padded = pt.concatenate([level, pt.zeros(1)])
    return padded[problem.level]
