"""What a plan asks about tasks and backbones, and what is done to a node: a module that has these functions.

The module is named by its dotted name, so that it means the same in every process and on every machine.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from taskorder.harness.experiments.experiment import Experiment
from taskorder.harness.tree.plan import Evaluation, Node, Step
from taskorder.results.sequences import Stage

type Row = Mapping[str, Any]
"""A score: `task, language, metric, score, n_test, perturbation, severity`, and columns of its own."""


class Work(Protocol):
    """The functions of such a module."""

    def check(self, experiment: Experiment) -> None:
        """Raise a TaskorderError with all that would stop the training: tasks, languages, backbones."""
        ...

    def languages(self, task: str, experiment: Experiment) -> Sequence[str]:
        """Return the languages in which a task can be scored."""
        ...

    def training_language(self, stage: Stage, experiment: Experiment) -> str:
        """Return the language that a stage is trained in."""
        ...

    def data_digest(self, stage: Stage, experiment: Experiment) -> str:
        """Return what identifies the training and the dev data of a stage."""
        ...

    def evaluation_digest(self, evaluation: Evaluation, experiment: Experiment) -> str:
        """Return what identifies the test data of an evaluation."""
        ...

    def backbone_digest(self, backbone: str, experiment: Experiment) -> str:
        """Return what identifies a backbone: its files."""
        ...

    def code_digest(self) -> str:
        """Return what identifies the code that decides the outcome of a training."""
        ...

    def scoring_digest(self, evaluation: Evaluation) -> str:
        """Return what identifies the code that decides the score of an evaluation."""
        ...

    def tokens(self, step: Step, tuning: str, experiment: Experiment) -> int:
        """Return about how many tokens a step is trained on."""
        ...

    def parameters(self, backbone: str, experiment: Experiment) -> int:
        """Return how many parameters a backbone has."""
        ...

    def versions(self) -> Mapping[str, str]:
        """Return the versions of the libraries that train."""
        ...

    def train(self, node: Node, experiment: Experiment, parent: Path | None, folder: Path) -> str:
        """Train a node from its parent's folder (None: the backbone), and write its files.

        Return what the person has to know about it, which is mostly nothing.
        """
        ...

    def score(
        self, node: Node, experiment: Experiment, folder: Path, evaluations: Sequence[Evaluation]
    ) -> Sequence[Row]:
        """Score a trained node: at least one row an evaluation."""
        ...


def load(name: str) -> Work:
    """Return the module of a dotted name."""
    return cast("Work", importlib.import_module(name))
