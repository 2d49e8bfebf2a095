"""The columns that are added to a table of results."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from taskorder.moderators import attach
from taskorder.results.catalogue import Covariates

DIFFICULTY = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 3.0}


def covariates() -> Covariates:
    tasks = pd.DataFrame({"task": [*DIFFICULTY, "goal"], "kind": "nli"})
    tasks["difficulty_gap"] = tasks["task"].map(DIFFICULTY)
    similarity = pd.DataFrame(
        {"task": ["a", "b"], "target": "goal", "measure": "text", "similarity": [0.2, 0.4]}
    )
    languages = pd.DataFrame(
        {
            "language": ["en", "sw", "ja"],
            "family": ["ie", "nc", ""],
            "genus": ["g", "b", "j"],
            "script": ["Latn", "Latn", "Jpan"],
            "uriel_syntactic": [0.0, 0.6, 0.5],
            "uriel_genetic": [0.0, 1.0, np.nan],
            "uriel_source": "there",
        }
    )
    return Covariates(tasks, similarity, languages)


def table_of(*sequences: str, **columns: Any) -> pd.DataFrame:
    standard = {
        "study": "s",
        "backbone": "bert",
        "tuning": "full",
        "sequence": list(sequences),
        "target": "goal",
        "train_language": "en",
        "language": "en",
    }
    return pd.DataFrame(standard | columns)


def attached(table: pd.DataFrame) -> pd.DataFrame:
    return attach(table, covariates(), ("gap",), ("text",))


def test_columns_are_added_and_none_replaced() -> None:
    table = table_of("a>b", family="mine", index=[3])
    found = attached(table)
    assert list(found.columns[: len(table.columns)]) == list(table.columns)
    assert found["family"].tolist() == ["mine"]
    assert {"system", "steps", "stages", "difficulty", "similarity", "difficulty_tau", "zero_shot"} <= set(
        found
    )
    assert found["system"].tolist() == ["bert/full"]
    assert "distance_source" not in found
    assert len(found) == len(table)


def test_the_index_is_kept() -> None:
    table = table_of("", "a", "a>b").set_axis([5, 1, 9])
    found = attached(table)
    assert found.index.tolist() == [5, 1, 9]
    assert found["steps"].tolist() == [0, 1, 2]


def test_steps_and_means_over_the_stages() -> None:
    found = attached(table_of("", "a+b>c", "goal"))
    assert found["steps"].tolist() == [0, 2, 1]
    assert found["stages"].tolist() == [0, 3, 1]
    np.testing.assert_allclose(found["difficulty"], [np.nan, 2.0, np.nan])
    np.testing.assert_allclose(found["similarity"], [np.nan, 0.3, np.nan])


@pytest.mark.parametrize(
    ("sequence", "tau"),
    [
        ("a>b>c", 1.0),
        ("c>b>a", -1.0),
        ("a>c>b", 1 / 3),
        ("a", np.nan),
        ("", np.nan),
        ("c>d", np.nan),
        ("a>goal", np.nan),
    ],
)
def test_kendalls_tau_of_difficulty_with_position(sequence: str, tau: float) -> None:
    np.testing.assert_allclose(attached(table_of(sequence))["difficulty_tau"], [tau])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from("abcd"), min_size=2, max_size=5))
def test_tau_is_that_of_the_whole_sequence(stages: list[str]) -> None:
    found = attached(table_of("a>b", ">".join(stages)))["difficulty_tau"].iloc[1]
    difficulties = [DIFFICULTY[stage] for stage in stages]
    if len(set(difficulties)) < 2:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(kendalltau(range(len(stages)), difficulties).statistic)
        backwards = attached(table_of(">".join(reversed(stages))))["difficulty_tau"].iloc[0]
        assert backwards == pytest.approx(-found)


def test_distances_lie_between_the_two_languages() -> None:
    found = attached(
        table_of(
            *[""] * 6,
            train_language=["en", "en", "sw", "sw", "sw", ""],
            language=["en", "sw", "en", "sw", "ja", "sw"],
        )
    )
    np.testing.assert_allclose(found["distance_syntactic"], [0.0, 0.6, 0.6, 0.0, np.nan, np.nan])
    assert found["zero_shot"].tolist() == [0.0, 1.0, 1.0, 0.0, 1.0, 0.0]


def test_what_is_not_known_of_a_language() -> None:
    found = attached(table_of("", "", language=["ja", "xx"]))
    assert found["family"].tolist() == ["", ""]
    assert found["script"].tolist() == ["Jpan", ""]
    assert found["distance_genetic"].isna().all()


def test_the_orders_of_a_task_set_are_counted_where_they_can_be_compared() -> None:
    found = attached(
        table_of(
            *["", "a", "a>b", "b>a", "b>a", "a+b", "a>b>c", "c>b>a", "a>b", "b>a"],
            target=[*["goal"] * 8, "aim", "aim"],
            tuning=[*["full"] * 9, "lora"],
        )
    )
    sets = ["", "a", "a&b", "a&b", "a&b", "a+b", "a&b&c", "a&b&c", "a&b", "a&b"]
    assert found["task_set"].tolist() == sets
    assert found["orders"].tolist() == [1, 1, 2, 2, 2, 1, 2, 2, 1, 1]


def test_rows_of_perturbed_text() -> None:
    noisy = table_of("", "", "a", perturbation=["", "typos", np.nan])
    assert attached(noisy)["perturbed"].tolist() == [0.0, 1.0, 0.0]
    assert attached(table_of("", "a"))["perturbed"].tolist() == [0.0, 0.0]
