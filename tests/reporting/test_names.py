"""Words for what a model file names."""

import pytest

from taskorder.inference.spec import EstimandSpec, parse_model
from taskorder.reporting.names import estimand, heterogeneity, quantity, term


def test_levels_of_a_column_of_text() -> None:
    assert term("tuning[lora]") == "tuning: lora"
    assert term("train_language[sw]") == "train language: sw"


def test_contrasts_name_a_column_once() -> None:
    contrasts = [
        EstimandSpec(function="contrast", of="tuning[lora]", to=to)
        for to in ("tuning[prompt]", "regime[joint]", "steps")
    ]
    assert [estimand(contrast) for contrast in contrasts] == [
        "Tuning: lora against prompt",
        "Tuning: lora against regime: joint",
        "Tuning: lora against steps",
    ]


@pytest.mark.parametrize(
    ("of", "to", "label", "words"),
    [
        (
            "sd:run",
            "residual",
            "Runs: sd over typical residual sd",
            "the sd over runs, as a multiple of the typical residual sd,",
        ),
        (
            "sd:order:perturbed",
            "residual + residual",
            "Perturbed, between orders: sd over √2 × typical residual sd",
            "the sd of the slope of perturbed over orders, as a multiple of √2 × the typical residual sd,",
        ),
        (
            "sd:order",
            "sd:run + residual + residual",
            "Orders: sd over the sd of runs and residuals (2 times) together",
            "the sd over orders, as a multiple of the sd of runs and residuals (2 times) together,",
        ),
        (
            "sd:order",
            "sd:run + sd:run + sd:run",
            "Orders: sd over √3 × that of runs",
            "the sd over orders, as a multiple of √3 × the sd over runs,",
        ),
    ],
)
def test_variances_add_up_in_ratios(of: str, to: str, label: str, words: str) -> None:
    """Two equal sds make √2 of one, since `ratio` adds their variances."""
    entry = EstimandSpec(function="ratio", of=of, to=to)
    assert (estimand(entry), quantity(entry)) == (label, words)


def test_sds_that_their_priors_hold_are_marked() -> None:
    narrow, wide = ({"dist": "LogNormal", "mu": -0.7, "sigma": sigma} for sigma in (0.1, 0.5))
    groups = {"length": {}, "run": {}, "study": {}}
    priors = {"sd:length": narrow, "sd:run": wide}
    words = heterogeneity(parse_model({"name": "m", "groups": groups, "priors": priors}))
    assert [words[f"sd:{group}"][1] for group in groups] == ["lengths (held by its prior)", "runs", "studies"]
