"""A project that grows: your tables added to it, and taken back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import pandas as pd

from taskorder.inference.fitting import DRAWS, SEED
from taskorder.interface.asking import settings
from taskorder.interface.naming import named_model
from taskorder.interface.saying import say
from taskorder.living import refitting
from taskorder.living.change import Change
from taskorder.living.telling import estimands, markdown, text

_HEADING = re.compile(r"^#+ ", re.MULTILINE)


@dataclass(frozen=True, repr=False)
class Moved(Change):
    """What rows that were added, or taken back, did.

    Attributes
    ----------
    name : str
        The number and name of the (first) table.
    tables : tuple of Added
        Of each table its path in the project, `table`, its `sha256`, and how many `rows` it has.
    studies : mapping
        How many rows each study has among them.
    models : tuple of ModelChange
        Of the models that were refitted, with the fits `before` and `after`, where there are any,
        read when they are asked for.
    untouched : mapping
        What became of the rows in the models that were not.
    said : tuple of str
        What else a person should know of the rows.
    undoes : int or None
        The number of the ledger's entry that is undone; None where rows were added.
    dry : bool
        Whether it was only told, and nothing done.
    folder : Path or None
        Where the report of the change was written; None where nothing was kept.
    """

    @classmethod
    def of(cls, change: Change) -> Self:
        """Return a change as what a notebook shows."""
        return cls(**{each.name: getattr(change, each.name) for each in fields(Change)})

    @property
    def estimands(self) -> pd.DataFrame:
        """One row a model and estimand: before and after, and the shift in its unit and in sds of before."""
        return estimands(self)

    @property
    def claims(self) -> pd.DataFrame:
        """One row a claim: `model, claim, before, after, changed`; without gates, of the posterior alone."""
        rows = [
            [model.spec.name, one.claim.id, *one.words, one.changed]
            for model in self.models
            for one in model.claims
        ]
        return pd.DataFrame(rows, columns=["model", "claim", "before", "after", "changed"])

    def __repr__(self) -> str:
        return text(self)

    def _repr_markdown_(self) -> str:
        return _HEADING.sub("#### ", markdown(self))


def refit(
    *files: str | Path,
    models: Sequence[str | Path] = (),
    full: bool = False,
    gates: bool = False,
    dry_run: bool = False,
    seed: int = SEED,
    draws: int = DRAWS,
) -> Moved | None:
    """Add your tables to the project, refit what their rows touch, and see what moved.

    The project is the checkout, or the folder that the variable TASKORDER_ROOT names. Everything is computed
    first; then tables, ledger and report are written as one.

    Parameters
    ----------
    files : str or Path
        Result tables as CSV.
    models : sequence of str or Path
        Model files, or names of models that ship; all that the rows touch where there are none.
    full : bool
        Fit the models in full; else what they say is told from some hundred weighted draws, in seconds.
    gates : bool
        Put the claims through all gates, too, which takes full fits and minutes.
    dry_run : bool
        Say what would change; keep nothing.
    seed, draws : int
        As for `taskorder.fit`.

    Returns
    -------
    Moved or None
        Each estimand and each claim before and after; None where all tables were there already.

    Raises
    ------
    InvalidTable
        If a table has problems, or a score that another table of the project has.
    MissingData
        If no file is named, or a model cannot be fitted with the new rows. Nothing is added then.
    """
    wishes = _wishes(models, full, gates, dry_run, seed, draws)
    found = refitting.refit([Path(file) for file in files], wishes, say)
    return None if isinstance(found, tuple) else Moved.of(found)


def undo(
    *,
    models: Sequence[str | Path] = (),
    full: bool = False,
    gates: bool = False,
    dry_run: bool = False,
    seed: int = SEED,
    draws: int = DRAWS,
) -> Moved:
    """Take back the tables that were added last; otherwise as `taskorder.refit`.

    Raises
    ------
    MissingData
        Where no table was added.
    """
    return Moved.of(refitting.undo(_wishes(models, full, gates, dry_run, seed, draws), say))


def _wishes(
    models: Sequence[str | Path], full: bool, gates: bool, dry_run: bool, seed: int, draws: int
) -> refitting.Wishes:
    files = tuple(named_model(one) for one in models)
    return refitting.Wishes(files, settings(seed, draws), full, gates, dry_run)
