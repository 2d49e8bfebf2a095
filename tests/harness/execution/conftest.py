"""Experiments that are done by `fake_work`, which is found by name in this and in other processes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from taskorder.harness.execution.running import Done, Means, Places, run
from taskorder.harness.experiment import Experiment, read_experiment

HERE = Path(__file__).parent
WORK = "fake_work"

SMALL = """\
name = "small"
backbones = ["some/tiny"]
seeds = [{seeds}]

[sequences]
pool = ["a", "b", "c"]
lengths = [0, 1, 2]

[targets]
t = {{ evaluate = [{languages}] }}

[training]
keep = "{keep}"
{more}
"""


def small(
    folder: Path, *, seeds: str = "0", keep: str = "leaves", languages: str = '"de", "fi"', more: str = ""
) -> Experiment:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "experiment.toml"
    file.write_text(SMALL.format(seeds=seeds, keep=keep, languages=languages, more=more), encoding="utf-8")
    return read_experiment(file)


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("PYTHONPATH", str(HERE))


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Return what the work has been asked for since the last look, in whichever process."""
    file = tmp_path / "log"
    monkeypatch.setenv("FAKE_LOG", str(file))

    def look() -> list[str]:
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return lines

    return look


def done(experiment: Experiment, folder: Path, means: Means | None = None, *, force: bool = False) -> Done:
    return run(experiment, Places(folder, folder / "results.csv"), means, work=WORK, force=force)
