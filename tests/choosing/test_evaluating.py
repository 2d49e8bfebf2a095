"""Strategies judged out of sample: what wins, and what they may not see."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from taskorder.choosing.blocks import BLOCK
from taskorder.choosing.evaluating import SCHEMES, Evaluation, regrets
from taskorder.errors import MissingData
from taskorder.inference.fitting import select_rows
from taskorder.inference.session import read_tables, tables_of
from taskorder.inference.spec import ModelSpec, read_model
from taskorder.paths import resource
from taskorder.results.catalogue import Covariates, covariates

Make = Callable[..., pd.DataFrame]
KEY = [*BLOCK, "strategy"]


@pytest.fixture(scope="module")
def judged(make_rows: Make, spec: ModelSpec, known: Covariates) -> pd.DataFrame:
    return regrets(spec, make_rows(), known)


def test_the_model_finds_what_is_planted(judged: pd.DataFrame) -> None:
    mean = judged.groupby("strategy")["points_over_random"].mean()
    assert mean["model"] > 1.0
    assert mean["model"] >= mean.drop("similarity").max()
    assert judged[judged["strategy"] == "model"]["regret"].mean() < 0.3


def test_every_block_has_every_strategy_and_the_same_candidates(judged: pd.DataFrame) -> None:
    by_block = judged.groupby(list(BLOCK))
    assert (by_block["strategy"].nunique() == 6).all()
    for name in ("candidates", "replicates", "random_regret"):
        assert (by_block[name].max() == by_block[name].min()).all()
    assert set(judged["scheme"]) == {"target"}


def test_regret_and_advantage_add_up_to_that_of_chance(judged: pd.DataFrame) -> None:
    assert np.allclose(judged["points_over_random"] + judged["regret"], judged["random_regret"])
    assert (judged["source"] == "row " + judged["target"] + "/" + judged["chosen"].str.split().str[0]).all()
    assert np.allclose(judged["regret_5"].groupby(judged["target"]).first(), 0.0, atol=0.5)


def test_the_choice_for_a_target_does_not_see_its_scores(
    make_rows: Make, spec: ModelSpec, known: Covariates, judged: pd.DataFrame
) -> None:
    rows = make_rows()
    here = rows["target"] == "goal1"
    table = rows.assign(score=rows["score"].where(~here, 1.0 - rows["score"]))
    turned = Evaluation.of(spec, table, known).without("target", "goal1")
    first, second = judged[judged["target"] == "goal1"].set_index(KEY), turned.set_index(KEY)
    assert (first["chosen"] == second["chosen"]).all()
    assert np.allclose(first["points_over_random"], -second["points_over_random"])


@pytest.mark.parametrize("left_out", ["goal1", "goal2"])
def test_the_choice_for_a_target_does_not_see_how_difficult_the_target_is(
    make_rows: Make, spec: ModelSpec, known: Covariates, left_out: str
) -> None:
    rows = make_rows(slope=0.0)
    unseen = rows["sequence"].isin(["one", "two", "three"])
    rows = rows[(rows["target"] == left_out) == unseen]
    first = rows[rows["sequence"] == "four"]
    table = pd.concat([rows, first.assign(sequence="goal1", score=first["score"] + 0.1)], ignore_index=True)
    own, chosen = known.tasks["task"] == "goal1", []
    for difficulty in (-5.0, 5.0):
        measured = known.tasks["difficulty_gap"].mask(own, difficulty)
        others = replace(known, tasks=known.tasks.assign(difficulty_gap=measured))
        found = Evaluation.of(spec, table, others).without("target", left_out)
        chosen.append(found[found["strategy"] == "model"]["chosen"].tolist())
    assert (chosen[0] == chosen[1]) == (left_out == "goal1")


def test_languages_are_left_out_where_there_are_several(
    make_rows: Make, spec: ModelSpec, known: Covariates
) -> None:
    evaluation = Evaluation.of(spec, make_rows(languages=("en", "sw", "fi")), known)
    assert evaluation.levels("language") == ("en", "fi", "sw")
    found = evaluation.without("language", "sw")
    assert set(found["language"]) == {"sw"}
    assert found["target"].nunique() == 8
    assert found[found["strategy"] == "model"]["points_over_random"].mean() > 1.0


def test_a_strategy_that_knows_too_few_candidates_takes_no_part(
    make_rows: Make, spec: ModelSpec, known: Covariates
) -> None:
    few = known.tasks["train_size"].where(known.tasks["task"].isin(["one", "two"]))
    others = replace(known, tasks=known.tasks.assign(train_size=few))
    found = Evaluation.of(spec, make_rows(), others).without("target", "goal0")
    assert "train_size" not in set(found["strategy"])
    assert (found["candidates"] == 6).all()


def test_candidates_that_one_strategy_does_not_know_are_nobodys(
    make_rows: Make, spec: ModelSpec, known: Covariates
) -> None:
    size = known.tasks["train_size"].where(known.tasks["task"] != "two")
    others = replace(known, tasks=known.tasks.assign(train_size=size))
    found = Evaluation.of(spec, make_rows(), others).without("target", "goal0")
    assert (found["candidates"] == 5).all()
    assert not found["chosen"].str.split().explode().eq("two").any()


def test_without_stages_or_candidates_there_is_nothing_to_judge(
    make_rows: Make, spec: ModelSpec, known: Covariates
) -> None:
    with pytest.raises(MissingData, match="intermediate tasks"):
        regrets(spec.model_copy(update={"sequence": None}), make_rows(), known)
    rows = make_rows()
    with pytest.raises(MissingData, match="nothing to choose among"):
        regrets(spec, rows[rows["sequence"] == "one"], known)


def test_the_shipped_table_is_what_the_shipped_results_give() -> None:
    spec, known = read_model(resource("models/moderators.toml")), covariates()
    table, _ = read_tables(spec, tables_of(spec), known)
    evaluation = Evaluation.of(spec, select_rows(table, spec, known), known)
    shipped = pd.read_csv(resource("data/selection/regrets.csv"))
    assert {s: set(shipped[shipped["scheme"] == s][s]) for s in SCHEMES} == {
        s: set(evaluation.levels(s)) for s in SCHEMES
    }
    again = evaluation.without("target", "piqa")
    kept = shipped[(shipped["scheme"] == "target") & (shipped["target"] == "piqa")].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, kept, check_dtype=False, atol=1e-4)
