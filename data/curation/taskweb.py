"""TaskWeb: 21 targets after 22 or 23 sources, nine settings of model and tuning, eight seeds."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from tidy import LeftOut, Outcome, Source, flags, fraction, result
from vocabulary import METRICS

MODELS = {
    "roberta": "roberta-base",
    "gpt2m": "gpt2-medium",
    "t5s": "t5-small",
    "t5b": "t5-base",
    "t5l": "t5-large",
}
TUNINGS = {"full fine-tuning": "full", "pfeiffer": "adapter"}
ABANDONED = {("copa", "t5l", "1e4", "32"): "b32", ("stsb", "gpt2m", "3e5", "8"): "lr3e-5"}
FOLDER = "results"


def per_seed(source: Source, pairs: Source) -> Iterator[Outcome]:
    """One run and metric a row; `pairs` gives the size of each target's evaluation set."""
    sizes = {row["target_task"]: row["n_test"] for row in pairs}
    in_percent = _series_in_percent(source)
    for row in source:
        if _missing(row["value"]):
            yield LeftOut("no value: the run printed NaN")
        elif row["metric"] not in METRICS:
            yield LeftOut("mean of the two other metrics of the same run, which are kept")
        else:
            percent = in_percent[row["model_setting"], row["target_task"]]
            yield _run(row, percent, sizes[row["target_task"]])


def _missing(value: str) -> bool:
    return value.lower() in {"", "nan"}


def _series_in_percent(source: Source) -> dict[tuple[str, str], bool]:
    """Decide the scale of a whole (setting, target) series, never of a value: 0.62 can be 62 % or 0.62 %."""
    largest: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in source:
        if not _missing(row["value"]):
            series = row["model_setting"], row["target_task"]
            largest[series] = max(largest[series], abs(Decimal(row["value"])))
    return {series: value > 1 for series, value in largest.items()}


def _run(row: dict[str, str], percent: bool, n_test: str) -> Outcome:
    model, _, tuning = row["model_setting"].partition("-")
    cell = row["target_task"], row["model_setting"], row["lr"], row["batch_size"]
    name = "-".join(filter(None, [MODELS[model], TUNINGS.get(tuning, tuning)]))
    run = f"{name}/{row['source_task']}>{row['target_task']}/s{row['seed']}"
    diverged = not _missing(row["train_loss"]) and Decimal(row["train_loss"]) == 0
    return result(
        study="taskweb",
        run="/".join(filter(None, [run, ABANDONED.get(cell, "")])),
        backbone=MODELS[model],
        tuning=TUNINGS.get(tuning, tuning) or "full",
        sequence=row["source_task"],
        target=row["target_task"],
        train_language="en",
        language="en",
        metric=METRICS[row["metric"]],
        score=fraction(row["value"], percent=percent),
        n_test=n_test,
        seed=row["seed"],
        flag=flags(suspect=cell in ABANDONED or diverged),
        source=f"{FOLDER}/{row['target_task']}/{row['source_task']}",
        epochs=row["epochs"],
        learning_rate=row["lr"].replace("e", "e-"),
        batch_size=row["batch_size"],
        train_size=row["train_samples"],
        train_loss=fraction(row["train_loss"], percent=False),
    )


def pairs(source: Source) -> Iterator[Outcome]:
    """Means over seeds of rows that are kept seed by seed."""
    for _ in source:
        yield LeftOut("mean over the seeds that are kept one by one; its n_test is carried over to them")


def baselines(source: Source) -> Iterator[Outcome]:
    """Direct fine-tuning, which the study gives only as relative gains: computed, not printed."""
    for row in source:
        tuning = TUNINGS.get(row["tuning"], row["tuning"])
        name = MODELS[row["backbone"]] + ("" if tuning == "full" else f"-{tuning}")
        yield result(
            study="taskweb",
            run=f"{name}/{row['target_task']}/direct",
            backbone=MODELS[row["backbone"]],
            tuning=tuning,
            target=row["target_task"],
            train_language="en",
            language="en",
            metric="pearson" if row["target_task"] == "stsb" else "accuracy",
            score=fraction(row["score"], percent=True),
            flag="derived",
            source="score/(1+relative gain), median over sources",
        )
