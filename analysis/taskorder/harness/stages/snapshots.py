"""A stage in the middle of its training, on disk: from there it goes on after an interruption, bit for bit.

One file a node, replaced as a whole; its head holds the digest of all that is in it.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from taskorder.files import replacing
from taskorder.harness.model.learner import Learner
from taskorder.harness.stages.checkpoints import Progress

FORMAT = 1
COUNTED = ("updates", "examples", "tokens", "looking", "points")


@dataclass(frozen=True)
class Best:
    """The best mean dev score so far, after how many updates it was, and the weights that had it."""

    score: float
    updates: int
    weights: dict[str, Tensor]


@dataclass
class Course:
    """All that changes while a stage trains; beside it torch's own stream of chance, which dropout draws on.

    Attributes
    ----------
    learner : Learner
    optimiser : Optimizer
    masks : Generator
        Which tokens are to be guessed.
    progress : Progress
    best : Best or None
    """

    learner: Learner
    optimiser: torch.optim.Optimizer
    masks: np.random.Generator
    progress: Progress
    best: Best | None = None


class Snapshots:
    """Where the snapshot of a node is, and how often it is taken.

    Parameters
    ----------
    path : Path
    minutes : float
        Between two snapshots, and before the first; 0 for none at all.
    """

    def __init__(self, path: Path, minutes: float) -> None:
        self.path = path
        self._every = 60 * minutes if minutes else float("inf")
        self._began = self._last = time.perf_counter()

    def due(self) -> bool:
        """Say whether it is time for another one."""
        return time.perf_counter() - self._last >= self._every

    def write(self, course: Course) -> None:
        """Write a snapshot in place of the one before."""
        progress, best = course.progress, course.best
        about = {name: getattr(progress, name) for name in COUNTED} | {
            "before": progress.before + time.perf_counter() - self._began,
            "best": None if best is None else [best.score, best.updates],
            "masks": course.masks.bit_generator.state,
            "made": _made(course.learner),
        }
        tensors = _copied(course)
        text = json.dumps(about)
        with replacing(self.path, force=True) as temporary:
            save_file(tensors, temporary, {"about": text, "sha256": _digest(text, tensors)})
        self._last = time.perf_counter()

    def take_up(self, course: Course) -> str:
        """Bring a course to where the snapshot, if there is one, has it; return what a person has to know."""
        if not self.path.is_file():
            return ""
        try:
            about, tensors = _read(self.path)
        except (OSError, ValueError, LookupError, SafetensorError):
            return f"{self.path} is not what was written: the stage was trained from its beginning."
        if about["made"] != _made(course.learner):
            return (
                f"{self.path} was made by another torch, or on another device: the stage was trained from its"
                " beginning."
            )
        _restore(course, about, tensors)
        return f"It went on after {course.progress.updates:,} updates, at which it had been interrupted."


def _made(learner: Learner) -> list[str]:
    return [str(FORMAT), torch.__version__, learner.device.type]


def _copied(course: Course) -> dict[str, Tensor]:
    """Return the course's tensors, each a copy on the CPU."""
    losses = course.progress.losses
    found = {f"model/{name}": tensor for name, tensor in course.learner.state_dict().items()}
    if course.best is not None:
        found |= {f"best/{name}": tensor for name, tensor in course.best.weights.items()}
    for number, state in course.optimiser.state_dict()["state"].items():
        found |= {f"optimiser/{number}/{name}": tensor for name, tensor in state.items()}
    found["losses"] = torch.stack(losses) if losses else torch.zeros(0)
    found["chance/cpu"] = torch.get_rng_state()
    if course.learner.device.type == "cuda":
        found["chance/cuda"] = torch.cuda.get_rng_state(course.learner.device)
    return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in found.items()}


def _digest(text: str, tensors: dict[str, Tensor]) -> str:
    found = hashlib.sha256(text.encode())
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(memoryview(tensor.reshape(-1).view(torch.uint8).numpy()))
    return found.hexdigest()


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read a snapshot.

    Raises
    ------
    OSError, ValueError, LookupError, SafetensorError
        If it is not what was written.
    """
    with safe_open(path, framework="pt") as file:
        head = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
    if head["sha256"] != _digest(head["about"], tensors):
        raise ValueError(path)
    return json.loads(head["about"]), tensors


def _restore(course: Course, about: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    learner, optimiser, progress = course.learner, course.optimiser, course.progress
    learner.load_state_dict(_under("model/", tensors))
    states: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _under("optimiser/", tensors).items():
        number, _, what = name.partition("/")
        states.setdefault(int(number), {})[what] = tensor
    optimiser.load_state_dict({"state": states, "param_groups": optimiser.state_dict()["param_groups"]})
    course.masks.bit_generator.state = about["masks"]
    if about["best"] is not None:
        score, updates = about["best"]
        course.best = Best(score, updates, _under("best/", tensors))
    for name in (*COUNTED, "before"):
        setattr(progress, name, about[name])
    progress.losses = list(tensors["losses"].to(learner.device).unbind())
    torch.set_rng_state(tensors["chance/cpu"])
    if "chance/cuda" in tensors:
        torch.cuda.set_rng_state(tensors["chance/cuda"], learner.device)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
