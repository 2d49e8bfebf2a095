"""What there is to choose among: the intermediate tasks that one system was trained on before one target.

A block is a study, a system, a target, a training language, an evaluated language and a metric. Its
candidates are the sequences of one stage that were scored in it: they differ in the intermediate task alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.results.sequences import parse

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

BLOCK = ("study", "system", "target", "train_language", "language", "metric")
"""The columns by which rows belong to one block."""
FEWEST = 3
"""Fewer candidates are no choice."""


@dataclass(frozen=True)
class Block:
    """The candidates of one block and their scores.

    Attributes
    ----------
    study, system, target, train_language, language, metric : str
    candidates : tuple of str
        C sequences of one stage.
    sources : tuple of str
        Where the study has their scores; empty where it is not said.
    scores : array (C, R)
        As fractions, of R replicates each.
    """

    study: str
    system: str
    target: str
    train_language: str
    language: str
    metric: str
    candidates: tuple[str, ...]
    sources: tuple[str, ...]
    scores: Floats

    @property
    def key(self) -> tuple[str, ...]:
        """The values of `BLOCK`."""
        return (self.study, self.system, self.target, self.train_language, self.language, self.metric)

    def only(self, keep: Booleans) -> Self:
        """Return the block with fewer candidates; `keep` (C,) says which."""
        at = np.flatnonzero(keep)
        candidates, sources = (tuple(names[i] for i in at) for names in (self.candidates, self.sources))
        return replace(self, candidates=candidates, sources=sources, scores=self.scores[keep])


def blocks_of(rows: pd.DataFrame) -> tuple[Block, ...]:
    """Return the blocks of rows that have at least `FEWEST` candidates.

    Parameters
    ----------
    rows : DataFrame
        As `select_rows` gives them.

    Notes
    -----
    Replicates are taken in the order of their seeds, of each candidate as many as all candidates of the block
    have: so a mean over them is of the same number for all.
    """
    clean = rows[rows["perturbation"] == ""]
    single = clean[clean["sequence"].map(_is_single)].sort_values(["seed", "run"], kind="stable")
    blocks = (_block(tuple(map(str, key)), here) for key, here in single.groupby(list(BLOCK), sort=True))
    return tuple(block for block in blocks if len(block.candidates) >= FEWEST)


def _block(key: tuple[str, ...], rows: pd.DataFrame) -> Block:
    arms = rows.groupby("sequence", sort=True)
    replicates = int(arms.size().min())
    return Block(
        *key,
        candidates=tuple(map(str, arms.groups)),
        sources=tuple(map(str, arms["source"].first())),
        scores=np.array([scores[:replicates] for _, scores in arms["score"]], dtype=float),
    )


def _is_single(sequence: str) -> bool:
    steps = parse(sequence)
    return len(steps) == 1 and len(steps[0]) == 1


def averaged(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one clean row for each sequence of each block: its mean over replicates.

    What is left of the rows besides are the columns in which the first of them stands for all; a mean over
    seeds counts as one observation, whether a study gives the seeds or their mean.
    """
    clean = rows[rows["perturbation"] == ""]
    arm = clean.groupby([*BLOCK, "sequence"], sort=False)
    means = clean.drop_duplicates([*BLOCK, "sequence"]).reset_index(drop=True)
    one_each = pd.Series(1, index=means.index, dtype="Int64")
    numbers = np.arange(len(means)).astype(str)
    return means.assign(score=arm["score"].mean().to_numpy(), run=numbers, n_seeds=one_each, sd=np.nan)
