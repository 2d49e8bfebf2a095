"""The whole hierarchical model in PyMC, sampled by nutpie.

    mean_c ~ Normal(X(recency) b, (v_c + sigma^2) / n_c)      ss_c / (v_c + sigma^2) ~ chi-squared(df_c)
    b of a fixed term ~ its prior                            b of a group ~ Normal(0, sd of the group)
    sd, residual, recency ~ their priors                     log residual level ~ Normal(log residual, sd)

or, for other likelihoods, the density of the cells that `likelihoods` writes down.

The coefficients of a crossed design are strongly correlated, and an sd is tied to the levels that it is the
sd of, so the sampler moves neither directly. With m and R R' the mean and covariance of b at the mode of the
non-linear parameters (`marginal.mode`), it moves raw block by block, each given those before it. For a group
whose sd is r times that at the mode, with m and R its mean and root given the earlier blocks,

    b = r^2 h m + r sqrt(h) (R raw),        h = (1 + k) / (1 + k r^2)

along the principal axes of R R', where k = (prior variance / posterior variance) - 1 at the mode is what the
data tell of that direction. This is the mean and the root of b given r: raw stays standard normal whatever
r, centred in directions where the data are strong (k large), non-centred where they are weak (k near 0), and
in between as they call for. Where the data are weak in most directions r may pass through zero (the sd is
its absolute value), so that no draw is stuck there. Given r the map is linear with a known Jacobian, and the
model is unchanged. The random intercept with the most levels (`Problem.eliminated`) is integrated out, and
drawn afterwards given the rest. Where the noise is not Gaussian nothing is integrated out, and the moves are
those of a Gaussian that is near (`working`).
"""

# PyTensor's annotations give tensors as optional or as lists of tensors: arithmetic on them is not checked.
# pyright: reportOperatorIssue=false, reportArgumentType=false
# pyright: reportIndexIssue=false, reportOptionalSubscript=false

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import nutpie
import pymc as pm
import pytensor.sparse as pts
import pytensor.tensor as pt
import xarray as xr
from numpy.typing import NDArray
from pytensor.compile.sharedvalue import shared
from scipy import linalg, sparse
from threadpoolctl import threadpool_limits

from taskorder.inference.engines.draws import CHAINS, Draws
from taskorder.inference.engines.likelihoods import log_likelihood
from taskorder.inference.engines.marginal import (
    Conditional,
    Problem,
    design_at,
    mode,
    residual_prior,
    sd_priors,
    take_apart,
)
from taskorder.inference.engines.parameters import spread_prior
from taskorder.inference.engines.working import log_precisions, stand_in
from taskorder.inference.families import LEAST_NU, NU
from taskorder.inference.layout.design import Block, Design
from taskorder.inference.priors import Prior
from taskorder.inference.spec import ModelSpec

Floats = NDArray[np.float64]

TARGET_ACCEPT = 0.9
WHOLE = ("recency", "residual", "nu", "sd:residual", "residual_level_sd")
WEAK = 0.5
"""An sd may pass through zero where the data tell less than this share of its levels' prior variance."""
MANY_REPLICATES = 10
"""A residual sd with fewer degrees of freedom than this is moved as if the data told nothing of it."""
LOOSE = 0.25
"""What is known beforehand of the log of the typical residual: the precision of a normal with sd 2."""
START_NU = 10.0
"""Degrees of freedom at the start."""


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
        problem, at = prepared(design, spec)
        compiled = nutpie.compile_pymc_model(build_model(problem, at))
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
            target_accept=TARGET_ACCEPT,
        )
    done = time.perf_counter()
    seconds = {"compile": ready - began, "sample": done - ready, "total": done - began}
    stats = tree["sample_stats"].to_dataset()
    wanted = ["diverging", "energy", "logp", "n_steps", "step_size", "tree_depth"]
    groups = {
        "posterior": named(tree["posterior"].to_dataset(), problem, seed),
        "sample_stats": stats[[name for name in wanted if name in stats]],
    }
    return Draws(xr.DataTree.from_dict(groups), seconds, how=f"nuts, {CHAINS} chains")


def prepared(design: Design, spec: ModelSpec) -> tuple[Problem, Conditional]:
    """Return the design taken apart, and its coefficients at the mode of it or of a Gaussian near it."""
    if spec.outcome.likelihood != "normal":
        return stand_in(design, spec)
    problem = take_apart(design, spec)
    return problem, mode(problem)


