"""Candidates ranked by draws of what they gain; what is refused, and what is said first."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from taskorder.choosing import selecting
from taskorder.choosing.caveats import of_place
from taskorder.choosing.forecast import Place
from taskorder.choosing.selecting import Wanted, candidates_of, ranked, select
from taskorder.errors import MissingData
from taskorder.inference.fitting import Fit, fit_rows, select_rows
from taskorder.inference.session import Settings
from taskorder.inference.spec import GroupSpec, ModelSpec
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


@pytest.fixture(scope="module")
def planted(make_rows: Make, spec: ModelSpec, known: Covariates) -> tuple[pd.DataFrame, Fit]:
    rows = make_rows()
    return rows, fit_rows(spec, rows, known, engine="collapsed", seed=3, draws=400)


@pytest.fixture
def shop(
    planted: tuple[pd.DataFrame, Fit], spec: ModelSpec, known: Covariates, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Wanted], selecting.Selection]:
    """Select from the planted rows, fitted once."""
    rows, fit = planted
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
        (Wanted("goal2", ("swa",)), r"no language 'swa' is known: .*write 'sw'"),
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
    assert "For a backbone that no row has: what is particular to it is drawn" in found.text()
    assert "Candidates are those of study ours" in found.text()
    assert "All rows are of study ours: what is particular to it counts." in found.text()
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
    planted: tuple[pd.DataFrame, Fit], spec: ModelSpec, known: Covariates, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, fit = planted
    mixed = rows.assign(tuning=["lora", *["full"] * (len(rows) - 1)])
    monkeypatch.setattr(selecting, "_asked", lambda *_: (spec, mixed))
    monkeypatch.setattr(selecting, "fitted", lambda *_: SimpleNamespace(fit=fit))
    found = select(Wanted("goal0", ("en",)), known, Settings())
    assert "For tuning full, which study ours has most of (also lora)." in found.notes


COST = 0.08
"""What stages cost in the second study, as a fraction, and not in the first."""


@pytest.fixture(scope="module")
def fits(
    make_orders: Make, order_spec: ModelSpec, known: Covariates
) -> dict[str, tuple[ModelSpec, pd.DataFrame, Fit]]:
    """One study, and two of one design, with levels for their lengths."""
    length = GroupSpec(columns=("study", "target", "steps"), where="steps >= 1")
    spec = order_spec.model_copy(update={"groups": {**order_spec.groups, "length": length}})
    first = make_orders().assign(study="a", backbone="of_a")
    second = make_orders(noise=4).assign(study="b", backbone="of_b")
    second["score"] -= COST * (second["sequence"] != "")
    tables = {"one": first, "two": pd.concat([first, second], ignore_index=True)}
    rows = {name: select_rows(table, spec, known) for name, table in tables.items()}
    return {
        name: (spec, own, fit_rows(spec, own, known, engine="collapsed", seed=3, draws=400))
        for name, own in rows.items()
    }


@pytest.fixture
def choose(
    fits: dict[str, tuple[ModelSpec, pd.DataFrame, Fit]], known: Covariates, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., selecting.Selection]:
    """Select by the fit to one study or to two, for a backbone or for any."""

    def chosen(studies: str, backbone: str = "") -> selecting.Selection:
        spec, rows, fit = fits[studies]
        monkeypatch.setattr(selecting, "_asked", lambda *_: (spec, rows))
        monkeypatch.setattr(selecting, "fitted", lambda *_: SimpleNamespace(fit=fit))
        return select(Wanted("goal0", ("sw",), backbone=backbone), known, Settings())

    return chosen


def test_of_studies_that_are_tied_neither_is_taken_for_that_of_the_runs_to_come(
    choose: Callable[..., selecting.Selection],
) -> None:
    found = choose("two")
    assert "For a backbone and a study that no row has: what is particular to them is drawn" in found.text()
    assert "length (another)/goal0/1" in found.text()
    anywhere, in_a, in_b = (
        one.table.set_index("sequence") for one in (found, choose("two", "of_a"), choose("two", "of_b"))
    )
    assert (in_a["gain"] - in_b["gain"]).mean() == pytest.approx(100 * COST, abs=3)
    for one in (in_a, in_b):
        assert (anywhere["upper"] - anywhere["lower"]).gt(one["upper"] - one["lower"]).all()
        assert one["gain"].between(anywhere["lower"], anywhere["upper"]).all()
    assert "length (another)" not in choose("two", "of_a").text()


def test_what_all_rows_share_counts_and_is_named(choose: Callable[..., selecting.Selection]) -> None:
    found, named = choose("one"), choose("one", "of_a")
    assert "All rows are of backbone of_a and study a: what is particular to them counts." in found.notes
    assert found.table.equals(named.table)
    assert "has a task do the same in every backbone" in named.text()


def test_of_several_studies_of_a_backbone_the_one_that_counts_is_named(
    make_rows: Make, spec: ModelSpec
) -> None:
    rows = make_rows()
    both = pd.concat([rows, rows[rows["sequence"] == "one"].assign(study="theirs")], ignore_index=True)
    own = selecting._study(both, Wanted("goal0", ("en",), backbone="small"))
    here = Place(own.iloc[[0]], "goal0", ("en",), "ours", "small", "full")
    said = " ".join(of_place(spec.name, both, own, here, asked=True))
    assert "What is particular to study ours counts: of the 2 studies of backbone small" in said
    assert "no row has" not in said


def test_columns_that_are_made_anew_are_those_that_moderators_attach(
    make_orders: Make, known: Covariates
) -> None:
    raw = make_orders()
    rows = attach(raw, known, ("gap",), ("text",))
    assert selecting._of_tables(rows) == list(raw.columns)
    made = {name for name in set(rows) - set(raw) if not name.startswith("distance_")}
    assert made == set(selecting._ATTACHED)


def test_gains_that_no_score_can_have_are_no_answer() -> None:
    gains = np.random.default_rng(1).normal(0.0, 40.0, (1000, 3))
    found = selecting.Selection(Wanted("goal", ("sw",)), "small", *ranked(["a", "b", "c"], gains), notes=())
    assert found.text().startswith("The rows do not tell what to train before goal for sw")


def test_names_that_are_not_known_are_answered_with_those_that_are(
    shop: Callable[[Wanted], selecting.Selection],
) -> None:
    with pytest.raises(MissingData, match=r"They have .*small"):
        shop(Wanted("goal2", ("en",), backbone="qqq"))
    with pytest.raises(MissingData, match="each on its own"):
        shop(Wanted("goal2", ("en,sw",)))
