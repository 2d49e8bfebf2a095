"""Scores of XTREME's ``evaluate.py``: what it prints, or what its function `evaluate` returns, saved as JSON.

Printed is, for each task, ``====== task ======``, and for each of its metrics ``------ metric ------``, a
line of languages, a line of scores, and a mean; the function returns an object of task, metric and language.
Scores are percent (google-research/xtreme, ``evaluate.py``). One file is one model, its ``run``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, cast

from taskorder.errors import InvalidTable, Problem
from taskorder.results.importing.documents import existing, files_below, parse_json, place_below, read_text
from taskorder.results.importing.names import NameMap
from taskorder.results.importing.scores import LeftOut, Reading, Score, joined, number

TASKS = {
    "xcopa": "xcopa",
    "mewslix": "mewslix",
    "pawsx": "pawsx",
    "xnli": "xnli",
    "panx": "panx",
    "udpos": "udpos",
    "bucc2018": "bucc",
    "tatoeba": "tatoeba",
    "xquad": "xquad",
    "mlqa": "mlqa",
    "tydiqa": "tydiqa",
}
METRICS = ("accuracy", "f1", "exact_match", "precision", "recall", "map@20")
TASK = re.compile(r"====== (.+) ======")
METRIC = re.compile(r"------ (.+) ------")
MEAN = re.compile(r"(?:\w+: -?[\d.]+|- Evaluate \w+:.*)")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
ENDINGS = (".json", ".txt", ".log", ".out")
A_MEAN = "a mean of other scores."


@dataclass(frozen=True, slots=True)
class Xtreme:
    """Files of XTREME's scores."""

    name: ClassVar[str] = "xtreme"
    percent: ClassVar[bool] = True

    def known(self) -> NameMap:
        """Give the nine tasks and their metrics."""
        tasks = {task: {"target": target} for task, target in TASKS.items()}
        metrics = {metric: {"metric": metric} for metric in METRICS}
        return NameMap.of("XTREME", {"task": tasks, "metric": metrics})

    def read(self, path: Path) -> Reading:
        """Read a file, or all files below a folder whose name ends in .json, .txt, .log or .out."""
        files, left_out = files_below(existing(path), lambda file: file.suffix in ENDINGS)
        found = [_of_file(file, path) for file in files]
        return joined([*found, *map(_fractions, found), Reading(left_out=tuple(left_out))])


@dataclass(frozen=True, slots=True)
class _File:
    """A file: its place, and the model's name."""

    place: str
    run: str

    def score(self, value: Decimal, place: str, task: str, metric: str, language: str) -> Score:
        return Score(
            value,
            f"{self.place} {place}",
            {"file": self.place, "task": task, "metric": metric, "language": language},
            {"run": self.run},
        )

    def left_out(self, place: str, what: str, why: str) -> Reading:
        return Reading(left_out=(LeftOut(f"{self.place} {place}", what, why),))


def _of_file(path: Path, root: Path) -> Reading:
    place = place_below(root, path)
    file = _File(place, place.removesuffix(path.suffix))
    try:
        text = read_text(path, place)
        if text.lstrip().startswith("{"):
            return _returned(parse_json(text, place), file)
    except InvalidTable as error:
        return Reading(problems=error.problems)
    return joined(_printed(text, file))


def _fractions(found: Reading) -> Reading:
    """Refuse a file none of whose scores is above 1: divided by 100, they would be next to nothing."""
    highest = max((score.value for score in found.scores), default=Decimal(0))
    if not 0 < highest <= 1:
        return Reading()
    message = (
        f"no score is above {highest}: these are fractions, and evaluate.py gives percent. Multiply them by"
        " 100, or write them as a wide table (import wide)."
    )
    return Reading(problems=(Problem(found.scores[0].names["file"], None, "", message),))


def _returned(content: dict[str, Any], file: _File) -> Reading:
    """Take the object of task, metric and language."""
    readings: list[Reading] = []
    for task, metrics in content.items():
        if not isinstance(metrics, dict):
            readings.append(file.left_out(task, task, A_MEAN))
            continue
        for metric, languages in cast("dict[str, Any]", metrics).items():
            place = f"{task}/{metric}"
            if not isinstance(languages, dict):
                why = A_MEAN if metric.startswith("avg_") else "no object of languages and their scores."
                readings.append(file.left_out(place, metric, why))
                continue
            for language, score in cast("dict[str, Any]", languages).items():
                value, where = number(score), f"{place}/{language}"
                readings.append(
                    file.left_out(where, metric, "no finite number.")
                    if value is None
                    else Reading((file.score(value, where, task, metric, language),))
                )
    return joined(readings)


def _printed(text: str, file: _File) -> Iterator[Reading]:
    """Take what is printed; a line that is not understood is left out by name."""
    task = metric = ""
    languages: list[str] = []
    for at, full in enumerate(text.splitlines(), 1):
        line, place = full.strip(), f"line {at}"
        if found := TASK.fullmatch(line):
            task, metric, languages = found[1], "", []
        elif task and (found := METRIC.fullmatch(line)):
            metric, languages = found[1], []
        elif metric and not languages and line:
            languages = line.split(", ")
        elif languages and line:
            yield _row(line, place, file, (task, metric, languages))
            metric, languages = "", []
        elif MEAN.fullmatch(line):
            yield file.left_out(place, "means", A_MEAN)
        elif line:
            yield file.left_out(place, "other lines", "evaluate.py prints no such line.")
    if metric:
        message = f"the file ends within {task} {metric}: it was cut off; save all that evaluate.py prints."
        yield Reading(problems=(Problem(file.place, None, "", message),))


def _row(line: str, place: str, file: _File, under: tuple[str, str, list[str]]) -> Reading:
    task, metric, languages = under
    values = line.split(", ")
    if len(values) != len(languages):
        message = f"{task} {metric} has {len(languages)} languages and {len(values)} scores: save it again."
        return Reading(problems=(Problem(file.place, int(place.split()[1]), "", message),))
    return joined(
        Reading((file.score(Decimal(value), f"{place} {language}", task, metric, language),))
        if NUMBER.fullmatch(value)
        else file.left_out(f"{place} {language}", metric, "no finite number.")
        for language, value in zip(languages, values, strict=True)
    )
