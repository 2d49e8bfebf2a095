"""What a posterior says of the cells: their log likelihood, and outcomes that it would expect.

A cell is a set of replicates that the model cannot tell apart; its log likelihood is that of all of them.
Many cells times many draws would be more numbers than anyone reads, so the draws are thinned until there
are at most `MOST` of them, but `FEWEST_DRAWS` of each chain stay: fewer would say nothing of a posterior.
"""

# pyright: reportPrivateImportUsage=false

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import expit

from taskorder.inference.criticism.simulate import expected as linear_predictor
from taskorder.inference.criticism.simulate import shares
from taskorder.inference.engines.parameters import priors_of
from taskorder.inference.layout.design import Design
from taskorder.inference.priors import log_density
from taskorder.inference.spec import ModelSpec

Floats = NDArray[np.float64]

MOST = 4_000_000
"""Numbers that are kept of a log likelihood, where that leaves `FEWEST_DRAWS` of each chain."""
FEWEST_DRAWS = 25
"""Of each chain, however many cells there are: with 40,000 cells and four chains or more, it decides."""


def thinned(posterior: xr.Dataset, cells: int) -> xr.Dataset:
    """Return every k-th draw, so that cells times draws is at most `MOST`, or few draws are left.

    `FEWEST_DRAWS` of each chain stay in any case, or all where there are no more.
    """
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    by_size = -(-draws // max(1, MOST // (cells * chains)))
    return posterior.isel(draw=slice(None, None, max(1, min(by_size, draws // FEWEST_DRAWS))))


def coefficients(posterior: xr.Dataset, design: Design) -> Floats:
    """Return the coefficients of a design's columns, (chains, draws, P), from variables under their names."""
    parts: list[Floats] = []
    for block in design.blocks:
        values = posterior[block.name]
        if block.name == "1":
            values = values + sum(b.centre * posterior[b.name] for b in design.blocks if b.centre)
        array = values.transpose("chain", "draw", ...).to_numpy()
        parts.append(array if block.labels else array[..., None])
    return np.concatenate(parts, axis=-1)


def expected(posterior: xr.Dataset, design: Design) -> Floats:
    """Return the linear predictor of every cell, (chains, draws, C)."""
    b = coefficients(posterior, design)
    columns = b.reshape(-1, b.shape[-1]).T
    recency = posterior["recency"].to_numpy().ravel() if "recency" in posterior else 0.0
    total = linear_predictor(design, columns, recency)
    return total.T.reshape(*b.shape[:2], -1)


def noise(posterior: xr.Dataset, design: Design) -> Floats:
    """Return the parameter `residual` of every cell, (chains, draws, C or 1): a sd, or a precision."""
    if "residual_level_sd" in posterior:
        levels = posterior["residual_level_sd"].transpose("chain", "draw", ...).to_numpy()
        return levels[..., design.cells.level]
    if "residual" in posterior:
        return posterior["residual"].to_numpy()[..., None]
    return np.zeros((posterior.sizes["chain"], posterior.sizes["draw"], 1))


def log_likelihood(posterior: xr.Dataset, design: Design, spec: ModelSpec) -> Floats:
    """Return the log density of every cell given every draw, (chains, draws, C)."""
    eta, residual = expected(posterior, design), noise(posterior, design)
    if spec.outcome.likelihood != "normal":
        return _by_pytensor(posterior, design, spec, eta, residual)
    cells = design.cells
    s2 = cells.v + residual**2
    replicates = 1.0 + cells.df
    squares = cells.n * (cells.mean - eta) ** 2 + cells.ss
    return -0.5 * (replicates * np.log(2.0 * np.pi * s2) + squares / s2)


def _by_pytensor(
    posterior: xr.Dataset, design: Design, spec: ModelSpec, eta: Floats, residual: Floats
) -> Floats:
    """Evaluate the densities that the sampler itself uses."""
    import pytensor.tensor as pt
    from pytensor import function as compiled

    from taskorder.inference.engines import likelihoods

    at, sigma, nu = pt.dvector("eta"), pt.dvector("residual"), pt.dscalar("nu")
    value = likelihoods.log_likelihood(spec.outcome.likelihood, design.cells, at, sigma, nu)
    function: Any = compiled([at, sigma, nu], value, mode="FAST_COMPILE", on_unused_input="ignore")
    freedom = posterior["nu"].to_numpy() if "nu" in posterior else np.ones(eta.shape[:2])
    wide = np.broadcast_to(residual, eta.shape)
    return np.array(
        [
            [function(e, s, f) for e, s, f in zip(*chain, strict=True)]
            for chain in zip(eta, wide, freedom, strict=True)
        ]
    )


def replicated(posterior: xr.Dataset, design: Design, spec: ModelSpec, rng: np.random.Generator) -> Floats:
    """Draw a new outcome of every cell from every draw, (chains, draws, C): means, or successes."""
    eta, residual = expected(posterior, design), noise(posterior, design)
    cells = design.cells
    if spec.outcome.family.counts:
        assert cells.counts is not None
        p = expit(eta)
        if spec.outcome.likelihood == "beta_binomial":
            p = shares(p, residual, rng)
        return rng.binomial(cells.counts.trials.astype(np.int64), p).astype(np.float64)
    scale = np.sqrt((cells.v + residual**2) / cells.n)
    if spec.outcome.likelihood == "student_t":
        nu = posterior["nu"].to_numpy()[..., None]
        scale = scale / np.sqrt(rng.chisquare(nu, eta.shape) / nu)
    return rng.normal(eta, scale)


def log_prior(posterior: xr.Dataset, design: Design, spec: ModelSpec) -> xr.Dataset:
    """Return the log prior density of every parameter that has a prior of its own, draw by draw.

    The effects of groups are not among them: their prior is the sds'.
    """
    return xr.Dataset(
        {
            name: (("chain", "draw"), log_density(prior, posterior[name].to_numpy()))
            for name, prior in priors_of(design, spec).items()
            if name in posterior
        }
    )


def groups(posterior: xr.Dataset, design: Design, spec: ModelSpec, seed: int) -> dict[str, xr.Dataset]:
    """Return the groups `log_likelihood`, `posterior_predictive` and `log_prior` of a posterior."""
    few = thinned(posterior, len(design.cells.mean))
    dims = ("chain", "draw", "cell")
    coords = {"chain": few["chain"], "draw": few["draw"]}
    rng = np.random.default_rng([seed, 2])

    def of_cells(values: Floats) -> xr.Dataset:
        return xr.Dataset({"mean": (dims, values.astype(np.float32))}, coords=coords)

    return {
        "log_likelihood": of_cells(log_likelihood(few, design, spec)),
        "posterior_predictive": of_cells(replicated(few, design, spec, rng)),
        "log_prior": log_prior(posterior, design, spec),
    }
