"""The few non-linear parameters as one unconstrained vector, and their prior density.

    recency | log sd of each group | residual

The residual part is nothing where only known variances count, the log of one sd, or, for several levels,

    typical | log width | one coordinate a level

with log residual level ~ Normal(m, w), where m is the log of the typical sd and w the width. Were m and the
levels coordinates themselves, the width would pinch them or leave them free. So each coordinate is what is
left when prior and data are weighed at the present width. If the data say that level l is about e_l, with
information I_l (that is, variance 1 / I_l), and m0 is where the search for the mode began,

    m = (m0 + sum of q_l e_l) / P + t / sqrt(P)          q_l = 1 / (w^2 + 1 / I_l),   P = 1 + sum of q_l
    log residual level l = (a_l e_l + m) / (1 + a_l) + x_l w / sqrt(1 + a_l)         a_l = w^2 I_l

and t and x are near a standard normal whatever the width, with many replicates or few. At first I = 0, and
x is the distance from the typical level in widths; `mode` measures e and I.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from taskorder.inference.engines.parameters import (
    recency_prior,
    residual_prior,
    sd_names,
    sd_priors,
    spread_prior,
)
from taskorder.inference.layout.design import Design
from taskorder.inference.layout.identified import STEEPEST
from taskorder.inference.priors import Prior, bulk, log_density, log_density_slope
from taskorder.inference.spec import ModelSpec

Floats = NDArray[np.float64]

LEAST, MOST, WIDEST = 30.0, 7.0, 3.0
"""Limits of log sds below and above the outcome's own, and of the log width."""


@dataclass(frozen=True)
class Theta:
    """The non-linear parameters at B points.

    Attributes
    ----------
    recency : array (B,)
        Zero where the model has none.
    sd : array (G, B)
        Standard deviations between levels.
    residual : array (L, B)
        Residual sds; one row of zeros where only known variances count.
    typical, width : array (B,) or None
        Of several residual levels: the typical sd, and the sd of their logarithms.
    """

    recency: Floats
    sd: Floats
    residual: Floats
    typical: Floats | None = None
    width: Floats | None = None


