"""Files changed as one: a process that ends at any write leaves what was there before, or all that is new."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from taskorder import together

BEFORE = {"reports/changed.txt": "before", "reports/gone.txt": "here"}
AFTER = {
    "data/added/new.csv": "new",
    "reports/changed.txt": "after",
    "reports/changes/0001/change.md": "report",
}


def fresh(root: Path) -> Path:
    for name, text in BEFORE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    return root


def held(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text("utf-8")
        for path in root.rglob("*")
        if path.is_file()
    }


def folders(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_dir()}


def killed_at(root: Path, write: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, Path(__file__).with_name("killed_change.py"), root, str(write)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_process_killed_at_any_write_leaves_the_state_before_it(tmp_path: Path) -> None:
    whole = killed_at(fresh(tmp_path / "whole"), 0)
    writes = int(whole.stdout)
    assert writes > 12
    assert held(tmp_path / "whole") == AFTER
    committed = 0
    for write in range(1, writes + 1):
        root = fresh(tmp_path / str(write))
        assert killed_at(root, write).returncode == 9
        together.recovered(root / "reports")
        with together.alone(root / "reports"):
            pass
        committed += held(root) == AFTER
        assert held(root) == AFTER or (held(root), folders(root)) == (BEFORE, {"reports"}), write
    assert committed < 10


def test_taking_back_may_be_interrupted_and_begun_again(tmp_path: Path) -> None:
    root = fresh(tmp_path)
    folder = root / "reports"
    with together.alone(folder):
        together._stage(folder, folder / together.PENDING, {folder / "changed.txt": b"x", root / "a/b": b"y"})
    (root / "a").mkdir()
    (root / "a" / "b").write_text("y", "utf-8")
    (folder / "changed.txt").write_text("half", "utf-8")
    journal = json.loads((folder / together.PENDING / "journal.json").read_text("utf-8"))
    assert [entry["existed"] for entry in journal] == [True, False]
    (folder / "changed.txt").write_text("before", "utf-8")
    assert together.recovered(folder)
    assert not together.recovered(folder)
    assert held(root) == BEFORE
    assert folders(root) == {"reports"}


def test_a_failure_or_an_interruption_leaves_the_state_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = fresh(tmp_path)
    replace, calls = Path.replace, 0

    def interrupted(path: Path, target: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    files = {root / "data/new.csv": b"1", root / "reports/changed.txt": b"2", root / "reports/gone.txt": None}
    with pytest.raises(KeyboardInterrupt), together.alone(root / "reports"):
        together.change(root / "reports", files)
    assert held(root) == BEFORE
    assert folders(root) == {"reports"}


def test_a_change_that_another_process_ends_was_not_taken_back(tmp_path: Path) -> None:
    root = fresh(tmp_path)
    folder = root / "reports"
    inside, ended = threading.Event(), threading.Event()

    def changing() -> None:
        with together.alone(folder):
            together._stage(folder, folder / together.PENDING, {folder / "changed.txt": b"after"})
            inside.set()
            ended.wait(0.3)
            (folder / "changed.txt").write_text("after", "utf-8")
            (folder / together.PENDING).replace(folder / ".done-1")

    thread = threading.Thread(target=changing)
    thread.start()
    assert inside.wait(10)
    assert not together.recovered(folder)
    thread.join()
    assert (folder / "changed.txt").read_text("utf-8") == "after"
