"""Rules of thumb that choose an intermediate task by what is known of it before any training.

========================== ================================================================================
`difficulty`               the hardest first, by the measure that the model takes
`similarity`               the most similar to the target first, by the measure that the model takes
`diversity`                the least like the other candidates first: minus the mean similarity to them, which
                           is by text for tasks, and by language (URIEL) for stages of different languages
`difficulty_and_diversity` the sum of the ranks by difficulty and by diversity
`train_size`               the largest training set first, as its task's table has it, whatever part was used
========================== ================================================================================

All were fixed before they were tried. A linguistic distance between training and evaluated language is the
same for all tasks of one language, so that it cannot choose among English tasks: there the diversity of their
text stands for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from taskorder.choosing.blocks import Block
from taskorder.inference.spec import SequenceSpec
from taskorder.moderators.difficulty import Difficulty
from taskorder.moderators.similarity import Similarity
from taskorder.results.catalogue import Covariates
from taskorder.results.sequences import Stage, parse

Floats = NDArray[np.float64]
type Values = Mapping[str, Floats]
"""What strategies say of the C candidates of a block: the highest first, NaN where they cannot say."""
type Measured = tuple[float, str]
"""A value and its measure."""

RANKED_TOGETHER = {"difficulty_and_diversity": ("difficulty", "diversity")}
"""Strategies that add up the ranks of others."""


def known_of(covariates: Covariates, sequence: SequenceSpec) -> Callable[[Block], Values]:
    """Return a function from a block to the values of its candidates by difficulty, similarity and so on.

    Parameters
    ----------
    covariates : Covariates
    sequence : SequenceSpec
        Its measures of difficulty and similarity are taken.
    """
    difficulty = Difficulty(covariates, sequence.difficulty)
    similarity = Similarity(covariates, sequence.similarity)
    sizes = covariates.tasks.set_index("task")["train_size"].to_dict()

    def values(block: Block) -> Values:
        stages = [parse(candidate)[0][0] for candidate in block.candidates]
        return {
            "difficulty": _comparable([difficulty.of(stage) for stage in stages]),
            "similarity": _comparable([similarity.of(s, block.target, block.language) for s in stages]),
            "diversity": _diversity(stages, similarity),
            "train_size": np.array([float(sizes.get(stage.task, np.nan)) for stage in stages]),
        }

    return values


def ranked_together(values: Values) -> Values:
    """Return the values with those of the strategies that add up the ranks of others.

    Parameters
    ----------
    values : mapping of array (C,)
        Without gaps, of the candidates that there are to choose among.
    """
    sums = {
        name: np.sum([rankdata(values[part]) for part in parts], axis=0)
        for name, parts in RANKED_TOGETHER.items()
        if all(part in values for part in parts)
    }
    return {**values, **sums}


def _comparable(found: Sequence[Measured]) -> Floats:
    """Return values by the measure that most have: those by another one are on another scale."""
    measures = pd.Series([measure for value, measure in found if np.isfinite(value)], dtype=object)
    usual = measures.mode()
    return np.array([value if measure in set(usual[:1]) else np.nan for value, measure in found])


def _diversity(stages: Sequence[Stage], similarity: Similarity) -> Floats:
    pairs = [(i, j) for i in range(len(stages)) for j in range(len(stages)) if i != j]
    found = [similarity.of(stages[i], stages[j].task, stages[j].language) for i, j in pairs]
    alike = np.full((len(stages), len(stages)), np.nan)
    alike[tuple(np.transpose(pairs))] = _comparable(found)
    both = pd.DataFrame(np.stack([alike, alike.T]).reshape(2, -1)).mean().to_numpy().reshape(alike.shape)
    return -pd.DataFrame(both).mean(axis=1).to_numpy()
