"""The work on a plan as it is really done: tasks from their files, encoders from transformers, torch.

See `taskorder.harness.tree.work` for what each function means.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from taskorder import __version__
from taskorder.errors import InvalidExperiment, TaskorderError, nearest
from taskorder.harness.examples import ChoiceExample, Example
from taskorder.harness.experiments.experiment import Experiment
from taskorder.harness.stages import code
from taskorder.harness.tasks.task import Task, find_task
from taskorder.harness.tree.plan import Evaluation, Node, Step
from taskorder.results.sequences import Stage

TRAINING = (
    "examples",
    "metrics",
    "model",
    "stages/checkpoints",
    "stages/features",
    "stages/parts",
    "stages/training",
    "streams",
)
SCORING = ("examples", "metrics", "model/predicting", "stages/features", "stages/scoring")
PERTURBED = (*SCORING, "noise")
LIBRARIES = ("torch", "transformers", "tokenizers", "peft", "numpy")

ANSWERS = 200
"""Examples whose answers are looked for before anything is trained."""
UNREAD = {"id", "labels", "language"}
"""What an encoder does not read of an example."""
LETTERS = 3.5
"""About how many letters a token of a multilingual vocabulary has."""


def check(experiment: Experiment) -> None:
    """Raise with all that would stop the training: tasks, their data in each language, backbones."""
    steps = [step for order in experiment.orders() for step in order]
    stages = dict.fromkeys(stage for step in steps for stage in step)
    questions = [
        *(partial(_check_stage, stage, experiment) for stage in stages),
        *(partial(_check_target, name, experiment) for name in experiment.targets),
        *(partial(_check_backbone, backbone, experiment) for backbone in experiment.backbones),
        *(
            partial(_check_answers, step, tuning, backbone, experiment)
            for step in dict.fromkeys([*steps, *_trained_targets(experiment)])
            for tuning in experiment.tuning
            for backbone in experiment.backbones
        ),
    ]
    problems: list[str] = []
    for question in questions:
        try:
            question()
        except TaskorderError as error:
            problems.append(str(error))
    if problems:
        raise InvalidExperiment("\n".join(dict.fromkeys(problems)))


def _check_stage(stage: Stage, experiment: Experiment) -> None:
    task = _task(stage.task, experiment)
    if task.kind == "retrieval":
        raise InvalidExperiment(
            f"[sequences] task {task.name!r} is for retrieval, which nothing is trained on"
        )
    task.examples("train", training_language(stage, experiment))


def _check_target(name: str, experiment: Experiment) -> None:
    task, target = _task(name, experiment), experiment.targets[name]
    where = f"[targets.{name}]"
    if task.kind == "lines":
        raise InvalidExperiment(f"{where} {name!r} is language modelling: it has no score, so is no target")
    if (task.kind == "retrieval") != (target.train == ""):
        advice = 'it is not trained: write train = ""' if target.train else "name its training language"
        raise InvalidExperiment(f"{where} train = {target.train!r}: {advice}")
    if target.train:
        task.examples("train", target.train)
    known = task.languages("test")
    for language in known if target.evaluate == "all" else target.evaluate:
        if language not in known:
            raise InvalidExperiment(
                f"{where} evaluate: no test data in {language!r}; there are {', '.join(known)}."
                + nearest(language, known)
            )
        task.examples("test", language)


def _check_backbone(backbone: str, experiment: Experiment) -> None:
    from taskorder.harness.model.encoders import read_encoder, read_tokenizer

    place = experiment.backbone_place(backbone)
    read_tokenizer(place)
    read_encoder(place, "full", {}, 0)


def _trained_targets(experiment: Experiment) -> list[Step]:
    return [(Stage(name, target.train),) for name, target in experiment.targets.items() if target.train]


def _check_answers(step: Step, tuning: str, backbone: str, experiment: Experiment) -> None:
    """See that a backbone's tokeniser leaves answers whole."""
    from taskorder.harness.model.encoders import read_tokenizer
    from taskorder.harness.model.encoding import Reading, refuse_unanswerable

    length = experiment.training_for("+".join(map(str, step)), tuning).max_length
    for stage in step:
        try:
            task = _task(stage.task, experiment)
            if task.kind != "span":
                continue
            examples = task.examples("train", training_language(stage, experiment))
            tokenizer = read_tokenizer(experiment.backbone_place(backbone))
        except TaskorderError:
            continue
        encoded = Reading(tokenizer, task.kind, task.labels, length).encode(examples[:ANSWERS])
        refuse_unanswerable(encoded, task.name, length)


