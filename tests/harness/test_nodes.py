"""Nodes on disk: there whole or not at all, and known to be what was written."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from taskorder.files import write_whole
from taskorder.harness.sealed import Damaged, seal, unseal
from taskorder.harness.tree.nodes import Record, Store
from taskorder.harness.tree.plan import Node
from taskorder.results.sequences import parse

NODE = Node("0123456789abcdef", "", "some/tiny", "full", 1, parse("ner>udpos"), "target")


def make(content: bytes = b"weights") -> Callable[[Path], None]:
    def making(folder: Path) -> None:
        (folder / "encoder.safetensors").write_bytes(content)
        (folder / "more").mkdir()
        (folder / "more" / "curve.json").write_text("[]")

    return making


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    store.add(NODE, make(), tokens=5, versions={"torch": "1"})
    return store


def opened(store: Store, *, weights: bool = True) -> Record | None:
    return store.record(NODE.id, weights=weights)


def test_a_node_is_what_was_written(store: Store) -> None:
    record = opened(store)
    assert record is not None
    assert (record.sequence, record.seed, record.tokens) == ("ner>udpos", 1, 5)
    assert set(record.files) == {"encoder.safetensors", "more/curve.json"}
    assert store.path(NODE.id).name == NODE.id
    assert store.record("f" * 16, weights=False) is None


@pytest.mark.parametrize("name", ["encoder.safetensors", "more/curve.json", "node.json"])
@pytest.mark.parametrize("place", [0, -1])
def test_a_changed_byte_is_found(store: Store, name: str, place: int) -> None:
    file = store.path(NODE.id) / name
    content = bytearray(file.read_bytes().rstrip())
    content[place] ^= 1
    file.write_bytes(content)
    with pytest.raises(Damaged, match=name):
        opened(store)


def test_every_byte_of_a_sealed_file_counts(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    seal(file, {"a": [1, 2.5, "x"], "b": None})
    whole = file.read_bytes().rstrip()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 2
        file.write_bytes(changed)
        try:
            assert unseal(file) == {"a": [1, 2.5, "x"], "b": None}
        except Damaged:
            continue


@pytest.mark.parametrize("name", ["more/curve.json", "node.json"])
def test_a_lost_file_is_found(store: Store, name: str) -> None:
    (store.path(NODE.id) / name).unlink()
    with pytest.raises(Damaged, match=name):
        opened(store, weights=False)


def test_weights_are_verified_where_they_are_asked_for(store: Store) -> None:
    (store.path(NODE.id) / "encoder.safetensors").write_bytes(b"other")
    assert opened(store, weights=False) is not None
    with pytest.raises(Damaged):
        opened(store)


def test_dropped_weights_are_missed_only_by_who_needs_them(store: Store) -> None:
    assert store.drop_weights(NODE.id) == len(b"weights")
    assert opened(store, weights=False) is not None
    assert opened(store) is None


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_what_was_not_finished_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    store = Store(tmp_path)

    def failing(folder: Path) -> None:
        make()(folder)
        raise error

    with pytest.raises(type(error)):
        store.add(NODE, failing)
    assert not list(store.nodes.iterdir())


def test_a_disk_that_fills_up_while_the_record_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        del handle
        raise OSError(errno.ENOSPC, "No space left on device")

    store = Store(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        store.add(NODE, make())
    assert not list(store.nodes.iterdir())


def test_scores_are_kept_by_evaluation_and_stay_with_the_same_weights(store: Store) -> None:
    store.add_scores(NODE.id, {"k1": [{"score": 0.5}], "k2": []})
    store.add_scores(NODE.id, {"k3": [{"score": 0.25}]})
    everything = {"k1": [{"score": 0.5}], "k2": [], "k3": [{"score": 0.25}]}
    assert store.scores(NODE.id) == everything
    store.drop_weights(NODE.id)
    store.add(NODE, make())
    assert store.scores(NODE.id) == everything
    store.add(NODE, make(b"others"))
    assert store.scores(NODE.id) == {}


def test_a_changed_byte_in_scores_costs_these_scores_only(store: Store) -> None:
    store.add_scores(NODE.id, {"k1": [{"score": 0.5}]})
    store.add_scores(NODE.id, {"k2": [{"score": 0.75}]})
    file = next(f for f in (store.path(NODE.id) / "scores").iterdir() if b"0.75" in f.read_bytes())
    file.write_bytes(file.read_bytes().replace(b"0.75", b"0.95"))
    told: list[Path] = []
    assert store.scores(NODE.id, lambda file, _: told.append(file)) == {"k1": [{"score": 0.5}]}
    assert told == [file]


@pytest.mark.parametrize("again", [False, True])
def test_leftovers_go_and_what_is_written_into_them_cannot_become_a_node(store: Store, again: bool) -> None:
    other = Node("f" * 16, "", "some/tiny", "full", 1, parse("sst2"), "intermediate")

    def interrupted(folder: Path) -> None:
        make()(folder)
        assert store.clean() == 1
        if again:
            write_whole(folder / "late.json", "{}")

    with pytest.raises(FileNotFoundError):
        store.add(other, interrupted)
    assert [path.name for path in store.nodes.iterdir()] == [NODE.id]


def test_who_comes_second_with_the_same_node_changes_nothing(store: Store) -> None:
    other = Node("f" * 16, "", "some/tiny", "full", 1, parse("sst2"), "intermediate")

    def overtaken(folder: Path) -> None:
        store.add(other, make())
        make()(folder)

    store.add(other, overtaken)
    assert store.record(other.id, weights=True) is not None
    assert not [path for path in store.nodes.iterdir() if path.name.startswith(".")]
