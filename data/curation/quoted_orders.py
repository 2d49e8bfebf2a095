"""Continual-learning tables as others quote them: four classification tasks, task types, languages."""

from collections.abc import Iterator
from types import MappingProxyType

from streams import NO_ORDER, noted
from tidy import LeftOut, Outcome, Source, flags, fraction, result, trained
from vocabulary import BACKBONES, METRICS, task

ORDER_NOT_STATED = "the order, or which tasks the stream has, is not stated"
REPEATED_MEAN = "mean over the three orders that are kept one by one"
FIFTEEN = [
    "Yelp",
    "Amazon",
    "MNLI",
    "CB",
    "COPA",
    "QQP",
    "RTE",
    "IMDB",
    "SST-2",
    "DBpedia",
    "AGNews",
    "Yahoo",
    "MultiRC",
    "BoolQ",
    "WiC",
]
JOINT = MappingProxyType(
    {
        "average over the tasks of the stream": ["DBpedia", "Amazon", "Yahoo", "AGNews"],
        "average over 15 tasks": FIFTEEN,
        "average of SST/QA-SRL/WOZ": ["SST", "QA-SRL", "WOZ"],
        "average of 5": ["SQuAD", "WikiSQL", "SST", "QA-SRL", "WOZ"],
    }
)
DIRECT = {"PerTaskFT", "Per-task Finetune"}
MULTI_TASK = {"MTL", "MTL joint (upper bound)", "Multitasked"}


def order_tables(source: Source) -> Iterator[Outcome]:
    """Sort the table by what its rows are: orders, means over orders, task types, single languages."""
    for row in source:
        study = _study(row["study"])
        if study == "xcl":
            yield _monolingual(row) if row["table"].startswith("mono_perf") else _xnli_stream(row)
        elif row["tuning"] in DIRECT | MULTI_TASK:
            yield _without_order(study, row)
        elif row["table"] == "order table" and row["sequence"] != "average of orders":
            yield _one_order(study, row)
        elif row["table"].startswith("task-type order"):
            yield _task_types(row)
        else:
            yield LeftOut(_why_not(row))


def _study(title: str) -> str:
    starts = {
        "OSFT": "osft_orders",
        "personal": "olora_rerun",
        "O-LoRA": "progressive_prompts",
        "Progressive": "progressive_prompts",
        "LFPT5": "lfpt5",
        "LAMOL": "lamol",
        "M'hamdi": "xcl",
    }
    return next(study for start, study in starts.items() if title.startswith(start))


def _why_not(row: dict[str, str]) -> str:
    if row["table"] == "order table":
        return REPEATED_MEAN
    if row["sequence"] in {"average of orders", "average over the permutations"}:
        return NO_ORDER
    return ORDER_NOT_STATED


def _tuning(method: str) -> str:
    if "LoRA" in method:
        return "lora"
    return "prompt" if method.startswith(("L2P", "LFPT5", "MT-PT")) else "full"


def _one_order(study: str, row: dict[str, str]) -> Outcome:
    stages = [task(raw) for raw in row["sequence"].split(">")]
    quoted = study == "osft_orders" or "quoted" in row["tuning"]
    return result(
        study=study,
        run=f"{row['backbone'].split(' ')[0]}/{row['tuning']}/{'>'.join(stages)}",
        backbone=BACKBONES.get(row["backbone"], row["backbone"]),
        tuning=_tuning(row["tuning"]),
        sequence=">".join(stages),
        target=task(row["target_task"]),
        train_language="en",
        language="en",
        metric="accuracy",
        score=fraction(row["score"], percent=True),
        stage=stages[-1],
        flag=flags("mean", second_hand=quoted, unstated="assumed" in row["backbone"]),
        source=f"order table, order {noted(r'order (\d)', row['note'])}",
        method=row["tuning"],
    )


def _without_order(study: str, row: dict[str, str]) -> Outcome:
    """Each task on its own, or all tasks jointly: the references that have no order."""
    joint = row["tuning"] in MULTI_TASK
    stages = [task(raw) for raw in JOINT[row["target_task"]]] if joint else []
    target = task(row["target_task"])
    return result(
        study=study,
        run=f"{row['backbone']}/{row['tuning']}/{target}",
        backbone=row["backbone"],
        sequence="+".join(stages),
        target=target,
        train_language="en",
        language="en",
        metric="mean" if study == "lamol" else "accuracy",
        score=fraction(row["score"], percent=True),
        setting="multi-task" if joint else "",
        flag=flags("mean", "second-hand"),
        source=row["table"],
        method=row["tuning"],
    )


def _task_types(row: dict[str, str]) -> Outcome:
    stages = [task(raw, "lfpt5") for raw in row["sequence"].split(">")]
    target = task(row["target_task"], "lfpt5")
    joint = row["tuning"] == "MT-PT"
    sequence, stage = ("+".join(stages), "") if joint else trained(stages, target)
    metrics = {"Summ": "rouge", "Class": "accuracy", "NER": "f1"}
    return result(
        study="lfpt5",
        run=f"t5-large/{row['tuning']}",
        backbone=row["backbone"],
        tuning="prompt",
        sequence=sequence,
        target=target,
        train_language="en",
        language="en",
        metric=metrics[row["target_task"]],
        score=fraction(row["score"], percent=True),
        stage=stage,
        setting="multi-task" if joint else "",
        flag="second-hand",
        source=row["table"],
        method=row["tuning"],
    )


def _monolingual(row: dict[str, str]) -> Outcome:
    method = row["tuning"].partition("; ")[2]
    return result(
        study="xcl",
        run=f"mtop[{row['language']}]/{method}",
        backbone=row["backbone"],
        target=task(row["target_task"]),
        train_language=row["language"],
        language=row["language"],
        metric=METRICS[row["metric"]],
        score=fraction(row["score"], percent=True),
        source="mono_perf in metrics_spaced_repetition.py",
        replay=method,
    )


def _xnli_stream(row: dict[str, str]) -> Outcome:
    """English then Vietnamese: Vietnamese has just been trained, English one stage ago."""
    latest = row["language"] == "vi"
    epoch = noted(r"point (\d)", row["note"])
    replay = row["tuning"].removeprefix("experience replay ")
    return result(
        study="xcl",
        run=f"xnli[en]>xnli[vi]/{replay}/e{epoch}",
        backbone=BACKBONES[row["backbone"]],
        sequence="xnli[en]" if latest else "xnli[en]>xnli[vi]",
        target="xnli",
        train_language=row["language"],
        language=row["language"],
        metric="accuracy",
        score=fraction(row["score"], percent=True),
        n_test=row["n_test"],
        stage="" if latest else "xnli[vi]",
        source="analyse_er.py",
        replay=replay,
        epoch=epoch,
    )
