"""Cluster-robust covariances of regression coefficients, with Satterthwaite degrees of freedom.

For b^ = M X'V^-1 y with working covariance V, residuals e and clusters j,

    vcov = M ( sum_j X_j' V_j^-1 A_j e_j e_j' A_j' V_j^-1 X_j ) M

====== ======================================================================================
`CR0`  A = I
`CR1`  A = I, times J / (J - 1); `CR1p` times J / (J - p)
`CR2`  A_j = D_j' (D_j C_jj D_j')^(-1/2) D_j with V_j = D_j'D_j and C = V - X M X': unbiased
       where V holds (Bell and McCaffrey 2002; Pustejovsky and Tipton 2018, eq. 7)
`CR3`  A_j = (I - H_jj)^-1, near the jackknife
====== ======================================================================================

This is clubSandwich's CR2; robumeta's differs by up to 1e-2 where variances vary inside a cluster. Degrees of
freedom match the first two moments of a coefficient's variance under the working covariance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg

from taskorder.errors import MissingData
from taskorder.inference.frequentist.covariance import Blocks, least_squares
from taskorder.inference.frequentist.wald import coefficients
from taskorder.inference.layout.levels import Integers

Floats = NDArray[np.float64]
type Correction = Literal["CR0", "CR1", "CR1p", "CR2", "CR3"]

NEGLIGIBLE = 1e-10
"""Relative size below which an eigenvalue or a variance is rounding error."""


@dataclass(frozen=True)
class Robust:
    """Cluster-robust errors.

    Attributes
    ----------
    coefficients : DataFrame
        `term, estimate, se, statistic, df, p, lower, upper`; t with Satterthwaite degrees of freedom. No
        errors (NaN) for a term that one cluster alone determines.
    vcov : array (P, P)
    clusters : int
    """

    coefficients: pd.DataFrame
    vcov: Floats
    clusters: int


def cluster_robust(
    y: Floats,
    x: Floats,
    covariance: Blocks,
    clusters: Integers,
    terms: Sequence[str],
    *,
    correction: Correction = "CR2",
) -> Robust:
    """Estimate errors that hold whatever the covariance within clusters.

    Parameters
    ----------
    y : array (N,)
    x : array (N, P)
    covariance : Blocks
        The working covariance; its inverse weights the rows.
    clusters : array (N,) of int
        Each row's cluster; clusters are independent of each other.
    terms : sequence of str
        Names of the columns of `x`.
    correction : str
        See the module.

    Raises
    ------
    ValueError
        Where a block of the working covariance reaches over several clusters.
    MissingData
        Where there are fewer than two clusters, or not more clusters than CR1p has terms.
    """
    groups = _groups(covariance, clusters)
    count = len(groups)
    if count < 2 or (correction == "CR1p" and count <= x.shape[1]):
        raise MissingData(f"{count} clusters are too few for {correction} errors of {x.shape[1]} terms")
    fit = least_squares(y, x, covariance)
    scores: list[Floats] = []
    spreads: list[Floats] = []
    for rows, v in groups:
        whitened = np.linalg.solve(v, x[rows])
        adjusted = _adjustment(correction, v, x[rows], fit.vcov, whitened).T @ whitened
        scores.append(adjusted.T @ fit.residuals[rows])
        spreads.append(adjusted @ fit.vcov)
    meat = np.stack(scores)
    factor = {"CR1": count / (count - 1), "CR1p": count / max(count - x.shape[1], 1)}.get(correction, 1.0)
    vcov = factor * fit.vcov @ meat.T @ meat @ fit.vcov
    df = np.array([_freedom(groups, x, fit.vcov, [s[:, p] for s in spreads], p) for p in range(x.shape[1])])
    se = np.where(np.isnan(df), np.nan, np.sqrt(np.diag(vcov)))
    return Robust(coefficients(terms, fit.beta, se, df), vcov, count)


def _groups(covariance: Blocks, clusters: Integers) -> list[tuple[Integers, Floats]]:
    """Return the rows of each cluster and its working covariance."""
    blocks: dict[int, list[int]] = {}
    for i, rows in enumerate(covariance.rows):
        owners = np.unique(clusters[rows])
        if len(owners) > 1:
            raise ValueError(
                f"rows {rows.tolist()} are correlated in the working covariance but lie in"
                f" {len(owners)} clusters; cluster by a level that holds them together"
            )
        blocks.setdefault(int(owners[0]), []).append(i)
    return [
        (
            np.concatenate([covariance.rows[i] for i in members]),
            np.asarray(linalg.block_diag(*(covariance.matrices[i] for i in members))),
        )
        for members in blocks.values()
    ]


def _adjustment(correction: Correction, v: Floats, x: Floats, m: Floats, whitened: Floats) -> Floats:
    if correction == "CR3":
        return np.linalg.inv(np.eye(len(v)) - x @ m @ whitened.T)
    if correction != "CR2":
        return np.eye(len(v))
    root = np.linalg.cholesky(v).T
    inner = root @ (v - x @ m @ x.T) @ root.T
    values, vectors = np.linalg.eigh(inner)
    kept = values > NEGLIGIBLE * max(float(values[-1]), np.finfo(float).tiny)
    powers = np.where(kept, np.where(kept, values, 1.0) ** -0.5, 0.0)
    return root.T @ ((vectors * powers) @ vectors.T) @ root


def _freedom(
    groups: Sequence[tuple[Integers, Floats]], x: Floats, m: Floats, vectors: Sequence[Floats], term: int
) -> float:
    """Return (tr P)^2 / tr(P P) with P_ij = g_i' C_ij g_j, g_j the weights of cluster j's residuals.

    NaN where the residuals say nothing of the term's coefficient, because one cluster alone determines it.
    """
    own = np.array([g @ v @ g for (_, v), g in zip(groups, vectors, strict=True)])
    shared = np.stack([x[rows].T @ g for (rows, _), g in zip(groups, vectors, strict=True)])
    p = np.diag(own) - shared @ m @ shared.T
    expected = float(np.trace(p))
    return expected**2 / float(np.sum(p**2)) if expected > NEGLIGIBLE * m[term, term] else np.nan
