"""Where the files that ship with taskorder are: in a checkout, inside the installed package, or elsewhere."""

import contextlib
import os
from collections.abc import Generator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
ROOT = "TASKORDER_ROOT"
"""An environment variable: a folder laid out as the checkout, to be used in place of what ships."""


def checkout() -> Path | None:
    """Return the root of the checkout that the package is in; None where it was installed."""
    root = PACKAGE.parents[1]
    return root if (root / "pyproject.toml").is_file() else None


def resource(name: str) -> Path:
    """Path of a shipped file or folder, such as ``data/published``; FileNotFoundError where it is absent."""
    chosen = os.environ.get(ROOT)
    if chosen:
        found = Path(chosen).resolve() / name
        if found.exists():
            return found
        raise FileNotFoundError(f"{name} is not in {chosen}, which the variable {ROOT} names.")
    for root in (PACKAGE / "_resources", checkout()):
        if root is not None and (root / name).exists():
            return root / name
    raise FileNotFoundError(
        f"{name} is in neither the installed package nor the checkout: install taskorder again."
    )


def project() -> Path:
    """Return the folder that a person's added tables, ledger and reports of changes are in.

    It is laid out as the checkout: the folder that the variable TASKORDER_ROOT names, else the checkout, else
    the working folder, where the package was installed.
    """
    chosen = os.environ.get(ROOT)
    return Path(chosen).resolve() if chosen else checkout() or Path.cwd()


@contextlib.contextmanager
def rooted(folder: Path) -> Generator[None]:
    """Work in a folder laid out as the checkout, with what it holds in place of what ships.

    Processes that are started meanwhile do likewise.
    """
    before = os.environ.get(ROOT)
    os.environ[ROOT] = str(folder.resolve())
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        if before is None:
            del os.environ[ROOT]
        else:
            os.environ[ROOT] = before
