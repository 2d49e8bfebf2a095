"""Where the search for the mode starts from, beside closed forms."""

import numpy as np
import pandas as pd
import pytest

from taskorder.inference.engines.density import density
from taskorder.inference.engines.mode import mode, settled
from taskorder.inference.layout.design import build_design
from taskorder.inference.spec import parse_model
from taskorder.results.catalogue import Covariates

LABS, EACH = 12, 10


def balanced() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    lab = np.repeat(np.arange(LABS), EACH)
    y = 2.0 + rng.normal(0, 0.5, LABS)[lab] + rng.normal(0, 0.3, len(lab))
    return pd.DataFrame({"y": y, "lab": [f"l{i}" for i in lab], "half": np.where(lab < LABS / 2, "a", "b")})


def test_sds_settle_where_restricted_maximum_likelihood_has_them(known: Covariates) -> None:
    """Balanced, with a flat intercept: residual variance MSW, variance of labs (MSB - MSW) / n."""
    table = balanced()
    spec = parse_model(
        {
            "name": "labs",
            "data": {"schema": "any"},
            "outcome": {"column": "y", "scale": "identity"},
            "fixed": {"terms": ["1"]},
            "groups": {"lab": {}},
            "priors": {"1": {"dist": "Flat"}},
        }
    )
    design = build_design(table, spec, known)
    begun = settled(density(design, spec), design)
    theta = begun.density.coordinates.unpack(begun.u[:, None])
    within = table.groupby("lab")["y"].var().mean()
    between = EACH * table.groupby("lab")["y"].mean().var()
    assert theta.residual[0, 0] == pytest.approx(np.sqrt(within), rel=0.02)
    assert theta.sd[0, 0] == pytest.approx(np.sqrt((between - within) / EACH), rel=0.05)


def test_the_mode_is_where_the_density_is_level_and_highest(known: Covariates) -> None:
    spec = parse_model(
        {
            "name": "labs",
            "data": {"schema": "any"},
            "outcome": {"column": "y", "scale": "identity"},
            "fixed": {"terms": ["1"]},
            "groups": {"lab": {}},
            "residual": {"by": "half"},
        }
    )
    design = build_design(balanced(), spec, known)
    found = mode(density(design, spec), design)
    value, slope = found.density.value_and_slope(found.u)
    assert slope @ found.covariance @ slope < 0.02
    rng = np.random.default_rng(0)
    near = found.u[:, None] + np.linalg.cholesky(found.covariance) @ rng.standard_normal((len(found.u), 200))
    assert found.density.log_density(near).max() < value + 0.01


def test_sds_that_are_as_good_as_known_are_found_though_the_data_say_otherwise(known: Covariates) -> None:
    """Labs do not differ at all; the prior says that their sd is one."""
    table = balanced()
    table["y"] -= table.groupby("lab")["y"].transform("mean")
    spec = parse_model(
        {
            "name": "labs",
            "data": {"schema": "any"},
            "outcome": {"column": "y", "scale": "identity"},
            "fixed": {"terms": ["1"]},
            "groups": {"lab": {}},
            "priors": {"sd:lab": {"dist": "LogNormal", "mu": 0, "sigma": 0.02}},
        }
    )
    design = build_design(table, spec, known)
    begun = settled(density(design, spec), design)
    found = mode(density(design, spec), design)
    of_lab = found.density.coordinates.first_sd
    assert begun.u[of_lab] == pytest.approx(0.0, abs=0.1)
    assert found.u[of_lab] == pytest.approx(0.0, abs=0.05)
    _, slope = found.density.value_and_slope(found.u)
    assert slope @ found.covariance @ slope < 0.02
