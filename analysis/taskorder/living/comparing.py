"""One model before and after: its fits, its estimands, its claims, and which new rows moved it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from taskorder.claims.claim import Claim
from taskorder.claims.examining import Examination, examine
from taskorder.claims.judging import verdict
from taskorder.claims.verdict import Verdict
from taskorder.errors import MissingData, TaskorderError
from taskorder.inference.fitting import Fit
from taskorder.inference.session import read_tables
from taskorder.inference.spec import ModelSpec
from taskorder.inference.store import load
from taskorder.living.expecting import SUMMARY
from taskorder.living.moving import moved, nothing
from taskorder.living.reach import Booleans, Fate, Reach, apart, reach
from taskorder.living.sides import Means, Side, fitted, if_possible, kept_or_told, told
from taskorder.results import loading
from taskorder.results.catalogue import Covariates
from taskorder.results.schema import NAMES

SHIFTED = [
    "estimand",
    *(f"{name}_{when}" for when in ("before", "after") for name in SUMMARY),
    *("shift", "shift_sd"),
]
_REMEDY = "; a project's own values stand in data/tasks.csv and data/similarity.csv"


@dataclass(frozen=True)
class ClaimChange:
    """A claim before and after.

    Attributes
    ----------
    before, after : Verdict
    gates : bool
        Whether it was put through them.
    near : tuple of bool
        Whether its probability before, and after, is too near a limit for the draws that tell it.
    """

    before: Verdict
    after: Verdict
    gates: bool
    near: tuple[bool, bool] = (False, False)

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
        """Whether the verdict is another, and not by chance of the draws."""
        return self.words[0] != self.words[1] and not any(self.near)


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
    folders : tuple of (Path or None)
        Where its fits are kept, before and after; None where it could not be fitted, or what it says is told
        from weighted draws.
    inputs : tuple of (list of dict)
        The files that they were fitted to, as the manifest of a fit lists them.
    said : tuple of (tuple of str)
        What the fits say of the data and of themselves.
    told : str
        What was told from weighted draws; empty where both are fits.
    failed : tuple of bool
        Whether what it says before, and after, failed its diagnostics.
    digests : tuple of str
        SHA-256 of the rows before and after; empty where nothing is said of them.
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
    folders: tuple[Path | None, Path | None]
    inputs: tuple[object, object]
    said: tuple[tuple[str, ...], tuple[str, ...]]
    told: str
    failed: tuple[bool, bool]
    digests: tuple[str, str]
    unfitted: tuple[str, str]
    rows: tuple[int, int]
    references: tuple[float, float]
    estimands: pd.DataFrame
    moved: pd.DataFrame
    measured: str
    claims: tuple[ClaimChange, ...]
    examinations: tuple[Examination | None, Examination | None]

    @property
    def before(self) -> Fit | None:
        """The fit before, read anew."""
        return self._fit(0)

    @property
    def after(self) -> Fit | None:
        """The fit after, read anew."""
        return self._fit(1)

    def _fit(self, place: int) -> Fit | None:
        folder = self.folders[place]
        if folder is None:
            return None
        fit = load(folder)
        return replace(fit, manifest={**fit.manifest, "inputs": self.inputs[place]})

    @property
    def notes(self) -> tuple[str, ...]:
        """What the fit says of the data that it did not say before."""
        if not self.folders[1] or not (self.folders[0] or self.unfitted[0]):
            return ()
        return tuple(one for one in self.said[1] if one not in self.said[0])


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
    old = before if adding else after
    rest = _without(frame, old, len(frame) - count)
    without = if_possible(spec, rest, inputs[: len(old)], means)
    named = [replace(file, path=names.get(Path(file.path), file.path)) for file in inputs]
    divided = apart(found, means.covariates) if adding else None
    if divided is None:
        within = kept_or_told(spec, frame, named, means)
    elif means.quick:
        within = told(spec, frame, found.rows, divided.design, means)
    else:
        within = fitted(spec, frame, named, means)
    first, second = (without, within) if adding else (within, without)
    of_rows, measured = moved(divided, spec, within, means) if divided else (nothing(), "")
    claims, examinations = _claims(spec, (first, second), means)
    return ModelChange(
        spec,
        found.fates if adding else (),
        folders=(first.folder, second.folder),
        inputs=(first.inputs, second.inputs),
        said=(first.messages, second.messages),
        told=_told(first, second),
        failed=(first.failed, second.failed),
        digests=(first.rows_sha256, second.rows_sha256),
        unfitted=(first.why, second.why),
        rows=(first.rows, second.rows),
        references=(first.reference, second.reference),
        estimands=shifted(first.estimands, second.estimands),
        moved=of_rows,
        measured=measured,
        claims=claims,
        examinations=examinations,
    )


def _without(frame: pd.DataFrame, paths: Sequence[Path], rows: int) -> pd.DataFrame:
    """Return the first rows, those of some tables, as these are read alone: without columns of others."""
    there = {*NAMES, *(name for path in paths for name in _columns(path))}
    return frame.iloc[:rows][[name for name in frame if name in there]]


def _columns(path: Path) -> Iterable[str]:
    """Return the columns of a table; of CSV the first line is enough."""
    if path.suffix != ".csv":
        return map(str, loading.load(path).cells)
    return map(str, pd.read_csv(path, nrows=0, encoding="utf-8-sig"))


def _told(first: Side, second: Side) -> str:
    """Say what is told from weighted draws, and how to have it in full."""
    told_of = [(when, side.told) for when, side in (("Before", first), ("After", second)) if side.told]
    if not told_of:
        return ""
    how = " and ".join(f"{when} is told from {one.how}" for when, one in told_of)
    doubts = "".join(f"; they cannot be relied on: {one.problem}" for _, one in told_of if one.problem)
    return f"{how}{doubts}. --full fits the model."


def _reached(frame: pd.DataFrame, new: Booleans, spec: ModelSpec, covariates: Covariates) -> Reach:
    try:
        return reach(frame, new, spec, covariates)
    except TaskorderError as error:
        remedy = "" if spec.sequence is None else _REMEDY
        raise MissingData(f"model {spec.name!r} cannot be fitted with these rows: {error}{remedy}") from None


def shifted(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return each estimand before and after, and how far it shifted, from tables that `of_fit` gives."""
    both = after.add_suffix("_after").join(before.add_suffix("_before"), how="outer", sort=False)
    both = both.reindex(list(dict.fromkeys([*after.index, *before.index])))
    shift = both["mean_after"] - both["mean_before"]
    sd = both["sd_before"].where(both["sd_before"] > 0)
    return both.assign(shift=shift, shift_sd=shift / sd).rename_axis("estimand").reset_index()[SHIFTED]


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
        return sides[place].judged(claim, means.calibrations)

    def near(claim: Claim) -> tuple[bool, bool]:
        return sides[0].near(claim), sides[1].near(claim)

    changes = tuple(
        ClaimChange(judged(claim, 0), judged(claim, 1), means.gates, near(claim)) for claim in about
    )
    return changes, (examined[0], examined[1])
