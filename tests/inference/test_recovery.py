"""Planted effects of stages, their recency and their order are found again."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.inference.fitting import fit
from taskorder.results.catalogue import Covariates

Make = Callable[..., Any]

TASKS = ["one", "two", "three", "four", "five", "six"]
TARGETS = ["goal", "aim"]
SEEDS = 3
TRUTH = {
    "recency": 0.7,
    "stage": 0.02,
    "difficulty": 0.03,
    "similarity": -0.02,
    "sd:order": 0.02,
    "sd:stage": 0.01,
    "residual": 0.01,
}


def standardised(values: pd.Series) -> pd.Series:
    return (values - values.mean()) / values.std()


def planted(rng: np.random.Generator, sd: float, count: int) -> NDArray[np.float64]:
    """Draw effects, moved and stretched to a mean of 0 and exactly this sd."""
    effects = rng.normal(size=count)
    return sd * (effects - effects.mean()) / effects.std(ddof=1)


def simulated(known: Covariates, results: Make) -> pd.DataFrame:
    """All single stages and pairs, and the permutations of two triples, on two systems and two targets."""
    rng = np.random.default_rng(20)
    difficulty = standardised(known.tasks.set_index("task")["difficulty_made"].loc[TASKS])
    similarity = standardised(known.similarity.set_index(["task", "target"])["similarity"])
    own = dict(zip(TASKS, planted(rng, TRUTH["sd:stage"], len(TASKS)), strict=True))
    sequences = [(), *((task,) for task in TASKS), *permutations(TASKS, 2)]
    sequences += [*permutations(TASKS[:3]), *permutations(TASKS[3:])]
    order = [0.0] * 7 + planted(rng, TRUTH["sd:order"], len(sequences) - 7).tolist()
    rows: list[tuple[str, str, str, float]] = []
    for backbone, target in ((b, t) for b in ("b", "c") for t in TARGETS):
        level = 0.9 + rng.normal(0.0, 0.1)
        for number, tasks in enumerate(sequences):
            effects = [
                np.exp(-TRUTH["recency"] * back)
                * (
                    TRUTH["stage"]
                    + TRUTH["difficulty"] * difficulty[task]
                    + TRUTH["similarity"] * similarity[task, target]
                    + own[task]
                )
                for back, task in enumerate(reversed(tasks))
            ]
            mean = level + sum(effects) + order[number]
            noise = rng.normal(0.0, TRUTH["residual"], SEEDS)
            rows += [(backbone, target, ">".join(tasks), float(np.sin(mean + e) ** 2)) for e in noise]
    backbone, target, sequence, score = zip(*rows, strict=True)
    return results(backbone=backbone, target=target, sequence=sequence, score=np.array(score))


def test_planted_effects_are_recovered(known: Covariates, results: Make, sequence_model: Make) -> None:
    spec = sequence_model(
        groups={
            "evaluation": {"columns": ["backbone", "target"]},
            "order": {"columns": ["study", "sequence"], "where": "steps > 1"},
        },
        estimands={"question": {"function": "ratio", "of": "sd:order", "to": "residual"}},
    )
    result = fit(spec, simulated(known, results), known, seed=1)
    assert result.diagnostics.ok, result.diagnostics.messages
    assert result.diagnostics.effects == 4 + 6 + 4 + 42
    rows = result.summary.set_index("parameter")
    for name, value in {**TRUTH, "question": 2.0}.items():
        assert rows.loc[name, "lower"] < value < rows.loc[name, "upper"], name
    assert rows.loc["recency", "lower"] > 0.3
    assert rows.loc["difficulty", "lower"] > 0
    assert rows.loc["similarity", "upper"] < 0
    assert rows.loc["question", "lower"] > 1
    assert rows.loc["residual", "sd"] < 0.001
