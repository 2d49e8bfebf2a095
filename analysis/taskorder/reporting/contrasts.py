"""What the rows themselves say of each stage, before any model: its score against that of the other stages.

Rows of one study, system, target, language and metric form a block; within a block, the score after a stage
is set against the mean over the stages of the block. Only sequences of a single stage count here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.inference.fitting import Fit
from taskorder.inference.spec import STAGE
from taskorder.moderators import stage_table
from taskorder.reporting.estimates import draws_of
from taskorder.results.catalogue import Covariates

Floats = NDArray[np.float64]

BLOCK = ["study", "backbone", "tuning", "target", "train_language", "language", "metric"]
_COLUMNS = [*BLOCK, "sequence"]
_TOLERANCE = 1e-6
_FEWEST = 3


@dataclass(frozen=True)
class Against:
    """Stages (or pairs of stage and target) against a moderator.

    Attributes
    ----------
    term : str
        The moderator.
    labels : tuple of str
        The stages, or `stage > target`.
    x : array (U,)
        The moderator in standard deviations.
    raw, raw_se : array (U,)
        Points above the mean of the block, and their standard error over blocks.
    fitted : array (U, 3)
        Posterior mean and interval of the slope and the stage's own effect together; empty where the model
        has no such effect, or the units are pairs.
    x_line : array (L,)
        Places along the x axis.
    line : array (L, 3)
        Posterior mean and interval of the slope alone at these places.
    """

    term: str
    labels: tuple[str, ...]
    x: Floats
    raw: Floats
    raw_se: Floats
    fitted: Floats
    x_line: Floats
    line: Floats


def contrasts(fit: Fit, covariates: Covariates) -> pd.DataFrame | None:
    """Set the score of each cell that has a single stage against its block.

    Returns
    -------
    DataFrame or None
        One row a cell: the columns of its block, `stage, difficulty_z, similarity_z`, and `points`, how far
        its score is above the mean of its block. None where the model has no stages, or the covariates are
        not those that the fit was given.
    """
    sequence, data = fit.spec.sequence, fit.tree["constant_data"].to_dataset()
    if sequence is None or any(name not in data for name in _COLUMNS):
        return None
    cells = pd.DataFrame({name: data[name].to_numpy().astype(str) for name in _COLUMNS})
    lines = stage_table(cells, covariates, sequence.difficulty, sequence.similarity)
    if not _same_units(lines.units, fit.manifest["units"]):
        return None
    alone = lines.frame[~lines.frame["row"].duplicated(keep=False)]
    rows = cells.loc[alone["row"]].reset_index(drop=True)
    rows = rows.assign(**{name: alone[name].to_numpy() for name in ("stage", "difficulty_z", "similarity_z")})
    z = pd.Series(fit.tree["observed_data"]["mean"].to_numpy()[alone["row"]])
    within = z.groupby([rows[name] for name in BLOCK])
    rows = rows.assign(points=(z - within.transform("mean")) * float(fit.manifest["points_per_unit"]))
    return rows[within.transform("size") > 1].reset_index(drop=True)


def _same_units(units: pd.DataFrame, recorded: list[dict[str, object]]) -> bool:
    key = ["study", "moderator", "measure"]
    other = pd.DataFrame(recorded, columns=list(units.columns))
    both = units.merge(other, on=key, suffixes=("", "_recorded"))
    if not len(both) == len(units) == len(other):
        return False
    gaps = both[["mean", "sd"]].to_numpy(float) - both[["mean_recorded", "sd_recorded"]].to_numpy(float)
    return bool(np.nanmax(np.abs(gaps), initial=0.0) < _TOLERANCE)


def against(fit: Fit, rows: pd.DataFrame, term: str) -> Against | None:
    """Set the contrasts against a moderator; None where the model has no slope of it, or too few stages vary.

    Parameters
    ----------
    fit : Fit
    rows : DataFrame
        As `contrasts` returns them.
    term : str
        `difficulty` (one value a stage) or `similarity` (one value a pair of stage and target).
    """
    column = f"{term}_z"
    if column not in rows or term not in fit.tree["posterior"].data_vars:
        return None
    moves = rows.groupby("study")[column].transform(lambda z: z.abs().max()) > 0
    kept = rows[moves & rows[column].notna()]
    by = ["stage"] if term == "difficulty" else ["stage", "target"]
    units = kept.groupby(by, sort=True).agg(
        x=(column, "mean"), raw=("points", "mean"), sd=("points", "std"), n=("points", "size")
    )
    if len(units) < _FEWEST:
        return None
    labels = tuple(" > ".join([label] if isinstance(label, str) else label) for label in units.index)
    x = units["x"].to_numpy(float)
    x_line = np.linspace(x.min(), x.max(), 41)
    slope = draws_of(fit, term) * float(fit.manifest["points_per_unit"])
    middle = float(np.average(x, weights=units["n"]))
    return Against(
        term, labels, x, units["raw"].to_numpy(float), (units["sd"] / np.sqrt(units["n"])).to_numpy(float),
        _fitted(fit, slope, labels, x - middle) if by == ["stage"] else np.empty((0, 3)),
        x_line, _summary(slope[:, None] * (x_line - middle)),
    )  # fmt: skip


def _fitted(fit: Fit, slope: Floats, labels: tuple[str, ...], x: Floats) -> Floats:
    name, dim = f"1|{STAGE}", f"{STAGE}_level"
    if name not in fit.tree["posterior"].data_vars:
        return np.empty((0, 3))
    effects = fit.tree["posterior"][name].transpose("chain", "draw", dim).sel({dim: list(labels)})
    own = effects.to_numpy().reshape(-1, len(labels)) * float(fit.manifest["points_per_unit"])
    return _summary(slope[:, None] * x + own - own.mean(axis=1, keepdims=True))


def _summary(draws: Floats) -> Floats:
    """Return mean and 95 % interval over the draws, (S, U) -> (U, 3)."""
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    return np.stack([draws.mean(axis=0), low, high], axis=1)


def matrix(rows: pd.DataFrame) -> tuple[str, pd.DataFrame] | None:
    """Lay the contrasts of the study with the most pairs of stage and target out as a matrix.

    Returns
    -------
    (study, DataFrame) or None
        Points, stages by targets: the stages from the highest mean to the lowest, the targets from the
        largest differences to the smallest. None where there are fewer than three of either.
    """
    pairs = rows.drop_duplicates(["study", "stage", "target"]).groupby("study").size()
    if pairs.empty:
        return None
    study = str(pairs.idxmax())
    table = rows[rows["study"] == study].pivot_table(index="stage", columns="target", values="points")
    if min(table.shape) < _FEWEST:
        return None
    spread = table.abs().mean().sort_values(ascending=False, kind="stable")
    order = table.mean(axis=1).sort_values(ascending=False, kind="stable")
    return study, table.loc[order.index, spread.index]
