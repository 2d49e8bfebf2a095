"""What is no fault of a table, but worth a note: names that nothing is known of, and what they may mean."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from taskorder.errors import closest, first_of, nearest
from taskorder.results.schema import NAMES
from taskorder.results.sequences import OBJECTIVES, parse

ALIASES = {
    "acc": "accuracy",
    "em": "exact_match",
    "exact": "exact_match",
    "f1_score": "f1",
    "f1_macro": "macro_f1",
    "f1_micro": "micro_f1",
    "matthews": "mcc",
    "matthews_corrcoef": "mcc",
    "pearsonr": "pearson",
    "spearmanr": "spearman",
}
COSTS = frozenset({"loss", "perplexity", "ppl", "error", "error_rate", "wer", "cer", "mse", "rmse", "mae"})
LIKELY = 0.75
"""How alike two names of tasks are, one of which is a misspelling."""
NAMED = 8


def noted(
    frame: pd.DataFrame, known_tasks: Collection[str], known_languages: Collection[str]
) -> tuple[str, ...]:
    """Return all notes on a table."""
    unknown = without_covariates(frame, known_tasks, known_languages)
    return (*misnamed(frame), *odd_metrics(frame), *ending_in_target(frame), *unknown)


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
    names = sorted(frame["metric"].unique())
    return (
        *(
            f"metric {name!r}: others write {ALIASES[name]!r}; scores are compared by that name."
            for name in names
            if name in ALIASES
        ),
        *(
            f"metric {name!r}: the lower, the better; models take a higher score for a better one."
            for name in names
            if name in COSTS
        ),
    )


def ending_in_target(frame: pd.DataFrame) -> tuple[str, ...]:
    """Say of how many rows the sequence ends with the target, which stands after it anyway."""
    steps = {text: parse(text) for text in frame["sequence"].unique()}
    last = {text: "+".join(map(str, found[-1])) if found else "" for text, found in steps.items()}
    same = (frame["sequence"] != "") & (frame["sequence"].map(last) == frame["target"])
    if not same.any():
        return ()
    row = frame[same].iloc[0]
    return (
        f"the sequence ends with the target in {int(same.sum()):,} of {len(frame):,} rows, such as"
        f" {row['sequence']!r} before {row['target']!r}: it holds what comes before the training on it.",
    )


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
    said: list[str] = []
    if unknown:
        names = first_of(_with_likely(unknown, known_tasks))
        said.append(
            f"Nothing is known of the tasks {names}: no difficulty, no similarity to a target."
            " A line in data/tasks.csv (task, kind, ... and a difficulty_* column), and lines in"
            " data/similarity.csv, let the models use these rows in full."
        )
    if strange:
        said.append(
            f"Nothing is known of the languages {first_of(strange)}: no family, script or distance. A line in"
            " data/languages.csv lets the models use these rows in full."
        )
    return tuple(said)


def _with_likely(names: Sequence[str], known: Collection[str]) -> list[str]:
    """Add to the first few names what they may be misspellings of."""
    likely = {name: closest(name, known, LIKELY) for name in names[:NAMED]}
    return [f"{name} ({meant}?)" if (meant := likely.get(name)) else name for name in names]
