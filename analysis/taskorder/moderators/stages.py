"""The stages of each row's sequence, one line a stage, with what may explain their effect.

`steps_back` is K - k: the stage next to the target has 0. Stages trained jointly share their weight
equally (`share`). Difficulty and similarity are standardised within (study, measure), so that measures
on different scales can be pooled and a slope reads "per sd"; `StageTable.units` keeps what one sd was.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from taskorder.moderators.difficulty import Difficulty
from taskorder.moderators.similarity import Similarity
from taskorder.results.catalogue import Covariates
from taskorder.results.keys import distinct
from taskorder.results.sequences import Stage, parse

KEY = ["study", "sequence", "target", "train_language", "language"]


@dataclass(frozen=True)
class StageTable:
    """Stages of the rows of a table.

    Attributes
    ----------
    frame : DataFrame
        One line a (row, stage): `row` (position in the table), `study`, `stage` (its text), `target`,
        `language`, `step`, `steps_back`, `share`, and for each moderator its raw value, its measure
        (`difficulty_measure`) and its standardised value (`difficulty_z`; NaN where it has no value).
    units : DataFrame
        `study, moderator, measure, mean, sd, values`: what one standardised unit is.
    """

    frame: pd.DataFrame
    units: pd.DataFrame

    def missing(self, moderator: str) -> pd.DataFrame:
        """Return the lines without a value, of studies where other stages have one."""
        values = self.frame[f"{moderator}_z"]
        some = values.notna().groupby(self.frame["study"]).transform("any")
        return self.frame[some & values.isna()]

    def silent(self, moderator: str) -> list[str]:
        """Return the studies in which no stage has a value, or all have the same: they say nothing of it."""
        spread = self.frame.groupby("study")[f"{moderator}_z"].agg(lambda z: z.abs().max())
        return [str(study) for study in spread.index[~(spread > 0)]]


def stage_table(
    table: pd.DataFrame, covariates: Covariates, difficulty: Sequence[str], similarity: Sequence[str]
) -> StageTable:
    """Lay out the stages of each row of a tidy result table with their moderators.

    Parameters
    ----------
    table : DataFrame
        With the columns `study, sequence, target, train_language, language`.
    covariates : Covariates
        Tasks, similarities and languages.
    difficulty, similarity : sequence of str
        Measures in order of preference; a person's own values (`own`) always come first.
    """
    codes, first = distinct(table, KEY)
    combinations = table[KEY].iloc[first].reset_index(drop=True)
    lines = _explode(combinations, Difficulty(covariates, difficulty), Similarity(covariates, similarity))
    lines, difficulty_units = _standardise(lines, "difficulty", ["stage"])
    lines, similarity_units = _standardise(lines, "similarity", ["stage", "target", "language"])
    frame = pd.DataFrame({"row": np.arange(len(table)), "combination": codes})
    frame = frame.merge(lines, on="combination").drop(columns="combination")
    frame = frame.sort_values(["row", "step"], kind="stable").reset_index(drop=True)
    return StageTable(frame, pd.concat([difficulty_units, similarity_units], ignore_index=True))


def _explode(combinations: pd.DataFrame, difficulty: Difficulty, similarity: Similarity) -> pd.DataFrame:
    parsed = {text: parse(text) for text in combinations["sequence"].unique()}
    lines = [
        _line(number, step, stage, combination, parsed[combination["sequence"]], difficulty, similarity)
        for number, combination in enumerate(combinations.to_dict("records"))
        for step, stages in enumerate(parsed[combination["sequence"]])
        for stage in stages
    ]
    return pd.DataFrame(lines, columns=_LINE).astype(
        {"difficulty": float, "similarity": float, "combination": int, "step": int, "steps_back": int}
    )


_LINE = [
    "combination", "study", "stage", "target", "language", "step", "steps_back", "share",
    "difficulty", "difficulty_measure", "similarity", "similarity_measure",
]  # fmt: skip


def _line(
    number: int,
    step: int,
    stage: Stage,
    row: Mapping[Hashable, str],
    steps: Sequence[Sequence[Stage]],
    difficulty: Difficulty,
    similarity: Similarity,
) -> tuple[object, ...]:
    place = (step, len(steps) - 1 - step, 1.0 / len(steps[step]))
    names = (number, row["study"], str(stage), row["target"], row["language"])
    return (*names, *place, *difficulty.of(stage), *similarity.of(stage, row["target"], row["language"]))


def _standardise(
    lines: pd.DataFrame, moderator: str, distinct: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    measure = f"{moderator}_measure"
    within = ["study", measure]
    values = lines.dropna(subset=[moderator]).drop_duplicates([*within, *distinct])
    units = values.groupby(within)[moderator].agg(mean="mean", sd="std", values="size").reset_index()
    lines = lines.merge(units, on=within, how="left")
    flat = ~(lines["sd"] > 0)
    z = (lines[moderator] - lines["mean"]) / lines["sd"].mask(flat, 1.0)
    lines[f"{moderator}_z"] = z.mask(flat & lines[moderator].notna(), 0.0)
    units = units.rename(columns={measure: "measure"}).assign(moderator=moderator)
    return lines.drop(columns=["mean", "sd", "values"]), units[
        ["study", "moderator", "measure", "mean", "sd", "values"]
    ]
