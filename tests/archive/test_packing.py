"""What an archive holds and says of itself, and that one state gives one archive."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from rocrate.rocrate import ROCrate

from taskorder.archive import contents, means, packing
from taskorder.archive.record import AUTHORS, METADATA, Entry, Record, read_record
from taskorder.archive.unpacking import unpack
from taskorder.claims.ledger import Ledger
from taskorder.claims.proceedings import Proceedings
from taskorder.errors import TaskorderError
from taskorder.files import sha256
from taskorder.paths import checkout, rooted

from .conftest import SETTINGS

type Graph = dict[str, dict[str, Any]]
type Pack = Callable[..., packing.Archive]


@pytest.fixture
def pack(project: Path, done: Proceedings) -> Pack:
    """Archive the report of the project."""

    def write(path: Path, *, force: bool = False, of: Proceedings = done) -> packing.Archive:
        with rooted(project):
            return packing.archive(project / "report.pdf", of, SETTINGS, path, force=force)

    return write


@pytest.fixture
def graph(crate: Path) -> Graph:
    with ZipFile(crate) as file:
        return {entity["@id"]: entity for entity in json.loads(file.read(METADATA))["@graph"]}


def test_one_state_gives_one_archive_to_the_byte(pack: Pack, crate: Path, tmp_path: Path) -> None:
    first, again = pack(tmp_path / "a.zip"), pack(tmp_path / "b.zip")
    assert crate.read_bytes() == first.path.read_bytes() == again.path.read_bytes()
    assert first.sha256 == hashlib.sha256(crate.read_bytes()).hexdigest()


def test_a_folder_holds_what_the_zip_holds(pack: Pack, crate: Path, tmp_path: Path) -> None:
    folder = pack(tmp_path / "crate")
    unpack(crate, tmp_path / "unpacked")
    held = [
        {path.relative_to(top): path.read_bytes() for path in top.rglob("*") if path.is_file()}
        for top in (folder.path, tmp_path / "unpacked")
    ]
    assert held[0] == held[1]
    assert folder.files == len(held[0]) - 1
    assert folder.sha256 == sha256(folder.path / METADATA)


def test_all_that_a_rebuild_needs_is_there(graph: Graph) -> None:
    paths = set(graph)
    assert {
        "data/published/mine.csv",
        "data/tasks.csv",
        "data/similarity.csv",
        "data/languages.csv",
        "data/studies.csv",
        "models/tiny.toml",
        "reports/claims.toml",
        "reports/template/report.typ",
        "reports/calibration/README.md",
        "analysis/taskorder/cli/__init__.py",
        "pyproject.toml",
        "requirements.lock",
        "environment.txt",
        "report.pdf",
        "claims.json",
        *(
            f"fits/tiny/{name}"
            for name in ("posterior.nc", "summary.csv", "diagnostics.json", "manifest.json")
        ),
        "fits/tiny/otherwise.npz",
        "fits/tiny/without.npz",
    } <= paths
    assert not [path for path in paths if "harness" in path or "__pycache__" in path]


def test_the_record_is_what_the_standard_asks_for(crate: Path, graph: Graph) -> None:
    """RO-Crate 1.2: descriptor, root data entity, files."""
    descriptor, root = graph[METADATA], graph["./"]
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.2"}
    assert root["@type"] == "Dataset"
    assert all(root[name] for name in ("name", "description", "datePublished"))
    for name in ("license", "author", "publisher", "mainEntity", "mentions"):
        assert root[name]["@id"] in graph
    with ZipFile(crate) as file:
        names = set(file.namelist()) - {METADATA}
        held = {name: file.read(name) for name in names}
    parts = {part["@id"] for part in root["hasPart"]}
    assert {part for part in parts if graph[part]["@type"] == "File"} == names
    for name in names:
        entity = graph[name]
        assert entity["sha256"] == hashlib.sha256(held[name]).hexdigest()
        assert entity["contentSize"] == str(len(held[name]))
        assert "/" in entity["encodingFormat"]
        assert entity["name"]
        assert entity["description"]


def test_the_action_links_inputs_software_and_results(graph: Graph) -> None:
    action, software = graph["#report"], graph["#taskorder"]
    given, made = ({part["@id"] for part in action[name]} for name in ("object", "result"))
    assert action["@type"] == "CreateAction"
    assert "data/published/mine.csv" in given
    assert {"report.pdf", "fits/tiny/posterior.nc"} <= made
    assert not given & made
    assert action["instrument"] == {"@id": software["@id"]}
    assert {name: graph[f"#{name}"]["value"] for name in ("engine", "seed", "draws")} == {
        "engine": "auto",
        "seed": SETTINGS.seed,
        "draws": SETTINGS.draws,
    }
    assert software["version"]
    assert graph["environment.txt"]["encodingFormat"] == "text/plain"
    assert {part["@id"] for part in graph["analysis/taskorder/"]["hasPart"]} <= set(graph)


def test_every_reference_leads_somewhere(graph: Graph) -> None:
    def references(value: object) -> set[str]:
        if isinstance(value, dict):
            return {value["@id"]} if set(value) == {"@id"} else set().union(*map(references, value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    apart = {"https://w3id.org/ro/crate/1.2"}
    assert references(list(graph.values())) - apart <= set(graph)


def test_other_software_reads_it(pack: Pack, tmp_path: Path) -> None:
    found = ROCrate(pack(tmp_path / "crate").path)
    assert found.mainEntity.id == "report.pdf"
    assert found.dereference("#report")["instrument"].id == "#taskorder"
    assert found.dereference("fits/tiny/posterior.nc").type == "File"
    assert found.license.id.endswith("Apache-2.0")


def test_a_record_is_read_as_it_was_written() -> None:
    odd = "data/a b%20#é?.csv"
    entries = (Entry("environment.txt", "means", "a" * 64, 3), Entry(odd, "input", "b" * 64, 0))
    record = Record(entries, "nuts", 0, 400, "2026-01-02", "0.1.0", "c0ffee, with changes")
    assert read_record(record.json(), "x") == record
    assert read_record(replace(record, commit="").json(), "x").commit == ""


def test_the_authors_are_those_of_the_notice() -> None:
    root = checkout()
    assert root is not None
    assert AUTHORS in (root / "NOTICE").read_text("utf-8")


def test_nothing_is_overwritten_unless_forced(pack: Pack, crate: Path, tmp_path: Path) -> None:
    mine = tmp_path / "a.zip"
    mine.write_text("mine", "utf-8")
    with pytest.raises(FileExistsError, match="--force"):
        pack(mine)
    assert mine.read_text("utf-8") == "mine"
    pack(mine, force=True)
    assert mine.read_bytes() == crate.read_bytes()


def test_a_folder_that_is_no_archive_is_kept_even_if_forced(pack: Pack, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").touch()
    with pytest.raises(FileExistsError, match="is no archive and is left as it is, even with --force"):
        pack(tmp_path / "thesis", force=True)
    pack(tmp_path / "crate")
    (tmp_path / "crate" / "old").touch()
    pack(tmp_path / "crate", force=True)
    assert not (tmp_path / "crate" / "old").exists()


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "a.7z"])
def test_another_format_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(TaskorderError, match=r"a folder, or a file that ends in \.zip"):
        packing.refuse_to_replace(tmp_path / name, force=False)


def test_a_file_that_changes_while_it_is_archived_leaves_nothing(
    pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = packing.entries

    def stale(items: tuple[contents.Item, ...]) -> tuple[Entry, ...]:
        return tuple(replace(one, sha256="0" * 64) if "tasks" in one.path else one for one in entries(items))

    monkeypatch.setattr(packing, "entries", stale)
    for name in ("a.zip", "crate"):
        with pytest.raises(TaskorderError, match=r"tasks\.csv changed while it was archived"):
            pack(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_the_date_is_that_of_the_state_and_not_of_the_day(
    done: Proceedings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    ledger = Ledger().with_entry("registered", "helps", {}, "2026-03-04")
    assert packing._date(replace(done, ledger=ledger)) == "2026-03-04"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert packing._date(replace(done, ledger=ledger)) == "1970-01-02"
    for wrong in ("today", "9" * 30):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", wrong)
        with pytest.raises(TaskorderError, match="a number of seconds since 1970"):
            packing._date(done)


def test_a_table_that_would_not_be_found_again_is_refused(
    project: Path, done: Proceedings, tmp_path: Path
) -> None:
    shutil.copy(project / "data" / "published" / "mine.csv", tmp_path / "mine.csv")
    for name in (str(tmp_path / "mine.csv"), "../mine.csv"):
        with (
            rooted(project),
            pytest.raises(TaskorderError, match="would not be found again in another folder"),
        ):
            contents.contents(project / "report.pdf", _fitted_to(done, name))


def test_a_table_that_changed_since_it_was_fitted_is_named(project: Path, done: Proceedings) -> None:
    with rooted(project), pytest.raises(TaskorderError, match=r"data/tasks\.csv has changed since"):
        contents.contents(project / "report.pdf", _fitted_to(done, "data/tasks.csv"))


def _fitted_to(done: Proceedings, name: str) -> Proceedings:
    (heard,) = done.hearings
    fit = heard.found.fit
    inputs = [file | {"path": name} for file in fit.manifest["inputs"]]
    found = replace(heard.found, fit=replace(fit, manifest=fit.manifest | {"inputs": inputs}))
    return replace(done, hearings=(replace(heard, found=found),))


def test_two_tables_of_one_name_are_refused(
    project: Path, done: Proceedings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One below the working folder, which a model was fitted to, and one that ships."""
    (tmp_path / "data" / "published").mkdir(parents=True)
    other = tmp_path / "data" / "published" / "mine.csv"
    other.write_text("study\n", "utf-8")
    (heard,) = done.hearings
    fit = heard.found.fit
    inputs = [file | {"sha256": sha256(other)} for file in fit.manifest["inputs"]]
    found = replace(heard.found, fit=replace(fit, manifest=fit.manifest | {"inputs": inputs}))
    with rooted(project):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(TaskorderError, match="is the name of two files that differ"):
            contents.contents(project / "report.pdf", replace(done, hearings=(replace(heard, found=found),)))


def test_the_environment_names_what_is_installed() -> None:
    lines = means.environment().splitlines()
    assert lines[0].startswith("# Python 3.")
    assert any(line.startswith("pymc==") for line in lines)
    names = [line.split("==")[0].casefold() for line in lines[1:]]
    assert names == sorted(names)
