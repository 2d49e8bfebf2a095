"""Tables added to a project and taken back: what is fitted, told, kept, and never kept by halves."""

import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from taskorder.claims import ledger as ledgers
from taskorder.errors import FitFailed, InvalidTable, MissingData, TaskorderError
from taskorder.inference.criticism.leaving_out import sketches_without_cells, whole
from taskorder.inference.criticism.sketches import Sketched, sketch_of
from taskorder.inference.layout.design import laid_out
from taskorder.inference.layout.rows import read_rows
from taskorder.inference.session import fitted, read_tables, tables_of
from taskorder.inference.spec import read_model
from taskorder.living import expecting, reach
from taskorder.living.change import Change
from taskorder.living.project import held, here
from taskorder.living.refitting import Wishes, refit, undo
from taskorder.living.telling import markdown, text, written
from taskorder.processes import processes
from taskorder.results.catalogue import covariates

from .conftest import Rows


def tree(root: Path, *, without: tuple[str, ...] = ("models/fits",)) -> dict[str, bytes]:
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith(without)}


def added(found: object) -> Change:
    assert isinstance(found, Change)
    return found


def edited(root: Path, old: str, new: str) -> Path:
    """Replace some text of the model file, and return it."""
    model = root / "models/small.toml"
    content = model.read_text("utf-8")
    assert old in content
    model.write_text(content.replace(old, new), "utf-8")
    return model


def test_rows_are_added_fitted_told_entered_and_taken_back(root: Path, rows: Rows, wishes: Wishes) -> None:
    before = tree(root)
    new = rows("mine.csv", gain=9.0)
    change = added(refit([new], wishes))
    (model,) = change.models
    assert change.failed == ()

    assert (root / "data/added/0001-mine.csv").read_bytes() == new.read_bytes()
    assert [(fate.rows, fate.reason) for fate in model.fates] == [(16, "modelled")]
    assert sum(fate.rows for fate in change.untouched["apart"]) == change.rows == 16
    stage = model.estimands.set_index("estimand").loc["stage_points"]
    assert stage["mean_after"] - stage["mean_before"] == pytest.approx(stage["shift"])
    assert stage["shift_sd"] == pytest.approx(stage["shift"] / stage["sd_before"])
    assert stage["shift"] > 1
    assert {name for name in tree(root) if name not in before} == {
        "data/added/0001-mine.csv",
        "reports/ledger.jsonl",
        "reports/ledger.head",
        *(f"reports/changes/0001-mine/{name}" for name in written(change)),
    }

    spec, said = read_model(root / "models/small.toml"), list[str]()
    again = fitted(spec, (), covariates(), wishes.settings, said.append)
    assert not again.fresh
    assert again.fit.manifest["inputs"][-1]["path"] == "data/added/0001-mine.csv"
    same = refit([new], wishes, said.append)
    assert isinstance(same, tuple)
    assert said == [f"{new} is data/added/0001-mine.csv already"]

    said.clear()
    back = undo(wishes, said.append)
    assert said == []
    back_stage = back.models[0].estimands.set_index("estimand").loc["stage_points"]
    assert back_stage["shift"] == pytest.approx(-stage["shift"])
    kept = ("models/fits", "reports/ledger", "reports/changes")
    assert tree(root, without=kept) == tree_of(before, without=kept)
    ledger = ledgers.read(here().ledger)
    assert ledger.faults == ()
    assert [entry.event for entry in ledger.entries] == ["added", "taken_back"]
    assert ledger.entries[1].content["entry"] == 1
    with pytest.raises(MissingData, match="no table that taskorder refit added"):
        undo(wishes)
    assert added(refit([rows("mine.csv", metric="f1")], wishes)).name == "0002-mine"


def tree_of(files: dict[str, bytes], *, without: tuple[str, ...]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if not name.startswith(without)}


