"""The frequentist companion of the sequence moderators: least squares with cluster-robust errors.

Within each system and evaluation set the mean score of each sequence is set against its stage's moderators.
The evaluation sets' levels are absorbed (both sides are centred within them), sequences are weighted by their
seeds, and errors are clustered by stage: the runs after one stage share whatever else that stage brings. With
few stages the t distribution has (stages - 1) degrees of freedom.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.regression.linear_model import WLS

from taskorder.inference.fitting import Fit
from taskorder.inference.summary import INTERVAL
from taskorder.moderators import stage_table
from taskorder.results.catalogue import Covariates

COLUMNS = ["term", "system", "estimate", "se", "lower", "upper", "p", "unit", "clusters", "agrees"]
ALL = "all"
SYSTEM = "system"
_NAMING = ("study", "backbone", "tuning", "sequence", "target", "train_language", "language", "metric")
_EVALUATION = ("study", SYSTEM, "target", "train_language", "language", "metric")
"""What tells evaluation sets apart, as far as the rows of every cell agree in it."""
FEWEST = 4
"""Fewer clusters than this give no errors worth printing."""


def companion(fit: Fit, covariates: Covariates) -> pd.DataFrame:
    """Estimate the moderators of one-stage sequences by least squares.

    Parameters
    ----------
    fit : Fit
        A fit with stages; its cells are the data.
    covariates : Covariates
        As the fit was made with.

    Returns
    -------
    DataFrame
        One row a moderator and system, and one over all (`system` = "all"): `estimate, se, lower, upper` in
        points per sd at the fit's reference score, `p`, `clusters`, and whether the sign `agrees` with the
        posterior mean (missing where the model has no such slope). Empty where the model has no stages.
    """
    if fit.spec.sequence is None or not fit.spec.sequence.moderators:
        return pd.DataFrame(columns=COLUMNS)
    cells = _one_stage_cells(fit, covariates)
    terms = list(fit.spec.sequence.moderators)
    rows = _estimates(cells, terms, ALL)
    if SYSTEM in cells:
        for system, part in cells.groupby(SYSTEM):
            rows += _estimates(part, terms, str(system))
    frame = pd.DataFrame(rows, columns=COLUMNS)
    factor = float(fit.manifest["points_per_unit"])
    frame[["estimate", "se", "lower", "upper"]] *= factor
    means = [
        _posterior_mean(fit, term, system)
        for term, system in zip(frame["term"], frame["system"], strict=True)
    ]
    frame["agrees"] = pd.array(
        [
            pd.NA if mean is None else bool(np.sign(mean) == np.sign(estimate))
            for mean, estimate in zip(means, frame["estimate"], strict=True)
        ],
        dtype="boolean",
    )
    frame["unit"] = f"points per sd at {100 * float(fit.manifest['reference_score']):.0f}"
    return frame


def _one_stage_cells(fit: Fit, covariates: Covariates) -> pd.DataFrame:
    sequence = fit.spec.sequence
    assert sequence is not None
    constant = fit.tree["constant_data"].to_dataset()
    columns = [name for name in _NAMING if name in constant]
    cells = pd.DataFrame({name: constant[name].to_numpy().astype(str) for name in columns})
    cells = cells.assign(
        y=fit.tree["observed_data"].to_dataset()["mean"].to_numpy(), n=constant["n"].to_numpy()
    )
    if {"backbone", "tuning"} <= set(columns):
        cells[SYSTEM] = cells["backbone"] + "/" + cells["tuning"]
        columns.append(SYSTEM)
    cells = _pooled(cells, columns)
    lines = stage_table(cells, covariates, sequence.difficulty, sequence.similarity).frame
    lines = lines[lines.groupby("row")["row"].transform("size") == 1].set_index("row")
    moderators = pd.DataFrame({term: _product(lines, term) for term in sequence.moderators})
    return cells.join(moderators.assign(stage=lines["stage"]), how="inner")


def _pooled(cells: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    total = cells.assign(weighted=cells["y"] * cells["n"]).groupby(keys, sort=False)[["weighted", "n"]].sum()
    return total.assign(y=total["weighted"] / total["n"]).drop(columns="weighted").reset_index()


def _product(lines: pd.DataFrame, term: str) -> pd.Series[float]:
    value = pd.Series(1.0, index=lines.index)
    for word in term.split(":"):
        value = value * lines[f"{word}_z"].fillna(0.0)
    return value


def _estimates(cells: pd.DataFrame, terms: list[str], system: str) -> list[dict[str, object]]:
    evaluation = [name for name in _EVALUATION if name in cells]
    weight = cells["n"]
    centred = cells[["y", *terms]] - (
        cells[["y", *terms]]
        .mul(weight, axis=0)
        .groupby([cells[name] for name in evaluation])
        .transform("sum")
    ).div(weight.groupby([cells[name] for name in evaluation]).transform("sum"), axis=0)
    varying = [term for term in terms if float(centred[term].abs().max()) > 1e-9]
    clusters = cells["stage"].nunique()
    x = centred[varying].to_numpy()
    if not varying or clusters < FEWEST or np.linalg.matrix_rank(x) < len(varying):
        return []
    codes = pd.factorize(cells["stage"])[0]
    result = WLS(centred["y"].to_numpy(), x, weights=weight.to_numpy()).fit(
        cov_type="cluster", cov_kwds={"groups": codes, "use_correction": True}
    )
    width = float(stats.t.ppf(0.5 + INTERVAL / 2, clusters - 1))
    return [
        {
            "term": term,
            "system": system,
            "estimate": float(estimate),
            "se": float(se),
            "lower": float(estimate - width * se),
            "upper": float(estimate + width * se),
            "p": float(2 * stats.t.sf(abs(estimate / se), clusters - 1)),
            "clusters": clusters,
        }
        for term, estimate, se in zip(varying, result.params, result.bse, strict=True)
    ]


def _posterior_mean(fit: Fit, term: str, system: str) -> float | None:
    """Return the posterior mean of a slope; None where the model has no slope of its own for the system."""
    posterior = fit.tree["posterior"].to_dataset()
    if term not in posterior:
        return None
    overall = float(posterior[term].mean())
    if system == ALL:
        return overall
    deviation = f"{term}|{SYSTEM}"
    if deviation not in posterior or system not in posterior[deviation][f"{SYSTEM}_level"].to_numpy():
        return None
    return overall + float(posterior[deviation].sel({f"{SYSTEM}_level": system}).mean())
