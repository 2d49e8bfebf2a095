"""What a fitted model expects sequences of intermediate tasks to gain over direct training.

With the stages t_1 > ... > t_K before the target g in language l, and the weights of their steps
w_k = exp(-recency (K - k)), the gain over direct training is

    sum over k of w_k (stage + m(t_k, g, l)'slopes + own effects of t_k)
        +  fixed terms and effects of the whole sequence, less those of direct training

at every draw of the posterior. Effects of levels that the rows had are those of the posterior; of levels
that they had not (a new target, a new backbone, a new study, an order that was never tried) they are drawn
from the group's distribution, once for each draw. So are moderators that nobody has measured: they are
standardised, and drawn from a standard normal. Effects of single runs and seeds have no part in what is
expected.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from taskorder.errors import MissingData
from taskorder.inference.fitting import Fit
from taskorder.inference.layout.levels import group_columns, labels_of
from taskorder.inference.spec import STAGE, ModelSpec, SequenceSpec, crossed_names, sd_name
from taskorder.moderators import attach, stage_table
from taskorder.results.averaging import SEVERAL
from taskorder.results.catalogue import Covariates

Floats = NDArray[np.float64]
type Line = Mapping[Hashable, Any]

OF_RUNS = {"run", "seed"}
"""Columns of groups whose effects are those of a single run."""
DRAWS = 2000
"""Draws of the posterior that are used, at most."""


@dataclass(frozen=True)
class Place:
    """Where sequences would be tried.

    Attributes
    ----------
    likeness : DataFrame
        One row of the model's table, by whose likeness the others are made, before anything was attached.
        Moderators are in the units of its study, which need not be `study`.
    target : str
    languages : tuple of str
    study, backbone : str
        Whose levels have a part in what is expected; names that no row has for new ones.
    tuning : str
    """

    likeness: pd.DataFrame
    target: str
    languages: tuple[str, ...]
    study: str
    backbone: str
    tuning: str


@dataclass(frozen=True)
class Forecast:
    """What candidates would gain.

    Attributes
    ----------
    candidates : tuple of str
        C sequences.
    gains : array (S, C)
        Over direct training, the mean over the languages, in points; one row a draw.
    unmeasured : mapping of str to tuple of str
        For each moderator the stages that have no value of it, so that it was drawn.
    drawn : mapping of str to tuple of str
        For each group the levels that the rows had not, so that their effects were drawn.
    """

    candidates: tuple[str, ...]
    gains: Floats
    unmeasured: Mapping[str, tuple[str, ...]]
    drawn: Mapping[str, tuple[str, ...]]


class Effects:
    """Draws of a posterior by name and level; of new levels drawn, each level once."""

    def __init__(self, posterior: xr.Dataset, rng: np.random.Generator) -> None:
        thin = -(-posterior.sizes["chain"] * posterior.sizes["draw"] // DRAWS)
        self._draws, self._rng = posterior.isel(draw=slice(None, None, thin)), rng
        self.count = self._draws.sizes["chain"] * self._draws.sizes["draw"]
        self._levels: dict[str, dict[str, Floats]] = {}
        self._measures: dict[tuple[str, ...], Floats] = {}
        self.drawn: dict[str, dict[str, None]] = {}

    def has(self, name: str) -> bool:
        """Say whether the model that was fitted has a parameter of that name."""
        return name in self._draws

    def term(self, name: str) -> Floats:
        """Return the draws of a parameter, (S,); zeros where the rows left it out."""
        return self._draws[name].to_numpy().astype(float).ravel() if self.has(name) else np.zeros(self.count)

    def level(self, block: str, label: str, sd: str) -> Floats:
        """Return the draws of one level's effect, (S,)."""
        if block not in self._levels:
            self._levels[block] = self._known(block)
        known = self._levels[block]
        if label not in known:
            if self.has(sd):
                self.drawn.setdefault(block.split("|")[-1], {})[label] = None
            known[label] = self.term(sd) * self._rng.standard_normal(self.count)
        return known[label]

    def _known(self, block: str) -> dict[str, Floats]:
        if not self.has(block):
            return {}
        array = self._draws[block].transpose("chain", "draw", ...)
        values = array.to_numpy().astype(float).reshape(self.count, -1).T
        return dict(zip(map(str, array[array.dims[-1]].to_numpy()), values, strict=True))

    def unknown(self, *of: str) -> Floats:
        """Return draws of a standardised moderator that nobody has measured, (S,)."""
        if of not in self._measures:
            self._measures[of] = self._rng.standard_normal(self.count)
        return self._measures[of]


