"""Archives that are damaged, changed or hostile: nothing is unpacked, and what is wrong is named."""

import hashlib
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest

from taskorder.archive import unpacking
from taskorder.archive.record import METADATA, Entry, Record
from taskorder.archive.unpacking import unpack
from taskorder.errors import InvalidArchive, MissingData

FILES = {"data/x.csv": b"a,b\n1,2\n", "models/m.toml": b"name = 'm'\n", "report.pdf": b"%PDF-"}

type Files = dict[str, bytes]
type Zipped = Callable[..., Path]


def record_of(files: Files) -> Record:
    entries = [
        Entry(
            path, "result" if path == "report.pdf" else "input", hashlib.sha256(held).hexdigest(), len(held)
        )
        for path, held in files.items()
    ]
    return Record(tuple(entries), "auto", 1, 400, "2026-01-02", "0.1.0")


@pytest.fixture
def zipped(tmp_path: Path) -> Zipped:
    """Write a zip with the record of FILES, of which some are replaced (None: left out) and some added."""

    def write(changed: dict[str, bytes | None] | None = None, record: str = "") -> Path:
        path = tmp_path / "a.zip"
        with ZipFile(path, "w", ZIP_DEFLATED) as file:
            file.writestr(METADATA, record or record_of(FILES).json())
            for name, held in ({**FILES} | (changed or {})).items():
                if held is not None:
                    file.writestr(name, held)
        return path

    return write


def refused(crate: Path, tmp_path: Path) -> str:
    """What is said of an archive that is not unpacked; nothing is left behind."""
    before = sorted(tmp_path.parent.rglob("*"))
    with pytest.raises(InvalidArchive) as caught:
        unpack(crate, tmp_path / "in" / "out")
    after = [path for path in sorted(tmp_path.parent.rglob("*")) if path != tmp_path / "in"]
    assert after == before
    return str(caught.value)


def test_a_zip_and_a_folder_are_unpacked_alike(zipped: Zipped, tmp_path: Path) -> None:
    assert unpack(zipped(), tmp_path / "one") == record_of(FILES)
    assert unpack(tmp_path / "one", tmp_path / "two") == record_of(FILES)
    for folder in ("one", "two"):
        assert {name: (tmp_path / folder / name).read_bytes() for name in FILES} == FILES


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"data/x.csv": b"a,b\n1,3\n"}, "data/x.csv is not what the archive's record says: its sha256 is"),
        ({"data/x.csv": b"a,b\n"}, "data/x.csv is not what the archive's record says: it has 4 bytes, not 8"),
        ({"models/m.toml": None}, "models/m.toml is missing: the archive's record lists it"),
        ({"data/y.csv": b""}, "data/y.csv was added: the archive's record does not list it"),
    ],
)
def test_a_file_that_was_changed_removed_or_added_is_named(
    zipped: Zipped, tmp_path: Path, changed: dict[str, bytes | None], told: str
) -> None:
    assert told in refused(zipped(changed), tmp_path)


def test_all_that_is_wrong_is_named_at_once(zipped: Zipped, tmp_path: Path) -> None:
    told = refused(zipped({"data/x.csv": None, "report.pdf": b"%PDF-2", "z": b""}), tmp_path)
    assert [line.split(" ")[0] for line in told.splitlines()] == ["data/x.csv", "report.pdf", "z"]


def test_a_folder_is_verified_as_a_zip_is(zipped: Zipped, tmp_path: Path) -> None:
    unpack(zipped(), tmp_path / "crate")
    (tmp_path / "crate" / "data" / "x.csv").write_bytes(b"a,b\n1,3\n")
    assert "its sha256 is" in refused(tmp_path / "crate", tmp_path)


