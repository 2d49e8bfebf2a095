"""Rows chosen by a condition such as `metric == 'accuracy' and stage == ''`."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable
from functools import reduce
from itertools import pairwise
from typing import Any

import pandas as pd

from taskorder.errors import TaskorderError, nearest

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda column, values: column.isin(values),
    ast.NotIn: lambda column, values: ~column.isin(values),
}
_LONGEST = 10_000
_LONGEST_QUOTED = 300


def where(frame: pd.DataFrame, condition: str) -> pd.DataFrame:
    """Return the rows of `frame` that fulfil a condition on its columns.

    Parameters
    ----------
    frame : DataFrame
        Any table.
    condition : str
        Comparisons of columns with constants, joined by `and`, `or`, `not`; empty for all rows.
        It is read as a tree of these and nothing else, and never run as code. A comparison with a missing
        value is false.

    Raises
    ------
    TaskorderError
        Where the condition is not of that form, or names a column that the table lacks.
    """
    if not condition.strip():
        return frame
    tree = _parse(condition)
    if not any(isinstance(node, ast.Name) for node in ast.walk(tree)):
        raise _undecided(condition)
    try:
        fulfilled = _mask(tree.body, frame, condition)
    except (TypeError, ValueError, OverflowError, NotImplementedError) as error:
        raise TaskorderError(
            f"where = {_quoted(condition)}: {error}. Compare text with quoted text."
        ) from None
    except RecursionError:
        raise TaskorderError(
            f"where = {_quoted(condition)}: cannot be read: it is nested too deeply."
        ) from None
    return frame[fulfilled.fillna(False).astype(bool)]


def _mask(node: ast.expr, frame: pd.DataFrame, condition: str) -> pd.Series[bool]:
    """Say of each row whether it fulfils a part of a condition, (rows,) of type boolean."""
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return reduce(operator.and_, (_mask(value, frame, condition) for value in values))
        case ast.BoolOp(values=values):
            return reduce(operator.or_, (_mask(value, frame, condition) for value in values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return ~_mask(operand, frame, condition)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            sides = [_side(part, frame, condition) for part in (left, *comparators)]
            pairs = zip(ops, pairwise(sides), strict=True)
            return reduce(operator.and_, (_compared(op, *pair, condition) for op, pair in pairs))
        case ast.Name():
            return _judging(_side(node, frame, condition), condition)
        case _:
            raise _refused(condition)


def _compared(op: ast.cmpop, left: Any, right: Any, condition: str) -> pd.Series[bool]:
    """Compare two sides, of which one must be a column, row by row."""
    if isinstance(op, ast.In | ast.NotIn) and not (isinstance(left, pd.Series) and isinstance(right, list)):
        raise TaskorderError(
            f"where = {_quoted(condition)}: 'in' stands between a column and a list,"
            f" such as study in ['spot', 'taskweb']"
        )
    if type(op) not in _COMPARISONS or isinstance(left, list):
        raise _refused(condition)
    if isinstance(right, list) and isinstance(op, ast.Eq | ast.NotEq):
        op = ast.In() if isinstance(op, ast.Eq) else ast.NotIn()
    return _judging(_COMPARISONS[type(op)](left, right), condition)


def _side(node: ast.expr, frame: pd.DataFrame, condition: str) -> Any:
    """Give what stands on one side of a comparison: a column, a constant, or a list of constants."""
    match node:
        case ast.Name(id=name):
            return frame[_column(name, frame, condition)]
        case ast.Constant(value=str() | int() | float() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            values = [_side(part, frame, condition) for part in parts]
            if any(isinstance(value, pd.Series | list) for value in values):
                raise _refused(condition)
            return values
        case _:
            raise _refused(condition)


def _column(name: str, frame: pd.DataFrame, condition: str) -> str:
    columns = [str(column) for column in frame.columns]
    if name in columns:
        return name
    raise TaskorderError(
        f"where = {_quoted(condition)}: no column {name!r}; there are {', '.join(columns)}."
        f"{nearest(name, columns)}"
    )


def _judging(found: Any, condition: str) -> pd.Series[bool]:
    """Give a series of true and false; refuse what judges no row."""
    if not isinstance(found, pd.Series) or found.dtype not in ("bool", "boolean"):
        raise _undecided(condition)
    return found.astype("boolean")


def _quoted(condition: str) -> str:
    return repr(condition if len(condition) <= _LONGEST_QUOTED else f"{condition[:_LONGEST_QUOTED]}...")


def _refused(condition: str) -> TaskorderError:
    return TaskorderError(
        f"where = {_quoted(condition)}: only comparisons joined by and, or, not are allowed,"
        f" such as metric == 'accuracy' and study in ['spot', 'taskweb']"
    )


def _undecided(condition: str) -> TaskorderError:
    return TaskorderError(
        f"where = {_quoted(condition)} does not say of each row whether it is wanted: compare a column with a"
        f" value, such as metric == 'accuracy'"
    )


def _parse(condition: str) -> ast.Expression:
    if len(condition) > _LONGEST:
        raise TaskorderError(f"where: a condition of {len(condition):,} characters; at most {_LONGEST:,}")
    try:
        return ast.parse(condition.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise TaskorderError(f"where = {_quoted(condition)}: cannot be read: {error}") from None


def without_flags(frame: pd.DataFrame, asked: Iterable[str]) -> pd.DataFrame:
    """Leave out flagged rows, but for those whose every flag is asked for by name."""
    if "flag" not in frame:
        return frame
    wanted = set(asked)
    flags = frame["flag"].fillna("")
    keep = {flag: set(filter(None, flag.split(";"))) <= wanted for flag in flags.unique()}
    return frame[flags.map(keep).astype(bool)]
