"""The frequentist companion on data with a planted slope."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from taskorder.inference.fitting import Fit, fit
from taskorder.inference.frequentist.slopes import COLUMNS, companion
from taskorder.inference.spec import ModelSpec
from taskorder.results.catalogue import Covariates

Make = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("no_sampler")

TASKS = ["one", "two", "three", "four", "five", "six"]
SLOPE = 0.03


def planted(results: Make, known: Covariates, noise: float) -> pd.DataFrame:
    """Two systems with levels and slopes of their own (1.5 and 0.5 times `SLOPE`), on two targets."""
    rng = np.random.default_rng(4)
    difficulty = known.tasks.set_index("task")["difficulty_made"].loc[TASKS]
    z = (difficulty - difficulty.mean()) / difficulty.std()
    rows = [
        (system, task, target, seed, level + factor * SLOPE * z[task] + noise * rng.normal())
        for system, level, factor in (("b", 0.6, 1.5), ("c", 0.7, 0.5))
        for task in TASKS
        for target in ("goal", "aim")
        for seed in range(3)
    ]
    backbone, sequence, target, seed, score = zip(*rows, strict=True)
    return results(backbone=backbone, sequence=sequence, target=target, seed=seed, score=np.array(score))


def fitted(make: Make, table: pd.DataFrame, known: Covariates, moderators: list[str]) -> Fit:
    sequence = {"moderators": moderators, "difficulty": ["made"], "similarity": ["made"], "crossed": []}
    spec: ModelSpec = make(
        sequence=sequence,
        outcome={"scale": "identity"},
        groups={"system": {"by": ["1", *moderators]}},
    )
    return fit(spec, table, known, engine="nuts", draws=400)


def test_the_planted_slopes_are_found(results: Make, known: Covariates, sequence_model: Make) -> None:
    table = planted(results, known, noise=0.002)
    found = companion(fitted(sequence_model, table, known, ["difficulty"]), known)
    assert list(found.columns) == COLUMNS
    assert found["system"].tolist() == ["all", "b/full", "c/full"]
    assert found["clusters"].tolist() == [6, 6, 6]
    np.testing.assert_allclose(found["estimate"], 100 * SLOPE * np.array([1.0, 1.5, 0.5]), rtol=0.1)
    assert ((found["lower"] < found["estimate"]) & (found["estimate"] < found["upper"])).all()
    assert (found["p"] < 1e-3).all()


def test_without_noise_the_slope_is_exact(results: Make, known: Covariates, sequence_model: Make) -> None:
    table = planted(results, known, noise=0.0).query("seed == 0")
    found = companion(fitted(sequence_model, table, known, ["difficulty"]), known)
    np.testing.assert_allclose(found["estimate"], 100 * SLOPE * np.array([1.0, 1.5, 0.5]))


def test_a_difference_in_sign_is_told(results: Make, known: Covariates, sequence_model: Make) -> None:
    result = fitted(sequence_model, planted(results, known, noise=0.002), known, ["difficulty"])
    sign = {}
    for value in (1.0, -1.0):
        posterior = result.tree["posterior"].to_dataset().copy()
        posterior["difficulty"] = posterior["difficulty"] * 0 + value
        result.tree["posterior"] = posterior
        sign[value] = companion(result, known).set_index("system")["agrees"]
    assert sign[1.0].all()
    assert not sign[-1.0].any()


def test_only_one_stage_sequences_count(results: Make, known: Covariates, sequence_model: Make) -> None:
    table = planted(results, known, noise=0.002)
    longer = table.assign(sequence="one>" + table["sequence"], score=0.1)
    both = pd.concat([table, longer], ignore_index=True).assign(
        run=lambda frame: [f"r{i}" for i in frame.index]
    )
    one, other = (
        companion(fitted(sequence_model, rows, known, ["difficulty"]), known) for rows in (table, both)
    )
    np.testing.assert_allclose(one["estimate"], other["estimate"])


def test_few_stages_say_nothing(results: Make, known: Covariates, sequence_model: Make) -> None:
    table = planted(results, known, noise=0.002)
    few = table[table["sequence"].isin(["one", "two", "three"])]
    assert companion(fitted(sequence_model, few, known, ["difficulty"]), known).empty


def test_without_moderators_there_is_nothing_to_estimate(
    results: Make, known: Covariates, sequence_model: Make
) -> None:
    table = planted(results, known, noise=0.002)
    found = companion(fitted(sequence_model, table, known, []), known)
    assert found.empty
    assert list(found.columns) == COLUMNS
