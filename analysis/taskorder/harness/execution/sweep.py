"""The order of work: any node whose parent is done, depth first, so that checkpoints are dropped early."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from taskorder.errors import TaskorderError
from taskorder.harness.execution.agenda import Agenda
from taskorder.harness.execution.jobs import Executor, Job, Outcome
from taskorder.harness.experiments.settings import Keep
from taskorder.harness.tree.nodes import Store
from taskorder.harness.tree.plan import Node, Plan
from taskorder.results.sequences import render

RETRIES = 3
"""How often a node is begun again whose process died."""
LOOK = 0.5
"""Seconds between two looks at the clock."""


class SweepFailed(TaskorderError):
    """Some nodes could not be trained or scored."""


@dataclass(frozen=True, slots=True)
class State:
    """How far a sweep is.

    Attributes
    ----------
    done, waiting, failed : int
        Nodes; `failed` counts those that wait for one that failed, too.
    running : tuple of Node
    tokens_done, tokens_left : int
        Of trainings; those that run are left.
    """

    done: int
    waiting: int
    failed: int
    running: tuple[Node, ...]
    tokens_done: int
    tokens_left: int


@dataclass
class Sweep:
    """One pass over what is left of a plan.

    Parameters
    ----------
    plan, agenda, store
    keep : {"leaves", "all", "none"}
    job : callable
        Makes the job of a node.
    say : callable
        Is told what the person has to know.
    tell : callable
        Is told how far the sweep is, now and then.
    """

    plan: Plan
    agenda: Agenda
    store: Store
    keep: Keep
    job: Callable[[Node], Job]
    say: Callable[[str], None]
    tell: Callable[[State], None]
    _left: dict[str, Node] = field(init=False)
    _ready: list[int] = field(init=False, default_factory=list[int])
    _running: dict[str, Node] = field(init=False, default_factory=dict[str, Node])
    _deaths: Counter[str] = field(init=False, default_factory=Counter[str])
    _failures: dict[str, str] = field(init=False, default_factory=dict[str, str])

    def __post_init__(self) -> None:
        self._place = {node.id: place for place, node in enumerate(self.plan.nodes)}
        self._children = self.plan.children()
        self._left = {node.id: node for node in self.plan.nodes if node.id in self.agenda}
        for node in self._left.values():
            if node.parent not in self.agenda.train or node.id not in self.agenda.train:
                heapq.heappush(self._ready, self._place[node.id])

    def run(self, executor: Executor) -> None:
        """Do all that is left.

        Raises
        ------
        SweepFailed
            When all is done that can be, if something failed; at once if the disk is full.
        """
        for node in self.plan.nodes:
            self._drop_if_spent(node)
        self._tell()
        while self._ready or self._running:
            while self._ready and len(self._running) < executor.slots:
                node = self.plan.nodes[heapq.heappop(self._ready)]
                self._running[node.id] = node
                executor.start(self.job(node))
            self._tell()
            for outcome in executor.finished(LOOK):
                self._settle(self._running.pop(outcome.id), outcome)
        self._tell()
        if self._failures:
            raise SweepFailed(self._summary())

    def _settle(self, node: Node, outcome: Outcome) -> None:
        if outcome.status == "full":
            raise SweepFailed(
                f"The disk is full: {outcome.message}. {self._finished()} are kept, and nothing of the node"
                f' that was being written. Free space under {self.store.folder}, or set keep = "none", and'
                " run again."
            )
        if outcome.message:
            self.say(outcome.message if outcome.status == "done" else f"{describe(node)}: {outcome.message}")
        if outcome.status == "done":
            self._done(node)
        elif outcome.status == "died" and self._deaths[node.id] < RETRIES:
            self._deaths[node.id] += 1
            heapq.heappush(self._ready, self._place[node.id])
        else:
            times = f" ({RETRIES + 1} times)" if outcome.status == "died" else ""
            self._fail(node, f"{outcome.message}{times}\n{outcome.details}".rstrip())

    def _done(self, node: Node) -> None:
        del self._left[node.id]
        for child in self._children[node.id]:
            if child.id in self._left and child.id in self.agenda.train and node.id in self.agenda.train:
                heapq.heappush(self._ready, self._place[child.id])
        self._drop_if_spent(node)
        if node.parent:
            self._drop_if_spent(self.plan.nodes[self._place[node.parent]])

    def _fail(self, node: Node, message: str) -> None:
        self._failures[node.id] = message
        if node.id in self.agenda.train:
            for child in self._children[node.id]:
                if child.id in self._left and child.id in self.agenda.train:
                    self._fail(child, "")

    def _drop_if_spent(self, node: Node) -> None:
        """Drop the weights of a node that nothing in the plan waits for, unless they are to be kept."""
        if self.keep == "all" or (self.keep == "leaves" and node.role == "target") or node.id in self._left:
            return
        if not any(child.id in self._left for child in self._children[node.id]):
            self.store.drop_weights(node.id)

    def _tell(self) -> None:
        tokens = self.plan.tokens
        left = sum(tokens[name] for name in self._left if name in self.agenda.train)
        all_tokens = sum(tokens[name] for name in self.agenda.train)
        failed, running = len(self._failures), tuple(self._running.values())
        waiting = len(self._left) - failed - len(running)
        done = len(self.plan.nodes) - len(self._left)
        self.tell(State(done, waiting, failed, running, all_tokens - left, left))

    def _finished(self) -> str:
        return f"{len(self.plan.nodes) - len(self._left):,} of {len(self.plan.nodes):,} nodes"

    def _summary(self) -> str:
        own = {name: message for name, message in self._failures.items() if message}
        behind = len(self._failures) - len(own)
        lines = [f"{describe(self._left[name])}: {message}" for name, message in own.items()]
        after = f", and {behind:,} that start from them" if behind else ""
        nodes = "1 node" if len(own) == 1 else f"{len(own):,} nodes"
        lines.append(
            f"{nodes} failed{after}; {self._finished()} are done and kept. No table is written. Run again"
            " when the cause is mended: only what is missing is trained."
        )
        return "\n".join(lines)


def describe(node: Node) -> str:
    """Name a node so that a person finds it."""
    return f"node {node.id} ({render(node.steps)}, {node.backbone}, {node.tuning}, seed {node.seed})"
