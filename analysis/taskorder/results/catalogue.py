"""What ships with taskorder: published result tables, and what is known of tasks, languages and studies."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from taskorder.errors import InvalidTable, Problem, nearest
from taskorder.paths import resource
from taskorder.results.converting import with_numbers
from taskorder.results.loading import Loaded, load


@dataclass(frozen=True, slots=True)
class Covariates:
    """What may explain a score.

    Attributes
    ----------
    tasks
        One row a task; a person's own difficulty is `difficulty_own`.
    similarity
        One row a pair of tasks and a measure; a person's own values have the measure ``own``.
    languages
        One row a language.
    """

    tasks: pd.DataFrame
    similarity: pd.DataFrame
    languages: pd.DataFrame


def tasks() -> pd.DataFrame:
    """Give what is known of each task, one row a task (data/tasks.csv)."""
    return _shipped("tasks").copy()


def languages() -> pd.DataFrame:
    """Give what is known of each language, one row a language (data/languages.csv)."""
    return _shipped("languages").copy()


def task_names() -> list[str]:
    """List the tasks of data/tasks.csv, which takes less time than reading all that is known of them."""
    return _texts(resource("data/tasks.csv"))["task"].tolist()


def language_codes() -> list[str]:
    """List the languages of data/languages.csv; likewise."""
    return language_names()["language"].tolist()


def language_names() -> pd.DataFrame:
    """Give the codes, the name and the script of each language (data/languages.csv); likewise."""
    return _texts(resource("data/languages.csv"))[["language", "iso639_3", "name", "script"]]


def similarity() -> pd.DataFrame:
    """Give the similarity of pairs of tasks, one row a pair and a measure (data/similarity.csv)."""
    return _shipped("similarity").copy()


def studies() -> pd.DataFrame:
    """Give the origin of each published table, one row a study (data/studies.csv)."""
    return _shipped("studies").copy()


def published() -> list[Path]:
    """List the paths of the published result tables, in the order of their names."""
    return sorted(resource("data/published").glob("*.csv"))


def covariates(
    tasks: str | Path | None = None, similarity: str | Path | None = None, languages: str | Path | None = None
) -> Covariates:
    """Collect the shipped covariates, with a person's own added to them and before them.

    Parameters
    ----------
    tasks
        A table ``task, difficulty``, with any other column of data/tasks.csv; its difficulty becomes
        `difficulty_own`.
    similarity
        A table ``task, target, similarity``; its rows get the measure ``own``.
    languages
        A table ``language, ...`` with columns of data/languages.csv or others.

    Returns
    -------
    Covariates
        A cell that a person's table fills stands before the shipped one.

    Raises
    ------
    InvalidTable
        If a table lacks a column, has one that is not known, names a row twice, or holds text for a number.
    """
    return Covariates(
        tasks=_shipped("tasks").copy() if tasks is None else _with_own_tasks(tasks),
        similarity=_shipped("similarity").copy() if similarity is None else _with_own_similarity(similarity),
        languages=_shipped("languages").copy() if languages is None else _with_own_languages(languages),
    )


def _shipped(name: str) -> pd.DataFrame:
    return _read(resource(f"data/{name}.csv"))


@cache
def _texts(path: Path) -> pd.DataFrame:
    loaded = load(path)
    if loaded.problems:
        raise InvalidTable(loaded.problems)
    return loaded.cells


@cache
def _read(path: Path) -> pd.DataFrame:
    return _texts(path).apply(with_numbers)


def _with_own_tasks(path: str | Path) -> pd.DataFrame:
    shipped = _shipped("tasks")
    own = _own(path, key=("task",), needed=(), known=(*shipped.columns, "difficulty"))
    _refuse_text(path, own, ["difficulty", *_numeric(shipped)])
    return _overridden(shipped, own.rename(columns={"difficulty": "difficulty_own"}), "task")


def _with_own_similarity(path: str | Path) -> pd.DataFrame:
    own = _own(
        path, key=("task", "target"), needed=("similarity",), known=("task", "target", "similarity", "source")
    )
    _refuse_text(path, own, ["similarity"])
    return pd.concat([_shipped("similarity"), own.assign(measure="own")], ignore_index=True)


def _with_own_languages(path: str | Path) -> pd.DataFrame:
    shipped = _shipped("languages")
    own = _own(path, key=("language",), needed=(), known=None)
    _refuse_text(path, own, _numeric(shipped))
    return _overridden(shipped, own, "language")


def _own(
    path: str | Path, *, key: tuple[str, ...], needed: tuple[str, ...], known: Sequence[str] | None
) -> pd.DataFrame:
    """Read a person's table; `known` None allows columns of any name."""
    loaded = load(path)
    if loaded.problems:
        raise InvalidTable(loaded.problems)
    names = list(loaded.cells.columns)
    problems = [
        Problem(loaded.file, 1, name, f"the column is missing.{nearest(name, names)}")
        for name in (*key, *needed)
        if name not in names
    ]
    problems += [
        Problem(
            loaded.file, 1, name, f"the column is not known.{nearest(name, known)} Known: {', '.join(known)}."
        )
        for name in (names if known else ())
        if known and name not in known
    ]
    if problems or (problems := _repeated(loaded, list(key))):
        raise InvalidTable(problems)
    return loaded.cells.apply(with_numbers)


def _repeated(loaded: Loaded, key: list[str]) -> list[Problem]:
    bad = np.flatnonzero(loaded.cells.duplicated(key))
    message = f"{' and '.join(key)} of an earlier row again: keep one of them."
    return [Problem(loaded.file, int(loaded.lines[row]), key[0], message) for row in bad]


def _numeric(shipped: pd.DataFrame) -> list[str]:
    return list(shipped.select_dtypes("number").columns)


def _refuse_text(path: str | Path, own: pd.DataFrame, names: Sequence[str]) -> None:
    problems: list[Problem] = []
    for name in names:
        if name in own and own[name].dtype == "str" and (own[name] != "").any():
            numbers = pd.to_numeric(own[name].where(own[name] != "", "0"), errors="coerce")
            value = own[name][numbers.isna()].iloc[0]
            problems.append(
                Problem(str(path), None, name, f"{value!r} is no number: the column holds numbers only.")
            )
    if problems:
        raise InvalidTable(problems)


def _overridden(shipped: pd.DataFrame, own: pd.DataFrame, key: str) -> pd.DataFrame:
    """Lay a person's cells over the shipped ones; an empty cell of theirs covers nothing."""
    theirs = own.replace("", np.nan).set_index(key)
    ours = shipped.replace("", np.nan).set_index(key)
    both = theirs.combine_first(ours)
    both = both.reindex(
        columns=[*ours.columns, *(name for name in theirs.columns if name not in ours.columns)]
    )
    texts = both.select_dtypes(["str", "object"]).columns
    return both.fillna(dict.fromkeys(texts, "")).reset_index()
