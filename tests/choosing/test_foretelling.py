"""A model foretells what it has not seen, and from what it has seen alone."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from taskorder.choosing.blocks import averaged
from taskorder.choosing.foretelling import foretold, lean
from taskorder.errors import InvalidModel, MissingData
from taskorder.inference.fitting import fit_rows
from taskorder.inference.priors import Prior
from taskorder.inference.spec import ModelSpec
from taskorder.results.catalogue import Covariates

Make = Callable[..., pd.DataFrame]
FLAT = Prior("Flat", ())


def hidden_rows(means: pd.DataFrame, target: str = "goal2") -> NDArray[np.bool_]:
    return (means["target"] == target).to_numpy()


def test_the_hidden_scores_change_nothing_at_all(make_rows: Make, spec: ModelSpec, known: Covariates) -> None:
    means = averaged(make_rows())
    hidden = hidden_rows(means)
    others = means.assign(score=means["score"].where(~hidden, 1.0 - means["score"] ** 3))
    small = lean(spec, means)
    first, second = (foretold(table, hidden, small, known) for table in (means, others))
    assert np.array_equal(first, second)


def test_hidden_rows_are_foretold_as_by_a_fit_to_the_others(
    make_rows: Make, spec: ModelSpec, known: Covariates
) -> None:
    means = averaged(make_rows())
    hidden, small = hidden_rows(means), lean(spec, means)
    expected = foretold(means, hidden, small, known)[hidden]
    fit = fit_rows(small, means[~hidden], known, engine="collapsed", seed=1, draws=2000)
    posterior = fit.tree["posterior"].to_dataset().mean(["chain", "draw"])
    units = {unit["moderator"]: unit for unit in fit.manifest["units"]}
    by_hand = (
        float(posterior["difficulty"]) * means["difficulty"][hidden] / units["difficulty"]["sd"]
        + float(posterior["similarity"]) * means["similarity"][hidden] / units["similarity"]["sd"]
        + posterior["1|stage"].sel(stage_level=means["sequence"][hidden].to_numpy()).to_numpy()
    )
    for system in means["system"].unique():
        here = (means["system"][hidden] == system).to_numpy()
        apart = expected[here] - expected[here].mean() - (by_hand[here] - by_hand[here].mean())
        assert np.abs(apart).max() < 0.0015


def test_what_is_planted_is_foretold(make_rows: Make, spec: ModelSpec, known: Covariates) -> None:
    means = averaged(make_rows())
    hidden = hidden_rows(means)
    expected = foretold(means, hidden, lean(spec, means), known)[hidden]
    seen = means[hidden].assign(expected=expected)
    apart = seen.groupby("system")[["score", "expected"]].transform(lambda column: column - column.mean())
    assert np.abs(apart["score"] - apart["expected"]).max() < 0.006
    assert np.corrcoef(apart["score"], apart["expected"])[0, 1] > 0.95


def test_rows_without_a_moderator_are_not_foretold(
    make_rows: Make, spec: ModelSpec, known: Covariates
) -> None:
    means = averaged(make_rows())
    tasks = known.tasks.assign(
        difficulty_gap=known.tasks["difficulty_gap"].mask(known.tasks["task"] == "four")
    )
    expected = foretold(means, hidden_rows(means), lean(spec, means), replace(known, tasks=tasks))
    assert np.array_equal(np.isnan(expected), (means["sequence"] == "four").to_numpy())


def test_effects_of_single_rows_leave_the_model(make_rows: Make, spec: ModelSpec) -> None:
    small = lean(spec, averaged(make_rows()))
    assert set(small.groups) == {"system", "evaluation"}
    assert small.estimands == {}


def test_a_model_that_is_not_gaussian_is_refused(make_rows: Make, spec: ModelSpec, known: Covariates) -> None:
    means = averaged(make_rows())
    outcome = spec.outcome.model_copy(update={"likelihood": "student_t"})
    with pytest.raises(InvalidModel, match="student_t"):
        foretold(means, hidden_rows(means), lean(spec.model_copy(update={"outcome": outcome}), means), known)


def test_nothing_is_foretold_from_rows_that_do_not_tell(
    make_rows: Make, spec: ModelSpec, known: Covariates
) -> None:
    means = averaged(make_rows()).assign(late=lambda rows: (rows["target"] == "goal2").astype(float))
    fixed = spec.fixed.model_copy(update={"terms": ("1", "late")})
    flat = spec.model_copy(update={"fixed": fixed, "priors": {"1": FLAT, "late": FLAT}})
    with pytest.raises(MissingData, match="late"):
        foretold(means, hidden_rows(means), lean(flat, means), known)
