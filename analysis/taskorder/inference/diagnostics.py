"""The one place that decides whether a posterior may be reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from taskorder.inference.estimands import PROBABILITY

MAX_R_HAT = 1.01
MIN_ESS = 400
MAX_PARETO_K = 0.7


@dataclass(frozen=True)
class Diagnostics:
    """How a posterior was computed, and whether it can be relied on.

    Attributes
    ----------
    ok : bool
        Whether every gate was passed; no claim is supported by a fit that is not.
    engine : str
    seconds : mapping
        `compile`, `sample`, `total`.
    min_ess_bulk, min_ess_tail, max_r_hat : float
        Over all reported parameters and estimands.
    divergences : int
    pareto_k : float or None
        Of importance sampling, where the engine uses it.
    rows, effects : int
        Rows of the table that were modelled; linear coefficients.
    messages : tuple of str
        Which gate failed, with what to do; then what was done to the data.
    """

    ok: bool
    engine: str
    seconds: Mapping[str, float]
    min_ess_bulk: float
    min_ess_tail: float
    max_r_hat: float
    divergences: int
    pareto_k: float | None
    rows: int
    effects: int
    messages: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """Return the fields as `diagnostics.json` holds them."""
        return asdict(self)


def diagnose(
    summary: pd.DataFrame,
    *,
    engine: str,
    seconds: Mapping[str, float],
    divergences: int,
    rows: int,
    effects: int,
    notes: tuple[str, ...] = (),
    pareto_k: float | None = None,
) -> Diagnostics:
    """Judge a posterior by the rows of its summary.

    Parameters
    ----------
    summary : DataFrame
        `parameter, mean, sd, ess_bulk, ess_tail, r_hat, unit` of all that is reported; only a probability
        may lack diagnostics, where its event is the same in every draw.
    engine, seconds, divergences, rows, effects, pareto_k
        As in `Diagnostics`.
    notes : tuple of str
        What was done to the data.
    """
    failures = _missing(summary)
    for column, limit, above in (
        ("r_hat", MAX_R_HAT, True),
        ("ess_bulk", MIN_ESS, False),
        ("ess_tail", MIN_ESS, False),
    ):
        bad = summary[summary[column] > limit] if above else summary[summary[column] < limit]
        if not bad.empty:
            extreme = bad.sort_values(column, ascending=not above).iloc[0]
            failures.append(
                f"{column} of {extreme['parameter']} is {extreme[column]:.4g}, the gate is {limit:g}"
                f" ({len(bad)} parameters beyond it): draw more (--draws), or tighten the priors of what the"
                f" data say little of"
            )
    if divergences:
        failures.append(
            f"{divergences} divergent transitions: tighten the priors of sds that the data say little of"
        )
    if pareto_k is not None and pareto_k >= MAX_PARETO_K:
        failures.append(f"Pareto k-hat is {pareto_k:.2f}, the gate is {MAX_PARETO_K}: use --engine nuts")
    return Diagnostics(
        ok=not failures,
        engine=engine,
        seconds={name: round(value, 3) for name, value in seconds.items()},
        min_ess_bulk=float(summary["ess_bulk"].min()),
        min_ess_tail=float(summary["ess_tail"].min()),
        max_r_hat=float(summary["r_hat"].max()),
        divergences=divergences,
        pareto_k=pareto_k,
        rows=rows,
        effects=effects,
        messages=(*failures, *notes),
    )


def _missing(summary: pd.DataFrame) -> list[str]:
    """Say of which parameters there is no finite value, or nothing to judge it by."""
    numbers = summary[["mean", "sd"]].to_numpy(dtype=np.float64)
    infinite = ~np.isfinite(numbers).all(axis=1)
    constant = ((summary["unit"] == PROBABILITY) & (summary["sd"] == 0)).to_numpy()
    unjudged = summary[["ess_bulk", "ess_tail", "r_hat"]].isna().any(axis=1).to_numpy()
    found: list[str] = []
    for bad, what in (
        (infinite, "has draws that are not finite"),
        (unjudged & ~constant & ~infinite, "is the same in every draw, or its chains cannot be compared"),
    ):
        if bad.any():
            name = summary.loc[bad, "parameter"].iloc[0]
            remedy = "look for a column that does not vary, or a prior that is too wide"
            found.append(f"{name} {what} ({bad.sum()} such parameters): {remedy}")
    return found
