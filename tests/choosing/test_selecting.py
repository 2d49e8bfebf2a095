"""Candidates ranked by draws of what they gain; what is refused, and what is said first."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from taskorder.choosing import selecting
from taskorder.choosing.selecting import Wanted, candidates_of, ranked, select
from taskorder.errors import MissingData
from taskorder.inference.fitting import fit_rows
from taskorder.inference.session import Settings
from taskorder.inference.spec import ModelSpec
from taskorder.moderators import attach
from taskorder.results.catalogue import Covariates

Make = Callable[..., pd.DataFrame]


def test_the_best_of_well_known_gains_is_found() -> None:
    gains = np.random.default_rng(1).normal([0.0, 3.0, 1.0], 0.2, (2000, 3))
    table, by_chance = ranked(["a", "b", "c"], gains)
    assert table["sequence"].tolist() == ["b", "c", "a"]
    assert table["best"].tolist() == [1.0, 0.0, 0.0]
    assert np.allclose(table["regret"], [0.0, 2.0, 3.0], atol=0.05)
    assert by_chance.gain == pytest.approx(4 / 3, abs=0.05)
    assert by_chance.regret == pytest.approx(table["regret"].mean())


def test_probabilities_of_being_best_add_up_and_ties_share_them() -> None:
    gains = np.random.default_rng(2).normal(size=(500, 3))
    table, _ = ranked(["a", "b", "c", "d"], np.column_stack([gains, gains[:, 2]]))
    assert table["best"].sum() == pytest.approx(1.0)
    twins = table.set_index("sequence").loc[["c", "d"], "best"]
    assert twins.iloc[0] == twins.iloc[1]
    same, by_chance = ranked(["a", "b"], np.zeros((10, 2)))
    assert same["best"].tolist() == [0.5, 0.5]
    assert by_chance.regret == 0.0


def test_nothing_to_choose_among_is_refused() -> None:
    with pytest.raises(MissingData, match="no intermediate tasks"):
        ranked([], np.zeros((10, 0)))


def test_candidates_are_all_orders_of_what_the_study_has(make_orders: Make) -> None:
    rows = make_orders()
    assert candidates_of(rows, Wanted("goal0", ("sw",))) == ("one", "three", "two")
    assert len(candidates_of(rows, Wanted("goal0", ("sw",), 3))) == 6
    assert "one>three" not in candidates_of(rows, Wanted("three", ("sw",), 2))
    with pytest.raises(MissingData, match=r"4 intermediate tasks .* tells of 3 \(one, three, two\)"):
        candidates_of(rows, Wanted("goal0", ("sw",), 4))
    many = rows.assign(sequence=[f"t{i}" for i in range(len(rows))])
    with pytest.raises(MissingData, match=r"orders, more than 5,000"):
        candidates_of(many, Wanted("goal0", ("sw",), 4))


@pytest.fixture
def shop(
    make_rows: Make, spec: ModelSpec, known: Covariates, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Wanted], selecting.Selection]:
    """Select from the planted rows, fitted once."""
    rows = make_rows()
    fit = fit_rows(spec, rows, known, engine="collapsed", seed=3, draws=400)
    monkeypatch.setattr(selecting, "_asked", lambda *_: (spec, rows))
    monkeypatch.setattr(selecting, "fitted", lambda *_: SimpleNamespace(fit=fit))
    return lambda wanted: select(wanted, known, Settings())


def test_a_planted_best_task_is_recovered_and_unknown_names_are_refused(
    shop: Callable[[Wanted], selecting.Selection], known: Covariates
) -> None:
    alike = known.similarity.set_index(["task", "target"])["similarity"]
    found = shop(Wanted("goal2", ("en", "sw"), backbone="small"))
    worth = {stage: alike[stage, "goal2"] for stage in found.table["sequence"]}
    truth = max(worth, key=lambda stage: worth[stage])
    assert found.table["sequence"].iloc[0] == truth
    assert found.table["best"].iloc[0] > 0.5
    assert found.text().startswith(f"{truth} stands out before goal2 for en, sw")
    for wanted, message in (
        (Wanted("goal22", ("en",)), r"no target 'goal22'.*Did you mean 'goal2'"),
        (Wanted("goal2", ("swa",)), r"no language 'swa'.*Did you mean 'sw'"),
        (Wanted("goal2", ("en",), backbone="smal"), r"no backbone 'smal'.*Did you mean 'small'"),
        (Wanted("goal2", ()), "ask for a language"),
        (Wanted("goal2", ("en",), 0), "ask for at least one stage"),
    ):
        with pytest.raises(MissingData, match=message):
            shop(wanted)


def test_where_nothing_can_be_told_apart_it_says_so_first(
    shop: Callable[[Wanted], selecting.Selection],
) -> None:
    found = shop(Wanted("six", ("sw",)))
    apart = replace(found, table=found.table.assign(best=1 / len(found.table)))
    assert apart.text().startswith("No candidate stands out before six for sw")
    assert "as for any new target" in found.text()
    assert "a backbone that the tables do not have, in study ours (of 2 backbones)" in found.text()
    assert '"best"' in found.json()


def test_levels_that_no_row_has_are_named_or_counted(
    shop: Callable[[Wanted], selecting.Selection],
) -> None:
    seen = shop(Wanted("goal2", ("en",), backbone="small"))
    assert "of their group: arm ours/small/full//goal2/en." in seen.text()
    other = shop(Wanted("six", ("sw",)))
    assert "No row has these levels, which are drawn as any of their group:" in other.text()
    assert "5 of stage:target" in other.text()


@pytest.mark.parametrize(
    ("best", "stands_out"), [((0.9, 0.1), False), ((0.97, 0.03), True), ((0.7, 0.2, 0.1), True)]
)
def test_the_better_of_two_can_stand_out(best: tuple[float, ...], *, stands_out: bool) -> None:
    names = ["a", "b", "c"][: len(best)]
    table, by_chance = ranked(names, np.zeros((10, len(best))))
    found = selecting.Selection(
        Wanted("goal", ("sw",)), "small", table.assign(best=best), by_chance, notes=()
    )
    assert found.text().startswith("a stands out" if stands_out else "No candidate stands out")


def test_of_several_tunings_the_usual_one_is_taken_and_named(
    make_rows: Make, spec: ModelSpec, known: Covariates, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = make_rows()
    fit = fit_rows(spec, rows, known, engine="collapsed", seed=3, draws=400)
    mixed = rows.assign(tuning=["lora", *["full"] * (len(rows) - 1)])
    monkeypatch.setattr(selecting, "_asked", lambda *_: (spec, mixed))
    monkeypatch.setattr(selecting, "fitted", lambda *_: SimpleNamespace(fit=fit))
    found = select(Wanted("goal0", ("en",)), known, Settings())
    assert "For tuning full, which study ours has most of (also lora)." in found.notes


def test_columns_that_are_made_anew_are_those_that_moderators_attach(
    make_orders: Make, known: Covariates
) -> None:
    raw = make_orders()
    rows = attach(raw, known, ("gap",), ("text",))
    assert selecting._of_tables(rows) == list(raw.columns)
    made = {name for name in set(rows) - set(raw) if not name.startswith("distance_")}
    assert made == set(selecting._ATTACHED)
