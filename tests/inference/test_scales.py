"""Scales: there and back, slopes, and what each accepts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorder.inference.scales import SCALES, sd_on_scale

INNER = st.floats(0.001, 0.999)


@pytest.mark.parametrize("name", SCALES)
@given(score=INNER)
def test_there_and_back(name: str, score: float) -> None:
    scale = SCALES[name]
    assert float(scale.inverse(scale.forward(score))) == pytest.approx(score, abs=1e-12)


@pytest.mark.parametrize("name", SCALES)
@given(score=st.floats(0.01, 0.99))
def test_the_derivative_is_the_slope_of_the_way_back(name: str, score: float) -> None:
    scale = SCALES[name]
    z, step = float(scale.forward(score)), 1e-6
    slope = (float(scale.inverse(z + step)) - float(scale.inverse(z - step))) / (2 * step)
    assert float(scale.derivative(score)) == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize("name", ["arcsine", "logit"])
@given(pair=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_scales_keep_the_order(name: str, pair: tuple[float, float]) -> None:
    scale = SCALES[name]
    low, high = sorted(np.clip(pair, scale.lowest, scale.highest))
    assert float(scale.forward(low)) <= float(scale.forward(high))


def test_the_noise_of_accuracy_is_constant_on_the_arcsine_scale() -> None:
    """The sd of an accuracy over n items is sqrt(p (1 - p) / n); on the scale it is 1 / (2 sqrt(n))."""
    p = np.array([0.05, 0.5, 0.93])
    np.testing.assert_allclose(sd_on_scale(SCALES["arcsine"], p, np.sqrt(p * (1 - p) / 400)), 0.025)


def test_an_sd_near_the_ends_stays_finite() -> None:
    assert np.isfinite(sd_on_scale(SCALES["arcsine"], [0.0, 1.0], [0.01, 0.01])).all()
    np.testing.assert_array_equal(sd_on_scale(SCALES["identity"], [3.0], [0.2]), [0.2])
