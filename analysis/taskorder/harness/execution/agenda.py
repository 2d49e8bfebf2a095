"""What of a plan is left to do, as the folder of nodes has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from taskorder.harness.sealed import Damaged
from taskorder.harness.tree.nodes import Store
from taskorder.harness.tree.plan import Evaluation, Plan


@dataclass(frozen=True, slots=True)
class Agenda:
    """What is left to do.

    Attributes
    ----------
    train : frozenset of str
        Nodes to train: those that never were, or whose dropped weights something needs.
    score : mapping of str to tuple of Evaluation
        Evaluations without scores, by node.
    """

    train: frozenset[str]
    score: Mapping[str, tuple[Evaluation, ...]]

    def __contains__(self, name: str) -> bool:
        return name in self.train or name in self.score


def agenda(plan: Plan, store: Store, say: Callable[[str], None], *, mend: bool) -> Agenda:
    """Compare a plan with the nodes that are there.

    Small files of every node are verified, and weights where something needs them: a child that is to be
    trained, or a score that is missing.

    Parameters
    ----------
    plan : Plan
    store : Store
    say : callable
        Is told of damage.
    mend : bool
        Remove what is damaged; else it only counts as missing.

    Returns
    -------
    Agenda
    """
    children = plan.children()
    train: set[str] = set()
    score: dict[str, tuple[Evaluation, ...]] = {}

    def damaged(file: Path, error: Damaged) -> None:
        say(f"{error}: its evaluations are scored again.")
        if mend:
            file.unlink()

    for node in reversed(plan.nodes):
        known = store.scores(node.id, damaged)
        missing = tuple(one for one in node.evaluations if plan.keys[one] not in known)
        if missing:
            score[node.id] = missing
        needed = bool(missing) or any(child.id in train for child in children[node.id])
        try:
            present = store.record(node.id, weights=needed) is not None
        except Damaged as error:
            say(f"{error}: the node is trained again.")
            present = False
            if mend:
                store.remove(node.id)
        if not present:
            train.add(node.id)
    return Agenda(frozenset(train), score)
