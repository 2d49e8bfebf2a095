"""One stage of a sequence: batches, updates, a learning curve, a checkpoint."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from taskorder.files import write_whole
from taskorder.harness import metrics
from taskorder.harness.experiments.experiment import Experiment
from taskorder.harness.experiments.settings import Training
from taskorder.harness.model.batches import interleaved, shuffled
from taskorder.harness.model.encoders import read_tokenizer
from taskorder.harness.model.learner import Learner, Masking, parameters, precise
from taskorder.harness.model.predicting import predict
from taskorder.harness.stages.checkpoints import LAST, Progress, started, write, write_weights
from taskorder.harness.stages.parts import Part, prepared, settings
from taskorder.harness.stages.snapshots import Best, Course, Snapshots
from taskorder.harness.streams import number, stream
from taskorder.harness.tree.nodes import snapshot
from taskorder.harness.tree.plan import Node
from taskorder.results.sequences import render

Integers = NDArray[np.int64]

TIMING = "timing.json"


def train(node: Node, experiment: Experiment, parent: Path | None, folder: Path) -> str:
    """Train one node, and write its checkpoint, learning curve and history.

    Where an earlier try was interrupted it goes on from its last snapshot.

    Parameters
    ----------
    node : Node
    experiment : Experiment
    parent : Path or None
        The folder of the node that it starts from; None where it starts from the backbone.
    folder : Path
        Where the files go.

    Returns
    -------
    str
        What the person has to know about a snapshot; empty where there was none.

    Raises
    ------
    InvalidTask
        If a task's data cannot be learnt from.
    MissingData
        If the backbone or a checkpoint cannot be read.
    """
    began = time.perf_counter()
    name = render((node.own,))
    with repeatable(number(node.seed, "dropout", name)):
        tokenizer = read_tokenizer(experiment.backbone_place(node.backbone))
        training = settings(node, experiment)
        parts = prepared(node, experiment, tokenizer, folder)
        learner, heads = started(node, experiment, parent, parts, tokenizer)
        progress = Progress()
        ready = time.perf_counter()
        store = folder.parent.parent
        snapshots = Snapshots(snapshot(store, node.id), training.snapshot_minutes)
        note, best = fit(learner, parts, training, node, progress, snapshots) if parts else ("", None)
    done = time.perf_counter()
    if best is not None:
        (folder / LAST).mkdir()
        write_weights(learner, parent, folder / LAST)
        learner.load_state_dict(best)
    write(node, parent, folder, learner, parts, heads, progress)
    timing = {
        "prepare": ready - began,
        "train": progress.before + done - ready - progress.looking,
        "look": progress.looking,
        "tokens": progress.tokens,
        "device": str(learner.device),
    }
    write_whole(folder / TIMING, json.dumps(timing))
    return note


@contextmanager
def repeatable(seed: int) -> Generator[None]:
    """Give torch one thread, a seed of its own and algorithms that repeat; put its state back at the end."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True, warn_only=True)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def fit(
    learner: Learner,
    parts: Sequence[Part],
    training: Training,
    node: Node,
    progress: Progress,
    snapshots: Snapshots | None = None,
) -> tuple[str, dict[str, Tensor] | None]:
    """Update the weights batch by batch, with a linear warm-up and decay of the learning rate.

    Return what the person has to know about a snapshot from which it went on, and the weights that are to be
    kept, where they are not those that the learner has now.
    """
    batches = _batches(parts, training, node)
    total = len(batches)
    optimiser = torch.optim.AdamW(
        parameters(learner, training.weight_decay), lr=training.learning_rate, fused=True
    )
    warm = max(1, round(training.warmup * total))
    mask = Masking(training.mask, stream(node.seed, "mask", render((node.own,))))
    looked_at = _points(total, training.dev_points)
    course = Course(learner, optimiser, mask.rng, progress)
    note = snapshots.take_up(course) if snapshots is not None else ""
    learner.train()
    for which, unit in batches[progress.updates :]:
        part = parts[which]
        features = part.units.features(unit)
        with precise(training.precision):
            loss = learner.loss(part.task.name, part.task.kind, part.train, features, mask)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if training.clip:
            nn.utils.clip_grad_norm_(learner.parameters(), training.clip)
        for group in optimiser.param_groups:
            group["lr"] = training.learning_rate * _share(progress.updates, warm, total)
        optimiser.step()
        progress.updates += 1
        progress.examples += len(unit)
        progress.tokens += int(part.train.lengths[features].sum())
        progress.losses.append(loss.detach())
        if progress.updates in looked_at:
            began = time.perf_counter()
            value = _look(learner, parts, training, progress)
            progress.looking += time.perf_counter() - began
            if training.select == "best" and (course.best is None or value > course.best.score):
                weights = {name: t.detach().clone() for name, t in learner.state_dict().items()}
                course.best = Best(value, progress.updates, weights)
        if snapshots is not None and snapshots.due() and progress.updates < total:
            snapshots.write(course)
    best = course.best
    return note, None if best is None or best.updates == progress.updates else best.weights


