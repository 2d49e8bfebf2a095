"""Multilevel and multivariate meta-regression by (restricted) maximum likelihood.

    y = X b + sum_t Z_t u_t + e,    u_t[level] ~ Normal(0, G_t),    e ~ Normal(0, V)

V is known; each random term has levels and, for slopes or several outcomes, columns of its own whose effects
have an unstructured covariance G = L L'. Nested terms are terms whose levels are nested, an unknown residual
variance is a term with one level a row. The likelihood is maximised over the entries of the L with its exact
gradient; rows that no term ties together are independent blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, sparse, stats
from scipy.sparse.csgraph import connected_components

from taskorder.errors import FitFailed
from taskorder.inference.frequentist import checking
from taskorder.inference.frequentist.covariance import Blocks, LeastSquares, components, least_squares
from taskorder.inference.frequentist.heterogeneity import typical_variance
from taskorder.inference.frequentist.meta_regression import moderator_test
from taskorder.inference.frequentist.wald import Joint, coefficients, predictions, rows_of
from taskorder.inference.layout.levels import Integers

Floats = NDArray[np.float64]
type Criterion = Literal["REML", "ML"]

SMALLEST = 1e-10
"""The least known variance, in units of the outcome's; nothing that is reported can tell it from 0."""


@dataclass(frozen=True)
class RandomTerm:
    """Random effects of levels.

    Attributes
    ----------
    name : str
    levels : array (N,) of int
        Each row's level; negative where a row has no effect.
    columns : array (N, C)
        What the C correlated effects of a level are multiplied with: ones for an intercept.
    """

    name: str
    levels: Integers
    columns: Floats

    @property
    def size(self) -> int:
        """How many entries its L has."""
        width = self.columns.shape[1]
        return width * (width + 1) // 2

    @property
    def is_intercept(self) -> bool:
        """Whether its effects are added to the outcome as they are."""
        return self.columns.shape[1] == 1 and bool((self.columns[self.levels >= 0] == 1).all())


@dataclass(frozen=True)
class Multilevel:
    """A fitted multilevel meta-regression.

    Attributes
    ----------
    method : str
        REML or ML.
    terms : tuple of str
    coefficients : DataFrame
        `term, estimate, se, statistic, df, p, lower, upper`; 95 % intervals.
    vcov : array (P, P)
    covariances : dict of str to array (C, C)
        G of each random term.
    fit : LeastSquares
        At the estimate.
    covariance : Blocks
        The marginal covariance at the estimate.
    x : array (N, P)
    q : Joint
        The test of heterogeneity beyond moderators.
    moderators : Joint
        The test of all terms but the intercept; of the intercept where it is alone.
    i2 : dict of str to float
        Percent of the variance of a typical row that each random intercept gives; empty where the known
        covariance is not diagonal or there are random slopes.
    intercepts_only : bool
        Whether all random terms are intercepts.
    log_likelihood, restricted_log_likelihood : float
    """

    method: Criterion
    terms: tuple[str, ...]
    coefficients: pd.DataFrame
    vcov: Floats
    covariances: dict[str, Floats]
    fit: LeastSquares
    covariance: Blocks
    x: Floats
    q: Joint
    moderators: Joint
    i2: dict[str, float]
    intercepts_only: bool
    log_likelihood: float
    restricted_log_likelihood: float