def test_a_claim_that_changes_is_told_with_both_probabilities(root: Path, rows: Rows, wishes: Wishes) -> None:
    claims = root / "reports/claims.toml"
    claims.write_text(claims.read_text("utf-8").replace("rope = 5", "rope = 1"), "utf-8")
    change = added(refit([rows("a.csv", "three", gain=11.0), rows("b.csv", "four", gain=11.0)], wishes))
    (one,) = change.models[0].claims
    assert one.words == ("undecided", "supported")
    assert "stages-help: undecided before, supported after" in text(change)
    assert f"{one.after.judgement.probability:.3f}" in text(change)
    told = ledgers.read(here().ledger).entries[0].content["claims"]
    assert told == {
        "stages-help": {
            "before": [one.words[0], round(one.before.judgement.probability, 6)],
            "after": [one.words[1], round(one.after.judgement.probability, 6)],
            "gates": False,
        }
    }
    assert change.tables[1].table == "data/added/0002-b.csv"
    moved = change.models[0].moved.query("estimand == 'stage_points'").set_index("group")
    assert moved["rows"].sum() == change.rows == 32
    assert moved["shift"].idxmax() != "direct"


def test_tables_that_were_added_together_are_taken_back_together(
    root: Path, rows: Rows, wishes: Wishes
) -> None:
    refit([rows("a.csv", "three", metric="f1"), rows("b.csv", "four", metric="f1")], wishes)
    assert [path.name for path in here().tables()] == ["0001-a.csv", "0002-b.csv"]
    assert undo(wishes).studies == {"three": 16, "four": 16}
    assert list((root / "data/added").glob("*")) == []


def test_what_moved_is_told_apart_where_cells_are_shared_with_old_rows(
    root: Path, rows: Rows, wishes: Wishes
) -> None:
    """Extra seeds of a known study: without them the posterior is that of before."""
    spec, known = read_model(root / "models/small.toml"), covariates()
    extra = rows("extra.csv", "one", gain=6.0, seeds=(2, 3, 4))
    before = fitted(spec, (), known, wishes.settings).fit
    paths = [*tables_of(spec), extra]
    after = fitted(spec, paths, known, wishes.settings).fit
    frame, _ = read_tables(spec, paths, known)
    new = np.arange(len(frame)) >= len(frame) - 24
    found = reach.reach(frame, new, spec, known)
    assert found.modelled.sum() == 24
    group = pd.Series(np.where(found.modelled, "new", ""))
    design = laid_out(read_rows(found.rows, spec, known), known, group)
    cells = np.zeros(len(design.cells.mean), dtype=bool)
    cells[design.row_cell[group == "new"]] = True
    all_rows = whole(design, spec, after.tree["posterior"].to_dataset())
    sketches = sketches_without_cells(all_rows, [("new", cells)], seed=1, paired=True)
    assert sketches[1].rows == 24
    old = before.summary.set_index("parameter").loc["stage_points"]
    without = sketches[1].summary("stage_points")
    assert without["mean"] == pytest.approx(old["mean"], abs=0.3 * old["sd"])
    assert without["sd"] == pytest.approx(old["sd"], rel=0.25)


def test_seeds_that_repeat_old_scores_to_the_last_digit_are_refused(root: Path) -> None:
    """Old and new repeats are in one cell, though the new ones have cells of their own to be told apart."""
    spec, known = read_model(root / "models/small.toml"), covariates()
    frame, _ = read_tables(spec, tables_of(spec), known)
    old = frame[frame["seed"] == 0]
    again = pd.concat([old, old.assign(run=old["run"] + "x", seed=1)], ignore_index=True)
    with pytest.raises(MissingData, match=r"cannot tell apart have the same 'score' to the last digit"):
        reach.reach(again, np.arange(len(again)) >= len(old), spec, known)


def test_a_score_that_stands_already_is_an_error_that_names_both(
    root: Path, rows: Rows, wishes: Wishes
) -> None:
    before = tree(root)
    with pytest.raises(InvalidTable) as caught:
        refit([rows("again.csv", "one", gain=3.0)], wishes)
    message = str(caught.value)
    assert "again.csv:2:run: row 2 of" in message
    assert "one.csv has the same study, run, target" in message
    assert tree(root) == before


def test_a_table_that_has_grown_is_told_what_to_do(root: Path, rows: Rows, wishes: Wishes) -> None:
    new = rows("mine.csv", metric="f1", seeds=(0,))
    refit([new], wishes)
    with pytest.raises(InvalidTable, match="hand in the new rows only, or take it back"):
        refit([rows("mine.csv", metric="f1", seeds=(0, 1))], wishes)
    added_file = root / "data/added/0001-mine.csv"
    added_file.write_text(added_file.read_text("utf-8").replace("Table 1", "Table 2"), "utf-8")
    with pytest.raises(TaskorderError, match="not as it was added"):
        undo(wishes)


