"""One model before and after: its fits, its estimands, its claims, and which new rows moved it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from taskorder.claims.claim import Claim
from taskorder.claims.examining import Examination, examine
from taskorder.claims.judging import judge, verdict
from taskorder.claims.variants import Analysis
from taskorder.claims.verdict import Verdict
from taskorder.errors import FitFailed, MissingData, TaskorderError
from taskorder.inference.criticism.leaving_out import sketches_without_cells, whole
from taskorder.inference.criticism.sketches import Sketch
from taskorder.inference.fitting import Fit
from taskorder.inference.session import Found, Settings, fitted_to, read_tables
from taskorder.inference.spec import ModelSpec, needs_nuts
from taskorder.living.expecting import SUMMARY, expected
from taskorder.living.reach import Booleans, Fate, Reach, design_of, parts, reach
from taskorder.results.catalogue import Covariates
from taskorder.results.reading import InputFile

MOST = 12
"""Groups of new rows that are left out, one at a time."""
SHIFTED = [
    "estimand",
    *(f"{name}_{when}" for when in ("before", "after") for name in SUMMARY),
    *("shift", "shift_sd"),
]
MOVED = ["group", "rows", "estimand", "shift", "shift_sd", "problem"]
_REMEDY = "; a project's own values stand in data/tasks.csv and data/similarity.csv"

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
        Whether what new rows would do is told from weighted draws in place of a fit.
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
        Its fit; None where it could not be fitted.
    why : str
        Why not; empty where it was.
    """

    table: pd.DataFrame
    found: Found | None
    why: str = ""

    @property
    def fit(self) -> Fit | None:
        """The fit."""
        return self.found.fit if self.found else None

    @property
    def rows(self) -> int:
        """How many rows are modelled."""
        return self.found.fit.diagnostics.rows if self.found else 0

    @property
    def reference(self) -> float:
        """The score at which effects are stated in points; NaN without a fit."""
        return float(self.found.fit.manifest["reference_score"]) if self.found else math.nan


@dataclass(frozen=True)
class ClaimChange:
    """A claim before and after; `gates` says whether it was put through them."""

    before: Verdict
    after: Verdict
    gates: bool

    @property
    def claim(self) -> Claim:
        """The claim."""
        return self.after.claim

    @property
    def words(self) -> tuple[str, str]:
        """The verdicts; without gates, the decisions of the posterior alone."""
        return _word(self.before, gates=self.gates), _word(self.after, gates=self.gates)

    @property
    def changed(self) -> bool:
        """Whether the verdict is another."""
        return self.words[0] != self.words[1]


def _word(one: Verdict, *, gates: bool) -> str:
    return one.verdict if gates else one.judgement.decision


