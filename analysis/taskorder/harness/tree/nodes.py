"""Trained nodes on disk: each in a folder of its own that is there whole or not at all.

::

    FOLDER/nodes/ID/node.json           last: what was trained, and the SHA-256 of every other file
    FOLDER/nodes/ID/*.safetensors       weights; dropped when nothing waits for them
    FOLDER/nodes/ID/*                   learning curve, history: these stay
    FOLDER/nodes/ID/scores/KEY.json     the scores of one pass, by the key of each evaluation
    FOLDER/nodes/.*                     what a process is writing, or was when it ended
    FOLDER/snapshots/ID.safetensors     a node in the middle of its training; gone when the node is there

A node's id says what is due (see `taskorder.harness.tree.plan`), so whoever finds one that is whole may use
it.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from taskorder.files import sha256
from taskorder.harness.sealed import Damaged, seal, sealed, unseal
from taskorder.harness.tree.plan import Node, digest_of
from taskorder.results.sequences import render

RECORD = "node.json"
SCORES = "scores"
WEIGHTS = ".safetensors"
SNAPSHOTS = "snapshots"
MARK = ".being-written"
"""Tells a folder that is still the one that was begun from one that was cleaned away and made again."""

type Scores = dict[str, list[dict[str, Any]]]
"""Rows by the key of their evaluation."""


@dataclass(frozen=True, slots=True)
class Record:
    """What `node.json` says.

    Attributes
    ----------
    id, parent, backbone, tuning, sequence : str
        `sequence` up to and with the node's own step.
    seed : int
    files : mapping of str to str
        SHA-256 of every file of the training, whether it is still there or was dropped.
    seconds : float
        Wall time of the training.
    tokens : int
        About how many tokens it was planned to take.
    versions : mapping of str to str
        Of the libraries.
    """

    id: str
    parent: str
    backbone: str
    tuning: str
    sequence: str
    seed: int
    files: Mapping[str, str]
    seconds: float
    tokens: int
    versions: Mapping[str, str]

    def weights(self) -> dict[str, str]:
        """Return the digests of the weights, by file."""
        return {name: digest for name, digest in self.files.items() if name.endswith(WEIGHTS)}


def snapshot(folder: Path, name: str) -> Path:
    """Return where a node is kept, under a store's folder, while it trains."""
    return folder / SNAPSHOTS / f"{name}{WEIGHTS}"


