"""What rows that were added to a project, or taken back, did to its models and claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from taskorder.living.comparing import ModelChange
from taskorder.living.reach import Fate


@dataclass(frozen=True)
class Added:
    """A table that was added: its path in the project, its SHA-256, and how many rows it has."""

    table: str
    sha256: str
    rows: int


@dataclass(frozen=True)
class Change:
    """What rows that were added, or taken back, did.

    Attributes
    ----------
    name : str
        `0001-mine`: the number and name of the (first) table.
    tables : tuple of Added
    studies : mapping
        How many rows each study has among them.
    models : tuple of ModelChange
        Of the models that were refitted.
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

    name: str
    tables: tuple[Added, ...]
    studies: Mapping[str, int]
    models: tuple[ModelChange, ...]
    untouched: Mapping[str, tuple[Fate, ...]]
    said: tuple[str, ...] = ()
    undoes: int | None = None
    dry: bool = False
    folder: Path | None = field(default=None, compare=False)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.studies.values())

    @property
    def failed(self) -> tuple[str, ...]:
        """The models of which what is said after failed its diagnostics."""
        return tuple(one.spec.name for one in self.models if one.failed[1])