@dataclass(frozen=True)
class _Problem:
    """Data in units of the outcome's sd, cut into blocks."""

    y: Floats
    x: Floats
    terms: tuple[RandomTerm, ...]
    rows: tuple[Integers, ...]
    known: tuple[Floats, ...]
    same: tuple[tuple[Floats, ...], ...]
    method: Criterion

    def factors(self, theta: Floats) -> list[Floats]:
        """Return L of each term: theta holds their lower triangles, one after another."""
        found: list[Floats] = []
        start = 0
        for term in self.terms:
            width = term.columns.shape[1]
            factor = np.zeros((width, width))
            factor[np.tril_indices(width)] = theta[start : start + term.size]
            found.append(factor)
            start += term.size
        return found

    def covariance(self, theta: Floats) -> Blocks:
        """Return the marginal covariance."""
        parts = [factor @ factor.T for factor in self.factors(theta)]
        return Blocks(
            self.rows,
            tuple(
                known + sum((self._spread(rows, t, g) * same[t] for t, g in enumerate(parts)), np.zeros(()))
                for rows, known, same in zip(self.rows, self.known, self.same, strict=True)
            ),
        )

    def _spread(self, rows: Integers, term: int, g: Floats) -> Floats:
        columns = self.terms[term].columns[rows]
        return columns @ g @ columns.T

    def directions(self) -> list[tuple[int, int, int]]:
        """Return term, row and column in L of each entry of theta."""
        return [
            (t, int(i), int(j))
            for t, term in enumerate(self.terms)
            for i, j in zip(*np.tril_indices(term.columns.shape[1]), strict=True)
        ]

    def loss(self, theta: Floats) -> tuple[float, Floats]:
        """Return minus twice the log likelihood without its constants, and its gradient."""
        fit = least_squares(self.y, self.x, self.covariance(theta))
        value = fit.log_determinant + fit.q
        restricted = self.method == "REML"
        if restricted:
            value -= float(np.linalg.slogdet(fit.vcov)[1])
        inverses = list(fit.inverses)
        if restricted:
            pairs = zip(fit.inverses, fit.whitened, strict=True)
            inverses = [inverse - part @ fit.vcov @ part.T for inverse, part in pairs]
        weights = [inverse - np.outer(part, part) for inverse, part in zip(inverses, fit.solved, strict=True)]
        return value, self._chained(theta, weights)

    def _chained(self, theta: Floats, weights: Sequence[Floats]) -> Floats:
        """Carry the derivatives by the entries of V over to the entries of the L."""
        by_g = [np.zeros((term.columns.shape[1],) * 2) for term in self.terms]
        for rows, weight, same in zip(self.rows, weights, self.same, strict=True):
            for t, term in enumerate(self.terms):
                columns = term.columns[rows]
                by_g[t] += columns.T @ (weight * same[t]) @ columns
        by_l = [2 * part @ factor for part, factor in zip(by_g, self.factors(theta), strict=True)]
        return np.array([by_l[t][i, j] for t, i, j in self.directions()])


def multilevel(
    y: ArrayLike,
    v: ArrayLike,
    random: Sequence[RandomTerm],
    x: ArrayLike | None = None,
    terms: Sequence[str] | None = None,
    *,
    method: Criterion = "REML",
    df: float = np.inf,
) -> Multilevel:
    """Fit a multilevel or multivariate meta-regression.

    Parameters
    ----------
    y : array (N,)
    v : array (N,) or (N, N)
        Known sampling variances, or their covariance matrix.
    random : sequence of RandomTerm
    x : array (N, P), optional
        Moderators; the intercept alone without it.
    terms : sequence of str, optional
        Names of its columns.
    method : {"REML", "ML"}
    df : float
        Degrees of freedom of the coefficients' t distribution; infinite for the normal.

    Raises
    ------
    ValueError
        Where lengths differ, or a value or a variance cannot be.
    MissingData
        Where there are too few rows, or the terms are collinear.
    FitFailed
        Where the likelihood has no maximum that could be found.
    """
    given = np.asarray(v, dtype=float)
    outcome, variance = checking.outcomes(y, np.diag(given) if given.ndim == 2 else given, allow_zero=True)
    matrix, names = checking.design(x, terms, len(outcome))
    unit = float(np.std(outcome)) or 1.0
    known = _known(given, random)
    scaled = replace(known, matrices=tuple(_floored(part / unit**2) for part in known.matrices))
    problem = _problem(outcome / unit, scaled, matrix, random, method)
    theta = _maximise(problem)
    marginal = problem.covariance(theta)
    covariance = replace(marginal, matrices=tuple(part * unit**2 for part in marginal.matrices))
    fit = least_squares(outcome, matrix, covariance)
    found = {
        term.name: unit**2 * factor @ factor.T
        for term, factor in zip(random, problem.factors(theta), strict=True)
    }
    likelihood, restricted = _log_likelihoods(fit, matrix)
    plain = all(term.is_intercept for term in random)
    return Multilevel(
        method=method,
        terms=names,
        coefficients=coefficients(names, fit.beta, np.sqrt(np.diag(fit.vcov)), df),
        vcov=fit.vcov,
        covariances=found,
        fit=fit,
        covariance=covariance,
        x=matrix,
        q=_heterogeneity(outcome, matrix, known, variance),
        moderators=moderator_test(matrix, fit.beta, fit.vcov, df),
        i2=_shares(given, variance, matrix, found) if plain else {},
        intercepts_only=plain,
        log_likelihood=likelihood,
        restricted_log_likelihood=restricted,
    )


