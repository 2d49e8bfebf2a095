"""Benchmarks by task: XTREME means over languages, leaderboards, human scores, sizes of data sets."""

from collections.abc import Iterator

from tidy import LeftOut, Outcome, Source, flags, fraction, result
from vocabulary import BACKBONES, METRICS, task
from zero_shot import MOVED

XTREME_STUDIES = {
    "mT5": "mt5",
    "Chung": "rembert",
    "XLM-Align": "xlm_align",
    "lecture": "mt5_notes",
    "ERNIE-M": "ernie_m",
    "Ruder": "xtreme_r_notes",
}
OWN = {
    "mt5": ("mT5",),
    "rembert": ("RemBERT", "decoupled", "Ein", "Eout", "23-layer", "wider", "deeper"),
    "xlm_align": ("XLM-Align",),
    "mt5_notes": (),
    "ernie_m": ("ERNIE-M",),
    "xtreme_r_notes": (),
}
XTREME_METRICS = {
    **METRICS,
    "EM/F1 averaged": "mean",
    "avg": "mean",
    "score": "mean",
    "accuracy avg (inferred)": "accuracy",
}
REPEATED_XXL = {("xquad", "f1"), ("mlqa", "f1")}
SUPERGLUE_TUNING = {
    "FrozenT5+SPoT": "prompt",
    "GPT-3-fewshot": "few-shot",
    "WARP": "prompt",
    "CBOW": "frozen",
}
SUPERGLUE_BACKBONES = {
    "ST-MoE-32B": "st-moe-32b",
    "TuringNLRv5": "turing-nlr-v5",
    "ERNIE3.0": "ernie-3.0",
    "T5+UDG": "t5-11b-udg",
    "DeBERTa/TuringNLRv4": "deberta-turing-nlr-v4",
    "T5": "t5-11b",
    "FrozenT5+SPoT": "t5-xxl-lm-adapt",
    "GPT-3-fewshot": "gpt-3",
    "WARP": "warp",
    "CBOW": "cbow",
}
UNNAMED = "the model is not named"


def xtreme(source: Source) -> Iterator[Outcome]:
    """XTREME tasks, each score a mean over the task's languages."""
    for row in source:
        unnamed = row["backbone"].endswith("submission") or row["backbone"].startswith("best submission")
        yield LeftOut(UNNAMED) if unnamed else _xtreme_row(row)


def _xtreme_row(row: dict[str, str]) -> Outcome:
    study = next(key for start, key in XTREME_STUDIES.items() if row["study"].startswith(start))
    tuned = "after fine-tuning" in row["backbone"]
    printed = row["backbone"].replace(" (after fine-tuning)", "")
    backbone = BACKBONES.get(printed, printed)
    embedding = row["tuning"] == "sentence embedding"
    translated = row["sequence"] in {"translate-train", "target+translated"}
    target = task(row["target_task"], study)
    metric = XTREME_METRICS[row["metric"]]
    sequence = _stage(row["sequence"])
    place = row["table"].split(" (")[0] if study == "rembert" else ""
    setting = "translate-train" if translated else ""
    return result(
        study=study,
        run="/".join(filter(None, [backbone, sequence, setting, target, place, "tuned" if tuned else ""])),
        backbone=backbone,
        tuning="frozen" if embedding and not tuned else "full",
        sequence=sequence,
        target=target,
        train_language="" if embedding else "mul" if translated else "en",
        language="mul",
        metric=metric,
        score=fraction(row["score"], percent=True),
        n_seeds=row["n_seeds"],
        setting=setting,
        flag=_xtreme_flag(study, row, target, metric),
        source=row["table"],
    )


def _stage(printed: str) -> str:
    stage = printed.rpartition(">")[0]
    return task(stage) if stage else ""


def _xtreme_flag(study: str, row: dict[str, str], target: str, metric: str) -> str:
    """Mark means over languages, others' figures, repeats, and what a source lost or left unsaid."""
    repeated = study == "rembert" and "Table 16" in row["table"] and target == "xtreme"
    repeated |= study == "mt5_notes" and row["backbone"] == "mT5-XXL" and (target, metric) in REPEATED_XXL
    lost = "lost" in row["note"] or "infers" in row["note"] or not row["tuning"]
    relabelled = study == "mt5" and metric == "accuracy"
    return flags(
        "mean",
        second_hand=not row["backbone"].startswith(OWN[study]) and row["backbone"] != "xlm-roberta-base",
        duplicate=repeated,
        suspect=row["note"].startswith("CONFLICT") and target == "tydiqa" and metric == "f1",
        unstated=lost or relabelled,
    )


def human_baselines(source: Source) -> Iterator[Outcome]:
    """Human scores go to the covariates; models of the same leaderboards are results."""
    cbow = {_place(row): row["score"] for row in source if row["backbone"] == "CBOW"}
    for row in source:
        if row["backbone"] == "human":
            yield LeftOut(MOVED)
        elif "minus" in row["metric"]:
            yield LeftOut("a difference between human and model, not a score")
        elif row["backbone"] in {"SOTA system", "baseline at launch"}:
            yield LeftOut(UNNAMED)
        elif row["study"].startswith("SuperGLUE leaderboard"):
            yield _superglue(row, row["backbone"] == "WARP" and row["score"] == cbow[_place(row)])
        else:
            yield _glue_average(row)


def _place(row: dict[str, str]) -> tuple[str, str]:
    return row["target_task"], row["metric"]


def _superglue(row: dict[str, str], as_cbow: bool) -> Outcome:
    target = task(row["target_task"])
    average = target == "superglue"
    backbone = SUPERGLUE_BACKBONES[row["backbone"]]
    spot = row["backbone"] == "FrozenT5+SPoT"
    few_shot = row["backbone"] == "GPT-3-fewshot"
    return result(
        study="superglue_leaderboard",
        run=f"{backbone}/{target}",
        backbone=backbone,
        tuning=SUPERGLUE_TUNING.get(row["backbone"], "full"),
        sequence="best_intermediate" if spot else "",
        target=target,
        train_language="" if few_shot else "en",
        language="en",
        metric="mean" if average else METRICS[row["metric"]],
        score=fraction(row["score"], percent=True),
        flag=flags("second-hand", mean=average, suspect=as_cbow, duplicate=as_cbow, unstated=not few_shot),
        source=f"SPoT {row['table']}, leaderboard of 2022-02-09",
    )


def _glue_average(row: dict[str, str]) -> Outcome:
    backbone = {"GPT": "openai-gpt", "BERT": "bert-large-uncased", "XLNet": "xlnet-large-cased"}[
        row["backbone"]
    ]
    return result(
        study="glue_quoted",
        run=backbone,
        backbone=backbone,
        target="glue",
        train_language="en",
        language="en",
        metric="mean",
        score=fraction(row["score"], percent=True),
        flag="mean;second-hand;unstated",
        source="statistics wiki" if "wiki" in row["study"] else "reading notes",
    )


def dataset_sizes(source: Source) -> Iterator[Outcome]:
    """Sizes are covariates."""
    for _ in source:
        yield LeftOut("size of a data set: a covariate, moved to data/tasks.csv")
