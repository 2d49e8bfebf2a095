"""The ways in which one analysis could have been done otherwise: each a model, with the rows for it.

They are the attacks on claims and the points of the specification curve (Simonsohn, Simmons & Nelson 2020,
doi:10.1038/s41562-020-0912-z) alike. Studies are left out elsewhere, without another fit
(`inference.criticism.leaving_out`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from taskorder.claims.claim import Control
from taskorder.claims.evidence import SHUFFLED
from taskorder.errors import TaskorderError
from taskorder.inference.criticism.cloud import Cloud, cloud
from taskorder.inference.engines.density import density
from taskorder.inference.engines.parameters import priors_of
from taskorder.inference.fitting import Fit, select_rows
from taskorder.inference.layout.design import Design, build_design
from taskorder.inference.priors import widened
from taskorder.inference.scales import SCALES
from taskorder.inference.spec import ModelSpec, needs_nuts
from taskorder.results.catalogue import Covariates
from taskorder.results.sequences import parse, task_set

SEED, PRIOR, SCALE, MEASURE, FLAGS, OUTLIERS = "seed", "prior", "scale", "measure", "flags", "outliers"
ENOUGH_ROWS = 0.9
"""The share of rows that must have a measure for it to stand in another's place."""
OUTLYING = 3.5
"""Posterior predictive standard deviations beyond which a cell is an outlier."""
ORDER: tuple[str, ...] = ("study", "backbone", "tuning", "target", "train_language", "seed")
"""Within what orders of one task set are shuffled: what else may explain a score."""


@dataclass(frozen=True)
class Analysis:
    """A fit and what it was made from.

    Attributes
    ----------
    fit : Fit
    table : DataFrame
        As it was read, before rows were selected.
    covariates : Covariates
    """

    fit: Fit
    table: pd.DataFrame
    covariates: Covariates

    @property
    def spec(self) -> ModelSpec:
        """The model."""
        return self.fit.spec

    def rows(self) -> pd.DataFrame:
        """Return the rows that were modelled."""
        return select_rows(self.table, self.spec, self.covariates)

    def posterior(self) -> xr.Dataset:
        """Return the posterior."""
        return self.fit.tree["posterior"].to_dataset()

    def cloud(self) -> Cloud | None:
        """Return draws of theta, that most variants are near; None without one."""
        if needs_nuts(self.spec):
            return None
        design = build_design(self.rows(), self.spec, self.covariates)
        return cloud(density(design, self.spec), design, self.posterior())


@dataclass(frozen=True)
class Variant:
    """One choice made otherwise.

    Attributes
    ----------
    name, kind : str
    spec : ModelSpec
    rows : DataFrame
        As `select_rows` returns them.
    covariates : Covariates
    """

    name: str
    kind: str
    spec: ModelSpec
    rows: pd.DataFrame
    covariates: Covariates


def variants(analysis: Analysis, controls: Sequence[Control], seed: int) -> Iterator[Variant]:
    """Go through all that can be done otherwise with an analysis.

    Parameters
    ----------
    analysis : Analysis
    controls : sequence of {"order", "difficulty", "similarity"}
        What is shuffled, each once.
    seed : int
        Of the shuffles.
    """
    spec, covariates, rows = analysis.spec, analysis.covariates, analysis.rows()
    design = build_design(rows, spec, covariates)
    yield Variant("another seed", SEED, spec, rows, covariates)
    for name, factor in (("priors twice as wide", 2.0), ("priors half as wide", 0.5)):
        yield Variant(name, PRIOR, _with_priors(spec, design, factor), rows, covariates)
    if spec.outcome.scale != "identity" and spec.outcome.likelihood == "normal":
        yield Variant("scores as they are", SCALE, _on_identity(spec, design), rows, covariates)
    yield from _measures(analysis)
    yield from _flags(analysis)
    kept = _without_outliers(analysis.fit, rows, design)
    if len(kept) < len(rows):
        yield Variant(
            f"{_counted(len(rows) - len(kept), 'outlying row')} left out", OUTLIERS, spec, kept, covariates
        )
    for control in controls:
        rng = np.random.default_rng([seed, len(control)])
        yield shuffled(analysis, control, rng)


def _with_priors(spec: ModelSpec, design: Design, factor: float) -> ModelSpec:
    priors = {name: widened(prior, factor) for name, prior in priors_of(design, spec).items()}
    return spec.model_copy(update={"priors": priors})


def _on_identity(spec: ModelSpec, design: Design) -> ModelSpec:
    """Model the scores themselves: priors keep their width in points at the reference score."""
    slope = float(SCALES[spec.outcome.scale].derivative(design.reference))
    priors = {
        name: widened(prior, slope)
        for name, prior in priors_of(design, spec).items()
        if name not in {"1", "recency", "sd:residual"}
    }
    outcome = spec.outcome.model_copy(update={"scale": "identity", "reference": design.reference})
    return spec.model_copy(update={"priors": priors, "outcome": outcome})


