"""The shape that every source row takes: a row of a tidy table, or a reason why it is left out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import pandas as pd

COLUMNS = [
    "study",
    "run",
    "backbone",
    "tuning",
    "sequence",
    "target",
    "train_language",
    "language",
    "metric",
    "score",
    "n_test",
    "seed",
    "n_seeds",
    "sd",
    "stage",
    "perturbation",
    "severity",
    "setting",
    "flag",
    "source",
    "origin",
]

type Source = list[dict[str, str]]
type Result = dict[str, str]


@dataclass(frozen=True)
class LeftOut:
    """A source row that is in no tidy table.

    Attributes
    ----------
    reason
        Why, for a reader of LEFT_OUT.md.
    """

    reason: str


type Outcome = Result | LeftOut


def read(folder: Path, table: str) -> Source:
    """Read one collected source table, every cell as the text that stands in it."""
    frame = pd.read_csv(folder / f"{table}.csv", dtype=str, keep_default_na=False, encoding="utf-8-sig")
    return [{str(column): str(cell) for column, cell in row.items()} for row in frame.to_dict("records")]


def result(
    *,
    study: str,
    run: str,
    backbone: str,
    target: str,
    language: str,
    metric: str,
    score: str,
    tuning: str = "full",
    **others: str,
) -> Result:
    """Make a row of a tidy table; columns that are not named are empty, unknown ones are extras."""
    row = dict.fromkeys(COLUMNS, "")
    row |= {"study": study, "run": run, "backbone": backbone, "tuning": tuning, "target": target}
    row |= {"language": language, "metric": metric, "score": score}
    return row | others


def fraction(printed: str, *, percent: bool) -> str:
    """Write a printed score or standard deviation as a fraction, to six decimals at most.

    Decimal arithmetic keeps 84.9 at 0.849; an empty cell stays empty.
    """
    if not printed:
        return ""
    value = Decimal(printed) / (100 if percent else 1)
    digits = format(value.quantize(Decimal("1e-6"), rounding=ROUND_HALF_EVEN), "f")
    digits = digits.rstrip("0").rstrip(".")
    return "0" if digits in {"-0", ""} else digits


def flags(*named: str | bool, **when: bool) -> str:
    """Join the flags that hold: ``flags("mean", second_hand=True)`` gives ``mean;second-hand``."""
    held = [name for name in named if isinstance(name, str) and name]
    held += [name.replace("_", "-") for name, holds in when.items() if holds]
    return ";".join(dict.fromkeys(held))


def with_flag(row: Result, flag: str) -> Result:
    """Add a flag to a row."""
    return row | {"flag": flags(*filter(None, row["flag"].split(";")), flag)}


def trained(stages: list[str], target: str) -> tuple[str, str]:
    """Sequence and stage of a score of `target` taken after `stages` were trained, first to last.

    The task trained last is a target after its own fine-tuning: the earlier stages are its sequence and its
    stage is empty. Any other task is scored after a later (or without its own) stage, which is named.
    """
    if stages[-1] == target:
        return ">".join(stages[:-1]), ""
    return ">".join(stages), stages[-1]


def frame(rows: Iterable[Mapping[str, str]]) -> pd.DataFrame:
    """Gather the rows of one study: the columns of the contract first, then the study's own."""
    table = pd.DataFrame(list(rows)).fillna("")
    extras = [column for column in table.columns if column not in COLUMNS]
    return table[[*COLUMNS, *extras]]
