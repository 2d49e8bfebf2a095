from taskorder.reporting.catalogue_summary import summarise_catalogue
from taskorder.results import catalogue, reading


def test_the_summary_counts_what_the_tables_hold() -> None:
    found = summarise_catalogue()
    frame = reading.read(*catalogue.published()).frame
    assert found.rows == len(frame) == sum(study.rows for study in found.studies)
    assert found.runs == len(frame[["study", "run"]].drop_duplicates())
    assert found.flagged == int((frame["flag"] != "").sum())
    assert found.left_out == found.source_rows - 55_913


def test_every_study_has_its_title() -> None:
    assert all(study.title and study.title != study.study for study in summarise_catalogue().studies)
