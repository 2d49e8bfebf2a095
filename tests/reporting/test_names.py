"""Words for what a model file names."""

from taskorder.inference.spec import EstimandSpec
from taskorder.reporting.names import estimand, term


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
