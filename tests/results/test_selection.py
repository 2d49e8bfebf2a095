"""Conditions choose rows, and can do nothing else."""

import numpy as np
import pandas as pd
import pytest

from taskorder.errors import TaskorderError
from taskorder.results.selection import where, without_flags

FRAME = pd.DataFrame(
    {
        "study": ["a", "b", "c"],
        "score": [0.1, 0.5, 0.9],
        "n_seeds": pd.array([1, None, 5], dtype="Int64"),
        "severity": [np.nan, 1.0, 2.0],
        "run": ["x", "", "z"],
    }
)


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("", "abc"),
        ("  ", "abc"),
        ("study == 'a'", "a"),
        ("study in ['a', 'c']", "ac"),
        ("study not in ('a', 'c')", "b"),
        ("score > 0.1 and not study == 'c'", "b"),
        ("0.2 < score <= 0.9 or run == 'x'", "abc"),
        ("n_seeds >= 1", "ac"),
        ("severity == 1", "b"),
        ("score > -1", "abc"),
        ("run == ''", "b"),
    ],
)
def test_rows_that_fulfil_a_condition(condition: str, kept: str) -> None:
    assert where(FRAME, condition)["study"].tolist() == list(kept)


@pytest.mark.parametrize(
    "condition",
    [
        "print(1)",
        "study.str.len() == 1",
        "study.size == 3",
        "@FRAME.empty",
        "lambda: 1",
        "score + 1 > 1",
        "score[0] == 1",
        "[x for x in study]",
        "(score := 1) == 1",
        "f'{study}' == 'a'",
        "score == 1 if study == 'a' else study == 'b'",
        "{'a': 1} == study",
        "`study` == 'a'",
        "study = 'a'",
        "study == 'a'; study == 'b'",
        "study == ",
        "(" * 300 + "score > 1" + ")" * 300,
        "score > 1 " * 2000,
        "score\x00 > 1",
    ],
)
def test_nothing_else_can_be_written(condition: str) -> None:
    with pytest.raises(TaskorderError, match="where"):
        where(FRAME, condition)


@pytest.mark.parametrize(
    "condition",
    ["score", "study", "1", "'a'", "not 1", "True", "None", "[1, 2]", "1 < 2", "study > 1", "'a' == 'a'"],
)
def test_what_is_no_comparison_of_a_column_is_refused(condition: str) -> None:
    with pytest.raises(TaskorderError, match="where"):
        where(FRAME, condition)


def test_an_unknown_column_names_the_nearest() -> None:
    with pytest.raises(TaskorderError, match=r"no column 'studi'.*Did you mean 'study'"):
        where(FRAME, "studi == 'a'")


def test_flags_are_asked_for_by_name() -> None:
    frame = pd.DataFrame({"flag": ["", "mean", "mean;derived", None]})
    assert without_flags(frame, []).index.tolist() == [0, 3]
    assert without_flags(frame, ["mean"]).index.tolist() == [0, 1, 3]
    assert without_flags(frame, ["mean", "derived"]).index.tolist() == [0, 1, 2, 3]
    assert len(without_flags(FRAME, [])) == 3