@dataclass(frozen=True)
class Coordinates:
    """Where each parameter is in the vector.

    Attributes
    ----------
    recency : Prior or None
        None where the model has no recency.
    sds : tuple of Prior
        One a group.
    residual, spread : Prior or None
        Of the (typical) residual sd, and of the width of several levels.
    middle : float
        m0.
    told, information : array (L,)
        e and I of each level; empty for a single residual sd.
    """

    recency: Prior | None
    sds: tuple[Prior, ...]
    residual: Prior | None
    spread: Prior | None
    middle: float
    told: Floats
    information: Floats

    @property
    def first_sd(self) -> int:
        """Where the log sds begin."""
        return 0 if self.recency is None else 1

    @property
    def first_residual(self) -> int:
        """Where the residual part begins."""
        return self.first_sd + len(self.sds)

    @property
    def size(self) -> int:
        """D, the length of the vector."""
        residual = 0 if self.residual is None else 1 if self.spread is None else 2 + len(self.told)
        return self.first_residual + residual

    def log_sds(self) -> NDArray[np.bool_]:
        """Say which coordinates are logs of standard deviations, (D,)."""
        found = np.zeros(self.size, dtype=bool)
        found[self.first_sd : self.first_residual] = True
        if self.residual is not None:
            found[self.first_residual + (0 if self.spread is None else 1)] = True
        return found

    def believed(self, sd: Floats) -> Floats:
        """Bring sds between levels (G,) within the bulk of their priors."""
        low, high = np.array([bulk(prior) for prior in self.sds]).reshape(-1, 2).T
        return np.clip(sd, low, high)

    def inside(self, u: Floats) -> NDArray[np.bool_]:
        """Say which vectors (D, B) are within the limits beyond which nothing can be computed: (B,)."""
        ok = np.abs(u[: self.first_sd]).max(axis=0, initial=0.0) < STEEPEST
        log_sd = u[self.first_sd : self.first_residual]
        if self.spread is not None:
            at = self.first_residual
            ok &= (u[at + 1] < WIDEST) & (u[at + 1] > -LEAST)
            with np.errstate(over="ignore", invalid="ignore"):
                levels = self._levels(u)
            log_sd = np.vstack([log_sd, levels.typical, levels.log_sd])
        elif self.residual is not None:
            log_sd = u[self.first_sd :]
        away = log_sd - self.middle
        return ok & (away > -LEAST).all(axis=0) & (away < MOST).all(axis=0)

    def unpack(self, u: Floats) -> Theta:
        """Return the parameters of vectors (D, B)."""
        at = self.first_residual
        recency = np.zeros(u.shape[1]) if self.recency is None else u[0]
        sd = np.exp(u[self.first_sd : at])
        if self.residual is None:
            return Theta(recency, sd, np.zeros((1, u.shape[1])))
        if self.spread is None:
            return Theta(recency, sd, np.exp(u[at : at + 1]))
        levels = self._levels(u)
        return Theta(recency, sd, np.exp(levels.log_sd), np.exp(levels.typical), levels.width)

    def pack(self, theta: Theta) -> Floats:
        """Return the vectors (D, B) of parameters."""
        parts = [] if self.recency is None else [theta.recency[None]]
        parts.append(np.log(theta.sd))
        if self.spread is not None and theta.typical is not None and theta.width is not None:
            typical, width = np.log(theta.typical), theta.width
            centre, precision, _, _ = self._typical(width)
            a = width**2 * self.information[:, None]
            middle = (a * self.told[:, None] + typical) / (1.0 + a)
            level = (np.log(theta.residual) - middle) * np.sqrt(1.0 + a) / width
            parts += [((typical - centre) * np.sqrt(precision))[None], np.log(width)[None], level]
        elif self.residual is not None:
            parts.append(np.log(theta.residual))
        return np.concatenate(parts)

    def measured(self, middle: float, told: Floats, information: Floats) -> Coordinates:
        """Return the layout with what the data say of the residual levels."""
        return replace(self, middle=middle, told=told, information=information)

    def log_prior(self, u: Floats) -> Floats:
        """Return the log prior density of the vectors (D, B), with the Jacobians of the coordinates: (B,)."""
        total = np.zeros(u.shape[1])
        for i, prior, positive in self._univariate():
            x = np.exp(u[i]) if positive else u[i]
            total = total + log_density(prior, x) + (u[i] if positive else 0.0)
        if self.spread is None or self.residual is None:
            return total
        levels = self._levels(u)
        total = total + log_density(self.residual, np.exp(levels.typical)) + levels.typical
        total = total - 0.5 * np.log(levels.precision)
        return total - 0.5 * (levels.z**2 + np.log1p(levels.a)).sum(axis=0)

    def log_prior_slope(self, u: Floats) -> Floats:
        """Return the gradient of `log_prior`, (D, B)."""
        slope = np.zeros_like(u)
        for i, prior, positive in self._univariate():
            x = np.exp(u[i]) if positive else u[i]
            slope[i] = log_density_slope(prior, x) * (x if positive else 1.0) + (1.0 if positive else 0.0)
        if self.spread is None or self.residual is None:
            return slope
        at, levels = self.first_residual, self._levels(u)
        x = np.exp(levels.typical)
        by_z = -levels.z / levels.width
        by_typical = log_density_slope(self.residual, x) * x + 1.0
        by_typical = by_typical + (by_z * (levels.by_typical - 1.0)).sum(axis=0)
        slope[at] = by_typical / np.sqrt(levels.precision)
        slope[at + 1] += (by_z * levels.by_log_width + levels.z**2 - levels.a / (1.0 + levels.a)).sum(axis=0)
        slope[at + 1] += by_typical * levels.typical_by_log_width - 0.5 * levels.log_precision_by_log_width
        slope[at + 2 :] += by_z * levels.by_level
        return slope

    def pulled_back(self, u: Floats, recency: Floats, log_sd: Floats, log_residual: Floats) -> Floats:
        """Turn slopes by recency (B,), log sds (G, B) and log residual sds (L, B) into those by u (D, B)."""
        parts = [] if self.recency is None else [recency[None]]
        parts.append(log_sd)
        if self.spread is not None:
            levels = self._levels(u)
            by_typical = (levels.by_typical * log_residual).sum(axis=0)
            by_log_width = (levels.by_log_width * log_residual).sum(axis=0)
            parts += [
                (by_typical / np.sqrt(levels.precision))[None],
                (by_log_width + by_typical * levels.typical_by_log_width)[None],
                levels.by_level * log_residual,
            ]
        elif self.residual is not None:
            parts.append(log_residual)
        return np.concatenate(parts)

    def _univariate(self) -> list[tuple[int, Prior, bool]]:
        found = [] if self.recency is None else [(0, self.recency, False)]
        found += [(self.first_sd + i, prior, True) for i, prior in enumerate(self.sds)]
        if self.spread is not None:
            found.append((self.first_residual + 1, self.spread, True))
        elif self.residual is not None:
            found.append((self.first_residual, self.residual, True))
        return found

    def _typical(self, width: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Return centre and precision P (B,) of m at widths (B,), and their derivatives by the log width."""
        information = self.information[:, None]
        q = information / (1.0 + width**2 * information)
        precision = 1.0 + q.sum(axis=0)
        centre = (self.middle + (q * self.told[:, None]).sum(axis=0)) / precision
        falling = -2.0 * width**2 * q**2
        by_precision = falling.sum(axis=0)
        by_centre = ((falling * self.told[:, None]).sum(axis=0) - centre * by_precision) / precision
        return centre, precision, by_centre, by_precision

    def _levels(self, u: Floats) -> _Levels:
        at = self.first_residual
        t, width, x = u[at], np.exp(u[at + 1]), u[at + 2 :]
        centre, precision, by_centre, by_precision = self._typical(width)
        typical = centre + t / np.sqrt(precision)
        a = width**2 * self.information[:, None]
        away = self.told[:, None] - typical
        stretch = width / np.sqrt(1.0 + a)
        log_sd = typical + away * a / (1.0 + a) + x * stretch
        return _Levels(
            typical=typical,
            log_sd=log_sd,
            width=width,
            a=a,
            z=(log_sd - typical) / width,
            precision=precision,
            by_typical=1.0 / (1.0 + a),
            by_log_width=2.0 * away * a / (1.0 + a) ** 2 + x * stretch / (1.0 + a),
            by_level=stretch,
            typical_by_log_width=by_centre - 0.5 * t * by_precision / precision**1.5,
            log_precision_by_log_width=by_precision / precision,
        )


@dataclass(frozen=True)
class _Levels:
    """Several residual levels at B points: m (B,), log sds (L, B), and how these move with the coordinates.

    `z` is the distance of a level from m in widths; `precision` is P.
    """

    typical: Floats
    log_sd: Floats
    width: Floats
    a: Floats
    z: Floats
    precision: Floats
    by_typical: Floats
    by_log_width: Floats
    by_level: Floats
    typical_by_log_width: Floats
    log_precision_by_log_width: Floats


def coordinates(design: Design, spec: ModelSpec) -> Coordinates:
    """Lay the vector out for a design."""
    return Coordinates(
        recency=recency_prior(design, spec) if len(design.effects) > 1 else None,
        sds=tuple(sd_priors(design, spec, sd_names(design.blocks))),
        residual=residual_prior(design, spec) if spec.residual.sd is None else None,
        spread=spread_prior(design, spec) if design.residual_levels else None,
        middle=float(np.log(design.cells.sd / 2)),
        told=np.zeros(len(design.residual_levels)),
        information=np.zeros(len(design.residual_levels)),
    )
