"""Small covariates and tables that several tests of the engine need."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse, stats

from taskorder.inference.engines import collapsed, nuts
from taskorder.inference.engines.draws import CHAINS, DRAW_DIMS, Draws, named
from taskorder.inference.engines.parameters import sd_names
from taskorder.inference.layout.design import Block, Design
from taskorder.inference.layout.observations import Cells
from taskorder.inference.priors import Prior, defaults, normal, spread
from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.results.catalogue import Covariates

Floats = NDArray[np.float64]

TASKS = {"one": 0.1, "two": 0.35, "three": 0.5, "four": 0.9, "five": 0.2, "six": 0.7}
SIMILAR = {
    ("one", "goal"): 0.9,
    ("two", "goal"): 0.1,
    ("three", "goal"): 0.6,
    ("four", "goal"): 0.3,
    ("five", "goal"): 0.4,
    ("six", "goal"): 0.8,
    ("one", "aim"): 0.2,
    ("two", "aim"): 0.7,
    ("three", "aim"): 0.3,
    ("four", "aim"): 0.8,
    ("five", "aim"): 0.9,
    ("six", "aim"): 0.1,
}


@pytest.fixture(scope="session")
def known() -> Covariates:
    """Six tasks with a difficulty each, their similarity to two targets, and two languages."""
    tasks = pd.DataFrame({"task": [*TASKS, "goal", "aim"], "kind": "nli"})
    tasks["difficulty_made"] = tasks["task"].map(TASKS)
    similarity = pd.DataFrame(
        [
            {"task": task, "target": target, "measure": "made", "similarity": value}
            for (task, target), value in SIMILAR.items()
        ]
    )
    languages = pd.DataFrame(
        {"language": ["en", "sw"], "family": ["ie", "nc"], "genus": "", "script": "Latn"}
    )
    return Covariates(tasks, similarity, languages)


@pytest.fixture(scope="session")
def results() -> Callable[..., pd.DataFrame]:
    """Make a tidy table: what is not given is the same in all rows; `run` numbers them."""

    def make(**columns: Any) -> pd.DataFrame:
        standard = {
            "study": "s",
            "backbone": "b",
            "tuning": "full",
            "sequence": "",
            "target": "goal",
            "train_language": "en",
            "language": "en",
            "metric": "accuracy",
            "stage": "",
        }
        rows = max((len(value) for value in columns.values() if not isinstance(value, str)), default=1)
        frame = pd.DataFrame({**standard, **columns}, index=np.arange(rows))
        return frame if "run" in columns else frame.assign(run=[f"r{i}" for i in range(rows)])

    return make


@pytest.fixture(scope="session")
def sequence_model() -> Callable[..., ModelSpec]:
    """Make a model of sequences with the moderators of `known`; tables of the file may be replaced."""

    def make(**content: Any) -> ModelSpec:
        standard: dict[str, Any] = {
            "name": "made",
            "sequence": {
                "moderators": ["difficulty", "similarity"],
                "recency": True,
                "difficulty": ["made"],
                "similarity": ["made"],
                "crossed": [],
            },
        }
        return parse_model(standard | content)

    return make


def pretended(design: Design, spec: ModelSpec, *, seed: int, draws: int, progress: bool = False) -> Draws:
    """Stand in for the sampler: draws of every parameter that have nothing to do with the data."""
    assert not progress
    rng = np.random.default_rng(seed)
    shape = (CHAINS, draws // CHAINS)
    levels = len(design.residual_levels)
    coefficients = rng.normal(0.0, 0.1, (*shape, design.effects[0].shape[1]))
    sd = rng.gamma(9.0, 0.01, (*shape, len(sd_names(design.blocks))))
    others: dict[str, Floats] = {}
    if spec.residual.sd is None:
        others["residual"] = rng.gamma(9.0, 0.01, shape)
    if levels:
        others["sd:residual"] = rng.gamma(9.0, 0.1, shape)
        others["residual_level_sd"] = rng.gamma(9.0, 0.01, (*shape, levels))
    if len(design.effects) > 1:
        others["recency"] = rng.normal(0.0, 1.0, shape)
    posterior = named(design, coefficients, sd, others)
    stats = xr.Dataset({"diverging": (DRAW_DIMS, np.zeros(shape, dtype=bool))})
    tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats})
    return Draws(tree, {"compile": 0.1, "sample": 0.2, "total": 0.3}, "pretended")


@pytest.fixture
def no_sampler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `fit` do all that it does but for the sampling."""
    for engine in (collapsed, nuts):
        monkeypatch.setattr(engine, "sample", pretended)