@dataclass(frozen=True)
class ModelChange:
    """What a change of its rows did to a model.

    Attributes
    ----------
    spec : ModelSpec
    fates : tuple of Fate
        Of the new rows; empty where rows are taken back.
    before, after : Fit or None
        None where it could not be fitted, and `after` where what it would say is told from weighted draws.
    unfitted : tuple of str
        Why it could not be fitted before, and after; empty where it could.
    rows : tuple of int
        How many rows are modelled before and after.
    references : tuple of float
        The score at which effects are stated in points, before and after; NaN where it could not be fitted.
    estimands : DataFrame
        The columns `SHIFTED`; the shift of the mean is in the unit of the estimand, and in sds of before.
    moved : DataFrame
        The columns `MOVED`: how the mean shifts by each group of new rows, given all others.
    measured : str
        How that was measured, or why not.
    claims : tuple of ClaimChange
    examinations : tuple of (Examination or None) twice
        Before and after, where claims went through their gates.
    """

    spec: ModelSpec
    fates: tuple[Fate, ...]
    before: Fit | None
    after: Fit | None
    unfitted: tuple[str, str]
    rows: tuple[int, int]
    references: tuple[float, float]
    estimands: pd.DataFrame
    moved: pd.DataFrame
    measured: str
    claims: tuple[ClaimChange, ...]
    examinations: tuple[Examination | None, Examination | None]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the fit says of the data that it did not say before."""
        old = set(self.before.diagnostics.messages) if self.before else set[str]()
        return tuple(one for one in self.after.diagnostics.messages if one not in old) if self.after else ()


def compared(
    spec: ModelSpec, before: Sequence[Path], after: Sequence[Path], names: Mapping[Path, str], means: Means
) -> ModelChange | tuple[Fate, ...]:
    """Fit a model with and without some tables, and compare what it says.

    Parameters
    ----------
    spec : ModelSpec
    before, after : sequence of Path
        Its tables; those of one begin with those of the other.
    names : mapping
        How a table is called in the project, for those that are elsewhere still.
    means : Means

    Returns
    -------
    ModelChange or tuple of Fate
        Only the fates of the new rows, where none of them is modelled.
    """
    adding = len(after) > len(before)
    frame, inputs = read_tables(spec, after if adding else before, means.covariates)
    count = sum(file.rows for file in inputs[min(len(before), len(after)) :])
    found = _reached(frame, np.arange(len(frame)) >= len(frame) - count, spec, means.covariates)
    if not found.touched:
        return found.fates
    without = _fitted_if_possible(spec, before if adding else after, means)
    if adding and means.quick:
        return _foreseen(spec, found, without, means)
    named = [replace(file, path=names.get(Path(file.path), file.path)) for file in inputs]
    within = _fitted(spec, frame, named, means)
    first, second = (without, within) if adding else (within, without)
    moved, measured = _moved(found, spec, within.fit, means) if adding and within.fit else (_nothing(), "")
    claims, examinations = _claims(spec, (first, second), means)
    return ModelChange(
        spec,
        found.fates if adding else (),
        before=first.fit,
        after=second.fit,
        unfitted=(first.why, second.why),
        rows=(first.rows, second.rows),
        references=(first.reference, second.reference),
        estimands=shifted(of_fit(first.fit), of_fit(second.fit)),
        moved=moved,
        measured=measured,
        claims=claims,
        examinations=examinations,
    )


def _reached(frame: pd.DataFrame, new: Booleans, spec: ModelSpec, covariates: Covariates) -> Reach:
    try:
        return reach(frame, new, spec, covariates)
    except TaskorderError as error:
        remedy = "" if spec.sequence is None else _REMEDY
        raise MissingData(f"model {spec.name!r} cannot be fitted with these rows: {error}{remedy}") from None


def _fitted(spec: ModelSpec, frame: pd.DataFrame, inputs: Sequence[InputFile], means: Means) -> Side:
    """Fit a model, or find its fit."""
    return Side(frame, fitted_to(spec, frame, inputs, means.covariates, means.settings, means.say))


def _fitted_if_possible(spec: ModelSpec, paths: Sequence[Path], means: Means) -> Side:
    """Fit a model to tables that it may not suit, or say why it cannot be."""
    if not paths:
        return Side(pd.DataFrame(), None, "none of its tables is there")
    frame, inputs = read_tables(spec, paths, means.covariates)
    try:
        return _fitted(spec, frame, inputs, means)
    except TaskorderError as error:
        return Side(frame, None, str(error).removeprefix(f"model {spec.name!r}: "))


def _foreseen(spec: ModelSpec, found: Reach, first: Side, means: Means) -> ModelChange:
    """Compare a model with what it would say, told from weighted draws."""
    means.say(f"telling what {spec.name} would say from weighted draws")
    before = Analysis(first.found.fit, first.table, means.covariates) if first.found else None
    then = expected(found, spec, before, means.covariates, means.settings.seed)
    draws, problem = len(then.sketch.draws), then.sketch.problem
    doubt = f"; they cannot be relied on: {problem}" if problem else ""
    about = [claim for claim in means.claims if claim.model == spec.name]
    return ModelChange(
        spec,
        found.fates,
        before=first.fit,
        after=None,
        unfitted=(first.why, "" if draws else problem),
        rows=(first.rows, then.sketch.rows if draws else 0),
        references=(first.reference, found.reference),
        estimands=shifted(of_fit(first.fit), then.table()),
        moved=_nothing(),
        measured=f"Not measured: after is told from {draws:,} weighted draws{doubt}." if draws else "",
        claims=tuple(
            ClaimChange(_judged(claim, first, means), then.judged(claim), gates=False) for claim in about
        ),
        examinations=(None, None),
    )


def _judged(claim: Claim, side: Side, means: Means) -> Verdict:
    return Verdict(claim, judge(claim, side.fit, means.calibrations)) if side.fit else Verdict(claim)


def shifted(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return each estimand before and after, and how far it shifted, from tables that `of_fit` gives."""
    both = after.add_suffix("_after").join(before.add_suffix("_before"), how="outer", sort=False)
    both = both.reindex(list(dict.fromkeys([*after.index, *before.index])))
    shift = both["mean_after"] - both["mean_before"]
    sd = both["sd_before"].where(both["sd_before"] > 0)
    return both.assign(shift=shift, shift_sd=shift / sd).rename_axis("estimand").reset_index()[SHIFTED]


