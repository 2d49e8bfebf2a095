"""What the estimates would be without each study, kept beside the fit, and how the report tells it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from taskorder.errors import FitFailed, MissingData
from taskorder.files import write_whole
from taskorder.inference.criticism.leaving_out import COLUMNS, whole, without_levels
from taskorder.inference.fitting import Fit
from taskorder.inference.layout.design import build_design
from taskorder.inference.spec import needs_nuts
from taskorder.reporting import estimates, names
from taskorder.reporting.content import Cell, Column, Mark, Table
from taskorder.reporting.estimates import Estimate
from taskorder.reporting.strips import Axis, axis_of
from taskorder.reporting.wording import (
    amount,
    count,
    decimals_for,
    interval,
    listed,
    number,
    sentence_case,
)  # fmt: skip
from taskorder.results.catalogue import Covariates

STUDY = "study"
_TEXTS = ("left_out", "estimand", "problem")


@dataclass(frozen=True)
class LeftOut:
    """The estimands without each study.

    Attributes
    ----------
    table : DataFrame
        As `without_levels` returns it; empty where it cannot be told.
    why : str
        Why not, as the end of a sentence; empty where there is nothing to tell.
    """

    table: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS))
    why: str = ""


def obstacle(fit: Fit, rows: pd.DataFrame) -> str | None:
    """Say why studies cannot be left out of a fit; empty where it makes no sense, None where they can."""
    if STUDY not in rows or not any(e.parameter in fit.spec.estimands for e in estimates.headline(fit)):
        return ""
    if rows[STUDY].nunique() < 2:
        return "all rows are of one study"
    if STUDY not in fit.tree["constant_data"].to_dataset():
        return "the model does not tell rows of different studies apart"
    return needs_nuts(fit.spec) or None


def computed(fit: Fit, rows: pd.DataFrame, covariates: Covariates) -> pd.DataFrame:
    """Leave each study out in turn.

    Parameters
    ----------
    fit : Fit
    rows : DataFrame
        As `select_rows` chose them for the fit.
    covariates : Covariates

    Raises
    ------
    FitFailed
        Where no proposal covers the posterior.
    MissingData
        Where the modelled rows are all of one study.
    """
    seed = int(fit.manifest["seed"])
    design = build_design(rows, fit.spec, covariates)
    return without_levels(whole(design, fit.spec, seed=seed), STUDY, seed=seed)


def kept(path: Path) -> pd.DataFrame | None:
    """Read a table back that `keep` wrote; None where there is none, or it is damaged."""
    try:
        numbers = {name: [""] for name in COLUMNS if name not in _TEXTS}
        texts = dict.fromkeys(_TEXTS, "str")
        table = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=numbers)
    except (OSError, ValueError):
        return None
    return table if list(table) == COLUMNS else None


def keep(table: pd.DataFrame, path: Path) -> None:
    """Write a table whole."""
    write_whole(path, table.to_csv(index=False, float_format="%.6g"), force=True)


def without_studies(fit: Fit, rows: pd.DataFrame, covariates: Covariates, path: Path) -> LeftOut:
    """Leave each study out, or find what was computed before at `path`.

    The table is read back from where it was written, so that both ways give the same numbers.
    """
    if (why := obstacle(fit, rows)) is not None:
        return LeftOut(why=why)
    if kept(path) is None:
        try:
            keep(computed(fit, rows, covariates), path)
        except (FitFailed, MissingData) as error:
            return LeftOut(why=str(error))
    found = kept(path)
    return LeftOut(why=f"{path} cannot be read") if found is None else LeftOut(found)


def headline(found: LeftOut, fit: Fit) -> list[tuple[Estimate, pd.DataFrame]]:
    """Return the headline estimands with their rows of the table."""
    rows = {str(name): part for name, part in found.table.groupby("estimand")}
    return [(e, rows[e.parameter]) for e in estimates.headline(fit) if e.parameter in rows]


def reliable(rows: pd.DataFrame) -> pd.Series:
    """Say which rows can be relied on: those of all data, and those without a problem."""
    return (rows["left_out"] == "") | (rows["problem"] == "")


def table(found: LeftOut, fit: Fit) -> Table:
    """Return each headline estimand without each study, in blocks; what is not reliable is a dash."""
    shown = headline(found, fit)
    good = pd.concat([part[reliable(part)] for _, part in shown])
    axis = axis_of([], *good["lower"], *good["upper"])
    rows: list[tuple[Cell, ...]] = []
    for estimate, part in shown:
        places = decimals_for(estimate.width)
        rows += [(estimate.label,), *(_row(row, axis, places) for _, row in part.iterrows())]
    columns = (
        Column("Without", width="1fr"),
        Column("Its rows", "number"),
        Column("Mean", "number"),
        Column("95 % interval", "number"),
        Column("", "strip", 44.0, axis.ticks()),
        Column("ESS", "number"),
        Column("k-hat", "mark"),
    )
    return Table(columns, tuple(rows), wide=True)


def _row(row: pd.Series, axis: Axis, places: int) -> tuple[Cell, ...]:
    everything = row["left_out"] == ""
    k = float(row["pareto_k"])
    good = everything or row["problem"] == ""
    mean, lower, upper = (float(row[name]) if good else np.nan for name in ("mean", "lower", "upper"))
    return (
        "nothing" if everything else str(row["left_out"]),
        "" if everything else count(int(row["rows"])),
        number(mean, places),
        interval(lower, upper, places),
        axis.interval(mean, lower, upper),
        number(float(row["ess"]), 0),
        "" if everything else number(k, 2) if good else Mark("fail", number(k, 2)),
    )


def text(found: LeftOut, fit: Fit) -> list[str]:
    """Say how far the headline moves without one study, and which study cannot be left out this way."""
    shown = headline(found, fit)
    if not shown:
        return (
            [f"What the estimates would be without each study is not told: {found.why}."] if found.why else []
        )
    sentences = [_moves(estimate, part) for estimate, part in shown]
    _, first = shown[0]
    bad = first[~reliable(first)]
    far, none = bad[bad["pareto_k"].notna()], bad[bad["pareto_k"].isna()]
    if len(far):
        sentences.append(_too_far(far, int(first["rows"].iloc[0])))
    return [*sentences, *(f"Without {row['left_out']}: {row['problem']}." for _, row in none.iterrows())]


def _too_far(bad: pd.DataFrame, total: int) -> str:
    studies = [
        f"{row['left_out']} ({count(int(row['rows']))} of {count(total)} rows; Pareto k-hat"
        f" {number(float(row['pareto_k']), 2)})"
        for _, row in bad.iterrows()
    ]
    return (
        f"The draws cannot be weighed so as to tell the posterior without {' or '.join(studies)}: a fit to"
        " the other studies would tell it."
    )


def _moves(estimate: Estimate, part: pd.DataFrame) -> str:
    good = part[reliable(part) & (part["left_out"] != "")]
    label = f"the mean of {names.term(estimate.term)}"
    if good.empty:
        return sentence_case(f"{label} cannot be told without any of the studies.")
    places = decimals_for(estimate.width)
    low, high = (number(float(end), places) for end in (good["mean"].min(), good["mean"].max()))
    span = f"from {low} to {high}" if low != high else low
    other = good.loc[np.sign(good["mean"]) != np.sign(estimate.mean), "left_out"].astype(str).tolist()
    sign = f"; its sign changes without {listed(other)}" if other else ""
    return sentence_case(f"{label} is {amount(span, estimate.unit)} as one study is left out{sign}.")
