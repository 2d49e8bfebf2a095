"""What a report says of the rows behind a fit."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import xarray as xr

from taskorder.inference.fitting import Fit
from taskorder.reporting.catalogue_summary import CatalogueSummary
from taskorder.reporting.modelled_rows import data

Make = Callable[..., Fit]


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
