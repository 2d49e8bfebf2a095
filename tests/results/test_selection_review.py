import pandas as pd
import pytest

from taskorder.errors import TaskorderError
from taskorder.results.selection import where

FRAME = pd.DataFrame(
    {
        "study": ["a", "b", "c"],
        "n_seeds": pd.array([1, None, 3], dtype="Int64"),
        "score": [0.5, float("nan"), 0.7],
        "best": [True, False, True],
    }
)


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("study == 'a' or study in ['c']", [0, 2]),
        ("n_seeds > 1", [2]),
        ("n_seeds < 2", [0]),
        ("score > 0.6", [2]),
        ("best", [0, 2]),
        ("not best and n_seeds > 0", []),
        ("  ", [0, 1, 2]),
    ],
)
def test_rows_are_chosen_and_what_is_missing_is_not(condition: str, rows: list[int]) -> None:
    assert where(FRAME, condition).index.tolist() == rows


@pytest.mark.parametrize("condition", ["True", "1 == 1", "study", "n_seeds", "'a'", "[1]", "not True"])
def test_what_does_not_judge_every_row_is_refused(condition: str) -> None:
    with pytest.raises(TaskorderError, match="compare a column with a value"):
        where(FRAME, condition)


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("study > 1", "Compare text with quoted text"),
        ("score < 1" + "0" * 400, "Compare text with quoted text"),
        ("not study", "compare a column with a value"),
        ("-study == 'a'", "only comparisons"),
        ("(study, score) == 1", "only comparisons"),
        ("score < 1j", "only comparisons"),
        ("score == None", "only comparisons"),
        ("'a' in study", "between a column and a list"),
        ("study in 'abc'", "between a column and a list"),
    ],
)
def test_what_cannot_be_compared_is_refused(condition: str, reason: str) -> None:
    with pytest.raises(TaskorderError, match=reason):
        where(FRAME, condition)


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("(study ==\n'a')", [0]),
        ("study == 'a' # \u2028study = 'b'", [0]),
        ("study == 'a\u2028b'", []),
        ("study == ['a', 'c']", [0, 2]),
        ("0.6 < score", [2]),
    ],
)
def test_breaks_of_lines_and_remarks_are_those_of_the_language(condition: str, rows: list[int]) -> None:
    assert where(FRAME, condition).index.tolist() == rows
