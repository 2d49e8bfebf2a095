"""Whether a sample is uniform on (0, 1): the simultaneous band about its distribution function.

At K - 1 points z the number of N values below z is Binomial(N, z) if the sample is uniform. A pointwise
interval of tail probability alpha at every point is left somewhere by more samples than 2 alpha of them;
alpha is chosen such that 95 % of uniform samples stay inside it at all points, by simulation (Saeilynoja,
Buerkner and Vehtari 2022, Statistics and Computing 32:32).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr
from scipy.stats import binom

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

POINTS = 100
"""K: the distribution functions are compared at 1/K, 2/K, ..., (K - 1)/K."""
PROBABILITY = 0.95
_SAMPLES = 10_000


@dataclass(frozen=True)
class Uniformity:
    """How far a sample is from uniform.

    Attributes
    ----------
    max_deviation : float
        Largest distance of its empirical distribution function from the diagonal.
    p : float
        Share of uniform samples of this size that leave a narrower band than this one does.
    inside : bool
        Whether it stays inside the simultaneous band.
    """

    max_deviation: float
    p: float
    inside: bool


def grid() -> Floats:
    """Return the points of comparison (K - 1,)."""
    return np.arange(1, POINTS) / POINTS


def ecdf(sample: Floats) -> Floats:
    """Return the empirical distribution function of a sample at the points of `grid`."""
    return np.searchsorted(np.sort(sample), grid(), side="right") / len(sample)


def uniformity(sample: Floats) -> Uniformity:
    """Compare a sample with the uniform distribution.

    Parameters
    ----------
    sample : array (N,)
        Independent values in (0, 1).
    """
    size = len(sample)
    counts = np.round(ecdf(sample) * size).astype(np.int64)
    extreme = float(_smallest_tail(counts, size))
    reference = _reference(size)
    p = (1 + int(np.sum(reference <= extreme * (1.0 + 1e-9)))) / (1 + len(reference))
    deviation = float(np.abs(counts / size - grid()).max())
    return Uniformity(deviation, p, extreme >= _alpha(size))


def band(size: int) -> tuple[Floats, Floats]:
    """Return the lower and the upper edge (K - 1,) of the band for samples of a size."""
    alpha = _alpha(size)
    lower, upper = (np.asarray(binom.ppf(tail, size, grid())) / size for tail in (alpha, 1.0 - alpha))
    return lower, upper


def _alpha(size: int) -> float:
    return float(np.quantile(_reference(size), 1.0 - PROBABILITY))


@cache
def _reference(size: int) -> Floats:
    """Return the smallest tail probability of each of many uniform samples, sorted."""
    rng = np.random.default_rng(size)
    counts = rng.multinomial(size, np.full(POINTS, 1.0 / POINTS), _SAMPLES).cumsum(axis=1)[:, :-1]
    return np.sort(_smallest_tail(counts, size))


def _smallest_tail(counts: Integers, size: int) -> Floats:
    """Return the smallest probability of as few or as many values below a point, over points (..., K - 1)."""
    few = bdtr(counts, size, grid())
    many = 1.0 - np.where(counts > 0, bdtr(np.maximum(counts - 1, 0), size, grid()), 0.0)
    return np.minimum(few, many).min(axis=-1)
