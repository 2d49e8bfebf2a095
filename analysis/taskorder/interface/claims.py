"""The registered claims, judged."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import pandas as pd

from taskorder.claims.proceedings import Proceedings, proceed, registered
from taskorder.inference.fitting import DRAWS, SEED
from taskorder.interface import showing
from taskorder.interface.asking import settings
from taskorder.interface.saying import say

_SHOWN = ["id", "verdict", "probability", "mean", "lower", "upper", "unit", "attack_score", "tier"]


@dataclass(frozen=True, repr=False)
class Judged(Proceedings):
    """The verdicts of all registered claims.

    Attributes
    ----------
    hearings : tuple of Hearing
        One a model whose tables are there: its fit, what was done otherwise, its verdicts.
    verdicts : tuple of Verdict
    ledger : Ledger
    faults : tuple of str
        What is broken or edited, one sentence each.
    """

    @classmethod
    def of(cls, done: Proceedings) -> Self:
        """Return proceedings as what a notebook shows."""
        return cls(**{each.name: getattr(done, each.name) for each in fields(Proceedings)})

    @property
    def table(self) -> pd.DataFrame:
        """One row a claim: as `taskorder claims --json`, with a column for each gate."""
        rows = [one.as_dict() | one.gates for one in self.verdicts]
        if not rows:
            return pd.DataFrame(columns=_SHOWN)
        return pd.DataFrame(rows).drop(columns=["gates", "dimensions"])

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        reasons = [f"{one.claim.id}: {reason}" for one in self.verdicts for reason in one.reasons]
        folded = showing.folded("why they are not better than they are", showing.items(reasons))
        return showing.items(self.faults) + showing.table(self.table[_SHOWN]) + folded


def judge(*, record: bool = False, seed: int = SEED, draws: int = DRAWS) -> Judged:
    """Judge every registered claim: what the posterior says of it, and which gates it passes.

    The first time this fits every model and does the same in many other ways, which takes minutes; what was
    computed is found again.

    Parameters
    ----------
    record : bool
        Enter what is new into the ledger of the claims.
    seed, draws : int
        As for `taskorder.fit`.

    Returns
    -------
    Judged
        Its `table` has one row a claim.
    """
    return Judged.of(proceed(settings(seed, draws), record=record, say=say))


def registry() -> pd.DataFrame:
    """List the registered claims, without judging them.

    Returns
    -------
    DataFrame
        One row a claim: `id, question, statement, model, estimand, region, at, rope`.

    Examples
    --------
    >>> registry = taskorder.registry()
    >>> "order" in set(registry["model"])
    True
    """
    columns = ["id", "question", "statement", "model", "estimand", "region", "at", "rope"]
    rows = [[getattr(claim, name) for name in columns] for claim in registered()]
    return pd.DataFrame(rows, columns=columns)