def forecast(
    fit: Fit, candidates: Sequence[str], place: Place, covariates: Covariates, rng: np.random.Generator
) -> Forecast:
    """Return what sequences would gain over direct training.

    Parameters
    ----------
    fit : Fit
        Of a model with `[sequence]`.
    candidates : sequence of str
        All orders of each set of tasks: `orders` counts them, and a single one has no effect of its own.
    place : Place
    covariates : Covariates
    rng : Generator
        Draws the effects of new levels.

    Raises
    ------
    MissingData
        Where a fixed term with text differs between the sequences, or a column that the model needs is empty.
    """
    spec = fit.spec
    assert spec.sequence is not None
    frame = _rows(candidates, place, spec)
    frame = attach(frame, covariates, spec.sequence.difficulty, spec.sequence.similarity)
    lines, unmeasured = _standardised(frame, fit, covariates, spec.sequence)
    frame = frame.assign(study=place.study)
    effects = Effects(fit.tree["posterior"].to_dataset(), rng)
    labels = {name: labels_of(frame, name, spec) for name in spec.groups if _counts(name, spec)}
    gains = np.zeros((len(frame), effects.count))
    for line in lines.to_dict("records"):
        gains[int(line["row"])] += _stage(line, labels, frame, spec, effects)
    gains += _of_fixed_terms(frame, spec, effects) + _of_groups(frame, labels, spec, effects)
    languages = frame["language"].nunique()
    gains = gains.reshape(languages, -1, effects.count)
    over_direct = (gains[:, 1:] - gains[:, :1]).mean(axis=0).T * float(fit.manifest["points_per_unit"])
    drawn = {group: tuple(levels) for group, levels in effects.drawn.items()}
    return Forecast(tuple(candidates), over_direct, unmeasured, drawn)


def _rows(candidates: Sequence[str], place: Place, spec: ModelSpec) -> pd.DataFrame:
    """Return one row for direct training and each candidate, in each language."""
    several = len(place.languages) > 1
    averaged = (SEVERAL if several else place.languages[0],)
    languages = averaged if spec.data.average else place.languages
    sequences = ["", *candidates] * len(languages)
    frame = place.likeness.loc[place.likeness.index.repeat(len(sequences))].reset_index(drop=True)
    return frame.assign(
        sequence=sequences,
        target=place.target,
        language=np.repeat(languages, len(candidates) + 1),
        backbone=place.backbone,
        tuning=place.tuning,
        perturbation="",
        severity=np.nan,
    )


def _standardised(
    frame: pd.DataFrame, fit: Fit, covariates: Covariates, sequence: SequenceSpec
) -> tuple[pd.DataFrame, dict[str, tuple[str, ...]]]:
    """Return the stages of rows with moderators in the units of a fit; NaN where nobody has measured them."""
    lines = stage_table(frame, covariates, sequence.difficulty, sequence.similarity).frame
    units = pd.DataFrame(fit.manifest["units"], columns=["study", "moderator", "measure", "mean", "sd"])
    study = str(frame["study"].iloc[0])
    words = dict.fromkeys(word for term in sequence.moderators for word in term.split(":"))
    unmeasured: dict[str, tuple[str, ...]] = {}
    for word in words:
        units_of = units[units["moderator"] == word]
        own = units_of.sort_values("study", key=lambda name: name != study, kind="stable")
        by_measure = own.drop_duplicates("measure").set_index("measure")
        measure = lines[f"{word}_measure"]
        mean, sd = (measure.map(by_measure[column]).astype(float) for column in ("mean", "sd"))
        says_nothing = not (own.loc[own["study"] == study, "sd"] > 0).any()
        z = ((lines[word] - mean) / sd.where(sd > 0)).astype(float)
        lines[f"{word}_z"] = 0.0 if says_nothing else z
        unmeasured[word] = tuple(lines["stage"][lines[f"{word}_z"].isna()].unique())
    return lines, {word: stages for word, stages in unmeasured.items() if stages}


