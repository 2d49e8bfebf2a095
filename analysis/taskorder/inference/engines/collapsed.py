"""The collapsed engine: theta by importance sampling, the linear effects drawn exactly given theta.

The mode of the marginal density, a proposal fitted about it, weighted draws resampled (`importance`), more
and more of them from proposals that learn until those that are kept count for enough. If the weights' k-hat
says even then that the proposal does not cover it, nutpie walks on the density instead, with its exact
gradient, in the coordinates of the proposal. Either way every draw of theta comes with a draw of all
coefficients, and the posterior is that of the whole model.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from arviz_stats.base.array import array_stats
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from taskorder.errors import FitFailed
from taskorder.inference.diagnostics import MAX_PARETO_K, MAX_R_HAT, MIN_ESS
from taskorder.inference.engines import importance
from taskorder.inference.engines.density import Density, density
from taskorder.inference.engines.draws import CHAINS, DRAW_DIMS, Draws, named
from taskorder.inference.engines.importance import Frame, Proposal
from taskorder.inference.engines.mode import Mode, mode
from taskorder.inference.engines.parameters import sd_names
from taskorder.inference.engines.theta import Theta
from taskorder.inference.engines.threads import THREADS, at_once, in_threads
from taskorder.inference.layout.design import Design
from taskorder.inference.spec import ModelSpec

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PROPOSALS = (0.5, 1, 1, 2, 4, 8)
"""How many are made for each draw that is kept: the first number that is enough. All are made anew each time,
by a proposal that has learned from those before."""
CAN_AGREE = 1000
"""With fewer draws R-hat may fail even where all are independent."""
TRIED, NEAR = 100, 0.75
"""So many are tried first in every chain, if more will be kept; where they are worth less than such a share
of their number, the proposal learns at once."""
TAIL_ENOUGH, MOST_ASKED = 1.25 * MIN_ESS, 0.85
"""What kept draws are to be worth in the tails; no more than such a share of their number is asked for."""
HOPELESS = 1.0
"""The k-hat of weights without a mean: more proposals would not help."""
TAILS = (0.025, 0.975)


@dataclass(frozen=True)
class Proposed:
    """Proposals, in the order in which they were made.

    Attributes
    ----------
    u : array (D, N)
    value, log_weight : array (N,)
        Their log density, and that less the proposal's.
    coefficients : array (P, T, N)
        T times drawn at each; none where only what is kept gets any.
    """

    u: Floats
    value: Floats
    log_weight: Floats
    coefficients: Floats


@dataclass(frozen=True)
class Sampled:
    """Chains of theta with their coefficients.

    Attributes
    ----------
    u : array (D, chains, draws)
    coefficients : array (P, chains, draws)
    stats : dict of arrays (chains, draws)
    pareto_k : float or None
    """

    u: Floats
    coefficients: Floats
    stats: dict[str, NDArray[Any]]
    pareto_k: float | None


def sample(design: Design, spec: ModelSpec, *, seed: int, draws: int, progress: bool = False) -> Draws:
    """Sample the posterior.

    Parameters
    ----------
    design : Design
        Of the rows to be modelled.
    spec : ModelSpec
        The model: Gaussian, with Normal or Flat priors of the linear terms.
    seed : int
        The same seed gives the same draws on the same machine.
    draws : int
        In all, over four chains.
    progress : bool
        Whether to show a progress bar, where nutpie walks.
    """
    began = time.perf_counter()
    with threadpool_limits(limits=1, user_api="blas"), _explained(spec):
        start = mode(density(design, spec), design)
        ready = time.perf_counter()
        sampled = drawn(start, seed=seed, draws=draws, progress=progress)
    posterior = posterior_of(design, start.density, sampled.u, sampled.coefficients)
    done = time.perf_counter()
    stats = xr.Dataset({name: (DRAW_DIMS, values) for name, values in sampled.stats.items()})
    return Draws(
        tree=xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats}),
        seconds={"compile": ready - began, "sample": done - ready, "total": done - began},
        how="collapsed, importance sampling" if sampled.pareto_k is not None else "collapsed, NUTS",
        pareto_k=sampled.pareto_k,
    )


@contextmanager
def _explained(spec: ModelSpec) -> Generator[None]:
    """Turn a matrix that cannot be factored into what the person can do about it."""
    try:
        yield
    except np.linalg.LinAlgError:
        flat = [name for name, prior in spec.priors.items() if prior.dist == "Flat"]
        raise FitFailed(
            f"model {spec.name!r}: the linear effects cannot be told apart by these rows"
            + (f", and the priors of {', '.join(flat)} are flat; give them a Normal prior" if flat else "")
            + ": look for terms that say the same, or a prior that is very wide beside the outcome"
        ) from None


def drawn(start: Mode, *, seed: int, draws: int, progress: bool = False) -> Sampled:
    """Draw theta and coefficients about a mode: by importance sampling, by walking where that fails."""
    each = -(-draws // CHAINS)
    resampling, walking, *streams = np.random.SeedSequence(seed).spawn(2 + CHAINS)
    rngs = [np.random.default_rng(stream) for stream in streams]
    proposal = proposal_about(start)
    if each > TRIED:
        proposal = _tried(start.density, proposal, rngs)
    can_do = PROPOSALS[0] * NEAR * each * CHAINS >= _enough(each * CHAINS)
    for times in PROPOSALS if can_do else PROPOSALS[1:]:
        asked = start.density, proposal, round(each * times)
        make = partial(_few, *asked) if times > 1 else partial(_most, *asked, round(1 / times))
        made = _joined(in_threads(make, rngs))
        weight, k = importance.weights(made.log_weight)
        kept = importance.resampled(weight, each * CHAINS, np.random.default_rng(resampling))
        kept = kept.reshape(CHAINS, each)
        if k < MAX_PARETO_K and (times == PROPOSALS[-1] or _are_enough(made.u[:, kept])):
            return _sampled(start.density, made, kept, rngs, k)
        if k > HOPELESS and (times > 1 or np.isinf(k)):
            break
        proposal = importance.learned(proposal, made.u, made.value, weight)
    return _walked(start.density, proposal.frame, each, seed, walking, progress=progress)


def _tried(density: Density, proposal: Proposal, rngs: list[np.random.Generator]) -> Proposal:
    """Try a proposal with a few draws, and return it, or what it has learned from them.

    The draws are dropped either way: those that did well by chance would seem to be better than they are.
    """
    few = _joined(in_threads(partial(_few, density, proposal, TRIED), rngs))
    weight, k = importance.weights(few.log_weight)
    near = 1.0 / float(np.sum(weight**2)) > NEAR * len(weight)
    return proposal if near or np.isinf(k) else importance.learned(proposal, few.u, few.value, weight)


def proposal_about(start: Mode) -> Proposal:
    """Fit a proposal about a mode."""
    if not start.density.coordinates.inside(start.u[:, None])[0]:
        raise FitFailed(
            "the mode of the posterior lies where its density cannot be computed: look at the units of the"
            " outcome, and at priors that are very wide beside it"
        )
    log_sds = start.density.coordinates.log_sds()
    return importance.fitted(bounded(start.density), importance.frame(start.u, start.covariance, log_sds))


def bounded(density: Density) -> Callable[[Floats], Floats]:
    """Return the log density, minus infinity outside the limits of the coordinates; in two threads."""

    def log_density(u: Floats) -> Floats:
        parts = in_threads(lambda part: _inside(density, part), np.array_split(u, THREADS, axis=1))
        return np.concatenate(parts)

    return log_density


def _inside(density: Density, u: Floats) -> Floats:
    value = np.full(u.shape[1], -np.inf)
    inside = np.flatnonzero(density.coordinates.inside(u))
    try:
        value[inside] = density.log_density(u[:, inside]) if len(inside) else 0.0
    except np.linalg.LinAlgError:
        for i in inside:
            value[i] = _at_one(density, u[:, [i]])
    return value


def _at_one(density: Density, u: Floats) -> float:
    """Return the log density at one vector (D, 1); minus infinity where its matrix cannot be factored."""
    try:
        return float(density.log_density(u)[0])
    except np.linalg.LinAlgError:
        return -np.inf


def _most(density: Density, proposal: Proposal, count: int, times: int, rng: np.random.Generator) -> Proposed:
    """Make proposals together with their coefficients, which cost little at the same time."""
    u = proposal.draw(count, rng)
    value, coefficients = with_coefficients(density, u, times, rng)
    return Proposed(u, value, value - proposal.log_density(u), coefficients)


def _few(density: Density, proposal: Proposal, count: int, rng: np.random.Generator) -> Proposed:
    """Make proposals without coefficients: few of them will be kept."""
    u = proposal.draw(count, rng)
    value = _inside(density, u)
    return Proposed(u, value, value - proposal.log_density(u), np.empty((density.sums.width, 0, count)))


def _joined(parts: Sequence[Proposed]) -> Proposed:
    return Proposed(
        *(np.concatenate([getattr(one, field.name) for one in parts], axis=-1) for field in fields(Proposed))
    )


def _enough(size: int) -> float:
    """Return what so many kept draws are to be worth."""
    return 0.75 * MIN_ESS + size / 4


def _are_enough(kept: Floats) -> bool:
    """Say whether draws of theta (D, chains, draws) are worth enough, and pass by R-hat, which is noise."""
    size = kept[0].size
    asked: list[tuple[float, dict[str, Any]]] = [
        (_enough(size), {"method": "bulk"}),
        (TAIL_ENOUGH, {"method": "tail", "prob": TAILS}),
    ]
    axes: dict[str, Any] = {"chain_axis": 0, "draw_axis": 1}
    worth = all(
        float(np.asarray(array_stats.ess(values, **axes, **method))) >= min(enough, MOST_ASKED * size)
        for values in kept
        for enough, method in asked
    )
    if not worth or size < CAN_AGREE:
        return worth
    return all(float(np.asarray(array_stats.rhat(values, **axes))) < MAX_R_HAT for values in kept)


def _sampled(
    density: Density, made: Proposed, kept: Integers, rngs: list[np.random.Generator], pareto_k: float
) -> Sampled:
    distinct = np.diff(kept.ravel(), prepend=-1) != 0
    copy = np.arange(kept.size) - np.maximum.accumulate(np.where(distinct, np.arange(kept.size), 0))
    distinct, copy = distinct.reshape(kept.shape), copy.reshape(kept.shape)

    def coefficients(here: Integers, copies: Integers, rng: np.random.Generator) -> Floats:
        if times := made.coefficients.shape[1]:
            return made.coefficients[:, copies % times, here]
        return density.drawn(made.u[:, here], rng)[1]

    found = in_threads(coefficients, list(kept), list(copy), rngs)
    return Sampled(
        u=made.u[:, kept],
        coefficients=np.stack(found, axis=1),
        stats={"lp": made.value[kept], "distinct": distinct},
        pareto_k=pareto_k,
    )


def with_coefficients(
    density: Density, u: Floats, times: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return the log density (N,) of vectors (D, N), and coefficients (P, times, N) drawn at each."""
    value = np.full(u.shape[1], -np.inf)
    coefficients = np.zeros((density.sums.width, times, u.shape[1]))
    inside = np.flatnonzero(density.coordinates.inside(u))
    if not len(inside):
        return value, coefficients
    try:
        value[inside], drawn = density.drawn(u[:, inside], rng, times)
    except np.linalg.LinAlgError:
        value = _inside(density, u)
        inside = np.flatnonzero(np.isfinite(value))
        if not len(inside):
            return value, coefficients
        _, drawn = density.drawn(u[:, inside], rng, times)
    coefficients[:, :, inside] = drawn.reshape(len(drawn), times, -1)
    return value, coefficients