@pytest.mark.usefixtures("root")
def test_rows_that_no_model_takes_are_counted_with_the_reason(rows: Rows, wishes: Wishes) -> None:
    change = added(refit([rows("f1.csv", metric="f1")], wishes))
    assert change.models == ()
    (fate,) = change.untouched["small"]
    assert (fate.rows, fate.reason) == (16, "left out by [data] where: not (metric == 'accuracy')")
    assert "16 rows left out by [data] where" in markdown(change)


def test_unknown_tasks_are_named_with_the_remedy_and_unknown_languages_refused(
    root: Path, rows: Rows, wishes: Wishes
) -> None:
    dry = replace(wishes, dry=True)
    before = tree(root)
    change = added(refit([rows("own.csv", tasks=("snli", "imdb", "our_task"))], dry))
    fates = change.models[0].fates
    assert [fate.rows for fate in fates] == [12, 4]
    assert "no difficulty (shortfall) of our_task" in fates[1].reason
    assert "data/tasks.csv" in change.said[0]
    assert tree(root) == before
    strange = rows("strange.csv")
    strange.write_text(strange.read_text("utf-8").replace(",en,en,", ",en,zzz,"), "utf-8")
    with pytest.raises(InvalidTable, match=r"'zzz' is no code of data/languages.csv"):
        refit([strange], dry)


@pytest.mark.usefixtures("root")
def test_weighted_draws_tell_near_enough_what_the_fit_says(rows: Rows, wishes: Wishes) -> None:
    new = rows("mine.csv", gain=6.0)
    said: list[str] = []
    foretold = added(refit([new], replace(wishes, dry=True, full=False), said.append))
    (dry,) = foretold.models
    assert "fitting small to 48 rows (this can take a few minutes)" not in said
    assert dry.after is None
    assert re.fullmatch(r"After is told from [\d,]+ weighted draws\. --full fits the model\.", dry.told)
    true = added(refit([new], wishes)).models[0]
    assert dry.rows == true.rows
    assert dry.references == pytest.approx(true.references)
    before, after = (f"{100 * reference:.1f}" for reference in true.references)
    told = text(foretold)
    assert told.startswith("Would be added: data/added/0001-mine.csv")
    assert f"Points are stated at the mean score of the rows: {before} before, {after} after" in told
    roughly, found = (one.estimands.set_index("estimand").loc["stage_points"] for one in (dry, true))
    assert roughly["unit_after"] == found["unit_after"]
    assert roughly["mean_before"] == found["mean_before"]
    assert roughly["mean_after"] == pytest.approx(found["mean_after"], abs=0.3 * found["sd_after"])
    assert roughly["sd_after"] == pytest.approx(found["sd_after"], rel=0.25)
    ours, theirs = (one.claims[0].after.judgement for one in (dry, true))
    assert ours.probability == pytest.approx(theirs.probability, abs=0.1)
    both = dry.moved.merge(true.moved, on=["group", "estimand"], suffixes=("_told", "_measured"))
    assert len(both) == len(true.moved) == len(dry.moved) > 0
    assert both["rows_told"].tolist() == both["rows_measured"].tolist()
    assert (both["shift_sd_told"] - both["shift_sd_measured"]).abs().max() < 0.15
    assert both["shift_sd_told"].abs().max() > 0.15


@pytest.mark.usefixtures("root")
def test_rows_are_added_and_taken_back_without_a_fit(rows: Rows, wishes: Wishes) -> None:
    quick = replace(wishes, full=False)
    change = added(refit([rows("mine.csv", gain=6.0)], quick))
    content = ledgers.read(here().ledger).entries[-1].content["models"]
    assert isinstance(content, dict)
    assert (content["small"]["ok"], content["small"]["fitted"]) == (True, False)
    said: list[str] = []
    (back,) = added(undo(quick, said.append)).models
    assert back.before is None
    assert back.told.startswith("Before is told from ")
    assert not any(line.startswith("fitting") for line in said)
    there, again = (one.estimands.set_index("estimand").loc["stage_points"] for one in (*change.models, back))
    assert again["shift"] == pytest.approx(-there["shift"], abs=0.1 * there["sd_after"])


