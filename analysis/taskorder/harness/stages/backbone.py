"""A trained encoder as a folder of the transformers library, from which other experiments may start."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from taskorder.errors import MissingData
from taskorder.harness.experiments.experiment import Experiment
from taskorder.harness.model.encoders import LANGUAGE_HEAD, WEIGHTS, Encoder, read_tokenizer
from taskorder.harness.stages.checkpoints import HEADS, HISTORY, of_head, taken_over
from taskorder.harness.tasks.task import find_task
from taskorder.harness.tree.plan import Node


def write(node: Node, experiment: Experiment, checkpoint: Path, folder: Path) -> None:
    """Write the encoder of a trained node, its tokeniser, and the history of what it was trained on.

    A LoRA adapter is merged into the weights. The masked-language head goes along where the node's own step
    trained one and the library's model of this architecture has a place for it.

    Parameters
    ----------
    node : Node
    experiment : Experiment
    checkpoint : Path
        The folder of the node.
    folder : Path
        Where the files go.

    Raises
    ------
    MissingData
        If the node tuned a soft prompt, which is no part of an encoder's weights.
    """
    if node.tuning == "prompt":
        raise MissingData(
            f"node {node.id} tuned a soft prompt, which no folder of an encoder can hold: export a node that"
            " was tuned in full or with LoRA"
        )
    model = _whole(taken_over(node, experiment, checkpoint))
    state = {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
    head = _language_head(node, experiment, checkpoint)
    named = _with_head(model.config, state, head) if head else None
    model.config.architectures = [named[0] if named else type(model).__name__]
    model.config.save_pretrained(folder)
    save_file(named[1] if named else state, folder / WEIGHTS, metadata={"format": "pt"})
    read_tokenizer(experiment.backbone_place(node.backbone)).save_pretrained(folder)
    shutil.copyfile(checkpoint / HISTORY, folder / HISTORY)


def _whole(encoder: Encoder) -> Any:
    return encoder.model.merge_and_unload() if encoder.tuning == "lora" else encoder.model


def _language_head(node: Node, experiment: Experiment, checkpoint: Path) -> dict[str, Tensor]:
    """Return the language head that the node's own step trained, the first of them; nothing for none."""
    for stage in node.own:
        if find_task(stage.task, experiment.task_folders()).kind == "lines":
            return of_head(load_file(checkpoint / HEADS), stage.task)
    return {}


def _with_head(
    config: Any, state: dict[str, Tensor], head: dict[str, Tensor]
) -> tuple[str, dict[str, Tensor]] | None:
    """Name tensors as the library's masked language model does; None where it keeps its head otherwise."""
    from transformers import AutoModelForMaskedLM

    try:
        with torch.device("meta"):
            model: Any = AutoModelForMaskedLM.from_config(config)
    except ValueError:
        return None
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    for form in zip(*LANGUAGE_HEAD.values(), strict=True):
        theirs = dict(zip(LANGUAGE_HEAD, form, strict=True))
        if all(shapes.get(theirs[own]) == tensor.shape for own, tensor in head.items()):
            encoder = {f"{model.base_model_prefix}.{name}": tensor for name, tensor in state.items()}
            return type(model).__name__, encoder | {theirs[own]: tensor for own, tensor in head.items()}
    return None
