"""Treatments against each other: what the whole network says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from taskorder.inference.fitting import Fit
from taskorder.inference.layout.terms import level_name

Floats = NDArray[np.float64]


def contrast(fit: Fit, column: str, of: str, against: str) -> Floats:
    """Return the draws of one treatment against another, in points or the outcome's own unit (S,).

    Parameters
    ----------
    fit : Fit
        Of a model with `column` among its fixed terms.
    column : str
        Holds the treatments.
    of, against : str
        Two of them; one may be the reference.
    """
    difference = _effect(fit, column, of) - _effect(fit, column, against)
    return difference * float(fit.manifest["points_per_unit"])


def _effect(fit: Fit, column: str, treatment: str) -> Floats:
    """Return the draws of a treatment's term; the reference has none, and is zero."""
    posterior, name = fit.tree["posterior"].to_dataset(), level_name(column, treatment)
    if name not in posterior:
        return np.zeros(posterior.sizes["chain"] * posterior.sizes["draw"])
    return np.asarray(posterior[name].to_numpy(), dtype=np.float64).reshape(-1)
