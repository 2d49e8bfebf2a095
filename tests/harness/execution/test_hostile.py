"""Kills, deaths, full disks and rivals: what is done stays done, and the table is the same in the end."""

import errno
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from taskorder.errors import TaskorderError
from taskorder.harness.execution.processes import _visible
from taskorder.harness.execution.running import DiskFull, Done, Means
from taskorder.harness.execution.sweep import SweepFailed
from taskorder.harness.experiments.experiment import Experiment
from taskorder.harness.tree.nodes import Store

type Small = Callable[..., Experiment]
type Do = Callable[..., Done]
type Launch = Callable[..., subprocess.Popen[str]]

KILLS = 12


def children(process: subprocess.Popen[str]) -> list[int]:
    file = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in file.read_text().split()] if file.exists() else []


def nodes(folder: Path) -> int:
    return len(list(folder.glob("nodes/[!.]*/node.json")))


def begun(process: subprocess.Popen[str], folder: Path, more: int) -> None:
    """Wait until some more nodes are done, or the process has ended."""
    until = nodes(folder) + more
    while nodes(folder) < until and process.poll() is None:
        time.sleep(0.002)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="workers are found in Linux's /proc")
def test_killed_anywhere_it_ends_with_the_same_bytes(
    small: Small, do: Do, launch: Launch, tmp_path: Path
) -> None:
    experiment = small(seeds="0, 1, 2", lengths="0, 1, 2, 3", keep="none")
    whole = do(experiment, folder="whole").table.read_bytes()
    out, chance, kills = tmp_path / "out", random.Random(1), 0
    while kills < KILLS:
        workers = kills % 3 or 1
        process = launch("out", workers, SECONDS="0.01")
        begun(process, out, 1)
        time.sleep(chance.random() * 0.05)
        targets = [process.pid]
        if workers > 1 and kills % 2:
            targets = [pid for pid in children(process) if b"spawn_main" in command(pid)][:1]
        for target in targets:
            os.kill(target, signal.SIGKILL)
            kills += 1
        if targets != [process.pid]:
            begun(process, out, 2)
            process.kill()
            kills += 1
        process.communicate()
        assert not (out / "results.csv").exists()
    assert nodes(out) > 0
    last = launch("out", 2)
    assert last.wait(120) == 0, last.communicate()
    last.communicate()
    assert (out / "results.csv").read_bytes() == whole
    assert not list(out.glob("nodes/.*"))
    assert not list(out.glob("nodes/*/*.safetensors"))


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_worker_that_dies_loses_its_node_only_for_a_moment(
    small: Small, do: Do, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = do(small(), folder="whole").table.read_bytes()
    monkeypatch.setenv("FAKE_DIE_ONCE", str(tmp_path / "died"))
    assert do(small(), Means(workers=2)).table.read_bytes() == whole
    assert (tmp_path / "died").exists()
    assert "ended by SIGKILL" in capsys.readouterr().err


def test_a_node_that_kills_every_worker_is_named_and_other_branches_go_on(
    small: Small, do: Do, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_DIE", "b")
    with pytest.raises(SweepFailed) as caught:
        do(small(lengths="0, 1"), Means(workers=2))
    assert "(b, some/tiny, full, seed 0): its process was ended by SIGKILL" in str(caught.value)
    assert "(4 times)" in str(caught.value)
    assert nodes(tmp_path / "out") == 5


def test_a_dask_worker_that_dies_loses_its_node_only_for_a_moment(
    small: Small, do: Do, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    whole = do(small(), folder="whole").table.read_bytes()
    monkeypatch.setenv("FAKE_DIE_ONCE", str(tmp_path / "died"))
    assert do(small(), Means(workers=2, dask="local")).table.read_bytes() == whole
    assert (tmp_path / "died").exists()


def test_a_local_cluster_beside_another_one(small: Small, do: Do) -> None:
    """Dask warns where its usual port is taken, and a warning is an error here."""
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    with socket.socket() as taken:
        with suppress(OSError):
            taken.bind(("127.0.0.1", 8787))
            taken.listen()
        assert do(small(lengths="0"), Means(dask="local")).written


def test_a_scheduler_that_is_not_there(small: Small, do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    monkeypatch.setattr("taskorder.harness.execution.cluster.CONNECTING", 0.5)
    with pytest.raises(TaskorderError, match="no Dask scheduler answers at"):
        do(small(), Means(dask="tcp://127.0.0.1:9"))


def test_dask_workers_with_several_threads_are_refused(small: Small, do: Do) -> None:
    """Trainings in one process would draw from one stream of random numbers."""
    dask = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    with (
        dask.LocalCluster(
            n_workers=1,
            threads_per_worker=2,
            processes=False,
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
        ) as cluster,
        pytest.raises(TaskorderError, match=r"has 2 threads.*--nthreads 1"),
    ):
        do(small(), Means(dask=cluster.scheduler_address))


def test_a_scheduler_without_workers(small: Small, do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    dask = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    monkeypatch.setattr("taskorder.harness.execution.cluster.ARRIVING", 0.5)
    with (
        dask.LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as cluster,
        pytest.raises(TaskorderError, match=r"no worker for 0\.5 seconds"),
    ):
        do(small(), Means(dask=cluster.scheduler_address))


def test_gpus_are_those_that_the_run_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5,7")
    assert _visible(2) == ["2", "5"]
    with pytest.raises(TaskorderError, match="--gpus 4, but CUDA_VISIBLE_DEVICES = '2,5,7' gives this run 3"):
        _visible(4)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert _visible(2) == ["0", "1"]


def test_dask_that_is_not_installed(small: Small, do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(TaskorderError, match=r"pip install 'taskorder\[cluster\]'"):
        do(small(), Means(dask="local"))


@pytest.mark.parametrize("number", [1, 2])
def test_ctrl_c_stops_cleanly(small: Small, launch: Launch, do: Do, tmp_path: Path, number: int) -> None:
    experiment = small(seeds="0, 1, 2", lengths="0, 1, 2, 3")
    out = tmp_path / "out"
    process = launch("out", number, SECONDS="0.05")
    begun(process, out, 2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode != 0
    kept = nodes(out)
    assert kept >= 2
    assert not list(out.glob("nodes/.*"))
    done = do(experiment)
    assert done.trained < len(done.plan.nodes)
    assert done.table.read_bytes() == do(experiment, folder="whole").table.read_bytes()


def test_a_full_disk_ends_the_run_with_what_is_done(
    small: Small, launch: Launch, do: Do, tmp_path: Path
) -> None:
    """A limit on the size of files stands for the disk."""
    experiment = small()
    script = tmp_path / "limited.py"
    script.write_text(
        "import resource, runpy, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    launch("other").communicate()
    ended = subprocess.run(
        [sys.executable, script, tmp_path / "main.py", tmp_path / "experiment.toml", tmp_path / "out", "1"],
        env=os.environ | {"FAKE_SIZE": "200000"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "The disk is full" in ended.stderr
    assert "run again" in ended.stderr
    assert not list((tmp_path / "out").glob("nodes/*"))
    assert not list((tmp_path / "out").glob("nodes/.*"))
    whole = do(experiment, folder="whole").table.read_bytes()
    assert do(experiment).table.read_bytes() == whole


@pytest.mark.parametrize("workers", [1, 2])
def test_a_disk_that_fills_up_loses_nothing_that_is_done(
    small: Small, do: Do, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setenv("FAKE_FULL", "b")
    with pytest.raises(SweepFailed, match=r"The disk is full: .*No space left.* of 19 nodes are kept"):
        do(small(), Means(workers=workers))
    kept = nodes(tmp_path / "out")
    assert kept
    assert not list((tmp_path / "out").glob("nodes/.*"))
    monkeypatch.delenv("FAKE_FULL")
    assert do(small()).table.read_bytes() == do(small(), folder="whole").table.read_bytes()


def test_a_disk_without_room_for_the_table(
    small: Small, do: Do, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("taskorder.harness.execution.collecting.replacing", full)
        with pytest.raises(DiskFull, match=r"The disk is full: .* are kept\. Free space under .*out,"):
            do(small())
    assert not (tmp_path / "out" / "results.csv").exists()
    done = do(small())
    assert (done.trained, done.scored, done.written) == (0, 0, True)
    assert done.table.read_bytes() == do(small(), folder="whole").table.read_bytes()


def test_two_runs_at_once_do_not_hurt_each_other(
    small: Small, launch: Launch, do: Do, tmp_path: Path
) -> None:
    experiment = small(seeds="0, 1", lengths="0, 1, 2, 3")
    rivals = [launch("out", SECONDS="0.02") for _ in range(3)]
    said = [rival.communicate(timeout=120)[1] for rival in rivals]
    statuses = sorted(rival.returncode for rival in rivals)
    assert statuses == [0, 1, 1]
    assert sum("is in use by process" in text for text in said) == 2
    whole = do(experiment, folder="whole").table.read_bytes()
    assert (tmp_path / "out" / "results.csv").read_bytes() == whole


def test_two_stores_that_add_the_same_node_at_once(small: Small, do: Do, tmp_path: Path) -> None:
    done = do(small(lengths="0", keep="all"))
    node, store = done.plan.nodes[0], Store(tmp_path / "out")
    shutil.rmtree(store.path(node.id))
    code = (
        "import sys, pickle; from pathlib import Path; from taskorder.harness.tree.nodes import Store;"
        "node = pickle.loads(bytes.fromhex(sys.argv[2]));"
        "[Store(Path(sys.argv[1])).add(node, lambda f: (f / 'x.safetensors').write_bytes(b'x') and None)"
        " for _ in range(50)]"
    )
    import pickle

    rivals = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "out"), pickle.dumps(node).hex()])
        for _ in range(3)
    ]
    assert [rival.wait(60) for rival in rivals] == [0, 0, 0]
    assert store.record(node.id, weights=True) is not None
    assert not list(store.nodes.glob(".*"))
