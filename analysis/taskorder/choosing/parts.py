"""Experiment files that ask for exactly some runs of an experiment.

A file asks for every sequence before every target with every seed, so that it can take several: one for each
backbone, tuning, targets and seeds that share their sequences.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from taskorder.choosing.runs import Run
from taskorder.errors import InvalidExperiment, MissingData
from taskorder.files import write_whole
from taskorder.harness.experiments.contradictions import TUNINGS
from taskorder.harness.experiments.experiment import Experiment, parse_content
from taskorder.results.sequences import parse

TABLE = "results.csv"


@dataclass(frozen=True)
class Part:
    """Runs that one experiment file asks for: all of these sequences before all targets, with all seeds."""

    backbone: str
    tuning: str
    targets: tuple[str, ...]
    seeds: tuple[int, ...]
    sequences: tuple[str, ...]

    def text(self) -> str:
        """Return what is to be pasted into a copy of the experiment file."""
        alone = " and ".join(f"[targets.{target}]" for target in self.targets)
        return (
            f"# backbone {self.backbone}, tuning {self.tuning}, {alone} alone\n"
            f"seeds = {list(self.seeds)}\n"
            f"[sequences]\norders = {_value(self.sequences)}"
        )


def parts(runs: Sequence[Run]) -> tuple[Part, ...]:
    """Return the parts that make up exactly these runs, few of them."""
    orders: dict[tuple[str, str, str, int], list[str]] = {}
    for run in runs:
        orders.setdefault((run.backbone, run.tuning, run.target, run.seed), []).append(run.sequence)
    seeds: dict[tuple[str, str, str, tuple[str, ...]], list[int]] = {}
    for (backbone, tuning, target, seed), sequences in orders.items():
        seeds.setdefault((backbone, tuning, target, tuple(sorted(sequences))), []).append(seed)
    targets: dict[tuple[str, str, tuple[str, ...], tuple[int, ...]], list[str]] = {}
    for (backbone, tuning, target, sequences), own in seeds.items():
        targets.setdefault((backbone, tuning, sequences, tuple(sorted(own))), []).append(target)
    return tuple(
        Part(backbone, tuning, tuple(own), shared, sequences)
        for (backbone, tuning, sequences, shared), own in targets.items()
    )


def paste(runs: Sequence[Run]) -> str:
    """Return what makes exactly these runs: lists to paste into copies of the experiment file."""
    head = "# In copies of the experiment file, one a block; pool and lengths give way to orders."
    return "\n".join([head, *(part.text() for part in parts(runs))])


def write(
    runs: Sequence[Run], experiment: Experiment, file: Path, *, force: bool = False
) -> tuple[Path, ...]:
    """Write the experiment once more, with these runs only.

    Parameters
    ----------
    runs : sequence of Run
    experiment : Experiment
        That they are of.
    file : Path
        Where to; with several parts, the folder's name is numbered.
    force : bool
        Replace files that exist.

    Returns
    -------
    tuple of Path
        A file for each part.

    Raises
    ------
    MissingData
        If the file's folder has a table already, or lacks the task files of the experiment.
    FileExistsError
        If a file exists and `force` is not set.
    InvalidExperiment
        If a file could not be read. Nothing is written where any of these holds for one of the files.
    """
    asked, own = parts(runs), file.resolve().parent
    folders = [own] if len(asked) == 1 else [_numbered(own, i + 1) for i in range(len(asked))]
    found = tuple(folder / file.name for folder in folders)
    for path in found:
        refuse(experiment, path.parent)
        if path.exists() and not force:
            raise FileExistsError(f"{path} exists and is left as it is: pass --force to replace it.")
    texts = [_checked(part, experiment, path) for part, path in zip(asked, found, strict=True)]
    for path, text in zip(found, texts, strict=True):
        write_whole(path, text, force=force)
    return found


def refuse_early(experiment: Experiment, file: Path) -> None:
    """Say, before it is known how many parts there are, why `write` cannot write this file, if it cannot.

    Where the first of several numbered folders has the task files already, that folder is asked instead.
    """
    own = file.resolve().parent
    first = _numbered(own, 1)
    refuse(experiment, first if experiment.tasks and (first / experiment.tasks).is_dir() else own)


def _numbered(folder: Path, number: int) -> Path:
    return folder.with_name(f"{folder.name}-{number}")


def refuse(experiment: Experiment, folder: Path) -> None:
    """Say why no file of the experiment's parts can go into a folder, if it cannot."""
    if (folder / TABLE).exists() or folder == experiment.folder:
        raise MissingData(
            f"{folder} is where the {TABLE} of another experiment file goes, which a run of this one would"
            f" replace: write it into a folder of its own, such as {experiment.folder.name}-next"
        )
    if experiment.tasks and not (folder / experiment.tasks).is_dir():
        raise MissingData(
            f"the task files of experiment {experiment.name!r} are in {experiment.folder / experiment.tasks},"
            f" and must be beside the file: copy that folder to {folder / experiment.tasks} first"
        )


def _checked(part: Part, experiment: Experiment, path: Path) -> str:
    """Return the text of a part's file, after it was read as the harness will read it.

    Its folder may not be there yet; whether that of the task files is, `refuse` has said.
    """
    text = _toml(_content(part, experiment, path.parent))
    read, problems = parse_content(tomllib.loads(text), path.parent)
    wrong = [what for place, what in problems if place != ("tasks",)]
    if read is None or wrong:
        raise InvalidExperiment("\n".join(f"{path} would not do: {what}" for what in wrong))
    return text


def _content(part: Part, experiment: Experiment, folder: Path) -> dict[str, Any]:
    """Return what the file of a part holds: all of the experiment's that is about these runs."""
    content = experiment.model_dump(mode="json", exclude_unset=True, exclude={"folder", "keep", "overrides"})
    stages = [stage for sequence in part.sequences for step in parse(sequence) for stage in step]
    tasks = {stage.task for stage in stages}
    joint = {"+".join(map(str, step)) for sequence in part.sequences for step in parse(sequence)}
    named = {*TUNINGS, *tasks, *joint, *part.targets}
    training = {**content.get("training", {}), "keep": experiment.keep}
    own = {name: table for name, table in experiment.overrides.items() if name in named}
    targets = {name: dict(content["targets"][name]) for name in part.targets}
    for target in targets.values():
        if target.get("reuse_head") not in tasks:
            target.pop("reuse_head", None)
    return content | {
        "backbones": [_backbone(part.backbone, experiment, folder)],
        "seeds": list(part.seeds),
        "tuning": [part.tuning],
        "sequences": {"orders": list(part.sequences)},
        "targets": targets,
        "training": training | own,
    }


def _backbone(name: str, experiment: Experiment, folder: Path) -> str:
    """Return what another folder's file calls a backbone: folders by their path from there."""
    backbone = next(one for one in experiment.backbones if experiment.backbone_name(one) == name)
    place = experiment.folder / experiment.backbone_place(backbone)
    if backbone.startswith(".") or place.is_dir():
        return Path(os.path.relpath(place.resolve(), folder)).as_posix()
    return backbone


def _toml(content: Mapping[str, Any], place: tuple[str, ...] = ()) -> str:
    """Return values, then tables, as TOML."""
    own = [
        f"{_key(key)} = {_value(value)}\n" for key, value in content.items() if not isinstance(value, dict)
    ]
    head = f"\n[{'.'.join(map(_key, place))}]\n" if place and (own or not content) else ""
    tables = [
        _toml(cast("dict[str, Any]", value), (*place, key))
        for key, value in content.items()
        if isinstance(value, dict)
    ]
    return "".join([head, *own, *tables])


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else _value(key)


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
