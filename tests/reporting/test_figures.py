from collections.abc import Callable
from dataclasses import replace

import numpy as np

from taskorder.inference.fitting import Fit
from taskorder.reporting import contrasts, estimates, figures, labelling
from taskorder.results import catalogue


def test_a_drawing_is_the_same_every_time_and_keeps_its_text(make_fit: Callable[..., Fit]) -> None:
    shown = estimates.headline(make_fit())
    first, second = (figures.densities(shown, [(0.0, 0.2), (0.0, 0.0)], "points") for _ in range(2))
    assert first == second
    assert "Difficulty × similarity" in first.svg
    assert "Libertinus Serif" in first.svg
    assert "<dc:date>" not in first.svg


def test_too_many_levels_are_cut_to_the_extreme_ones(make_fit: Callable[..., Fit]) -> None:
    level = estimates.by_level(make_fit())["system"][0][0]
    many = [replace(level, level=f"s{i:03d}", mean=float(i)) for i in range(100)]
    shown = figures.ordered_levels(many)
    assert len(shown) == figures.MOST_LEVELS
    assert shown[0] == "s000"
    assert shown[-1] == "s099"


def test_contrasts_are_against_the_mean_of_the_block(make_fit: Callable[..., Fit]) -> None:
    rows = contrasts.contrasts(make_fit(), catalogue.covariates())
    assert rows is not None
    assert len(rows) == 40
    assert np.allclose(rows.groupby(contrasts.BLOCK)["points"].sum(), 0.0)


def test_no_contrasts_with_other_covariates_than_the_fit_had(make_fit: Callable[..., Fit]) -> None:
    fit = make_fit()
    units = [unit | {"sd": unit["sd"] * 2} for unit in fit.manifest["units"]]
    assert (
        contrasts.contrasts(replace(fit, manifest=fit.manifest | {"units": units}), catalogue.covariates())
        is None
    )


def test_the_line_is_the_slope_of_the_posterior(make_fit: Callable[..., Fit]) -> None:
    fit = make_fit(0.7)
    rows = contrasts.contrasts(fit, catalogue.covariates())
    assert rows is not None
    data = contrasts.against(fit, rows, "difficulty")
    assert data is not None
    rise = (data.line[-1, 0] - data.line[0, 0]) / (data.x_line[-1] - data.x_line[0])
    assert np.isclose(rise, 0.7)
    assert len(data.labels) == len(data.fitted) == 5


def test_labels_stay_in_the_frame_and_apart() -> None:
    points = np.array([[10.0, 50.0], [12.0, 51.0], [90.0, 50.0]])
    frame = np.array([0.0, 0.0, 100.0, 100.0])
    names = ["alpha", "beta", "gamma"]
    centres = labelling.place(points, points, names, 7.0, frame)
    halves = np.array([labelling.half_size(name, 7.0) for name in names])
    assert (centres - halves >= 0).all()
    assert (centres + halves <= 100).all()
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert (np.abs(centres[i] - centres[j]) >= halves[i] + halves[j]).any()


def test_there_is_no_density_where_no_draw_can_be(make_fit: Callable[..., Fit]) -> None:
    rng = np.random.default_rng(0)
    slope = estimates.headline(make_fit())[0]
    draws = np.abs(rng.normal(0.0, 0.1, 4000))
    ratio = replace(slope, draws=draws, lower=0.003, upper=0.22)
    x, height = figures.density_of(ratio)
    assert x.min() == 0.0
    assert height[0] > 0.9  # half a normal is highest at its bound
    free, _ = figures.density_of(replace(ratio, draws=draws - 0.001))
    assert free.min() < 0.0
