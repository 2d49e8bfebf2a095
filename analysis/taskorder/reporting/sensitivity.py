"""How much the estimates rest on the prior: power-scaling, beside what chance alone would show.

The weights that scale the likelihood of many rows are uneven, and uneven weights move any estimate by some
amount. How much, is found by shuffling them over the draws: numbers that are not above those of shuffled
weights say nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from taskorder.inference.criticism.sensitivity import THRESHOLD, power_scaled
from taskorder.inference.fitting import Fit
from taskorder.reporting import estimates
from taskorder.reporting.content import Column, Table
from taskorder.reporting.wording import counted, counted_plain, number

_SHUFFLES = 3
_SHARE = 0.95
_SCALED = ("log_likelihood", "log_prior")


@dataclass(frozen=True)
class Sensitivity:
    """The sensitivity of the estimands to prior and likelihood.

    Attributes
    ----------
    table : DataFrame
        `estimand, prior, likelihood, diagnosis`, as `power_scaled` returns it.
    prior, likelihood : float
        What 95 % of the estimands stay below where the weights are shuffled over the draws.
    """

    table: pd.DataFrame
    prior: float
    likelihood: float

    def moved(self) -> pd.DataFrame:
        """Return the rows in which the prior matters, and more than by chance."""
        return self.table[self.table["prior"] >= max(THRESHOLD, self.prior)]

    def diagnosis(self, row: pd.Series) -> str:
        """Return what a row means, in words; empty where the prior does not matter."""
        if not row["prior"] >= max(THRESHOLD, self.prior):
            return ""
        return str(row["diagnosis"]) if row["likelihood"] > self.likelihood else "the prior matters"


def sensitivity(fit: Fit) -> Sensitivity | None:
    """Return the sensitivity of a fit's estimands; None where it has none.

    The shuffles have a seed of their own: the same fit gives the same numbers.
    """
    found = power_scaled(fit)
    if found.empty:
        return None
    rng = np.random.default_rng(0)
    chance = pd.concat([power_scaled(_shuffled(fit, rng)) for _ in range(_SHUFFLES)])
    limits = chance[["prior", "likelihood"]].quantile(_SHARE)
    return Sensitivity(found, float(limits["prior"]), float(limits["likelihood"]))


def _shuffled(fit: Fit, rng: np.random.Generator) -> Fit:
    """Give the log densities of each draw to another draw."""
    groups = {name: group.to_dataset() for name, group in fit.tree.children.items()}
    kept = groups["log_likelihood"]["draw"]
    at = rng.permutation(kept.size)
    for name in _SCALED:
        density = groups[name].sel(draw=kept)
        groups[name] = density.isel(draw=at).assign_coords(draw=kept)
    return replace(fit, tree=xr.DataTree.from_dict(groups))


def table(found: Sensitivity, fit: Fit) -> Table:
    """Return the sensitivity of the estimands, but for those at single levels, and what chance would show."""
    by_name = {str(row["estimand"]): row for _, row in found.table.iterrows()}
    shown = [e for e in (*estimates.headline(fit), *estimates.others(fit)) if e.parameter in by_name]
    rows = [_row(estimate.label, by_name[estimate.parameter], found) for estimate in shown]
    rows.append(("Shuffled draws", number(found.prior, 3), number(found.likelihood, 2), ""))
    columns = (
        Column("Estimand", width="1fr"),
        Column("Prior", "number"),
        Column("Likelihood", "number"),
        Column("", width=40.0),
    )
    if not any(row[-1] for row in rows):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    return Table(columns, tuple(rows))


def _row(label: str, row: pd.Series, found: Sensitivity) -> tuple[str, ...]:
    return (
        label,
        _beside_chance(float(row["prior"]), found.prior, 3),
        _beside_chance(float(row["likelihood"]), found.likelihood, 2),
        found.diagnosis(row),
    )


def _beside_chance(value: float, chance: float, places: int) -> str:
    """Put a number that shuffled draws would show as well into brackets."""
    return number(value, places) if value > chance else f"({number(value, places)})"


def text(found: Sensitivity) -> str:
    """Say how many estimands the prior moves, and whether the likelihood's numbers can be read."""
    total = counted(len(found.table), "estimand")
    moved = len(found.moved())
    sentence = (
        f"Doubling the weight of the prior moves {counted_plain(moved)} of {total} by {THRESHOLD:g} or more."
        if moved
        else f"Doubling the weight of the prior moves none of {total} by more than {THRESHOLD:g}: little."
    )
    above = int((found.table["likelihood"] > found.likelihood).sum())
    if 2 * above > len(found.table):
        return sentence
    return (
        f"{sentence} Of the likelihood these draws tell less: its weights are so uneven that for"
        f" {counted_plain(len(found.table) - above)} estimands shuffled ones move as much."
    )
