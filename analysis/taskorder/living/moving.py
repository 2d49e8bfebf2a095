"""Which of the rows that were added moved the estimands of a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from taskorder.errors import FitFailed, MissingData
from taskorder.inference.criticism.leaving_out import sketches_without_cells, whole
from taskorder.inference.criticism.sketches import Sketch
from taskorder.inference.spec import ModelSpec, needs_nuts
from taskorder.living.expecting import Expected
from taskorder.living.reach import Apart
from taskorder.living.sides import Means, Side

MOVED = ["group", "rows", "estimand", "shift", "shift_sd", "problem"]
ALIKE = "The new rows are of one kind: they moved it together."
_READ = (
    "A shift is what a group adds to all others, so that shifts need not add up to that of all new rows,"
    " which stands above; below a tenth of an sd they are noise."
)

type Moved = tuple[pd.DataFrame, str]
"""The columns `MOVED`, and how that was found or why not."""


def moved(found: Apart, spec: ModelSpec, side: Side, means: Means) -> Moved:
    """Tell how far each group of new rows moves every estimand, given all other rows."""
    if obstacle := needs_nuts(spec):
        return nothing(), f"Which rows moved it is not told: {obstacle}."
    if not found.what:
        return nothing(), ALIKE
    if found.together:
        return nothing(), f"Which rows moved it cannot be told: {found.together}."
    means.say(f"leaving groups of the new rows out of {spec.name}, one at a time")
    if side.told:
        return _by_influence(found, side.told, means)
    return _by_leaving_out(found, spec, side, means)


def nothing() -> pd.DataFrame:
    """Return a table of no groups."""
    return pd.DataFrame(columns=MOVED)


def _by_influence(found: Apart, told: Expected, means: Means) -> Moved:
    try:
        shifts = told.moved_by(found.groups, means.settings.seed)
    except FitFailed as error:
        return nothing(), f"Which rows moved it cannot be told: {error}."
    if shifts is None:
        return nothing(), "Which rows moved it is not told: its posterior had to be sampled; --full tells it."
    rows, sd = found.group.value_counts(), told.table()["sd"].replace(0, np.nan)
    shifts = shifts.assign(
        rows=shifts["group"].map(rows),
        shift_sd=shifts["shift"] / shifts["estimand"].map(sd),
    )
    return shifts[MOVED], (
        f"Told by what the rows of one {found.what} at a time do to the mode of the sds, and to the effects"
        f" there (Giordano et al. 2019). {_READ}"
    )


def _by_leaving_out(found: Apart, spec: ModelSpec, side: Side, means: Means) -> Moved:
    assert side.fit is not None
    try:
        everything = whole(found.design, spec, side.fit.tree["posterior"].to_dataset())
        seed = means.settings.seed
        sketches = sketches_without_cells(everything, found.groups, seed=seed, paired=True)
    except (FitFailed, MissingData) as error:
        return nothing(), f"Which rows moved it cannot be told: {error}."
    return _shifts(sketches), (
        f"Measured by leaving out the rows of one {found.what} at a time: their sums of products are taken"
        " off, and draws of the posterior after are moved to where it is without them, and weighed (Paananen"
        f" et al. 2021). {_READ}"
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
