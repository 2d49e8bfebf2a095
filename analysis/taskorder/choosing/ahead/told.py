"""What runs to come would say of a function of theta, and perhaps of slopes.

Draws are moved and drawn together, about a few truths, with the information that there is at each, and the
estimand is computed of each draw. The truths are means of draws: of those with the lowest values of the
estimand, and so on to those with the highest, so that few stand for all. The variance and the width after
the rows are means over them. It is an approximation, unlike what `effect` says of linear ones:
`benchmarks/designing.py` compares it with fits to the rows that came.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from taskorder.choosing.ahead.cloud import Cloud
from taskorder.choosing.ahead.information import Made, Point
from taskorder.inference.summary import INTERVAL

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

TRUTHS = 8
"""About so many draws are drawn together."""


@dataclass(frozen=True)
class Told:
    """A function of theta, and perhaps of coefficients, and what runs to come would say of it.

    Attributes
    ----------
    value : callable
        The estimand, or its logarithm, of parameters and coefficients (D + M, ...): (...).
    logarithm : bool
        Whether it is the logarithm.
    cloud : Cloud
    truths : tuple of arrays of int
        Draws whose mean may be the truth, T times.
    points, made, inverses : tuple
        Theta at each; what is known there before any run, and M^-1 with the runs taken in.
    at : array (M,) of int
        Which coefficients those of the cloud are.
    scale : array (M,)
        S of these.
    first : array (T, M, M)
        Their precision given theta before any run.
    information : array (T, I, I)
        What the runs that were taken in have said of the first I parameters.
    n : array (N,)
        Replicates of each row; 0 for rows to come.
    rows : dict of int to array
        The rows of each run.
    reference : float
    """

    value: Callable[[Floats], Floats]
    logarithm: bool
    cloud: Cloud
    truths: tuple[Integers, ...]
    points: tuple[Point, ...]
    made: tuple[Made, ...]
    inverses: tuple[Floats, ...]
    at: Integers
    scale: Floats
    first: Floats
    information: Floats
    n: Floats
    rows: dict[int, Integers]
    reference: float

    @property
    def runs(self) -> list[int]:
        """The runs to come."""
        return sorted(self.rows)

    @property
    def variance(self) -> float:
        """Of the estimand, or of its logarithm, after the runs that were taken in."""
        return self._variance(self.information, self._covariances())

    def gains(self, runs: Sequence[int]) -> Floats:
        """Return by how much each of some runs would lower the variance."""
        now, before = self.variance, self._covariances()
        rows = [self.rows[run] for run in runs]
        pairs = zip(self.points, self.inverses, strict=True)
        falls = np.stack([point.falls(inverse, self.at, rows) for point, inverse in pairs], axis=1)
        each = zip(self._informations(runs), falls * np.outer(self.scale, self.scale), strict=True)
        return np.array([now - self._variance(self.information + one, before - fall) for one, fall in each])

    def after(self, run: int) -> Told:
        """Return what is known once a run is made."""
        n = self.n.copy()
        n[self.rows[run]] = 1.0
        return replace(
            self,
            information=self.information + self._informations([run])[0],
            inverses=tuple(
                point.taken_in(inverse, self.rows[run])
                for point, inverse in zip(self.points, self.inverses, strict=True)
            ),
            n=n,
        )

    def width(self) -> float:
        """Return the width of the 95 % interval that is expected after the runs that were taken in."""
        tail = (1.0 - INTERVAL) / 2
        values = self._values(self.information, self._covariances())
        lower, upper = np.quantile(np.exp(values) if self.logarithm else values, [tail, 1.0 - tail], axis=-1)
        return float(np.mean(upper - lower))

    def widths_along(self, runs: Sequence[int]) -> Floats:
        """Return the widths after each of some runs, one after the other."""
        widths: list[float] = []
        at = self
        for run in runs:
            at = at.after(run)
            widths.append(at.width())
        return np.array(widths)

    def _informations(self, runs: Sequence[int]) -> Floats:
        """Return what each of some runs would add at each point, (runs, T, I, I)."""
        rows = [self.rows[run] for run in runs]
        each = zip(self.points, self.inverses, self.made, strict=True)
        found = [point.informations(inverse, self.n, made, rows) for point, inverse, made in each]
        return np.stack(found, axis=1)

    def _covariances(self) -> Floats:
        """Return the covariance of the coefficients given theta at each point, (T, M, M)."""
        return covariances(self.inverses, self.at, self.scale)

    def _variance(self, information: Floats, covariance: Floats) -> float:
        return float(self._values(information, covariance).var(axis=-1).mean())

    def _values(self, information: Floats, covariance: Floats) -> Floats:
        """Return the estimand's draws about each truth, (T, S)."""
        size = len(self.cloud.mean)
        known, free = information.shape[1], size - len(self.at)
        whole = np.zeros((len(self.points), size, size))
        whole[:, :known, :known] = information
        whole[:, free:, free:] = np.linalg.inv(covariance) - self.first
        pairs = zip(whole, self.truths, strict=True)
        return self.value(np.stack([self.cloud.narrowed(one, truth) for one, truth in pairs], axis=1))


def covariances(inverses: Sequence[Floats], at: Integers, scale: Floats) -> Floats:
    """Return the covariances of some coefficients (M,) given theta, (T, M, M), from M^-1 at each theta."""
    return np.array([inverse[np.ix_(at, at)] for inverse in inverses]) * np.outer(scale, scale)


def truths_of(values: Floats) -> list[Integers]:
    """Return which draws are taken together: those with the lowest values of an estimand (S,), and so on."""
    return np.array_split(np.argsort(values, kind="stable"), TRUTHS)


def told(
    value: Callable[[Floats], Floats],
    cloud: Cloud,
    truths: Sequence[Integers],
    points: Sequence[Point],
    proper: Floats,
    coefficients: tuple[Integers, Floats],
    n: Floats,
    rows: dict[int, Integers],
    *,
    logarithm: bool,
    reference: float,
) -> Told:
    """Put together what is known of an estimand before any run is made; otherwise as `Told`.

    Parameters
    ----------
    proper : array (P,)
        As in `Density`.
    coefficients : tuple
        `at` and `scale`.
    """
    at, scale = coefficients
    made = tuple(point.made(n, proper) for point in points)
    inverses = tuple(one.inverse for one in made)
    known = points[0].parameters
    return Told(
        value=value,
        logarithm=logarithm,
        cloud=cloud,
        truths=tuple(truths),
        points=tuple(points),
        made=made,
        inverses=inverses,
        at=at,
        scale=scale,
        first=np.linalg.inv(covariances(inverses, at, scale)),
        information=np.zeros((len(points), known, known)),
        n=n,
        rows=rows,
        reference=reference,
    )
