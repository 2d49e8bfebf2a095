"""The variance between studies, tau2, of outcomes y_i ~ Normal(x_i'b, v_i + tau2).

With weights a, residuals of the regression with those weights give Q = y'Py, where
P = A - A X (X'A X)^-1 X'A and E[Q] = tr(P V) + tau2 tr(P). The moment estimators solve that for tau2:

====== =========================================================================================
`DL`   a = 1 / v (DerSimonian and Laird)
`HE`   a = 1 (Hedges)
`HS`   (Q - k) / sum(1 / v) with a = 1 / v (Hunter and Schmidt); `HSk` with Q k / (k - p)
`SJ`   t0 Q / (k - p) with a = 1 / (v + t0), t0 the variance of y (Sidik and Jonkman)
`PM`   a = 1 / (v + tau2), solved for Q = k - p (Paule and Mandel); `EB` is the same estimate
`ML`   maximum of the likelihood; `REML` of the restricted one
`EE`   tau2 = 0: equal effects
====== =========================================================================================

Definitions and large-sample errors are those of metafor (Viechtbauer 2005, J. Educ. Behav. Stat. 30:261).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from taskorder.inference.summary import INTERVAL

Floats = NDArray[np.float64]
type Method = Literal["REML", "ML", "DL", "PM", "EB", "HE", "HS", "HSk", "SJ", "EE"]

GRID = 60


@dataclass(frozen=True)
class Heterogeneity:
    """The variance between studies and its large-sample standard error (NaN for equal effects)."""

    tau2: float
    se: float


@dataclass(frozen=True)
class Weighted:
    """A regression with weights: coefficients (P,), (X'A X)^-1 (P, P), residuals (K,) and Q."""

    beta: Floats
    inverse: Floats
    residuals: Floats
    q: float


def weighted(y: Floats, x: Floats, weights: Floats) -> Weighted:
    """Regress y (K,) on x (K, P) with weights (K,)."""
    root = np.sqrt(weights)
    q, r = np.linalg.qr(root[:, None] * x)
    inverse_r = np.linalg.inv(r)
    beta = inverse_r @ (q.T @ (root * y))
    residuals = y - x @ beta
    return Weighted(beta, inverse_r @ inverse_r.T, residuals, float(weights @ residuals**2))


def estimate(y: Floats, v: Floats, x: Floats, method: Method) -> Heterogeneity:
    """Estimate tau2; an estimate below 0 is 0.

    Parameters
    ----------
    y, v : array (K,)
        Outcomes and their known variances.
    x : array (K, P)
        Moderators.
    method : str
        See the module.
    """
    if method == "EE":
        return Heterogeneity(0.0, np.nan)
    if method in ("DL", "HE", "HS", "HSk", "SJ"):
        return _by_moments(y, v, x, method)
    roots = {"REML": _likeliest, "ML": _likeliest, "PM": _paule_mandel, "EB": _paule_mandel}
    tau2 = roots[method](y, v, x, method)
    return Heterogeneity(tau2, _error(v, x, tau2, method))


def interval(y: Floats, v: Floats, x: Floats) -> tuple[float, float]:
    """Return the Q-profile interval of tau2 (Viechtbauer 2007): where Q(tau2) is no surprise.

    Both ends are 0 where Q is too small at tau2 = 0 already.
    """
    df = len(y) - x.shape[1]
    tail = (1 - INTERVAL) / 2
    return (
        _where_q_is(y, v, x, float(stats.chi2.ppf(1 - tail, df))),
        _where_q_is(y, v, x, float(stats.chi2.ppf(tail, df))),
    )


def log_likelihoods(y: Floats, v: Floats, x: Floats, tau2: float) -> tuple[float, float]:
    """Return the log likelihood and the restricted one at a given tau2."""
    fit = weighted(y, x, 1 / (v + tau2))
    k, p = x.shape
    shared = -0.5 * (np.log(v + tau2).sum() + fit.q)
    determinants = np.linalg.slogdet(x.T @ x)[1] + np.linalg.slogdet(fit.inverse)[1]
    restricted = shared - 0.5 * (k - p) * np.log(2 * np.pi) + 0.5 * determinants
    return float(shared - 0.5 * k * np.log(2 * np.pi)), float(restricted)


def typical_variance(v: Floats, x: Floats) -> float:
    """Return the sampling variance of a typical study: (k - p) / tr(P) with weights 1 / v."""
    k, p = x.shape
    return float((k - p) / _trace(1 / v, x, np.ones(k)))


def _trace(a: Floats, x: Floats, d: Floats) -> float:
    """Return tr(P D) for a diagonal D."""
    inverse = np.linalg.inv(x.T @ (a[:, None] * x))
    return float(a @ d - np.sum(inverse * (x.T @ ((a**2 * d)[:, None] * x))))


def _double_trace(a: Floats, x: Floats, d: Floats, e: Floats) -> float:
    """Return tr(P D P E) for diagonal D and E."""
    inverse = np.linalg.inv(x.T @ (a[:, None] * x))
    by_d, by_e = (inverse @ x.T @ ((a**2 * diagonal)[:, None] * x) for diagonal in (d, e))
    twice = x.T @ ((a**3 * d * e)[:, None] * x)
    return float(a**2 @ (d * e) - 2 * np.sum(inverse * twice) + np.sum(by_d * by_e.T))


def _by_moments(y: Floats, v: Floats, x: Floats, method: Method) -> Heterogeneity:
    k, p = x.shape
    one = np.ones(k)
    spread = float(np.var(y))
    a = {"HE": one, "SJ": 1 / (v + spread)}.get(method, 1 / v)
    q = weighted(y, x, a).q
    inflation, slope, offset = {
        "DL": (1.0, _trace(a, x, one), float(k - p)),
        "HE": (1.0, float(k - p), _trace(a, x, v)),
        "HS": (1.0, float(a.sum()), float(k)),
        "HSk": (k / (k - p), float(a.sum()), float(k)),
        "SJ": (spread, float(k - p), 0.0),
    }[method]
    tau2 = max(0.0, (inflation * q - offset) / slope)
    of_q = 2 * (
        _double_trace(a, x, v, v)
        + 2 * tau2 * _double_trace(a, x, v, one)
        + tau2**2 * _double_trace(a, x, one, one)
    )
    return Heterogeneity(tau2, float(inflation / slope * np.sqrt(of_q)))


def _error(v: Floats, x: Floats, tau2: float, method: Method) -> float:
    k, p = x.shape
    w = 1 / (v + tau2)
    if method == "ML":
        return float(np.sqrt(2 / np.sum(w**2)))
    if method == "REML":
        return float(np.sqrt(2 / _double_trace(w, x, np.ones(k), np.ones(k))))
    return float(np.sqrt(2 * k**2 / (k - p)) / w.sum())


def _score(y: Floats, v: Floats, x: Floats, tau2: float, method: Method) -> float:
    """Return twice the slope of the (restricted) log likelihood in tau2."""
    w = 1 / (v + tau2)
    explained = float(np.sum((w * weighted(y, x, w).residuals) ** 2))
    expected = float(w.sum()) if method == "ML" else _trace(w, x, np.ones(len(y)))
    return explained - expected


def _likeliest(y: Floats, v: Floats, x: Floats, method: Method) -> float:
    """Return the highest of the maxima of the likelihood, of which there may be more than one."""
    which = 0 if method == "ML" else 1
    top = 10 * float(np.var(y)) + float(v.max())
    grid = np.concatenate([[0.0], np.geomspace(1e-6 * top, top, GRID)])
    best = int(np.argmax([log_likelihoods(y, v, x, t)[which] for t in grid]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, GRID)]
    if _score(y, v, x, low, method) <= 0:
        return 0.0
    return float(optimize.brentq(lambda t: _score(y, v, x, t, method), low, high, xtol=1e-14 * top))


def _paule_mandel(y: Floats, v: Floats, x: Floats, method: Method) -> float:
    del method
    return _where_q_is(y, v, x, float(len(y) - x.shape[1]))


def _where_q_is(y: Floats, v: Floats, x: Floats, value: float) -> float:
    """Return the tau2 at which Q has a value; 0 where Q is below it at 0. Q falls as tau2 rises."""

    def excess(tau2: float) -> float:
        return weighted(y, x, 1 / (v + tau2)).q - value

    if excess(0.0) <= 0:
        return 0.0
    top = float(np.var(y)) + float(v.max())
    while excess(top) > 0:
        top *= 4
    return float(optimize.brentq(excess, 0.0, top, xtol=1e-14 * top))
