"""The whole hierarchical model in PyMC, sampled by nutpie.

    mean_c ~ Normal(X(recency) b, (v_c + sigma^2) / n_c)      ss_c / (v_c + sigma^2) ~ chi-squared(df_c)
    b of a fixed term ~ its prior                            b of a group ~ Normal(0, sd of the group)
    sd, residual, recency ~ their priors                     log residual level ~ Normal(log residual, sd)

The coefficients of a crossed design are strongly correlated, and an sd is tied to the levels that it is the
sd of, so the sampler moves neither directly. With m and R R' the mean and covariance of b given the mode of the
non-linear parameters (`marginal.mode`), it moves raw block by block, each given those before it. For a group
whose sd is r times that at the mode, with m and R its mean and root given the earlier blocks,

    b = r^2 h m + r sqrt(h) (R raw),        h = (1 + k) / (1 + k r^2)

along the principal axes of R R', where k = (prior variance / posterior variance) - 1 at the mode is what the
data tell of that direction. This is the mean and the root of b given r: raw stays standard normal whatever r,
centred in directions where the data are strong (k large), non-centred where they are weak (k near 0), and in
between as they call for. Where the data are weak in most directions r may pass through zero (the sd is its
absolute value), so that no draw is stuck there. Given r the map is linear with a known Jacobian, and the model
is unchanged.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import nutpie
import pymc as pm
import pytensor
import pytensor.sparse as pts
import pytensor.tensor as pt
import xarray as xr
from numpy.typing import NDArray
from scipy import linalg, sparse
from threadpoolctl import threadpool_limits

from taskorder.inference.design import Block, Design
from taskorder.inference.marginal import Conditional, Problem, mode, sd_priors, take_apart
from taskorder.inference.priors import Prior
from taskorder.inference.spec import ModelSpec

Floats = NDArray[np.float64]

CHAINS = 4
ENGINE = "nuts"
WEAK = 0.5
"""An sd may pass through zero where the data tell less than this share of what there is to know of its levels."""
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
    cells = problem.design.cells
    with pm.Model(coords=_coords(problem)) as model:
        recency = _variable("recency", _recency_prior(problem)) if len(problem.main) > 1 else None
        variance = pt.as_tensor(cells.v) + _residual(problem, at)[cells.level] ** 2
        b = _coefficients(problem, at)
        eta = _expected(problem, b, recency)
        if problem.eliminated is not None:
            eta = eta + _eliminated(problem, problem.eliminated, at, eta)
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


def _variable(name: str, prior: Prior) -> Any:
    return getattr(pm, prior.dist)(name, **dict(prior.parameters))


def _log_density(prior: Prior, value: Any) -> Any:
    if prior.dist in {"Flat", "HalfFlat"}:
        return pt.zeros(())
    return pt.sum(pm.logp(getattr(pm, prior.dist).dist(**dict(prior.parameters)), value))


def _residual(problem: Problem, at: Conditional) -> Any:
    """Return the residual sds (L,); several levels share a hierarchy on the log scale."""
    spec, design = problem.spec, problem.design
    if spec.residual.sd == 0:
        return pt.zeros(1)
    typical = _variable(
        "residual", spec.priors.get("residual", spec.priors.get("sd", design.defaults.residual))
    )
    levels = len(design.residual_levels)
    if levels == 0:
        return pt.stack([typical])
    width = _variable("sd:residual", spec.priors.get("sd:residual", design.defaults.residual_spread))
    df = np.bincount(design.cells.level, 1.0 + design.cells.df, minlength=levels)
    strong = pt.as_tensor(df >= MANY_REPLICATES)
    raw = pm.Flat("raw residual", shape=levels, initval=np.zeros(levels))
    centred = np.log(at.theta.residual) + raw / np.sqrt(2.0 * df)
    log_sd = pt.switch(strong, centred, pt.log(typical) + width * raw)
    z = (log_sd - pt.log(typical)) / width
    pm.Potential("residual levels", pt.sum(-0.5 * z**2 - pt.switch(strong, pt.log(width), 0.0)))
    return pm.Deterministic("residual_level_sd", pt.exp(log_sd), dims="residual_level")


@dataclass(frozen=True)
class _Group:
    """The sd of a group, and how its levels move with it: `b = pull * m + stretch * (R raw)`."""

    sd: Any
    pull: Any
    stretch: Any


def _group(block: Block, problem: Problem, at: Conditional, variance: Floats) -> _Group:
    """Give a group its sd; `variance` (levels,) is the posterior one at the mode along uncorrelated directions."""
    i = problem.sd_names.index(block.sd)
    reference, prior = float(at.theta.sd[i]), sd_priors(problem)[i]
    told = np.maximum(reference**2 / variance - 1.0, 0.0)
    share = float(np.mean(told / (1.0 + told)))
    raw = pm.Flat(f"raw {block.sd}", initval=0.0)
    if share < WEAK:
        ratio, jacobian = 1.0 + 0.5 * raw, 0.0
    else:
        step = 1.0 / np.sqrt(2.0 * len(variance)) / share
        ratio, jacobian = pt.exp(step * raw), step * raw
    sd = pm.Deterministic(block.sd, reference * pt.abs(ratio))
    pm.Potential(f"prior {block.sd}", _log_density(prior, sd) + jacobian)
    held = (1.0 + told) / (1.0 + told * ratio**2)
    return _Group(sd, ratio**2 * held, ratio * pt.sqrt(held))


def _add_prior(block: Block, group: _Group, b: Any) -> None:
    density = -0.5 * (b / group.sd) ** 2 - pt.log(group.sd) + pt.log(pt.abs(group.stretch))
    pm.Potential(f"prior {block.name}", pt.sum(density))
    pm.Deterministic(block.name, b, dims=block.coordinate)


def _coefficients(problem: Problem, at: Conditional) -> Any:
    """Return b (P,), with its prior added to the model, and name its blocks.

    Block by block: the mean of a block given those before it, then its own move; what a group's sd does to its
    levels reaches the later blocks through their means.
    """
    root = _root(at.covariance)
    raw = pm.Flat("raw", shape=problem.width, initval=np.zeros(problem.width))
    parts: list[Any] = []
    moved: list[Any] = []
    for block in problem.blocks:
        own = root[block.columns, block.columns]
        given = at.mean[block.columns]
        if moved:
            before = pytensor.shared(root[block.columns, : block.start], name=f"before {block.name}")
            given = given + pt.dot(before, pt.concatenate(moved))
        if block.prior is not None:
            part = given + own[0, 0] * raw[block.columns]
            pm.Potential(f"prior {block.name}", _log_density(block.prior, part))
            pm.Deterministic(block.name, part[0])
            moved.append(raw[block.columns])
        else:
            part = _levels(block, problem, at, own, given, raw[block.columns])
            moved.append(pt.dot(linalg.solve_triangular(own, np.eye(len(own)), lower=True), part - given))
        parts.append(part)
    return pt.concatenate(parts)


def _levels(block: Block, problem: Problem, at: Conditional, own: Floats, given: Any, raw: Any) -> Any:
    """Return a group's levels: their mean `given` the earlier blocks, with the spread `own` (a root)."""
    variance, axes = linalg.eigh(own @ own.T)
    group = _group(block, problem, at, variance)
    along = group.pull * pt.dot(axes.T, given) + group.stretch * pt.dot(axes.T @ own, raw)
    b = pt.dot(axes, along)
    _add_prior(block, group, b)
    return b


