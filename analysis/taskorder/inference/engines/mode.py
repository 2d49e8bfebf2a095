"""The mode of theta, where a sampler starts from, and the curvature there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from taskorder.inference.engines.density import Density
from taskorder.inference.engines.theta import Coordinates, Theta
from taskorder.inference.layout.design import Design
from taskorder.inference.layout.identified import STEEPEST

Floats = NDArray[np.float64]

FAR = 1e6
"""How much worse than its start a search takes a place to be where the density cannot be computed."""
STEP = 1e-4
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
    """Find the mode by L-BFGS, and sharpen it by Newton's method.

    Where there are several residual levels, what the data say of each is measured at the mode, and the mode
    is found again in coordinates that take it into account.
    """
    u = climbed(density, start(design, density.coordinates), iterations)
    if density.coordinates.spread is not None:
        measured = _measured(density, u)
        u = measured.pack(density.coordinates.unpack(u[:, None]))[:, 0]
        density = replace(density, coordinates=measured)
        u = climbed(density, u, iterations)
    return sharpened(density, u)


def sharpened(density: Density, u: Floats) -> Mode:
    """Take Newton steps of at most `LONGEST` standard deviations until the next would gain little."""
    value, slope = density.value_and_slope(u)
    covariance = _covariance(_hessian(density, u, slope))
    for _ in range(STEPS):
        gain = float(slope @ covariance @ slope)
        if gain < GAIN:
            break
        step = covariance @ slope * min(1.0, LONGEST / np.sqrt(gain))
        while not _value(density, u + step) >= value:
            step = step / 4
            if np.abs(step).max() < STEP:
                return Mode(density, u, covariance)
        u = u + step
        value, slope = density.value_and_slope(u)
        covariance = _covariance(_hessian(density, u, slope))
    return Mode(density, u, covariance)


def _value(density: Density, u: Floats) -> float:
    """Return the log density; minus infinity where it cannot be computed."""
    if not density.coordinates.inside(u[:, None])[0]:
        return -np.inf
    try:
        return density.value_and_slope(u)[0]
    except np.linalg.LinAlgError:
        return -np.inf


def _measured(density: Density, u: Floats) -> Coordinates:
    """Estimate what the data alone say of the log of each residual sd.

    N replicates of which p parameters take their share tell it with information 2 (N - p). At the mode the
    pull of the data is that of the prior, z / width: a Newton step from there is the data's own estimate.
    """
    layout = density.coordinates
    first = layout.first_residual
    width, z = float(np.exp(u[first + 1])), u[first + 2 :]
    information = 2.0 * density.left_over(u)
    log_sd = np.log(layout.unpack(u[:, None]).residual[:, 0])
    told = log_sd + z / (width * np.maximum(information, 1.0))
    return layout.measured(float(np.mean(told)), told, information)


def start(design: Design, layout: Coordinates) -> Floats:
    """Return a vector (D,) to start from: groups a third of the outcome's spread, replicates as they vary."""
    cells = design.cells
    size = cells.sd
    levels = len(design.residual_levels) or 1
    df = np.bincount(cells.level, cells.df, minlength=levels)
    ss = np.bincount(cells.level, cells.ss, minlength=levels)
    told = (df > 0) & (ss > 0)
    within = np.where(told, np.sqrt(np.where(told, ss, 1.0) / np.maximum(df, 1.0)), size / 2)
    log_sd = np.log(within)
    return layout.pack(
        Theta(
            recency=np.zeros(1),
            sd=np.full((len(layout.sds), 1), size / 3),
            residual=within[:, None],
            typical=np.exp(np.mean(log_sd, keepdims=True)),
            width=np.maximum(np.std(log_sd, keepdims=True), 0.3),
        )
    )[:, 0]


def climbed(density: Density, u: Floats, iterations: int = 60, tolerance: float = TOLERANCE) -> Floats:
    """Return the vector (D,) of the highest log density, found from a vector near it.

    The search ends where a step gains less than `tolerance`, as a share of the log density.
    """
    if not len(u):
        return u
    # The first step of L-BFGS-B between bounds is the whole gradient: scaled, it stays near the start.
    begun, slope = density.value_and_slope(u)
    steepness = max(1.0, float(np.linalg.norm(slope)))

    def objective(at: Floats) -> tuple[float, Floats]:
        try:
            value, slope = density.value_and_slope(at)
        except np.linalg.LinAlgError:
            return FAR - begun / steepness, np.zeros(len(at))
        return -value / steepness, -slope / steepness

    for _ in range(ATTEMPTS):
        found = optimize.minimize(
            objective,
            u,
            jac=True,
            method="L-BFGS-B",
            bounds=_bounds(density.coordinates, u),
            options={"maxiter": iterations, "ftol": tolerance},
        )
        u = np.asarray(found.x)
        if found.success:
            break
    return u


def _bounds(layout: Coordinates, u: Floats) -> list[tuple[float, float]]:
    bounds = [(value - BELOW, value + ABOVE) for value in u.tolist()]
    return [(-NEARLY * STEEPEST, NEARLY * STEEPEST)] * layout.first_sd + bounds[layout.first_sd :]


def _hessian(density: Density, u: Floats, here: Floats) -> Floats:
    size = len(u)
    steps = STEP * np.eye(size)
    slopes = [density.value_and_slope(u + step)[1] for step in steps]
    hessian = (np.array(slopes).reshape(size, size) - here) / STEP
    return (hessian + hessian.T) / 2


def _covariance(hessian: Floats) -> Floats:
    curvature, axes = linalg.eigh(-hessian)
    sd = np.clip(1.0 / np.sqrt(np.maximum(curvature, 1e-12)), NARROWEST, WIDEST)
    return (axes * sd**2) @ axes.T
