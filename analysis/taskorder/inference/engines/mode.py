"""The mode of theta, where a sampler starts from, and the curvature there.

The sds settle first, by rounds of `Density.settled`, each of which costs as much as one gradient. What has
settled says how much the data tell of each coordinate: where there are several residual levels, the
coordinates are laid out by it, and all are scaled by it for the climb that follows.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from taskorder.inference.engines.density import Density
from taskorder.inference.engines.theta import Coordinates, Theta
from taskorder.inference.engines.threads import THREADS, in_threads
from taskorder.inference.layout.design import Design
from taskorder.inference.layout.identified import STEEPEST

Floats = NDArray[np.float64]

FAR = 1e6
"""How much worse than its start a search takes a place to be where the density cannot be computed."""
STEP = 1e-4
ROUNDS, AGREED = 12, 0.1
"""At most so many rounds of settling; the largest change of a log sd that ends them."""
STEPS, LONGEST, GAIN = 12, 2.0, 0.02
"""At most so many Newton steps, of so many standard deviations; a gain of the log density that is small."""
TOLERANCE = 1e-9
"""Of the log density, as a share of it: the mode need not be sharp, only near."""
ATTEMPTS = 3
NEARLY = 0.99
"""The part of the range of recency in which the mode is looked for: it has neighbours on both sides."""
BELOW, ABOVE = 9.0, 3.0
"""How far below and above its start a coordinate is looked for."""
WIDEST, NARROWEST = 4.0, 1e-6
"""Limits of a direction's standard deviation: the log of an sd that the data say nothing of is not normal."""


@dataclass(frozen=True)
class Mode:
    """The mode of the log density.

    Attributes
    ----------
    density : Density
        With the coordinates that suit the data.
    u : array (D,)
    covariance : array (D, D)
        The inverse of the negative Hessian, within `NARROWEST` and `WIDEST`.
    """

    density: Density
    u: Floats
    covariance: Floats


def mode(density: Density, design: Design, iterations: int = 60) -> Mode:
    """Find the mode by L-BFGS, and sharpen it by Newton's method."""
    begun = settled(density, design)
    return sharpened(begun.density, climbed(begun.density, begun.u, begun.covariance, iterations))


def settled(density: Density, design: Design) -> Mode:
    """Let the sds settle, and say near where the mode is then.

    Where there are several residual levels, what the data tell of each decides their coordinates.
    """
    layout = density.coordinates
    theta = _start(design, layout)
    found = density.settled(layout.pack(theta)[:, 0])
    for _ in range(ROUNDS):
        before, theta = theta, _theta(layout, found.sd, found.residual)
        if max(_change(theta.sd, before.sd), _change(theta.residual, before.residual)) < AGREED:
            break
        found = density.settled(layout.pack(theta)[:, 0])
    told = 1.0 + 2.0 * found.told
    if layout.spread is not None:
        log_sd = np.log(theta.residual[:, 0])
        layout = layout.measured(float(np.mean(log_sd)), log_sd, 2.0 * found.left)
        residual = np.concatenate([[1.0, 1.0 + 2.0 * len(log_sd)], np.ones(len(log_sd))])
    else:
        residual = 1.0 + 2.0 * found.left[: layout.size - layout.first_residual]
    information = np.concatenate([np.ones(layout.first_sd), told, residual])
    at_rest = replace(density, coordinates=layout)
    return Mode(at_rest, layout.pack(theta)[:, 0], np.diag(1.0 / information))


def _change(one: Floats, other: Floats) -> float:
    """Return by how much positive numbers differ at most, in logarithms; zeros are known."""
    known = (one == 0) | (other == 0)
    return float(np.abs(np.log(np.where(known, 1.0, one) / np.where(known, 1.0, other))).max(initial=0.0))


def sharpened(density: Density, u: Floats) -> Mode:
    """Take Newton steps of at most `LONGEST` standard deviations until the next would gain little."""
    value, slope = density.value_and_slope(u)
    covariance = _covariance(_hessian(density, u, slope))
    for _ in range(STEPS):
        gain = float(slope @ covariance @ slope)
        if gain < GAIN:
            break
        step = covariance @ slope * min(1.0, LONGEST / np.sqrt(gain))
        reached, steepness = _tried(density, u + step)
        while not reached >= value:
            step = step / 4
            if np.abs(step).max() < STEP:
                return Mode(density, u, covariance)
            reached, steepness = _tried(density, u + step)
        u, value, slope = u + step, reached, steepness
        covariance = _covariance(_hessian(density, u, slope))
    return Mode(density, u, covariance)


