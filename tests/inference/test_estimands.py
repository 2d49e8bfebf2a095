"""Estimands as functions of draws that are written out by hand."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from taskorder.errors import InvalidModel
from taskorder.inference.estimands import estimands
from taskorder.inference.fitting import select_rows
from taskorder.inference.layout.design import build_design
from taskorder.inference.ordering import best_over_mean, sd_over_orders
from taskorder.inference.spec import ModelSpec
from taskorder.results.catalogue import Covariates

Make = Callable[..., Any]

GROUPS = {
    "order": {"columns": ["study", "sequence"]},
    "run": {},
    "system": {"by": ["1", "difficulty", "stage"]},
    "family": {"by": ["1", "stage"]},
}
ORDERS = {
    "orders": {"function": "order_sd", "steps": 3, "group": "order"},
    "to_seeds": {"function": "order_ratio", "steps": 3, "group": "order", "to": "sd:run"},
    "best": {"function": "best_order", "steps": 3, "group": "order"},
    "by_recency": {"function": "order_sd", "steps": 2},
}
DRAWS = ("chain", "draw")
RECENCY = np.array([[0.0, 0.5, 1.0], [2.0, -0.5, 0.7]])


def posterior(**parameters: Any) -> xr.Dataset:
    """Draws of all that the model has: two chains of three."""
    values: dict[str, Any] = {
        "recency": RECENCY,
        "stage": 0.01,
        "difficulty": 0.03,
        "similarity": -0.02,
        "sd:stage": 0.04,
        "sd:stage:target": 0.03,
        "sd:order": 0.02,
        "sd:run": 0.01,
        "sd:system": 0.5,
        "sd:system:difficulty": 0.012,
        "sd:system:stage": 0.6,
        **parameters,
    }
    found = {
        name: (DRAWS, np.broadcast_to(value, (2, 3))) for name, value in values.items() if value is not None
    }
    family = np.array([0.02, -0.03, 0.0]) * np.ones((2, 3, 1))
    return xr.Dataset(found | {"stage|family": ((*DRAWS, "family_level"), family)})


def model(make: Make, entries: dict[str, Any], **content: Any) -> ModelSpec:
    sequence = {
        "moderators": ["difficulty", "similarity"],
        "recency": True,
        "difficulty": ["made"],
        "similarity": ["made"],
    }
    return make(**{"groups": GROUPS, "sequence": sequence, "estimands": entries} | content)


@pytest.fixture
def evaluated(known: Covariates, full_table: pd.DataFrame, sequence_model: Make) -> Callable[..., xr.Dataset]:
    """Evaluate estimands at a reference score of 0.5, where one unit of the scale is 100 points."""
    plain = sequence_model()
    design = build_design(select_rows(full_table, plain, known), plain, known)

    def of(entries: dict[str, Any], draws: xr.Dataset | None = None, **content: Any) -> xr.Dataset:
        spec = model(sequence_model, entries, **content)
        return estimands(posterior() if draws is None else draws, replace(design, reference=0.5), spec)

    return of


def test_a_curriculum_gains_what_recency_leaves_of_a_slope(evaluated: Callable[..., xr.Dataset]) -> None:
    found = evaluated(
        {
            "curriculum": {"function": "curriculum", "of": "difficulty"},
            "nearing": {"function": "curriculum", "of": "similarity"},
            "decay": {"function": "recency"},
        }
    )
    np.testing.assert_allclose(found["decay"], RECENCY)
    assert found["decay"].attrs["unit"] == "per stage"
    np.testing.assert_allclose(found["curriculum"], 100 * 0.03 * (1 - np.exp(-RECENCY)), atol=1e-12)
    np.testing.assert_allclose(found["nearing"], 100 * -0.02 * (1 - np.exp(-RECENCY)), atol=1e-12)
    assert found["curriculum"].attrs["unit"] == "points per sd at 50"


def test_orders_vary_by_all_that_tells_tasks_apart(evaluated: Callable[..., xr.Dataset]) -> None:
    found = evaluated(ORDERS)
    spread = np.full_like(RECENCY, np.sqrt(0.03**2 + 0.02**2 + 0.04**2 + 0.03**2 + 0.012**2))
    sd = sd_over_orders(RECENCY, spread, np.full_like(RECENCY, 0.02), 3)
    np.testing.assert_allclose(found["orders"], 100 * sd)
    np.testing.assert_allclose(found["to_seeds"], sd / 0.01)
    np.testing.assert_allclose(
        found["best"], 100 * best_over_mean(RECENCY, spread, np.full_like(spread, 0.02), 3)
    )
    np.testing.assert_allclose(found["by_recency"], 100 * sd_over_orders(RECENCY, spread, 0 * spread, 2))
    assert found["orders"].attrs["unit"] == found["best"].attrs["unit"] == "points at 50"
    assert found["to_seeds"].attrs["unit"] == "ratio"


def test_sds_of_sums(evaluated: Callable[..., xr.Dataset]) -> None:
    found = evaluated(
        {
            "both": {"function": "ratio", "of": "sd:order", "to": "sd:run + residual"},
            "difference": {"function": "ratio", "of": "sd:order", "to": "residual+residual"},
            "orders": {"function": "order_ratio", "steps": 2, "group": "order", "to": "sd:run + sd:order"},
        },
        posterior(recency=None, residual=0.03),
    )
    np.testing.assert_allclose(found["both"], 0.02 / np.hypot(0.01, 0.03))
    np.testing.assert_allclose(found["difference"], 0.02 / (0.03 * np.sqrt(2.0)))
    np.testing.assert_allclose(found["orders"], 0.02 / np.hypot(0.01, 0.02))


def test_without_recency_only_the_orders_own_effects_count(evaluated: Callable[..., xr.Dataset]) -> None:
    found = evaluated(ORDERS, posterior(recency=None))
    np.testing.assert_allclose(found["orders"], 2.0)
    np.testing.assert_allclose(found["to_seeds"], 2.0)
    assert "by_recency" not in found


def test_what_was_left_out_of_the_model_counts_for_nothing(evaluated: Callable[..., xr.Dataset]) -> None:
    found = evaluated(ORDERS, posterior(**{"sd:order": None, "sd:run": None, "sd:system:difficulty": None}))
    spread = np.full_like(RECENCY, np.sqrt(0.03**2 + 0.02**2 + 0.04**2 + 0.03**2))
    np.testing.assert_allclose(found["orders"], 100 * sd_over_orders(RECENCY, spread, 0 * spread, 3))
    assert "to_seeds" not in found
    nothing = evaluated(ORDERS, posterior(**{"sd:order": None, "recency": None}))
    assert not nothing.data_vars


def test_the_worst_level_is_that_of_each_draw(evaluated: Callable[..., xr.Dataset]) -> None:
    entries = {
        "worst": {"function": "worst_level_points", "of": "stage", "group": "family"},
        "levels": {"function": "level_points", "of": "stage", "group": "family"},
    }
    found = evaluated(entries)
    np.testing.assert_allclose(found["worst"], -2.0)
    np.testing.assert_allclose(found["worst"], found["levels"].min("family_level"))
    draws = posterior()
    draws["stage|family"][0, 0, 2] = -0.06
    np.testing.assert_allclose(evaluated(entries, draws)["worst"], [[-5.0, -2.0, -2.0], [-2.0, -2.0, -2.0]])


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"function": "points"}, "'points' needs `of`"),
        ({"function": "points", "of": "stage", "steps": 3}, "has no use for `steps`; it takes of"),
        ({"function": "best_order", "group": "order"}, "'best_order' needs `steps`"),
        ({"function": "best_order", "steps": 1, "group": "order"}, "greater than or equal to 2"),
        ({"function": "best_order", "steps": 6, "group": "order"}, "less than or equal to 5"),
        ({"function": "order_sd", "steps": 3, "group": "ordre"}, "Did you mean 'order'"),
        ({"function": "order_ratio", "steps": 3}, "'order_ratio' needs `to`"),
        ({"function": "order_ratio", "steps": 3, "to": "sd:runs"}, "no parameter 'sd:runs'"),
        ({"function": "ratio", "of": "sd:order", "to": "sd:run + sd:runs"}, "no parameter 'sd:runs'"),
        ({"function": "ratio", "of": "sd:order", "to": "sd:run +"}, "no parameter ''"),
        ({"function": "curriculum", "of": "stage"}, "a curriculum is one of difficulty or similarity"),
        (
            {"function": "worst_level_points", "of": "stage", "group": "run"},
            "no group of that name lists 'stage'",
        ),
    ],
)
def test_what_an_estimand_lacks_is_said(sequence_model: Make, entry: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidModel) as caught:
        model(sequence_model, {"one": entry})
    assert said in str(caught.value)
    assert "estimands.one" in str(caught.value)


def test_no_order_matters_without_recency_and_without_a_group(sequence_model: Make) -> None:
    still = {"moderators": ["difficulty"], "recency": False, "difficulty": ["made"]}
    for entry, said in (
        ({"function": "order_sd", "steps": 2}, "nothing in this model depends on the order"),
        ({"function": "curriculum", "of": "difficulty"}, "recency = true"),
        ({"function": "recency"}, "recency = true"),
    ):
        with pytest.raises(InvalidModel, match=said):
            model(sequence_model, {"one": entry}, sequence=still)
    model(sequence_model, {"one": {"function": "order_sd", "steps": 2, "group": "order"}}, sequence=still)
