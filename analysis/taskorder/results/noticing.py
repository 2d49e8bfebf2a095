"""What is no fault of a table, but worth a note: names that nothing is known of, and what they may mean."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from taskorder.errors import first_of, nearest
from taskorder.results.schema import CORRELATIONS, NAMES
from taskorder.results.sequences import OBJECTIVES, parse

METRICS = CORRELATIONS | {"accuracy", "exact_match", "f1", "macro_f1", "micro_f1", "mean", "rouge", "bleu"}
ALIASES = {
    "acc": "accuracy",
    "em": "exact_match",
    "exact": "exact_match",
    "f1_score": "f1",
    "f1_macro": "macro_f1",
    "f1_micro": "micro_f1",
    "matthews": "mcc",
}
COSTS = frozenset({"loss", "perplexity", "ppl", "error", "error_rate", "wer", "cer", "mse", "rmse", "mae"})


def misnamed(frame: pd.DataFrame) -> tuple[str, ...]:
    """Name the columns beyond the contract that are called nearly as one of it that is empty."""
    cells = frame[[*NAMES]]
    empty = [name for name in NAMES if bool((cells[name].isna() | (cells[name].astype("str") == "")).all())]
    others = [str(name) for name in frame.columns if name not in NAMES]
    return tuple(
        f"column {name!r} is none of the contract's: it is kept, and only a model file that names it reads"
        f" it.{meant}"
        for name in others
        if (meant := nearest(name, empty))
    )


def odd_metrics(frame: pd.DataFrame) -> tuple[str, ...]:
    """Say which metrics others call otherwise, and of which it is better the lower it is."""
    return tuple(
        f"metric {name!r}: {_of_metric(name)}"
        for name in sorted(frame["metric"].unique())
        if name not in METRICS and _of_metric(name)
    )


def _of_metric(name: str) -> str:
    if name in COSTS:
        return "the lower, the better; models take a higher score for a better one."
    if name in ALIASES:
        return f"elsewhere it is {ALIASES[name]!r}, and models choose rows by that name."
    return nearest(name, METRICS).strip()


def without_covariates(
    frame: pd.DataFrame, known_tasks: Collection[str], known_languages: Collection[str]
) -> tuple[str, ...]:
    """Say of which tasks and languages of new rows nothing is known, and what to do."""
    stages = [stage for text in frame["sequence"].unique() for step in parse(text) for stage in step]
    tasks = {stage.task for stage in stages if stage.task not in OBJECTIVES} | set(frame["target"])
    codes = {code for stage in stages for code in stage.languages()}
    codes |= set(frame["language"]) | set(frame["train_language"]) - {""}
    unknown = sorted(tasks - set(known_tasks))
    strange = sorted(codes - set(known_languages))
    said = [
        f"Nothing is known of task {name!r}.{meant}"
        for name in unknown
        if (meant := nearest(name, known_tasks))
    ]
    if unknown:
        said.append(
            f"Nothing is known of the tasks {first_of(unknown)}: no difficulty, no similarity to a target."
            " A line in data/tasks.csv (task, kind, ... and a difficulty_* column), and lines in"
            " data/similarity.csv, let the models use these rows in full."
        )
    if strange:
        said.append(
            f"Nothing is known of the languages {first_of(strange)}: no family, script or distance. A line in"
            " data/languages.csv lets the models use these rows in full."
        )
    return tuple(said)
