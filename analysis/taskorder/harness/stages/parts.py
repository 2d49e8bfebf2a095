"""What a stage trains on: tasks with their features, made once for each tokeniser and length."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from taskorder.errors import InvalidTask
from taskorder.harness.examples import evenly
from taskorder.harness.experiments.experiment import Experiment
from taskorder.harness.experiments.settings import Training
from taskorder.harness.model.encoding import Encoded, Reading, refuse_unanswerable
from taskorder.harness.model.learner import Units, units
from taskorder.harness.model.predicting import EvaluationSet
from taskorder.harness.stages.features import features
from taskorder.harness.tasks.task import Task, find_task
from taskorder.harness.tree.plan import Node
from taskorder.results.sequences import Stage


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


def prepared(node: Node, experiment: Experiment, tokenizer: Any, folder: Path) -> list[Part]:
    """Read and tokenise what a node, in its folder, trains on; nothing for a task that is not trained."""
    parts: list[Part] = []
    for stage in node.own:
        task = find_task(stage.task, experiment.task_folders())
        if task.kind == "retrieval":
            continue
        training = experiment.training_for(stage.task, node.tuning)
        stage = replace(stage, language=stage.language or train_language(task))
        reading = Reading(tokenizer, task.kind, task.labels, training.max_length)
        train_features = features(
            folder,
            reading,
            [task.digest("train", stage.language)],
            partial(task.examples, "train", stage.language),
        )
        if task.kind == "span":
            refuse_unanswerable(train_features, task.name, training.max_length)
        parts.append(
            Part(
                stage,
                task,
                train_features,
                units(train_features, task.kind),
                _dev(task, stage.language, reading, training),
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


def _dev(task: Task, language: str, reading: Reading, training: Training) -> EvaluationSet | None:
    if task.kind == "lines" or language not in task.languages("dev") or not training.dev_points:
        return None
    examples = evenly(task.examples("dev", language), training.dev_examples)
    return EvaluationSet(examples, reading.encode(examples))
