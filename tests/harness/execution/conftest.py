"""Experiments that are done by `fake_work`, which is found by name in this and in other processes."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from taskorder.harness.execution.running import Done, Means, Places, run
from taskorder.harness.experiments.experiment import Experiment, read_experiment

HERE = Path(__file__).parent
WORK = "fake_work"

SMALL = """\
name = "small"
backbones = ["some/tiny"]
seeds = [{seeds}]

[sequences]
pool = ["a", "b", "c"]
lengths = [{lengths}]

[targets]
t = {{ evaluate = [{languages}] }}

[training]
keep = "{keep}"

{more}
"""

MAIN = """\
import signal
import sys
from pathlib import Path
from taskorder.errors import TaskorderError
from taskorder.harness.execution.running import Means, Places, run
from taskorder.harness.experiments.experiment import read_experiment

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    file, folder, workers = sys.argv[1:]
    where = Places(Path(folder), Path(folder) / "results.csv")
    try:
        run(read_experiment(file), where, Means(int(workers)), work="fake_work")
    except TaskorderError as error:
        sys.exit(str(error))
"""

type Small = Callable[..., Experiment]
type Do = Callable[..., Done]
type Log = Callable[[], list[str]]
type Launch = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """Write and read a small experiment: three tasks before one target."""

    def make(
        *,
        seeds: str = "0",
        lengths: str = "0, 1, 2",
        keep: str = "leaves",
        languages: str = '"de", "fi"',
        more: str = "",
    ) -> Experiment:
        file = tmp_path / "experiment.toml"
        text = SMALL.format(seeds=seeds, lengths=lengths, languages=languages, keep=keep, more=more)
        file.write_text(text, encoding="utf-8")
        return read_experiment(file)

    return make


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("PYTHONPATH", str(HERE))


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    """Return what the work has been asked for since the last look, in whichever process."""
    file = tmp_path / "log"
    monkeypatch.setenv("FAKE_LOG", str(file))

    def look() -> list[str]:
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return lines

    return look


@pytest.fixture
def do(tmp_path: Path) -> Do:
    """Run an experiment, in `tmp_path / "out"` unless another folder is named."""

    def doing(
        experiment: Experiment, means: Means | None = None, *, folder: str = "out", force: bool = False
    ) -> Done:
        place = tmp_path / folder
        return run(experiment, Places(place, place / "results.csv"), means, work=WORK, force=force)

    return doing


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    """Run the experiment that `small` wrote in a process of its own."""
    (tmp_path / "main.py").write_text(MAIN)

    def start(folder: str, workers: int = 1, **environment: str) -> subprocess.Popen[str]:
        arguments = [tmp_path / "main.py", tmp_path / "experiment.toml", tmp_path / folder, str(workers)]
        return subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            env=os.environ | {f"FAKE_{name}": value for name, value in environment.items()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start
