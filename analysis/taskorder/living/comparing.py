"""One model before and after: its fits, its estimands, its claims, and which new rows moved it."""

from __future__ import annotations

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
from taskorder.living.expecting import expected
from taskorder.living.reach import Fate, Reach, design_of, parts, reach
from taskorder.results.catalogue import Covariates
from taskorder.results.reading import InputFile

MOST = 12
"""Groups of new rows that are left out, one at a time."""
COLUMNS = ["estimand", "unit", "mean", "sd", "lower", "upper"]
MOVED = ["group", "rows", "estimand", "shift", "shift_sd", "problem"]

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
        None where the model has no rows, and `after` where what it would say is told from weighted draws.
    rows : tuple of int
        How many rows are modelled before and after.
    estimands : DataFrame
        `estimand, unit_before, mean_before, ..., unit_after, mean_after, ..., shift, shift_sd`; the shift of
        the mean is in the unit of the estimand, and in sds of before.
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
    rows: tuple[int, int]
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
    read = frame, inputs = read_tables(spec, after if adding else before, means.covariates)
    count = sum(file.rows for file in inputs[min(len(before), len(after)) :])
    new = np.arange(len(frame)) >= len(frame) - count
    try:
        found = reach(frame, new, spec, means.covariates)
    except TaskorderError as error:
        raise MissingData(
            f"model {spec.name!r} cannot be fitted with these rows: {error}. Of a"
            " project, what is known of tasks is in data/tasks.csv and data/similarity.csv"
        ) from None
    if not found.touched:
        return found.fates
    first = _fitted(spec, before, names, means, None if adding else read)
    if adding and means.quick:
        return _foreseen(spec, found, first, means)
    fits = (first, _fitted(spec, after, names, means, read if adding else None))
    old, now = (one[0].fit if one else None for one in fits)
    moved, measured = _moved(found, spec, now, means) if adding and now else (_nothing(), "")
    claims, examinations = _claims(spec, fits, means)
    return ModelChange(
        spec,
        found.fates if adding else (),
        before=old,
        after=now,
        rows=(_rows(old), _rows(now)),
        estimands=shifted(of_fit(old), of_fit(now)),
        moved=moved,
        measured=measured,
        claims=claims,
        examinations=examinations,
    )


def _rows(fit: Fit | None) -> int:
    return fit.diagnostics.rows if fit else 0


def _foreseen(
    spec: ModelSpec, found: Reach, first: tuple[Found, pd.DataFrame] | None, means: Means
) -> ModelChange:
    """Compare a model with what it would say, told from weighted draws."""
    analysis = Analysis(first[0].fit, first[1], means.covariates) if first else None
    old = first[0].fit if first else None
    means.say(f"telling what {spec.name} would say from weighted draws")
    then = expected(found, spec, analysis, means.covariates, means.settings.seed)
    problem = f"; they cannot be relied on: {then.sketch.problem}" if then.sketch.problem else ""
    about = [claim for claim in means.claims if claim.model == spec.name]
    return ModelChange(
        spec,
        found.fates,
        before=old,
        after=None,
        rows=(_rows(old), then.sketch.rows),
        estimands=shifted(of_fit(old), then.table()),
        moved=_nothing(),
        measured=f"Not measured: after is told from {len(then.sketch.draws):,} weighted draws{problem}.",
        claims=tuple(
            ClaimChange(_judged(claim, first, means), then.judged(claim), gates=False) for claim in about
        ),
        examinations=(None, None),
    )


def _judged(claim: Claim, one: tuple[Found, pd.DataFrame] | None, means: Means) -> Verdict:
    return Verdict(claim, judge(claim, one[0].fit, means.calibrations)) if one else Verdict(claim)


def _fitted(
    spec: ModelSpec,
    paths: Sequence[Path],
    names: Mapping[Path, str],
    means: Means,
    read: tuple[pd.DataFrame, tuple[InputFile, ...]] | None,
) -> tuple[Found, pd.DataFrame] | None:
    """Fit a model, or find its fit; None where it has no rows. `read` are its tables, if they were read."""
    if not paths:
        return None
    frame, inputs = read or read_tables(spec, paths, means.covariates)
    named = tuple(replace(file, path=names.get(Path(file.path), file.path)) for file in inputs)
    try:
        return fitted_to(spec, frame, named, means.covariates, means.settings, means.say), frame
    except MissingData:
        if names.keys() & set(paths):
            raise
        return None


def shifted(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return each estimand before and after, and how far it shifted, from tables that `of_fit` gives."""
    both = after.add_suffix("_after").join(before.add_suffix("_before"), how="outer", sort=False)
    both = both.reindex(list(dict.fromkeys([*after.index, *before.index])))
    both = both[[f"{name}_{when}" for when in ("before", "after") for name in COLUMNS[1:]]]
    shift = both["mean_after"] - both["mean_before"]
    sd = both["sd_before"].where(both["sd_before"] > 0)
    return both.assign(shift=shift, shift_sd=shift / sd).rename_axis("estimand").reset_index()


def of_fit(fit: Fit | None) -> pd.DataFrame:
    """Return `unit, mean, sd, lower, upper` of each estimand of a fit."""
    if fit is None:
        return pd.DataFrame(columns=COLUMNS[1:], index=pd.Index([], name="estimand"))
    summary = fit.summary.rename(columns={"parameter": "estimand"})
    own = summary["estimand"].str.split("[").str[0].isin(list(fit.spec.estimands))
    return summary.loc[own, COLUMNS].set_index("estimand")


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
    spec: ModelSpec, fits: Sequence[tuple[Found, pd.DataFrame] | None], means: Means
) -> tuple[tuple[ClaimChange, ...], tuple[Examination | None, Examination | None]]:
    about = [claim for claim in means.claims if claim.model == spec.name]
    examined: list[Examination | None] = [
        examine(one[0], one[1], means.covariates, about, seed=means.settings.seed, say=means.say)
        if one and means.gates and about
        else None
        for one in fits
    ]

    def judged(claim: Claim, place: int) -> Verdict:
        if (examination := examined[place]) is not None:
            return verdict(claim, examination, means.calibrations)
        return _judged(claim, fits[place], means)

    changes = tuple(ClaimChange(judged(claim, 0), judged(claim, 1), means.gates) for claim in about)
    return changes, (examined[0], examined[1])
