"""The columns of a result table, as data, and what their cells must be.

One row is one score of one trained model on one evaluation set.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

type Kind = Literal["text", "word", "task", "language", "sequence", "whole", "number"]

DTYPES: dict[Kind, str] = {
    "text": "str",
    "word": "str",
    "task": "str",
    "language": "str",
    "sequence": "str",
    "whole": "Int64",
    "number": "float64",
}
WORD = r"[a-z0-9][a-z0-9_.+@-]*"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the contract.

    Attributes
    ----------
    name
        Its header.
    kind
        ``text``: free; ``word``: small letters, digits and ``_ . + @ -``; ``task``: a task key;
        ``language``: a code of data/languages.csv; ``sequence``: see `taskorder.results.sequences`;
        ``whole``: an integer; ``number``: a finite number.
    meaning
        What a cell says; it ends the sentence "every row needs ...".
    required
        The column must be in the file.
    filled
        No cell may be empty.
    lowest
        Least value that a number may have.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    filled: bool = False
    lowest: float | None = None

    @property
    def numeric(self) -> bool:
        """Whether the cells are numbers."""
        return self.kind in ("whole", "number")


def _needed(name: str, kind: Kind, meaning: str) -> Column:
    return Column(name, kind, meaning, required=True, filled=True)


COLUMNS = (
    _needed("study", "text", "the study's key in data/studies.csv, or a new name"),
    _needed(
        "run", "text", "the trained model within the study: rows that share it come from the same weights"
    ),
    _needed("backbone", "text", "the pretrained model, such as xlm-roberta-base"),
    _needed("tuning", "word", "how it was tuned: full, prompt, lora, adapter, bitfit, ..."),
    Column("sequence", "sequence", "the stages before the target's own fine-tuning", required=True),
    _needed("target", "task", "the task that is scored"),
    Column("train_language", "language", "the language of the target's training data", required=True),
    _needed("language", "language", "the language that is evaluated"),
    _needed("metric", "word", "the metric: accuracy, f1, exact_match, mcc, ..."),
    _needed("score", "number", "the score, as a fraction"),
    Column("n_test", "whole", "the number of items behind the score", lowest=1),
    Column("seed", "whole", "the seed of a single run", lowest=0),
    Column("n_seeds", "whole", "the number of seeds that the score is a mean over", lowest=1),
    Column("sd", "number", "the standard deviation over those seeds", lowest=0),
    Column("stage", "text", "the stage of the sequence after which the score was taken"),
    Column("perturbation", "text", "how the evaluation set was perturbed"),
    Column("severity", "number", "how strongly it was perturbed"),
    Column("source", "text", "where in the study the number stands"),
)
NAMES = tuple(column.name for column in COLUMNS)
BY_NAME = {column.name: column for column in COLUMNS}
KEY = ("study", "run", "target", "language", "metric", "stage", "perturbation", "severity")

CORRELATIONS = frozenset({"mcc", "matthews_correlation", "pearson", "spearman", "kendall", "correlation"})
"""Metrics whose scores lie in [-1, 1]; all others lie in [0, 1]."""

SPREADS_THAT_ARE_NOT_SD = ("se", "sem", "sd_or_se", "std_err", "stderr", "variance", "var", "std")


@dataclass(frozen=True, slots=True)
class Check:
    """What every cell of a column must be.

    Attributes
    ----------
    holds
        From cells, (cells,), to whether each of them is as it must be.
    error
        A template of the message, with the cell as ``value``.
    """

    holds: Callable[[pd.Series], pd.Series]
    error: str


def refused(frame: pd.DataFrame) -> list[tuple[str, str, NDArray[np.int64]]]:
    """Validate a table against the schema.

    Parameters
    ----------
    frame
        All columns of the contract with their types; rows numbered from 0. Missing numbers are no fault.

    Returns
    -------
    list of (str, str, array)
        For each check that fails: the column, the template of the message, and the rows at fault.
    """
    found: list[tuple[str, str, NDArray[np.int64]]] = []
    for column in COLUMNS:
        cells = frame[column.name].dropna()
        for check in _checks(column):
            bad = cells.index[~check.holds(cells).to_numpy(dtype=bool)]
            if len(bad):
                found.append((column.name, check.error, bad.to_numpy(dtype=np.int64)))
    return found


@cache
def _checks(column: Column) -> tuple[Check, ...]:
    checks: list[Check] = []
    if column.filled and not column.numeric:
        checks.append(Check(_is_filled, f"the cell is empty: every row needs {column.meaning}."))
    if column.kind == "word":
        checks.append(Check(_is_small, "{value!r} has capital letters: write it in small ones."))
        error = "{value!r} is not well formed: small letters, digits and '_.+@-' only, the first no mark."
        checks.append(Check(_is_word, error))
    if column.lowest is not None:
        error = f"{{value:g}} is too low: {column.meaning} is at least {column.lowest:g}."
        checks.append(Check(partial(_is_at_least, column.lowest), error))
    return tuple(checks)


def _is_filled(cells: pd.Series) -> pd.Series:
    return cells != ""


def _is_small(cells: pd.Series) -> pd.Series:
    small = cells.str.lower()
    return (cells == small) | ~small.str.fullmatch(WORD)


def _is_word(cells: pd.Series) -> pd.Series:
    return cells.str.lower().str.fullmatch(WORD) | (cells.str.strip() != cells) | (cells == "")


def _is_at_least(lowest: float, cells: pd.Series) -> pd.Series:
    return cells >= lowest
