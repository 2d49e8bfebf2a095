"""The stages of each row: position, share, moderators and their standardisation, on hand-made covariates."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from taskorder.errors import MissingData
from taskorder.moderators import StageTable, stage_table
from taskorder.results.catalogue import Covariates

KINDS = {"easy": "nli", "middle": "nli", "hard": "qa", "mlm": "mlm", "goal": "nli", "tag": "ner"}
COLUMNS = ["task", "target", "measure", "similarity"]


def covariates(
    own: dict[str, float] | None = None, similarity: list[tuple[Any, ...]] | None = None
) -> Covariates:
    tasks = pd.DataFrame({"task": list(KINDS), "kind": list(KINDS.values())})
    tasks["difficulty_gap"] = tasks["task"].map({"easy": 1.0, "middle": 2.0, "hard": 6.0})
    tasks["difficulty_gap_sd"] = 0.1
    tasks["difficulty_gap_source"] = "here"
    tasks["difficulty_other"] = tasks["task"].map({"mlm": 0.5, "easy": 0.9})
    if own is not None:
        tasks["difficulty_own"] = tasks["task"].map(own)
    rows = (
        similarity
        if similarity is not None
        else [("easy", "goal", "text", 0.2), ("hard", "goal", "text", 0.8)]
    )
    languages = pd.DataFrame({"language": ["en", "sw"], "family": "", "genus": "", "script": ""})
    return Covariates(tasks, pd.DataFrame(rows, columns=COLUMNS), languages)


def table_of(*sequences: str, **columns: Any) -> pd.DataFrame:
    standard = {
        "study": "s",
        "sequence": list(sequences),
        "target": "goal",
        "train_language": "en",
        "language": "en",
    }
    return pd.DataFrame(standard | columns)


def stages(
    table: pd.DataFrame,
    known: Covariates,
    difficulty: tuple[str, ...] = ("gap",),
    similarity: tuple[str, ...] = ("text",),
) -> StageTable:
    return stage_table(table, known, difficulty, similarity)


def test_one_line_a_stage_with_its_place() -> None:
    frame = stages(table_of("", "easy", "easy>middle+hard>easy"), covariates()).frame
    assert frame["row"].tolist() == [1, 2, 2, 2, 2]
    assert frame["stage"].tolist() == ["easy", "easy", "middle", "hard", "easy"]
    assert frame["step"].tolist() == [0, 0, 1, 1, 2]
    assert frame["steps_back"].tolist() == [0, 2, 1, 1, 0]
    assert frame["share"].tolist() == [1.0, 1.0, 0.5, 0.5, 1.0]


def test_no_stages_give_no_lines() -> None:
    lines = stages(table_of("", ""), covariates())
    assert lines.frame.empty
    assert lines.units.empty
    assert lines.silent("difficulty") == []
    assert lines.missing("difficulty").empty


def test_moderators_are_standardised_within_study_and_measure() -> None:
    table = table_of("easy", "middle", "hard", "easy", "hard", study=["s", "s", "s", "t", "t"])
    lines = stages(table, covariates())
    expected = (np.array([1.0, 2.0, 6.0]) - 3.0) / np.std([1.0, 2.0, 6.0], ddof=1)
    np.testing.assert_allclose(lines.frame["difficulty_z"][:3], expected)
    np.testing.assert_allclose(lines.frame["difficulty_z"][3:], np.array([-1, 1]) / np.sqrt(2))
    unit = lines.units[lines.units["moderator"] == "difficulty"].set_index("study")
    assert unit.loc["t", ["measure", "mean", "values"]].tolist() == ["gap", 3.5, 2]
    assert unit.loc["s", "sd"] == pytest.approx(np.std([1.0, 2.0, 6.0], ddof=1))


def test_how_often_a_stage_occurs_does_not_move_the_standard() -> None:
    once = stages(table_of("easy", "middle", "hard"), covariates()).frame
    often = stages(table_of("easy", "middle", "hard", "hard", "hard>hard"), covariates()).frame
    np.testing.assert_allclose(often["difficulty_z"][:3], once["difficulty_z"])


def test_the_first_measure_that_has_a_value_counts() -> None:
    frame = stages(table_of("mlm", "easy", "tag"), covariates(), ("gap", "other")).frame
    assert frame["difficulty_measure"].tolist() == ["other", "gap", ""]
    assert frame["difficulty"][:2].tolist() == [0.5, 1.0]
    assert np.isnan(frame["difficulty"][2])
    first = stages(table_of("easy"), covariates(), ("other", "gap")).frame
    assert first["difficulty"].tolist() == [0.9]


def test_a_persons_own_values_come_first() -> None:
    own = [("easy", "goal", "text", 0.2), ("hard", "goal", "text", 0.8), ("easy", "goal", "own", 0.9)]
    frame = stages(table_of("easy", "middle", "hard"), covariates({"easy": 5.0}, own)).frame
    assert frame["difficulty"].tolist() == [5.0, 2.0, 6.0]
    assert frame["similarity"].iloc[[0, 2]].tolist() == [0.9, 0.8]


def test_similarity_is_looked_up_from_the_specific_to_the_general() -> None:
    pairs = [
        ("mlm[sw]", "goal[en]", "text", 0.1),
        ("mlm[sw]", "goal", "text", 0.2),
        ("mlm", "goal", "text", 0.3),
        ("[sw]", "[yo]", "text", 0.4),
    ]

    def found(stage: str, target: str, language: str, among: list[tuple[Any, ...]]) -> float:
        lines = stages(table_of(stage, target=target, language=language), covariates(similarity=among))
        return float(lines.frame["similarity"].iloc[0])

    assert found("mlm[sw]", "goal", "en", pairs) == 0.1
    assert found("mlm[sw]", "goal", "yo", pairs) == 0.2
    assert found("mlm[ha]", "goal", "yo", pairs) == 0.3
    assert found("mlm[sw]", "tag", "yo", pairs) == 0.4
    assert np.isnan(found("mlm[sw]", "tag", "ha", pairs))
    assert np.isnan(found("mlm", "tag", "yo", pairs))


def test_the_same_kind() -> None:
    frame = stages(table_of("easy", "hard", "unknown"), covariates(), similarity=("same_kind",)).frame
    assert frame["similarity"][:2].tolist() == [1.0, 0.0]
    assert frame["similarity_measure"].tolist() == ["same_kind", "same_kind", ""]


def test_similarity_is_standardised_over_the_pairs() -> None:
    known = covariates(similarity=[("easy", "goal", "text", 0.2), ("easy", "tag", "text", 0.6)])
    lines = stages(table_of("easy", "easy", "easy", target=["goal", "tag", "tag"]), known)
    np.testing.assert_allclose(lines.frame["similarity_z"], np.array([-1, 1, 1]) / np.sqrt(2))


def test_missing_values_are_named_where_other_stages_have_one() -> None:
    table = table_of("easy", "hard>tag", "tag", study=["s", "s", "t"])
    lines = stages(table, covariates())
    missing = lines.missing("difficulty")
    assert missing[["study", "stage", "target"]].drop_duplicates().to_numpy().tolist() == [
        ["s", "tag", "goal"]
    ]
    assert missing["row"].tolist() == [1]


def test_studies_that_say_nothing_of_a_moderator() -> None:
    table = table_of("easy", "hard", "easy", "tag", study=["s", "s", "same", "none"])
    lines = stages(table, covariates())
    assert lines.silent("difficulty") == ["none", "same"]
    assert lines.frame.loc[lines.frame["study"] == "same", "difficulty_z"].tolist() == [0.0]


def test_an_unknown_measure_names_the_nearest() -> None:
    with pytest.raises(
        MissingData, match=r"no difficulty measure 'gapp'; .* has gap, other\. Did you mean 'gap'"
    ):
        stages(table_of("easy"), covariates(), difficulty=("gapp",))
    with pytest.raises(MissingData, match=r"no similarity measure 'same_kin'.*Did you mean 'same_kind'"):
        stages(table_of("easy"), covariates(), similarity=("same_kin",))


def test_the_index_of_the_table_does_not_matter() -> None:
    table = table_of("easy", "", "hard>easy")
    shuffled = table.set_axis([7, 3, 3])
    pd.testing.assert_frame_equal(stages(table, covariates()).frame, stages(shuffled, covariates()).frame)
