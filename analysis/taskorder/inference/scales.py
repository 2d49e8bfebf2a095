"""Scales on which a score's noise is near constant, and the way back to points of accuracy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """A monotone transformation of a score.

    Attributes
    ----------
    name : str
        The name that a model file uses.
    lowest, highest : float
        The scores that the scale accepts, both included.
    forward, inverse : callable
        Score to scale and back.
    derivative : callable
        d(score)/d(scale value) at a score; a small change `dz` is `derivative(p) * dz` in score.
    """

    name: str
    lowest: float
    highest: float
    forward: Callable[[ArrayLike], Array]
    inverse: Callable[[ArrayLike], Array]
    derivative: Callable[[ArrayLike], Array]


def _array(values: ArrayLike) -> Array:
    return np.asarray(values, dtype=np.float64)


def _arcsine(score: ArrayLike) -> Array:
    return np.arcsin(np.sqrt(_array(score)))


def _sine(z: ArrayLike) -> Array:
    return np.sin(np.clip(_array(z), 0.0, np.pi / 2)) ** 2


def _arcsine_derivative(score: ArrayLike) -> Array:
    p = _array(score)
    return 2.0 * np.sqrt(p * (1.0 - p))


def _logit(score: ArrayLike) -> Array:
    p = _array(score)
    return np.log(p) - np.log1p(-p)


def _expit(z: ArrayLike) -> Array:
    return 1.0 / (1.0 + np.exp(-_array(z)))


def _logit_derivative(score: ArrayLike) -> Array:
    p = _array(score)
    return p * (1.0 - p)


_SMALLEST = float(np.nextafter(0.0, 1.0))

SCALES: dict[str, Scale] = {
    scale.name: scale
    for scale in (
        Scale("arcsine", 0.0, 1.0, _arcsine, _sine, _arcsine_derivative),
        Scale("logit", _SMALLEST, 1.0 - 1e-16, _logit, _expit, _logit_derivative),
        Scale("identity", -np.inf, np.inf, _array, _array, lambda p: np.ones_like(_array(p))),
    )
}


def sd_on_scale(scale: Scale, score: ArrayLike, sd: ArrayLike) -> Array:
    """Carry a standard deviation of scores over to the scale, by the delta method.

    Scores nearer than half a point to 0 or 1 are taken as half a point away, where the derivative
    would otherwise vanish.
    """
    if scale.name == "identity":
        return _array(sd)
    return _array(sd) / scale.derivative(np.clip(_array(score), 0.005, 0.995))