def _share(done: int, warm: int, total: int) -> float:
    """Return which share of the peak learning rate comes after so many updates."""
    return min((done + 1) / warm, (total - done) / max(1, total - warm), 1.0)


def _batches(parts: Sequence[Part], training: Training, node: Node) -> list[tuple[int, Integers]]:
    """Draw the batches of all epochs, of which the last may be a part."""
    names = [str(part.stage) for part in parts]
    chosen = [_subset(part, training, node.seed) for part in parts]
    most = max((len(which) for which in chosen), default=0)
    found: list[tuple[int, Integers]] = []
    whole = math.ceil(training.epochs)
    for epoch in range(whole):
        of_parts: list[list[Integers]] = []
        for part, name, which in zip(parts, names, chosen, strict=True):
            rng = stream(node.seed, "order", name, str(epoch))
            taken = _smoothed(part, which, training.smoothing, stream(node.seed, "smooth", name, str(epoch)))
            repeated = np.resize(taken, most) if training.mixing == "equal" else taken
            drawn = shuffled(part.units.lengths[repeated], training.batch_tokens, rng)
            of_parts.append([repeated[batch] for batch in drawn])
        of_epoch = interleaved(of_parts, stream(node.seed, "mix", *names, str(epoch)))
        share = 1.0 if epoch + 1 < whole else training.epochs - epoch
        found += of_epoch[: math.ceil(share * len(of_epoch))]
    return found if training.max_steps is None else found[: training.max_steps]


def _subset(part: Part, training: Training, seed: int) -> Integers:
    """Return which units are trained on: all, or so many drawn by the seed."""
    count = len(part.units.lengths)
    if training.max_examples is None:
        return np.arange(count)
    return stream(seed, "subset", str(part.stage)).permutation(count)[: training.max_examples]


def _smoothed(part: Part, which: Integers, smoothing: float, rng: np.random.Generator) -> Integers:
    """Return about as many units, of which languages have shares as their sizes to the power of `smoothing`.

    Those of a language that gets fewer than it has are drawn anew in each epoch. Source: Conneau and Lample
    (2019), section 3.1.
    """
    if part.task.kind != "lines" or smoothing == 1.0:
        return which
    _, language, sizes = np.unique(part.train.labels[which], return_inverse=True, return_counts=True)
    shares = sizes**smoothing / (sizes**smoothing).sum()
    counts = np.maximum(1, np.rint(shares * len(which)).astype(np.int64))
    return np.concatenate(
        [np.resize(rng.permutation(which[language == number]), count) for number, count in enumerate(counts)]
    )


def _points(total: int, count: int) -> set[int]:
    """Return after which updates the learning curve has a point: evenly, and after the last one."""
    return {max(1, round(total * (i + 1) / max(1, count))) for i in range(max(1, count))}


def _look(learner: Learner, parts: Sequence[Part], training: Training, progress: Progress) -> float:
    """Add a point to the learning curve, and return the mean headline score of the tasks."""
    scores: dict[str, dict[str, float]] = {}
    for part in parts:
        if part.dev is not None:
            with precise(training.precision):
                task = part.task
                found = predict(learner, task.name, task.kind, task.labels, [part.dev], training.batch_tokens)
            scores[str(part.stage)] = {
                metric: metrics.score(metric, found[0], part.dev.examples, language=part.stage.language)
                for metric in part.task.metrics
            }
    losses = torch.stack(progress.losses).float()
    progress.losses.clear()
    progress.points.append(
        {
            "updates": progress.updates,
            "examples": progress.examples,
            "tokens": progress.tokens,
            "loss": float(losses.mean()),
            "dev": scores,
        }
    )
    headline = [next(iter(of_task.values())) for of_task in scores.values()]
    return float(np.mean(headline)) if headline else float(progress.updates)
