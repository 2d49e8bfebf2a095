"""One table of the frequentist estimates that suit a model, to stand beside its posterior.

- A model of outcomes with known variances: its fixed terms by REML with Knapp-Hartung errors and with
  cluster-robust ones (CR2), the heterogeneity with Q and I2, a prediction interval, and for ten studies or
  more Egger's test and PET-PEESE.
- A model of sequences: its moderators by weighted least squares with cluster-robust errors.
- A model of other terms: these by least squares with cluster-robust errors, in a network of treatments within
  its trials, of sequences within evaluation sets.
- Rows in which several orders of the same tasks share seeds or languages: analysis of variance, the largest
  difference between two orders, and the agreement of scores from order to order; where several sets of tasks
  were ordered alike, one analysis of variance over all.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict

import numpy as np
import pandas as pd

from taskorder.errors import MissingData
from taskorder.inference.fitting import Fit, select_rows
from taskorder.inference.frequentist import of_design, within
from taskorder.inference.frequentist.estimate import Estimate
from taskorder.inference.frequentist.repeated import Comparison, balanced, compared, pooled
from taskorder.inference.frequentist.replication import Replicated, replicated_orders
from taskorder.inference.frequentist.slopes import ALL, companion
from taskorder.inference.layout.design import build_design
from taskorder.inference.spec import is_positive
from taskorder.results.catalogue import Covariates

COLUMNS = ["term", "method", "estimate", "se", "lower", "upper", "df", "p", "unit", "agrees"]


def companions(fit: Fit, covariates: Covariates, table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the frequentist estimates that suit a fit.

    Parameters
    ----------
    fit : Fit
    covariates : Covariates
        As the fit was made with.
    table : DataFrame, optional
        The table that the fit was made from. Without it only the moderators of sequences are estimated, from
        the cells that the fit keeps.

    Returns
    -------
    DataFrame
        One row an estimate: `term, method, estimate, se, lower, upper, df, p, unit, agrees`. Intervals are
        95 %; what a method does not give is missing. `agrees` says whether the sign is that of the posterior
        mean; missing where there is no sign to compare. Empty where no method suits the model.
    """
    found = _moderators(fit, covariates)
    if table is not None:
        rows = select_rows(table, fit.spec, covariates)
        if fit.spec.outcome.variance and fit.spec.sequence is None:
            found += of_design.estimates(build_design(rows, fit.spec, covariates), fit.spec)
        found += within.estimates(rows, fit.spec)
        if fit.spec.data.layout == "results":
            found += _of_orders(replicated_orders(rows))
    means = _posterior_means(fit)
    frame = pd.DataFrame([asdict(estimate) for estimate in found], columns=COLUMNS[:-1])
    frame["agrees"] = pd.array([_agrees(estimate, means) for estimate in found], dtype="boolean")
    return frame


def _moderators(fit: Fit, covariates: Covariates) -> list[Estimate]:
    return [
        Estimate(
            term=row["term"] if row["system"] == ALL else f"{row['term']}[{row['system']}]",
            method="WLS, errors clustered by stage",
            unit=row["unit"],
            df=row["clusters"] - 1.0,
            **{name: float(row[name]) for name in ("estimate", "se", "lower", "upper", "p")},
        )
        for row in companion(fit, covariates).to_dict("records")
    ]


def _of_orders(found: Sequence[Replicated]) -> list[Estimate]:
    """Analyse the orders of each set of tasks; where there are several of one kind, all at once."""
    kinds: dict[str, list[tuple[Replicated, pd.DataFrame]]] = {}
    for part in found:
        with suppress(MissingData):
            scores = balanced(part.frame, subject=part.subject, drop_incomplete=True)
            kinds.setdefault(part.kind, []).append((part, scores))
    return [
        estimate
        for kind, parts in kinds.items()
        for estimate in (_orders(*parts[0]) if len(parts) == 1 else [_all_orders(kind, parts)])
    ]


def _all_orders(kind: str, parts: Sequence[tuple[Replicated, pd.DataFrame]]) -> Estimate:
    found = pooled([scores for _, scores in parts])
    return Estimate(
        term=f"sd over orders ({kind})",
        method=f"repeated-measures ANOVA, {len(parts)} sets of tasks, {parts[0][0].subject}s as subjects",
        estimate=100 * found.sd,
        unit="points",
        df=found.df_error,
        p=found.p,
    )


def _orders(found: Replicated, scores: pd.DataFrame) -> list[Estimate]:
    """Return analysis of variance, largest difference and agreement."""
    comparison = compared(scores)
    subjects = f"{len(scores)} {found.subject}s as subjects"
    term = f"order ({found.label})"
    agreement = comparison.agreement[comparison.agreement["type"] == "ICC(A,1)"].iloc[0]
    return [
        Estimate(
            term=term,
            method=f"repeated-measures ANOVA, {subjects}",
            estimate=comparison.variance.generalised_eta_squared,
            unit="generalised eta squared",
            df=comparison.variance.df_error,
            p=comparison.variance.p,
        ),
        _largest_difference(found.label, comparison, subjects),
        Estimate(
            term=term,
            method=f"ICC(A,1), {subjects}",
            estimate=float(agreement["icc"]),
            unit="intraclass correlation",
            lower=float(agreement["lower"]),
            upper=float(agreement["upper"]),
            df=float(agreement["df_error"]),
            p=float(agreement["p"]),
        ),
    ]


def _largest_difference(label: str, comparison: Comparison, subjects: str) -> Estimate:
    pair = comparison.pairs.iloc[int(np.argmax(np.abs(comparison.pairs["difference"])))]
    return Estimate(
        term=f"{pair['first']} - {pair['second']} ({label})",
        method=f"largest paired difference, p by Holm, {subjects}",
        estimate=100 * float(pair["difference"]),
        unit="points",
        se=100 * float(pair["se"]),
        lower=100 * float(pair["lower"]),
        upper=100 * float(pair["upper"]),
        df=float(pair["df"]),
        p=float(pair["p_holm"]),
    )


def _posterior_means(fit: Fit) -> dict[str, float]:
    """Return the posterior mean of each linear term, and of its slope at each level of `system`."""
    posterior = fit.tree["posterior"].to_dataset()
    found = {
        str(name): float(draws.mean())
        for name, draws in posterior.data_vars.items()
        if draws.ndim == 2 and not is_positive(str(name)) and name != "recency"
    }
    for term in list(found):
        if (deviation := f"{term}|system") in posterior:
            levels = posterior[deviation].mean(("chain", "draw"))
            names = levels["system_level"].to_numpy()
            values = levels.to_numpy()
            found |= {f"{term}[{n}]": found[term] + float(v) for n, v in zip(names, values, strict=True)}
    return found


def _agrees(estimate: Estimate, means: dict[str, float]) -> bool | None:
    """Say whether an estimate has the sign of the posterior mean; None where there is nothing to compare."""
    if estimate.term not in means or not np.isfinite(estimate.estimate):
        return None
    return bool(np.sign(estimate.estimate) == np.sign(means[estimate.term]))
