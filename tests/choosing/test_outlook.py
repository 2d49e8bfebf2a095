"""What is said of an interval before the runs are made is what it is when they are made."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from taskorder.choosing.ahead.effect import Outlook
from taskorder.choosing.ahead.estimand import estimand_of
from taskorder.choosing.ahead.outlook import outlook
from taskorder.choosing.runs import Run, laid_out, number_of
from taskorder.errors import MissingData
from taskorder.inference.engines.density import Density, density
from taskorder.inference.fitting import select_rows
from taskorder.inference.layout.design import Design, build_design
from taskorder.inference.spec import GroupSpec, ModelSpec
from taskorder.results.catalogue import Covariates

Make = Callable[..., pd.DataFrame]
Floats = NDArray[np.float64]

RUNS = (
    Run("small", "full", "one>two", "goal0", 1),
    Run("small", "full", "three>two", "goal1", 1),
    Run("small", "full", "", "goal1", 7),
    Run("small", "full", "two>three", "goal0", 1),
)


def with_runs_to_come(made: pd.DataFrame, spec: ModelSpec, known: Covariates) -> pd.DataFrame:
    new, _ = laid_out(RUNS, made, "trial")
    return select_rows(pd.concat([made, new], ignore_index=True), spec, known)


@pytest.fixture(scope="module")
def rows(make_orders: Make, order_spec: ModelSpec, known: Covariates) -> pd.DataFrame:
    made = make_orders(seeds=(0,))
    return with_runs_to_come(made[made["sequence"] != "one>two"], order_spec, known)


@pytest.fixture(scope="module")
def number(rows: pd.DataFrame) -> NDArray[np.int64]:
    return number_of(rows["run"]).to_numpy(dtype=np.int64)


def look(
    rows: pd.DataFrame, number: NDArray[np.int64], spec: ModelSpec, name: str, known: Covariates
) -> Outlook:
    found = outlook(rows, number, spec, name, known, seed=1, draws=60)
    assert isinstance(found, Outlook)
    return found


def variances(found: Density, design: Design, effect: Floats, u: Floats) -> Floats:
    """Return c'Vc at every vector (D, T) by dense algebra from the rows themselves."""
    theta = found.coordinates.unpack(u)
    values = []
    for t in range(u.shape[1]):
        x = sum(np.exp(-theta.recency[t] * s) * m.toarray() for s, m in enumerate(design.effects))
        cells = design.cells
        weight = cells.n / (cells.v + theta.residual[cells.level, t] ** 2)
        precision = x.T @ (weight[:, None] * x) + np.diag(1.0 / found.prior_sd(theta)[:, t] ** 2)
        values.append(effect @ np.linalg.solve(precision, effect))
    return np.array(values)


@pytest.mark.parametrize("name", ["drop", "over", "level"])
def test_the_variance_foretold_is_the_one_after_the_rows_whatever_they_say(
    rows: pd.DataFrame,
    order_spec: ModelSpec,
    known: Covariates,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert_dense_algebra_agrees(rows, order_spec, known, name, monkeypatch)


def test_the_variance_foretold_holds_lengths_that_no_run_has_yet(
    make_orders: Make, order_spec: ModelSpec, known: Covariates, monkeypatch: pytest.MonkeyPatch
) -> None:
    length = GroupSpec(columns=("study", "target", "steps"), where="steps >= 1")
    spec = order_spec.model_copy(update={"groups": {**order_spec.groups, "length": length}})
    made = make_orders(seeds=(0,))
    singles = made[~made["sequence"].str.contains(">")]
    rows = with_runs_to_come(singles, spec, known)
    assert_dense_algebra_agrees(rows, spec, known, "over", monkeypatch)


def assert_dense_algebra_agrees(
    rows: pd.DataFrame, spec: ModelSpec, known: Covariates, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = number_of(rows["run"]).to_numpy(dtype=np.int64)
    seen: dict[str, Floats] = {}

    def spied(*arguments: Any) -> Outlook:
        seen["u"], seen["effect"] = arguments[2], arguments[3]
        return at(*arguments)

    from taskorder.choosing.ahead import outlook as module

    at = module.effect_at
    monkeypatch.setattr(module, "effect_at", spied)
    found = look(rows, number, spec, name, known)
    after = found.variances_along([2, 0, 3, 1])
    one_by_one = found.after(2).after(0).after(3).after(1)
    rng = np.random.default_rng(4)
    with_any_outcome = rows.assign(score=rows["score"].where(number < 0, rng.uniform(0.2, 0.9, len(rows))))
    design = build_design(with_any_outcome, spec, known)
    expected = variances(density(design, spec), design, seen["effect"], seen["u"])
    assert np.allclose(after[:, -1], expected, rtol=1e-8, atol=1e-12)
    assert np.allclose(one_by_one.variance, expected, rtol=1e-8, atol=1e-12)
    assert np.allclose(found.variance - found.gain(3), found.after(3).variance, rtol=1e-10)
    assert (found.gain(3) > 0).all()


@pytest.mark.parametrize("groups", [("evaluation", "order", "run"), ("evaluation", "order")])
def test_scores_that_are_not_there_are_not_seen(
    rows: pd.DataFrame,
    number: NDArray[np.int64],
    order_spec: ModelSpec,
    known: Covariates,
    groups: tuple[str, ...],
) -> None:
    """Without an effect of runs, rows to come fall into one cell with rows that are there."""
    spec = order_spec.model_copy(update={"groups": {name: order_spec.groups[name] for name in groups}})
    first = look(rows, number, spec, "drop", known)
    others = rows.assign(score=rows["score"].where(number < 0, 0.77))
    second = look(others, number, spec, "drop", known)
    assert np.allclose(first.mean, second.mean, rtol=1e-6)
    assert np.allclose(first.joint, second.joint, rtol=1e-5)


def test_the_interval_is_that_of_the_mixture() -> None:
    rng = np.random.default_rng(1)
    mean, sd = rng.normal(size=40), rng.uniform(0.5, 2.0, 40)
    joint = (sd**2)[:, None, None]
    found = Outlook(mean, joint, np.zeros((40, 0)), np.zeros(0, dtype=np.int64), 0.5)
    draws = rng.normal(mean[:, None], sd[:, None], (40, 100_000)).ravel()
    lower, upper = found.interval(found.variance)
    assert np.allclose([lower, upper], np.quantile(draws, [0.025, 0.975]), atol=0.02)


def test_one_row_of_a_known_effect_gains_nothing() -> None:
    joint = np.zeros((3, 2, 2))
    joint[:, 1, 1] = 1.0
    found = Outlook(np.zeros(3), joint, np.ones((3, 1)), np.zeros(1, dtype=np.int64), 0.5)
    assert (found.gain(0) == 0).all()


def test_an_estimand_that_cannot_be_told_beforehand_is_refused_by_name(order_spec: ModelSpec) -> None:
    with pytest.raises(MissingData, match=r"'rat' is no estimand of it.*drop"):
        estimand_of(order_spec, "rat")
