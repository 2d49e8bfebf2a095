"""A report is made again from its archive alone, and what differs is told from what agrees."""

from pathlib import Path

import pandas as pd
import pytest

from taskorder.archive import rebuild, rebuilding
from taskorder.archive.comparing import Comparison, compare
from taskorder.archive.contents import Item, Role
from taskorder.archive.record import Record
from taskorder.archive.unpacking import unpack
from taskorder.errors import InvalidArchive


@pytest.fixture(scope="module")
def unpacked(crate: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, Path]:
    folder = tmp_path_factory.mktemp("unpacked") / "archive"
    return unpack(crate, folder), folder


def compared(unpacked: tuple[Record, Path], changed: dict[str, bytes | None]) -> Comparison:
    """Compare an archive with itself, but for files with other contents; None: left out."""
    record, folder = unpacked
    roles = {entry.path: entry.role for entry in record.entries}
    same = {path: folder / path for path in roles}
    items = [Item(path, roles.get(path, _role(path)), now) for path, now in (same | changed).items() if now]
    return compare(record, folder, items)


def _role(path: str) -> Role:
    return "means" if path.startswith("analysis/") else "result"


def test_everything_is_made_again_to_the_byte_but_for_the_seconds(crate: Path, tmp_path: Path) -> None:
    folder = tmp_path / "again"
    found = rebuild(crate, folder)
    other = {line.path: (line.status, line.remark) for line in found.lines if line.status != "same"}
    assert found.ok
    assert other == {
        "fits/tiny/diagnostics.json": ("equal", "but for the seconds"),
        "fits/tiny/manifest.json": ("equal", "but for digests of its files, and versions"),
    }
    assert pd.read_csv(folder / "comparison.csv")["path"].tolist() == [line.path for line in found.lines]
    (fit,) = (folder / "rebuilt" / "models" / "fits").glob("*/posterior.nc")
    assert fit.read_bytes() == (folder / "archived" / "fits" / "tiny" / "posterior.nc").read_bytes()


def test_a_damaged_archive_is_not_rebuilt(
    crate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("fitted all the same")

    monkeypatch.setattr(rebuilding, "make_report", never)
    unpack(crate, tmp_path / "crate")
    (tmp_path / "crate" / "data" / "published" / "mine.csv").write_text("study\n", "utf-8")
    with pytest.raises(InvalidArchive, match=r"mine.csv is not what the archive's record says"):
        rebuild(tmp_path / "crate", tmp_path / "again")
    assert not (tmp_path / "again" / "archived").exists()


def test_what_is_there_is_kept(crate: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine", "utf-8")
    for force in (False, True):
        with pytest.raises(FileExistsError, match="left as it is"):
            rebuild(crate, tmp_path, force=force)
    assert (tmp_path / "thesis.tex").read_text("utf-8") == "mine"


def test_what_was_rebuilt_before_is_replaced_if_forced(
    crate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "make_report", lambda *_, **__: None)
    monkeypatch.setattr(rebuilding, "proceed", lambda *_, **__: None)
    monkeypatch.setattr(rebuilding, "contents", lambda *_: ())
    folder = tmp_path / "again"
    unpack(crate, folder / "archived")
    (folder / "rebuilt").mkdir()
    (folder / "rebuilt" / "old").touch()
    with pytest.raises(FileExistsError, match="--force"):
        rebuild(crate, folder)
    found = rebuild(crate, folder, force=True)
    assert {line.status for line in found.lines} == {"missing", "other"}
    assert not (folder / "rebuilt" / "old").exists()


def test_the_same_is_the_same(unpacked: tuple[Record, Path]) -> None:
    found = compared(unpacked, {})
    assert found.ok
    assert found.text() == f"{len(found.lines)} of {len(found.lines)} files are the same to the byte"


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        ("report.pdf", b"%PDF", "though all that it was made from is the same"),
        ("report.pdf", None, "missing  report.pdf"),
        ("data/tasks.csv", b"task", "differs  data/tasks.csv"),
        ("fits/tiny/summary.csv", None, "missing  fits/tiny/summary.csv"),
        ("fits/tiny/more.csv", b"x", "added  fits/tiny/more.csv"),
        ("claims.json", b'[{"id": "helps", "verdict": "refuted", "gates": {}}]', "gates of helps"),
        ("claims.json", b"[]", "verdict of helps"),
    ],
)
def test_what_differs_is_named(
    unpacked: tuple[Record, Path], path: str, content: bytes | None, told: str
) -> None:
    found = compared(unpacked, {path: content})
    assert not found.ok
    assert told in found.text()


def test_another_environment_is_told_and_is_no_failure(unpacked: tuple[Record, Path]) -> None:
    code = {f"analysis/taskorder/{name}.py": b"pass" for name in ("__init__", "cli", "errors", "more")}
    means: dict[str, bytes | None] = {"environment.txt": b"# Python 4", "NOTICE": None, **code}
    found = compared(unpacked, {**means, "report.pdf": b"%PDF"})
    assert {line.path: line.status for line in found.lines if line.status != "same"} == {
        **dict.fromkeys(means, "other"),
        "report.pdf": "follows",
    }
    assert found.ok
    (line,) = (line for line in found.text().splitlines() if "analysis" in line)
    assert line.endswith("4 files are not as archived")
