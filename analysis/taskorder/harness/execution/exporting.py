"""The encoder of one node of an experiment as a folder that other experiments can name as their backbone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from taskorder.errors import MissingData, nearest
from taskorder.files import replacing_folder
from taskorder.harness.execution.running import WORK, places
from taskorder.harness.experiments.experiment import Experiment
from taskorder.harness.sealed import Damaged
from taskorder.harness.tree.nodes import Store
from taskorder.harness.tree.plan import Node, plan
from taskorder.harness.tree.work import load
from taskorder.results.sequences import render


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which node of an experiment is meant: its sequence, and what else tells it from others.

    Attributes
    ----------
    sequence : str
        Up to and with the node's own step; that of a target has the language that it is trained in.
    backbone, tuning : str
        Of any where they are empty.
    seed : int or None
    """

    sequence: str
    backbone: str = ""
    tuning: str = ""
    seed: int | None = None

    def among(self, nodes: Sequence[Node], experiment: Experiment) -> Node:
        """Return the one node that is meant.

        Raises
        ------
        MissingData
            If there is none, or more than one.
        """
        alike = [node for node in nodes if render(node.steps) == self.sequence]
        if not alike:
            known = list(dict.fromkeys(render(node.steps) for node in nodes))
            more = f" and {len(known) - 20:,} more" if len(known) > 20 else ""
            raise MissingData(
                f"the experiment has no sequence {self.sequence!r}; it has {', '.join(known[:20])}{more}."
                + nearest(self.sequence, known)
            )
        found = alike
        for option, wanted, value_of in (
            ("backbone", self.backbone, lambda node: experiment.backbone_name(node.backbone)),
            ("tuning", self.tuning, lambda node: node.tuning),
            ("seed", "" if self.seed is None else str(self.seed), lambda node: str(node.seed)),
        ):
            values = list(dict.fromkeys(value_of(node) for node in found))
            if wanted and wanted not in values:
                raise MissingData(
                    f"{self.sequence!r} is not trained with {option} {wanted!r}; there are"
                    f" {', '.join(values)}.{nearest(wanted, values)}"
                )
            if not wanted and len(values) > 1:
                raise MissingData(
                    f"{self.sequence!r} is trained with each {option} of {', '.join(values)}: say which with"
                    f" --{option}"
                )
            found = [node for node in found if not wanted or value_of(node) == wanted]
        return found[0]


def export(experiment: Experiment, wanted: Wanted, folder: Path, output: Path | None = None) -> bool:
    """Write a node's encoder and tokeniser, whole or not at all; say whether it was not there already.

    Parameters
    ----------
    experiment : Experiment
    wanted : Wanted
    folder : Path
        That is made.
    output : Path, optional
        The folder that `run` was told to use.

    Raises
    ------
    FileExistsError
        If the folder is there and holds anything else.
    MissingData
        If the experiment has no such node, or the node has not been trained, or its weights were dropped.
    """
    from taskorder.harness.model.encoders import backbone_digest
    from taskorder.harness.stages import backbone

    node = wanted.among(plan(experiment, load(WORK)).nodes, experiment)
    checkpoint = _checkpoint(node, Store(places(experiment, output).folder))
    with replacing_folder(folder) as temporary:
        backbone.write(node, experiment, checkpoint, temporary)
        made = backbone_digest(str(temporary))
        there = folder.is_dir() and backbone_digest(str(folder)) == made
        if folder.exists() and not there:
            raise FileExistsError(
                f"{folder} exists, holds something else, and is left as it is: name another folder with -o,"
                " or remove it."
            )
    return not there


def _checkpoint(node: Node, store: Store) -> Path:
    """Return the folder of a trained node whose weights are there, and sound."""
    path, name = store.path(node.id), f"{render(node.steps)!r} (node {node.id})"
    try:
        record = store.record(node.id, weights=False)
        weighted = store.record(node.id, weights=True)
    except Damaged as error:
        raise MissingData(f"{error}: run the experiment again") from None
    if record is None:
        raise MissingData(
            f"{name} has not been trained in {store.folder}, or its file, data or code has changed since: run"
            ' the experiment, with keep = "all" in [training], so that the checkpoint stays'
        )
    if weighted is None:
        raise MissingData(
            f"{name} was trained, but its weights were dropped when nothing waited for them any more. Write"
            f' keep = "all" into [training], remove {path}, and run the experiment again: what is missing is'
            " trained anew, and stays"
        )
    return path