def named(draws: xr.Dataset, problem: Problem, seed: int) -> xr.Dataset:
    """Give every parameter, and the effects of every group with their levels, a variable of its own.

    The levels of the eliminated intercept are drawn here, by a stream of their own from `seed`.
    """
    found: dict[str, xr.DataArray] = {}
    draws = draws.drop_vars(["coefficient", "group"], errors="ignore")
    for block in problem.blocks:
        values = draws["coefficients"][..., block.columns]
        found[block.name] = _with_levels(values, block) if block.labels else values[..., 0]
    if "1" in found:
        centred = [block for block in problem.blocks if block.centre]
        found["1"] = found["1"] - sum(block.centre * found[block.name] for block in centred)
    if problem.eliminated is not None:
        found[problem.eliminated.name] = _with_levels(_drawn(problem, draws, seed), problem.eliminated)
    for i, name in enumerate(problem.sd_names):
        found[name] = draws["sd"][..., i]
    whole = {name: draws[name] for name in WHOLE if name in draws}
    return xr.Dataset({**found, **whole})


def _with_levels(values: xr.DataArray, block: Block) -> xr.DataArray:
    (last,) = values.dims[2:]
    return values.rename({last: block.coordinate}).assign_coords({block.coordinate: list(block.labels)})


@dataclass(frozen=True)
class Move:
    """The constants of the map from raw to one group's levels (k of them).

    Attributes
    ----------
    root : array (k, k)
        R: the principal axes of the levels given the earlier coefficients, times the sds along them.
    regression : array (k, start)
        R^-1 times the regression of the levels on w, the standardised deviations of the earlier coefficients.
    start : array (k,)
        R^-1 of the levels' mean.
    told : array (k,)
        What the data tell of each direction.
    """

    root: Floats
    regression: Floats
    start: Floats
    told: Floats


def moves(problem: Problem, at: Conditional) -> dict[str, Move]:
    """Work the constants of the map out for every group, by the name of its block."""
    lower = linalg.cholesky(at.covariance + np.diag(1e-12 * np.diag(at.covariance)), lower=True)
    turned = lower.copy()
    found: dict[str, Move] = {}
    for block in (block for block in problem.blocks if block.sd):
        columns = block.columns
        own = lower[columns, columns]
        variance, axes = linalg.eigh(own @ own.T)
        sd = np.sqrt(np.maximum(variance, 1e-14 * variance[-1]))
        turned[:, columns] = lower[:, columns] @ (axes.T @ own / sd[:, None]).T
        reference = at.theta.sd[problem.sd_names.index(block.sd)]
        found[block.name] = Move(
            root=axes * sd,
            regression=axes.T @ turned[columns, : block.start] / sd[:, None],
            start=axes.T @ at.mean[columns] / sd,
            told=np.maximum((reference / sd) ** 2 - 1.0, 0.0),
        )
    return found


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
        residual = _residual(problem, at)[cells.level]
        moved = moves(problem, at)
        ratio = _ratios(problem, at, moved)
        b = _coefficients(problem, at, moved, ratio)
        eta = _expected(problem, b, recency)
        if problem.spec.outcome.likelihood == "normal":
            variance: Any = pt.as_tensor(cells.v) + residual**2
            value = _log_likelihood(problem, eta, variance, ratio, at.theta.sd)
        else:
            value = pt.sum(
                log_likelihood(problem.spec.outcome.likelihood, cells, eta, residual, _nu(problem))
            )
        pm.Potential("log_likelihood", value)
    return model


def _coords(problem: Problem) -> dict[str, list[str]]:
    coords = {
        "coefficient": [f"{b.name} {label}" for b in problem.blocks for label in (b.labels or ("",))],
        "group": list(problem.sd_names),
    }
    if problem.design.residual_levels:
        coords["residual_level"] = list(problem.design.residual_levels)
    return coords


def _recency_prior(problem: Problem) -> Prior:
    return problem.spec.priors.get("recency", problem.design.defaults.recency)


def _variable(name: str, prior: Prior) -> Any:
    return getattr(pm, prior.dist)(name, **dict(prior.parameters))


def _log_density(priors: Sequence[Prior], values: Any) -> Any:
    """Return the sum of the log densities of values (n,), one distribution at a time."""
    total: Any = 0.0
    for dist in dict.fromkeys(prior.dist for prior in priors):
        at = [i for i, prior in enumerate(priors) if prior.dist == dist]
        if dist not in {"Flat", "HalfFlat"}:
            names = [name for name, _ in priors[at[0]].parameters]
            columns = np.array([[value for _, value in priors[i].parameters] for i in at]).T
            density = getattr(pm, dist).dist(**dict(zip(names, columns, strict=True)))
            total = total + pt.sum(pm.logp(density, values[np.array(at)]))
    return total


