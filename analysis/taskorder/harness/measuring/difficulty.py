"""How difficult the tasks of an experiment are, from the learning curves that it left behind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from taskorder.harness.examples import evenly
from taskorder.harness.experiments.experiment import Experiment
from taskorder.harness.measuring.curves import DirectCurve, area, final_shortfall, online_code
from taskorder.harness.measuring.guessing import chance, guessing_loss
from taskorder.harness.measuring.measures import DIFFICULTY, Measure
from taskorder.harness.tasks.task import Task, find_task
from taskorder.results.sequences import Stage

READ = 1_000
"""Training examples of which the loss of guessing is computed, at most."""


def stages_of(experiment: Experiment) -> tuple[Stage, ...]:
    """Return the stages of all sequences, each once, as they are written."""
    steps = [step for order in experiment.orders() for step in order]
    return tuple(dict.fromkeys(stage for step in steps for stage in step))


def difficulties(
    experiment: Experiment, curves: Sequence[DirectCurve]
) -> tuple[list[Measure], tuple[str, ...]]:
    """Measure the difficulty of every stage and target from curves of direct training.

    Returns
    -------
    list of Measure
        For every task, measure, backbone and tuning for which there is a value.
    tuple of str
        What is missing, and what to do.

    Raises
    ------
    InvalidTask, MissingData
        If a task, its data or a tokeniser cannot be read.
    """
    trained = {name: Stage(name, target.train) for name, target in experiment.targets.items()}
    trained |= {str(stage): stage for stage in stages_of(experiment)}
    values: list[Measure] = []
    absent: list[str] = []
    silent: list[str] = []
    for key, stage in trained.items():
        task = find_task(stage.task, experiment.task_folders())
        if task.kind == "retrieval":
            continue
        own = [curve for curve in curves if curve.stage == _exact(task, stage) and _of(curve, experiment)]
        found = _of_task(key, task, own, experiment)
        values += found
        if not own:
            absent.append(key)
        elif all(one.measure != DIFFICULTY[0] for one in found):
            silent.append(key)
    return values, _notes(absent, silent)


def _exact(task: Task, stage: Stage) -> str:
    from taskorder.harness.stages.parts import train_language

    return str(Stage(stage.task, stage.language or train_language(task)))


def _of(curve: DirectCurve, experiment: Experiment) -> bool:
    return (
        curve.backbone in experiment.backbones
        and curve.tuning in experiment.tuning
        and curve.seed in experiment.seeds
    )


def _of_task(key: str, task: Task, curves: Sequence[DirectCurve], experiment: Experiment) -> list[Measure]:
    values: list[Measure] = []
    for (backbone, tuning), group in groupby(sorted(curves, key=_system), key=_system):
        own = list(group)
        backbone = experiment.backbone_name(backbone)
        seeds = ", ".join(map(str, sorted({curve.seed for curve in own})))
        source = f"{experiment.name}: direct training of {backbone}/{tuning}, seeds {seeds}"
        for measure, found in zip(DIFFICULTY, _by_seed(task, own, experiment).T, strict=True):
            found = found[~np.isnan(found)]
            if n := len(found):
                sd = float(np.std(found, ddof=1)) if n > 1 else math.nan
                mean = float(np.mean(found))
                values.append(Measure("difficulty", measure, key, "", mean, backbone, source, tuning, sd, n))
    return values


def _system(curve: DirectCurve) -> tuple[str, str]:
    return curve.backbone, curve.tuning


def _by_seed(task: Task, curves: Sequence[DirectCurve], experiment: Experiment) -> NDArray[np.float64]:
    """Return the measures of the curves of one system, (seeds, measures)."""
    from taskorder.harness.model.encoders import read_tokenizer

    training = experiment.training_for(task.name, curves[0].tuning)
    language = curves[0].stage.partition("[")[2].rstrip("]")
    examples = task.examples("train", language)
    epoch = min(len(examples), training.max_examples or len(examples))
    tokenizer = read_tokenizer(experiment.backbone_place(curves[0].backbone))
    loss = guessing_loss(task, examples[:READ], tokenizer, training.max_length)
    scored = any(not math.isnan(point.dev) for curve in curves for point in curve.points)
    dev = evenly(task.examples("dev", language), training.dev_examples) if scored else ()
    guess = chance(task, dev, language) if scored else math.nan
    seeds: dict[int, list[tuple[float, ...]]] = {}
    for curve in sorted(curves, key=lambda curve: curve.seed):
        points = curve.points
        found = final_shortfall(points, guess), area(points, guess), online_code(points, epoch, loss)
        seeds.setdefault(curve.seed, []).append(found)
    return np.array([np.mean(found, axis=0) for found in seeds.values()])


def _notes(absent: Sequence[str], silent: Sequence[str]) -> tuple[str, ...]:
    notes: list[str] = []
    if absent:
        notes.append(
            f"No difficulty of {', '.join(absent)}: no training straight from a backbone was found. Let"
            " [sequences] lengths include 1 (for a target 0), each task be a step of its own in the pool, and"
            " run the experiment."
        )
    if silent:
        notes.append(
            f"No {DIFFICULTY[0]} of {', '.join(silent)}: the learning curve has no dev score (no dev set in"
            " the language of training, or dev_points = 0), or all of the dev set has one label."
        )
    return tuple(notes)
