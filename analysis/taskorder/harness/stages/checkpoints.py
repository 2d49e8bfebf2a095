"""Checkpoints: an encoder taken over from a stage, the heads it has had, and what it was trained on.

A checkpoint holds the heads of all earlier stages beside its own: any of them may be scored again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from taskorder.errors import InvalidTask
from taskorder.files import write_whole
from taskorder.harness.experiments.experiment import Experiment
from taskorder.harness.experiments.settings import Tuning
from taskorder.harness.model.encoders import Encoder, language_head, read_encoder
from taskorder.harness.model.heads import Sizes, fresh
from taskorder.harness.model.learner import Learner, Vocabulary, device
from taskorder.harness.stages.parts import Part, settings
from taskorder.harness.streams import number
from taskorder.harness.tree.plan import Node
from taskorder.results.sequences import render

ENCODER, HEADS, CURVE, HISTORY = "encoder.safetensors", "heads.safetensors", "curve.json", "history.json"
LAST = "last"
"""The folder, within a node's own, of the last weights, where others were chosen by their dev score."""


@dataclass
class Progress:
    """What a stage has seen so far, and the points of its learning curve.

    `looking` is how many seconds the points took, `before` how many all of it took until it was interrupted.
    """

    updates: int = 0
    examples: int = 0
    tokens: int = 0
    looking: float = 0.0
    before: float = 0.0
    losses: list[Tensor] = field(default_factory=list[Tensor])
    points: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def started(
    node: Node, experiment: Experiment, parent: Path | None, parts: Sequence[Part], tokenizer: Any
) -> tuple[Learner, dict[str, str]]:
    """Take the encoder over, and give every task a head; return also where each head is from."""
    encoder = taken_over(node, experiment, parent)
    earlier = load_file(parent / HEADS) if parent is not None else {}
    path = experiment.backbone_place(node.backbone)
    heads: dict[str, nn.Module] = {}
    origin: dict[str, str] = {}
    for part in parts:
        name = part.task.name
        target = experiment.targets.get(name) if node.role == "target" else None
        reused = of_head(earlier, target.reuse_head) if target is not None and target.reuse_head else {}
        heads[name], origin[name] = _head(part, encoder.sizes, path, reused, node.seed)
    return Learner(encoder, heads, Vocabulary.of(tokenizer)).to(device()), origin


def taken_over(node: Node, experiment: Experiment, folder: Path | None) -> Encoder:
    """Return a node's encoder as a folder holds it, or as the backbone has it."""
    options = settings(node, experiment).model_dump(include={"rank", "alpha", "tokens"})
    path = experiment.backbone_place(node.backbone)
    tuning = cast(Tuning, node.tuning)
    encoder = read_encoder(path, tuning, options, number(node.seed, "weights", node.tuning))
    if folder is not None:
        encoder.take(load_file(folder / ENCODER))
    return encoder


def of_head(heads: dict[str, Tensor], task: str) -> dict[str, Tensor]:
    """Return the tensors of one task's head."""
    prefix = f"{task}/"
    return {name.removeprefix(prefix): tensor for name, tensor in heads.items() if name.startswith(prefix)}


def _head(
    part: Part, sizes: Sizes, backbone: str, reused: dict[str, Tensor], seed: int
) -> tuple[nn.Module, str]:
    task = part.task
    generator = torch.Generator().manual_seed(number(seed, "head", str(part.stage)))
    head = fresh(task.kind, len(task.labels) or 1, sizes, generator)
    if reused:
        if {n: x.shape for n, x in reused.items()} != {n: x.shape for n, x in head.state_dict().items()}:
            raise InvalidTask(f"task {task.name!r} cannot start from the head of another kind or label set")
        head.load_state_dict(reused)
        return head, "reused"
    pretrained = language_head(backbone, sizes) if task.kind == "lines" else None
    return (head, "fresh") if pretrained is None else (pretrained, "backbone")


def write_weights(learner: Learner, parent: Path | None, folder: Path) -> None:
    """Write the encoder and all heads: those that the learner has, and those that the parent had."""
    save_file(learner.encoder.carried(), folder / ENCODER)
    earlier = load_file(parent / HEADS) if parent is not None else {}
    own = {
        f"{task}/{name}": tensor.detach().cpu().contiguous()
        for task in learner.tasks
        for name, tensor in learner.head(task).state_dict().items()
    }
    save_file(earlier | own, folder / HEADS)


def write(
    node: Node,
    parent: Path | None,
    folder: Path,
    learner: Learner,
    parts: Sequence[Part],
    heads: dict[str, str],
    progress: Progress,
) -> None:
    """Write the checkpoint, the learning curve and the history of a node."""
    write_weights(learner, parent, folder)
    before = json.loads((parent / HISTORY).read_text()) if parent is not None else []
    history = [
        *before,
        {
            "step": render((node.own,)),
            "seed": node.seed,
            "backbone": node.backbone,
            "tuning": node.tuning,
            "updates": progress.updates,
            "examples": progress.examples,
            "tokens": progress.tokens,
            "tasks": [
                {
                    "stage": str(part.stage),
                    "data": part.task.digest("train", part.stage.language),
                    "head": heads[part.task.name],
                    "labels": list(part.task.labels),
                }
                for part in parts
            ],
        },
    ]
    write_whole(folder / HISTORY, json.dumps(history, indent=1))
    write_whole(folder / CURVE, json.dumps(progress.points, indent=1))
