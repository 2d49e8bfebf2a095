"""The network of evidence: treatments are its nodes, and trials that compare two of them its edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from taskorder.errors import MissingData, nearest
from taskorder.inference.layout.levels import joined
from taskorder.inference.spec import ModelSpec

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

ALONE = "alone"
"""The design of trials that compare nothing."""


@dataclass(frozen=True)
class Node:
    """A treatment, with how many rows, trials and studies have it."""

    name: str
    rows: int
    trials: int
    studies: int


@dataclass(frozen=True)
class Edge:
    """Two treatments that are compared directly, with how many trials and studies have both.

    `closed` says whether there is indirect evidence beside: without the trials that compare them, other
    trials still connect the two (van Valkenhoef et al. 2016, Research Synthesis Methods 7, 80-93).
    """

    first: str
    second: str
    trials: int
    studies: int
    closed: bool


@dataclass(frozen=True)
class Network:
    """Which treatments are compared, and where.

    Attributes
    ----------
    column : str
        Holds the treatments.
    nodes : tuple of Node
        The reference first, then in alphabetical order.
    edges : tuple of Edge
    trial, node : array (N,) of int
        Of every row.
    compared : array (T, K) of bool
        Which trial has which treatment.
    """

    column: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    trial: Integers
    node: Integers
    compared: Booleans

    @property
    def reference(self) -> str:
        """The treatment that the others are coded against."""
        return self.nodes[0].name

    @property
    def names(self) -> tuple[str, ...]:
        """The treatments."""
        return tuple(node.name for node in self.nodes)

    @property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """The treatments that trials connect with each other: one part where the network is connected."""
        part = _parts(self.compared)
        return tuple(
            tuple(name for name, own in zip(self.names, part, strict=True) if own == each)
            for each in dict.fromkeys(part)
        )

    def both(self, first: str, second: str) -> Booleans:
        """Say of every trial whether it compares two treatments."""
        i, j = self.names.index(first), self.names.index(second)
        return self.compared[:, i] & self.compared[:, j]

    def designs(self) -> pd.Series[str]:
        """Return the design of each row's trial: the treatments that it compares; `ALONE` if it has one."""
        labels = [" + ".join(np.array(self.names)[has]) if has.sum() > 1 else ALONE for has in self.compared]
        return pd.Series(labels, dtype=str).iloc[self.trial].reset_index(drop=True)


def network(rows: pd.DataFrame, spec: ModelSpec, column: str) -> Network:
    """Lay the rows of a model out as a network.

    Parameters
    ----------
    rows : DataFrame
        As `select_rows` chose them.
    spec : ModelSpec
        Its `networks` say what a trial is.
    column : str
        Which of them: the name of the column that holds the treatments.

    Raises
    ------
    MissingData
        Where the model has no such network, the rows lack a column of it, or no trial compares anything.
    """
    if column not in spec.networks:
        raise MissingData(
            f"model {spec.name!r}: [networks] has no {column!r}; it has"
            f" {', '.join(spec.networks) or 'none'}.{nearest(column, spec.networks)}"
        )
    treatment = joined(rows, [column], f"[networks.{column}]")
    trial = pd.factorize(joined(rows, spec.networks[column].trial, f"[networks.{column}] trial"))[0]
    names = _ordered(treatment, spec.fixed.reference.get(column))
    node = pd.Categorical(treatment, names).codes.astype(np.int64)
    compared = np.zeros((int(trial.max()) + 1, len(names)), dtype=bool)
    compared[trial, node] = True
    if not (compared.sum(axis=1) > 1).any():
        raise MissingData(
            f"[networks.{column}] no trial has two values of {column!r}: rows of one trial agree in"
            f" {', '.join(spec.networks[column].trial)}; name fewer columns in `trial`"
        )
    study = rows["study"].astype(str).to_numpy() if "study" in rows else trial
    return Network(
        column=column,
        nodes=tuple(_node(name, node == i, trial, study) for i, name in enumerate(names)),
        edges=tuple(_edges(names, compared, trial, node, study)),
        trial=trial.astype(np.int64),
        node=node,
        compared=compared,
    )


def _ordered(treatment: pd.Series, reference: str | None) -> list[str]:
    names = sorted(str(name) for name in treatment.unique())
    first = reference if reference is not None and reference in names else names[0]
    return [first, *(name for name in names if name != first)]


def _node(name: str, here: Booleans, trial: Integers, study: NDArray[np.object_] | Integers) -> Node:
    return Node(name, int(here.sum()), len(np.unique(trial[here])), len(np.unique(study[here])))


def _edges(
    names: Sequence[str],
    compared: Booleans,
    trial: Integers,
    node: Integers,
    study: NDArray[np.object_] | Integers,
) -> list[Edge]:
    edges: list[Edge] = []
    for (i, first), (j, second) in combinations(enumerate(names), 2):
        both = compared[:, i] & compared[:, j]
        if not both.any():
            continue
        part = _parts(compared[~both])
        rows = both[trial] & ((node == i) | (node == j))
        studies = len(np.unique(study[rows]))
        edges.append(Edge(first, second, int(both.sum()), studies, bool(part[i] == part[j])))
    return edges


def _parts(compared: Booleans) -> Integers:
    """Return which part of the network each treatment is in, given trials by treatments."""
    counts = compared.astype(np.int64)
    return connected_components(counts.T @ counts, directed=False)[1].astype(np.int64)
