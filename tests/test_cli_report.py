"""`taskorder report --archive` and `--from` as a person types them: what is refused, and exit status."""

from collections.abc import Callable
from pathlib import Path

import pytest

import taskorder.archive
from taskorder.archive.comparing import Comparison, Line
from taskorder.reporting import making

type Run = Callable[..., int]


@pytest.fixture(autouse=True)
def nothing_is_fitted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("fitted before everything was checked")

    monkeypatch.setattr(making, "make_report", never)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("more", [["--seed", "0"], ["--draws", "400"], ["--archive", "b.zip"]])
def test_what_the_archive_says_cannot_be_said_again(
    run: Run, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    assert run("report", "--from", "a.zip", *more) == 2
    assert "with --from the archive says it all" in capsys.readouterr().err


def test_an_archive_that_is_not_there_is_told_in_one_paragraph(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("report", "--from", "a.zip") == 1
    told = capsys.readouterr().err
    assert told.splitlines()[-1].startswith("a.zip is not there: name a zip or a folder")
    assert "Traceback" not in told


def test_an_archive_that_is_there_is_kept_and_nothing_is_fitted(
    run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "a.zip").write_text("mine", "utf-8")
    assert run("report", "--archive", "a.zip") == 1
    assert "pass --force" in capsys.readouterr().err


@pytest.mark.parametrize(("differs", "expected"), [(False, 0), (True, 1)])
def test_what_differs_ends_with_status_1(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    differs: bool,
    expected: int,
) -> None:
    lines = (
        Line("report.pdf", "a" * 64, "b" * 64 if differs else "a" * 64, "differs" if differs else "same"),
    )
    monkeypatch.setattr(taskorder.archive, "rebuild", lambda *_, **__: Comparison(lines))
    assert run("report", "--from", "a.zip", "-o", "again") == expected
    told = capsys.readouterr()
    assert f"{0 if differs else 1} of 1 files are the same to the byte" in told.out
    assert ("DIFFERS" in told.err) == differs
