"""The plan of an experiment: a tree of stages, in which sequences that begin alike share what they share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from taskorder.files import sha256_text
from taskorder.harness.experiments.experiment import Experiment
from taskorder.harness.experiments.settings import ONLY_FOR, Training
from taskorder.harness.noise.perturbation import applies
from taskorder.results.sequences import Sequence, Stage

if TYPE_CHECKING:
    from taskorder.harness.tree.work import Work

type Step = tuple[Stage, ...]
type Role = Literal["intermediate", "target"]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation set of a trained target: a task, a language, and what is done to its text.

    Attributes
    ----------
    task : str
    language : str
    perturbation : str
        Such as `typos`; empty for clean text.
    severity : float or None
    """

    task: str
    language: str
    perturbation: str = ""
    severity: float | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One stage training: what is trained, on what, after which other node.

    Attributes
    ----------
    id : str
        Sixteen hexadecimal digits of the hash of all that decides the outcome: the parent, the task's data,
        the hyper-parameters, the seed, the backbone's files and the code of the training step.
    parent : str
        The node whose encoder this one starts from; empty where it starts from the backbone.
    backbone, tuning : str
    seed : int
    steps : tuple of tuples of Stage
        The whole sequence up to and with this node's own step, which is the last; its stages are trained
        jointly.
    role : {"intermediate", "target"}
    evaluations : tuple of Evaluation
        What a target is scored on; empty for an intermediate stage.
    """

    id: str
    parent: str
    backbone: str
    tuning: str
    seed: int
    steps: tuple[tuple[Stage, ...], ...]
    role: Role
    evaluations: tuple[Evaluation, ...] = ()

    @property
    def own(self) -> tuple[Stage, ...]:
        """The stages that this node trains."""
        return self.steps[-1]


@dataclass(frozen=True, slots=True)
class Plan:
    """What an experiment trains and scores.

    Attributes
    ----------
    nodes : tuple of Node
        Depth first, every parent before its children.
    keys : mapping of Evaluation to str
        Sixteen hexadecimal digits of the hash of all that decides an evaluation beside the node: its data,
        its perturbation, how many examples, the code of scoring.
    tokens : mapping of str to int
        About how many tokens each node is trained on.
    unshared : int
        How many trainings there would be if every sequence were trained for itself.
    """

    nodes: tuple[Node, ...]
    keys: Mapping[Evaluation, str]
    tokens: Mapping[str, int]
    unshared: int

    def children(self) -> dict[str, list[Node]]:
        """Return the nodes that start from each node; from the backbones under an empty id."""
        found: dict[str, list[Node]] = {node.id: [] for node in self.nodes} | {"": []}
        for node in self.nodes:
            found[node.parent].append(node)
        return found


def plan(experiment: Experiment, work: Work) -> Plan:
    """Lay an experiment out as a tree.

    Sequences that begin alike share their stages, for each backbone, tuning and seed.

    Parameters
    ----------
    experiment : Experiment
    work : Work
        Tells languages and digests; nothing is trained.

    Returns
    -------
    Plan

    Raises
    ------
    TaskorderError
        If a task or its data are not there.
    """
    orders, maker = {seed: experiment.orders_of(seed) for seed in experiment.seeds}, _Maker(experiment, work)
    for backbone in experiment.backbones:
        for tuning in experiment.tuning:
            for seed in experiment.seeds:
                maker.add_tree(backbone, tuning, seed, orders[seed])
    keys = {one: maker.key(one) for one in dict.fromkeys(e for n in maker.nodes for e in n.evaluations)}
    repeats = len(experiment.backbones) * len(experiment.tuning) * len(experiment.targets)
    unshared = repeats * sum(len(order) + 1 for seed in experiment.seeds for order in orders[seed])
    return Plan(tuple(maker.nodes), keys, maker.tokens, unshared)


class _Maker:
    """Makes nodes, and asks for each digest once."""

    def __init__(self, experiment: Experiment, work: Work) -> None:
        self.experiment = experiment
        self.nodes: list[Node] = []
        self.tokens: dict[str, int] = {}
        self._code, self._scoring = work.code_digest(), work.scoring_digest
        self._data = cache(lambda stage: work.data_digest(stage, experiment))
        self._set = cache(lambda one: work.evaluation_digest(one, experiment))
        self._backbone = cache(lambda name: work.backbone_digest(name, experiment))
        self._tokens = cache(lambda stages, tuning: work.tokens(stages, tuning, experiment))
        self._languages = cache(lambda task: tuple(work.languages(task, experiment)))
        self._applies = cache(applies)
        self._trained_in = cache(lambda stage: work.training_language(stage, experiment))

    def add_tree(self, backbone: str, tuning: str, seed: int, orders: Iterable[Sequence]) -> None:
        """Add the nodes of one backbone, tuning and seed, depth first."""
        wanted, after = set(orders), dict[Sequence, dict[Step, None]]()
        for order in orders:
            for i, step in enumerate(order):
                after.setdefault(order[:i], {})[step] = None

        def visit(before: Sequence, parent: str) -> None:
            root = (backbone, tuning, seed)
            if before in wanted:
                for target, table in self.experiment.targets.items():
                    self._add(root, parent, (*before, (Stage(target, table.train),)), "target")
            for step in after.get(before, ()):
                steps = (*before, step)
                visit(steps, self._add(root, parent, steps, "intermediate"))

        visit((), "")

    def _add(self, root: tuple[str, str, int], parent: str, steps: Sequence, role: Role) -> str:
        backbone, tuning, seed = root
        name = digest_of(self._identity(root, parent, steps, role))
        evaluations = tuple(dict.fromkeys(self._evaluations(steps, role)))
        self.nodes.append(Node(name, parent, backbone, tuning, seed, steps, role, evaluations))
        self.tokens[name] = self._tokens(steps[-1], tuning)
        return name

    def _identity(
        self, root: tuple[str, str, int], parent: str, steps: Sequence, role: Role
    ) -> dict[str, object]:
        backbone, tuning, seed = root
        experiment, step = self.experiment, steps[-1]
        reused = experiment.targets[step[0].task].reuse_head if role == "target" else ""
        held = any(stage.task == reused for earlier in steps[:-1] for stage in earlier)
        lengths = [experiment.training_for(stage.task, tuning).max_length for stage in step]
        return {
            "parent": parent,
            "backbone": "" if parent else self._backbone(backbone),
            "tuning": tuning,
            "seed": seed,
            "stages": [
                [str(stage), self._data(stage), length] for stage, length in zip(step, lengths, strict=True)
            ],
            "role": role,
            "head": reused if held else "",
            "training": _decisive(experiment.training_for("+".join(map(str, step)), tuning), step, tuning),
            "code": self._code,
        }

    def _evaluations(self, steps: Sequence, role: Role) -> Iterator[Evaluation]:
        if role == "target":
            yield from self._of_target(steps[-1][0].task)
        if self.experiment.evaluation.stages:
            for step in steps if role == "intermediate" else steps[:-1]:
                for stage in step:
                    language = self._trained_in(stage)
                    if language in self._languages(stage.task):
                        yield Evaluation(stage.task, language)

    def _of_target(self, target: str) -> Iterator[Evaluation]:
        asked = self.experiment.targets[target].evaluate
        for language in self._languages(target) if asked == "all" else asked:
            yield Evaluation(target, language)
            for one in self.experiment.perturbations():
                if self._applies(one, language):
                    yield Evaluation(target, language, one.name, one.severity)

    def key(self, one: Evaluation) -> str:
        """Return what identifies an evaluation."""
        table = self.experiment.evaluation
        return digest_of(
            {
                "evaluation": [one.task, one.language, one.perturbation, one.severity],
                "data": self._set(one),
                "batch_tokens": table.batch_tokens,
                "max_examples": table.max_examples,
                "code": self._scoring(one),
            }
        )


def _decisive(training: Training, step: Step, tuning: str) -> dict[str, object]:
    """Return the hyper-parameters that mean something for a step."""
    idle = {name for name, only in ONLY_FOR.items() if only != tuning}
    alone = {"mixing"} if len(step) == 1 else set[str]()
    return training.model_dump(exclude=idle | alone | {"snapshot_minutes"})


def digest_of(content: object) -> str:
    """Return sixteen hexadecimal digits of the sha256 of a value's canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return sha256_text(text)[:16]