@pytest.mark.parametrize(("dry", "full"), [(True, False), (False, False), (False, True)])
def test_two_processes_say_of_two_models_what_one_says(
    root: Path, rows: Rows, wishes: Wishes, *, dry: bool, full: bool
) -> None:
    other = (root / "models/small.toml").read_text("utf-8").replace('name = "small"', 'name = "other"')
    (root / "models/other.toml").write_text(other, "utf-8")
    new, wishes = rows("mine.csv", gain=6.0), replace(wishes, dry=dry, full=full)
    with processes(1) as pool:
        first = added(refit([new], replace(wishes, pool=pool), print))
    if not dry:
        undo(wishes)
    assert {one.spec.name for one in first.models} == {"small", "other"}
    assert text(first) == text(added(refit([new], wishes, print))).replace("0002-", "0001-")


def test_a_model_that_fails_in_a_process_is_told_as_if_it_had_failed_here(
    root: Path, rows: Rows, wishes: Wishes
) -> None:
    small = edited(root, 'missing = "drop"', 'missing = "error"')
    (root / "models/other.toml").write_text(small.read_text("utf-8").replace('"small"', '"other"'), "utf-8")
    before = tree(root)
    said = r"nothing was added: model '\w+' cannot be .* no difficulty for"
    with processes(1) as pool, pytest.raises(MissingData, match=said):
        refit([rows("own.csv", tasks=("snli", "our_task"))], replace(wishes, pool=pool), print)
    assert tree(root) == before


def test_the_first_rows_of_a_model_have_nothing_before_them(root: Path, rows: Rows, wishes: Wishes) -> None:
    small = edited(root, '"data/published/*.csv", ', "")
    other = small.read_text("utf-8").replace('name = "small"', 'name = "other"')
    (root / "models/other.toml").write_text(other, "utf-8")
    change = added(refit([rows("mine.csv", gain=6.0)], replace(wishes, models=(small,))))
    assert change.models[0].rows == (0, 16)
    assert change.models[0].estimands["mean_before"].isna().all()
    assert "small: no fit before, 16 rows after" in text(change)
    assert "It could not be fitted before: none of its tables is there." in text(change)
    assert change.untouched["other"][0].reason.startswith("not followed")

    back = undo(wishes)
    assert [(one.spec.name, one.rows) for one in back.models] == [("small", (16, 0))]
    assert "It could not be fitted after: none of its tables is there." in text(back)
    assert back.said == ("Not compared (not refitted when the rows were added): other.",)


def test_a_model_that_could_not_be_fitted_before_says_why(root: Path, rows: Rows, wishes: Wishes) -> None:
    edited(root, "'accuracy'", "'f1'")
    change = added(refit([rows("mine.csv", metric="f1")], replace(wishes, dry=True)))
    assert change.models[0].rows == (0, 16)
    assert "It could not be fitted before: no rows are left after [data] where = " in text(change)


