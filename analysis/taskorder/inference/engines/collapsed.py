"""The collapsed engine: theta by importance sampling, the linear effects drawn exactly given theta.

The mode of the marginal density, a proposal fitted about it, weighted draws made into chains
(`importance`); if the weights' k-hat says, twice, that the proposal does not cover the density, nutpie walks
on the density instead, with its exact gradient, in the coordinates of the proposal. Either way every draw of
theta comes with a draw of all coefficients, and the posterior is that of the whole model.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from taskorder.errors import FitFailed
from taskorder.inference.diagnostics import MAX_PARETO_K
from taskorder.inference.engines import importance
from taskorder.inference.engines.density import Density, density
from taskorder.inference.engines.draws import CHAINS, DRAW_DIMS, Draws, named
from taskorder.inference.engines.importance import Frame, Proposal
from taskorder.inference.engines.mode import Mode, mode
from taskorder.inference.layout.design import Design
from taskorder.inference.spec import ModelSpec

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PILOT = 400
"""Draws by which a proposal is judged."""
ENOUGH, MOST_THINNED = 2.2, 8
"""For each draw kept, proposals that count for so many are made, but no more than so many times the draws."""
SECOND_TIME = 4
"""How many times as many where k-hat is beyond its limit, which may be the chance of one heavy weight."""
THREADS = 2


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
    streams = np.random.SeedSequence(seed).spawn(CHAINS + 2)
    proposal, share = judged(start, np.random.default_rng(streams[0]))
    thinning = min(max(1, round(ENOUGH / share)), MOST_THINNED)
    for more in (1, SECOND_TIME):
        sampled = _weighed(start.density, proposal, each, more * thinning, streams[1:])
        if sampled.pareto_k is not None and sampled.pareto_k < MAX_PARETO_K:
            return sampled
    return _walked(start.density, proposal.frame, each, seed, streams[1:], progress=progress)


def judged(start: Mode, rng: np.random.Generator) -> tuple[Proposal, float]:
    """Fit a proposal, and return it with the share of its draws that count."""
    target = bounded(start.density)
    layout = start.density.coordinates
    proposal = importance.fitted(target, importance.frame(start.u, start.covariance, layout.log_sds()))
    u = proposal.draw(PILOT, rng)
    weight, _ = importance.weights(target(u) - proposal.log_density(u))
    return proposal, float(1.0 / np.sum(weight**2) / PILOT)


def bounded(density: Density) -> Callable[[Floats], Floats]:
    """Return the log density, minus infinity outside the limits of the coordinates; in two threads."""

    def log_density(u: Floats) -> Floats:
        with ThreadPoolExecutor(THREADS) as pool:
            parts = pool.map(lambda part: _inside(density, part), np.array_split(u, THREADS, axis=1))
            return np.concatenate(list(parts))

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


def _weighed(
    density: Density, proposal: Proposal, each: int, thinning: int, streams: list[np.random.SeedSequence]
) -> Sampled:
    """Make chains of proposals, `thinning` of them for each draw that is kept."""
    rngs = [np.random.default_rng(stream) for stream in streams]

    def chain(rng: np.random.Generator) -> tuple[Floats, Floats, Floats, Floats, Integers]:
        u = proposal.draw(each * thinning, rng)
        once = thinning == 1
        value, all_of_them = _with_coefficients(density, u, rng) if once else (_inside(density, u), u)
        log_weight = value - proposal.log_density(u)
        at = importance.metropolis(log_weight[None], rng)[0]
        kept = at[thinning - 1 :: thinning]
        coefficients = all_of_them[:, kept] if once else density.drawn(u[:, kept], rng)[1]
        moved = np.diff(at, prepend=-1)[thinning - 1 :: thinning] != 0
        return u[:, kept], value[kept], log_weight, coefficients, moved

    with ThreadPoolExecutor(THREADS) as pool:
        u, value, log_weight, coefficients, moved = zip(*pool.map(chain, rngs[:CHAINS]), strict=True)
    _, k = importance.weights(np.concatenate(log_weight))
    return Sampled(
        u=np.stack(u, axis=1),
        coefficients=np.stack(coefficients, axis=1),
        stats={"lp": np.stack(value), "moved": np.stack(moved)},
        pareto_k=k,
    )


def _with_coefficients(density: Density, u: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    value = np.full(u.shape[1], -np.inf)
    coefficients = np.zeros((density.sums.width, u.shape[1]))
    inside = np.flatnonzero(density.coordinates.inside(u))
    try:
        value[inside], coefficients[:, inside] = density.drawn(u[:, inside], rng)
    except np.linalg.LinAlgError:
        value = _inside(density, u)
        inside = np.flatnonzero(np.isfinite(value))
        _, coefficients[:, inside] = density.drawn(u[:, inside], rng)
    return value, coefficients


def _walked(
    density: Density,
    frame: Frame,
    each: int,
    seed: int,
    streams: list[np.random.SeedSequence],
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
        value, slope = density.value_and_slope(u)
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
        cores=THREADS,
        seed=seed,
        save_warmup=False,
        progress_bar=progress,
    )
    z = tree["posterior"].to_dataset()["z"].to_numpy()
    u = frame.centre[:, None, None] + np.einsum("ij,cdj->icd", axes, z)
    rng = np.random.default_rng(streams[0])
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
