"""`taskorder fit` as a person runs it: the four files, their contents, exit status, explanations."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import xarray as xr

from taskorder.inference import store

SCHOOLS = """school,y,sigma,variance
A,28,15,225
B,8,10,100
C,-3,16,256
D,7,11,121
E,-1,9,81
F,1,11,121
G,18,10,100
H,12,18,324
"""
MODEL = """name = "schools"
question = "Does coaching help?"

[data]
schema = "any"

[outcome]
column = "y"
scale = "identity"
variance = "variance"

[groups]
school = {}

[residual]
sd = 0

[priors]
"1" = { dist = "Normal", mu = 0, sigma = 5 }
"sd" = { dist = "HalfCauchy", beta = 5 }

[estimands]
mean_effect = { function = "points", of = "1" }
"""
FILES = {"posterior.nc", "summary.csv", "diagnostics.json", "manifest.json"}
SUMMARY = ["parameter", "mean", "sd", "lower", "upper", "ess_bulk", "ess_tail", "r_hat", "unit"]
DIAGNOSTICS = {
    "ok", "engine", "seconds", "min_ess_bulk", "max_r_hat", "divergences", "pareto_k", "rows", "effects",
    "messages",
}  # fmt: skip

Run = Callable[..., int]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a model and a table; fits are kept apart."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(store, "home", lambda: tmp_path / "kept")
    (tmp_path / "schools.csv").write_text(SCHOOLS)
    (tmp_path / "schools.toml").write_text(MODEL)
    return tmp_path


def test_fit_writes_its_four_files_once_a_seed(
    folder: Path, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = ("fit", "--model", "schools.toml", "--results", "schools.csv")
    assert run(*fit) == 0
    shown = capsys.readouterr()
    assert "sd:school" in shown.out
    assert "written: fits/schools/" in shown.out
    assert "Traceback" not in shown.err
    out = folder / "fits" / "schools"
    assert {path.name for path in out.iterdir()} == FILES
    check_summary(out)
    check_diagnostics(out, ok=True)
    check_posterior(out)
    check_manifest(out, folder / "schools.csv")

    assert run(*fit) == 1
    assert "--force" in capsys.readouterr().err
    assert run(*fit, "-o", "few", "--draws", "400", "--seed", "3") == 1
    shown = capsys.readouterr()
    assert "The fit FAILED its diagnostics:" in shown.err
    assert "the gate is" in shown.err
    assert "Traceback" not in shown.err
    assert {path.name for path in (folder / "few").iterdir()} == FILES
    check_diagnostics(folder / "few", ok=False)

    assert run(*fit, "-o", "again") == 0
    assert "fitting" not in capsys.readouterr().err
    assert (folder / "again" / "summary.csv").read_bytes() == (out / "summary.csv").read_bytes()
    assert len(list((folder / "kept").iterdir())) == 2

    monkeypatch.setattr(store, "home", lambda: folder / "elsewhere")
    assert run(*fit, "-o", "same") == 0
    assert "fitting" in capsys.readouterr().err
    assert run(*fit, "-o", "other", "--seed", "7") == 0
    first, same, other = (draws_of(folder / name) for name in ("fits/schools", "same", "other"))
    assert first.identical(same)
    assert not first.identical(other)
    assert len({chain.tobytes() for chain in first["1"].to_numpy()}) == 4


def draws_of(out: Path) -> xr.Dataset:
    with xr.open_datatree(out / "posterior.nc") as tree:
        return tree["posterior"].to_dataset().load()


def check_summary(out: Path) -> None:
    with (out / "summary.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == SUMMARY
    assert [row["parameter"] for row in rows] == ["mean_effect", "1", "sd:school"]
    for row in rows:
        assert float(row["lower"]) < float(row["mean"]) < float(row["upper"])
    assert rows[0]["mean"] == rows[1]["mean"]
    assert float(rows[1]["mean"]) == pytest.approx(4.4, abs=0.5)


def check_diagnostics(out: Path, *, ok: bool) -> None:
    found = json.loads((out / "diagnostics.json").read_text())
    assert set(found) >= DIAGNOSTICS
    assert found["ok"] is ok
    assert set(found["seconds"]) == {"compile", "sample", "total"}
    assert (found["rows"], found["effects"], found["engine"]) == (8, 9, "collapsed")
    assert bool(found["messages"]) != ok


def check_posterior(out: Path) -> None:
    posterior = draws_of(out)
    assert posterior.sizes["chain"] * posterior.sizes["draw"] == 4000
    assert set(posterior.data_vars) == {"1", "1|school", "sd:school"}
    assert posterior["school_level"].to_numpy().tolist() == list("ABCDEFGH")


def check_manifest(out: Path, table: Path) -> None:
    found = json.loads((out / "manifest.json").read_text())
    assert (found["model"], found["seed"], found["draws"]) == ("schools", 2026, 4000)
    (given,) = found["inputs"]
    assert (given["path"], given["rows"]) == (table.name, 8)
    assert found["model_file"]["priors"]["sd"]["dist"] == "HalfCauchy"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--model", "school.toml"),
            "school.toml: there is no such model file. Did you mean 'schools.toml'?",
        ),
        (("--model", "."), "is a folder"),
        (("--model", "schools.toml"), "taskorder fit takes --results FILE instead"),
        (("--model", "schools.toml", "--results", "absent.csv"), "absent.csv"),
        (("--model", "bad.toml", "--results", "schools.csv"), "unknown key 'grups'"),
        (("--model", "lonely.toml", "--results", "schools.csv"), "no column 'varianc'"),
        (("--model", "schools.toml", "--results", "schools.csv", "--tasks", "absent.csv"), "absent.csv"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_is_wrong_is_said_in_one_paragraph(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    Path("bad.toml").write_text(MODEL.replace("[groups]", "[grups]"))
    Path("lonely.toml").write_text(MODEL.replace('"variance"', '"varianc"'))
    assert run("fit", *arguments) == 1
    shown = capsys.readouterr()
    assert said in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""
    assert not Path("fits").exists()
    assert not Path("kept").exists()


@pytest.mark.parametrize(
    "arguments",
    [("--draws", "399"), ("--seed", "-1"), ("--engine", "nut"), ("--sed", "1"), ("--draws", "many")],
)
@pytest.mark.usefixtures("folder")
def test_wrong_usage_is_status_2(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run("fit", "--model", "schools.toml", "--results", "schools.csv", *arguments) == 2
    assert arguments[0] in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "fit", "report"])
def test_help_says_what_a_command_takes(run: Run, capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert run(command, "--help") == 0
    shown = capsys.readouterr().out
    assert f"Usage: taskorder {command}" in shown
    if command != "check":
        assert all(option in shown for option in ("--seed", "--draws", "--force"))


def test_help_lists_every_command(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in ("check", "fit", "report"))


def test_a_mistake_ends_the_process_with_status_1(folder: Path) -> None:
    command = "from taskorder.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", command, "fit", "--model", "absent.toml"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "absent.toml: there is no such model file.\n"
