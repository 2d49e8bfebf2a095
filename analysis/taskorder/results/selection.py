"""Rows chosen by a condition such as `metric == 'accuracy' and stage == ''`."""

from __future__ import annotations

import ast
from collections.abc import Iterable

import pandas as pd

from taskorder.errors import TaskorderError, nearest

_ALLOWED = (
    ast.Expression,
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.UnaryOp,
    ast.Not,
    ast.USub,
    ast.Compare,
    ast.Eq,
    ast.NotEq,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.In,
    ast.NotIn,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.List,
    ast.Tuple,
)
_LONGEST = 10_000


def where(frame: pd.DataFrame, condition: str) -> pd.DataFrame:
    """Return the rows of `frame` that fulfil a condition on its columns.

    Parameters
    ----------
    frame : DataFrame
        Any table.
    condition : str
        Comparisons of columns with constants, joined by `and`, `or`, `not`; empty for all rows.
        Nothing can be called or looked up in it. A comparison with a missing value is false.

    Raises
    ------
    TaskorderError
        Where the condition is not of that form, or names a column that the table lacks.
    """
    if not condition.strip():
        return frame
    tree = _parse(condition)
    columns = [str(column) for column in frame.columns]
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise TaskorderError(
                f"where = {condition!r}: only comparisons joined by and, or, not are allowed,"
                f" such as metric == 'accuracy' and study in ['spot', 'taskweb']"
            )
        if isinstance(node, ast.Name) and node.id not in columns:
            raise TaskorderError(
                f"where = {condition!r}: no column {node.id!r}; there are {', '.join(columns)}."
                f"{nearest(node.id, columns)}"
            )
    if not _judges(tree.body):
        raise _undecided(condition)
    return frame[_fulfilled(frame, condition)]


def _judges(node: ast.expr) -> bool:
    """Say whether an expression can be true or false of a row: it compares a column, or is one."""
    match node:
        case ast.BoolOp(values=values):
            return all(_judges(value) for value in values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _judges(operand)
        case ast.Compare():
            return any(isinstance(part, ast.Name) for part in ast.walk(node))
        case _:
            return isinstance(node, ast.Name)


def _undecided(condition: str) -> TaskorderError:
    return TaskorderError(
        f"where = {condition!r} does not say of each row whether it is wanted: compare a column with a value,"
        f" such as metric == 'accuracy'"
    )


def _fulfilled(frame: pd.DataFrame, condition: str) -> pd.Series[bool]:
    """Say of each row whether it fulfils a condition that has been checked."""
    try:
        found: object = frame.eval(condition.strip(), engine="python")
    except (TypeError, ValueError, KeyError, AttributeError, NotImplementedError) as error:
        raise TaskorderError(f"where = {condition!r}: {error}. Compare text with quoted text.") from None
    if not isinstance(found, pd.Series) or found.dtype not in ("bool", "boolean"):
        raise _undecided(condition)
    return found.astype("boolean").fillna(False).astype(bool)


def _parse(condition: str) -> ast.Expression:
    if len(condition) > _LONGEST:
        raise TaskorderError(f"where: a condition of {len(condition):,} characters; at most {_LONGEST:,}")
    try:
        return ast.parse(condition.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise TaskorderError(f"where = {condition!r}: cannot be read: {error}") from None


def without_flags(frame: pd.DataFrame, asked: Iterable[str]) -> pd.DataFrame:
    """Leave out flagged rows, but for those whose every flag is asked for by name."""
    if "flag" not in frame:
        return frame
    wanted = set(asked)
    flags = frame["flag"].fillna("")
    keep = {flag: set(filter(None, flag.split(";"))) <= wanted for flag in flags.unique()}
    return frame[flags.map(keep).astype(bool)]
