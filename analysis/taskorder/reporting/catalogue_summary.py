"""What the published tables hold, counted, and beside it our own experiments."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from taskorder.paths import resource
from taskorder.reporting import wording
from taskorder.reporting.own_experiments import FILE, Experiment, experiments
from taskorder.results import catalogue
from taskorder.results.reading import read_any

_TOTAL = re.compile(r"^\|\s*\*\*total\*\*\s*\|\s*(\d+)\s*\|\s*(\d+)\s*\|\s*(\d+)\s*\|", re.MULTILINE)


@dataclass(frozen=True)
class StudySummary:
    """One study: what it is (texts as data/studies.csv has them), and how much of it there is.

    Of our own experiments `encoders`, `parameters` (millions) and `pretraining` say on what they were made.
    """

    study: str
    title: str
    authors: str
    year: str
    paper: str
    repository: str
    licence: str
    rows: int
    runs: int
    tasks: int
    languages: int
    backbones: int
    flagged: int
    encoders: str = ""
    parameters: tuple[float, ...] = ()
    pretraining: str = ""

    @property
    def own(self) -> bool:
        """Whether it is an experiment of our own."""
        return bool(self.parameters)

    @property
    def cited(self) -> str:
        """Authors and year, as a text cites them; the title where they are not known."""
        if self.own:
            return f"ours, {millions(self.parameters)} M parameters"
        return f"{self.authors} {self.year}".strip() if self.authors else self.title


@dataclass(frozen=True)
class CatalogueSummary:
    """The catalogue of published results.

    Attributes
    ----------
    studies : tuple of StudySummary
        In the order of their keys.
    rows, runs, tasks, languages, families, backbones, flagged : int
        `tasks` counts targets and stages; `flagged` counts rows that models leave out by default.
    flags : tuple of (str, int)
        How many rows bear each flag, most first; a row may bear several.
    source_rows, left_out : int
        Rows of the collected source tables, and how many of them are in no table here, each for a reason
        that data/published/LEFT_OUT.md gives; 0 where that file is not there.
    experiments : tuple of StudySummary
        Our own, which the numbers above do not count.
    """

    studies: tuple[StudySummary, ...]
    rows: int
    runs: int
    tasks: int
    languages: int
    families: int
    backbones: int
    flagged: int
    flags: tuple[tuple[str, int], ...]
    source_rows: int = 0
    left_out: int = 0
    experiments: tuple[StudySummary, ...] = ()

    def study(self, name: str) -> StudySummary | None:
        """Return a study by its key, published or our own; None if there is none of that key."""
        return next((study for study in (*self.studies, *self.experiments) if study.study == name), None)


def millions(parameters: Iterable[float]) -> str:
    """Return numbers of parameters in millions, each once: `4.5 and 6.7`."""
    return wording.listed([f"{number:g}" for number in sorted(set(parameters))])


def summarise_catalogue() -> CatalogueSummary:
    """Count what the shipped tables hold; the tables are read, not validated."""
    frame, _ = read_any(*catalogue.published())
    facts = {str(row["study"]): row for row in catalogue.studies().to_dict("records")}
    languages = catalogue.languages().set_index("language")["family"]
    used = frame.loc[frame["language"].isin(languages.index), "language"].unique()
    source_rows, _, left_out = _totals()
    return CatalogueSummary(
        studies=tuple(
            _study(str(name), rows, facts.get(str(name), {}))
            for name, rows in frame.groupby("study", sort=True)
        ),
        rows=len(frame),
        runs=len(frame[["study", "run"]].drop_duplicates()),
        tasks=len(tasks_of(frame)),
        languages=len(used),
        families=int(languages.loc[used].nunique()),
        backbones=frame["backbone"].nunique(),
        flagged=int((frame["flag"] != "").sum()),
        flags=_flags(frame),
        source_rows=source_rows,
        left_out=left_out,
        experiments=tuple(map(_own, experiments())),
    )


def _study(name: str, rows: pd.DataFrame, facts: Mapping[Hashable, object]) -> StudySummary:
    text: dict[str, Any] = {
        key: _text(facts.get(key)) for key in ("title", "authors", "year", "paper", "repository", "licence")
    }
    text["title"] = text["title"] or name
    return StudySummary(
        study=name,
        **text,
        rows=len(rows),
        runs=rows["run"].nunique(),
        tasks=len(tasks_of(rows)),
        languages=rows["language"].nunique(),
        backbones=rows["backbone"].nunique(),
        flagged=int((rows["flag"] != "").sum()),
    )


def _own(found: Experiment) -> StudySummary:
    folder = FILE.removesuffix(".csv")
    return StudySummary(
        **found.model_dump(), authors="", year="", paper="", repository=f"{folder}/{found.study}", flagged=0
    )


def _text(value: object) -> str:
    if value is None or value != value:
        return ""
    return f"{value:.0f}" if isinstance(value, float) else str(value)


def tasks_of(rows: pd.DataFrame) -> set[str]:
    """Return the keys of all targets and stages, languages of training aside."""
    targets, sequences = (rows[name].unique() if name in rows else () for name in ("target", "sequence"))
    stages = re.split(r"[>+]", ">".join(sequences))
    return {*targets, *(stage.split("[")[0] for stage in stages)} - {""}


def _flags(frame: pd.DataFrame) -> tuple[tuple[str, int], ...]:
    counts = frame.loc[frame["flag"] != "", "flag"].str.split(";").explode().value_counts()
    return tuple((str(flag), int(count)) for flag, count in counts.items())


def _totals() -> tuple[int, int, int]:
    try:
        text = (resource("data/published") / "LEFT_OUT.md").read_text("utf-8")
    except FileNotFoundError:
        return 0, 0, 0
    found = _TOTAL.search(text)
    return (0, 0, 0) if found is None else (int(found[1]), int(found[2]), int(found[3]))
