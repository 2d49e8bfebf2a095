"""What a choice of intermediate tasks does not rest on, in sentences; and how such choices did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from taskorder.choosing.curve import RANDOM, regret_curve
from taskorder.choosing.evaluating import MODEL as BY_MODEL
from taskorder.choosing.forecast import Forecast, Place
from taskorder.inference.fitting import Fit
from taskorder.inference.spec import STAGE, ModelSpec
from taskorder.moderators import stage_table
from taskorder.paths import resource
from taskorder.results.catalogue import Covariates

ANOTHER = "(another)"
"""A backbone that no row has."""
SINGLE = "models/moderators.toml"
"""The model that is asked for one task, and how its choices did where targets were left out."""
REGRETS = "data/selection/regrets.csv"
LISTED = 2
"""Levels of a group that are named; of more, how many there are."""
_OF_LANGUAGE = {"language", "family", "genus", "script", "zero_shot"}
_OF_SEQUENCE = {"sequence", "task_set", "steps", "stages", "regime"}
"""Columns in which the languages, or the sequences before a target, differ."""


def of_place(model: str, rows: pd.DataFrame, place: Place, *, known: bool) -> Iterator[str]:
    """Say where candidates are compared, as far as that was not asked for."""
    if not known:
        yield (
            f"No row of model {model} is about {place.target}: what a task does for it in particular is drawn"
            f" as for any new target."
        )
    study = rows["study"].iloc[0]
    if place.backbone == ANOTHER:
        names = sorted(set(rows["backbone"].astype(str)))
        of = names[0] if len(names) == 1 else f"{len(names)} backbones"
        yield (
            f"For a backbone that the tables do not have, in study {study} (of {of}): effects of that study"
            f" count as they are. --backbone names one that they have."
        )
    if others := sorted({*rows["tuning"].astype(str)} - {place.tuning}):
        yield f"For tuning {place.tuning}, which study {study} has most of (also {', '.join(others)})."


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


def of_fit(fit: Fit, stages: int) -> Iterator[str]:
    """Say whether the fit can be relied on, and how choices by it did where targets were left out."""
    if not fit.diagnostics.ok:
        yield f"The fit FAILED its diagnostics: {'; '.join(fit.failures)}"
    if stages > 1 or fit.spec.name != Path(SINGLE).stem:
        return
    table = pd.read_csv(resource(REGRETS), keep_default_na=False, na_values={"regret": ""})
    curve = regret_curve(table, "target")
    one = {str(row["strategy"]): row for row in curve[curve["tried"] == 1].to_dict("records")}
    by_model, by_chance = one[BY_MODEL], one[RANDOM]
    yield (
        f"Out of sample, over {by_model['levels']} targets that were left out, the first choice of this"
        f" model had a regret of {by_model['regret']:.2f} [{by_model['lower']:.2f}, {by_model['upper']:.2f}],"
        f" random choice of {by_chance['regret']:.2f}."
    )
