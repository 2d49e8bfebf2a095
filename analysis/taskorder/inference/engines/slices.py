"""Densities of one dimension whose logarithm is linear between knots: a proposal has one a coordinate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.special import logsumexp

Floats = NDArray[np.float64]

PROBES = np.array([0.12, 0.27, 0.45, 0.7, 1.0, 1.4])
"""In units of a coordinate's scale: where the density is measured."""
GRID = np.concatenate([-np.linspace(2.0, 0.0, 65), np.linspace(0.0, 2.0, 65)[1:]])
"""In that scale: the knots between which the logarithm of the density is linear."""
EASED, SLOWEST, FASTEST = 0.8, 0.05, 40.0
"""Beyond the last probe it falls as between the last two, times `EASED`; no proposal may fall faster than its
target. Limits of that rate, per scale."""


@dataclass(frozen=True)
class Slice:
    """A density of one dimension, linear in its logarithm between knots and beyond them.

    Attributes
    ----------
    knots : array (129,)
    log_density : array (129,)
        At the knots, normalised.
    falls : array (2,)
        The rates at which it falls beyond the first and the last knot.
    """

    knots: Floats
    log_density: Floats
    falls: Floats

    def at(self, z: Floats) -> Floats:
        """Return the log density at z (B,)."""
        beyond = np.maximum(self.knots[0] - z, 0.0) * self.falls[0]
        beyond = beyond + np.maximum(z - self.knots[-1], 0.0) * self.falls[1]
        return np.interp(z, self.knots, self.log_density) - beyond

    def drawn(self, uniform: Floats) -> Floats:
        """Turn uniform numbers into draws."""
        ends = np.cumsum(np.exp(_log_masses(self.knots, self.log_density, self.falls)))
        part = np.minimum(np.searchsorted(ends, uniform * ends[-1], side="right"), len(ends) - 1)
        start = np.concatenate([[0.0], ends[:-1]])
        share = (uniform * ends[-1] - start[part]) / (ends - start)[part]
        share = np.clip(share, 1e-15, 1.0 - 1e-15)
        inner = np.clip(part - 1, 0, len(self.knots) - 2)
        slope = self.log_density[inner + 1] - self.log_density[inner]
        safe = np.where(np.abs(slope) < 1e-9, 1e-9, slope)
        within = np.log1p(share * np.expm1(safe)) / safe
        z = self.knots[inner] + within * (self.knots[inner + 1] - self.knots[inner])
        z = np.where(part == 0, self.knots[0] + np.log(share) / self.falls[0], z)
        return np.where(part == len(ends) - 1, self.knots[-1] - np.log1p(-share) / self.falls[1], z)

    def heated(self, factor: float) -> Slice:
        """Return the density whose logarithm is so many times this one's, up to a constant."""
        return _normalised(self.knots, self.log_density * factor, self.falls * factor)

    def raised(self, rise: Floats) -> Slice:
        """Return the density whose logarithm is higher by so much at the knots (129,), up to a constant."""
        return _normalised(self.knots, self.log_density + rise, self.falls)


def through(scale: Floats, drops: Floats) -> Slice:
    """Interpolate the drops of a log density at the probes on either side, (2, 6), and normalise."""
    z = np.concatenate([-scale[0] * PROBES[::-1], [0.0], scale[1] * PROBES])
    curve = -np.concatenate([drops[0, ::-1], [0.0], drops[1]])
    knots = np.where(GRID < 0, scale[0], scale[1]) * GRID
    inside = (knots >= z[0]) & (knots <= z[-1])
    log_density = np.empty(len(knots))
    log_density[inside] = PchipInterpolator(z, curve)(knots[inside])
    rates = EASED * np.abs(np.diff(curve)[[0, -1]] / np.diff(z)[[0, -1]])
    falls = np.clip(rates, SLOWEST / scale, FASTEST / scale)
    below, above = knots < z[0], knots > z[-1]
    log_density[below] = curve[0] - falls[0] * (z[0] - knots[below])
    log_density[above] = curve[-1] - falls[1] * (knots[above] - z[-1])
    return _normalised(knots, log_density, falls)


def _normalised(knots: Floats, log_density: Floats, falls: Floats) -> Slice:
    return Slice(knots, log_density - logsumexp(_log_masses(knots, log_density, falls)), falls)


def _log_masses(knots: Floats, log_density: Floats, falls: Floats) -> Floats:
    """Return the log integral of each segment, with that of the two tails first and last: (130,)."""
    low, high = log_density[:-1], log_density[1:]
    slope = np.abs(high - low)
    safe = np.where(slope < 1e-9, 1.0, slope)
    inner = np.where(slope < 1e-9, low, np.maximum(low, high) + np.log(-np.expm1(-safe) / safe))
    tails = log_density[[0, -1]] - np.log(falls)
    return np.concatenate([tails[:1], inner + np.log(np.diff(knots)), tails[1:]])
