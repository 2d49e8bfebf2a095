"""What the order of K tasks does to a score, given how fast a stage's weight decays.

An order of K tasks with effects e scores, beside what all its orders have in common,

    D[order] = sum_k w_k e[task at k] + o[order]        w_k = exp(-recency (K - k))
    e ~ Normal(0, spread^2)                             o ~ Normal(0, own^2)

`spread` is the sd between the effects of the tasks that might be trained, and `own` that of an order's own
effect, which recency does not explain. With W = sum_k (w_k - mean w)^2 the variance of D over the K! orders
of one task set is, on average over the sets, from the second moment of a random permutation,

    K! / (K! - 1) W spread^2 + own^2

where the divisor is K! - 1: two different orders of a set differ by sqrt(2) times its root.

How far the best of the orders lies above their mean has no such formula. It is that sd times a factor found
by simulation: `SETS` task sets, the same for each draw of the parameters, give both the mean distance of the
best order and the variance that goes with it, and their ratio is more precise than either.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import permutations
from math import factorial

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_STEPS = 5
"""The number of orders grows as the factorial: 120 of five steps."""
SETS = 1000
"""Task sets in the simulation: its factor is then precise to about 1 %."""
_SEED = 20
_AT_ONCE = 2_000_000
"""Scores of orders that are held in memory together."""


def curriculum(recency: Floats, slope: Floats) -> Floats:
    """Return what two tasks score with the higher one last, more than the other way round.

    The tasks are one sd apart in a moderator: h and h + 1. With w = exp(-recency), the last stage weighing 1,

        (w slope h + slope (h + 1)) - (w slope (h + 1) + slope h) = slope (1 - w)

    Parameters
    ----------
    recency, slope : array
        Of one shape; per stage, and per sd of the moderator.
    """
    return slope * -np.expm1(-recency)


def sd_over_orders(recency: Floats, spread: Floats, own: Floats, steps: int) -> Floats:
    """Return the sd over the orders of a set of tasks, of any one size.

    Parameters
    ----------
    recency, spread, own : array
        Of one shape: the rate of the weights' decay, the sd of the tasks' effects, the sd of the orders' own.
    steps : int
        K, how many tasks there are, from 2 on.
    """
    orders = factorial(steps)
    unequal = (_weights(recency, steps) ** 2).sum(axis=0)
    return np.sqrt(orders / (orders - 1) * unequal * spread**2 + own**2)


def best_over_mean(recency: Floats, spread: Floats, own: Floats, steps: int) -> Floats:
    """Return the expected score of the best order of a set of tasks, less the mean over its orders.

    Parameters
    ----------
    recency, spread, own, steps
        As in `sd_over_orders`; at most `MOST_STEPS` steps.
    """
    sd = sd_over_orders(recency, spread, own, steps)
    sources = np.concatenate([_weights(recency, steps) * spread, own[None]]).reshape(steps + 1, -1).T
    return sd * _best_in_sds(sources, steps).reshape(sd.shape)


def _weights(recency: Floats, steps: int) -> Floats:
    """Return the weights of the steps, first to last, along a first axis, less their mean."""
    back = np.arange(steps)[::-1].reshape(-1, *[1] * recency.ndim)
    weights = np.exp(-recency * back)
    return weights - weights.mean(axis=0)


def _best_in_sds(sources: Floats, steps: int) -> Floats:
    """Return how many sds the best order lies above the mean, for weights of the K + 1 sources (S, K + 1)."""
    effects, products = _simulated(steps)
    orders = factorial(steps)
    found = np.empty(len(sources))
    for part in np.array_split(np.arange(len(sources)), -(-len(sources) * SETS * orders // _AT_ONCE)):
        scores = (sources[part] @ effects).reshape(len(part), orders, SETS)
        found[part] = scores.max(axis=1).mean(axis=1)
    sd = np.sqrt(np.einsum("si,ij,sj->s", sources, products, sources))
    return np.divide(found, sd, out=np.zeros_like(found), where=sd > 0)


@lru_cache
def _simulated(steps: int) -> tuple[Floats, Floats]:
    """Simulate task sets.

    Returns
    -------
    effects : array (K + 1, K! * SETS)
        Of the task at each step, and of the order itself, each less its mean over the orders of the set.
    products : array (K + 1, K + 1)
        Their mean products, with the divisor K! - 1 for the orders.
    """
    rng = np.random.default_rng(_SEED)
    orders = np.array(list(permutations(range(steps))))
    tasks = rng.standard_normal((steps, SETS))
    own = rng.standard_normal((len(orders), SETS))
    effects = np.stack([*(tasks[at] for at in orders.T), own])
    effects -= effects.mean(axis=1, keepdims=True)
    effects = effects.reshape(steps + 1, -1)
    return effects, effects @ effects.T / (SETS * (len(orders) - 1))
