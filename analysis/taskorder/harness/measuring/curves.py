"""How difficult a task is, read off the learning curves of direct training.

Direct is a stage of one task that starts from the backbone. All measures grow with difficulty, and have no
value (NaN) where a curve does not tell.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from taskorder.errors import MissingData

CURVE, HISTORY = "curve.json", "history.json"


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a learning curve.

    Attributes
    ----------
    examples : int
        Seen so far; those of a second epoch count again.
    loss : float
        Mean training loss since the point before, each batch before it was learnt from.
    dev : float
        The headline score on the dev set; NaN where there is none.
    """

    examples: int
    loss: float
    dev: float = math.nan


@dataclass(frozen=True, slots=True)
class DirectCurve:
    """The learning curve of a task that was trained straight from a backbone.

    Attributes
    ----------
    stage : str
        The task with the language of its training data, such as ``ner[en]``.
    backbone, tuning : str
    seed : int
    points : tuple of Point
    """

    stage: str
    backbone: str
    tuning: str
    seed: int
    points: tuple[Point, ...]


def direct_curves(nodes: Path, wanted: Collection[str] | None = None) -> list[DirectCurve]:
    """Read the learning curves of direct training from the folders of trained nodes.

    Parameters
    ----------
    nodes : Path
        A folder with a folder for each node; what stands in hidden ones is not finished.
    wanted : collection of str, optional
        The nodes that count, by their ids; all where it is not given.

    Returns
    -------
    list of DirectCurve
        In the order of the nodes' ids. Joint steps, later stages and tasks without training are left out.

    Raises
    ------
    MissingData
        If a file cannot be read.
    """
    found: list[DirectCurve] = []
    for history in sorted(nodes.glob(f"*/{HISTORY}")):
        node = history.parent
        if node.name.startswith(".") or (wanted is not None and node.name not in wanted):
            continue
        steps = _read(history)
        try:
            if len(steps) == 1 and len(steps[0]["tasks"]) == 1:
                found.append(_direct(steps[0], _read(history.with_name(CURVE))))
        except (KeyError, TypeError, ValueError) as error:
            raise MissingData(_broken(node, f"it lacks {error}")) from None
    return found


def _direct(step: dict[str, Any], points: Sequence[dict[str, Any]]) -> DirectCurve:
    stage = str(step["tasks"][0]["stage"])
    return DirectCurve(
        stage,
        step["backbone"],
        step["tuning"],
        int(step["seed"]),
        tuple(
            Point(int(p["examples"]), float(p["loss"]), _headline(p["dev"].get(stage, {}))) for p in points
        ),
    )


def _headline(scores: dict[str, float]) -> float:
    return float(next(iter(scores.values()), math.nan))


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MissingData(_broken(path, str(error))) from None


def _broken(path: Path, what: str) -> str:
    return f"{path} cannot be read as what a training leaves behind: {what}. Delete the node's folder and run"


def shortfall(score: float, chance: float) -> float:
    """Return how far a score is from perfect, in units of the way from guessing: 0 is perfect, 1 guessing."""
    return (1 - score) / (1 - chance) if chance < 1 else math.nan


def final_shortfall(points: Sequence[Point], chance: float) -> float:
    """Return the shortfall of the last dev score."""
    return shortfall(points[-1].dev, chance) if points else math.nan


def area(points: Sequence[Point], chance: float) -> float:
    """Return the mean shortfall over the logarithm of the examples seen, by the trapezoidal rule.

    From the first point to the last; NaN where there are not two.
    """
    found = [(math.log(p.examples), shortfall(p.dev, chance)) for p in points if p.examples > 0]
    if len(found) < 2 or found[-1][0] <= found[0][0]:
        return math.nan
    sums = [(x - w) * (y + v) / 2 for (w, v), (x, y) in pairwise(found)]
    return sum(sums) / (found[-1][0] - found[0][0])


def online_code(points: Sequence[Point], examples: int, guessing: float) -> float:
    """Return the length of the online code of a task's labels, as a fraction of that of guessing evenly.

    Every batch is coded by the model that has learnt from all batches before it: its loss. Only points within
    the first epoch count, where every label is new; NaN where there is none.

    Parameters
    ----------
    points : sequence of Point
    examples : int
        Of the training set: of an epoch.
    guessing : float
        The loss of guessing evenly.

    Notes
    -----
    The prequential code of Blier and Ollivier (2018), arXiv:1802.07044; its use for the difficulty of data
    follows Voita and Titov (2020), arXiv:2003.12298, and Perez et al. (2021), arXiv:2103.03872. Theirs trains
    a model anew at each block; here it is the model in training that codes, with its dropout and warm-up.
    """
    length, seen = 0.0, 0
    for point in points:
        if point.examples > examples:
            break
        length += point.loss * (point.examples - seen)
        seen = point.examples
    return length / seen / guessing if seen and guessing > 0 else math.nan