FULL_MODEL: dict[str, Any] = {
    "groups": {"study": {}, "system": {"by": ["1", "difficulty"]}},
    "residual": {"by": "study"},
    "estimands": {
        "slope": {"function": "points", "of": "difficulty"},
        "spread": {"function": "sd_points", "of": "difficulty", "group": "system"},
        "levels": {"function": "level_points", "of": "difficulty", "group": "system"},
        "one_sign": {"function": "same_sign", "of": "difficulty", "group": "system"},
        "question": {"function": "ratio", "of": "sd:study", "to": "residual"},
    },
}


@pytest.fixture(scope="session")
def full_model(sequence_model: Callable[..., ModelSpec]) -> ModelSpec:
    """A model with groups, slopes, recency, residual levels and every kind of estimand."""
    return sequence_model(**FULL_MODEL)


@pytest.fixture(scope="session")
def full_table(results: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """Two studies, two systems, sequences of up to two stages."""
    rng = np.random.default_rng(1)
    return results(
        study=["s"] * 6 + ["t"] * 6,
        backbone=["b", "c"] * 6,
        sequence=["", "one", "two>one", "one>two", "three", "four"] * 2,
        score=rng.uniform(0.4, 0.9, 12),
    )


CELLS = 24
OFF_CENTRE = normal(0.3, 0.8)


@pytest.fixture(scope="session")
def small_design() -> Callable[..., tuple[Design, ModelSpec]]:
    """Make a random design: an intercept, a slope, two groups, and stages up to `steps` back.

    `residuals` is the number of residual sds, 0 for known variances only; `nested` puts every level of
    `many` within one of `few`.
    """
    return _small_design


def _small_design(
    seed: int,
    *,
    steps: int = 1,
    residuals: int = 1,
    known: bool = False,
    nested: bool = False,
    fixed: Prior = OFF_CENTRE,
) -> tuple[Design, ModelSpec]:
    rng = np.random.default_rng(seed)
    blocks: list[Block] = []
    start = 0
    for name, width in {"1": 1, "x": 1, "1|many": 7, "1|few": 3, "1|stage": 4}.items():
        dim = name.partition("|")[2]
        labels = tuple(f"l{i}" for i in range(width)) if dim else ()
        prior = None if dim else fixed
        blocks.append(Block(name, labels, dim, f"sd:{dim}" if dim else "", prior, start, start + width))
        start += width
    x = np.zeros((steps, CELLS, start))
    x[0, :, 0] = 1.0
    x[0, :, 1] = rng.normal(size=CELLS)
    member = rng.integers(-1, 7, CELLS)
    x[0, np.flatnonzero(member >= 0), 2 + member[member >= 0]] = 1.0
    few = np.maximum(member, 0) // 3 if nested else rng.integers(0, 3, CELLS)
    x[0, np.arange(CELLS), 9 + few] = 1.0
    for back in range(steps):
        x[back, np.arange(CELLS), 12 + rng.integers(0, 4, CELLS)] += rng.integers(0, 2, CELLS)
    df = rng.integers(0, 4, CELLS).astype(float)
    cells = Cells(
        mean=3.0 + rng.normal(size=CELLS),
        n=1.0 + df,
        ss=df * rng.gamma(2.0, 0.1, CELLS),
        df=df,
        v=rng.gamma(2.0, 0.1, CELLS) if known or not residuals else np.zeros(CELLS),
        level=rng.integers(0, max(residuals, 1), CELLS),
    )
    design = Design(
        cells=cells,
        effects=tuple(sparse.csr_array(matrix) for matrix in x),
        blocks=tuple(blocks),
        residual_levels=tuple(f"r{i}" for i in range(residuals)) if residuals > 1 else (),
        frame=pd.DataFrame(index=np.arange(CELLS)),
        row_cell=np.arange(CELLS),
        defaults=defaults("identity", 0.0, 1.0),
        reference=0.5,
        units=pd.DataFrame(),
        notes=(),
    )
    content: dict[str, Any] = {"name": "small", "groups": {"many": {}, "few": {}}}
    if not residuals:
        content |= {"outcome": {"scale": "identity", "variance": "v"}, "residual": {"sd": 0}}
    return design, parse_model(content)


@dataclass(frozen=True)
class Dense:
    """A design at one point of theta, with every matrix written out.

    Attributes
    ----------
    cells : Cells
    x : array (C, P)
    mean, sd : array (P,)
        Prior means and sds; an infinite sd is a flat prior.
    s2 : array (C,)
        The variance of one replicate.
    """

    cells: Cells
    x: Floats
    mean: Floats
    sd: Floats
    s2: Floats

    def log_likelihood(self) -> float:
        """Return the log density of the cells' means and sums of squares."""
        cells = self.cells
        covariance = np.diag(self.s2 / cells.n) + (self.x * self.sd**2) @ self.x.T
        of_means = stats.multivariate_normal(self.x @ self.mean, covariance).logpdf(cells.mean)
        return float(of_means) + self._of_squares()

    def restricted(self) -> float:
        """Return the restricted log likelihood, in which coefficients of flat priors have no part."""
        flat = np.isinf(self.sd)
        grouped, fixed = self.x[:, ~flat], self.x[:, flat]
        covariance = np.diag(self.s2 / self.cells.n) + (grouped * self.sd[~flat] ** 2) @ grouped.T
        precision = np.linalg.inv(covariance)
        information = fixed.T @ precision @ fixed
        estimate = np.linalg.solve(information, fixed.T @ precision @ self.cells.mean)
        residual = self.cells.mean - fixed @ estimate
        logs = np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(information)[1]
        return float(-0.5 * (logs + residual @ precision @ residual)) + self._of_squares()

    def _of_squares(self) -> float:
        some = self.cells.df > 0
        s2, ss = self.s2[some], self.cells.ss[some]
        return float(np.sum(stats.chi2(self.cells.df[some]).logpdf(ss / s2) - np.log(s2)))

    def coefficients(self) -> tuple[Floats, Floats]:
        """Return mean (P,) and covariance (P, P) of the coefficients given the data."""
        weight = self.cells.n / self.s2
        covariance = np.linalg.inv(np.diag(1 / self.sd**2) + (self.x.T * weight) @ self.x)
        return covariance @ (self.mean / self.sd**2 + self.x.T @ (weight * self.cells.mean)), covariance


@pytest.fixture(scope="session")
def dense() -> Callable[..., Dense]:
    """Write a design out at a recency, an sd by each name, and residual sds (L,)."""

    def write_out(design: Design, recency: float, sds: Mapping[str, float], residual: Floats) -> Dense:
        x = sum(np.exp(-recency * s) * matrix.toarray() for s, matrix in enumerate(design.effects))
        mean, sd = np.zeros(design.blocks[-1].stop), np.zeros(design.blocks[-1].stop)
        for block in design.blocks:
            flat = block.prior is not None and block.prior.dist == "Flat"
            middle, width = spread(block.prior) if block.prior else (0.0, sds[block.sd])
            mean[block.columns], sd[block.columns] = middle, np.inf if flat else width
        cells = design.cells
        return Dense(cells, np.asarray(x), mean, sd, cells.v + residual[cells.level] ** 2)

    return write_out
