"""How much an estimand would move if the prior, or the data, counted for a little more or less.

Reference: Kallioinen et al. (2024), Statistics and Computing 34.
"""

from __future__ import annotations

import pandas as pd
import xarray as xr
from arviz_base import dataset_to_dataframe
from arviz_stats.psense import psense

from taskorder.inference.fitting import Fit

THRESHOLD = 0.05
"""Sensitivities below this are small: the distance between the posteriors, per doubling of the power."""

_SCALED = ("prior", "likelihood")


def power_scaled(fit: Fit) -> pd.DataFrame:
    """Return the sensitivity of every estimand to power-scaling of the prior and of the likelihood.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    DataFrame
        `estimand, prior, likelihood, diagnosis`; a diagnosis in words where the prior matters (a conflict of
        prior and data, or a prior that outweighs them), else empty. Empty for a model without estimands.
    """
    values = fit.tree["estimands"].to_dataset()
    if not values.data_vars:
        return pd.DataFrame(columns=["estimand", "prior", "likelihood", "diagnosis"])
    density = fit.tree["log_likelihood"].to_dataset()
    kept = {"chain": density["chain"], "draw": density["draw"]}
    tree = xr.DataTree.from_dict(
        {
            "posterior": values.sel(kept),
            "log_likelihood": density,
            "log_prior": fit.tree["log_prior"].to_dataset().sel(kept),
        }
    )
    both = xr.concat([psense(tree, group=group) for group in _SCALED], dim="component")
    frame = dataset_to_dataframe(both.assign_coords(component=list(_SCALED)), sample_dims=["component"]).T
    found = frame.round(3).rename_axis("estimand").reset_index()
    found["diagnosis"] = [_diagnosis(*pair) for pair in zip(found["prior"], found["likelihood"], strict=True)]
    return found[["estimand", "prior", "likelihood", "diagnosis"]]


def _diagnosis(prior: float, likelihood: float) -> str:
    """Say what the two mean together (Kallioinen et al. 2024, section 3.3)."""
    if prior < THRESHOLD:
        return ""
    return "prior-data conflict" if likelihood >= THRESHOLD else "strong prior or weak likelihood"
