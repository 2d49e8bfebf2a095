"""Labels beside points, moved so that they cover neither points nor each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_CHARACTER = 0.5
_HEIGHT = 0.86
_NEAR = 5.0
_DIRECTIONS = [
    (1.0, 0.0),
    (-1.0, 0.0),
    (0.0, 1.0),
    (0.0, -1.0),
    (0.8, 0.8),
    (-0.8, 0.8),
    (0.8, -0.8),
    (-0.8, -0.8),
    (1.0, 2.0),
    (-1.0, 2.0),
    (1.0, -2.0),
    (-1.0, -2.0),
]
_DISTANCES = (3.0, 4.5, 6.5, 9.0, 13.0, 18.0, 25.0)
_SWEEPS = 4
"""How often every label may move again when the others have their places."""


def place(points: Floats, taken: Floats, labels: Sequence[str], size: float, frame: Floats) -> Floats:
    """Choose the centres of labels, one after the other from the most crowded point on, and then again.

    Parameters
    ----------
    points : array (P, 2)
        What is labelled, in typographic points.
    taken : array (T, 2)
        Marks that no label should cover.
    labels : sequence of str
    size : float
        Of the type, in points.
    frame : array (4,)
        Left, bottom, right and top of the room.

    Returns
    -------
    array (P, 2)
        The centre of each label.
    """
    half = np.array([half_size(label, size) for label in labels])
    crowding = (np.linalg.norm(points[:, None] - points[None], axis=2) < 5 * size).sum(axis=1)
    order = [int(i) for i in np.argsort(-crowding, kind="stable")]
    reach = np.array([distance for distance in _DISTANCES for _ in _DIRECTIONS])
    centres = np.array(points, dtype=float)
    placed: set[int] = set()
    for i in order * (1 + _SWEEPS):
        others = sorted(placed - {i})
        options = _candidates(points[i], half[i])
        costs = [_cost(option, half[i], taken, centres[others], half[others], frame) for option in options]
        centres[i] = options[int(np.argmin(np.array(costs) + 0.1 * reach))]
        placed.add(i)
    return centres


def half_size(label: str, size: float) -> Floats:
    """Return half the width and half the height that a label takes, near enough."""
    return np.array([len(label) * size * _CHARACTER / 2, size * _HEIGHT / 2])


def leader(centre: Floats, point: Floats, label: str, size: float) -> Floats | None:
    """Return the ends of a line from a label's edge to its point (2, 2); None where the label is near."""
    half = half_size(label, size)
    edge = centre + np.clip(point - centre, -half, half)
    return np.stack([edge, point]) if float(np.linalg.norm(point - edge)) > _NEAR else None


def _candidates(point: Floats, half: Floats) -> list[Floats]:
    return [
        point + np.array([dx * (half[0] + distance), dy * (half[1] + distance)])
        for distance in _DISTANCES
        for dx, dy in _DIRECTIONS
    ]


def _cost(
    centre: Floats, half: Floats, taken: Floats, others: Floats, other_halves: Floats, frame: Floats
) -> float:
    covered = float((np.abs(taken - centre) < half + 1.5).all(axis=1).sum())
    overlap = 0.0
    if len(others):
        overlap = float((np.abs(others - centre) < half + other_halves + 0.8).all(axis=1).sum())
    outside = float((centre - half < frame[:2]).sum() + (centre + half > frame[2:]).sum())
    return covered + 12.0 * overlap + 15.0 * outside
