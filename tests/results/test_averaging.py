"""Means over languages: what they keep, and which cannot be compared."""

import numpy as np
import pandas as pd
import pytest

from taskorder.errors import MissingData
from taskorder.results.averaging import over_languages


def table() -> pd.DataFrame:
    """Two runs in three languages, clean and perturbed."""
    rows = [
        (run, language, noise, score)
        for run, base in (("r1", 0.5), ("r2", 0.7))
        for noise in ("", "typos")
        for language, score in zip(["de", "sw", "zh"], base + np.array([0.1, 0.0, -0.1]), strict=True)
    ]
    frame = pd.DataFrame(rows, columns=["run", "language", "perturbation", "score"])
    return frame.assign(
        study="s",
        target="goal",
        train_language="en",
        metric="accuracy",
        stage="",
        n_test=pd.array([100, 200, 300] * 4, dtype="Int64"),
        seed=pd.array([1] * 6 + [2] * 6, dtype="Int64"),
        sd=0.01,
        script=["Latn", "Latn", "Hans"] * 4,
        epochs=3,
    )


def test_a_mean_is_a_row_for_each_evaluation_of_a_model() -> None:
    found = over_languages(table())
    assert list(found) == list(table())
    assert found["run"].tolist() == ["r1", "r1", "r2", "r2"]
    assert found["perturbation"].tolist() == ["", "typos", "", "typos"]
    np.testing.assert_allclose(found["score"], [0.5, 0.5, 0.7, 0.7])
    assert set(found["language"]) == {"mul"}
    assert found["n_test"].tolist() == [600] * 4
    assert found["seed"].tolist() == [1, 1, 2, 2]
    assert found["sd"].isna().all()
    assert set(found["script"]) == {""}
    assert set(found["epochs"]) == {3}
    assert (found.dtypes == table().dtypes).all()


def test_one_language_stays_what_it_is() -> None:
    one = table().query("language == 'sw'").reset_index(drop=True)
    pd.testing.assert_frame_equal(over_languages(one), one)


def test_the_order_of_the_rows_does_not_matter() -> None:
    mixed = over_languages(table().sample(frac=1.0, random_state=1)).sort_values(["run", "perturbation"])
    pd.testing.assert_frame_equal(mixed.reset_index(drop=True), over_languages(table()))


def test_means_over_other_languages_are_not_compared() -> None:
    with pytest.raises(
        MissingData, match=r"run 'r2' of s was not scored on goal in zh.*leave these languages"
    ):
        over_languages(table().iloc[:-1])
    elsewhere = table().iloc[:-1].assign(target=["goal"] * 6 + ["aim"] * 3 + ["other"] * 2)
    assert len(over_languages(elsewhere)) == 4
