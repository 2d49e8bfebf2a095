"""Planted small-study effects, and what the tests refuse."""

import numpy as np
import pytest

from taskorder.errors import MissingData
from taskorder.inference.frequentist.publication_bias import pet_peese, small_studies

SE = np.linspace(0.05, 0.5, 30)
NOISE = SE * np.random.default_rng(2).normal(size=30)


def test_an_effect_that_is_all_bias_is_taken_away() -> None:
    found = pet_peese(2 * SE + 0.3 * NOISE, SE**2)
    assert found.chosen == "PET"
    row = found.regression.iloc[0]
    assert row["lower"] < 0 < row["upper"]
    assert found.pet["estimate"][1] == pytest.approx(2, abs=0.3)


def test_an_effect_that_is_there_is_left() -> None:
    found = pet_peese(1 + NOISE, SE**2)
    assert found.chosen == "PEESE"
    assert found.regression["estimate"][0] == pytest.approx(1, abs=0.1)
    assert found.regression["term"].tolist() == ["1", "variance"]


def test_the_predictor_is_what_was_asked_for() -> None:
    sizes = 1 / SE**2
    by_size = small_studies(1 + NOISE, SE**2, predictor="1/n", sizes=sizes)
    by_variance = small_studies(1 + NOISE, SE**2, predictor="variance")
    np.testing.assert_allclose(by_size["estimate"], by_variance["estimate"])
    assert by_size["term"].tolist() == ["1", "1/n"]


def test_what_is_missing_is_said() -> None:
    with pytest.raises(ValueError, match="needs the studies' sizes"):
        small_studies(1 + NOISE, SE**2, predictor="1/n")
    with pytest.raises(MissingData, match="1, se are collinear"):
        small_studies(1 + NOISE, np.full(30, 0.1))
    with pytest.raises(MissingData, match="2 rows cannot estimate 2 terms"):
        small_studies([1.0, 2.0], [0.1, 0.2])
