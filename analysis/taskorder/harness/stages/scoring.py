"""Scores of a trained model: all evaluation sets of a task, clean and perturbed, in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from taskorder.errors import MissingData
from taskorder.harness import metrics
from taskorder.harness.examples import evenly
from taskorder.harness.experiments.experiment import Experiment
from taskorder.harness.model.encoders import read_tokenizer
from taskorder.harness.model.encoding import Reading
from taskorder.harness.model.heads import fresh
from taskorder.harness.model.learner import Learner, Vocabulary, device, precise
from taskorder.harness.model.predicting import EvaluationSet, predict
from taskorder.harness.noise.perturbation import Perturbation, perturbed
from taskorder.harness.stages.checkpoints import HEADS, LAST, of_head, taken_over
from taskorder.harness.stages.features import CLEAN, PERTURBED, features
from taskorder.harness.stages.parts import settings
from taskorder.harness.stages.training import repeatable
from taskorder.harness.streams import number
from taskorder.harness.tasks.task import Task, find_task
from taskorder.harness.tree.plan import Evaluation, Node

PERTURBATION_SEED = 0
"""All models read the same perturbed texts."""


def score(
    node: Node, experiment: Experiment, folder: Path, evaluations: Sequence[Evaluation]
) -> list[dict[str, Any]]:
    """Score a trained node.

    Parameters
    ----------
    node : Node
    experiment : Experiment
    folder : Path
        Of the node, with its checkpoint.
    evaluations : sequence of Evaluation

    Returns
    -------
    list of dict
        `task, language, metric, score, n_test, perturbation, severity`, one a metric and evaluation; where
        weights were chosen by their dev score, `last_score`, too: that of the last ones.

    Raises
    ------
    MissingData
        If the node has no head for a task, or has been trained without one.
    """
    rows: list[dict[str, Any]] = []
    with repeatable(number(node.seed, "score")):
        tasks = groupby(sorted(evaluations, key=lambda one: one.task), key=lambda one: one.task)
        for name, of_task in tasks:
            rows += _of_task(node, experiment, folder, name, list(of_task))
    return rows


def _of_task(
    node: Node, experiment: Experiment, folder: Path, name: str, evaluations: Sequence[Evaluation]
) -> list[dict[str, Any]]:
    task, training = find_task(name, experiment.task_folders()), settings(node, experiment)
    tokenizer = read_tokenizer(experiment.backbone_place(node.backbone))
    reading = Reading(tokenizer, task.kind, task.labels, training.max_length)
    most = experiment.evaluation.max_examples
    sets = [_set(task, one, reading, most, folder) for one in evaluations]

    def rows(place: Path) -> list[dict[str, Any]]:
        learner, _ = trained(node, experiment, place, task)
        with precise(training.precision):
            found = predict(learner, name, task.kind, task.labels, sets, experiment.evaluation.batch_tokens)
        return [
            {
                "task": name,
                "language": one.language,
                "metric": metrics.METRICS[metric].reported,
                "score": metrics.score(metric, predictions, own.examples, language=one.language),
                "n_test": len(own.examples),
                "perturbation": one.perturbation,
                "severity": one.severity,
            }
            for one, own, predictions in zip(evaluations, sets, found, strict=True)
            for metric in task.metrics
        ]

    kept_rows = rows(folder)
    if training.select == "last":
        return kept_rows
    last_rows = rows(folder / LAST) if (folder / LAST).is_dir() else kept_rows
    return [row | {"last_score": last["score"]} for row, last in zip(kept_rows, last_rows, strict=True)]


def _set(task: Task, one: Evaluation, reading: Reading, most: int | None, node: Path) -> EvaluationSet:
    examples = evenly(task.examples("test", one.language), most)
    if one.perturbation:
        assert one.severity is not None
        what = Perturbation(one.perturbation, one.severity)
        examples = perturbed(examples, what, language=one.language, seed=PERTURBATION_SEED)
    data = [task.digest("test", one.language), one.perturbation, one.severity, "evenly", most]
    modules = PERTURBED if one.perturbation else CLEAN
    return EvaluationSet(examples, features(node, reading, data, lambda: examples, modules))


def trained(node: Node, experiment: Experiment, folder: Path, task: Task) -> tuple[Learner, Any]:
    """Read a node's encoder and its head for a task; a retrieval task needs none.

    Raises
    ------
    MissingData
        If there is no such head.
    """
    encoder = taken_over(node, experiment, folder)
    tokenizer = read_tokenizer(experiment.backbone_place(node.backbone))
    heads: dict[str, nn.Module] = {}
    if task.kind != "retrieval":
        state = of_head(load_file(folder / HEADS), task.name)
        if not state:
            raise MissingData(f"node {node.id} has no head for {task.name!r}: it was not trained on it")
        head = fresh(task.kind, len(task.labels) or 1, encoder.sizes, torch.Generator().manual_seed(0))
        head.load_state_dict(state)
        heads[task.name] = head
    return Learner(encoder, heads, Vocabulary.of(tokenizer)).to(device()), tokenizer
