"""The command `refit`: what it refuses, says and returns."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from taskorder.cli import app
from taskorder.paths import resource, rooted

HEAD = "study,run,backbone,tuning,sequence,target,train_language,language,metric,score\n"
MODEL = """
name = "small"
[data]
tables = ["data/added/*.csv"]
where = "metric == 'accuracy'"
[groups]
target = {}
"""


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    for folder in ("data/published", "models", "reports/calibration"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("tasks", "similarity", "languages"):
        (tmp_path / "data" / f"{name}.csv").symlink_to(resource(f"data/{name}.csv"))
    (tmp_path / "models/small.toml").write_text(MODEL, "utf-8")
    (tmp_path / "reports/claims.toml").write_text("", "utf-8")
    (tmp_path / "mine.csv").write_text(HEAD + "mine,r1,bert,full,,rte,en,en,f1,0.7\n", "utf-8")
    with rooted(tmp_path):
        yield tmp_path


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("arguments", [[], ["mine.csv", "--undo"]])
def test_tables_or_undo_are_named_and_not_both(arguments: list[str]) -> None:
    found = CliRunner().invoke(app, ["refit", *arguments])
    assert found.exit_code == 2
    assert "--undo to take back" in found.stderr


def test_a_table_is_added_said_to_stand_and_taken_back(root: Path) -> None:
    runner = CliRunner()
    dry = runner.invoke(app, ["refit", "mine.csv", "--dry-run"])
    assert dry.exit_code == 0, dry.stderr
    assert "nothing was kept (--dry-run)" in dry.stdout
    assert not (root / "data/added").exists()

    first = runner.invoke(app, ["refit", "mine.csv"])
    assert first.exit_code == 0, first.stderr
    assert "1 row left out by [data] where: not (metric == 'accuracy')" in first.stdout
    assert "change.md and its numbers; taskorder refit --undo takes it back" in first.stdout

    again = runner.invoke(app, ["refit", "mine.csv"])
    assert (again.exit_code, again.stdout) == (0, "nothing to do: all of it stands already\n")
    assert again.stderr == "mine.csv is data/added/0001-mine.csv already\n"

    back = runner.invoke(app, ["refit", "--undo"])
    assert back.exit_code == 0, back.stderr
    assert back.stdout.startswith("Taken back: data/added/0001-mine.csv (1 row)")
    assert not (root / "data/added/0001-mine.csv").exists()
