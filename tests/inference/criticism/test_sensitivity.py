"""Power-scaling: what moves with prior and likelihood, in words, and without a word on any stream."""

import logging
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from taskorder.inference.criticism.sensitivity import power_scaled

DIMS = ("chain", "draw")


def a_fit(prior: float, likelihood: float) -> Any:
    """A standard normal posterior whose log densities have these slopes in the estimand's distance from 0."""
    draws = np.random.default_rng(1).standard_normal((4, 500))
    coords = {"chain": range(4), "draw": range(500)}
    cells = likelihood * draws[..., None] * np.ones(2) / 2
    return SimpleNamespace(
        tree=xr.DataTree.from_dict(
            {
                "estimands": xr.Dataset({"x": (DIMS, draws)}, coords),
                "log_prior": xr.Dataset({"x": (DIMS, prior * draws)}, coords),
                "log_likelihood": xr.Dataset({"mean": ((*DIMS, "cell"), cells)}, coords),
            }
        )
    )


@pytest.mark.parametrize(
    ("prior", "likelihood", "diagnosis"),
    [
        (0.001, 5.0, ""),
        (5.0, 5.0, "prior-data conflict"),
        (5.0, 0.001, "strong prior or weak likelihood"),
    ],
)
def test_what_matters_is_said_in_the_table_only(
    prior: float, likelihood: float, diagnosis: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        (row,) = power_scaled(a_fit(prior, likelihood)).to_dict("records")
    assert row["diagnosis"] == diagnosis
    assert not caplog.records
