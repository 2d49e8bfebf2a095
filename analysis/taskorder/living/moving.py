"""Which of the rows that were added moved the estimands of a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from taskorder.errors import FitFailed, MissingData
from taskorder.inference.criticism.leaving_out import sketches_without_cells, whole
from taskorder.inference.criticism.sketches import Sketch
from taskorder.inference.layout.design import Design
from taskorder.inference.spec import ModelSpec, needs_nuts
from taskorder.living.expecting import Expected
from taskorder.living.reach import Booleans, Reach, design_of, parts
from taskorder.living.sides import Means, Side

MOST = 12
"""Groups of new rows that are left out, one at a time."""
MOVED = ["group", "rows", "estimand", "shift", "shift_sd", "problem"]
ALIKE = "The new rows are of one kind: they moved it together."

type Moved = tuple[pd.DataFrame, str]
"""The columns `MOVED`, and how that was found or why not."""


def apart(found: Reach, spec: ModelSpec, means: Means) -> Design:
    """Lay the rows out so that groups of new rows can be taken away, if they may be apart."""
    assert found.design is not None
    try:
        return design_of(found, parts(found, MOST)[1], spec, means.covariates)
    except MissingData:
        return found.design


def moved(found: Reach, spec: ModelSpec, side: Side, means: Means) -> Moved:
    """Tell how far each group of new rows moves every estimand, given all other rows."""
    if obstacle := needs_nuts(spec):
        return nothing(), f"Which rows moved it is not told: {obstacle}."
    what, group = parts(found, MOST)
    if not what:
        return nothing(), ALIKE
    means.say(f"leaving groups of the new rows out of {spec.name}, one at a time")
    if side.told:
        return _by_influence(found, side.told, (what, group), means)
    return _by_leaving_out(found, spec, side, (what, group), means)


def nothing() -> pd.DataFrame:
    """Return a table of no groups."""
    return pd.DataFrame(columns=MOVED)


def _by_influence(found: Reach, told: Expected, groups: tuple[str, pd.Series], means: Means) -> Moved:
    what, group = groups
    design = told.told.design
    masks = _masks(design, group)
    if design is found.design:
        return nothing(), "Which rows moved it is not told: they cannot be taken apart."
    try:
        shifts = told.moved_by(masks, means.settings.seed)
    except FitFailed as error:
        return nothing(), f"Which rows moved it cannot be told: {error}."
    if shifts is None:
        return nothing(), "Which rows moved it is not told: its posterior had to be sampled; --full tells it."
    rows, sd = group.value_counts(), told.table()["sd"].replace(0, np.nan)
    shifts = shifts.assign(
        rows=shifts["group"].map(rows),
        shift_sd=shifts["shift"] / shifts["estimand"].map(sd),
    )
    return shifts[MOVED], (
        f"Told by what the rows of one {what} at a time do to the mode of the sds, and to the effects there"
        " (Giordano et al. 2019). A shift is what a group adds to all others, so that shifts need not add up;"
        " below a tenth of an sd they are noise."
    )


def _by_leaving_out(
    found: Reach, spec: ModelSpec, side: Side, groups: tuple[str, pd.Series], means: Means
) -> Moved:
    what, group = groups
    assert side.fit is not None
    try:
        design = design_of(found, group, spec, means.covariates)
        everything = whole(design, spec, side.fit.tree["posterior"].to_dataset())
        seed = means.settings.seed
        sketches = sketches_without_cells(everything, _masks(design, group), seed=seed, paired=True)
    except (FitFailed, MissingData) as error:
        return nothing(), f"Which rows moved it cannot be told: {error}."
    return _shifts(sketches), (
        f"Measured by leaving out the rows of one {what} at a time: their sums of products are taken off, and"
        " draws of the posterior after are moved to where it is without them, and weighed (Paananen et al."
        " 2021). A shift is what a group adds to all others, so that shifts need not add up; below a tenth of"
        " an sd they are noise."
    )


def _masks(design: Design, group: pd.Series) -> list[tuple[str, Booleans]]:
    """Return the name of each group, and its cells."""
    of_cell = np.full(len(design.cells.mean), "", dtype=object)
    inside = design.row_cell >= 0
    of_cell[design.row_cell[inside]] = group.to_numpy(dtype=object)[inside]
    names = [str(name) for name in dict.fromkeys(group[group != ""])]
    return [(name, np.asarray(of_cell == name)) for name in names]


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