def _residual(problem: Problem, at: Conditional) -> Any:
    """Return the residual sds (L,), or precisions."""
    if problem.spec.residual.sd == 0:
        return pt.zeros(1)
    if problem.design.residual_levels:
        return _residual_levels(problem, at)
    return pt.stack([_variable("residual", residual_prior(problem))])


def _residual_levels(problem: Problem, at: Conditional) -> Any:
    """Return several residual levels (L,), which share a normal distribution of their logarithms.

    If the data told of each level's log as a normal would, the typical one would be normal given their width,
    and each level given both: raw is the distance from there.
    """
    spec, design = problem.spec, problem.design
    width = _variable("sd:residual", spread_prior(design, spec))
    centre, told = _told_of_residuals(problem, at)
    held = 1.0 / (1.0 + told * width**2)
    sure = pt.sum(held * told) + LOOSE
    middle = (pt.sum(held * told * centre) + LOOSE * float(np.mean(centre))) / sure
    raw_typical = pm.Flat("raw_typical", initval=0.0)
    log_typical: Any = middle + raw_typical / pt.sqrt(sure)
    typical = pm.Deterministic("residual", pt.exp(log_typical))
    prior = _log_density([residual_prior(problem)], pt.stack([typical]))
    pm.Potential("prior of residual", prior + log_typical - 0.5 * pt.log(sure))
    raw = pm.Flat("raw_residual", shape=len(told), initval=np.zeros(len(told)))
    z: Any = held * told * width * (centre - log_typical) + pt.sqrt(held) * raw
    pm.Potential("residual levels", pt.sum(-0.5 * z**2 + 0.5 * pt.log(held)))
    return pm.Deterministic("residual_level_sd", pt.exp(log_typical + width * z), dims="residual_level")


def _told_of_residuals(problem: Problem, at: Conditional) -> tuple[Floats, Floats]:
    """Return a guess of the log residual levels (L,), and the precision with which the data tell them.

    With df degrees of freedom the log of an sd is known to 1 / sqrt(2 df), about; few of them tell nothing
    that a normal could describe.
    """
    if problem.spec.outcome.family.residual == "precision":
        return log_precisions(problem, at)
    cells = problem.design.cells
    df = np.bincount(cells.level, 1.0 + cells.df, minlength=len(at.theta.residual))
    return np.log(at.theta.residual), np.where(df >= MANY_REPLICATES, 2.0 * df, 0.0)


def _nu(problem: Problem) -> Any:
    """Return the degrees of freedom of a Student-t, whose prior is cut off at `LEAST_NU`; None for others."""
    if problem.spec.outcome.likelihood != "student_t":
        return None
    raw = pm.Flat("raw_nu", initval=np.log(START_NU - LEAST_NU))
    nu = pm.Deterministic("nu", LEAST_NU + pt.exp(raw))
    pm.Potential("prior of nu", _log_density([problem.spec.priors.get("nu", NU)], pt.stack([nu])) + raw)
    return nu


def _ratios(problem: Problem, at: Conditional, moved: dict[str, Move]) -> Any:
    """Return r of each group (G,), and add the priors of the sds."""
    if not problem.sd_names:
        return pt.ones(0)
    told = [moved[block.name].told for block in problem.blocks if block.sd]
    if problem.eliminated is not None:
        told.append(np.maximum(at.theta.sd[-1] ** 2 * at.precision - 1.0, 0.0))
    share = np.array([float(np.mean(k / (1.0 + k))) for k in told])
    error = 1.0 / np.sqrt(2.0 * np.array([len(k) for k in told])) / np.maximum(share, WEAK)
    raw = pm.Flat("raw_sd", shape=len(told), initval=np.zeros(len(told)))
    weak = pt.as_tensor(share < WEAK)
    ratio = pt.switch(weak, 1.0 + 0.5 * raw, pt.exp(error * raw))
    sd = pm.Deterministic("sd", at.theta.sd * pt.abs(ratio), dims="group")
    jacobian = pt.sum(pt.switch(weak, 0.0, error * raw))
    pm.Potential("prior of sd", _log_density(sd_priors(problem), sd) + jacobian)
    return ratio