def _root(covariance: Floats) -> Floats:
    """Return lower R with R R' = covariance; a trace of the diagonal keeps it positive definite."""
    return linalg.cholesky(covariance + np.diag(1e-12 * np.diag(covariance)), lower=True)


def _times(matrix: sparse.csr_array, vector: Any) -> Any:
    return pts.dot(pts.as_sparse_variable(sparse.csr_matrix(matrix)), vector[:, None])[:, 0]


def _expected(problem: Problem, b: Any, recency: Any) -> Any:
    total = _times(problem.main[0], b)
    for back, matrix in enumerate(problem.main[1:], start=1):
        total = total + pt.exp(-recency * back) * _times(matrix, b)
    return total


def _eliminated(problem: Problem, block: Block, at: Conditional, eta: Any) -> Any:
    """Return the largest intercept of each cell (C,), moved about its mean given the other coefficients."""
    cells = problem.design.cells
    weight = cells.n / (cells.v + at.theta.residual[cells.level] ** 2)
    pull = problem.membership().multiply(weight[None, :]).multiply(1.0 / at.precision[:, None])
    raw = pm.Flat("raw largest", shape=len(block.labels), initval=np.zeros(len(block.labels)))
    group = _group(block, problem, at, 1.0 / at.precision)
    mean = _times(sparse.csr_array(pull), cells.mean - eta)
    b = group.pull * mean + group.stretch * raw / np.sqrt(at.precision)
    _add_prior(block, group, b)
    return pt.concatenate([b, pt.zeros(1)])[problem.level]
