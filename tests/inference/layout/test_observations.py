"""Counts are read from tables whole or refused with the reason; rows are pooled where nothing is lost."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from taskorder.errors import MissingData
from taskorder.inference.layout.design import build_design
from taskorder.inference.layout.observations import Counts, observe
from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.results.catalogue import covariates

Make = Callable[..., pd.DataFrame]


def model(likelihood: str, layout: str = "results") -> ModelSpec:
    generic = {"column": "k", "trials": "n"} if layout == "any" else {}
    return parse_model(
        {
            "name": "counts",
            "data": {"schema": layout},
            "outcome": {"likelihood": likelihood, "scale": "logit", **generic},
            "groups": {"backbone": {}},
        }
    )


def scores(results: Make, **columns: Any) -> pd.DataFrame:
    standard = {
        "score": [0.8125, 0.5, 1.0, 0.0],
        "n_test": pd.array([400, 30, 20, 10], dtype="Int64"),
        "backbone": list("bbcc"),
    }
    return results(**standard | columns)


def counts(table: pd.DataFrame, spec: ModelSpec) -> Counts:
    found = observe(table, spec).counts
    assert found is not None
    return found


def test_right_answers_of_a_result_table(results: Make) -> None:
    found = counts(scores(results), model("binomial"))
    assert found.successes.tolist() == [325, 15, 20, 0]
    assert found.trials.tolist() == [400, 30, 20, 10]
    y, v = found.logit()
    assert np.isfinite(y).all()
    assert v[1] == pytest.approx(2 / 15.5)


def test_a_mean_over_seeds_has_the_answers_of_all_of_them(results: Make) -> None:
    seeds = pd.array([5, pd.NA, 1, 1], dtype="Int64")
    table = scores(results, n_seeds=seeds, score=[0.8123, 0.5, 1.0, 0.0])
    found = counts(table, model("binomial"))
    assert found.trials.tolist() == [2000, 30, 20, 10]
    assert found.successes[0] == 1625
    with pytest.raises(MissingData, match=r"1 rows are means over seeds \(first in row 1 "):
        observe(table, model("beta_binomial"))


def test_alike_rows_are_pooled_only_where_nothing_is_lost(results: Make) -> None:
    table = scores(results)
    pooled = build_design(table, model("binomial"), covariates()).cells
    assert pooled.counts is not None
    assert (pooled.counts.successes.tolist(), pooled.counts.trials.tolist()) == ([340, 20], [430, 30])
    assert len(build_design(table, model("beta_binomial"), covariates()).cells.mean) == 4
    heavy = parse_model({"name": "m", "outcome": {"likelihood": "student_t"}, "groups": {"backbone": {}}})
    assert len(build_design(table, heavy, covariates()).cells.mean) == 4


def test_the_reference_score_of_counts() -> None:
    table = pd.DataFrame({"k": [1, 2], "n": [10, 20], "backbone": ["b", "c"]})
    assert build_design(table, model("binomial", "any"), covariates()).reference == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("metric", ["f1", "accuracy", "mcc", "accuracy"], "not for f1, mcc, which are no counts"),
        ("n_test", pd.array([400, pd.NA, 20, 10], dtype="Int64"), "1 rows have no number in 'n_test'"),
        ("n_test", [400.5, 30, 20, 10], "1 values of 'n_test' are no counts, such as 400.5"),
        ("n_test", [0, 30, 20, 10], "no item in n_test"),
        ("score", [81.25, 0.5, 1, 0], r"outside \[0, 1\], such as 81.25 of 400"),
    ],
)
def test_what_are_no_right_answers(column: str, values: Any, said: str, results: Make) -> None:
    with pytest.raises(MissingData, match=said):
        observe(scores(results).assign(**{column: values}), model("binomial"))


def test_a_result_table_without_test_sizes(results: Make) -> None:
    table = scores(results).drop(columns="n_test")
    with pytest.raises(
        MissingData, match="needs to know how many items were scored: the table has no column"
    ):
        observe(table, model("binomial"))


@pytest.mark.parametrize(
    ("k", "n", "said"),
    [
        ([5, 3], [4, 3], "fewer trials than successes, such as 5 of 4"),
        ([0, 3], [0, 3], "no trial"),
        ([0.25, 0.5], [4, 4], "2 values of 'k' are no counts, such as 0.25"),
        ([-1, 3], [4, 4], "counts are whole numbers from 0"),
    ],
)
def test_what_are_no_counts(k: list[float], n: list[float], said: str) -> None:
    with pytest.raises(MissingData, match=said):
        observe(pd.DataFrame({"k": k, "n": n}), model("binomial", "any"))
