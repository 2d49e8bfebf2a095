"""The plan of an experiment: a tree of stages, in which sequences that begin alike share what they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from taskorder.results.sequences import Stage

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
