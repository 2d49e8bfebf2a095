"""Draws of parameters and of slopes, and where they are once rows to come have told of them.

Draws of the parameters, and of slopes less their regression on the parameters, have the covariance C. If it
becomes P = (C^-1 + information)^-1, and the truth is the draw t, then the posterior of a normal model has the
covariance P, and its mean deviates from what it is now by a part of how t does, with the covariance C - P:

    d -> (C - P)^(1/2) C^(-1/2) d_t + P^(1/2) C^(-1/2) d          d: deviations of draws from their mean
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

RIDGE = 1e-10
"""Share of its diagonal that is added to a covariance before it is inverted."""


@dataclass(frozen=True)
class Cloud:
    """Draws of theta and of coefficients, which rows to come draw together.

    Attributes
    ----------
    mean : array (D + M,)
        Of the parameters of theta, then of coefficients.
    apart : array (D + M, S)
        Deviations of the parameters from their mean; of coefficients from their regression on these.
    regression : array (M, D)
    covariance : array (D + M, D + M)
        Of the deviations.
    """

    mean: Floats
    apart: Floats
    regression: Floats
    covariance: Floats

    @classmethod
    def of(cls, parameters: Floats, coefficients: Floats) -> Self:
        """Lay out the draws of parameters (D, S) and of coefficients (M, S)."""
        size, draws = parameters.shape
        mean = np.concatenate([parameters, coefficients]).mean(axis=1)
        theta, b = parameters - mean[:size, None], coefficients - mean[size:, None]
        of_theta = np.atleast_2d(np.cov(theta))
        of_theta = of_theta + RIDGE * np.diag(np.diag(of_theta))
        regression = np.linalg.solve(of_theta, theta @ b.T / (draws - 1)).T
        own = b - regression @ theta
        covariance = linalg.block_diag(of_theta, own @ own.T / (draws - 1))
        return cls(mean, np.concatenate([theta, own]), regression, covariance)

    def narrowed(self, information: Floats, truth: Integers) -> Floats:
        """Return the draws after rows with some information where the mean of a few is the truth, (D + M, S).

        Parameters
        ----------
        information : array (D + M, D + M)
        truth : array of int
            Which few.
        """
        after = np.linalg.inv(np.linalg.inv(self.covariance) + information)
        back = np.linalg.inv(_root(self.covariance))
        moved = _root(self.covariance - after) @ back @ self.apart[:, truth].mean(axis=1, keepdims=True)
        near = moved + _root(after) @ back @ self.apart
        size = self.regression.shape[1]
        near[size:] += self.regression @ near[:size]
        return self.mean[:, None] + near


def _root(covariance: Floats) -> Floats:
    """Return the symmetric root."""
    values, axes = np.linalg.eigh(covariance)
    return (axes * np.sqrt(np.maximum(values, 0.0))) @ axes.T
