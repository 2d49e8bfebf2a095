"""A model with one of two sets of tables: its fit, or what weighted draws say in its place."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from taskorder.claims.claim import Claim
from taskorder.claims.judging import judge
from taskorder.claims.verdict import Verdict
from taskorder.errors import TaskorderError
from taskorder.inference.fitting import Fit, select_rows
from taskorder.inference.layout.design import Design, build_design
from taskorder.inference.session import Found, Settings, fitted_to, known
from taskorder.inference.spec import ModelSpec
from taskorder.living.expecting import SUMMARY, Expected, expected
from taskorder.results.catalogue import Covariates
from taskorder.results.reading import InputFile

type Say = Callable[[str], None]


@dataclass(frozen=True)
class Means:
    """What the comparison of a model needs beside its tables.

    Attributes
    ----------
    covariates : Covariates
    settings : Settings
        How the model is fitted.
    claims : tuple of Claim
        All that are registered.
    calibrations : Path
        The folder of calibration tables.
    gates : bool
        Whether claims are put through all gates, or judged by the posterior alone.
    quick : bool
        Whether what has no fit yet is told from weighted draws.
    say : callable
        Is told what takes time before it is done.
    """

    covariates: Covariates
    settings: Settings
    claims: tuple[Claim, ...]
    calibrations: Path
    gates: bool
    quick: bool
    say: Say


@dataclass(frozen=True)
class Side:
    """A model with one of the two sets of tables.

    Attributes
    ----------
    table : DataFrame
        What it was to be fitted to, as it was read.
    found : Found or None
        Its fit; None where there is none. Where it was not needed in full, with its estimands alone.
    told : Expected or None
        What weighted draws say in its place.
    why : str
        Why there is neither; else empty.
    """

    table: pd.DataFrame
    found: Found | None = None
    told: Expected | None = None
    why: str = ""

    @property
    def fit(self) -> Fit | None:
        """The fit."""
        return self.found.fit if self.found else None

    @property
    def folder(self) -> Path | None:
        """Where its fit is kept."""
        return self.found.folder if self.found else None

    @property
    def inputs(self) -> object:
        """The files that it was fitted to, as the manifest of the fit lists them."""
        return self.found.fit.manifest["inputs"] if self.found else []

    @property
    def messages(self) -> tuple[str, ...]:
        """What its fit says of the data and of itself."""
        return self.found.fit.diagnostics.messages if self.found else ()

    @property
    def rows(self) -> int:
        """How many rows are modelled."""
        return self.found.fit.diagnostics.rows if self.found else self.told.rows if self.told else 0

    @property
    def rows_sha256(self) -> str:
        """Of these rows; empty without any."""
        if self.found:
            return str(self.found.fit.manifest["rows_sha256"])
        return self.told.rows_sha256 if self.told else ""

    @property
    def reference(self) -> float:
        """The score at which effects are stated in points; NaN where nothing is told."""
        if self.found:
            return float(self.found.fit.manifest["reference_score"])
        return self.told.reference if self.told else math.nan

    @property
    def failed(self) -> bool:
        """Whether what it says cannot be relied on."""
        return bool(self.found and not self.found.fit.diagnostics.ok) or bool(self.told and self.told.problem)

    @property
    def estimands(self) -> pd.DataFrame:
        """`unit, mean, sd, lower, upper` of each estimand."""
        return self.told.table() if self.told else of_fit(self.fit)

    def judged(self, claim: Claim, calibrations: Path) -> Verdict:
        """Judge a claim by the posterior alone."""
        if self.told:
            return self.told.judged(claim)
        return Verdict(claim, judge(claim, self.fit, calibrations)) if self.fit else Verdict(claim)

    def near(self, claim: Claim) -> bool:
        """Say whether it is told from too few draws to decide a claim."""
        return bool(self.told and self.told.near(claim))


def fitted(spec: ModelSpec, frame: pd.DataFrame, inputs: Sequence[InputFile], means: Means) -> Side:
    """Fit a model, or find its fit."""
    return Side(frame, fitted_to(spec, frame, inputs, means.covariates, means.settings, means.say))


def told(spec: ModelSpec, frame: pd.DataFrame, rows: pd.DataFrame, design: Design, means: Means) -> Side:
    """Tell from weighted draws what a model says of rows that are laid out."""
    means.say(f"telling what {spec.name} says of {len(rows):,} rows from weighted draws")
    return Side(frame, told=expected(design, rows, spec, means.settings.seed))


def kept_or_told(spec: ModelSpec, frame: pd.DataFrame, inputs: Sequence[InputFile], means: Means) -> Side:
    """Find a model's fit; without one, fit it, or tell what it says from weighted draws."""
    if not means.quick:
        return fitted(spec, frame, inputs, means)
    if found := known(spec, frame, inputs, means.covariates, means.settings):
        return Side(frame, found)
    rows = select_rows(frame, spec, means.covariates)
    return told(spec, frame, rows, build_design(rows, spec, means.covariates), means)


def if_possible(spec: ModelSpec, frame: pd.DataFrame, inputs: Sequence[InputFile], means: Means) -> Side:
    """Do so for rows that may not suit the model, or say why it cannot be done."""
    if not inputs:
        return Side(frame, why="none of its tables is there")
    try:
        return kept_or_told(spec, frame, inputs, means)
    except TaskorderError as error:
        return Side(frame, why=str(error).removeprefix(f"model {spec.name!r}: "))


def of_fit(fit: Fit | None) -> pd.DataFrame:
    """Return `unit, mean, sd, lower, upper` of each estimand of a fit."""
    if fit is None:
        return pd.DataFrame(columns=SUMMARY, index=pd.Index([], name="estimand"))
    summary = fit.summary.rename(columns={"parameter": "estimand"})
    own = summary["estimand"].str.split("[").str[0].isin(list(fit.spec.estimands))
    return summary[own].set_index("estimand")[SUMMARY]