def _coefficients(problem: Problem, at: Conditional, moved: dict[str, Move], ratio: Any) -> Any:
    """Return b (P,), with its prior added to the model.

    Block by block: `given` is the mean of the levels given the earlier coefficients, and w how far these are
    from their own means, both in standard deviations; what an sd does to its levels reaches later ones by w.
    """
    raw = pm.Flat("raw", shape=problem.width, initval=np.zeros(problem.width))
    priors = [block.prior for block in problem.blocks if block.prior is not None]
    fixed = len(priors)
    root = linalg.cholesky(at.covariance[:fixed, :fixed], lower=True)
    w: Any = raw[:fixed]
    parts: list[Any] = [at.mean[:fixed] + pt.dot(root, w)]
    densities: list[Any] = []
    for block in problem.blocks[fixed:]:
        move = moved[block.name]
        i = problem.sd_names.index(block.sd)
        held = (1.0 + move.told) / (1.0 + move.told * ratio[i] ** 2)
        pull, stretch = ratio[i] ** 2 * held, ratio[i] * pt.sqrt(held)
        given = move.start + pt.dot(shared(move.regression, name=f"regression {block.name}"), w)
        own = stretch * raw[block.columns]
        level = pt.dot(shared(move.root, name=f"root {block.name}"), own + pull * given)
        w = pt.concatenate([w, own + (pull - 1.0) * given])
        sd = at.theta.sd[i] * pt.abs(ratio[i])
        densities.append(-0.5 * (level / sd) ** 2 - pt.log(sd) + pt.log(pt.abs(stretch)))
        parts.append(level)
    levels = pt.sum(pt.concatenate(densities)) if densities else 0.0
    pm.Potential("prior", _log_density(priors, parts[0]) + levels)
    return pm.Deterministic("coefficients", pt.concatenate(parts), dims="coefficient")


def _times(matrix: sparse.csr_array, vector: Any) -> Any:
    product: Any = pts.dot(pts.as_sparse_variable(sparse.csr_matrix(matrix)), vector[:, None])
    return product[:, 0]


def _expected(problem: Problem, b: Any, recency: Any) -> Any:
    total = _times(problem.main[0], b)
    for back, matrix in enumerate(problem.main[1:], start=1):
        total = total + pt.exp(-recency * back) * _times(matrix, b)
    return total


def _log_likelihood(problem: Problem, eta: Any, variance: Any, ratio: Any, reference: Floats) -> Any:
    """Return the log likelihood of the cells; the eliminated intercept is integrated out of it.

    Of a level with precision A = sum(weight) and score B = sum(weight * misfit) over its cells, it leaves
    B^2 / (A + 1 / sd^2) less misfit and a factor (1 + sd^2 A)^(-1/2).
    """
    cells = problem.design.cells
    weight = cells.n / variance
    misfit = cells.mean - eta
    value = (1.0 + cells.df) * pt.log(variance) + weight * misfit**2 + cells.ss / variance
    total = -0.5 * pt.sum(value)
    if problem.eliminated is None:
        return total
    member = problem.membership()
    sd = reference[-1] * pt.abs(ratio[len(problem.sd_names) - 1])
    precision, score = _times(member, weight), _times(member, weight * misfit)
    gain = score**2 * sd**2 / (1.0 + sd**2 * precision) - pt.log1p(sd**2 * precision)
    return total + 0.5 * pt.sum(gain)


def _drawn(problem: Problem, draws: xr.Dataset, seed: int) -> xr.DataArray:
    """Draw the levels of the eliminated intercept given the other parameters, exactly."""
    block = problem.eliminated
    assert block is not None
    cells, member = problem.design.cells, problem.membership()
    rng = np.random.default_rng([seed, 1])
    b = draws["coefficients"].to_numpy()
    chains, each, _ = b.shape
    levels = np.empty((chains, each, len(block.labels)))
    residual = _residual_draws(draws)
    for chain, draw in np.ndindex(chains, each):
        recency = float(draws["recency"][chain, draw]) if "recency" in draws else 0.0
        weight = cells.n / (cells.v + residual[chain, draw][cells.level] ** 2)
        misfit = cells.mean - design_at(problem, recency) @ b[chain, draw]
        precision = member @ weight + 1.0 / float(draws["sd"][chain, draw, -1]) ** 2
        noise = rng.standard_normal(len(precision)) / np.sqrt(precision)
        levels[chain, draw] = (member @ (weight * misfit)) / precision + noise
    return xr.DataArray(levels, dims=("chain", "draw", "largest_level"))


def _residual_draws(draws: xr.Dataset) -> Floats:
    if "residual_level_sd" in draws:
        return draws["residual_level_sd"].to_numpy()
    if "residual" in draws:
        return draws["residual"].to_numpy()[..., None]
    return np.zeros((draws.sizes["chain"], draws.sizes["draw"], 1))