def of_fit(fit: Fit | None) -> pd.DataFrame:
    """Return `unit, mean, sd, lower, upper` of each estimand of a fit."""
    if fit is None:
        return pd.DataFrame(columns=SUMMARY, index=pd.Index([], name="estimand"))
    summary = fit.summary.rename(columns={"parameter": "estimand"})
    own = summary["estimand"].str.split("[").str[0].isin(list(fit.spec.estimands))
    return summary[own].set_index("estimand")[SUMMARY]


def _nothing() -> pd.DataFrame:
    return pd.DataFrame(columns=MOVED)


def _moved(found: Reach, spec: ModelSpec, fit: Fit, means: Means) -> tuple[pd.DataFrame, str]:
    """Leave each group of new rows out, and see how far every estimand goes back."""
    if obstacle := needs_nuts(spec):
        return _nothing(), f"Which rows moved it is not told: {obstacle}."
    what, group = parts(found, MOST)
    if not what:
        return _nothing(), "The new rows are of one kind: they moved it together."
    means.say(f"leaving groups of the new rows out of {spec.name}, one at a time")
    try:
        design = design_of(found, group, spec, means.covariates)
        everything = whole(design, spec, fit.tree["posterior"].to_dataset())
        of_cell = np.full(len(design.cells.mean), "", dtype=object)
        inside = design.row_cell >= 0
        of_cell[design.row_cell[inside]] = group.to_numpy(dtype=object)[inside]
        names = [str(name) for name in dict.fromkeys(group[group != ""])]
        masks = [(name, np.asarray(of_cell == name)) for name in names]
        sketches = sketches_without_cells(everything, masks, seed=means.settings.seed, paired=True)
    except (FitFailed, MissingData) as error:
        return _nothing(), f"Which rows moved it cannot be told: {error}."
    return _shifts(sketches), (
        f"Measured by leaving out the rows of one {what} at a time: their sums of products are taken off, and"
        " draws of the posterior after are moved to where it is without them, and weighed (Paananen et al."
        " 2021). A shift is what a group adds to all others, so that shifts need not add up; below a tenth of"
        " an sd they are noise."
    )


def _shifts(sketches: Sequence[Sketch]) -> pd.DataFrame:
    """Return how far each group moves the mean of each estimand; the first sketch is of all data."""
    rows: list[dict[str, object]] = []
    for estimand in map(str, sketches[0].draws):
        everything = sketches[0].summary(estimand)
        sd = everything["sd"] or np.nan
        for one in sketches[1:]:
            shift = everything["mean"] - one.summary(estimand)["mean"]
            found = (one.name, one.rows, estimand, shift, shift / sd, one.problem)
            rows.append(dict(zip(MOVED, found, strict=True)))
    return pd.DataFrame(rows, columns=MOVED)


def _claims(
    spec: ModelSpec, sides: tuple[Side, Side], means: Means
) -> tuple[tuple[ClaimChange, ...], tuple[Examination | None, Examination | None]]:
    about = [claim for claim in means.claims if claim.model == spec.name]
    examined: list[Examination | None] = [
        examine(one.found, one.table, means.covariates, about, seed=means.settings.seed, say=means.say)
        if one.found and means.gates and about
        else None
        for one in sides
    ]

    def judged(claim: Claim, place: int) -> Verdict:
        if (examination := examined[place]) is not None:
            return verdict(claim, examination, means.calibrations)
        return _judged(claim, sides[place], means)

    changes = tuple(ClaimChange(judged(claim, 0), judged(claim, 1), means.gates) for claim in about)
    return changes, (examined[0], examined[1])
