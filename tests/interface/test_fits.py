"""`taskorder.fit` and what it returns: the same as the command line, in the types of the ecosystem."""

from pathlib import Path

import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure
from pandas.testing import assert_frame_equal

import taskorder
from taskorder.errors import InvalidModel, InvalidTable, MissingData, TaskorderError
from taskorder.inference.fitting import fit as fit_table
from taskorder.inference.spec import parse_model

from .conftest import DRAWS, MODEL

PNG = b"\x89PNG"


def test_it_is_the_fit_of_the_floors_below(fit: taskorder.Fit, spot: Path) -> None:
    below = fit_table(parse_model(MODEL), taskorder.read(spot).frame, taskorder.covariates(), draws=DRAWS)
    assert fit.diagnostics.ok
    assert_frame_equal(fit.summary, below.summary, check_exact=False, rtol=1e-4)


def test_its_parts_are_those_of_pandas_and_arviz(fit: taskorder.Fit) -> None:
    assert isinstance(fit.posterior, xr.DataTree)
    assert {"posterior", "log_likelihood", "posterior_predictive"} <= set(fit.posterior.children)
    assert fit.estimands["parameter"].tolist() == list(MODEL["estimands"])


def test_a_table_in_memory_gives_the_fit_of_its_file(fit: taskorder.Fit, spot: Path) -> None:
    table = taskorder.read(spot)
    for given in (table, table.frame, pd.read_csv(spot), [spot], str(spot)):
        again = taskorder.fit(MODEL, given, draws=DRAWS)
        assert_frame_equal(again.summary, fit.summary)


def test_a_table_in_memory_is_validated(spot: Path) -> None:
    wrong = pd.read_csv(spot).assign(score=74.7)
    with pytest.raises(InvalidTable, match=r"^the table:1:score: .* percent"):
        taskorder.fit(MODEL, wrong)


def test_what_was_saved_is_loaded(fit: taskorder.Fit, tmp_path: Path) -> None:
    fit.save(tmp_path)
    again = taskorder.load(tmp_path)
    assert_frame_equal(again.summary, fit.summary, check_exact=False, rtol=1e-4)
    with pytest.raises(FileExistsError):
        fit.save(tmp_path)
    with pytest.raises(MissingData, match="fit again"):
        again.leave_out("target")


def test_a_model_that_ships_is_found_by_its_name() -> None:
    assert taskorder.read_model("order").name == "order"
    assert "order" in set(taskorder.models()["name"])
    with pytest.raises(InvalidModel, match=r"Did you mean 'order'\?"):
        taskorder.read_model("ordre")


@pytest.mark.parametrize(
    "draw",
    [
        lambda fit: fit.plot_estimates(),
        lambda fit: fit.plot_estimates("difficulty_points"),
        lambda fit: fit.plot_moderator("difficulty"),
        lambda fit: fit.plot_mixing(),
    ],
    ids=["estimates", "one", "moderator", "mixing"],
)
def test_plots_are_figures_that_a_notebook_shows_the_same_each_time(fit: taskorder.Fit, draw) -> None:
    figure = draw(fit)
    assert isinstance(figure, Figure)
    picture, size = figure._repr_png_()
    assert picture.startswith(PNG)
    assert size["width"] > size["height"]
    assert draw(fit)._repr_png_()[0] == picture


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        (lambda fit: fit.plot_estimates("difficulty"), "Did you mean 'difficulty_points'"),
        (lambda fit: fit.plot_levels("system"), "level_points"),
        (lambda fit: fit.plot_moderator("size"), "no slope of 'size'"),
        (lambda fit: fit.plot_orders(), "no two orders"),
    ],
    ids=["estimates", "levels", "moderator", "orders"],
)
def test_what_cannot_be_drawn_is_explained(fit: taskorder.Fit, draw, says: str) -> None:
    with pytest.raises(MissingData, match=says):
        draw(fit)


def test_it_is_criticised_by_its_own_methods(fit: taskorder.Fit) -> None:
    without = fit.leave_out("target")
    assert {"", "boolq", "rte"} <= set(without["left_out"])
    whole = without.query("left_out == ''").set_index("estimand")["mean"]
    mean = fit.estimands.set_index("parameter")["mean"]
    assert abs(whole["difficulty_points"] - mean["difficulty_points"]) < 0.5
    assert fit.sensitivity()["estimand"].tolist() == list(MODEL["estimands"])
    assert {"difficulty", "similarity"} <= set(fit.companions()["term"])


def test_claims_are_judged_by_the_model_that_they_are_about(fit: taskorder.Fit) -> None:
    assert fit.judge().empty
    assert {"id", "statement", "model"} <= set(taskorder.registry())


def test_a_notebook_shows_estimands_first_and_explains_errors_in_a_paragraph(fit: taskorder.Fit) -> None:
    shown = fit._repr_html_()
    assert "passed its diagnostics" in shown
    assert shown.index("difficulty_points") < shown.index("<details>") < shown.index("residual")
    assert "color" not in shown
    assert TaskorderError("what, and what to do")._render_traceback_() == [
        "TaskorderError: what, and what to do"
    ]