def _measures(analysis: Analysis) -> Iterator[Variant]:
    """Put every other measure of a moderator in the place of one that is used, if most rows have it."""
    spec, covariates = analysis.spec, analysis.covariates
    sequence = spec.sequence
    if sequence is None:
        return
    before = analysis.rows()
    for moderator, measures in _known_measures(covariates).items():
        if not any(moderator in term.split(":") for term in sequence.moderators):
            continue
        used: tuple[str, ...] = getattr(sequence, moderator)
        enough = ENOUGH_ROWS * before[moderator].notna().sum()
        for place, old in enumerate(used):
            for new in (measure for measure in measures if measure not in used):
                other = (*used[:place], new, *used[place + 1 :])
                changed = sequence.model_copy(update={moderator: other, "missing": "drop"})
                model = spec.model_copy(update={"sequence": changed})
                rows = _selected(analysis.table, model, covariates)
                if rows is not None and rows[moderator].notna().sum() >= enough:
                    name = f"{moderator} by {new} for {old}"
                    yield Variant(name, MEASURE, model, rows, covariates)


def _known_measures(covariates: Covariates) -> dict[str, list[str]]:
    return {
        "difficulty": [name.removeprefix("difficulty_") for name in _difficulty_columns(covariates)],
        "similarity": sorted(covariates.similarity["measure"].astype(str).unique()),
    }


def _selected(table: pd.DataFrame, spec: ModelSpec, covariates: Covariates) -> pd.DataFrame | None:
    try:
        return select_rows(table, spec, covariates)
    except TaskorderError:
        return None


def _flags(analysis: Analysis) -> Iterator[Variant]:
    """Take in the rows that the catalogue warns of."""
    if "flag" not in analysis.table:
        return
    flags = sorted(
        {flag for text in analysis.table["flag"].fillna("").unique() for flag in text.split(";")} - {""}
    )
    spec = analysis.spec
    every = spec.model_copy(update={"data": spec.data.model_copy(update={"flags": tuple(flags)})})
    rows = _selected(analysis.table, every, analysis.covariates)
    if rows is not None and (more := len(rows) - len(analysis.rows())) > 0:
        yield Variant(f"{_counted(more, 'flagged row')} taken in", FLAGS, every, rows, analysis.covariates)


def _without_outliers(fit: Fit, rows: pd.DataFrame, design: Design) -> pd.DataFrame:
    """Leave out rows of cells that the posterior predictive distribution does not expect."""
    foretold = fit.tree["posterior_predictive"].to_dataset()["mean"]
    observed = fit.tree["observed_data"].to_dataset()["mean"]
    distance = (observed - foretold.mean(("chain", "draw"))) / foretold.std(("chain", "draw"))
    far = np.flatnonzero(np.abs(distance.to_numpy()) > OUTLYING)
    return rows[~np.isin(design.row_cell, far)].reset_index(drop=True)


def shuffled(analysis: Analysis, control: Control, rng: np.random.Generator) -> Variant:
    """Return an analysis in which what a claim is about cannot be: its labels are shuffled.

    Orders are shuffled among the trained models of one task set that are alike in all else (`ORDER`);
    difficulties and similarities over the tasks of one measure.
    """
    shuffle = {"order": _orders, "difficulty": _difficulties, "similarity": _similarities}[control]
    table, covariates = shuffle(analysis.table, analysis.covariates, rng)
    rows = select_rows(table, analysis.spec, covariates)
    return Variant(f"{control} shuffled", SHUFFLED, analysis.spec, rows, covariates)


def _orders(
    table: pd.DataFrame, covariates: Covariates, rng: np.random.Generator
) -> tuple[pd.DataFrame, Covariates]:
    within = [name for name in ORDER if name in table]
    models = table[["run", "sequence", *within]].drop_duplicates().reset_index(drop=True)
    models["tasks"] = models["sequence"].map(
        {text: task_set(parse(text)) for text in models["sequence"].unique()}
    )
    models["shuffled"] = models["sequence"]
    for _, group in models.groupby([*within, "tasks"], dropna=False, sort=True):
        models.loc[group.index, "shuffled"] = rng.permutation(group["sequence"].to_numpy())
    key = ["run", "sequence", *within]
    lookup = models.set_index(pd.MultiIndex.from_frame(models[key].astype("str")))["shuffled"]
    at = pd.MultiIndex.from_frame(table[key].astype("str"))
    return table.assign(sequence=lookup.loc[at].to_numpy()), covariates


def _difficulties(
    table: pd.DataFrame, covariates: Covariates, rng: np.random.Generator
) -> tuple[pd.DataFrame, Covariates]:
    tasks = covariates.tasks.copy()
    for name in _difficulty_columns(covariates):
        tasks[name] = _permuted(tasks[name], rng)
    return table, Covariates(tasks, covariates.similarity, covariates.languages)


def _difficulty_columns(covariates: Covariates) -> list[str]:
    return [name for name in map(str, covariates.tasks) if name.startswith("difficulty_")]


def _similarities(
    table: pd.DataFrame, covariates: Covariates, rng: np.random.Generator
) -> tuple[pd.DataFrame, Covariates]:
    pairs = covariates.similarity.copy()
    for _, group in pairs.groupby("measure"):
        pairs.loc[group.index, "similarity"] = rng.permutation(group["similarity"].to_numpy())
    return table, Covariates(covariates.tasks, pairs, covariates.languages)


def _permuted(values: pd.Series, rng: np.random.Generator) -> pd.Series:
    known = values[values.notna()]
    return values.where(values.isna(), pd.Series(rng.permutation(known.to_numpy()), index=known.index))


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
