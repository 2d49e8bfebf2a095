"""What a report is made with: the code, the commit that it is at, and the libraries."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import distributions
from pathlib import Path

from taskorder.paths import PACKAGE, checkout

CODE = "analysis/taskorder"
"""Where the package lies in an archive, as in the checkout."""
_APART = frozenset({"harness", "_resources", "__pycache__"})
"""What no fit and no report runs: training, and what ships beside the code."""


def code() -> dict[str, Path]:
    """Return the files of the package that fits, verdicts and reports run, by their path in an archive."""
    files = (file for file in sorted(PACKAGE.rglob("*")) if file.suffix == ".py" or file.name == "py.typed")
    parts = ((file.relative_to(PACKAGE), file) for file in files)
    return {f"{CODE}/{place.as_posix()}": file for place, file in parts if _APART.isdisjoint(place.parts)}


def environment() -> str:
    """Return the version of Python and of each installed package, one a line, as pip takes them."""
    installed = {dist.name: dist.version for dist in distributions()}
    lines = (f"{name}=={version}" for name, version in sorted(installed.items(), key=_by_name))
    return "\n".join([f"# Python {platform.python_version()}", *lines]) + "\n"


def _by_name(installed: tuple[str, str]) -> str:
    return installed[0].casefold()


def commit() -> str:
    """Return the commit that the code is at, and whether it was changed since; empty where there is none."""
    root = checkout()
    if root is None or not (root / ".git").exists():
        return ""
    head = _git(root, "rev-parse", "HEAD")
    changed = _git(root, "status", "--porcelain", "--", CODE, f":(exclude){CODE}/harness")
    return f"{head}, with changes" if head and changed else head


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
