"""What a plan costs: trainings, tokens, time, space."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from taskorder.harness.execution.agenda import Agenda
from taskorder.harness.experiments.experiment import Experiment
from taskorder.harness.sealed import Damaged
from taskorder.harness.tree.nodes import Store
from taskorder.harness.tree.plan import Node, Plan

OPERATIONS = 1e11
"""Operations a second of one CPU core, assumed where nothing was measured; a token takes six a parameter."""
FASTEST = 2e4
"""Tokens a second at most, assumed: small batches of small models are mostly overhead."""
BYTES = 4
ADAPTER = 0.02
"""Size of a checkpoint of an adapter or a prompt, as a part of the encoder's."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a plan, and what is left of it.

    Attributes
    ----------
    trainings, saved : int
        Stage trainings of the plan, and how many more there would be without sharing.
    left, scorings : int
        Trainings left to do, and nodes to score.
    tokens : int
        Of the trainings that are left.
    seconds : float
        Of those, one after the other.
    measured : int
        From how many finished trainings the speed is known; 0 where it is assumed.
    space : int
        Bytes of checkpoints at most, at the same time.
    """

    trainings: int
    saved: int
    left: int
    scorings: int
    tokens: int
    seconds: float
    measured: int
    space: int


def cost(
    plan: Plan, agenda: Agenda, store: Store, experiment: Experiment, parameters: Callable[[str], int]
) -> Cost:
    """Estimate what a plan costs.

    Parameters
    ----------
    plan, agenda, store, experiment
    parameters : callable
        Returns how many a backbone has.
    """
    sizes = {name: parameters(name) for name in experiment.backbones}
    speeds, measured = _speeds(plan, store)
    left = [node for node in plan.nodes if node.id in agenda.train]
    assumed = {name: min(FASTEST, OPERATIONS / (6 * max(1, size))) for name, size in sizes.items()}
    seconds = sum(
        plan.tokens[node.id] / speeds.get((node.backbone, node.tuning), assumed[node.backbone])
        for node in left
    )
    return Cost(
        trainings=len(plan.nodes),
        saved=plan.unshared - len(plan.nodes),
        left=len(left),
        scorings=len(agenda.score),
        tokens=sum(plan.tokens[node.id] for node in left),
        seconds=seconds,
        measured=measured,
        space=_space(plan, experiment, lambda node: round(sizes[node.backbone] * BYTES * _part(node))),
    )


def _part(node: Node) -> float:
    return 1.0 if node.tuning == "full" else ADAPTER


def _speeds(plan: Plan, store: Store) -> tuple[dict[tuple[str, str], float], int]:
    """Return tokens a second of each backbone and tuning, from the nodes that are there, and their number."""
    tokens, seconds = Counter[tuple[str, str]](), defaultdict[tuple[str, str], float](float)
    measured = 0
    for node in plan.nodes:
        try:
            record = store.record(node.id, weights=False)
        except Damaged:
            continue
        if record is not None and record.tokens and record.seconds:
            tokens[node.backbone, node.tuning] += record.tokens
            seconds[node.backbone, node.tuning] += record.seconds
            measured += 1
    return {which: tokens[which] / seconds[which] for which in tokens}, measured


def _space(plan: Plan, experiment: Experiment, size: Callable[[Node], int]) -> int:
    """Return the bytes of all checkpoints that stay, and of those on the longest way that do not."""
    stay = {"all": plan.nodes, "leaves": [n for n in plan.nodes if n.role == "target"], "none": []}
    kept = sum(map(size, stay[experiment.keep]))
    if experiment.keep == "all" or not plan.nodes:
        return kept
    return kept + max(size(node) * len(node.steps) for node in plan.nodes)
