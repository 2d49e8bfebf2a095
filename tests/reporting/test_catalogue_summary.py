from pathlib import Path

import pandas as pd
import pytest

from taskorder.errors import InvalidTable
from taskorder.paths import resource, rooted
from taskorder.reporting.appendix import catalogue as catalogue_part
from taskorder.reporting.appendix import sources, tasks
from taskorder.reporting.catalogue_summary import CatalogueSummary, summarise_catalogue, tasks_of
from taskorder.reporting.own_experiments import FILE, experiments
from taskorder.results import catalogue, reading


@pytest.fixture(scope="module")
def shipped() -> CatalogueSummary:
    return summarise_catalogue()


def test_the_summary_counts_what_the_tables_hold(shipped: CatalogueSummary) -> None:
    found = shipped
    frame = reading.read(*catalogue.published()).frame
    assert found.rows == len(frame) == sum(study.rows for study in found.studies)
    assert found.runs == len(frame[["study", "run"]].drop_duplicates())
    assert found.flagged == int((frame["flag"] != "").sum())
    assert found.left_out == found.source_rows - 55_913


def test_every_study_has_its_title(shipped: CatalogueSummary) -> None:
    assert all(study.title and study.title != study.study for study in shipped.studies)


def test_our_own_experiments_are_described_as_their_tables_are() -> None:
    tables = {path.parent.name: path for path in resource("data/experiments").glob("*/results.csv")}
    for one in experiments():
        rows, _ = reading.read_any(tables.pop(one.study))
        assert (one.rows, one.runs, one.languages) == (
            len(rows),
            rows["run"].nunique(),
            rows["language"].nunique(),
        )
        assert (one.backbones, one.tasks) == (rows["backbone"].nunique(), len(tasks_of(rows)))
    assert not {name for name in tables if name != "example"}


def test_our_own_experiments_stand_beside_the_published_ones(shipped: CatalogueSummary) -> None:
    found = shipped.study("orders-bert")
    assert found is not None
    assert found.cited == "ours, 4.5 M parameters"
    assert found.repository == "data/experiments/orders-bert"
    part = catalogue_part(shipped)
    assert "of our own. Their encoders have 4.5 and 6.7 million parameters" in part["own"]
    rows = part["table"]["rows"]
    assert [row for row in rows if len(row) == 1] == [["Published"], ["Our own experiments"]]
    assert rows.index(["Our own experiments"]) == len(shipped.studies) + 1
    entries = {one["study"]: one for one in sources([{"studies": ["tunings"]}], shipped)}
    assert [entries[name]["modelled"] for name in ("tunings", "backbones")] == [True, False]
    assert entries["tunings"]["made"] == "BERT, 3 layers of 128 units: 4.5 million parameters"
    assert entries["taskweb"]["made"] == ""


def test_a_row_that_does_not_describe_an_experiment_is_named(tmp_path: Path) -> None:
    table = pd.read_csv(resource(FILE), dtype=str)
    wrong = table.iloc[[0, 0]].assign(parameters=["4.5;few", "6.7"])
    (tmp_path / "data").mkdir()
    wrong.to_csv(tmp_path / FILE, index=False)
    with rooted(tmp_path), pytest.raises(InvalidTable) as caught:
        experiments()
    first, second = map(str, caught.value.problems)
    assert ":2:parameters: " in first
    assert second.endswith("data/experiments.csv:study: 'backbones' is there twice: keep one of the rows.")


def test_there_need_be_no_experiments(tmp_path: Path) -> None:
    with rooted(tmp_path):
        assert experiments() == ()


def test_codes_of_tasks_are_explained_as_far_as_they_are_known() -> None:
    meant = {"deprel": "Dependency relations of words, UD English EWT (tagging)"}
    part = tasks(["uner", "sick", "sick", "deprel", "no_such_task"])
    assert part is not None
    assert part["rows"] == [
        ["deprel", meant["deprel"], "uner", "Universal NER, English EWT (named entities)"],
        ["sick", "SICK entailment (inference)", "", ""],
    ]
    assert tasks(["no_such_task"]) is None
