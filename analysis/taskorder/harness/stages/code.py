"""What identifies code: its statements, whatever its comments and layout."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from taskorder.files import sha256_text

HARNESS = Path(__file__).parents[1]


@cache
def digest(modules: tuple[str, ...]) -> str:
    """Return a sha256 of modules of the harness, without their comments, docstrings and layout.

    Parameters
    ----------
    modules : tuple of str
        Names such as ``stages/training``; the name of a package stands for all of its modules.
    """
    files = [file for name in modules for file in _files(name)]
    return sha256_text(
        "\n".join(f"{file.relative_to(HARNESS)} {statements(file.read_text())}" for file in files)
    )


def statements(source: str) -> str:
    """Return a module's code as it is written out from its syntax tree, without docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            kept = [part for part in node.body if not _is_text(part)]
            node.body = kept or [ast.Pass()]
    return ast.unparse(ast.fix_missing_locations(tree))


def _is_text(part: ast.stmt) -> bool:
    """Say whether a statement is a text that stands alone: a docstring, of whatever stands before it."""
    return (
        isinstance(part, ast.Expr)
        and isinstance(part.value, ast.Constant)
        and isinstance(part.value.value, str)
    )


def _files(name: str) -> list[Path]:
    folder = HARNESS / name
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [HARNESS / f"{name}.py"]
