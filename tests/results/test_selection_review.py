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


@pytest.mark.parametrize("condition", ["study > 1", "not study", "-study == 'a'", "(study, score) == 1"])
def test_what_cannot_be_compared_is_refused(condition: str) -> None:
    with pytest.raises(TaskorderError, match="Compare text with quoted text"):
        where(FRAME, condition)
