from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from taskorder.inference.criticism.leaving_out import COLUMNS
from taskorder.inference.fitting import Fit
from taskorder.reporting import left_out
from taskorder.reporting.answer import Answer
from taskorder.reporting.catalogue_summary import CatalogueSummary
from taskorder.reporting.content import Mark
from taskorder.reporting.document import context, typeset
from taskorder.reporting.left_out import LeftOut

Make = Callable[..., Fit]


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


def test_why_nothing_is_left_out_is_told(make_fit: Make) -> None:
    assert left_out.text(LeftOut(why="no proposal"), make_fit()) == [
        "What the estimates would be without each study is not told: no proposal."
    ]


def test_it_is_set_in_the_report(answer: Answer, small_catalogue: CatalogueSummary) -> None:
    content = context([replace(answer, left_out=LeftOut(table()))], small_catalogue)
    assert len(content["answers"][0]["rests_on"]["left_out_table"]["rows"]) == 5
    typeset(content)
