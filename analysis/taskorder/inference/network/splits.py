"""Direct and indirect evidence apart: node-splitting.

A contrast is split by one more term of the model, which marks direct evidence: in trials that have both
treatments, a half in the rows of the one and minus a half in the rows of the other. Its coefficient is the
direct evidence less the indirect, and the contrast of the two treatments' own terms is the indirect evidence
alone. A trial with a third treatment puts half of the difference on either side (symmetric side-splitting).

Sources: Dias, Welton, Caldwell and Ades (2010), Statistics in Medicine 29, 932-944; White (2015), Stata
Journal 15, 951-985, for trials of more than two treatments; van Valkenhoef, Dias, Ades and Welton (2016),
Research Synthesis Methods 7, 80-93, for which contrasts can be split.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.inference.fitting import Fit, fit_rows
from taskorder.inference.network.contrasts import contrast
from taskorder.inference.network.graph import Edge, Network, network
from taskorder.inference.spec import ModelSpec
from taskorder.results.catalogue import Covariates

Floats = NDArray[np.float64]

MARK = "direct_evidence"
"""The column that marks direct evidence, and its term."""


@dataclass(frozen=True)
class Split:
    """One contrast by the whole network, and by direct and indirect evidence each on its own.

    Attributes
    ----------
    of, against : str
        The treatments.
    edge : Edge
        The trials that compare them.
    network, direct, indirect : array (S,)
        Draws in points, or in the outcome's own unit. `network` is of the model without the split.
    failures : tuple of str
        Which gates the model with the split failed; empty where it passed.
    """

    of: str
    against: str
    edge: Edge
    network: Floats
    direct: Floats
    indirect: Floats
    failures: tuple[str, ...]

    @property
    def difference(self) -> Floats:
        """Direct evidence less indirect (S,)."""
        return self.direct - self.indirect

    @property
    def one_sign(self) -> float:
        """The posterior probability of the difference's more probable sign: 0.5 where it may be either."""
        above = float((self.difference > 0).mean())
        return max(above, 1.0 - above)


def node_splits(
    fit: Fit,
    rows: pd.DataFrame,
    covariates: Covariates,
    column: str,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Split, ...]:
    """Split every contrast that has direct and indirect evidence.

    Parameters
    ----------
    fit : Fit
        Of the model without a split.
    rows : DataFrame
        As `select_rows` chose them for the fit.
    covariates : Covariates
    column : str
        Names the network.
    say : callable
        Is told what takes time before it is done.

    Raises
    ------
    MissingData
        Where the model has no such network, or no trial compares anything.
    """
    graph = network(rows, fit.spec, column)
    found: list[Split] = []
    for edge in graph.edges:
        if edge.closed:
            say(f"splitting {edge.second} against {edge.first} into direct and indirect evidence")
            found.append(node_split(fit, rows, covariates, graph, edge))
    return tuple(found)


def node_split(fit: Fit, rows: pd.DataFrame, covariates: Covariates, graph: Network, edge: Edge) -> Split:
    """Split the contrast of an edge's second treatment against its first; otherwise as `node_splits`."""
    of, against = edge.second, edge.first
    again = fit_rows(
        with_mark(fit.spec, graph.column),
        rows.assign(**{MARK: marks(graph, edge)}),
        covariates,
        engine=fit.manifest["engine"],
        seed=int(fit.manifest["seed"]),
        draws=int(fit.manifest["draws"]),
    )
    indirect = contrast(again, graph.column, of, against)
    difference = again.tree["posterior"][MARK].to_numpy().reshape(-1)
    direct = indirect + difference * float(again.manifest["points_per_unit"])
    whole = contrast(fit, graph.column, of, against)
    return Split(of, against, edge, whole, direct, indirect, again.failures)


def marks(graph: Network, edge: Edge) -> Floats:
    """Return the marks of direct evidence of an edge, one a row: 1/2 for the second treatment, -1/2, or 0."""
    second, first = (graph.node == graph.names.index(name) for name in (edge.second, edge.first))
    return np.where(graph.both(edge.first, edge.second)[graph.trial], 0.5 * second - 0.5 * first, 0.0)


def with_mark(spec: ModelSpec, column: str) -> ModelSpec:
    """Return a model with the term that marks direct evidence, which has the prior of the treatments."""
    fixed = spec.fixed.model_copy(update={"terms": (*spec.fixed.terms, MARK)})
    priors = spec.priors | ({MARK: spec.priors[column]} if column in spec.priors else {})
    return spec.model_copy(update={"fixed": fixed, "priors": priors, "estimands": {}})
