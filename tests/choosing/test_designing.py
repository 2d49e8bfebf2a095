"""Runs chosen by what they would tell: greedily, by cost, beside chance; and what is made of them."""

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from taskorder.choosing.ahead.effect import Outlook
from taskorder.choosing.designing import Asked, Designed, design, greedy
from taskorder.choosing.runs import Run
from taskorder.errors import MissingData
from taskorder.harness.experiments.experiment import Experiment
from taskorder.inference.spec import ModelSpec
from taskorder.results.catalogue import Covariates

Make = Callable[..., pd.DataFrame]


def looked(runs: int = 5, thetas: int = 3, rows: int = 2) -> Outlook:
    """Make an outlook on runs that have much in common."""
    rng = np.random.default_rng(3)
    half = rng.normal(size=(thetas, 1 + runs * rows, 4))
    joint = half @ np.swapaxes(half, 1, 2) + 0.05 * np.eye(1 + runs * rows)
    noise = rng.uniform(0.1, 2.0, (thetas, runs * rows))
    return Outlook(rng.normal(size=thetas), joint, noise, np.repeat(np.arange(runs), rows), 0.5)


def runs_of(sequences: tuple[str, ...]) -> list[Run]:
    return [Run("small", "full", sequence, "goal", 0) for sequence in sequences]


SEQUENCES = ("", "one", "one>two", "two", "two>one")


def test_greedy_takes_the_best_next_run_as_brute_force_finds_it() -> None:
    found = looked()
    chosen, widths = greedy(found, runs_of(SEQUENCES), [], Asked(3))
    before: list[int] = []
    for run in chosen:
        left = [i for i in range(5) if i not in before]
        totals = {i: found.variances_along([*before, i])[:, -1].mean() for i in left}
        assert run == min(totals, key=lambda i: totals[i])
        before.append(run)
    assert np.allclose(widths, found.widths_along(chosen))
    best = min(found.variances_along(list(three))[:, -1].mean() for three in permutations(range(5), 3))
    assert found.variances_along(chosen)[:, -1].mean() < 1.2 * best


def test_runs_that_tell_the_same_are_taken_by_their_cost_then_in_order() -> None:
    found = looked(runs=3, rows=1)
    same = found.joint.copy()
    same[:, 2:, :], same[:, :, 2:] = same[:, 1:2, :], same[:, :, 1:2]
    alike = replace(found, joint=same, noise=np.repeat(found.noise[:, :1], 3, axis=1))
    chosen, _ = greedy(alike, runs_of(("one>two", "two", "one")), [], Asked(1))
    assert chosen == [1]


def test_what_is_trained_already_makes_a_run_cheap() -> None:
    found = looked(runs=2, rows=1)
    gains = found.gains([0, 1])
    dear, cheap = int(np.argmax(gains)), int(np.argmin(gains))
    sequences = ["", ""]
    sequences[dear] = ">".join(f"t{i}" for i in range(int(gains.max() / gains.min()) + 2))
    runs = runs_of(tuple(sequences))
    assert greedy(found, runs, [], Asked(1))[0] == [dear]
    assert greedy(found, runs, [], Asked(1, per_cost=True))[0] == [cheap]
    assert greedy(found, runs, runs[dear].trainings[:-1], Asked(1, per_cost=True))[0] == [dear]


def test_more_runs_than_there_are_gives_all_of_them() -> None:
    chosen, widths = greedy(looked(), runs_of(SEQUENCES), [], Asked(9))
    assert sorted(chosen) == [0, 1, 2, 3, 4]
    assert (np.diff(widths) < 1e-9).all()


def test_where_no_run_narrows_anything_the_least_harmful_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = dict(enumerate((-0.3, -0.1, -0.2)))
    monkeypatch.setattr(Outlook, "gains", lambda _, runs: np.array([losses[run] for run in runs]))
    assert greedy(looked(runs=3), runs_of(SEQUENCES[:3]), [], Asked(3))[0] == [1, 2, 0]


@pytest.fixture(scope="module")
def planned_for(make_orders: Make, order_spec: ModelSpec, known: Covariates) -> Callable[..., Designed]:
    return lambda experiment, **asked: design(
        experiment, order_spec, make_orders(), known, Asked(**{"runs": 3, **asked})
    )


def test_the_runs_are_those_of_the_plan_that_are_not_made(
    planned_for: Callable[..., Designed], experiment: Experiment
) -> None:
    found = planned_for(experiment, estimand="drop")
    assert found.candidates == 20
    assert {run.seed for run in found.runs} == {2}
    assert len(set(found.runs)) == 3
    assert found.table["width"].is_monotonic_decreasing
    assert found.width > found.table["width"].iloc[-1]
    assert (found.table["random_lower"] <= found.table["random_upper"]).all()
    assert found.unit.startswith("points")
    assert "after these 3 of 20 runs" in found.text()


def test_an_estimand_of_theta_is_shrunk_by_runs_that_tell_of_it(
    planned_for: Callable[..., Designed], experiment: Experiment
) -> None:
    found = planned_for(experiment, estimand="order_to_seed")
    assert found.table["width"].iloc[-1] < found.width
    assert found.table["width"].iloc[-1] < found.table["random_width"].iloc[-1] * 1.001
    assert all(run.sequence.count(">") == 1 for run in found.runs)


def test_runs_that_the_model_does_not_take_are_counted(
    make_orders: Make, order_spec: ModelSpec, known: Covariates, experiment: Experiment
) -> None:
    data = order_spec.data.model_copy(update={"where": "target == 'goal0'"})
    narrow = order_spec.model_copy(update={"data": data})
    found = design(experiment, narrow, make_orders(), known, Asked(2, "drop"))
    assert found.candidates == 10
    assert "10 of the runs that are not made were left out" in found.text()


def test_an_experiment_that_is_done_or_was_not_begun_has_nothing_to_choose_by(
    make_orders: Make, order_spec: ModelSpec, known: Covariates, experiment: Experiment
) -> None:
    with pytest.raises(MissingData, match="all 60 runs of its plan are made"):
        design(experiment, order_spec, make_orders(seeds=(0, 1, 2)), known, Asked(3))
    with pytest.raises(MissingData, match="ask for at least one run, not 0"):
        design(experiment, order_spec, make_orders(), known, Asked(0))
    elsewhere = make_orders().assign(study="another")
    with pytest.raises(MissingData, match="has no run before goal0 or goal1 yet"):
        design(experiment, order_spec, elsewhere, known, Asked(3))