def curvature(density: Density, u: Floats) -> Floats:
    """Return the inverse of the negative Hessian at a vector, (D, D), within `NARROWEST` and `WIDEST`."""
    return _covariance(_hessian(density, u, density.value_and_slope(u)[1]))


def _tried(density: Density, u: Floats) -> tuple[float, Floats]:
    """Return the log density and its slope; minus infinity where it cannot be computed."""
    if density.coordinates.inside(u[:, None])[0]:
        with suppress(np.linalg.LinAlgError):
            return density.value_and_slope(u)
    return -np.inf, np.zeros(len(u))


def _start(design: Design, layout: Coordinates) -> Theta:
    """Return where to start from: groups a third of the outcome's spread, replicates as they vary."""
    cells = design.cells
    size = cells.sd
    levels = len(design.residual_levels) or 1
    df = np.bincount(cells.level, cells.df, minlength=levels)
    ss = np.bincount(cells.level, cells.ss, minlength=levels)
    told = (df > 0) & (ss > 0)
    within = np.where(told, np.sqrt(np.where(told, ss, 1.0) / np.maximum(df, 1.0)), size / 2)
    return _theta(layout, np.full(len(layout.sds), size / 3), within)


def _theta(layout: Coordinates, sd: Floats, residual: Floats) -> Theta:
    log_sd = np.log(residual) if layout.residual is not None else np.zeros(1)
    return Theta(
        recency=np.zeros(1),
        sd=layout.believed(sd)[:, None],
        residual=residual[:, None],
        typical=np.exp(np.mean(log_sd, keepdims=True)),
        width=np.maximum(np.std(log_sd, keepdims=True), 0.3),
    )


def climbed(
    density: Density,
    u: Floats,
    covariance: Floats,
    iterations: int = 60,
    tolerance: float = TOLERANCE,
) -> Floats:
    """Return the vector (D,) of the highest log density, found from a vector near it.

    Parameters
    ----------
    density : Density
    u : array (D,)
        Where the search begins.
    covariance : array (D, D)
        Roughly the inverse of the negative Hessian: the search goes along its axes, in its units.
    iterations : int
    tolerance : float
        The search ends where a step gains less, as a share of the log density.
    """
    if not len(u):
        return u
    root = np.linalg.cholesky(covariance)
    lower, upper = _bounds(density.coordinates, u)
    begun, slope = density.value_and_slope(u)
    steepness = max(1.0, float(np.linalg.norm(root.T @ slope)))

    def objective(z: Floats) -> tuple[float, Floats]:
        at = u + root @ z
        try:
            if ((at < lower) | (at > upper)).any():
                raise np.linalg.LinAlgError
            value, slope = density.value_and_slope(at)
        except np.linalg.LinAlgError:
            return FAR - begun / steepness, np.zeros(len(z))
        return -value / steepness, -(root.T @ slope) / steepness

    z = np.zeros(len(u))
    for _ in range(ATTEMPTS):
        found = optimize.minimize(
            objective, z, jac=True, method="L-BFGS-B", options={"maxiter": iterations, "ftol": tolerance}
        )
        z = np.asarray(found.x)
        if found.success:
            break
    return u + root @ z


def _bounds(layout: Coordinates, u: Floats) -> tuple[Floats, Floats]:
    lower, upper = u - BELOW, u + ABOVE
    lower[: layout.first_sd], upper[: layout.first_sd] = -NEARLY * STEEPEST, NEARLY * STEEPEST
    return lower, upper


def _hessian(density: Density, u: Floats, here: Floats) -> Floats:
    size = len(u)
    there = np.array_split(u[:, None] + STEP * np.eye(size), THREADS, axis=1)
    slopes = np.concatenate(in_threads(density.slopes, there), axis=1)
    hessian = (slopes - here[:, None]) / STEP
    return (hessian + hessian.T) / 2


def _covariance(hessian: Floats) -> Floats:
    curvature, axes = linalg.eigh(-hessian)
    sd = np.clip(1.0 / np.sqrt(np.maximum(curvature, 1e-12)), NARROWEST, WIDEST)
    return (axes * sd**2) @ axes.T
