"""Which intermediate tasks before a target, in which order: what each choice would gain, and how surely.

From the draws of a fitted model, of every candidate: its expected gain over direct training with the 95 %
interval, the probability that it helps at all, the probability that it is the best of all candidates, and
the expected regret of choosing it, which is what the best one would gain more. Random choice stands beside:
it gains the mean over the candidates.

Where no candidate stands out, that is said first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import permutations
from math import perm
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.choosing.caveats import ANOTHER, SINGLE, of_effects, of_fit, of_forecast, of_place
from taskorder.choosing.forecast import Place, forecast
from taskorder.errors import MissingData, first_of, nearest
from taskorder.inference.fitting import select_rows
from taskorder.inference.session import Settings, fitted, read_tables, tables_of
from taskorder.inference.spec import ModelSpec, read_model
from taskorder.inference.summary import INTERVAL
from taskorder.paths import resource
from taskorder.results.catalogue import Covariates
from taskorder.results.language_codes import LanguageCodes
from taskorder.results.sequences import parse, render

Floats = NDArray[np.float64]

ORDERS = "models/order.toml"
"""The model that is asked for orders of several tasks."""
MOST = 5_000
"""Candidates, at most."""
SHOWN = 10
MORE_LIKELY_THAN_NOT = 0.5
"""A candidate stands out if it is the best with at least this probability, and with twice that of chance, but
never needs more than `INTERVAL`."""
WHOLE_SCORE = 100.0
"""Points."""
COLUMNS = ["rank", "sequence", "gain", "lower", "upper", "helps", "best", "regret"]


@dataclass(frozen=True)
class Wanted:
    """What is to be chosen.

    Attributes
    ----------
    target : str
    languages : tuple of str
    stages : int
        How many intermediate tasks come before the target.
    backbone : str
        Empty for any: one that the rows do not have, in a study that they do not have.
    model : Path or None
        A model file; where it is not given, the shipped one that knows the target.
    """

    target: str
    languages: tuple[str, ...]
    stages: int = 1
    backbone: str = ""
    model: Path | None = None


@dataclass(frozen=True)
class Chances:
    """Gain, lower and upper end of its interval, and regret of choosing by chance."""

    gain: float
    lower: float
    upper: float
    regret: float


@dataclass(frozen=True, repr=False)
class Selection:
    """All candidates, the one with the highest expected gain first.

    Attributes
    ----------
    wanted : Wanted
    model : str
    table : DataFrame
        The columns `COLUMNS`: gains over direct training and regrets in points; `helps` is the probability
        of a gain above zero, `best` that of the highest gain of all candidates.
    random : Chances
    notes : tuple of str
        What the answer does not rest on.
    """

    wanted: Wanted
    model: str
    table: pd.DataFrame
    random: Chances
    notes: tuple[str, ...]

    def text(self) -> str:
        """Return the answer for a terminal: how sure it is, then the first candidates."""
        shown = self.table.head(SHOWN).drop(columns="rank")
        more = len(self.table) - len(shown)
        lines = [self._verdict(), shown.to_string(index=False, float_format="{:.2f}".format)]
        lines += [f"... and {more:,} more (-o writes them all)"] if more else []
        by_chance = self.random
        lines.append(
            f"One of the {len(self.table):,} by chance: gain {by_chance.gain:.2f} [{by_chance.lower:.2f},"
            f" {by_chance.upper:.2f}], regret {by_chance.regret:.2f}. In points, 95 % intervals, by model"
            f" {self.model}."
        )
        return "\n".join([*lines, *self.notes])

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        shown = self.table.head(SHOWN).to_html(index=False, float_format="{:.2f}".format)
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f"<p>{escape(self._verdict())}</p>{shown}<ul>{notes}</ul>"

    def _verdict(self) -> str:
        count, first = len(self.table), self.table.iloc[0]
        likely = self.table.iloc[int(self.table["best"].argmax())]
        before = f"before {self.wanted.target} for {', '.join(self.wanted.languages)}"
        if count == 1:
            return f"{first['sequence']} is the only candidate {before}."
        if float((self.table["upper"] - self.table["lower"]).min()) > WHOLE_SCORE:
            return f"The rows do not tell what to train {before}: every interval is wider than scores can be."
        chances = (
            f"probability {likely['best']:.2f} of being the best of {count:,} (by chance {1 / count:.2f})"
        )
        if likely["best"] < max(MORE_LIKELY_THAN_NOT, min(2.0 / count, INTERVAL)):
            return f"No candidate stands out {before}: {likely['sequence']} has the highest {chances}."
        surely = "" if likely["best"] >= INTERVAL else ", which is not sure"
        return f"{likely['sequence']} stands out {before}, with {chances}{surely}."

    def json(self) -> str:
        """Return all candidates, random choice and the notes as one object."""
        content = {
            "target": self.wanted.target,
            "languages": list(self.wanted.languages),
            "stages": self.wanted.stages,
            "model": self.model,
            "unit": "points",
            "interval": INTERVAL,
            "candidates": self.table.to_dict("records"),
            "random": vars(self.random),
            "notes": list(self.notes),
        }
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def ranked(candidates: Sequence[str], gains: Floats) -> tuple[pd.DataFrame, Chances]:
    """Return the table of candidates, and what choosing one of them by chance comes to.

    Parameters
    ----------
    candidates : sequence of str
        C of them.
    gains : array (S, C)
        Over direct training, in points.

    Raises
    ------
    MissingData
        If there are none.
    """
    if not len(candidates):
        raise MissingData("there are no intermediate tasks to choose among")
    tail = (1.0 - INTERVAL) / 2
    lower, upper = np.quantile(gains, [tail, 1.0 - tail], axis=0)
    highest = gains.max(axis=1, keepdims=True)
    first = gains == highest
    table = pd.DataFrame(
        {
            "sequence": list(candidates),
            "gain": gains.mean(axis=0),
            "lower": lower,
            "upper": upper,
            "helps": (gains > 0).mean(axis=0),
            "best": (first / first.sum(axis=1, keepdims=True)).mean(axis=0),
            "regret": (highest - gains).mean(axis=0),
        }
    ).sort_values(["gain", "sequence"], ascending=[False, True], ignore_index=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    at_random = gains.mean(axis=1)
    low, high = np.quantile(at_random, [tail, 1.0 - tail])
    regret = float((highest[:, 0] - at_random).mean())
    return table, Chances(float(at_random.mean()), float(low), float(high), regret)


def select(
    wanted: Wanted, covariates: Covariates, settings: Settings, say: Callable[[str], None] = lambda _: None
) -> Selection:
    """Rank the sequences that could come before a target.

    Parameters
    ----------
    wanted : Wanted
    covariates : Covariates
    settings : Settings
        Of the fit, which is found again where it was made before.
    say : callable
        Is told what takes time before it is done.

    Raises
    ------
    MissingData
        For a target, a language or a backbone that nobody knows, with the nearest name; where there is
        nothing to choose among, or too much, or the model cannot say what sequences gain.
    """
    if not wanted.languages or wanted.stages < 1:
        lacking = "at least one stage" if wanted.languages else "a language in which the target counts"
        raise MissingData(f"nothing to rank before {wanted.target}: ask for {lacking}")
    _refuse_unknown_languages(wanted.languages, covariates.languages["language"].tolist())
    spec, rows = _asked(wanted, covariates)
    targets = sorted({*rows["target"].astype(str), *covariates.tasks["task"]})
    _refuse_unknown("target", [wanted.target], targets)
    if wanted.backbone:
        _refuse_unknown("backbone", [wanted.backbone], sorted(rows["backbone"].astype(str).unique()))
    own = _study(rows, wanted)
    candidates = candidates_of(own, wanted)
    fit = fitted(spec, (), covariates, settings, say).fit
    tuning = str(own["tuning"].value_counts().index[0])
    place = Place(
        likeness=own[own["tuning"] == tuning].iloc[[0]][_of_tables(own)],
        target=wanted.target,
        languages=wanted.languages,
        study=str(own["study"].iloc[0]) if wanted.backbone else _common(rows["study"]),
        backbone=wanted.backbone or _common(rows["backbone"]),
        tuning=tuning,
    )
    found = forecast(fit, candidates, place, covariates, np.random.default_rng([settings.seed, 3]))
    table, by_chance = ranked(found.candidates, found.gains)
    notes = (
        *of_place(spec.name, rows, own, place, asked=bool(wanted.backbone)),
        *of_forecast(found),
        *of_effects(spec, own, covariates),
        *of_fit(fit, wanted.stages, str(own["study"].iloc[0])),
    )
    return Selection(wanted, spec.name, table, by_chance, notes)


def _common(levels: pd.Series) -> str:
    """Return what all rows have; where they differ, runs to come are of another."""
    names = levels.astype(str).unique()
    return str(names[0]) if len(names) == 1 else ANOTHER


_ATTACHED = (
    *("system", "regime", "steps", "stages", "difficulty", "similarity", "difficulty_tau", "task_set"),
    *("orders", "family", "genus", "script", "zero_shot", "perturbed"),
)
"""Columns that are made anew for other sequences."""


def _of_tables(rows: pd.DataFrame) -> list[str]:
    names = map(str, rows.columns)
    return [name for name in names if name not in _ATTACHED and not name.startswith("distance_")]


def _asked(wanted: Wanted, covariates: Covariates) -> tuple[ModelSpec, pd.DataFrame]:
    """Return the model that is asked, and its rows: for one task, the first that knows the target."""
    if wanted.model is not None:
        spec = read_model(wanted.model)
        return spec, _rows(spec, covariates)
    if wanted.stages > 1:
        spec = read_model(resource(ORDERS))
        return spec, _rows(spec, covariates)
    models = [read_model(resource(name)) for name in (SINGLE, ORDERS)]
    asked = [(spec, _rows(spec, covariates)) for spec in models]
    return next(((spec, rows) for spec, rows in asked if (rows["target"] == wanted.target).any()), asked[0])


def _rows(spec: ModelSpec, covariates: Covariates) -> pd.DataFrame:
    if spec.sequence is None:
        raise MissingData(f"model {spec.name!r}: without [sequence] it says nothing of intermediate tasks")
    table, _ = read_tables(spec, tables_of(spec), covariates)
    return select_rows(table, spec, covariates)


def _refuse_unknown_languages(names: Sequence[str], known: Sequence[str]) -> None:
    codes = LanguageCodes.known(known)
    for name in names:
        if "," in name:
            raise MissingData(f"language {name!r}: name each on its own (--language sw --language de)")
        if fault := codes.fault(name):
            raise MissingData(f"no language {name!r} is known: {fault}")
    _refuse_unknown("language", names, known)


def _refuse_unknown(what: str, names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            hint = nearest(name, known) or f" They have {first_of(known)}."
            raise MissingData(f"no {what} {name!r} is known to the tables.{hint}")


def _study(rows: pd.DataFrame, wanted: Wanted) -> pd.DataFrame:
    """Return the rows of the study that has most to choose among, for the target and the backbone if it can.

    Stages are compared with others of one study: moderators are standardised within it.
    """
    for columns in (["target", "backbone"], ["backbone"], ["target"], []):
        keep = np.ones(len(rows), dtype=bool)
        for name in columns:
            keep &= (rows[name] == getattr(wanted, name)).to_numpy(dtype=bool)
        if keep.any() and (not wanted.backbone or "backbone" in columns):
            break
    own = rows[keep]
    largest = own.groupby("study")["sequence"].nunique().idxmax()
    return own[own["study"] == largest]


def candidates_of(rows: pd.DataFrame, wanted: Wanted) -> tuple[str, ...]:
    """Return the sequences of so many steps, each of which some row has.

    Raises
    ------
    MissingData
        If there are none, or too many.
    """
    steps = {render((step,)) for text in rows["sequence"].astype(str).unique() for step in parse(text)}
    pool = sorted(step for step in steps if step != wanted.target)
    count, study = perm(len(pool), wanted.stages), str(rows["study"].iloc[0])
    if not count:
        raise MissingData(
            f"{wanted.stages} intermediate tasks before {wanted.target}: study {study!r} tells of"
            f" {len(pool)} ({', '.join(pool) or 'none'}); ask for fewer with -k"
        )
    if count > MOST:
        raise MissingData(
            f"{wanted.stages} of the {len(pool)} intermediate tasks of study {study!r} have {count:,} orders,"
            f" more than {MOST:,}; ask for fewer with -k"
        )
    return tuple(">".join(order) for order in permutations(pool, wanted.stages))
