"""Tables that are checked and imported from Python."""

from pathlib import Path

import pandas as pd
import pytest

import taskorder
from taskorder.results.reading import read_frame


def test_problems_come_as_a_table(write, row) -> None:
    path = write([row(score="74.7"), row(run="r2", language="zz")])
    found = taskorder.check(path)
    assert found.columns.tolist() == ["file", "row", "column", "message"]
    assert found["column"].tolist() == ["score", "language"]
    assert taskorder.check(write([row()], "good.csv")).empty


def test_what_another_tool_wrote_becomes_a_table(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("run,en,sw\nr1,0.8,0.6\n", encoding="utf-8")
    said = {
        "study": "mine", "backbone": "bert-base", "tuning": "full", "sequence": "mnli", "target": "xnli",
        "train_language": "en", "metric": "accuracy",
    }  # fmt: skip
    made = taskorder.import_results("wide", path, columns=said)
    made.write(tmp_path / "tidy.csv")
    assert taskorder.read(tmp_path / "tidy.csv").frame["score"].tolist() == [0.8, 0.6]


def test_a_table_that_was_read_is_valid_in_memory(spot: Path) -> None:
    table = taskorder.read(spot)
    pd.testing.assert_frame_equal(read_frame(table.frame).frame, table.frame)
    part = table.frame.query("target == 'rte'")
    pd.testing.assert_frame_equal(read_frame(part).frame, part.reset_index(drop=True))


def test_what_is_worth_a_note_is_said_in_python_too(write, row, caplog: pytest.LogCaptureFixture) -> None:
    assert taskorder.check(write([row(target="rtee", metric="acc")])).empty
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "others write 'accuracy'" in caplog.text
    assert "rtee (rte?)" in caplog.text
