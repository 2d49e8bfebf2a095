"""A stage that is interrupted and goes on gives what an undisturbed one gives, to the byte."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")

from taskorder.files import sha256
from taskorder.harness.execution.running import WORK, Places, run
from taskorder.harness.execution.sweep import SweepFailed
from taskorder.harness.experiments.experiment import Experiment, read_experiment
from taskorder.harness.stages.snapshots import Snapshots
from taskorder.harness.tree.plan import plan
from taskorder.harness.tree.work import load

TASK = """
kind = "text"
labels = ["no", "yes"]
metrics = ["accuracy"]
[format]
reader = "tsv"
columns = { text = "text", label = "label" }
[files]
train = { en = "goal.tsv" }
dev = { en = "goal.tsv" }
test = { en = "goal.tsv", de = "goal.tsv" }
"""
RAW = 'kind = "lines"\n[format]\nreader = "lines"\n[files.train]\nmul = "raw.txt"\n'
EXPERIMENT = """
name = "tiny"
backbones = ["BACKBONE"]
tuning = ["TUNING"]
tasks = "own"
[sequences]
pool = ["mlm[mul]+goal"]
lengths = [1]
[targets.goal]
[training]
epochs = 6
batch_tokens = 128
max_length = 32
learning_rate = 3e-3
dev_points = 5
select = "best"
snapshot_minutes = MINUTES
keep = "all"
"""
MAIN = """
import sys
from pathlib import Path
from taskorder.harness.execution.running import Places, run
from taskorder.harness.experiments.experiment import read_experiment
run(read_experiment(sys.argv[1]), Places(Path(sys.argv[2]), Path(sys.argv[2]) / "results.csv"))
"""
ALWAYS, NEVER = "1e-9", "0"

type Make = Callable[..., Experiment]


@pytest.fixture
def make(tmp_path: Path, backbone: Callable[[str], Path]) -> Make:
    own = tmp_path / "own"
    own.mkdir()
    (own / "goal.toml").write_text(TASK)
    rows = [f"{'abc' * (i % 4)} {('good', 'bad')[i % 2]}\t{('yes', 'no')[i % 2]}" for i in range(48)]
    (own / "goal.tsv").write_text("\n".join(["text\tlabel", *rows]) + "\n")
    (own / "mlm.toml").write_text(RAW)
    (own / "raw.txt").write_text("abc def\nfed cba abc\n" * 20)

    def making(minutes: str, tuning: str = "full") -> Experiment:
        text = EXPERIMENT.replace("BACKBONE", str(backbone("bert")))
        (tmp_path / "experiment.toml").write_text(text.replace("MINUTES", minutes).replace("TUNING", tuning))
        return read_experiment(tmp_path / "experiment.toml")

    return making


def outcome(folder: Path) -> dict[str, str]:
    """Return the digests of all that a run made, but for how long it took."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.suffix in {".safetensors", ".csv"}]
    curves = [*folder.rglob("curve.json"), *folder.rglob("history.json")]
    return {str(file.relative_to(folder)): sha256(file) for file in [*files, *curves]}


def do(experiment: Experiment, folder: Path) -> dict[str, str]:
    run(experiment, Places(folder, folder / "results.csv"))
    return outcome(folder)


@contextmanager
def interrupted(monkeypatch: pytest.MonkeyPatch, after: int) -> Iterator[list[int]]:
    """Let training fail right after so many snapshots."""
    written: list[int] = []
    real = Snapshots.write

    def write(self: Snapshots, course: Any) -> None:
        real(self, course)
        written.append(course.progress.updates)
        if len(written) == after:
            raise RuntimeError("the light went out")

    with monkeypatch.context() as changed:
        changed.setattr(Snapshots, "write", write)
        yield written


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_an_interrupted_stage_ends_as_an_undisturbed_one(
    tuning: str,
    make: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    undisturbed = do(make(NEVER, tuning), tmp_path / "one")
    assert not (tmp_path / "one" / "snapshots").exists()
    experiment = make(ALWAYS, tuning)
    for after in (3, 11):
        with interrupted(monkeypatch, after) as written, pytest.raises(SweepFailed, match="the light"):
            do(experiment, tmp_path / "two")
        assert len(list((tmp_path / "two" / "snapshots").iterdir())) == 1
    assert written == list(range(4, 15))
    capsys.readouterr()
    assert do(experiment, tmp_path / "two") == undisturbed
    assert "It went on after 14 updates" in capsys.readouterr().err
    assert list((tmp_path / "two" / "snapshots").iterdir()) == []


def test_a_killed_process_goes_on(make: Make, tmp_path: Path) -> None:
    undisturbed = do(make(NEVER), tmp_path / "one")
    experiment = make(ALWAYS)
    (tmp_path / "main.py").write_text(MAIN)
    command = [sys.executable, "main.py", "experiment.toml", "two"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    snapshots = tmp_path / "two" / "snapshots"
    while process.poll() is None and not list(snapshots.glob("[!.]*")):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert list(snapshots.glob("[!.]*"))
    assert do(experiment, tmp_path / "two") == undisturbed


@pytest.mark.parametrize("damage", ["cut", "changed", "nonsense"])
def test_a_damaged_snapshot_is_told_and_left_out(
    damage: str,
    make: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    undisturbed = do(make(NEVER), tmp_path / "one")
    experiment = make(ALWAYS)
    with interrupted(monkeypatch, 5), pytest.raises(SweepFailed):
        do(experiment, tmp_path / "two")
    (file,) = (tmp_path / "two" / "snapshots").iterdir()
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes({"cut": content[:-9], "changed": content, "nonsense": b"no snapshot"}[damage])
    capsys.readouterr()
    assert do(experiment, tmp_path / "two") == undisturbed
    assert "is not what was written: the stage was trained from its beginning" in capsys.readouterr().err


def test_how_often_is_no_part_of_a_node(make: Make) -> None:
    assert plan(make("0"), load(WORK)).nodes == plan(make("3"), load(WORK)).nodes
