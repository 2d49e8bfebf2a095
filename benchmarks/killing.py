"""Sweeps that are killed at random moments, and whether their tables are those of a sweep that was not.

    python benchmarks/killing.py [--times 30] [--workers 2] [--dask] [--seed 0]

Real training: 9 nodes of the example in data/experiments/example. In each round SIGKILL hits an empty
folder's sweep one to three times, at any moment from the start of its process on: all of its processes, or
(with several workers) the first process alone, or one worker alone, after which the sweep has to go on by
itself. Then it is run to its end, and once more: results.csv must be to the byte what the undisturbed sweep
wrote, nothing half-written may be left, and the last run must find nothing to do. Stages are written down
every 0.6 s of their training, so that most of those that are interrupted go on from their middle.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "data" / "experiments" / "example"
EXPERIMENT = """\
name = "killing"
backbones = ["made/tiny-encoder"]
seeds = [0]
tasks = "tasks"

[sequences]
pool = ["mood", "kinds"]
lengths = [0, 1, 2]

[targets]
doer = { train = "qaa" }

[training]
epochs = 8
learning_rate = 3e-3
warmup = 0.1
batch_tokens = 384
max_length = 48
snapshot_minutes = 0.01

[evaluation]
perturbations = ["typos:0.1"]
"""
COMMAND = (sys.executable, "-c", "from taskorder.cli import main; main()", "run")
MOST = 3
"""Kills in a round at most."""
NOTHING = "0 nodes trained, 0 nodes scored; up to date"
RESUMED = "It went on after"
HALVES = ("nodes/.*", "snapshots/*")
"""What a sweep that is over leaves nothing of."""
LIMIT = 900
"""Seconds after which a run counts as hung."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """An experiment and the options of `taskorder run` with which it is done."""

    experiment: Path
    options: tuple[str, ...]

    def start(self, folder: Path) -> subprocess.Popen[str]:
        """Run it in a process group of its own."""
        return subprocess.Popen(
            [*COMMAND, str(self.experiment), "-o", str(folder), *self.options],
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=Path(f"{folder}.log").open("a"),
            text=True,
        )

    def finish(self, folder: Path) -> str:
        """Run it to its end, and return what it says."""
        return ended(self.start(folder), folder)


def ended(process: subprocess.Popen[str], folder: Path) -> str:
    """Wait for the end of a run; return what it says, or stop with what it complained of."""
    said, _ = process.communicate(timeout=LIMIT)
    if process.returncode:
        sys.exit(Path(f"{folder}.log").read_text())
    return said


def made(folder: Path) -> Path:
    """Make a small experiment out of the example, and return its file."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("made", "texts", ".*"))
    subprocess.run([sys.executable, folder / "make.py"], check=True, stdout=subprocess.DEVNULL)
    file = folder / "experiment.toml"
    file.write_text(EXPERIMENT)
    return file


def workers(process: subprocess.Popen[str]) -> list[int]:
    """Find the processes that a run has started to train in, as Linux lists them."""
    found: list[int] = []
    for file in Path(f"/proc/{process.pid}/task").glob("*/children"):
        for pid in file.read_text().split():
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            found += [int(pid)] if b"spawn_main" in command else []
    return found


def kill(process: subprocess.Popen[str], what: str, chance: random.Random) -> str:
    """Kill a part of a run, and return which: where there is no worker yet, all of it."""
    if what == "worker" and (victims := workers(process)):
        os.kill(chance.choice(victims), signal.SIGKILL)
        return what
    if what == "first":
        process.kill()
    else:
        what = "all"
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return what


def disturbed(sweep: Sweep, folder: Path, chance: random.Random, seconds: float) -> list[str]:
    """Do a sweep to its end through some kills; return what was killed, when, and how many nodes were done.

    The moments are drawn evenly from the time that the undisturbed sweep takes.
    """
    killed: list[str] = []
    process = sweep.start(folder)
    parts = ("all", "first", "worker") if sweep.options else ("all",)
    for _ in range(chance.randint(1, MOST)):
        moment = chance.uniform(0, seconds)
        try:
            process.wait(moment)
            break
        except subprocess.TimeoutExpired:
            done = len(list(folder.glob("nodes/[!.]*/node.json")))
            writing = "+" if list(folder.glob("nodes/.*")) else ""
            part = kill(process, chance.choice(parts), chance)
            killed.append(f"{part} {moment:.1f} s {done}{writing}")
        if process.returncode is not None:
            process = sweep.start(folder)
    ended(process, folder)
    return killed


def main() -> None:
    """Kill, resume, compare, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--dask", action="store_true", help="on a local Dask cluster")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    options = ("--workers", str(arguments.workers)) if arguments.workers > 1 or arguments.dask else ()
    options += ("--dask", "local") if arguments.dask else ()
    with tempfile.TemporaryDirectory() as name:
        sweep = Sweep(made(Path(name) / "experiment"), options)
        sys.exit(0 if compared(sweep, Path(name), arguments.times, random.Random(arguments.seed)) else 1)


def compared(sweep: Sweep, place: Path, times: int, chance: random.Random) -> bool:
    """Disturb a sweep so many times; say whether all tables are that of the undisturbed one."""
    Sweep(sweep.experiment, ()).finish(place / "alone")
    began = time.perf_counter()
    sweep.finish(place / "whole")
    seconds = time.perf_counter() - began
    whole = (place / "alone" / "results.csv").read_bytes()
    same = (place / "whole" / "results.csv").read_bytes() == whole
    print(
        f"undisturbed: {seconds:.1f} s, {'the same as' if same else 'DIFFERS from'} in one process",
        flush=True,
    )
    print("killed: what, after which seconds, nodes done (+: one was being written)", flush=True)
    good = kills = resumed = number = 0
    while number < times:
        folder = place / f"round-{number}"
        if killed := disturbed(sweep, folder, chance, seconds):
            number, kills = number + 1, kills + len(killed)
            left = [file for pattern in HALVES for file in folder.glob(pattern)]
            fine = (folder / "results.csv").read_bytes() == whole and not left
            fine = fine and sweep.finish(folder).startswith(NOTHING)
            good += fine
            resumed += Path(f"{folder}.log").read_text().count(RESUMED)
            print(f"{number:3d}  {'the same' if fine else 'DIFFERS '}  {'; '.join(killed)}", flush=True)
        shutil.rmtree(folder)
    print(f"{good} of {times} identical after {kills} kills; {resumed} stages went on from their middle")
    return same and good == times


if __name__ == "__main__":
    main()
