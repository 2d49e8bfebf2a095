"""The ranks of a calibration on disk: one row a data set, written whole, continued where it ended.

Columns: `key` (what the ranks follow from), `data_set, ok, problem, how, kept, min_ess, pareto_k, seconds` as
in `Outcome`, then two for each parameter: its rank under its name, and the share of all draws below the truth
under `NAME below`. Rows of another key are never continued: the file is set aside, and taken
back when its key comes again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from taskorder.errors import FitFailed
from taskorder.files import write_whole
from taskorder.inference.criticism.ranks import Outcome

HEAD = ["key", "data_set", "ok", "problem", "how", "kept", "min_ess", "pareto_k", "seconds"]
TEXTS = ("key", "problem", "how")
BELOW = " below"


def rows(outcomes: Sequence[Outcome], key: str) -> pd.DataFrame:
    """Return outcomes as rows of a ledger."""
    table = [
        {
            "key": key,
            "data_set": one.data_set,
            "ok": int(one.ok),
            "problem": one.problem,
            "how": one.how,
            "kept": one.kept,
            "min_ess": one.min_ess,
            "pareto_k": one.pareto_k,
            "seconds": one.seconds,
            **{
                column: value
                for name, rank in one.ranks.items()
                for column, value in ((name, rank), (name + BELOW, one.below[name]))
            },
        }
        for one in outcomes
    ]
    return _typed(pd.DataFrame(table, columns=None if table else HEAD))


def joined(done: pd.DataFrame, outcomes: Sequence[Outcome], key: str) -> pd.DataFrame:
    """Return a ledger with further outcomes."""
    further = rows(outcomes, key)
    return pd.concat([done, further], ignore_index=True) if len(done) else further


def parameters(ledger: pd.DataFrame) -> list[str]:
    """Return the names of the parameters that a ledger ranks."""
    return [str(name) for name in ledger if name not in HEAD and not str(name).endswith(BELOW)]


def read(path: Path) -> pd.DataFrame:
    """Read a ledger.

    Raises
    ------
    FitFailed
        If the file is not one.
    """
    texts = dict.fromkeys(TEXTS, "str")
    try:
        ledger = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=_numbers(path))
    except (ValueError, OSError) as error:
        raise FitFailed(f"{path} cannot be read as the ranks of a calibration ({error}); remove it") from None
    if list(ledger)[: len(HEAD)] != HEAD:
        raise FitFailed(f"{path} is not the ranks of a calibration: it lacks {', '.join(HEAD)}; remove it")
    return _typed(ledger)


def _numbers(path: Path) -> dict[str, list[str]]:
    """Name the columns in which an empty cell is a missing number."""
    head = pd.read_csv(path, nrows=0)
    return {str(name): [""] for name in head if name not in TEXTS}


def _typed(ledger: pd.DataFrame) -> pd.DataFrame:
    whole = [name for name in parameters(ledger) if name in ledger]
    return ledger.astype(dict.fromkeys(["data_set", "ok", "kept", *whole], "Int64"))


def known(path: Path, key: str) -> tuple[pd.DataFrame, str]:
    """Return the rows of a key that are done, and what was done about a file of another key.

    Rows of another key are set aside in a file that bears it; what was set aside of this key is taken back.

    Raises
    ------
    FitFailed
        If the file is not a ledger.
    """
    others = sorted(set(read(path)["key"]) - {key}) if path.exists() else []
    message = ""
    if others:
        aside = _aside(path, others[0])
        _move(path, aside)
        message = (
            f"{path} has the ranks of another model, engine, code or setting (key {others[0]}, now {key}):"
            f" it was set aside as {aside.name}"
        )
    if _aside(path, key).exists():
        _move(_aside(path, key), path)
    return read(path) if path.exists() else rows([], key), message


def _aside(path: Path, key: str) -> Path:
    return path.with_name(f"{path.stem}_{key}{path.suffix}")


def _move(source: Path, target: Path) -> None:
    """Move a ledger to where there may be one of the same key: of data sets in both, one row is kept."""
    if target.exists():
        both = pd.concat([read(target), read(source)], ignore_index=True)
        write(source, both.drop_duplicates("data_set"))
    source.replace(target)


def write(path: Path, ledger: pd.DataFrame) -> None:
    """Write a ledger whole, its data sets in order."""
    text = ledger.sort_values("data_set").to_csv(index=False, lineterminator="\n")
    write_whole(path, text, force=True)
