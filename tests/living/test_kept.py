"""What is kept of a change: all of it or nothing, whenever the process is killed; verdicts with gates."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from taskorder.claims import ledger as ledgers
from taskorder.claims.examining import Examination
from taskorder.claims.variants import Analysis
from taskorder.inference.session import Found
from taskorder.living import comparing
from taskorder.living.change import Change
from taskorder.living.project import here
from taskorder.living.refitting import Wishes, refit, undo
from taskorder.reporting import history
from taskorder.results.catalogue import Covariates

from .conftest import Rows


def test_a_refit_and_an_undo_killed_at_any_write_leave_the_state_before_or_after(
    root: Path, rows: Rows, wishes: Wishes
) -> None:
    new = rows("f1.csv", metric="f1")
    refit([rows("first.csv", "first", metric="f1")], wishes)
    command = [sys.executable, Path(__file__).with_name("killed_refit.py"), root, new]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    added, undone = map(int, done.stdout.split())
    assert added > 15
    assert undone > 8


@pytest.mark.usefixtures("root")
def test_verdicts_with_their_gates_are_entered(
    rows: Rows, wishes: Wishes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing_otherwise(found: Found, table: pd.DataFrame, known: Covariates, *_: object, **__: object):
        return Examination(Analysis(found.fit, table, known), (), ())

    monkeypatch.setattr(comparing, "examine", nothing_otherwise)
    change = refit([rows("mine.csv", gain=9.0)], replace(wishes, gates=True))
    assert isinstance(change, Change)
    (one,) = change.models[0].claims
    assert one.after.gates == {"grounded": True, "reproduced": False, "attacked": False}
    assert one.words == (one.before.verdict, one.after.verdict)
    ledger = ledgers.read(here().ledger)
    assert [entry.event for entry in ledger.entries] == ["added", "registered", "judged"]
    files = ledger.entries[2].content["files"]
    assert isinstance(files, dict)
    assert "data/added/0001-mine.csv" in files


@pytest.mark.usefixtures("root")
def test_the_report_tells_what_the_ledger_says_of_rows(rows: Rows, wishes: Wishes) -> None:
    refit([rows("f1.csv", metric="f1")], wishes)
    undo(wishes)
    part = history.ledger(ledgers.read(here().ledger), ())
    assert "rows taken back" in str(part["table"])
    assert "data/added/0001-f1.csv (16 rows); no other decision" in str(part["table"])
    assert "on no claims" in str(part["text"])
