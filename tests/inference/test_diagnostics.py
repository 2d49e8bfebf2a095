import pandas as pd
import pytest

from taskorder.inference.diagnostics import Diagnostics, diagnose

GOOD = {"mean": 1.0, "sd": 0.1, "ess_bulk": 900.0, "ess_tail": 800.0, "r_hat": 1.001, "unit": "arcsine"}
NONE = dict.fromkeys(["ess_bulk", "ess_tail", "r_hat"], float("nan"))


def judged(**fields: object) -> Diagnostics:
    """Judge a good parameter beside one with these fields."""
    summary = pd.DataFrame([{"parameter": "good", **GOOD}, {"parameter": "other", **GOOD, **fields}])
    return diagnose(summary, engine="nuts", seconds={}, divergences=0, rows=9, effects=3)


def test_a_sign_that_is_the_same_in_every_draw_is_passed_over() -> None:
    assert judged(unit="probability", sd=0.0, **NONE).ok


@pytest.mark.parametrize(
    "fields",
    [
        NONE,
        {"r_hat": float("nan")},
        {"ess_tail": float("nan")},
        {**NONE, "sd": 0.0},
        {**NONE, "unit": "probability"},
        {**NONE, "mean": float("nan"), "sd": float("nan")},
        {**NONE, "unit": "probability", "mean": float("nan"), "sd": 0.0},
        {"mean": float("inf")},
    ],
)
def test_what_cannot_be_judged_fails_by_name(fields: dict[str, object]) -> None:
    found = judged(**fields)
    assert not found.ok
    assert len(found.messages) == 1
    assert found.messages[0].startswith("other ")


@pytest.mark.parametrize(("column", "value"), [("r_hat", 1.02), ("ess_bulk", 399.0), ("ess_tail", 399.0)])
def test_each_gate_names_what_is_beyond_it(column: str, value: float) -> None:
    assert judged(**{column: value}).messages[0].startswith(f"{column} of other")


@pytest.mark.parametrize("name", ["recency", "slope_points", "sd:study"])
def test_the_remedy_suits_what_has_no_sd_of_its_own(name: str) -> None:
    (message,) = judged(parameter=name, r_hat=1.02).messages
    assert message.endswith("draw more (--draws), or tighten the priors of what the data say little of")
