"""Another folder in place of what ships: nothing is taken from elsewhere, and nothing is left changed."""

import os
from pathlib import Path

import pytest

from taskorder import paths
from taskorder.paths import ROOT, resource, rooted
from taskorder.results import catalogue


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tasks.csv").write_text("task,kind\nmine,classification\n", encoding="utf-8")
    return tmp_path


def test_what_the_folder_holds_is_found_and_nothing_else(folder: Path) -> None:
    shipped = catalogue.tasks()
    with rooted(folder):
        assert Path.cwd() == folder.resolve()
        assert list(catalogue.tasks()["task"]) == ["mine"]
        with pytest.raises(FileNotFoundError, match=ROOT):
            resource("data/languages.csv")
    assert catalogue.tasks().equals(shipped)


def test_the_project_that_an_installed_package_is_used_in_is_no_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").touch()
    installed = tmp_path / ".venv" / "lib" / "python3.13" / "site-packages" / "taskorder"
    monkeypatch.setattr(paths, "PACKAGE", installed)
    assert paths.checkout() is None
    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "analysis" / "taskorder")
    assert paths.checkout() == tmp_path


def test_what_was_before_is_put_back_even_after_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Path.cwd()
    monkeypatch.setenv(ROOT, "elsewhere")
    with pytest.raises(ZeroDivisionError), rooted(folder):
        raise ZeroDivisionError
    assert os.environ[ROOT] == "elsewhere"
    assert Path.cwd() == before
