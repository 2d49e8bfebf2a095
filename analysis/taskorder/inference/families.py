"""The likelihoods that a model file may name, as a table of what each is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from taskorder.inference.priors import Prior

Likelihood = Literal["normal", "student_t", "binomial", "beta_binomial"]


@dataclass(frozen=True)
class Family:
    """What sets one likelihood apart from another.

    Attributes
    ----------
    counts : bool
        Whether the outcome is successes out of trials, with a linear predictor on the logit scale.
    pooled : bool
        Whether rows that the linear predictor cannot tell apart may be summed up without loss.
    residual : {"sd", "precision", ""}
        What the parameter `residual` is, if there is one.
    """

    counts: bool
    pooled: bool
    residual: Literal["sd", "precision", ""]


FAMILIES: dict[str, Family] = {
    "normal": Family(counts=False, pooled=True, residual="sd"),
    "student_t": Family(counts=False, pooled=False, residual="sd"),
    "binomial": Family(counts=True, pooled=True, residual=""),
    "beta_binomial": Family(counts=True, pooled=False, residual="precision"),
}

PRECISION = Prior("LogNormal", (("mu", 5.0), ("sigma", 2.0)))
"""Default for the precision phi: probabilities vary about p with the sd sqrt(p (1 - p) / (1 + phi)), which is
half a point to 20 points of accuracy at p = 0.8 (central 95 %)."""

NU = Prior("Gamma", (("alpha", 2.0), ("beta", 0.1)))
"""Default for the degrees of freedom of a Student-t (Juarez and Steel 2010), as in brms and rstanarm."""

LEAST_NU = 1.0
"""The degrees of freedom are above this: with fewer, not even the location is well told."""
