"""An experiment is done once, and what is missing is all that is done again."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from taskorder.errors import InvalidExperiment
from taskorder.harness.execution.locking import FolderInUse, locked
from taskorder.harness.execution.running import Done, Means, places
from taskorder.harness.execution.sweep import SweepFailed
from taskorder.harness.experiments.experiment import Experiment
from taskorder.harness.tree.nodes import Store
from taskorder.results.reading import read

type Small = Callable[..., Experiment]
type Do = Callable[..., Done]
type Log = Callable[[], list[str]]


def trained(lines: list[str]) -> list[str]:
    return [line.split()[1] for line in lines if line.startswith("train")]


def scored(lines: list[str]) -> list[str]:
    return [line.split()[1] for line in lines if line.startswith("score")]


def weights(folder: Path) -> set[str]:
    return {path.parent.name for path in folder.glob("nodes/*/*.safetensors")}


def by_role(done: Done, role: str) -> list[str]:
    return [node.id for node in done.plan.nodes if node.role == role]


def test_every_node_is_trained_once_and_its_scores_are_a_valid_table(small: Small, do: Do, log: Log) -> None:
    done = do(small(seeds="0, 1", more='[evaluation]\nperturbations = ["typos:0.1"]'))
    lines = log()
    assert sorted(trained(lines)) == sorted(node.id for node in done.plan.nodes)
    assert sorted(scored(lines)) == sorted(by_role(done, "target"))
    table = read(done.table)
    assert len(table.frame) == 2 * 10 * 2 * 2 * 2
    assert table.runs == 20
    assert set(table.frame["sequence"]) >= {"", "a", "a>b", "c>b"}
    assert set(table.frame["versions"]) == {"fake=1.0"}
    assert table.frame["dev_score"].between(0, 1).all()


def test_a_second_run_does_nothing(small: Small, do: Do, log: Log) -> None:
    first = do(small())
    before, changed = first.table.read_bytes(), first.table.stat().st_mtime_ns
    log()
    again = do(small())
    assert not log()
    assert (again.trained, again.scored, again.written) == (0, 0, False)
    assert (first.table.read_bytes(), first.table.stat().st_mtime_ns) == (before, changed)


def test_another_language_or_perturbation_only_evaluates(small: Small, do: Do, log: Log) -> None:
    first = do(small())
    rows = first.table.read_text().splitlines()
    log()
    more = do(small(languages='"de", "fi", "ru"', more='[evaluation]\nperturbations = ["case"]'))
    lines = log()
    assert not trained(lines)
    assert len(scored(lines)) == 10
    assert {line.split()[2] for line in lines} == {"4"}
    assert set(rows) <= set(more.table.read_text().splitlines())


def test_a_new_seed_trains_that_seed_only(small: Small, do: Do, log: Log) -> None:
    do(small())
    log()
    more = do(small(seeds="0, 7"))
    assert set(trained(log())) == {node.id for node in more.plan.nodes if node.seed == 7}


def test_inner_checkpoints_are_dropped_but_not_what_is_measured_from_them(
    small: Small, do: Do, tmp_path: Path
) -> None:
    done = do(small())
    out = tmp_path / "out"
    assert weights(out) == set(by_role(done, "target"))
    assert all((out / "nodes" / node.id / "curve.json").is_file() for node in done.plan.nodes)
    assert weights(do(small(keep="all"), folder="all").table.parent) == {node.id for node in done.plan.nodes}
    nothing = do(small(keep="none"), folder="none")
    assert weights(tmp_path / "none") == set()
    assert nothing.table.read_bytes() == done.table.read_bytes()


def test_depth_first_holds_few_checkpoints_at_a_time(
    small: Small, do: Do, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []
    drop = Store.drop_weights

    def counting(store: Store, name: str) -> int:
        held.append(len(weights(tmp_path / "out")))
        return drop(store, name)

    monkeypatch.setattr(Store, "drop_weights", counting)
    do(small(lengths="0, 1, 2, 3", keep="none", seeds="0, 1"))
    assert max(held) <= 4


def test_what_was_dropped_is_trained_again_when_new_sequences_need_it(small: Small, do: Do, log: Log) -> None:
    short = do(small(lengths="0, 1"))
    log()
    longer = do(small(lengths="0, 1, 2"))
    lines = trained(log())
    again = set(lines) & {node.id for node in short.plan.nodes}
    assert again == {node.id for node in short.plan.nodes if node.role == "intermediate"}
    assert len(lines) == len(set(lines)) == 3 + 6 + 6
    assert longer.table.read_bytes() == do(small(lengths="0, 1, 2"), folder="fresh").table.read_bytes()


def test_a_new_language_where_no_checkpoint_was_kept_trains_again_and_gives_the_same(
    small: Small, do: Do
) -> None:
    do(small(keep="none"))
    later = do(small(keep="none", languages='"de", "fi", "ru"'))
    fresh = do(small(keep="none", languages='"de", "fi", "ru"'), folder="fresh")
    assert later.trained == len(later.plan.nodes)
    assert later.table.read_bytes() == fresh.table.read_bytes()


def test_weights_that_come_out_otherwise_are_told_and_scored_anew(
    small: Small, do: Do, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    do(small(keep="none", lengths="0"))
    monkeypatch.setenv("FAKE_DRIFT", "another library")
    do(small(keep="none", lengths="0", languages='"de", "fi", "ru"'))
    drifted = do(small(keep="none", lengths="0", languages='"de", "fi", "ru"'), folder="fresh")
    assert "weights differ from those of the first time" in capsys.readouterr().err
    assert (drifted.table.parent.parent / "out" / "results.csv").read_bytes() == drifted.table.read_bytes()


@pytest.mark.parametrize("name", ["node.json", "curve.json", "scores", "encoder.safetensors"])
def test_a_flipped_byte_is_found_told_and_mended(
    small: Small, do: Do, log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    done = do(small(keep="all"))
    whole = done.table.read_bytes()
    log()
    hit = next(node for node in done.plan.nodes if node.role == "target" and len(node.steps) == 3)
    folder = tmp_path / "out" / "nodes" / hit.id
    file = next((folder / "scores").iterdir()) if name == "scores" else folder / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)
    if name == "encoder.safetensors":  # which nothing needs before there is something to score
        done = do(small(keep="all", languages='"de", "fi", "ru"'))
        assert trained(log()) == [hit.id]
        whole = do(small(keep="all", languages='"de", "fi", "ru"'), folder="fresh").table.read_bytes()
    else:
        do(small(keep="all"))
        lines = log()
        assert trained(lines) == ([] if name == "scores" else [hit.id])
        assert scored(lines) == [hit.id]
    assert "is not what was written" in capsys.readouterr().err
    assert done.table.read_bytes() == whole


def test_a_damaged_parent_is_trained_again_without_its_children(
    small: Small, do: Do, log: Log, tmp_path: Path
) -> None:
    done = do(small(keep="all"))
    whole = done.table.read_bytes()
    parent = next(node for node in done.plan.nodes if node.role == "intermediate")
    (tmp_path / "out" / "nodes" / parent.id / "curve.json").write_text("[1]")
    log()
    do(small(keep="all"))
    assert log() == [f"train {parent.id}"]
    assert done.table.read_bytes() == whole


def test_leftovers_of_killed_processes_are_removed(small: Small, do: Do, tmp_path: Path) -> None:
    left = tmp_path / "out" / "nodes" / ".123-abc"
    left.mkdir(parents=True)
    (left / "encoder.safetensors").touch()
    do(small())
    assert not list((tmp_path / "out" / "nodes").glob(".*"))


def test_what_fails_stops_only_what_starts_from_it(
    small: Small, do: Do, log: Log, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FAKE_FAIL", "b")
    with pytest.raises(SweepFailed) as caught:
        do(small())
    message = str(caught.value)
    assert "ValueError: cannot learn this" in message
    assert "(a>b, some/tiny, full, seed 0)" in message
    assert "3 nodes failed, and 7 that start from them; 9 of 19 nodes are done" in message
    assert not (tmp_path / "out" / "results.csv").exists()
    log()
    monkeypatch.delenv("FAKE_FAIL")
    done = do(small())
    assert done.trained == len(trained(log())) >= 10
    assert done.table.read_bytes() == do(small(), folder="fresh").table.read_bytes()


def test_nothing_begins_before_everything_was_checked(small: Small, do: Do, log: Log, tmp_path: Path) -> None:
    experiment = small()
    with pytest.raises(InvalidExperiment, match="no task 'nosuchtask'"):
        do(experiment.model_copy(update={"targets": {"nosuchtask": experiment.targets["t"]}}))
    assert not log()
    assert not list((tmp_path / "out").glob("nodes/*"))


def test_a_table_of_somebody_else_stays_without_force(small: Small, do: Do, tmp_path: Path) -> None:
    table = tmp_path / "out" / "results.csv"
    table.parent.mkdir()
    table.write_text("mine\n")
    with pytest.raises(FileExistsError, match="--force"):
        do(small())
    assert table.read_text() == "mine\n"
    assert do(small(), force=True).trained == 0
    assert read(table).runs == 10
    do(small(languages='"de"'))
    assert len(read(table).frame) == 20


def test_the_same_table_of_somebody_else_is_left_as_it_is(small: Small, do: Do, tmp_path: Path) -> None:
    whole = do(small()).table.read_bytes()
    shutil.rmtree(tmp_path / "out" / "nodes")
    (tmp_path / "out" / "tables.json").unlink()
    again = do(small())
    assert (again.trained, again.written) == (19, False)
    assert again.table.read_bytes() == whole


def test_a_kill_just_after_the_table_was_written_does_not_make_it_somebody_elses(
    small: Small, do: Do, tmp_path: Path
) -> None:
    done = do(small())
    (tmp_path / "out" / "tables.json").unlink()
    assert not do(small()).written
    assert do(small(languages='"de"')).written
    assert len(read(done.table).frame) == 20


def test_a_second_run_in_the_same_folder_is_told_to_wait(small: Small, do: Do, tmp_path: Path) -> None:
    with locked(tmp_path / "out"), pytest.raises(FolderInUse, match=r"in use by process \d+ on"):
        do(small())
    do(small())


def test_forgetting_stands_in_the_table_beside_the_target(small: Small, do: Do) -> None:
    done = do(small(more="[evaluation]\nstages = true"))
    with done.table.open() as file:
        rows = list(csv.DictReader(file))
    forgotten = [row for row in rows if row["stage"]]
    places = {
        (r["sequence"], r["target"], r["stage"])
        for r in forgotten
        if r["run"] in by_role(done, "intermediate")
    }
    assert ("a>b", "a", "b") in places
    assert ("a>b", "b", "b") in places
    assert ("a", "a", "a") in places
    after = {
        (r["sequence"], r["target"], r["stage"]) for r in forgotten if r["run"] in by_role(done, "target")
    }
    assert ("a>b>t[en]", "a", "t[en]") in after
    assert {row["sequence"] for row in rows if not row["stage"]} == {
        "",
        "a",
        "b",
        "c",
        "a>b",
        "a>c",
        "b>a",
        "b>c",
        "c>a",
        "c>b",
    }


def test_where_things_go(small: Small, tmp_path: Path) -> None:
    experiment = small()
    assert places(experiment).folder == tmp_path / ".taskorder"
    assert places(experiment).table == tmp_path / "results.csv"
    assert places(experiment, tmp_path / "o").table == tmp_path / "o" / "results.csv"
    (tmp_path / "analysis/taskorder").mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    assert places(experiment).folder == tmp_path / "models" / "encoders"


def test_two_processes_and_dask_give_the_bytes_that_one_gives(small: Small, do: Do) -> None:
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    experiment = small(seeds="0, 1", lengths="0, 1, 2, 3", more="[evaluation]\nstages = true")
    alone = do(experiment, folder="alone").table.read_bytes()
    assert do(experiment, Means(workers=2), folder="processes").table.read_bytes() == alone
    assert do(experiment, Means(workers=2, dask="local"), folder="dask").table.read_bytes() == alone
