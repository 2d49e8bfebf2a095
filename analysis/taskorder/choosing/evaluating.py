"""Strategies of choosing an intermediate task, each judged on what it has not seen.

Leave one target out: no score on the target, in any study, is seen by the model; nor is the difficulty of
the target as a stage for others, because that was measured on it. Leave one language out: no score in the
language is seen; targets are known from their other languages.

All strategies of a block choose among the same candidates: those that each of them can value. A strategy that
values fewer than `FEWEST` of a block's candidates, or all the same, takes no part in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.choosing.blocks import BLOCK, FEWEST, Block, averaged, blocks_of
from taskorder.choosing.foretelling import foretold, lean
from taskorder.choosing.regret import advantage, regret
from taskorder.choosing.strategies import Values, known_of, ranked_together
from taskorder.errors import MissingData
from taskorder.inference.spec import ModelSpec
from taskorder.results.catalogue import Covariates

Floats = NDArray[np.float64]

type Scheme = Literal["target", "language"]

SCHEMES: tuple[Scheme, ...] = ("target", "language")
"""What is left out."""
MODEL = "model"
TRIED = (1, 3, 5)
"""Numbers of candidates that are tried."""
POINTS = 100.0


@dataclass(frozen=True)
class Evaluation:
    """All that strategies are judged by.

    Attributes
    ----------
    spec : ModelSpec
        As `lean` returns it.
    means : DataFrame
        One row a sequence and block.
    blocks : tuple of Block
    covariates : Covariates
    values : callable
        What strategies that need no scores say of a block's candidates.
    """

    spec: ModelSpec
    means: pd.DataFrame
    blocks: tuple[Block, ...]
    covariates: Covariates
    values: Callable[[Block], Values]

    @classmethod
    def of(cls, spec: ModelSpec, rows: pd.DataFrame, covariates: Covariates) -> Self:
        """Lay rows out; otherwise as `regrets`."""
        if spec.sequence is None:
            raise MissingData(
                f"model {spec.name!r}: without [sequence] it says nothing of intermediate tasks"
            )
        blocks, means = blocks_of(rows), averaged(rows)
        if not blocks:
            raise MissingData(
                f"model {spec.name!r}: no target has {FEWEST} intermediate tasks in one system, so that there"
                f" is nothing to choose among; add tables, or widen [data] where"
            )
        return cls(lean(spec, means), means, blocks, covariates, known_of(covariates, spec.sequence))

    def levels(self, scheme: Scheme) -> tuple[str, ...]:
        """Return what is left out, one after the other."""
        return tuple(sorted({str(getattr(block, scheme)) for block in self._able(scheme)}))

    def without(self, scheme: Scheme, level: str) -> pd.DataFrame:
        """Judge every strategy in the blocks of one level; otherwise as `regrets`."""
        seen = _unmeasured(self.covariates, level) if scheme == "target" else self.covariates
        expected = foretold(self.means, (self.means[scheme] == level).to_numpy(), self.spec, seen)
        by_arm = dict(zip(_arms(self.means), expected, strict=True))
        left_out = [block for block in self._able(scheme) if getattr(block, scheme) == level]
        records = [
            {"scheme": scheme, **record}
            for block in left_out
            for record in _judged(block, {MODEL: _of(block, by_arm), **self.values(block)})
        ]
        return pd.DataFrame(records)

    def _able(self, scheme: Scheme) -> list[Block]:
        """Return the blocks that a scheme is about: languages only where the target has more than one."""
        languages: dict[tuple[str, str], set[str]] = {}
        for block in self.blocks:
            languages.setdefault((block.study, block.target), set()).add(block.language)
        return [b for b in self.blocks if scheme == "target" or len(languages[b.study, b.target]) > 1]


def regrets(
    spec: ModelSpec, rows: pd.DataFrame, covariates: Covariates, say: Callable[[str], None] = lambda _: None
) -> pd.DataFrame:
    """Judge every strategy in every block, out of sample.

    Parameters
    ----------
    spec : ModelSpec
        A Gaussian model of stages; it is fitted to the means over replicates (see `lean`).
    rows : DataFrame
        As `select_rows` gives them.
    covariates : Covariates
    say : callable
        Is told what is left out.

    Returns
    -------
    DataFrame
        One row a scheme, block and strategy: `scheme`, the columns of `BLOCK`, `strategy`, `chosen` (more
        than one where the strategy does not tell them apart), the `source` of its score, `candidates` and
        `replicates` (how many), and in points: `points_over_random`, `regret`, `random_regret`, and the same
        of the best of three and five that are tried (`regret_3`, ...).

    Raises
    ------
    MissingData
        Where the model has no stages, or no block has enough candidates.
    """
    evaluation = Evaluation.of(spec, rows, covariates)
    found: list[pd.DataFrame] = []
    for scheme in SCHEMES:
        for level in evaluation.levels(scheme):
            say(f"without {scheme} {level}")
            found.append(evaluation.without(scheme, level))
    return pd.concat(found, ignore_index=True)


def _unmeasured(covariates: Covariates, task: str) -> Covariates:
    """Return the covariates without every difficulty of a task: they were computed from scores on it."""
    tasks = covariates.tasks.copy()
    measures = [name for name in map(str, tasks.columns) if _is_measure(name)]
    tasks.loc[tasks["task"] == task, measures] = np.nan
    return replace(covariates, tasks=tasks)


def _is_measure(column: str) -> bool:
    return column.startswith("difficulty_") and not column.endswith(("_sd", "_source"))


def _arms(means: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    columns = [means[name].astype(str) for name in (*BLOCK, "sequence")]
    return zip(*columns, strict=True)


def _of(block: Block, by_arm: Mapping[tuple[str, ...], float]) -> Floats:
    return np.array([by_arm[*block.key, candidate] for candidate in block.candidates])


def _judged(block: Block, values: Values) -> Iterator[dict[str, object]]:
    """Yield one record a strategy that takes part."""
    taking_part = {name: value for name, value in values.items() if _ranks(value)}
    known = np.all([np.isfinite(value) for value in taking_part.values()], axis=0)
    if not taking_part or known.sum() < FEWEST:
        return
    same = block.only(known)
    by_chance = np.zeros(len(same.candidates))
    random = _regrets(same, by_chance, "random_regret")
    for name, value in ranked_together({name: value[known] for name, value in taking_part.items()}).items():
        yield {
            **dict(zip(BLOCK, same.key, strict=True)),
            "strategy": name,
            "chosen": " ".join(np.array(same.candidates)[value == value.max()]),
            "source": same.sources[int(np.argmax(value))],
            "candidates": len(same.candidates),
            "replicates": same.scores.shape[1],
            "points_over_random": POINTS * advantage(same.scores, value),
            **_regrets(same, value, "regret"),
            **random,
        }


def _ranks(value: Floats) -> bool:
    finite = value[np.isfinite(value)]
    return len(finite) >= FEWEST and bool(np.ptp(finite) > 0)


def _regrets(block: Block, value: Floats, name: str) -> dict[str, float]:
    return {of_tried(name, k): POINTS * regret(block.scores, value, k) for k in TRIED}


def of_tried(name: str, k: int) -> str:
    """Return the column of the regret of trying k candidates."""
    return name if k == 1 else f"{name}_{k}"
