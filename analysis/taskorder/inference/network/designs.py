"""Inconsistency of a network as a whole: how far trials of different designs disagree.

A design is the set of treatments that a trial compares. Beside the heterogeneity of trials, contrasts may
differ between designs: an effect of every pair of design and treatment, with an sd of its own, is
inconsistency wherever it comes from (design-by-treatment interaction, as a random effect).

Sources: Higgins et al. (2012), Research Synthesis Methods 3, 98-110; Jackson, Barrett, Rice, White and
Higgins (2014), Statistics in Medicine 33, 3639-3654.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.inference.fitting import Fit, fit_rows
from taskorder.inference.network.graph import ALONE, network
from taskorder.inference.spec import GroupSpec, ModelSpec, sd_name
from taskorder.results.catalogue import Covariates

Floats = NDArray[np.float64]

DESIGN, INCONSISTENCY = "design", "inconsistency"
"""The column that holds each row's design, and the group of its treatments' effects."""


@dataclass(frozen=True)
class Inconsistency:
    """How much contrasts differ between designs, beside how much they do between trials of one design.

    Attributes
    ----------
    designs : mapping of str to int
        How many trials each design has.
    sd, heterogeneity : array (S,)
        Draws of the sd of a contrast in points, or in the outcome's own unit: between designs, and between
        the levels of the groups that have the treatment among their columns, all together.
    failures : tuple of str
        Which gates the model failed; empty where it passed.
    """

    designs: Mapping[str, int]
    sd: Floats
    heterogeneity: Floats
    failures: tuple[str, ...]

    @property
    def larger(self) -> float:
        """The posterior probability that designs differ more than trials of one design."""
        return float((self.sd > self.heterogeneity).mean())


def inconsistency(fit: Fit, rows: pd.DataFrame, covariates: Covariates, column: str) -> Inconsistency | None:
    """Estimate the inconsistency of a network.

    Parameters
    ----------
    fit : Fit
        Of the model without inconsistency.
    rows : DataFrame
        As `select_rows` chose them for the fit.
    covariates : Covariates
    column : str
        Names the network.

    Returns
    -------
    Inconsistency or None
        None where all trials are of one design: nothing can disagree.
    """
    graph = network(rows, fit.spec, column)
    design = graph.designs()
    several = design != ALONE
    of_trial = design[several].groupby(graph.trial[several]).first()
    if of_trial.nunique() < 2:
        return None
    spec = fit.spec
    again = fit_rows(
        _with_designs(spec, column),
        rows.assign(**{DESIGN: design.to_numpy()}),
        covariates,
        engine=fit.manifest["engine"],
        seed=int(fit.manifest["seed"]),
        draws=int(fit.manifest["draws"]),
    )
    between = [
        sd_name(name, "1")
        for name, group in spec.groups.items()
        if "1" in group.by and column in (group.columns or (name,))
    ]
    return Inconsistency(
        {str(name): int(count) for name, count in of_trial.value_counts().items()},
        _of_contrasts(again, [sd_name(INCONSISTENCY, "1")]),
        _of_contrasts(again, between),
        again.failures,
    )


def _with_designs(spec: ModelSpec, column: str) -> ModelSpec:
    """Return a model with an effect of each treatment in each design.

    Designs have levels of their own, so that those do not count as inconsistency, unless all trials have.
    """
    several = f"{DESIGN} != {ALONE!r}"
    added = {INCONSISTENCY: GroupSpec(columns=(DESIGN, column), where=several)}
    if not set(spec.networks[column].trial) <= set(spec.fixed.terms):
        added[DESIGN] = GroupSpec(where=several)
    return spec.model_copy(update={"groups": spec.groups | added, "estimands": {}})


def _of_contrasts(fit: Fit, sds: list[str]) -> Floats:
    """Return the sd of the difference of two treatments whose effects have these sds, all together (S,)."""
    posterior = fit.tree["posterior"].to_dataset()
    variance = sum(
        (np.asarray(posterior[sd], dtype=np.float64).reshape(-1) ** 2 for sd in sds if sd in posterior),
        start=np.zeros(posterior.sizes["chain"] * posterior.sizes["draw"]),
    )
    return np.sqrt(2.0 * variance) * float(fit.manifest["points_per_unit"])
