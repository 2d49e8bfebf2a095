"""The scores of a plan's nodes as one tidy table: the same bytes however they were computed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from taskorder.errors import InvalidTable, MissingData
from taskorder.files import replacing, sha256, sha256_text
from taskorder.harness.experiments.experiment import Experiment
from taskorder.harness.sealed import Damaged, seal, unseal
from taskorder.harness.tree.nodes import Store
from taskorder.harness.tree.plan import Evaluation, Node, Plan
from taskorder.results.sequences import render

COLUMNS = (
    "study", "run", "backbone", "tuning", "sequence", "target", "train_language", "language", "metric",
    "score", "n_test", "seed", "stage", "perturbation", "severity", "source", "dev_score", "selection",
    "versions",
)  # fmt: skip
"""Those of the result table, then how well the kept weights do on the dev set, whether they are the last or
the best, and of which libraries they came."""
KEY = (
    "backbone",
    "tuning",
    "sequence",
    "target",
    "stage",
    "seed",
    "language",
    "perturbation",
    "severity",
    "metric",
)

WRITTEN = "tables.json"
"""Which tables have been written from a folder of nodes, with their SHA-256."""


def table(plan: Plan, store: Store, experiment: Experiment) -> str:
    """Return all scores of a plan as CSV.

    Raises
    ------
    MissingData
        If a score is missing.
    """
    rows = [row for node in plan.nodes for row in _rows(node, plan, store, experiment)]
    rows.sort(key=lambda row: tuple(_sortable(row[name]) for name in KEY))
    extra = sorted({name for row in rows for name in row} - set(COLUMNS))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, [*COLUMNS, *extra], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return buffer.getvalue()


def _rows(node: Node, plan: Plan, store: Store, experiment: Experiment) -> list[dict[str, Any]]:
    if not node.evaluations:
        return []
    record, scores = store.record(node.id, weights=False), store.scores(node.id)
    if record is None:
        raise MissingData(f"node {node.id} has not been trained: run the experiment again.")
    training = experiment.training_for("+".join(map(str, node.own)), node.tuning)
    about = {
        "study": experiment.study,
        "run": node.id,
        "backbone": experiment.backbone_name(node.backbone),
        "tuning": node.tuning,
        "seed": node.seed,
        "source": f"nodes/{node.id}",
        "dev_score": _dev_score(store.path(node.id), training.select),
        "selection": training.select,
        "versions": ";".join(f"{name}={version}" for name, version in sorted(record.versions.items())),
    }
    found: list[dict[str, Any]] = []
    for one in node.evaluations:
        if plan.keys[one] not in scores:
            raise MissingData(f"node {node.id} has no score of {one.task} in {one.language}: run it again.")
        about_one = about | _place(node, one)
        found += [{k: v for k, v in row.items() if k != "task"} | about_one for row in scores[plan.keys[one]]]
    return found


def _place(node: Node, one: Evaluation) -> dict[str, str]:
    """Return what says at which point of a sequence a score was taken.

    A target's score stands after the sequence before it. That of an earlier task (forgetting) stands after
    the whole sequence up to the node, whose last step `stage` names.
    """
    if node.role == "target" and one.task == node.own[0].task:
        language = node.own[0].language
        return {
            "sequence": render(node.steps[:-1]),
            "target": one.task,
            "train_language": language,
            "stage": "",
        }
    return {
        "sequence": render(node.steps),
        "target": one.task,
        "train_language": one.language,
        "stage": render((node.own,)),
    }


def _dev_score(folder: Path, select: str) -> float | None:
    """Return the mean headline dev score of the weights that were kept; None where there was no dev set."""
    try:
        points = json.loads((folder / "curve.json").read_text())
        headlines = [[next(iter(of.values())) for of in point["dev"].values()] for point in points]
        means = [sum(values) / len(values) for values in headlines if values]
    except (FileNotFoundError, ValueError, LookupError, TypeError, AttributeError, StopIteration):
        return None
    if not means:
        return None
    return max(means) if select == "best" else means[-1]


def _cell(value: Any) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def _sortable(value: Any) -> tuple[bool, float, str]:
    number = isinstance(value, int | float)
    return (number, float(value) if number else 0.0, "" if number or value is None else str(value))


def write(path: Path, text: str, store: Store, say: Callable[[str], None], *, force: bool) -> bool:
    """Put the table in place, if it is not there already; say whether it was written.

    Raises
    ------
    FileExistsError
        If a table is there that is neither the same nor one that was written from this folder of nodes.
    InvalidTable
        If the scores do not make a result table.
    """
    known = _written(store)
    name, due = str(path.resolve()), sha256_text(text)
    present = sha256(path) if path.exists() else ""
    if present not in ("", due):
        if not force and known.get(name) != present:
            raise FileExistsError(
                f"{path} exists, differs, and was not written by this experiment from {store.folder}: pass"
                " --force to replace it, or choose another folder with -o. The nodes are done and kept."
            )
        say(f"{path} is replaced: its scores have changed, or there are more of them.")
    if present != due:
        with replacing(path, force=True) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="")
            _validate(temporary, path)
    if known.get(name) != due:
        seal(store.folder / WRITTEN, {**known, name: due})
    return present != due


def _validate(temporary: Path, path: Path) -> None:
    from dataclasses import replace

    from taskorder.results.reading import read

    try:
        read(temporary)
    except InvalidTable as error:
        raise InvalidTable([replace(problem, file=str(path)) for problem in error.problems]) from None


def _written(store: Store) -> Mapping[str, str]:
    try:
        return unseal(store.folder / WRITTEN)
    except (FileNotFoundError, Damaged):
        return {}
