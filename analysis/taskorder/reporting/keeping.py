"""Parts of the report that are found again by what they were made from, so that nothing is made twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from taskorder.claims import Claim
from taskorder.files import sha256, sha256_text, write_whole
from taskorder.inference import store
from taskorder.inference.fitting import versions
from taskorder.inference.session import Settings
from taskorder.inference.spec import ModelSpec
from taskorder.paths import PACKAGE, resource
from taskorder.reporting.content import Part

FOLDER = "report"
"""Below the folder that keeps the fits."""
_NO_PART = {"harness", "archive", "__pycache__"}
"""Code that has no say in the report."""


def kept(name: str, key: str, make: Callable[[], Part]) -> Part:
    """Return the part that has this name and was made from the same; else make it, and keep it alone.

    Parameters
    ----------
    name : str
    key : str
        A digest of all that the part is made from.
    make : callable
    """
    if (known := found(name, key)) is not None:
        return known
    part, path = make(), _path(name, key)
    text = json.dumps(part, ensure_ascii=False, allow_nan=False)
    for other in path.parent.glob(f"{name}-????????????????.json"):
        other.unlink(missing_ok=True)
    write_whole(path, text, force=True)
    return json.loads(text)


def found(name: str, key: str) -> Part | None:
    """Return the part that has this name and was made from the same; None if none is kept."""
    try:
        return json.loads(_path(name, key).read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _path(name: str, key: str) -> Path:
    return store.home() / FOLDER / f"{name}-{key[:16]}.json"


def of_catalogue() -> str:
    """Return a digest of all that the summary of the catalogue is made from."""
    return _digest([*_files(resource("data")), *_code()])


def of_chapter(spec: ModelSpec, claims: Sequence[Claim], settings: Settings, files: Sequence[Path]) -> str:
    """Return a digest of all that a chapter is made from.

    Parameters
    ----------
    spec : ModelSpec
    claims : sequence of Claim
        About the model.
    settings : Settings
    files : sequence of Path
        Its tables, and what else counts beside the covariates; those that are not there count, too.
    """
    said = [
        spec.digest(),
        json.dumps([asdict(claim) for claim in claims], sort_keys=True),
        json.dumps({**asdict(settings), "progress": None}, sort_keys=True),
        json.dumps({**versions(), "matplotlib": version("matplotlib")}, sort_keys=True),
    ]
    return sha256_text("\n".join([*said, _digest([*files, *_files(resource("data")), *_code()])]))


def _files(folder: Path) -> list[Path]:
    """Return the tables about studies, tasks and languages, and the published ones."""
    return sorted([*folder.glob("*.csv"), *(folder / "published").glob("*")])


def _code() -> list[Path]:
    return sorted(
        path for path in PACKAGE.rglob("*.py") if _NO_PART.isdisjoint(path.relative_to(PACKAGE).parts)
    )


def _digest(paths: Iterable[Path]) -> str:
    return sha256_text("\n".join(f"{path.name} {sha256(path) if path.is_file() else ''}" for path in paths))
