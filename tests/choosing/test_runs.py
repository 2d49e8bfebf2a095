"""Which runs an experiment asks for, which are made, what one more costs, and what its rows look like."""

from collections.abc import Callable

import pandas as pd
import pytest

from taskorder.choosing.runs import Run, cost, laid_out, made, number_of, planned
from taskorder.errors import MissingData
from taskorder.harness.experiments.experiment import Experiment

Make = Callable[..., pd.DataFrame]


def test_the_plan_is_every_sequence_before_every_target_with_every_seed(experiment: Experiment) -> None:
    runs = planned(experiment)
    assert len(runs) == len(set(runs)) == 10 * 2 * 3
    assert Run("small", "full", "two>one", "goal1", 2) in runs


def test_runs_that_are_made_are_those_of_the_study_after_the_target(
    make_orders: Make, experiment: Experiment
) -> None:
    rows = make_orders(seeds=(1,))
    assert set(made(rows, "trial")) == {run for run in planned(experiment) if run.seed == 1}
    assert made(rows, "other") == ()
    assert made(rows.assign(stage="one"), "trial") == ()


def test_a_run_costs_the_stages_that_no_other_of_its_seed_went_through() -> None:
    run = Run("small", "full", "one>two", "goal0", 0)
    assert cost(run, []) == 3
    assert cost(run, Run("small", "full", "one>three", "goal1", 0).trainings) == 2
    assert cost(run, Run("small", "full", "one>two", "goal1", 0).trainings) == 1
    assert cost(run, Run("small", "full", "one>two", "goal1", 1).trainings) == 3
    assert cost(run, run.trainings) == 0


def test_rows_to_come_are_like_those_of_runs_before_the_same_target(make_orders: Make) -> None:
    rows = make_orders(seeds=(0,))
    new = (Run("small", "full", "two>one", "goal1", 5), Run("small", "full", "", "goal0", 6))
    found, notes = laid_out(new, rows, "trial")
    assert notes == ()
    assert number_of(found["run"]).tolist() == [0, 0, 1, 1]
    assert found["sequence"].tolist() == ["two>one", "two>one", "", ""]
    assert found["seed"].tolist() == [5, 5, 6, 6]
    assert found["perturbation"].tolist() == ["", "typos"] * 2
    assert (number_of(rows["run"]) == -1).all()


def test_a_target_that_no_run_was_made_for_is_left_out_and_said(make_orders: Make) -> None:
    rows = make_orders(seeds=(0,))
    new = (Run("small", "full", "", "goal0", 5), Run("small", "full", "", "goal9", 5))
    found, notes = laid_out(new, rows, "trial")
    assert set(found["target"]) == {"goal0"}
    assert "no run before goal9" in notes[0]
    with pytest.raises(MissingData, match="no run before goal9 yet"):
        laid_out(new[1:], rows, "trial")
