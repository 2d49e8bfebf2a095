"""What a person sees of a plan: the tree, what is done, what it costs."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from taskorder.harness.execution.progress import Clock, counts, duration
from taskorder.harness.execution.running import Places, run
from taskorder.harness.execution.sweep import State
from taskorder.harness.experiments.experiment import read_experiment
from taskorder.harness.preview.preview import planned

EXPERIMENT = """
name = "orders"
backbones = ["some/tiny"]
seeds = [0, 1]

[sequences]
pool = [POOL]
lengths = [0, 1, 2, 3, 4]

[targets.t]
evaluate = ["de"]
"""
FOUR = '"a", "b", "c", "d"'


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "execution"))


def shown(folder: Path, pool: str = FOUR, lengths: str = "0, 1, 2, 3, 4") -> tuple[str, str, list[str]]:
    text = EXPERIMENT.replace("POOL", pool).replace("0, 1, 2, 3, 4", lengths)
    (folder / "experiment.toml").write_text(text)
    said: list[str] = []
    tree, costs = planned(folder / "experiment.toml", folder / "o", said.append, "fake_work")
    buffer = io.StringIO()
    Console(file=buffer, width=80).print(tree)
    return buffer.getvalue(), costs, said


def done(folder: Path) -> None:
    where = Places(folder / "o", folder / "o" / "results.csv")
    run(read_experiment(folder / "experiment.toml"), where, work="fake_work")


def test_a_small_tree_is_drawn_whole(tmp_path: Path) -> None:
    tree, costs, _ = shown(tmp_path, '"a", "b"', "0, 2")
    assert [line.strip("│├└─ ") for line in tree.splitlines()] == [
        "some/tiny, full", "t[en] (target)", "a", "b", "t[en] (target)", "b", "a", "t[en] (target)",
    ]  # fmt: skip
    assert "14 trainings (2 seeds); sharing saves 0." in costs
    assert "an estimate for one CPU core: nothing has been trained here yet" in costs


def test_a_large_tree_is_drawn_so_deep_as_it_can_be_read(tmp_path: Path) -> None:
    tree, costs, _ = shown(tmp_path)
    assert 10 < len(tree.splitlines()) <= 60
    assert "more stages after this one" in tree
    assert "258 trainings (2 seeds); sharing saves 264." in costs
    assert "To do: 258 trainings of about 258,000 tokens, 130 nodes to score." in costs


def test_what_is_done_is_seen_and_its_speed_is_used(tmp_path: Path) -> None:
    shown(tmp_path, '"a", "b"', "0, 1")
    done(tmp_path)
    tree, costs, said = shown(tmp_path, '"a", "b"', "0, 1, 2")
    assert tree.count("  done") == 3
    assert "at the speed of 10 finished trainings" in costs
    assert not said
    left = "To do: 12 trainings"  # both inner ones again, whose weights were dropped: 4, and 8 new ones
    assert left in costs


def test_looking_changes_nothing_and_tells_of_damage(tmp_path: Path) -> None:
    shown(tmp_path, '"a"', "0, 1")
    done(tmp_path)
    hit = next(iter(tmp_path.glob("o/nodes/*/scores/*.json")))
    hit.write_text("{}")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    said = shown(tmp_path, '"a"', "0, 1")[2]
    assert len(said) == 1
    assert "is not what was written" in said[0]
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    del before[tmp_path / "experiment.toml"], after[tmp_path / "experiment.toml"]
    assert before == after


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (89, "89 s"), (600, "10 min"), (3 * 3600, "3.0 h"), (86400 * 3, "3.0 days")],
)
def test_spans_of_time(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_time_left_is_known_from_what_is_done() -> None:
    now = [100.0]
    clock = Clock(lambda: now[0])
    now[0] = 160.0
    assert clock.left(State(0, 9, 0, (), 0, 900)) is None
    assert clock.left(State(1, 8, 0, (), 100, 800)) == 480
    assert clock.left(State(9, 0, 0, (), 900, 0)) == 0
    assert counts(State(1, 8, 2, (), 1, 1), 480) == "1 done, 0 running, 8 waiting, 2 failed"
