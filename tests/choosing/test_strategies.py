"""What each rule of thumb says of candidates of which all is known."""

import numpy as np
import pandas as pd
import pytest

from taskorder.choosing.blocks import Block
from taskorder.choosing.strategies import known_of, ranked_together
from taskorder.inference.spec import SequenceSpec
from taskorder.results.catalogue import Covariates

MEASURES = SequenceSpec(difficulty=("gap", "other"), similarity=("text", "uriel"))
CLOSE = [("a", "b", 0.9), ("b", "a", 0.7), ("a", "c", 0.2), ("c", "a", 0.2), ("b", "c", 0.1), ("c", "b", 0.3)]
TO_GOAL = [("a", "goal", 0.3), ("b", "goal", 0.8), ("c", "goal", 0.5)]
LANGUAGES = [("[sw]", "[yo]", 0.8), ("[yo]", "[sw]", 0.8), ("[sw]", "[fi]", 0.1), ("[fi]", "[sw]", 0.1)]
LANGUAGES += [("[yo]", "[fi]", 0.2), ("[fi]", "[yo]", 0.2), ("[sw]", "[rw]", 0.9), ("[fi]", "[rw]", 0.3)]


def block(*candidates: str, target: str = "goal", language: str = "en") -> Block:
    scores = np.zeros((len(candidates), 1))
    return Block("s", "m/full", target, "en", language, "accuracy", candidates, candidates, scores)


@pytest.fixture
def known() -> Covariates:
    tasks = pd.DataFrame(
        {
            "task": ["a", "b", "c", "d", "goal", "mlm"],
            "kind": "nli",
            "train_size": [10.0, 1000.0, 100.0, np.nan, 5.0, np.nan],
            "difficulty_gap": [0.2, 0.5, 0.9, np.nan, 0.4, np.nan],
            "difficulty_other": [np.nan, np.nan, np.nan, 7.0, np.nan, np.nan],
        }
    )
    rows = [(*pair, "text") for pair in (*CLOSE, *TO_GOAL)] + [(*pair, "uriel") for pair in LANGUAGES]
    similarity = pd.DataFrame(rows, columns=["task", "target", "similarity", "measure"])
    return Covariates(tasks, similarity, pd.DataFrame({"language": ["en", "sw", "yo", "fi", "rw"]}))


def test_each_rule_takes_its_own_first(known: Covariates) -> None:
    values = known_of(known, MEASURES)(block("a", "b", "c"))
    first = {name: "abc"[int(np.argmax(value))] for name, value in values.items()}
    assert first == {"difficulty": "c", "similarity": "b", "diversity": "c", "train_size": "b"}


def test_diversity_is_the_mean_unlikeness_to_the_others_either_way(known: Covariates) -> None:
    diversity = known_of(known, MEASURES)(block("a", "b", "c"))["diversity"]
    assert np.allclose(diversity, [-(0.8 + 0.2) / 2, -(0.8 + 0.2) / 2, -(0.2 + 0.2) / 2])


def test_stages_of_different_languages_are_compared_by_their_languages(known: Covariates) -> None:
    values = known_of(known, MEASURES)(block("mlm[sw]", "mlm[yo]", "mlm[fi]", language="rw"))
    assert np.allclose(values["diversity"], [-0.45, -0.5, -0.15])
    assert np.allclose(values["similarity"], [0.9, np.nan, 0.3], equal_nan=True)
    assert np.isnan(values["difficulty"]).all()


def test_values_by_another_measure_are_not_compared(known: Covariates) -> None:
    difficulty = known_of(known, MEASURES)(block("a", "b", "c", "d"))["difficulty"]
    assert np.allclose(difficulty, [0.2, 0.5, 0.9, np.nan], equal_nan=True)


def test_what_has_no_value_says_nothing(known: Covariates) -> None:
    size = known_of(known, MEASURES)(block("a", "d"))["train_size"]
    assert np.allclose(size, [10.0, np.nan], equal_nan=True)


def test_ranks_are_added_up_with_ties_shared() -> None:
    values = {"difficulty": np.array([3.0, 1.0, 2.0, 2.0]), "diversity": np.array([-9.0, 0.0, -1.0, -1.0])}
    both = ranked_together(values)
    assert np.allclose(both["difficulty_and_diversity"], [5.0, 5.0, 5.0, 5.0])
    assert set(ranked_together({"difficulty": values["difficulty"]})) == {"difficulty"}