def languages(task: str, experiment: Experiment) -> Sequence[str]:
    """Return the languages of a task's test data."""
    return _task(task, experiment).languages("test")


def training_language(stage: Stage, experiment: Experiment) -> str:
    """Return the language that a stage names, else English, else the only one; none for retrieval."""
    from taskorder.harness.stages.parts import train_language

    task = _task(stage.task, experiment)
    if task.kind == "retrieval":
        return ""
    return stage.language or train_language(task)


def data_digest(stage: Stage, experiment: Experiment) -> str:
    """Return what identifies the training and the dev data of a stage; nothing for retrieval."""
    task, language = _task(stage.task, experiment), training_language(stage, experiment)
    splits = [split for split in ("train", "dev") if language in task.languages(split)]
    return " ".join(task.digest(split, language) for split in splits)


def evaluation_digest(evaluation: Evaluation, experiment: Experiment) -> str:
    """Return what identifies the test data of an evaluation."""
    return _task(evaluation.task, experiment).digest("test", evaluation.language)


def backbone_digest(backbone: str, experiment: Experiment) -> str:
    """Return what identifies a backbone."""
    from taskorder.harness.model import encoders

    return encoders.backbone_digest(experiment.backbone_place(backbone))


def code_digest() -> str:
    """Return what identifies the code that decides the outcome of a training."""
    return code.digest(TRAINING)


def scoring_digest(evaluation: Evaluation) -> str:
    """Return what identifies the code that decides the score of an evaluation."""
    return code.digest(PERTURBED if evaluation.perturbation else SCORING)


def tokens(step: Step, tuning: str, experiment: Experiment) -> int:
    """Estimate the tokens of a step from the letters of its examples."""
    training = experiment.training_for("+".join(map(str, step)), tuning)
    total = 0.0
    for stage in step:
        if language := training_language(stage, experiment):
            count, letters = _size(_task(stage.task, experiment), language)
            used = count if training.max_examples is None else min(count, training.max_examples)
            each = min(letters / max(1, count) / LETTERS, training.max_length)
            total += used * each * training.epochs
    most = total if training.max_steps is None else training.max_steps * training.batch_tokens
    return round(min(total, most))


def parameters(backbone: str, experiment: Experiment) -> int:
    """Return how many parameters a backbone has."""
    import torch
    from transformers import AutoConfig, AutoModel

    config: Any = AutoConfig.from_pretrained(experiment.backbone_place(backbone), trust_remote_code=False)
    with torch.device("meta"):
        model: Any = AutoModel.from_config(config)
    return sum(int(tensor.numel()) for tensor in model.parameters())


def versions() -> Mapping[str, str]:
    """Return the versions of Python, of taskorder and of the libraries that train."""
    found = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return found | {"python": platform.python_version(), "taskorder": __version__}


def train(node: Node, experiment: Experiment, parent: Path | None, folder: Path) -> str:
    """Train a node."""
    from taskorder.harness.stages import training

    return training.train(node, experiment, parent, folder)


def score(
    node: Node, experiment: Experiment, folder: Path, evaluations: Sequence[Evaluation]
) -> list[dict[str, Any]]:
    """Score a node."""
    from taskorder.harness.stages import scoring

    return scoring.score(node, experiment, folder, evaluations)


def _task(name: str, experiment: Experiment) -> Task:
    return find_task(name, experiment.task_folders())


def _size(task: Task, language: str) -> tuple[int, int]:
    examples = task.examples("train", language)
    return len(examples), sum(_letters(example) for example in examples)


def _letters(example: Example) -> int:
    """Return how many letters of an example an encoder reads."""
    if isinstance(example, ChoiceExample):
        asked = len(example.prompt) + len(example.question)
        return sum(asked + len(choice) for choice in example.choices)
    values = [getattr(example, field.name) for field in fields(example) if field.name not in UNREAD]
    texts = [value for value in values if isinstance(value, str)]
    words = [word for value in values if isinstance(value, tuple) for word in value if isinstance(word, str)]
    return sum(map(len, texts)) + sum(len(word) + 1 for word in words)
