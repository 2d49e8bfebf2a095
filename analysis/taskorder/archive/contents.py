"""What an archive holds: what a report was made from, what it was made with, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from taskorder.archive import means
from taskorder.claims import Hearing
from taskorder.claims.proceedings import Proceedings
from taskorder.errors import TaskorderError
from taskorder.files import sha256
from taskorder.inference import store
from taskorder.paths import checkout, resource

type Role = Literal["input", "means", "result"]

REPORT, CLAIMS, ENVIRONMENT = "report.pdf", "claims.json", "environment.txt"
INPUTS = (
    "data/*.csv",
    "data/*.md",
    "data/published/*",
    "data/selection/*.csv",
    "models/*.toml",
    "reports/claims.toml",
    "reports/ledger.*",
    "reports/calibration/*",
    "reports/controls/*.csv",
    "reports/template/**/*",
)
"""What a report reads, beside the tables that its fits name."""
CHECKOUT = (".python-version", "LICENSE", "NOTICE", "README.md", "pyproject.toml", "requirements.lock")
"""With these beside the code, an unpacked archive can be installed."""


@dataclass(frozen=True)
class Item:
    """A file of an archive.

    Attributes
    ----------
    path : str
        In the archive, with `/`; inputs and code lie as in the checkout.
    role : {"input", "means", "result"}
    source : Path or bytes
        The file, or what it holds.
    """

    path: str
    role: Role
    source: Path | bytes


def contents(report: Path, done: Proceedings) -> tuple[Item, ...]:
    """Return all files of the archive of a report, in the order of their paths.

    Parameters
    ----------
    report : Path
        The PDF.
    done : Proceedings
        The fits and verdicts that it was set from.

    Raises
    ------
    TaskorderError
        If a table lies where it could not be found again, has changed since it was read, or has a name that
        another file has as well.
    """
    found: dict[str, Item] = {}
    for item in (*_shipped(), *_tables(done.hearings), *_means(), *_results(report, done)):
        other = found.setdefault(item.path, item)
        if other != item and _bytes(other.source) != _bytes(item.source):
            raise TaskorderError(
                f"{item.path} is the name of two files that differ, {other.source!s} and {item.source!s}, and"
                f" the report reads both: rename one of them, or run taskorder in another folder"
            )
    return tuple(found[path] for path in sorted(found))


def _bytes(source: Path | bytes) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()


def _shipped() -> Iterator[Item]:
    root = resource("data").parent
    for pattern in INPUTS:
        for file in root.glob(pattern):
            if file.is_file() and not file.name.startswith("."):
                yield Item(file.relative_to(root).as_posix(), "input", file)


def _tables(hearings: Sequence[Hearing]) -> Iterator[Item]:
    """Go through the tables that were fitted, wherever they were found."""
    for heard in hearings:
        for file in heard.found.fit.manifest["inputs"]:
            name = str(file["path"])
            place = PurePosixPath(Path(name).as_posix())
            if place.is_absolute() or Path(name).is_absolute() or ".." in place.parts:
                raise TaskorderError(
                    f"model {heard.found.fit.spec.name!r} is fitted to {name}, which would not be found again"
                    f" in another folder: move the table below this one, and name it so in [data] tables"
                )
            yield Item(place.as_posix(), "input", _unchanged(name, str(file["sha256"])))


def _unchanged(name: str, digest: str) -> Path:
    """Return the file that was read under a name: below the working folder, or among what ships."""
    for file in (Path(name).resolve(), resource("data").parent / name):
        if file.is_file() and sha256(file) == digest:
            return file
    raise TaskorderError(f"{name} has changed since it was fitted: make the report again")


def _means() -> Iterator[Item]:
    for path, file in means.code().items():
        yield Item(path, "means", file)
    root = checkout()
    for name in CHECKOUT:
        if root is not None and (root / name).is_file():
            yield Item(name, "means", root / name)
    yield Item(ENVIRONMENT, "means", means.environment().encode())


def _results(report: Path, done: Proceedings) -> Iterator[Item]:
    yield Item(REPORT, "result", report.resolve())
    yield Item(CLAIMS, "result", f"{done.json()}\n".encode())
    for heard in done.hearings:
        folder = f"fits/{heard.found.fit.spec.name}"
        for name in store.FILES:
            yield Item(f"{folder}/{name}", "result", heard.found.folder / name)
        for name, file in heard.examination.files.items():
            yield Item(f"{folder}/{name}", "result", file)
