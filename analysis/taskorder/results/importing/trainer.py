"""What the Trainer of Hugging Face transformers leaves in its output folders.

Read are ``eval_results.json``, ``predict_results.json``, ``test_results.json`` and ``all_results.json`` of
`Trainer.save_metrics`, and in folders without them ``trainer_state.json`` of `Trainer.save_state`. A metric
is called ``SPLIT_METRIC``, or ``SPLIT_DATASET_METRIC`` where a dictionary of evaluation sets was given; the
keys ``..._runtime`` that `transformers.trainer_utils.speed_metrics` writes for each evaluation tell which it
is. One folder is one model, its ``run``.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

from taskorder.errors import InvalidTable, Problem
from taskorder.results.importing.documents import existing, files_below, parse_json, place_below, read_text
from taskorder.results.importing.names import NameMap
from taskorder.results.importing.scores import LeftOut, Reading, Score, cell, joined, number

type _Numbers = Mapping[str, tuple[Decimal, str]]
"""Numbers by their keys, each with its place."""

type _Round = tuple[Decimal, dict[str, Decimal]]
"""One evaluation in the log of a training: the step, and its numbers."""

type Split = Literal["eval", "predict", "test", ""]
type Evaluation = Literal["last", "best", ""]

SPLITS = ("eval", "predict", "test")
RESULTS = (*(f"{split}_results.json" for split in SPLITS), "all_results.json")
STATE = "trainer_state.json"
CHECKPOINT = re.compile(r"checkpoint-\d+")
BOOKKEEPING = re.compile(
    r"(?:.*_)?(?:loss|runtime|samples|[a-z]+_per_second|model_preparation_time|jit_compilation_time|mem_\w+)"
)
METRICS = {
    "accuracy": "accuracy",
    "acc": "accuracy",
    "f1": "f1",
    "exact_match": "exact_match",
    "matthews_correlation": "mcc",
    "mcc": "mcc",
    "pearson": "pearson",
    "spearman": "spearman",
    "spearmanr": "spearman",
    "precision": "precision",
    "recall": "recall",
}


@dataclass(frozen=True, slots=True)
class Trainer:
    """Output folders of the Trainer.

    Attributes
    ----------
    split
        Which scores are taken where folders hold those of several sets: ``eval``, ``predict`` or ``test``.
    evaluation
        Which are taken where only the log of a training with several evaluations is there.
    """

    split: Split = ""
    evaluation: Evaluation = ""
    name: ClassVar[str] = "trainer"
    percent: ClassVar[bool] = False

    def known(self) -> NameMap:
        """Give the metrics that are scores."""
        metrics = {name: {"metric": metric} for name, metric in METRICS.items()}
        return NameMap.of("the Trainer", {"metric": metrics})

    def read(self, path: Path) -> Reading:
        """Read a folder and all below it, or a single file."""
        files, left_out = files_below(existing(path), lambda file: file.name in (*RESULTS, STATE))
        checkpoints = {
            file for file in files if CHECKPOINT.fullmatch(file.parent.name) and file.parent != path
        }
        why = "a checkpoint of the run above it: to import it for itself, name its folder as PATH."
        skipped = [LeftOut(place_below(path, file), "checkpoints", why) for file in sorted(checkpoints)]
        kept = [file for file in files if file not in checkpoints]
        folders = [
            self._of_folder(folder, list(inside), path)
            for folder, inside in groupby(
                sorted(kept, key=attrgetter("parent", "name")), attrgetter("parent")
            )
        ]
        reading = joined([*folders, Reading(left_out=(*left_out, *skipped))])
        return _of_split(reading, self.split, path)

    def _of_folder(self, folder: Path, files: list[Path], root: Path) -> Reading:
        run = folder.resolve().name if folder == root or root.is_file() else place_below(root, folder)
        written, problems = _contents([file for file in files if file.name != STATE], root)
        state, more = _contents([file for file in files if file.name == STATE], root)
        if problems or more:
            return Reading(problems=(*problems, *more))
        numbers, reading = _merged(written)
        if any(map(_is_score, numbers)):
            why = "the folder has files of results, which are taken."
            unused = Reading(left_out=tuple(LeftOut(place, STATE, why) for place in state))
            return joined([reading, _scores(numbers, run), unused])
        logged = [self._logged(place, content, run) for place, content in state.items()]
        return joined([reading, _scores(numbers, run), *logged])

    def _logged(self, place: str, content: dict[str, Any], run: str) -> Reading:
        """Take one evaluation from the log of a training."""
        rounds = _rounds(content.get("log_history"))
        chosen = self._chosen(rounds, content)
        if chosen is None:
            reason = "names no best one" if self.evaluation == "best" else f"holds {len(rounds)} evaluations"
            remedy = "pass --evaluation last" + ("" if self.evaluation else " or --evaluation best")
            problem = Problem(place, None, "", f"the log of the training {reason}: {remedy}.")
            nothing = LeftOut(place, STATE, "no evaluation is in the log of the training.")
            return Reading(problems=(problem,)) if rounds else Reading(left_out=(nothing,))
        step, numbers = chosen
        where = f"{place} step {step}"
        others = LeftOut(place, "other evaluations", f"of {len(rounds)} in the log, one is taken.")
        left_out = (others,) if len(rounds) > 1 else ()
        placed = {key: (value, f"{where}/{key}") for key, value in numbers.items()}
        return joined([_scores(placed, run), Reading(left_out=left_out)])

    def _chosen(self, rounds: list[_Round], content: dict[str, Any]) -> _Round | None:
        if self.evaluation == "best":
            best = _best_step(content)
            return next((found for found in rounds if found[0] == best), None)
        return rounds[-1] if rounds and (len(rounds) == 1 or self.evaluation == "last") else None


def _contents(files: Iterable[Path], root: Path) -> tuple[dict[str, dict[str, Any]], tuple[Problem, ...]]:
    """Read files: their contents by their places, and what is wrong with the others."""
    contents: dict[str, dict[str, Any]] = {}
    problems: list[Problem] = []
    for file in files:
        place = place_below(root, file)
        try:
            contents[place] = parse_json(read_text(file, place), place)
        except InvalidTable as error:
            problems += error.problems
    return contents, tuple(problems)


def _merged(contents: Mapping[str, dict[str, Any]]) -> tuple[_Numbers, Reading]:
    """Take each number once: all_results.json repeats those of the other files."""
    numbers: dict[str, tuple[Decimal, str]] = {}
    left_out: list[LeftOut] = []
    problems: list[Problem] = []
    for place, content in sorted(contents.items(), key=lambda item: item[0].endswith(RESULTS[-1])):
        for key, found in content.items():
            value = number(found)
            if value is None:
                left_out.append(LeftOut(f"{place} {key}", key, "no finite number."))
            elif numbers.setdefault(key, (value, f"{place} {key}"))[0] != value:
                first = numbers[key]
                message = (
                    f"{key} is {value}, and {first[0]} at {first[1]}: remove the file that is out of date."
                )
                problems.append(Problem(place, None, "", message))
    return numbers, Reading(left_out=tuple(left_out), problems=tuple(problems))


def _rounds(history: object) -> list[_Round]:
    """Find the evaluations in a log; a dictionary of sets makes several entries of one evaluation."""
    rounds: list[_Round] = []
    for entry in cast("list[object]", history) if isinstance(history, list) else []:
        table = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
        step = number(table.get("step"))
        found = {
            key: value for key, raw in table.items() if _split(key) and (value := number(raw)) is not None
        }
        if step is None or not found:
            continue
        if rounds and rounds[-1][0] == step and rounds[-1][1].keys().isdisjoint(found):
            rounds[-1][1].update(found)
        else:
            rounds.append((step, found))
    return rounds


def _best_step(state: dict[str, Any]) -> Decimal | None:
    """Give the step of the best evaluation, which older versions tell by the name of its checkpoint only."""
    checkpoint = str(state.get("best_model_checkpoint") or "").rpartition("checkpoint-")[2]
    by_name = Decimal(checkpoint) if checkpoint.isascii() and checkpoint.isdigit() else None
    return number(state.get("best_global_step")) or by_name


def _split(key: str) -> str:
    split = key.partition("_")[0]
    return split if split in SPLITS else ""


def _is_score(key: str) -> bool:
    return bool(_split(key)) and not BOOKKEEPING.fullmatch(key.partition("_")[2])


def _scores(numbers: _Numbers, run: str) -> Reading:
    scores: list[Score] = []
    left_out: list[LeftOut] = []
    for key, (value, place) in numbers.items():
        split, _, rest = key.partition("_")
        if not _is_score(key):
            left_out.append(
                LeftOut(place, rest if _split(key) else key, "bookkeeping of the Trainer, no score.")
            )
            continue
        dataset = _dataset(key, numbers)
        metric = rest.removeprefix(f"{dataset}_")
        items = numbers.get("_".join(filter(None, (split, dataset, "samples"))))
        says = {"run": run, "split": split} | ({} if items is None else {"n_test": cell(items[0])})
        names: dict[str, str] = {"folder": run, "metric": metric}
        scores.append(Score(value, place, names | ({"dataset": dataset} if dataset else {}), says))
    return Reading(tuple(scores), tuple(left_out))


def _dataset(key: str, numbers: _Numbers) -> str:
    """Name the evaluation set of a key, by the runtime that is written for each; empty for a single one."""
    split, *parts = key.split("_")
    heads = ["_".join(parts[:cut]) for cut in range(len(parts) - 1, 0, -1)]
    return next((head for head in heads if f"{split}_{head}_runtime" in numbers), "")


def _of_split(reading: Reading, split: Split, path: Path) -> Reading:
    """Keep the scores of one split; where there are several the person must say which."""
    there = sorted({score.says["split"] for score in reading.scores})
    if not split and len(there) > 1:
        message = (
            f"there are scores of {' and of '.join(there)}, which are different evaluation sets: pass "
            f"{' or '.join(f'--split {name}' for name in there)}."
        )
        return joined([reading, Reading(problems=(Problem(str(path), None, "", message),))])
    others = [score for score in reading.scores if split and score.says["split"] != split]
    left_out = tuple(
        LeftOut(score.place, score.names["metric"], f"a score of {score.says['split']}, not of {split}.")
        for score in others
    )
    kept = tuple(score for score in reading.scores if not split or score.says["split"] == split)
    return Reading(kept, (*reading.left_out, *left_out), reading.problems)
