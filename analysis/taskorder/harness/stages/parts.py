"""What a stage trains on: tasks with their features, made once for each tokeniser and length."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from taskorder.errors import InvalidTask
from taskorder.files import sha256_text
from taskorder.harness.examples import evenly
from taskorder.harness.experiments.experiment import Experiment
from taskorder.harness.experiments.settings import Training
from taskorder.harness.model.encoding import Encoded, Reading, kept, refuse_unanswerable
from taskorder.harness.model.learner import Units, units
from taskorder.harness.model.predicting import EvaluationSet
from taskorder.harness.tasks.task import Task, find_task
from taskorder.harness.tree.plan import Node
from taskorder.results.sequences import Stage

FEATURES = "features"
"""The folder of features, beside that of the nodes."""


@dataclass(frozen=True)
class Part:
    """One of the tasks that a stage trains, with its data.

    Attributes
    ----------
    stage : Stage
        With its language.
    task : Task
    train : Encoded
    units : Units
    dev : EvaluationSet or None
    """

    stage: Stage
    task: Task
    train: Encoded
    units: Units
    dev: EvaluationSet | None


def settings(node: Node, experiment: Experiment) -> Training:
    """Return the hyper-parameters of a node's own step."""
    return experiment.training_for("+".join(map(str, node.own)), node.tuning)


def prepared(node: Node, experiment: Experiment, tokenizer: Any, features: Path) -> list[Part]:
    """Read and tokenise what a node trains on; nothing for a task that is not trained."""
    parts: list[Part] = []
    for stage in node.own:
        task = find_task(stage.task, experiment.task_folders())
        if task.kind == "retrieval":
            continue
        training = experiment.training_for(stage.task, node.tuning)
        stage = replace(stage, language=stage.language or train_language(task))
        train_features = encoded(task, "train", stage.language, tokenizer, training.max_length, features)
        if task.kind == "span":
            refuse_unanswerable(train_features, task.name, training.max_length)
        parts.append(
            Part(
                stage,
                task,
                train_features,
                units(train_features, task.kind),
                _dev(task, stage.language, tokenizer, training),
            )
        )
    return parts


def train_language(task: Task) -> str:
    """Return the language in which a task is trained where none is named: English, or the only one.

    Raises
    ------
    InvalidTask
        If there is no English and more than one, or none.
    """
    languages = task.languages("train")
    if "en" in languages:
        return "en"
    if len(languages) != 1:
        raise InvalidTask(
            f"task {task.name!r}: name the language that it is trained in, as in {task.name}[xx]; it has "
            + (", ".join(languages) or "no training data")
        )
    return languages[0]


def encoded(
    task: Task, split: str, language: str, tokenizer: Any, max_length: int, features: Path
) -> Encoded:
    """Return the features of a split, made once for each tokeniser and length."""
    reading = Reading(tokenizer, task.kind, task.labels, max_length)
    key = sha256_text(
        json.dumps([task.digest(split, language), tokenizer.backend_tokenizer.to_str(), max_length])
    )
    return kept(features / key[:16], lambda: reading.encode(task.examples(split, language)))


def _dev(task: Task, language: str, tokenizer: Any, training: Training) -> EvaluationSet | None:
    if task.kind == "lines" or language not in task.languages("dev") or not training.dev_points:
        return None
    examples = evenly(task.examples("dev", language), training.dev_examples)
    reading = Reading(tokenizer, task.kind, task.labels, training.max_length)
    return EvaluationSet(examples, reading.encode(examples))
