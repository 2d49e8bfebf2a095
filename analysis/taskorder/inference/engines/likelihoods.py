"""The log densities of cells whose noise is not Gaussian, in PyTensor, constants included.

`student_t`, with m = 1 + df replicates behind a cell and s2 = v + sigma^2 the variance of one: they share one
weight w ~ Gamma(nu / 2, nu / 2), given which they are Normal(eta, s2 / w). With w integrated out,

    p(mean, ss) ~ s2^(-m/2) [1 + (n (mean - eta)^2 + ss) / (nu s2)]^(-(nu + m) / 2)

For a single score that is Student-t about eta with scale sqrt(s2), and for a mean of n without its sd the
same with scale sqrt(s2 / n): a row is an outlier as a whole.

`binomial`: k of n successes, each with the probability p = 1 / (1 + exp(-eta)). `beta_binomial`: with one
that is drawn for each cell from Beta(p phi, (1 - p) phi), so that successes in a cell are correlated by
1 / (1 + phi).
"""

# PyTensor's annotations give tensors as optional or as lists of tensors: arithmetic on them is not checked.
# pyright: reportOperatorIssue=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor.tensor as pt
from numpy.typing import NDArray
from scipy.special import gammaln

from taskorder.inference.layout.observations import Cells

Floats = NDArray[np.float64]


def student_t(cells: Cells, eta: Any, sigma: Any, nu: Any) -> Any:
    """Return the log densities (C,), given the sds (C,) and the degrees of freedom."""
    m = 1.0 + cells.df
    s2 = cells.v + sigma**2
    distance = (cells.n * (cells.mean - eta) ** 2 + cells.ss) / (nu * s2)
    constant = pt.gammaln((nu + m) / 2.0) - pt.gammaln(nu / 2.0) + 0.5 * np.log(cells.n)
    return constant - 0.5 * m * pt.log(np.pi * nu * s2) - 0.5 * (nu + m) * pt.log1p(distance)


def binomial(cells: Cells, eta: Any) -> Any:
    """Return the log probabilities (C,)."""
    k, n = _successes_and_trials(cells)
    return _log_choose(n, k) + k * eta - n * pt.softplus(eta)


def beta_binomial(cells: Cells, eta: Any, phi: Any) -> Any:
    """Return the log probabilities (C,), given the precisions (C,)."""
    k, n = _successes_and_trials(cells)
    right, wrong = phi * pt.sigmoid(eta), phi * pt.sigmoid(-eta)
    return (
        _log_choose(n, k)
        + pt.gammaln(k + right)
        + pt.gammaln(n - k + wrong)
        - pt.gammaln(n + phi)
        - pt.gammaln(right)
        - pt.gammaln(wrong)
        + pt.gammaln(phi)
    )


def log_likelihood(likelihood: str, cells: Cells, eta: Any, residual: Any, nu: Any) -> Any:
    """Return the log likelihood of the cells (C,).

    Parameters
    ----------
    likelihood : {"student_t", "binomial", "beta_binomial"}
        As the model file names it.
    cells : Cells
        With their counts, where the likelihood is one of counts.
    eta : tensor (C,)
        The linear predictor.
    residual : tensor (C,)
        The parameter `residual` of each cell: an sd, or a precision.
    nu : tensor ()
        The degrees of freedom of a Student-t.
    """
    densities: dict[str, Callable[[], Any]] = {
        "student_t": lambda: student_t(cells, eta, residual, nu),
        "binomial": lambda: binomial(cells, eta),
        "beta_binomial": lambda: beta_binomial(cells, eta, residual),
    }
    return densities[likelihood]()


def _successes_and_trials(cells: Cells) -> tuple[Floats, Floats]:
    assert cells.counts is not None
    return cells.counts.successes, cells.counts.trials


def _log_choose(n: Floats, k: Floats) -> Floats:
    return gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
