"""Inconsistency between designs, as an sd beside that of heterogeneity."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from taskorder.inference.fitting import fit
from taskorder.inference.network.designs import inconsistency
from taskorder.inference.spec import ModelSpec
from taskorder.results.catalogue import Covariates

EFFECTS = {"a": 0.0, "b": 0.5, "c": 0.8, "d": 0.2}
PAIRS = [
    ("a", "b"),
    ("a", "c"),
    ("a", "d"),
    ("b", "c"),
    ("b", "d"),
    ("c", "d"),
    ("a", "b", "c"),
    ("b", "c", "d"),
]
DRAWS = 1600


def planted(sd: float, trials: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """Return trials whose arms differ between designs with an sd."""
    rng = np.random.default_rng(5)
    shifted = {pair: (6, {name: EFFECTS[name] + sd * float(rng.normal()) for name in pair}) for pair in PAIRS}
    return trials(shifted, spread=0.1, error=0.05)


def test_planted_inconsistency_is_told_from_heterogeneity(
    nothing: Covariates, model: Callable[..., ModelSpec], trials: Callable[..., pd.DataFrame]
) -> None:
    rows = planted(0.4, trials)
    found = inconsistency(fit(model(), rows, nothing, draws=DRAWS), rows, nothing, "treatment")
    assert found is not None
    assert found.failures == ()
    low, high = np.quantile(found.sd, [0.025, 0.975])
    assert low < 0.4 * 2**0.5 < high
    low, high = np.quantile(found.heterogeneity, [0.025, 0.975])
    assert low < 0.1 * 2**0.5 < high
    assert found.larger > 0.99
    assert sum(found.designs.values()) == rows["study"].nunique()
    assert found.designs["a + b + c"] == 6


def test_a_consistent_network_has_little(
    nothing: Covariates, model: Callable[..., ModelSpec], trials: Callable[..., pd.DataFrame]
) -> None:
    rows = planted(0.0, trials)
    found = inconsistency(fit(model(), rows, nothing, draws=DRAWS), rows, nothing, "treatment")
    assert found is not None
    assert float(found.sd.mean()) < 0.1 * 2**0.5
    assert found.larger < 0.6


def test_trials_of_one_design_cannot_disagree(
    nothing: Covariates, model: Callable[..., ModelSpec], trials: Callable[..., pd.DataFrame]
) -> None:
    rows = trials({("a", "b"): (6, EFFECTS), ("a",): (2, EFFECTS)})
    found = fit(model(), rows, nothing, draws=800)
    assert inconsistency(found, rows, nothing, "treatment") is None
