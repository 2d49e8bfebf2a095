"""`taskorder import` as a person runs it: streams, exit status, and a table that the other commands take."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from taskorder.inference.fitting import select_rows
from taskorder.inference.layout.design import build_design
from taskorder.inference.session import read_tables
from taskorder.inference.spec import read_model
from taskorder.results.catalogue import covariates
from taskorder.results.importing.names import read_map

type Run = Callable[..., int]

ROOT = Path(__file__).resolve().parents[1]
FILES = ROOT / "tests/results/importing/files"
SAID = ["--study", "mine", "--backbone", "tiny", "--tuning", "full", "--train-language", "en"]
MODEL = """name = "imported"
[groups]
evaluation = { columns = ["target", "language", "metric"] }
run = {}
[residual]
by = "all"
"""


def test_a_table_is_written_and_what_was_left_out_is_told(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    code = "from taskorder.cli import main; main()"
    arguments = ["import", "xtreme", FILES / "xtreme", "-o", out, *SAID, "--sequence", "mnli"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"written: {out} (58 scores, 2 runs)\n")
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["left out"] * 2
    assert "(printed.txt line 2, and at 11 other places): a mean of other scores." in done.stderr


def test_what_is_missing_is_told_and_nothing_is_written(
    run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    assert run("import", "lm-eval", FILES / "lm_eval", "-o", out, *SAID) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1] for line in lines] == ["sequence", "language"]
    assert not out.exists()


def test_options_of_another_format_and_unknown_formats(
    run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    assert run("import", "xtreme", FILES / "xtreme", "-o", out, "--split", "eval") == 1
    assert "--split is for files of trainer, not of xtreme" in capsys.readouterr().err
    assert run("import", "helm", FILES, "-o", out) == 2


def test_an_imported_table_is_rows_of_a_model(run: Run, tmp_path: Path) -> None:
    wide = tmp_path / "wide.csv"
    wide.write_text("run,en,de,sw\na,80.1,74.2,60.3\nb,79.2,73.1,61.4\nc,81.7,75.0,62.9\nd,78.8,72.0,58.1\n")
    model, out = tmp_path / "model.toml", tmp_path / "out.csv"
    model.write_text(MODEL)
    said = [*SAID, "--sequence", "", "--target", "xnli", "--metric", "accuracy", "--percent"]
    assert run("import", "wide", wide, "-o", out, *said) == 0
    assert run("check", out) == 0
    spec, known = read_model(model), covariates()
    rows = select_rows(read_tables(spec, [out], known)[0], spec, known)
    design = build_design(rows, spec, known)
    levels = {block.name: len(block.labels) for block in design.blocks}
    assert levels == {"1": 0, "1|evaluation": 3, "1|run": 4}


def test_the_map_in_the_documentation_is_one(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "importing.md").read_text("utf-8")
    (example,) = re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    path = tmp_path / "map.toml"
    path.write_text(example, encoding="utf-8")
    assert len(read_map(path).entries) == 7
