"""Refit and undo, killed at one write after the other: ROOT NEW. Prints how many writes each makes."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from dying import die_at

from taskorder import together
from taskorder.claims import ledger
from taskorder.inference.session import Settings
from taskorder.living import refitting
from taskorder.living.change import Change
from taskorder.living.project import here
from taskorder.living.refitting import Wishes, refit, undo
from taskorder.paths import rooted

root, new = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
dry = Wishes((), Settings(), dry=True)
added = root / "data/added/0002-f1.csv"
kept = root.with_name("kept")


def state() -> dict[str, bytes]:
    passed = ("models/fits", "data/added/.", "reports/.")
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith(passed)}


def exit_status(last: int, act: Callable[[], object]) -> int:
    """Act in a child that dies at its `last` write, if it makes so many."""
    child = os.fork()
    if not child:
        die_at(last, root)
        act()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def through(act: Callable[[], object]) -> int:
    before, after, last, code = state(), None, 0, 9
    shutil.copytree(root, kept, symlinks=True)
    while code:
        last += 1
        code = exit_status(last, act)
        assert code in (0, 9), code
        together.recovered(root / "reports")
        assert not ledger.read(here().ledger).faults, last
        if code and state() != before:
            after = after or state()
            assert state() == after, last
            shutil.rmtree(root)
            shutil.copytree(kept, root, symlinks=True)
    assert after in (None, state())
    shutil.rmtree(kept)
    return last


with rooted(root):
    change = refit([new], dry)
    assert isinstance(change, Change)
    writes = through(lambda: refitting._made(here(), change, {added: new.read_bytes()}))
    back = undo(dry)
    print(writes, through(lambda: refitting._made(here(), back, {added: None})))
