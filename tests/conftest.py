"""What several tests need: a valid table of results, and a way to write one."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from taskorder.cli import main

settings.register_profile("whatever the machine does besides", deadline=None)
settings.load_profile("whatever the machine does besides")

Row = dict[str, str]
Write = Callable[..., Path]
Run = Callable[..., int]

VALID: Row = {
    "study": "mine",
    "run": "r1",
    "backbone": "xlm-roberta-base",
    "tuning": "full",
    "sequence": "mnli>squad",
    "target": "panx",
    "train_language": "en",
    "language": "sw",
    "metric": "f1",
    "score": "0.612",
}


@pytest.fixture(autouse=True)
def no_folders_of_the_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the data that a person has named for their own work out of the tests."""
    monkeypatch.delenv("TASKORDER_DATA", raising=False)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command of taskorder in this process; return its exit status."""

    def _run(*arguments: str | Path) -> int:
        monkeypatch.setattr(sys, "argv", ["taskorder", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        status = ended.value.code or 0
        assert isinstance(status, int), status
        return status

    return _run


@pytest.fixture
def row() -> Callable[..., Row]:
    """Make a valid row with some cells replaced or added."""
    return lambda **cells: VALID | cells


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write rows of text as CSV; the columns are those of the first row."""

    def _write(rows: list[Row], name: str = "mine.csv", columns: list[str] | None = None) -> Path:
        names = columns or list(rows[0])
        lines = [",".join(names), *(",".join(row.get(name, "") for name in names) for row in rows)]
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return _write