def predict(fit: Multilevel, x: ArrayLike | None = None) -> pd.DataFrame:
    """Return expected outcomes, and intervals of the true effect in a new level of every random intercept.

    Parameters
    ----------
    fit : Multilevel
    x : array (N, P), optional
        Values of the terms; may be left out where the intercept is the only term.

    Returns
    -------
    DataFrame
        `estimate, se, lower, upper, predicted_lower, predicted_upper`; 95 %, by the distribution of the
        coefficients' test.

    Raises
    ------
    ValueError
        Where there are random effects other than intercepts, or `x` does not fit the terms.
    """
    if not fit.intercepts_only:
        raise ValueError("a prediction interval needs random intercepts alone; there are random slopes")
    between = sum(float(g[0, 0]) for g in fit.covariances.values())
    df = float(fit.coefficients["df"].iloc[0])
    return predictions(rows_of(x, fit.terms), fit.fit.beta, fit.vcov, between, df, df)


def _known(v: Floats, random: Sequence[RandomTerm]) -> Blocks:
    """Return the known covariance, cut into the rows that it or a random term ties together."""
    levels = [term.levels for term in random]
    if v.ndim == 1:
        rows = components(len(v), levels)
        return Blocks(rows, tuple(np.diag(v[part]) for part in rows))
    tied = connected_components(sparse.csr_array(v != 0), directed=False)[1]
    rows = components(len(v), [*levels, tied.astype(np.int64)])
    return Blocks(rows, tuple(v[np.ix_(part, part)] for part in rows))


def _floored(known: Floats) -> Floats:
    """Keep variances off 0, so that every covariance on the way to the maximum can be inverted."""
    return known + np.diag(np.maximum(SMALLEST - np.diag(known), 0.0))


def _problem(
    y: Floats, known: Blocks, x: Floats, random: Sequence[RandomTerm], method: Criterion
) -> _Problem:
    same = tuple(
        tuple(
            ((term.levels[part][:, None] == term.levels[part]) & (term.levels[part] >= 0)).astype(float)
            for term in random
        )
        for part in known.rows
    )
    return _Problem(y, x, tuple(random), known.rows, known.matrices, same, method)


def _maximise(problem: _Problem) -> Floats:
    """Return the entries of the L at the highest of the maxima found from several starts."""
    diagonals = np.array([i == j for _, i, j in problem.directions()], dtype=float)
    if not len(diagonals):
        return diagonals
    lowest = [(0.0 if diagonal else None, None) for diagonal in diagonals]
    found = [
        optimize.minimize(
            problem.loss,
            diagonals * start,
            jac=True,
            method="L-BFGS-B",
            bounds=lowest,
            options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": 500},
        )
        for start in (0.7, 0.2)
    ]
    best = min(found, key=lambda result: float(result.fun))
    if not np.isfinite(best.fun) or best.nit >= 500:
        raise FitFailed(
            f"{problem.method}: no maximum of the likelihood was found over the random terms"
            f" {', '.join(term.name for term in problem.terms)}; leave one of them out"
        )
    return np.asarray(best.x)


def _log_likelihoods(fit: LeastSquares, x: Floats) -> tuple[float, float]:
    n, p = x.shape
    shared = -0.5 * (fit.log_determinant + fit.q)
    determinants = np.linalg.slogdet(x.T @ x)[1] + np.linalg.slogdet(fit.vcov)[1]
    restricted = shared - 0.5 * (n - p) * np.log(2 * np.pi) + 0.5 * determinants
    return float(shared - 0.5 * n * np.log(2 * np.pi)), float(restricted)


def _heterogeneity(y: Floats, x: Floats, known: Blocks, v: Floats) -> Joint:
    """Return the Q test; NaN where a known variance is 0."""
    df = len(y) - x.shape[1]
    if (v <= 0).any():
        return Joint(np.nan, df, np.inf, np.nan)
    q = least_squares(y, x, known).q
    return Joint(q, df, np.inf, float(stats.chi2.sf(q, df)))


def _shares(given: Floats, v: Floats, x: Floats, covariances: dict[str, Floats]) -> dict[str, float]:
    if (v <= 0).any() or np.count_nonzero(given) > len(v):
        return {}
    variances = {name: float(g[0, 0]) for name, g in covariances.items()}
    total = typical_variance(v, x) + sum(variances.values())
    return {name: 100 * variance / total for name, variance in variances.items()}