def _counts(name: str, spec: ModelSpec) -> bool:
    return not OF_RUNS & set(group_columns(name, spec))


def _stage(
    line: Line,
    labels: Mapping[str, pd.Series],
    frame: pd.DataFrame,
    spec: ModelSpec,
    effects: Effects,
) -> Floats:
    """Return what one stage of one row adds, (S,)."""
    assert spec.sequence is not None
    row, stage = int(line["row"]), str(line["stage"])
    terms = {term: _moderator(term, line, effects) for term in (STAGE, *spec.sequence.moderators)}
    total = sum((effects.term(term) * value for term, value in terms.items()), np.zeros(effects.count))
    for name, column in crossed_names(spec.sequence).items():
        label = f"{stage}|{frame[column].iloc[row]}" if column else stage
        total = total + effects.level(f"1|{name}", label, f"sd:{name}")
    for name, label in labels.items():
        for term in spec.groups[name].by:
            if term in terms and label.iloc[row]:
                slope = effects.level(f"{term}|{name}", str(label.iloc[row]), sd_name(name, term))
                total = total + slope * terms[term]
    weight = np.exp(-effects.term("recency") * float(line["steps_back"]))
    return weight * float(line["share"]) * total


def _moderator(term: str, line: Line, effects: Effects) -> Floats:
    """Return the value of a term of the sequence for one stage, (S,)."""
    value = np.ones(effects.count)
    for word in term.split(":"):
        if word == STAGE:
            continue
        z = float(line[f"{word}_z"])
        value = value * (
            z if np.isfinite(z) else effects.unknown(word, str(line["stage"]), str(line["target"]))
        )
    return value


def _of_fixed_terms(frame: pd.DataFrame, spec: ModelSpec, effects: Effects) -> Floats:
    """Return what the fixed terms add, (rows, S); those that all sequences share are left out."""
    total = np.zeros((len(frame), effects.count))
    for term in spec.fixed.terms:
        words = [word for word in term.split(":") if word != "1"]
        if len(frame[["language", *words]].drop_duplicates()) == frame["language"].nunique():
            continue
        if text := [word for word in words if not pd.api.types.is_numeric_dtype(frame[word])]:
            raise MissingData(
                f"model {spec.name!r}: its fixed term {term!r} differs between sequences, and {text[0]!r} is"
                f" text, whose levels need not be those of the rows; ask a model that has it as a group"
            )
        total += np.outer(_value(frame, term), effects.term(term))
    return total


def _of_groups(
    frame: pd.DataFrame, labels: Mapping[str, pd.Series], spec: ModelSpec, effects: Effects
) -> Floats:
    """Return what the groups of whole rows add, (rows, S); those that all rows share are left out."""
    sequence_terms = set[str]() if spec.sequence is None else {STAGE, *spec.sequence.moderators}
    total = np.zeros((len(frame), effects.count))
    for name, label in labels.items():
        if label.groupby(frame["language"]).nunique().max() < 2:
            continue
        for term in (term for term in spec.groups[name].by if term not in sequence_terms):
            value = _value(frame, term)
            for row in np.flatnonzero((label != "") & (value != 0)):
                own = effects.level(f"{term}|{name}", str(label.iloc[row]), sd_name(name, term))
                total[row] += value[row] * own
    return total


def _value(frame: pd.DataFrame, term: str) -> Floats:
    """Return the column that a slope multiplies."""
    value = np.ones(len(frame))
    for word in (word for word in term.split(":") if word != "1"):
        if (empty := frame[word].isna()).any():
            raise MissingData(
                f"the model has a slope of {word!r}, which is empty for"
                f" {frame.loc[empty, 'sequence'].iloc[0] or 'direct training'}: say what is known of its"
                f" tasks with --tasks and --similarity, or ask another model"
            )
        value = value * frame[word].to_numpy(dtype=float)
    return value
