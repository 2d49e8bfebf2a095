"""What is kept of a change: all of it or nothing, whenever the process is killed; verdicts with gates."""

import subprocess
import sys
from collections.abc import Callable
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

type Rows = Callable[..., Path]

KILLED_AT_EVERY_WRITE = """
import os, shutil, sys
from pathlib import Path
from taskorder import together
from taskorder.claims import ledger
from taskorder.inference.session import Settings
from taskorder.living.project import here
from taskorder.living import refitting
from taskorder.living.refitting import Wishes, refit, undo
from taskorder.paths import rooted

root, new = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
wishes, dry = Wishes((), Settings()), Wishes((), Settings(), dry=True)
added = root / "data/added/0002-f1.csv"
kept = root.with_name("kept")
writes = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.copyfile"}


def state():
    passed = ("models/fits", "data/added/.", "reports/.")
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith(passed)}


def dying(last, act):
    seen = 0

    def watch(event, arguments):
        nonlocal seen
        writing = event in writes or (event == "open" and "w" in str(arguments[1]))
        if writing and str(root) in str(arguments[0]):
            seen += 1
            if seen == last:
                os._exit(9)

    sys.addaudithook(watch)
    act()
    os._exit(0)


def through(act):
    before, after, last = state(), None, 0
    shutil.copytree(root, kept, symlinks=True)
    while True:
        last += 1
        child = os.fork()
        if not child:
            dying(last, act)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        together.recovered(root / "reports")
        assert not ledger.read(here().ledger).faults, last
        if code == 0:
            break
        assert code == 9, code
        if state() != before:
            after = after or state()
            assert state() == after, last
            shutil.rmtree(root)
            shutil.copytree(kept, root, symlinks=True)
    assert after in (None, state())
    shutil.rmtree(kept)
    return last


with rooted(root):
    change = refit([new], dry)
    writes_of_refit = through(lambda: refitting._made(here(), change, {added: new.read_bytes()}))
    back = undo(dry)
    print(writes_of_refit, through(lambda: refitting._made(here(), back, {added: None})))
"""


def test_a_refit_and_an_undo_killed_at_any_write_leave_the_state_before_or_after(
    root: Path, rows: Rows, wishes: Wishes
) -> None:
    new = rows("f1.csv", metric="f1")
    refit([rows("first.csv", "first", metric="f1")], wishes)
    command = [sys.executable, "-c", KILLED_AT_EVERY_WRITE, str(root), str(new)]
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
