from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from taskorder.errors import FitFailed
from taskorder.inference.criticism.leaving_out import COLUMNS
from taskorder.inference.fitting import Fit
from taskorder.reporting import Answer, CatalogueSummary, left_out
from taskorder.reporting.content import Mark
from taskorder.reporting.document import context, typeset
from taskorder.reporting.left_out import LeftOut
from taskorder.results import catalogue

Make = Callable[..., Fit]
ROWS = pd.DataFrame({"study": ["a", "b", "c"]})


def table() -> pd.DataFrame:
    """Without `b` the slope changes its sign; without `c` nothing can be told."""
    rows = [
        {"left_out": "", "rows": 40, "mean": 0.7, "pareto_k": np.nan},
        {"left_out": "a", "rows": 3, "mean": 0.6, "pareto_k": 0.2},
        {"left_out": "b", "rows": 5, "mean": -0.1, "pareto_k": 0.4},
        {"left_out": "c", "rows": 32, "mean": 9.0, "pareto_k": 2.0, "problem": "Pareto k-hat is 2.00"},
    ]
    frame = (
        pd.DataFrame(rows)
        .fillna({"problem": ""})
        .assign(estimand="difficulty_points", sd=0.2, ess=100.0, elpd=np.nan)
    )
    return frame.assign(lower=frame["mean"] - 0.4, upper=frame["mean"] + 0.4)[COLUMNS]


def test_what_cannot_be_relied_on_is_not_printed(make_fit: Make) -> None:
    rows = left_out.table(LeftOut(table()), make_fit()).rows
    assert rows[0] == ("Difficulty",)
    assert [row[0] for row in rows[1:]] == ["nothing", "a", "b", "c"]
    assert rows[3][2:4] == ("−0.10", "−0.50 to 0.30")
    assert rows[4][2:4] == ("–", "–")
    assert rows[4][-1] == Mark("fail", "2.00")


def test_the_text_names_the_range_the_change_of_sign_and_what_is_not_told(make_fit: Make) -> None:
    moves, far = left_out.text(LeftOut(table()), make_fit())
    assert moves == (
        "The mean of difficulty is from −0.10 to 0.60 points as one study is left out;"
        " its sign changes without b."
    )
    assert "without c (32 of 40 rows; Pareto k-hat 2.00)" in far


def test_a_study_without_which_nothing_is_proper_is_told_apart(make_fit: Make) -> None:
    without = table().replace({"problem": {"Pareto k-hat is 2.00": "no row tells 'x'"}})
    without.loc[without["left_out"] == "c", ["mean", "lower", "upper", "ess", "pareto_k"]] = np.nan
    assert left_out.text(LeftOut(without), make_fit())[1:] == ["Without c: no row tells 'x'."]
    assert left_out.table(LeftOut(without), make_fit()).rows[4][-1] == Mark("fail", "–")


def test_what_is_kept_is_read_back_and_not_computed_again(
    make_fit: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def computed(*_: object) -> pd.DataFrame:
        calls.append(1)
        return table().assign(mean=1 / 3)

    monkeypatch.setattr(left_out, "computed", computed)
    path = tmp_path / "without.csv"
    found = [left_out.without_studies(make_fit(), ROWS, catalogue.covariates(), path) for _ in range(2)]
    assert len(calls) == 1
    pd.testing.assert_frame_equal(found[0].table, found[1].table)
    path.write_text("left_out\n")
    left_out.without_studies(make_fit(), ROWS, catalogue.covariates(), path)
    assert len(calls) == 2


def test_why_nothing_is_left_out(make_fit: Make, plain_fit: Fit) -> None:
    assert left_out.obstacle(make_fit(), ROWS) is None
    assert left_out.obstacle(make_fit(), ROWS[:1]) == "all rows are of one study"
    assert left_out.obstacle(plain_fit, ROWS) == ""
    mixed = make_fit()
    mixed.tree["constant_data"] = xr.DataTree(mixed.tree["constant_data"].to_dataset().drop_vars("study"))
    assert left_out.obstacle(mixed, ROWS) == "the model does not tell rows of different studies apart"
    assert left_out.obstacle(make_fit(), ROWS.rename(columns={"study": "paper"})) == ""
    student = make_fit(outcome={"reference": 0.6, "likelihood": "student_t"})
    assert left_out.obstacle(student, ROWS)


def test_a_failure_is_told_and_nothing_is_kept(
    make_fit: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def computed(*_: object) -> pd.DataFrame:
        raise FitFailed("no proposal")

    monkeypatch.setattr(left_out, "computed", computed)
    found = left_out.without_studies(make_fit(), ROWS, catalogue.covariates(), tmp_path / "without.csv")
    assert left_out.text(found, make_fit()) == [
        "What the estimates would be without each study is not told: no proposal."
    ]
    assert not list(tmp_path.iterdir())


def test_it_is_set_in_the_report(answer: Answer, small_catalogue: CatalogueSummary) -> None:
    content = context([replace(answer, left_out=LeftOut(table()))], small_catalogue)
    assert len(content["answers"][0]["rests_on"]["left_out_table"]["rows"]) == 5
    typeset(content)
