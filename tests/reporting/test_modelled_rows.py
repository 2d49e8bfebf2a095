"""What a report says of the rows behind a fit."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import xarray as xr

from taskorder.inference.fitting import Fit
from taskorder.reporting.catalogue_summary import CatalogueSummary
from taskorder.reporting.modelled_rows import data, own_rows

Make = Callable[..., Fit]
STAGES = ("boolq", "cosmosqa", "qqp", "snli", "wic")
TARGETS = ("copa", "rte", "wsc", "cb")


def test_rows_are_counted_where_cells_mix_studies(make_fit: Make, small_catalogue: CatalogueSummary) -> None:
    fit = make_fit()
    mixed = fit.tree["constant_data"].to_dataset().drop_vars(["study", "language"])
    fit.tree["constant_data"] = xr.DataTree(mixed)
    counts = {"system": 2, "sequence": 5, "target": 4, "language": 3}
    changed = {"rows": {"a": 30, "b": 10}, "distinct": {"a": counts, "b": counts | {"target": 1}}}
    table: Any = data(replace(fit, manifest=fit.manifest | changed), small_catalogue)["table"]
    assert [column["head"] for column in table["columns"][2:]] == [
        "Rows",
        "Systems",
        "Sequences",
        "Targets",
        "Languages",
    ]
    assert table["rows"] == [["a", "", "30", "2", "5", "4", "3"], ["b", "", "10", "2", "5", "1", "3"]]


def test_a_study_has_the_spread_of_its_scores(make_fit: Make, small_catalogue: CatalogueSummary) -> None:
    table: Any = data(make_fit(), small_catalogue)["table"]
    (row,) = table["rows"]
    assert row[:7] == ["taskweb", "Kim et al. 2023", "40", "2", "5", "4", "1"]
    assert row[-1]["lower"] < row[-1]["middle"] < row[-1]["upper"]


@pytest.fixture
def with_own(small_catalogue: CatalogueSummary) -> CatalogueSummary:
    """The one study is an experiment of our own, in three languages; a published one has another key."""
    (study,) = small_catalogue.studies
    own = replace(study, parameters=(4.5,), encoders="BERT", languages=3, flagged=0)
    return replace(small_catalogue, studies=(replace(study, study="other"),), experiments=(own,))


def test_rows_of_our_own_experiments_are_counted(with_own: CatalogueSummary) -> None:
    found = own_rows({"taskweb": 30, "other": 10}, with_own)
    assert found is not None
    assert found["share"] == 0.75
    assert found["text"].startswith(
        "30 of 40 rows are of our own experiments (taskweb), with encoders of 4.5 million parameters"
    )
    alone = own_rows({"taskweb": 30}, with_own)
    assert alone is not None
    assert alone["text"].startswith("All 30 rows are")
    assert own_rows({"other": 10}, with_own) is None


def test_a_mean_over_languages_is_not_one_language(make_fit: Make, with_own: CatalogueSummary) -> None:
    part = data(make_fit(data={"average": "language"}), with_own)
    assert part["table"]["rows"][0][1:7] == ["ours, 4.5 M parameters", "40", "2", "5", "4", "mean of ≤ 3"]
    assert part["left_out"].startswith("The tables of these studies hold 45 rows. Of those that fulfil")
    assert "40 means are modelled" in part["left_out"]
    assert part["tasks"] == sorted({*TARGETS, *STAGES})


def test_what_is_left_out_is_told(make_fit: Make, small_catalogue: CatalogueSummary) -> None:
    assert data(make_fit(), small_catalogue)["left_out"] == (
        "Of 45 rows in the tables of these studies 40 are modelled. 5 bear a flag (derived, second-hand, a"
        " mean of other rows, suspect) and stay out. The others do not fulfil the condition, or were dropped."
    )