class Store:
    """The nodes under one folder.

    Parameters
    ----------
    folder : Path
        Made where it is missing when something is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.nodes = folder / "nodes"

    def path(self, name: str) -> Path:
        """Return the folder of a node."""
        return self.nodes / name

    def record(self, name: str, *, weights: bool) -> Record | None:
        """Open a node.

        Parameters
        ----------
        name : str
        weights : bool
            Verify the weights as well.

        Returns
        -------
        Record or None
            None if the node has not been trained, or `weights` are asked for and have been dropped.

        Raises
        ------
        Damaged
            If a file is missing or a byte has changed.
        """
        folder = self.path(name)
        try:
            record = Record(**unseal(folder / RECORD))
        except FileNotFoundError:
            if folder.is_dir():
                raise Damaged(f"{folder} lacks {RECORD}") from None
            return None
        except TypeError:
            raise Damaged(f"{folder / RECORD} is of another version") from None
        if record.id != name:
            raise Damaged(f"{folder} holds the node {record.id}")
        if weights and not all((folder / file).is_file() for file in record.weights()):
            return None
        for file, digest in record.files.items():
            if weights or not file.endswith(WEIGHTS):
                _verify(folder / file, digest)
        return record

    def add(
        self,
        node: Node,
        make: Callable[[Path], None],
        *,
        tokens: int = 0,
        versions: Mapping[str, str] | None = None,
    ) -> Record:
        """Let `make` write the files of a node into a folder, and put that in its place when it is whole.

        A node that is there already is replaced; its scores stay if the weights are the same to the byte.
        """
        self.nodes.mkdir(parents=True, exist_ok=True)
        temporary = self._temporary()
        temporary.mkdir()
        try:
            (temporary / MARK).touch()
            began = time.perf_counter()
            make(temporary)
            seconds = time.perf_counter() - began
            (temporary / MARK).unlink()
            files = sorted(file for file in temporary.rglob("*") if file.is_file())
            for file in files:
                _sync(file)
            record = Record(
                node.id,
                node.parent,
                node.backbone,
                node.tuning,
                render(node.steps),
                node.seed,
                {file.relative_to(temporary).as_posix(): sha256(file) for file in files},
                seconds,
                tokens,
                dict(versions or {}),
            )
            (temporary / RECORD).write_text(sealed(asdict(record)))
            _sync(temporary / RECORD)
            self._put(temporary, record)
            snapshot(self.folder, node.id).unlink(missing_ok=True)
        except BaseException:
            _remove(temporary)
            raise
        return record

    def _put(self, temporary: Path, record: Record) -> None:
        place = self.path(record.id)
        if place.exists():
            self._take_scores(record, temporary)
            self.remove(record.id)
        try:
            temporary.rename(place)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            _remove(temporary)  # another process came first, with the same
        _sync(self.nodes)

    def _take_scores(self, record: Record, temporary: Path) -> None:
        """Copy the scores of the node that is to be replaced, if they are of these very weights."""
        scores = self.path(record.id) / SCORES
        with suppress(Damaged, FileNotFoundError, TypeError):
            before = Record(**unseal(self.path(record.id) / RECORD))
            if before.weights() == record.weights() and scores.is_dir():
                shutil.copytree(scores, temporary / SCORES, ignore=shutil.ignore_patterns(".*"))

    def remove(self, name: str) -> None:
        """Remove a node as one: it is whole or it is gone."""
        away = self._temporary()
        with suppress(FileNotFoundError):
            self.path(name).rename(away)
            _remove(away)

    def drop_weights(self, name: str) -> int:
        """Remove the weights of a node, and return how many bytes that freed; all else stays."""
        freed = 0
        for file in self.path(name).rglob(f"*{WEIGHTS}"):
            freed += file.stat().st_size
            file.unlink()
        return freed

    def add_scores(self, name: str, scores: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Keep the scores of one pass over some evaluations, by their keys: all of them or none."""
        folder = self.path(name) / SCORES
        seal(folder / f"{digest_of(sorted(scores))}.json", scores)

    def scores(self, name: str, damaged: Callable[[Path, Damaged], None] | None = None) -> Scores:
        """Return all scores of a node; of a file of which a byte has changed none, and `damaged` is told."""
        found: Scores = {}
        for file in sorted((self.path(name) / SCORES).glob("[!.]*.json")):
            try:
                found |= unseal(file)
            except Damaged as error:
                if damaged is not None:
                    damaged(file, error)
        return found

    def clean(self) -> int:
        """Remove what ended processes left behind, and return how much of it there was.

        Only to be called under the lock of the folder. What such a process may still be writing is renamed
        first: its next step fails, and no part of it can become a node.
        """
        left = [path for path in self.nodes.glob(".*") if path.is_dir()] if self.nodes.is_dir() else []
        for path in left:
            away = self._temporary()
            with suppress(FileNotFoundError):
                path.rename(away)
                _remove(away)
        for file in self.nodes.glob(f"*/{SCORES}/.*"):
            file.unlink(missing_ok=True)
        for file in (self.folder / SNAPSHOTS).glob(".*"):
            file.unlink(missing_ok=True)
        return len(left)

    def bytes(self) -> int:
        """Return how much space the nodes take."""
        return sum(file.stat().st_size for file in self.nodes.rglob("*") if file.is_file())

    def _temporary(self) -> Path:
        return self.nodes / f".{os.getpid()}-{secrets.token_hex(8)}"


def _verify(file: Path, digest: str) -> None:
    try:
        found = sha256(file)
    except FileNotFoundError:
        raise Damaged(f"{file} is missing") from None
    if found != digest:
        raise Damaged(f"{file} is not what was written")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
