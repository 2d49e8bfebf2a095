"""`taskorder select` and `taskorder design` as a person runs them."""

import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from taskorder.choosing.runs import planned
from taskorder.cli import main
from taskorder.harness.experiments.experiment import Experiment, read_experiment

Make = Callable[..., pd.DataFrame]
Run = Callable[..., int]

MODEL = """name = "trial"

[data]
tables = ["results.csv"]

[outcome]
scale = "identity"

[fixed]
terms = ["1", "perturbed"]

[sequence]
recency = true

[groups]
evaluation = { columns = ["backbone", "target"] }
run = { columns = ["study", "run"], min_rows = 2 }

[estimands]
drop = { function = "points", of = "perturbed" }
by_target = { function = "level_points", of = "1", group = "evaluation" }
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process; return its exit status."""

    def command(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["taskorder", *arguments])
        try:
            main()
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else 1
        return 0

    return command


@pytest.fixture
def folder(
    tmp_path: Path, make_orders: Make, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> Path:
    monkeypatch.chdir(tmp_path)
    assert experiment.folder == tmp_path
    (tmp_path / "model.toml").write_text(MODEL)
    make_orders().drop(columns=["n_seeds", "sd"]).to_csv(tmp_path / "results.csv", index=False)
    return tmp_path


def test_design_names_runs_and_writes_the_table_once(
    folder: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = (
        "design",
        "--experiment",
        "experiment.toml",
        "--model",
        "model.toml",
        "-k",
        "2",
        "-o",
        "next.csv",
        "--write",
        "more/experiment.toml",
    )
    assert run(*asked) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("drop: the 95 % interval is")
    assert "after these 2 of 20 runs" in shown
    assert "seeds = [2]" in shown
    written = [folder / file for file in shown.split("written: ")[1].split()]
    parts = [read_experiment(file) for file in written]
    table = pd.read_csv(folder / "next.csv", keep_default_na=False)
    asked_for = {(one.sequence, one.target, one.seed) for part in parts for one in planned(part)}
    assert asked_for == set(table[["sequence", "target", "seed"]].itertuples(index=False, name=None))
    assert table["order"].tolist() == [1, 2]
    assert {"stages", "width", "random_width", "random_lower", "random_upper"} <= set(table)
    assert run(*asked) == 1
    assert "--force" in capsys.readouterr().err


def test_an_experiment_that_was_copied_with_its_results_is_read_once(
    folder: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = folder / "copy"
    copy.mkdir()
    for name in ("experiment.toml", "results.csv"):
        (copy / name).write_bytes((folder / name).read_bytes())
    assert run("design", "--experiment", "copy/experiment.toml", "--model", "model.toml", "-k", "1") == 0
    assert "after these 1 of 20 runs" in capsys.readouterr().out


@pytest.mark.usefixtures("folder")
def test_design_explains_what_it_cannot_choose_for(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("design", "--experiment", "experiment.toml", "--model", "model.toml", "--estimand")
    assert run(*asked, "drob") == 1
    assert "Did you mean 'drop'?" in capsys.readouterr().err
    assert run(*asked, "by_target") == 1
    assert "of the function level_points, whose interval cannot be told beforehand" in capsys.readouterr().err
    assert run(*asked, "drop", "--results", "resluts.csv") == 1
    assert "there is no such file. Did you mean 'results.csv'?" in capsys.readouterr().err
    assert run("design", "--experiment", "experimemt.toml") == 1
    assert "Did you mean 'experiment.toml'?" in capsys.readouterr().err


def test_select_refuses_languages_that_nobody_knows(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("select", "--target", "rte", "--language", "en", "--language", "swaa") == 1
    shown = capsys.readouterr().err
    assert "no language 'swaa' is known" in shown
    assert "Traceback" not in shown
    assert run("select", "--target", "rte") == 2
