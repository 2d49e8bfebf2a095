"""Results of the EleutherAI Language Model Evaluation Harness: ``results_*.json``.

Read are the objects ``results``, ``group_subtasks``, ``groups``, ``n-shot``, ``n-samples``,
``higher_is_better``, ``model_name`` and ``config`` of `lm_eval.evaluator` and
`lm_eval.loggers.evaluation_tracker`, versions 0.3 to 0.4. Up to 0.3 a metric is called ``acc`` and its
standard error ``acc_stderr``; since then the name of a filter follows a comma: ``acc,none`` and
``acc_stderr,none``.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

from taskorder.errors import InvalidTable
from taskorder.results.importing.documents import (
    existing,
    files_below,
    parse_json,
    place_below,
    read_text,
    table_at,
)
from taskorder.results.importing.names import NameMap
from taskorder.results.importing.scores import LeftOut, Reading, Score, cell, joined, number
from taskorder.results.sequences import task_fault

METRICS = {
    "acc": "accuracy",
    "accuracy": "accuracy",
    "acc_norm": "acc_norm",
    "acc_all": "acc_all",
    "em": "exact_match",
    "exact": "exact_match",
    "exact_match": "exact_match",
    "f1": "f1",
    "mcc": "mcc",
    "matthews_correlation": "mcc",
    "pearson": "pearson",
    "spearman": "spearman",
}
FAMILIES = {
    "xnli_{language}": "xnli",
    "xcopa_{language}": "xcopa",
    "paws_{language}": "pawsx",
    "belebele_{language}": "belebele",
    "xwinograd_{language}": "xwinograd",
    "xstorycloze_{language}": "xstorycloze",
    "xquad_{language}": "xquad",
    "mlqa_{language}_{language}": "mlqa",
    "hellaswag_{language}": "hellaswag",
    "arc_{language}": "arc",
    "m_mmlu_{language}": "mmlu",
    "truthfulqa_{language}_mc1": "truthfulqa_mc1",
    "truthfulqa_{language}_mc2": "truthfulqa_mc2",
    "lambada_openai_mt_{language}": "lambada",
    "mgsm_direct_{language}": "mgsm_direct",
    "mgsm_en_cot_{language}": "mgsm_en_cot",
    "mgsm_native_cot_{language}": "mgsm_native_cot",
}
"""Translated benchmarks whose tasks bear the language in their names, each with its key here."""

MEMBERS = {
    "arb_Arab": "ar",
    "azj_Latn": "az",
    "ekk_Latn": "et",
    "gaz_Latn": "om",
    "khk_Cyrl": "mn",
    "lvs_Latn": "lv",
    "npi_Deva": "ne",
    "ory_Orya": "or",
    "pbt_Arab": "ps",
    "pes_Arab": "fa",
    "plt_Latn": "mg",
    "swh_Latn": "sw",
    "uzn_Latn": "uz",
    "zho_Hans": "zh",
    "zsm_Latn": "ms",
}
"""FLORES codes of a member of an ISO 639 macrolanguage that studies mean by the code of the whole."""

OTHER_NAMES = {
    "arc_challenge": "arc_challenge",
    "arc_easy": "arc_easy",
    "mnli_mismatch": "mnli_mm",
    "social_iqa": "socialiqa",
    "squadv2": "squad_v2",
}
UNKNOWN_LANGUAGE = (
    "a translated benchmark, and the rest of its name is no single language of data/languages.csv: give its "
    "target and language in the map"
)
STDERR = "_stderr"
BOOKKEEPING = ("alias", "name", "sample_len", "sample_count", "samples", " ")
LANGUAGE_PART = re.compile(r"\{language\}")
MODEL_KEYS = ("peft", "delta", "pretrained", "model", "path", "engine")


def _known() -> NameMap:
    tasks = {f"belebele_{code}": {"target": "belebele", "language": own} for code, own in MEMBERS.items()}
    tasks |= {"xwinograd_jp": {"target": "xwinograd", "language": "ja"}}
    tasks |= {name: {"target": target} for name, target in {**OTHER_NAMES, **FAMILIES}.items()}
    tasks |= {LANGUAGE_PART.sub("*", name): {"skip": UNKNOWN_LANGUAGE} for name in FAMILIES}
    metrics = {name: {"metric": metric} for old, metric in METRICS.items() for name in (old, f"{old},none")}
    return NameMap.of("lm-evaluation-harness", {"task": tasks, "metric": metrics})


_KNOWN = _known()


@dataclass(frozen=True, slots=True)
class LmEval:
    """Files of lm-evaluation-harness; a file is one model, its ``run``."""

    name: ClassVar[str] = "lm-eval"
    percent: ClassVar[bool] = False

    def known(self) -> NameMap:
        """Give the translated benchmarks, other names of tasks, and the metrics that are scores."""
        return _KNOWN

    def read(self, path: Path) -> Reading:
        """Read a results file, or all ``results*.json`` below a folder."""
        files, left_out = files_below(existing(path), _has_results)
        readings = [_of_file(file, place_below(path, file)) for file in files]
        return joined([*readings, Reading(left_out=tuple(left_out))])


def _has_results(path: Path) -> bool:
    return path.name.startswith("results") and path.suffix == ".json"


@dataclass(frozen=True, slots=True)
class _File:
    """A results file: its place, its content, its model, and the entries that are means of others."""

    place: str
    content: dict[str, Any]
    model: str
    groups: frozenset[str]

    def of_task(self, task: str, metrics: object) -> Reading:
        """Take what ``results`` holds of a task."""
        place = f"{self.place} results/{task}"
        if not isinstance(metrics, dict):
            return Reading(left_out=(LeftOut(place, task, "it holds no object of metrics."),))
        if task in self.groups:
            why = "a group, the mean of other tasks: its tasks are taken."
            return Reading(left_out=(LeftOut(place, task, why),))
        table = cast("dict[str, Any]", metrics)
        return joined(self._of_metric(f"{place}/{name}", task, name, table) for name in table)

    def _of_metric(self, place: str, task: str, name: str, metrics: dict[str, Any]) -> Reading:
        def left_out(why: str) -> Reading:
            return Reading(left_out=(LeftOut(place, name, why),))

        if name in BOOKKEEPING:
            return left_out("no score.")
        if (value := number(metrics[name])) is None:
            return left_out("no finite number.")
        measure, comma, of_filter = name.partition(",")
        higher = table_at(self.content, "higher_is_better", task)
        if measure.endswith(STDERR) and (of := measure.removesuffix(STDERR)):
            taken = number(metrics.get(f"{of}{comma}{of_filter}")) is not None and higher.get(of) is not False
            return Reading() if taken else left_out("the standard error of what is no score.")
        if higher.get(measure) is False:
            return left_out("lower is better: it is no score.")
        error = number(metrics.get(f"{measure}{STDERR}{comma}{of_filter}"))
        names = {"file": self.place, "task": task, "metric": name}
        model = {"model": self.model} if self.model else {}
        scaled = {} if error is None else {"item_stderr": error}
        return Reading((Score(value, place, names | model, self._says(task), scaled),))

    def _says(self, task: str) -> dict[str, str]:
        """Give what the file says of a task: its name where that is a key, items, examples in the prompt."""
        items = number(table_at(self.content, "n-samples", task).get("effective"))
        shots = number(table_at(self.content, "n-shot").get(task))
        return {
            **({"run": self.model} if self.model else {}),
            **({} if task_fault(task) else {"target": task}),
            **({} if items is None else {"n_test": cell(items)}),
            **({} if shots is None else {"n_shot": cell(shots)}),
        }


def _of_file(path: Path, place: str) -> Reading:
    try:
        content = parse_json(read_text(path, place), place)
    except InvalidTable as error:
        return Reading(problems=error.problems)
    results = table_at(content, "results")
    if not results:
        why = "they have no object 'results': they are not of lm-evaluation-harness."
        return Reading(left_out=(LeftOut(place, "JSON files", why),))
    file = _File(place, content, _model(content), _groups(content))
    return joined(file.of_task(task, metrics) for task, metrics in results.items())


def _groups(content: dict[str, Any]) -> frozenset[str]:
    """Name the entries of ``results`` that are means of others."""
    subtasks = table_at(content, "group_subtasks")
    members = {name for name, tasks in subtasks.items() if isinstance(tasks, list) and tasks}
    return frozenset(members | set(table_at(content, "groups")))


def _model(content: dict[str, Any]) -> str:
    """Name the model as the harness does: by ``model_name``, else by what its arguments call so."""
    if isinstance(name := content.get("model_name"), str) and name:
        return name
    arguments: object = table_at(content, "config").get("model_args")
    if isinstance(arguments, str):
        parts = [part.partition("=") for part in arguments.split(",")]
        arguments = {key: value for key, _, value in parts}
    found = cast("dict[str, object]", arguments) if isinstance(arguments, dict) else {}
    named = [name for key in MODEL_KEYS if isinstance(name := found.get(key), str) and name]
    return named[0] if named else ""
