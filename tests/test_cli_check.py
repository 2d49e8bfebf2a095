"""`taskorder check` as a person runs it: exit status, streams, no traceback."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

Row = dict[str, str]
MakeRow = Callable[..., Row]
Write = Callable[..., Path]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from taskorder.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_good_table(write: Write, row: MakeRow) -> None:
    done = run("check", write([row(), row(run="r2")]))
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok: 2 rows, 2 runs, 1 study\n", "")


def test_what_is_no_fault_is_noted(write: Write, row: MakeRow) -> None:
    done = run(
        "check",
        write(
            [
                row(target="rtee", seeds="1"),
                row(run="r2", seeds="2", metric="acc"),
                row(run="r3", metric="ppl", sequence="mnli>panx"),
            ]
        ),
    )
    assert (done.returncode, done.stdout) == (0, "ok: 3 rows, 3 runs, 1 study\n")
    column, metric, cost, last, tasks = done.stderr.splitlines()
    assert column.startswith("note: column 'seeds' is none of the contract's")
    assert column.endswith("Did you mean 'seed'?")
    assert metric.startswith("note: metric 'acc': others write 'accuracy'")
    assert cost.startswith("note: metric 'ppl': the lower, the better")
    assert last.startswith("note: the sequence ends with the target in 1 of 3 rows, such as 'mnli>panx'")
    assert tasks.startswith("note: Nothing is known of the tasks rtee (rte?): no difficulty")


def test_every_problem_is_a_line_on_stderr(write: Write, row: MakeRow) -> None:
    path = write([row(language="eng"), row(run="r2", metric="F1")])
    done = run("check", path)
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert lines[0].startswith(f"{path}:2:language: 'eng'")
    assert lines[1].startswith(f"{path}:3:metric: 'F1'")
    assert lines[2] == "2 problems in 1 file."


def test_percent_and_another_language(write: Write, row: MakeRow, tmp_path: Path) -> None:
    path = write([row(score="84.9", language="qzz")])
    more = tmp_path / "languages.csv"
    more.write_text("language,name\nqzz,Mine\n")
    assert run("check", path, "--percent", "--languages", more).returncode == 0
    assert run("check", path, "--percent").returncode == 1
    assert run("check", path, "--languages", more).returncode == 1


def test_an_explained_error_is_one_paragraph_and_debug_shows_the_traceback(
    write: Write, row: MakeRow
) -> None:
    arguments = ("check", write([row()]), "--languages", "absent.csv")
    done = run(*arguments)
    assert done.returncode == 1
    assert done.stderr == "absent.csv: there is no such file.\n"
    assert "Traceback" in run(*arguments, "--debug").stderr


def test_wrong_usage_is_status_2() -> None:
    assert run("check").returncode == 2
    assert run("chek").returncode == 2


def test_help_and_version_load_nothing_heavy() -> None:
    assert run("--version").stdout.strip()
    loaded = (
        "import sys, taskorder.cli; print(sorted({'numpy', 'pandas', 'pymc', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
