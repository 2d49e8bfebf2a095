"""What is foretold of estimands on orders is near what fits to the runs find that were simulated then."""

from collections.abc import Collection
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from taskorder.choosing.ahead.outlook import outlook
from taskorder.choosing.ahead.told import Told
from taskorder.choosing.runs import Run, laid_out, number_of
from taskorder.inference.engines.collapsed import drawn, posterior_of
from taskorder.inference.engines.density import density
from taskorder.inference.engines.mode import mode
from taskorder.inference.estimands import estimands
from taskorder.inference.fitting import select_rows
from taskorder.inference.layout.design import build_design
from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.results.catalogue import Covariates

DIFFICULTY = dict(zip("abcdef", (-1.3, -0.2, 0.9, -0.7, 0.4, 1.4), strict=True))
MADE = {"", "a", "b", "c", "d", "a>b", "b>a", "a>c", "b>c"}
ALIKE = {"", "b", "d", "b>d", "d>b"}
"""Of tasks whose difficulty hardly differs, so that little is known of its slope."""
SLOPE, RECENCY = 0.05, 0.7
DRAWS = 400


@pytest.fixture(scope="module")
def graded() -> Covariates:
    names = [*DIFFICULTY, "goal0", "goal1"]
    tasks = pd.DataFrame({"task": names, "kind": "nli", "train_size": 100.0})
    tasks["difficulty_gap"] = [*DIFFICULTY.values(), 0.0, 0.0]
    pairs = pd.DataFrame({name: [] for name in ("task", "target", "measure", "similarity")})
    languages = pd.DataFrame({"language": ["en", "sw"], "family": "f", "genus": "g", "script": "Latn"})
    return Covariates(tasks, pairs, languages.assign(uriel_source=""))


@pytest.fixture(scope="module")
def by_difficulty() -> ModelSpec:
    half_normal = {"dist": "HalfNormal", "sigma": 0.03}
    return parse_model(
        {
            "name": "orders",
            "outcome": {"scale": "identity"},
            "sequence": {
                "moderators": ["difficulty"],
                "recency": True,
                "difficulty": ["gap"],
                "crossed": [],
            },
            "groups": {
                "evaluation": {"columns": ["target"]},
                "order": {"columns": ["target", "sequence"], "where": "orders >= 2"},
            },
            "priors": {
                "1": {"dist": "Normal", "mu": 0.5, "sigma": 0.5},
                "stage": {"dist": "Normal", "mu": 0, "sigma": 0.1},
                "difficulty": {"dist": "Normal", "mu": 0, "sigma": 0.1},
                "sd": half_normal,
                "residual": half_normal,
            },
            "estimands": {
                "spread": {"function": "order_sd", "steps": 2, "group": "order"},
                "best": {"function": "best_order", "steps": 2, "group": "order"},
                "rate": {"function": "recency"},
                "last": {"function": "curriculum", "of": "difficulty"},
            },
        }
    )


def simulated(seed: int) -> pd.DataFrame:
    """Make every sequence of up to two of six tasks, whose effects go with their difficulty."""
    rng = np.random.default_rng(seed)
    worth = {task: 0.02 + SLOPE * z + rng.normal(0, 0.01) for task, z in DIFFICULTY.items()}
    lines = [
        {"sequence": ">".join(order), "target": target, "score": 0.6 + _gain(order, worth, rng)}
        for target in ("goal0", "goal1")
        for order in (order for k in range(3) for order in permutations(DIFFICULTY, k))
    ]
    same = {
        "study": "trial", "backbone": "small", "tuning": "full", "train_language": "en", "language": "sw",
        "metric": "accuracy", "n_test": 100, "n_seeds": 1, "sd": np.nan, "seed": 0, "stage": "",
        "perturbation": "", "severity": np.nan, "source": "",
    }  # fmt: skip
    table = pd.DataFrame(lines).assign(**same)
    return table.assign(run=table["target"] + "/" + table["sequence"])


def _gain(order: tuple[str, ...], worth: dict[str, float], rng: np.random.Generator) -> float:
    own = rng.normal(0, 0.005) if len(order) > 1 else 0.0
    weights = np.exp(-RECENCY * np.arange(len(order))[::-1])
    return own + rng.normal(0, 0.02) + sum(w * worth[task] for w, task in zip(weights, order, strict=True))


def foretold(
    table: pd.DataFrame, spec: ModelSpec, name: str, known: Covariates, done: Collection[str] = MADE
) -> Told:
    there, missing = (table[table["sequence"].isin(done) == made] for made in (True, False))
    places = missing[["sequence", "target"]].itertuples(index=False)
    runs = [Run("small", "full", sequence, target, 0) for sequence, target in places]
    new, _ = laid_out(runs, there, "trial")
    rows = select_rows(pd.concat([there, new], ignore_index=True), spec, known)
    number = number_of(rows["run"]).to_numpy(dtype=np.int64)
    found = outlook(rows, number, spec, name, known, seed=1, draws=DRAWS)
    assert isinstance(found, Told)
    return found


def after_all(found: Told) -> float:
    for run in found.runs:
        found = found.after(run)
    return found.width()


def refitted(table: pd.DataFrame, spec: ModelSpec, known: Covariates) -> dict[str, float]:
    design = build_design(select_rows(table, spec, known), spec, known)
    with threadpool_limits(limits=1, user_api="blas"):
        start = mode(density(design, spec), design)
        sampled = drawn(start, seed=1, draws=DRAWS)
    posterior = posterior_of(design, start.density, sampled.u, sampled.coefficients)
    found = estimands(posterior, design, spec)
    return {str(name): float(np.ptp(np.quantile(found[name].to_numpy(), [0.025, 0.975]))) for name in found}


def test_widths_foretold_are_near_those_of_fits_to_the_runs_that_came(
    by_difficulty: ModelSpec, graded: Covariates
) -> None:
    now: dict[str, list[float]] = {"spread": [], "rate": [], "last": []}
    told: dict[str, list[float]] = {name: [] for name in now}
    refits: dict[str, list[float]] = {name: [] for name in now}
    for seed in range(3):
        table = simulated(seed)
        fit = refitted(table, by_difficulty, graded)
        for name in now:
            found = foretold(table, by_difficulty, name, graded)
            now[name].append(found.width())
            told[name].append(after_all(found))
            refits[name].append(fit[name])
    for name in now:
        assert 0.6 < np.mean(told[name]) / np.mean(refits[name]) < 1.6
        assert np.mean(told[name]) < 0.6 * np.mean(now[name])


def test_what_runs_tell_of_slopes_narrows_what_they_tell_of_orders(
    by_difficulty: ModelSpec, graded: Covariates, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = simulated(0)
    whole = foretold(table, by_difficulty, "spread", graded, ALIKE)
    best = foretold(table, by_difficulty, "best", graded, ALIKE)
    assert best.width() / whole.width() == pytest.approx(np.pi**-0.5, rel=0.05)
    monkeypatch.setattr(Told, "_covariances", lambda told: np.linalg.inv(told.first))
    blind = foretold(table, by_difficulty, "spread", graded, ALIKE)
    assert blind.width() == pytest.approx(whole.width(), rel=1e-6)
    wide = after_all(blind)
    monkeypatch.undo()
    assert after_all(whole) < 0.8 * wide
