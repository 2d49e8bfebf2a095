"""What a choice of intermediate tasks does not rest on, in sentences; and how such choices did."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from taskorder.choosing.curve import RANDOM, regret_curve
from taskorder.choosing.evaluating import MODEL as BY_MODEL
from taskorder.choosing.forecast import Forecast, Place
from taskorder.inference.fitting import Fit
from taskorder.inference.layout.levels import group_columns
from taskorder.inference.spec import STAGE, ModelSpec, read_model
from taskorder.moderators import stage_table
from taskorder.paths import resource
from taskorder.results.catalogue import Covariates
from taskorder.results.sequences import OBJECTIVES, parse

ANOTHER = "(another)"
"""A backbone, or a study, that no row has."""
SINGLE = "models/moderators.toml"
"""The model that is asked for one task, and how its choices did where targets were left out."""
REGRETS = "data/selection/regrets.csv"
LISTED = 2
"""Levels of a group that are named; of more, how many there are."""
_OF_LANGUAGE = {"language", "family", "genus", "script", "zero_shot"}
_OF_SEQUENCE = {"sequence", "task_set", "steps", "stages", "regime"}
_OF_ONE_LENGTH = _OF_SEQUENCE - {"steps", "stages"}
_OF_BACKBONE = {"backbone", "system", "study"}
"""Columns in which the languages, the sequences before a target, those of one length, or backbones differ."""
_SAID = {"name", "question", "estimands", "networks"}
"""What a model file says beside the model: no choice depends on it."""


def of_place(
    model: str, rows: pd.DataFrame, own: pd.DataFrame, place: Place, *, asked: bool
) -> Iterator[str]:
    """Say where candidates are compared.

    Parameters
    ----------
    model : str
    rows, own : DataFrame
        Those of the model; and of these, the ones that candidates are taken from, all of one study.
    place : Place
    asked : bool
        Whether the backbone was asked for by its name.
    """
    if place.target not in set(rows["target"]):
        yield (
            f"No row of model {model} is about {place.target}: what a task does for it in particular is drawn"
            f" as for any new target."
        )
    study = str(own["study"].iloc[0])
    here = {"backbone": place.backbone, "study": place.study}
    new = [name for name, level in here.items() if level == ANOTHER]
    if new:
        yield (
            f"For a {' and a '.join(new)} that no row has: what is particular to {_it(new)} is drawn,"
            f" as for any new one. Candidates are those of study {study}, measured as there."
            f"{' --backbone names a backbone that rows have.' if 'backbone' in new else ''}"
        )
    if asked:
        yield f"Candidates are those of study {study}, measured as there.{_only_pretraining(own, place)}"
    if same := [f"{name} {level}" for name, level in here.items() if level != ANOTHER and not asked]:
        yield f"All rows are of {' and '.join(same)}: what is particular to {_it(same)} counts."
    if asked and (others := rows["study"][rows["backbone"] == place.backbone].nunique() - 1):
        yield (
            f"What is particular to study {study} counts: of the {others + 1} studies of backbone"
            f" {place.backbone} it has most to choose among."
        )
    if others := sorted({*own["tuning"].astype(str)} - {place.tuning}):
        yield f"For tuning {place.tuning}, which study {study} has most of (also {', '.join(others)})."


def _only_pretraining(own: pd.DataFrame, place: Place) -> str:
    stages = [stage for text in own["sequence"].unique() for step in parse(str(text)) for stage in step]
    if any(stage.task not in OBJECTIVES for stage in stages):
        return ""
    return f" All are continued pretraining: it has no intermediate task for backbone {place.backbone}."


def _it(names: list[str]) -> str:
    return "it" if len(names) == 1 else "them"


def of_forecast(found: Forecast) -> Iterator[str]:
    """Say what was drawn, because no row or measure tells of it."""
    if found.drawn:
        levels = [
            f"{group} {' and '.join(names)}" if len(names) <= LISTED else f"{len(names):,} of {group}"
            for group, names in found.drawn.items()
        ]
        yield f"No row has these levels, which are drawn as any of their group: {'; '.join(levels)}."
    for moderator, stages in found.unmeasured.items():
        yield (
            f"Nobody has measured the {moderator} of {', '.join(stages[:4])}"
            f"{f' and {len(stages) - 4} more' if len(stages) > 4 else ''} here: drawn from all there are."
        )


def blind_to_languages(spec: ModelSpec, rows: pd.DataFrame, covariates: Covariates) -> bool:
    """Say whether nothing that differs between sequences is said of a language."""
    sequence = spec.sequence
    if spec.data.average or sequence is None:
        return True
    stage_terms = {STAGE, *sequence.moderators}
    groups = (
        {*(group.columns or (name,)), *(stage_terms & set(group.by))} for name, group in spec.groups.items()
    )
    terms = (set(term.split(":")) for term in spec.fixed.terms)
    of_sequence = _OF_SEQUENCE | stage_terms
    if any(names & _OF_LANGUAGE and names & of_sequence for names in (*groups, *terms)):
        return False
    if _OF_LANGUAGE & set(sequence.crossed):
        return False
    if not any("similarity" in term.split(":") for term in sequence.moderators):
        return True
    lines = stage_table(rows, covariates, sequence.difficulty, sequence.similarity).frame
    by_language = lines.drop_duplicates(["stage", "target", "similarity"])
    return not by_language.duplicated(["stage", "target"]).any()


def blind_to_backbones(spec: ModelSpec) -> bool:
    """Say whether what a task does is the same in every backbone."""
    if spec.sequence is None or _OF_BACKBONE & set(spec.sequence.crossed):
        return False
    stage_terms = {STAGE, *spec.sequence.moderators}
    return not any(
        stage_terms & set(group.by) and _OF_BACKBONE & set(group_columns(name, spec))
        for name, group in spec.groups.items()
    )


def of_effects(spec: ModelSpec, rows: pd.DataFrame, covariates: Covariates) -> Iterator[str]:
    """Say over what the model takes effects of tasks to be the same."""
    if blind_to_backbones(spec):
        columns = {name: set(group_columns(name, spec)) for name in spec.groups}
        apart = [name for name, own in columns.items() if own & _OF_BACKBONE and own & _OF_ONE_LENGTH]
        yield (
            f"This model has a task do the same in every backbone: the ranking is assumed to be the same in"
            f" all{', but for ' * bool(apart)}{', '.join(apart)}."
        )
    if blind_to_languages(spec, rows, covariates):
        yield "This model expects the same of every language: its stages' effects know no language."


def of_fit(fit: Fit, stages: int, study: str) -> Iterator[str]:
    """Say whether the fit can be relied on, and how choices among a study's tasks did, targets left out."""
    if not fit.diagnostics.ok:
        yield f"The fit FAILED its diagnostics: {'; '.join(fit.failures)}"
    if stages > 1 or not chooses_as(fit.spec, read_model(resource(SINGLE))):
        return
    table = pd.read_csv(resource(REGRETS), keep_default_na=False, na_values={"regret": ""})
    curve = regret_curve(table, "target")
    if study not in str(curve["studies"].iloc[0]).split(", "):
        return
    one = {str(row["strategy"]): row for row in curve[curve["tried"] == 1].to_dict("records")}
    by_model, by_chance = one[BY_MODEL], one[RANDOM]
    yield (
        f"Out of sample, with the rows that ship with taskorder, over {by_model['levels']} targets that were"
        f" left out, the first choice of this model had a regret of {by_model['regret']:.2f}"
        f" [{by_model['lower']:.2f}, {by_model['upper']:.2f}],"
        f" random choice of {by_chance['regret']:.2f}."
    )


def chooses_as(spec: ModelSpec, other: ModelSpec) -> bool:
    """Say whether two models name the same data, terms, levels and priors; files of one name may differ."""
    return spec.model_dump(exclude=_SAID) == other.model_dump(exclude=_SAID)
