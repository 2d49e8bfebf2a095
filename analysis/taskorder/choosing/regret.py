"""What a choice costs: the best candidate's score less that of the chosen one.

The best of several noisy means looks better than it is. Where there are replicates, the best is therefore
found by all of them but one, and scored by that one; the mean over the ones that are left out has no such
optimism. It is a little too low instead, for the candidate that is found need not be the best. Where there
is one replicate, regret is too high. Either way what is off is the same for every strategy, so that the
advantage of one over another, or over chance, is free of it: it is the score of the choice less the mean
over the candidates, and knows no best.

Of k candidates that are tried, the best is kept: found, and scored, in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import comb

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def regret(scores: Floats, values: Floats, k: int = 1) -> float:
    """Return the regret of trying the k candidates that a strategy values most.

    Parameters
    ----------
    scores : array (C, R)
        Of C candidates in R replicates.
    values : array (C,)
        What the strategy says of them: the highest first. Among equals chance decides, and the expectation
        over it is returned, exactly; so equal values for all are random choice.
    k : int
        How many are tried; all of them where there are fewer.

    Returns
    -------
    float
        In the unit of the scores.
    """
    losses = [held[np.argmax(by)] - expected_best(values, by, held, k) for by, held in _splits(scores)]
    return float(np.mean(losses))


def advantage(scores: Floats, values: Floats) -> float:
    """Return how much better one choice is than random choice, on average: its score less the mean."""
    mean = scores.mean(axis=1)
    return float(mean[values == values.max()].mean() - mean.mean())


def expected_best(values: Floats, by: Floats, scored: Floats, k: int) -> float:
    """Return the expected score of the best, by `by`, of the k candidates with the highest values.

    Parameters
    ----------
    values, by, scored : array (C,)
    k : int

    Notes
    -----
    Of the `tied` candidates at the border, `vacant` are drawn at random. The j-th best of them is the best
    of these if it is drawn and the j - 1 before it are not: in comb(tied - j, vacant - 1) of
    comb(tied, vacant) cases.
    """
    border = np.sort(values)[::-1][min(k, len(values)) - 1]
    sure, tied = np.flatnonzero(values > border), np.flatnonzero(values == border)
    vacant = min(k, len(values)) - len(sure)
    ranked = tied[np.argsort(-by[tied], kind="stable")]
    ways = [comb(len(tied) - j, vacant - 1) for j in range(1, len(tied) + 1)]
    chance = np.array(ways) / comb(len(tied), vacant)
    if not len(sure):
        return float(chance @ scored[ranked])
    best = sure[np.argmax(by[sure])]
    better = by[ranked] > by[best]
    return float(chance[better] @ scored[ranked[better]] + (1.0 - chance[better].sum()) * scored[best])


def _splits(scores: Floats) -> Iterator[tuple[Floats, Floats]]:
    """Yield the means by which the best is found, and the scores that it gets, both (C,)."""
    replicates = scores.shape[1]
    if replicates == 1:
        yield scores[:, 0], scores[:, 0]
        return
    for r in range(replicates):
        yield np.delete(scores, r, axis=1).mean(axis=1), scores[:, r]