def test_a_folder_with_a_link_is_refused(zipped: Zipped, tmp_path: Path) -> None:
    unpack(zipped(), tmp_path / "crate")
    (tmp_path / "crate" / "data" / "x.csv").unlink()
    (tmp_path / "crate" / "data" / "x.csv").symlink_to("/etc/hostname")
    assert "data/x.csv is a link" in refused(tmp_path / "crate", tmp_path)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("../x.csv", "leads out of the folder"),
        ("data/../../x.csv", "leads out of the folder"),
        ("data\\..\\x.csv", "leads out of the folder"),
        ("/etc/x.csv", "absolute path"),
        ("C:/x.csv", "absolute path"),
        ("data//x.csv", "no plain path"),
        ("data/x\n.csv", "no plain path"),
        ("./data/z.csv", "no plain path"),
        ("DATA/X.csv", "there twice"),
        ("report.pdf/x", "a file and a folder"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(zipped: Zipped, tmp_path: Path, name: str, told: str) -> None:
    """Even where the record lists it."""
    record = record_of({**FILES, name: b"x"}).json()
    assert told in refused(zipped({name: b"x"}, record), tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_refused(zipped: Zipped, tmp_path: Path) -> None:
    path = zipped()
    with ZipFile(path, "a") as file:
        file.writestr("data/x.csv", b"other")
    assert "'data/x.csv' is there twice" in refused(path, tmp_path)


def test_a_link_in_a_zip_is_refused(zipped: Zipped, tmp_path: Path) -> None:
    path, link = zipped(), ZipInfo("data/link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with ZipFile(path, "a") as file:
        file.writestr(link, "/etc/hostname")
    assert "'data/link' is a link" in refused(path, tmp_path)


def test_an_encrypted_file_is_refused(zipped: Zipped, tmp_path: Path) -> None:
    path = zipped()
    content = bytearray(path.read_bytes())
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 8] |= 1
    path.write_bytes(content)
    assert "is encrypted" in refused(path, tmp_path)


def test_more_than_there_is_room_for_is_refused(
    zipped: Zipped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped()
    with monkeypatch.context() as patch:
        patch.setattr(unpacking, "LARGEST", 10)
        assert "bytes; more than 10 are not unpacked" in refused(path, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(unpacking, "MOST_FILES", 3)
        assert "holds 4 files; more than 3" in refused(path, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(unpacking, "LARGEST_RECORD", 10)
        assert "more than 10 bytes" in refused(path, tmp_path)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=5))
    assert "has 5 left" in refused(path, tmp_path)


def test_a_bomb_that_states_a_small_size_does_not_go_off(zipped: Zipped, tmp_path: Path) -> None:
    """The sizes in the directory of the zip are edited: what comes out is bounded by them."""
    path = zipped({"data/x.csv": bytes(10_000_000)})
    content = path.read_bytes().replace((10_000_000).to_bytes(4, "little"), (8).to_bytes(4, "little"))
    path.write_bytes(content)
    assert "data/x.csv" in refused(path, tmp_path)


def test_a_truncated_or_damaged_zip_is_refused(zipped: Zipped, tmp_path: Path) -> None:
    path = zipped()
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    assert "neither a folder nor a zip that can be read" in refused(path, tmp_path)
    path.write_bytes(b"no zip at all")
    assert "neither a folder nor a zip that can be read" in refused(path, tmp_path)
    broken = bytearray(whole)
    place = whole.index(b"report.pdf") + len("report.pdf")
    broken[place] ^= 0xFF
    path.write_bytes(broken)
    assert "report.pdf" in refused(path, tmp_path)


def test_what_is_no_archive_of_ours_is_told(zipped: Zipped, tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="is not there: name"):
        unpack(tmp_path / "none.zip", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    assert f"has no {METADATA}" in refused(tmp_path / "empty", tmp_path)
    for text in (
        "{",
        "[]",
        "{}",
        '{"@graph": []}',
        '{"@graph": [{"@id": "./"}]}',
        '{"@graph": 3}',
        "[" * 100_000,
    ):
        assert "is not the record of an archive" in refused(zipped(record=text), tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"value": 400', '"value": -1'),
        ('"value": 400', '"value": "400; rm"'),
        ('"value": "auto"', '"value": "other"'),
        ('"contentSize": "8"', '"contentSize": "many"'),
        ('"hasPart": [', '"hasPart": [3, '),
    ],
)
def test_a_record_with_impossible_values_is_refused(
    zipped: Zipped, tmp_path: Path, old: str, new: str
) -> None:
    text = record_of(FILES).json()
    assert old in text
    assert "is not the record of an archive" in refused(zipped(record=text.replace(old, new, 1)), tmp_path)


def test_a_record_of_what_is_not_in_the_archive_unpacks_nothing(zipped: Zipped, tmp_path: Path) -> None:
    record = record_of({**FILES, "../x": b"x"})
    assert "../x is missing" in refused(zipped(record=record.json()), tmp_path)