def test_nothing_is_added_where_nothing_can_be_told(
    root: Path, rows: Rows, wishes: Wishes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_a_mode(*_: object, **__: object) -> None:
        raise FitFailed("no mode can be found")

    monkeypatch.setattr(expecting, "sketch_of", without_a_mode)
    before = tree(root)
    with pytest.raises(FitFailed, match="nothing was added: no mode can be found"):
        refit([rows("mine.csv")], replace(wishes, full=False))
    assert tree(root) == before


@pytest.mark.usefixtures("root")
def test_draws_that_cannot_be_relied_on_decide_nothing(
    rows: Rows, wishes: Wishes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def doubtful(*arguments: Any, **named: Any) -> Sketched:
        found = sketch_of(*arguments, **named)
        return replace(found, sketch=replace(found.sketch, problem="Pareto k-hat is 0.90"))

    monkeypatch.setattr(expecting, "sketch_of", doubtful)
    change = added(refit([rows("mine.csv")], replace(wishes, full=False)))
    assert change.failed == ("small",)
    assert "they cannot be relied on: Pareto k-hat is 0.90. --full fits the model." in text(change)
    assert change.models[0].claims[0].words[1] == "undecided"


def test_nothing_is_added_where_a_model_could_not_be_fitted(root: Path, rows: Rows, wishes: Wishes) -> None:
    edited(root, 'missing = "drop"', 'missing = "error"')
    before = tree(root)
    with pytest.raises(MissingData, match=r"nothing was added: model 'small' cannot be .* no difficulty for"):
        refit([rows("own.csv", tasks=("snli", "our_task"))], wishes)
    assert tree(root) == before


def test_rows_that_no_longer_suit_a_model_can_be_taken_back(root: Path, rows: Rows, wishes: Wishes) -> None:
    refit([rows("own.csv", tasks=("snli", "our_task"), metric="f1")], wishes)
    edited(root, 'missing = "drop"', 'missing = "error"')
    model = edited(root, "'accuracy'", "'f1'")
    back = undo(replace(wishes, models=(model,)))
    assert "- 12 rows taken back, and the model not compared: model 'small' cannot be fitted" in text(back)
    assert not list((root / "data/added").glob("*"))


@pytest.mark.usefixtures("root")
def test_a_broken_ledger_is_no_place_for_an_entry(rows: Rows, wishes: Wishes) -> None:
    refit([rows("f1.csv", metric="f1")], wishes)
    path = here().ledger
    path.write_text(path.read_text("utf-8").replace("0001-f1", "0001-f2"), "utf-8")
    with pytest.raises(TaskorderError, match="Restore the ledger"):
        refit([rows("other.csv", "other", metric="f1")], wishes)


@pytest.mark.usefixtures("root")
def test_one_process_waits_for_another_and_says_for_whom() -> None:
    said: list[str] = []
    inside, done = threading.Event(), threading.Event()

    def other() -> None:
        with held(here(), said.append):
            inside.set()
            done.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    assert inside.wait(10)

    def release(sentence: str) -> None:
        said.append(sentence)
        done.set()

    with held(here(), release):
        assert done.is_set()
    thread.join()
    assert len(said) == 1
    assert said[0].startswith("waiting: process ")


@pytest.mark.usefixtures("root")
def test_the_tables_of_another_folder_are_not_mixed_with_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data/added").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TaskorderError, match="there are two projects"):
        here()


def test_conditions_are_taken_apart_where_and_joins_them() -> None:
    found = list(reach.conditions("a == 1 and (b == 2 or c == 3) and not d == 4"))
    assert found == ["a == 1", "b == 2 or c == 3", "not d == 4"]
    assert list(reach.conditions("a == 1 or b == 2")) == ["a == 1 or b == 2"]
    assert list(reach.conditions("")) == []


def test_rows_behind_means_over_languages_are_all_counted(root: Path, rows: Rows) -> None:
    spec, known = read_model(edited(root, "where =", 'average = "language"\nwhere =')), covariates()
    one = rows("one.csv", "english")
    two = rows("two.csv", tasks=("snli", "imdb", "our_task"))
    lines = two.read_text("utf-8").splitlines()
    second = [line.replace(",en,en,", ",en,sw,") for line in lines[1:]]
    two.write_text("\n".join([*lines, *second]) + "\n", "utf-8")
    frame, _ = read_tables(spec, [*tables_of(spec), one, two], known)
    modelled, dropped = reach.reach(frame, np.arange(len(frame)) >= 32, spec, known).fates
    assert (modelled.rows, modelled.reason) == (16 + 24, "modelled, as 28 means over languages")
    assert dropped.rows == 8
    assert dropped.reason.startswith("dropped: no difficulty")


@pytest.mark.parametrize(
    ("pattern", "read"), [("data/added/*.csv", True), ("*.csv", False), ("added/*.csv", False)]
)
def test_a_model_reads_the_tables_that_its_patterns_find(root: Path, pattern: str, *, read: bool) -> None:
    spec = read_model(root / "models/small.toml")
    data = spec.data.model_copy(update={"tables": (pattern,)})
    spec = spec.model_copy(update={"data": data})
    (root / "data/added").mkdir()
    (root / "data/added/0001-mine.csv").write_text("", "utf-8")
    assert reach.takes(spec, "data/added/0001-mine.csv") is read
    if read:
        assert [path.name for path in tables_of(spec)] == ["0001-mine.csv"]
    else:
        with pytest.raises(MissingData):
            tables_of(spec)


@pytest.mark.usefixtures("root")
def test_no_table_is_not_a_table_that_stands_already(wishes: Wishes) -> None:
    with pytest.raises(MissingData, match="no table to add is named"):
        refit([], wishes)
