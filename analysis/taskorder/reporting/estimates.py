"""The estimates of a fit with their names in words: what tables, figures and sentences are made from."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from taskorder.inference.estimands import reports_points
from taskorder.inference.fitting import Fit
from taskorder.inference.spec import EstimandFunction, EstimandSpec, is_positive
from taskorder.reporting import names
from taskorder.reporting.wording import sentence_case

Floats = NDArray[np.float64]
MOST_DRAWS = 4000


@dataclass(frozen=True)
class Estimate:
    """One row of a fit's summary.

    Attributes
    ----------
    parameter : str
        Its name in the summary.
    label : str
        Its name in words.
    term, group, level : str
        Of which term, and at which level of which group; empty where that does not apply.
    mean, lower, upper, ess, r_hat : float
    unit : str
    draws : array (S,)
        All chains, one after the other.
    """

    parameter: str
    label: str
    term: str
    group: str
    level: str
    mean: float
    lower: float
    upper: float
    ess: float
    r_hat: float
    unit: str
    draws: Floats

    @property
    def width(self) -> float:
        """The width of the interval."""
        return self.upper - self.lower

    @property
    def above_zero(self) -> float:
        """The share of draws above zero."""
        return float((self.draws > 0).mean())

    def quartiles(self) -> tuple[float, float]:
        """Return the ends of the central half of the draws."""
        low, high = np.quantile(self.draws, [0.25, 0.75])
        return float(low), float(high)


HEADLINE: tuple[EstimandFunction, ...] = ("points", "contrast", "curriculum")
"""What the headline is made of: differences of scores."""


def headline(fit: Fit) -> tuple[Estimate, ...]:
    """Return the slopes and contrasts in points that the model file asks for; else its linear terms."""
    slopes = tuple(found for function in HEADLINE for found in _of_function(fit, function))
    return slopes or terms(fit)


def terms(fit: Fit) -> tuple[Estimate, ...]:
    """Return the linear terms in points, whether the model file asks for them or not.

    On the scale of a score the intercept is no difference of scores, and is left out.
    """
    reserved = {"recency"} if fit.spec.outcome.scale == "identity" else {"recency", "1"}
    found = [
        _estimate(row, sentence_case(names.term(name)), name, "", "", draws_of(fit, name))
        for name, row in _by_parameter(fit).items()
        if name in fit.tree["posterior"].data_vars and name not in reserved and not is_positive(name)
    ]
    return tuple(in_points(term, fit) for term in found)


def others(fit: Fit) -> tuple[Estimate, ...]:
    """Return the estimands that are neither of the headline nor at levels: sds, ratios, signs and others."""
    entries = fit.spec.estimands.items()
    names = [name for name, entry in entries if entry.function not in {*HEADLINE, "level_points"}]
    return tuple(one for name in names if (one := named(fit, name)))


def by_level(fit: Fit) -> dict[str, tuple[tuple[Estimate, ...], ...]]:
    """Return the slopes at the levels of groups: for each group one tuple of levels a term."""
    groups: dict[str, list[tuple[Estimate, ...]]] = {}
    for name, entry in fit.spec.estimands.items():
        if entry.function == "level_points" and name in fit.tree["estimands"].data_vars:
            groups.setdefault(entry.group, []).append(_levels(fit, name, entry))
    return {group: tuple(terms) for group, terms in groups.items()}


def named(fit: Fit, parameter: str) -> Estimate | None:
    """Return an estimand by its name; None where these rows leave the model without it, or it has levels."""
    entry, rows = fit.spec.estimands.get(parameter), _by_parameter(fit)
    if entry is None or parameter not in rows:
        return None
    draws = _flat(fit.estimand(parameter).to_numpy())
    return _estimate(rows[parameter], names.estimand(entry, fit.spec), entry.of, entry.group, "", draws)


def overall(fit: Fit, term: str) -> Estimate | None:
    """Return the slope of a term over all levels, if the model file asks for it."""
    return next((estimate for estimate in headline(fit) if estimate.term == term), None)


def heterogeneity(fit: Fit) -> tuple[Estimate, ...]:
    """Return the sds between levels and of the residual, on the scale of the model."""
    rows = _by_parameter(fit)
    wanted = [*fit.spec.sd_names(), "residual"]
    return tuple(
        _estimate(
            rows[name], sentence_case(names.parameter_of(name, fit.spec)), "", "", "", draws_of(fit, name)
        )
        for name in wanted
        if name in rows and name in fit.tree["posterior"].data_vars
    )


def in_points(estimate: Estimate, fit: Fit) -> Estimate:
    """Return an estimate of the model's scale in points at the reference score."""
    factor = float(fit.manifest["points_per_unit"])
    return Estimate(
        estimate.parameter, estimate.label, estimate.term, estimate.group, estimate.level,
        estimate.mean * factor, estimate.lower * factor, estimate.upper * factor,
        estimate.ess, estimate.r_hat, outcome_unit(fit), estimate.draws * factor,
    )  # fmt: skip


def outcome_unit(fit: Fit) -> str:
    """Return the unit of the outcome: points, or the name of its column where it is not a score."""
    return "points" if reports_points(fit.spec) else names.plain(fit.spec.outcome.column)


def draws_of(fit: Fit, parameter: str) -> Floats:
    """Return the draws of a scalar parameter of the posterior (S,)."""
    return _flat(fit.tree["posterior"][parameter].to_numpy())


def _flat(values: Floats) -> Floats:
    return np.asarray(values, dtype=np.float64).reshape(-1)


def _by_parameter(fit: Fit) -> dict[str, dict[Hashable, Any]]:
    return {str(row["parameter"]): row for row in fit.summary.to_dict("records")}


def _of_function(fit: Fit, function: EstimandFunction) -> tuple[Estimate, ...]:
    rows = _by_parameter(fit)
    return tuple(
        _estimate(
            rows[name],
            names.estimand(entry, fit.spec),
            entry.of,
            entry.group,
            "",
            _flat(fit.estimand(name).to_numpy()),
        )
        for name, entry in fit.spec.estimands.items()
        if entry.function == function and name in rows
    )


def _levels(fit: Fit, name: str, entry: EstimandSpec) -> tuple[Estimate, ...]:
    rows, variable = _by_parameter(fit), fit.estimand(name)
    dim = f"{entry.group}_level"
    levels = [str(level) for level in variable[dim].to_numpy()]
    draws = variable.transpose("chain", "draw", dim).to_numpy().reshape(-1, len(levels))
    return tuple(
        _estimate(rows[f"{name}[{level}]"], level, entry.of, entry.group, level, _flat(draws[:, i]))
        for i, level in enumerate(levels)
    )


def _estimate(
    row: dict[Hashable, Any], label: str, term: str, group: str, level: str, draws: Floats
) -> Estimate:
    return Estimate(
        str(row["parameter"]), label, term, group, level,
        float(row["mean"]), float(row["lower"]), float(row["upper"]),
        float(row["ess_bulk"]), float(row["r_hat"]), str(row["unit"]), draws,
    )  # fmt: skip