def _walked(
    density: Density,
    frame: Frame,
    each: int,
    seed: int,
    stream: np.random.SeedSequence,
    *,
    progress: bool,
) -> Sampled:
    import nutpie
    from nutpie.compiled_pyfunc import from_pyfunc

    size, axes = len(frame.centre), frame.axes

    def log_density(z: Floats) -> tuple[float, Floats]:
        u = frame.centre + axes @ z
        if not density.coordinates.inside(u[:, None])[0]:
            return -np.inf, np.zeros(size)
        try:
            value, slope = density.value_and_slope(u)
        except np.linalg.LinAlgError:
            return -np.inf, np.zeros(size)
        return value, axes.T @ slope

    compiled = from_pyfunc(
        ndim=size,
        make_logp_fn=lambda: log_density,
        make_expand_fn=lambda *_: lambda z: {"z": z},
        expanded_dtypes=[np.dtype(np.float64)],
        expanded_shapes=[(size,)],
        expanded_names=["z"],
        make_initial_point_fn=lambda stream: np.random.default_rng(stream).standard_normal(size),
    )
    tree = nutpie.sample(
        compiled,
        draws=each,
        tune=max(each // 2, 300),
        chains=CHAINS,
        cores=at_once(),
        seed=seed,
        save_warmup=False,
        progress_bar=progress,
    )
    z = tree["posterior"].to_dataset()["z"].to_numpy()
    u = frame.centre[:, None, None] + np.einsum("ij,cdj->icd", axes, z)
    rng = np.random.default_rng(stream)
    value, coefficients = density.drawn(u.reshape(size, -1), rng)
    stats = tree["sample_stats"].to_dataset()
    return Sampled(
        u=u,
        coefficients=coefficients.reshape(-1, CHAINS, each),
        stats={"lp": value.reshape(CHAINS, each), "diverging": stats["diverging"].to_numpy()},
        pareto_k=None,
    )


def posterior_of(design: Design, density: Density, u: Floats, drawn: Floats) -> xr.Dataset:
    """Name the parameters of chains of theta (D, chains, draws) and coefficients (P, chains, draws)."""
    layout = density.coordinates
    chains, each = u.shape[1:]
    theta = layout.unpack(u.reshape(layout.size, -1))
    others: dict[str, Floats] = {}
    if layout.recency is not None:
        others["recency"] = theta.recency.reshape(chains, each)
    if theta.typical is not None and theta.width is not None:
        others["residual"] = theta.typical.reshape(chains, each)
        others["sd:residual"] = theta.width.reshape(chains, each)
        others["residual_level_sd"] = np.moveaxis(theta.residual.reshape(-1, chains, each), 0, -1)
    elif layout.residual is not None:
        others["residual"] = theta.residual.reshape(chains, each)
    sd = np.moveaxis(theta.sd.reshape(-1, chains, each), 0, -1)
    return named(design, np.moveaxis(drawn, 0, -1), sd, others, shift=density.sums.shift)


def theta_of(design: Design, posterior: xr.Dataset) -> Theta:
    """Return theta at every draw of a posterior that `posterior_of` named, one chain after another."""

    def drawn(name: str) -> Floats:
        return posterior[name].to_numpy().astype(float).ravel()

    count = posterior.sizes["chain"] * posterior.sizes["draw"]
    names = sd_names(design.blocks)
    sd = np.array([drawn(name) for name in names]).reshape(len(names), count)
    recency = drawn("recency") if len(design.effects) > 1 else np.zeros(count)
    if design.residual_levels:
        levels = posterior["residual_level_sd"].to_numpy().astype(float)
        residual = levels.reshape(count, -1).T
        return Theta(recency, sd, residual, drawn("residual"), drawn("sd:residual"))
    residual = drawn("residual") if "residual" in posterior else np.zeros(count)
    return Theta(recency, sd, residual[None])
