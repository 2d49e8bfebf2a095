"""A model and a table in, a posterior with its diagnostics and its origin out."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any, Literal

import pandas as pd
import xarray as xr

from taskorder.errors import InvalidModel, MissingData
from taskorder.files import sha256_text
from taskorder.inference.criticism import predictive
from taskorder.inference.diagnostics import Diagnostics, diagnose
from taskorder.inference.engines.draws import Draws
from taskorder.inference.engines.parameters import priors_of
from taskorder.inference.estimands import estimands, points_per_unit
from taskorder.inference.layout.design import Design, build_design
from taskorder.inference.spec import ModelSpec, needs_nuts
from taskorder.inference.summary import INTERVAL, summarise
from taskorder.moderators import attach
from taskorder.results.averaging import over_languages
from taskorder.results.catalogue import Covariates
from taskorder.results.reading import InputFile
from taskorder.results.selection import where, without_flags

type Engine = Literal["auto", "collapsed", "nuts"]

DRAWS = 4000
SEED = 2026
LIBRARIES = ("taskorder", "pymc", "nutpie", "arviz", "arviz-stats", "numpy", "numba", "scipy", "pandas")


@dataclass(frozen=True)
class Fit:
    """A posterior.

    Attributes
    ----------
    spec : ModelSpec
        The model.
    tree : DataTree
        `posterior` (parameters and effects), `estimands`, `sample_stats`, `log_likelihood`,
        `posterior_predictive` (both of thinned draws: see `predictive`), `log_prior`, `observed_data` and
        `constant_data` (the cells: see `design`).
    summary : DataFrame
        One row a parameter or estimand: `parameter, mean, sd, lower, upper, ess_bulk, ess_tail, r_hat, unit`;
        intervals are 95 % equal-tailed.
    diagnostics : Diagnostics
    manifest : dict
        What the posterior was made from, and how: model, data, versions, seed, sampling, priors, units.
    """

    spec: ModelSpec
    tree: xr.DataTree
    summary: pd.DataFrame
    diagnostics: Diagnostics
    manifest: dict[str, Any]

    def estimand(self, name: str) -> xr.DataArray:
        """Return the draws of an estimand; KeyError if the model file has none of that name."""
        return self.tree["estimands"].to_dataset()[name]

    @property
    def failures(self) -> tuple[str, ...]:
        """Which gates the fit failed, and what to do; empty where it passed."""
        if self.diagnostics.ok:
            return ()
        return tuple(text for text in self.diagnostics.messages if text not in self.manifest["notes"])

    def text(self) -> str:
        """Return the summary for a terminal: without levels of residual sds, with how it was sampled."""
        short = self.summary[~self.summary["parameter"].str.startswith("residual:")]
        shown = short[["parameter", "mean", "sd", "lower", "upper", "unit"]]
        lines = shown.to_string(index=False, float_format="{:.3g}".format)
        return f"{lines}\n{self.manifest['draws']:,} draws: {self.manifest['how']}"

    def _repr_html_(self) -> str:
        state = "passed its diagnostics" if self.diagnostics.ok else "FAILED its diagnostics"
        head = f"<p><b>{self.spec.name}</b>: {self.diagnostics.rows:,} rows; {state}</p>"
        return head + self.summary.to_html(index=False, float_format="{:.3g}".format)


@dataclass(frozen=True)
class Choice:
    """An engine, and why it was chosen: in words, for the manifest."""

    engine: Literal["collapsed", "nuts"]
    why: str


def choose(engine: Engine, spec: ModelSpec) -> Choice:
    """Return the engine that computes the posterior.

    Raises
    ------
    InvalidModel
        If `collapsed` is asked for and the model is not one whose linear effects can be integrated out.
    """
    obstacle = needs_nuts(spec)
    if engine == "collapsed" and obstacle:
        raise InvalidModel(
            [
                f"model {spec.name!r}: --engine collapsed integrates the linear effects out, which needs"
                f" Gaussian noise and Normal or Flat priors of the linear terms, but {obstacle};"
                f" use --engine nuts or auto"
            ]
        )
    if engine != "auto":
        return Choice(engine, "it was asked for")
    if obstacle:
        return Choice("nuts", f"{obstacle}, so the linear effects cannot be integrated out")
    return Choice("collapsed", "the noise and the linear terms' priors are Gaussian or flat")


def select_rows(table: pd.DataFrame, spec: ModelSpec, covariates: Covariates) -> pd.DataFrame:
    """Return the rows that a model is about, with the columns that may explain them.

    Flagged rows are left out, but for the flags that the model file asks for; then `[data] where` applies;
    then the means over languages are taken, where `[data] average` asks for them.
    """
    if spec.data.layout == "any":
        return where(table, spec.data.where).reset_index(drop=True)
    rows = where(without_flags(table, spec.data.flags), spec.data.where).reset_index(drop=True)
    if rows.empty:
        raise MissingData(f"model {spec.name!r}: no rows are left after [data] where = {spec.data.where!r}")
    if spec.data.average:
        rows = over_languages(rows)
    if spec.sequence is None:
        return attach(rows, covariates)
    return attach(rows, covariates, spec.sequence.difficulty, spec.sequence.similarity)


def fit(
    spec: ModelSpec,
    table: pd.DataFrame,
    covariates: Covariates,
    *,
    engine: Engine = "auto",
    seed: int = SEED,
    draws: int = DRAWS,
    inputs: Sequence[InputFile] = (),
    progress: bool = False,
) -> Fit:
    """Fit a model to a table.

    Parameters
    ----------
    spec : ModelSpec
        As `read_model` gives it.
    table : DataFrame
        The frame of a `ResultTable`, or any table for `schema = "any"`.
    covariates : Covariates
        What is known of tasks, their similarity and languages.
    engine : {"auto", "collapsed", "nuts"}
        `auto` takes `collapsed` wherever the model allows it.
    seed : int
        The same seed gives the same posterior on the same machine.
    draws : int
        In all.
    inputs : sequence of InputFile
        The files behind the table, for the manifest.
    progress : bool
        Whether to show a progress bar.

    Raises
    ------
    MissingData
        Where the table lacks what the model needs.
    InvalidModel
        Where the engine cannot take the model.
    """
    rows = select_rows(table, spec, covariates)
    return fit_rows(
        spec, rows, covariates, engine=engine, seed=seed, draws=draws, inputs=inputs, progress=progress
    )


def fit_rows(
    spec: ModelSpec,
    rows: pd.DataFrame,
    covariates: Covariates,
    *,
    engine: Engine,
    seed: int,
    draws: int,
    inputs: Sequence[InputFile] = (),
    progress: bool = False,
) -> Fit:
    """Fit a model to rows that `select_rows` has chosen; otherwise as `fit`."""
    choice = choose(engine, spec)
    design = build_design(rows, spec, covariates)
    result = sampler(choice)(design, spec, seed=seed, draws=draws, progress=progress)
    posterior = result.tree["posterior"].to_dataset()
    derived = estimands(posterior, design, spec)
    summary = _summary(posterior, derived, spec)
    diagnostics = diagnose(
        summary,
        engine=choice.engine,
        seconds=result.seconds,
        divergences=_divergences(result.tree),
        pareto_k=result.pareto_k,
        rows=int((design.row_cell >= 0).sum()),
        effects=design.effects[0].shape[1],
        notes=design.notes,
    )
    data = {"observed_data": _observed(design), "constant_data": _constant(design)}
    groups = {
        "posterior": posterior,
        "estimands": derived,
        "sample_stats": result.tree["sample_stats"].to_dataset(),
        **predictive.groups(posterior, design, spec, seed),
    }
    manifest = _manifest(spec, rows, design, inputs, seed=seed, draws=draws, choice=choice, how=result.how)
    manifest["covariates_sha256"] = covariates_digest(covariates)
    return Fit(spec, xr.DataTree.from_dict(groups | data), summary, diagnostics, manifest)


def sampler(choice: Choice) -> Callable[..., Draws]:
    """Return what samples a posterior by the chosen engine; what is heavy is imported only then."""
    if choice.engine == "collapsed":
        from taskorder.inference.engines import collapsed

        return collapsed.sample
    from taskorder.inference.engines import nuts

    return nuts.sample


def _divergences(tree: xr.DataTree) -> int:
    stats = tree["sample_stats"].to_dataset()
    return int(stats["diverging"].sum()) if "diverging" in stats else 0


def _summary(posterior: xr.Dataset, derived: xr.Dataset, spec: ModelSpec) -> pd.DataFrame:
    reported = [name for name in map(str, posterior.data_vars) if "|" not in name]
    scale = spec.outcome.scale
    measured = dict.fromkeys(reported, scale) | {"recency": "per stage", "sd:residual": "log", "nu": ""}
    if spec.outcome.family.residual == "precision":
        measured |= dict.fromkeys(("residual", "residual_level_sd"), "precision")
    parameters = summarise(posterior[reported], measured, {"residual_level_sd": "residual:"})
    units = {str(name): str(variable.attrs["unit"]) for name, variable in derived.data_vars.items()}
    return pd.concat([summarise(derived, units), parameters], ignore_index=True)


def _observed(design: Design) -> xr.Dataset:
    """Return what the posterior predictive foretells: successes where the outcome is counts, else means."""
    counts = design.cells.counts
    return xr.Dataset({"mean": ("cell", design.cells.mean if counts is None else counts.successes)})


def _constant(design: Design) -> xr.Dataset:
    cells = design.cells
    arrays = {
        "n": cells.n,
        "ss": cells.ss,
        "df": cells.df,
        "variance": cells.v,
        "residual_level": cells.level,
    }
    if cells.counts is not None:
        arrays["trials"] = cells.counts.trials
    columns = {
        str(name): column.to_numpy(dtype=object).astype(str)
        for name, column in design.frame.items()
        if str(name)
        in {"study", "backbone", "tuning", "sequence", "target", "train_language", "language", "metric"}
    }
    return xr.Dataset({name: ("cell", values) for name, values in (arrays | columns).items()})


def listed(inputs: Sequence[InputFile]) -> list[dict[str, object]]:
    """Return files as a manifest lists them."""
    return [{"path": file.path, "sha256": file.sha256, "rows": file.rows} for file in inputs]


_version = cache(version)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that a posterior depends on."""
    return {"python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}}


def _manifest(
    spec: ModelSpec,
    rows: pd.DataFrame,
    design: Design,
    inputs: Sequence[InputFile],
    *,
    seed: int,
    draws: int,
    choice: Choice,
    how: str,
) -> dict[str, Any]:
    kept = rows[design.row_cell >= 0]
    by_study = kept.groupby("study").size() if "study" in kept else pd.Series({"all": len(kept)})
    return {
        "model": spec.name,
        "model_sha256": spec.digest(),
        "rows_sha256": rows_digest(rows),
        "inputs": listed(inputs),
        "rows": {str(study): int(count) for study, count in by_study.items()},
        "distinct": distinct(kept),
        "cells": len(design.cells.mean),
        "seed": seed,
        "draws": draws,
        "engine": choice.engine,
        "why": choice.why,
        "how": how,
        "interval": f"{100 * INTERVAL:.0f} % equal-tailed",
        "reference_score": design.reference,
        "points_per_unit": points_per_unit(spec, design.reference),
        "priors": {name: str(prior) for name, prior in priors_of(design, spec).items()},
        "units": design.units.to_dict("records"),
        "notes": list(design.notes),
        "versions": versions(),
    }


def distinct(rows: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Return how many systems, sequences, targets and languages the rows of each study name."""
    named = {name: rows[name].astype(str) for name in ("sequence", "target", "language") if name in rows}
    if {"backbone", "tuning"} <= set(rows):
        named = {"system": rows["backbone"].astype(str) + "/" + rows["tuning"].astype(str), **named}
    study = rows["study"].astype(str) if "study" in rows else pd.Series("all", index=rows.index)
    counts = {name: column[column != ""].groupby(study).nunique() for name, column in named.items()}
    return {each: {of: int(n.get(each, 0)) for of, n in counts.items()} for each in map(str, study.unique())}


def covariates_digest(covariates: Covariates) -> str:
    """Return the sha256 of the tables of tasks, similarities and languages."""
    frames = (covariates.tasks, covariates.similarity, covariates.languages)
    return sha256_text("\n".join(frame.to_csv(index=False) for frame in frames))


def rows_digest(rows: pd.DataFrame) -> str:
    """Return the sha256 of the rows that a model is fitted to."""
    digest = hashlib.sha256("\n".join(map(str, rows.columns)).encode())
    digest.update(pd.util.hash_pandas_object(rows, index=False).to_numpy().tobytes())
    return digest.hexdigest()
