"""English transfer: STILTs, SPoT, continued pretraining, HANS by run."""

from collections.abc import Iterator

from streams import noted
from tidy import LeftOut, Outcome, Source, flags, fraction, result
from vocabulary import METRICS, glue_metric, language, task

SPOT_MEANS = {"stsb", "mrpc", "cb"}
CHECKPOINTS = {
    "afro-xlmr-large": "xlm-roberta-large",
    "afro-xlmr-base": "xlm-roberta-base",
    "afro-xlmr-small": "xlm-roberta-base-70k",
    "afro-xlmr-mini": "xlm-r-minilm",
}
REPEATED_WITH_SD = {("", "86.6"), ("mlm_news", "88.2"), ("mlm_hyperpartisan", "90.4")}
REPEATED_WITH_SD |= {("mlm_news>mlm_hyperpartisan", "90.0")}


def stilts_spot(source: Source) -> Iterator[Outcome]:
    """STILTs (fine-tuning) and SPoT (prompt tuning)."""
    for row in source:
        yield _spot(row) if "SPoT" in row["study"] else _stilts(row)


def _stilts(row: dict[str, str]) -> Outcome:
    target = task(row["target_task"])
    stage = row["sequence"].rpartition(">")[0]
    sequence = task(stage) if stage else ""
    metric, assigned = ("mean", False) if target == "glue" else glue_metric(target)
    return result(
        study="stilts",
        run="/".join(
            filter(None, ["bert-large-uncased", sequence, target, noted(r"(QNLIv\d)", row["note"])])
        ),
        backbone="bert-large-uncased",
        sequence=sequence,
        target=target,
        train_language="en",
        language="en",
        metric=metric,
        score=fraction(row["score"], percent=True),
        n_seeds=row["n_seeds"],
        flag=flags(mean=target == "glue", unstated=assigned),
        source=row["table"],
    )


def _spot(row: dict[str, str]) -> Outcome:
    target = task(row["target_task"])
    stage = row["sequence"].rpartition(">")[0]
    sequence = task(stage) if stage else ""
    longer = "30K" in row["sequence"] or "longertuning" in row["sequence"]
    average = target in {"glue", "superglue"}
    return result(
        study="spot",
        run="/".join(filter(None, ["t5-base-lm-adapt-prompt", sequence, target, "30k" if longer else ""])),
        backbone="t5-base-lm-adapt",
        tuning="prompt",
        sequence=sequence,
        target=target,
        train_language="en",
        language="en",
        metric="mean" if average or target in SPOT_MEANS else "mcc" if target == "cola" else "accuracy",
        score=fraction(row["score"], percent=True),
        n_seeds=row["n_seeds"],
        sd=fraction(row["sd_or_se"], percent=True),
        flag=flags(mean=average, suspect=sequence == "superglue_mix" and target == "superglue"),
        source=row["table"],
        steps="30000" if longer else "",
    )


def continued_pretraining(source: Source) -> Iterator[Outcome]:
    """DAPT and TAPT as quoted, a replication run by run, AfroXLMR."""
    for row in source:
        yield _afroxlmr(row) if row["study"].startswith("Alabi") else _dapt(row)


def _dapt(row: dict[str, str]) -> Outcome:
    target = task(row["target_task"])
    sequence = ">".join(task(raw, target) for raw in row["sequence"].split(">")[:-1])
    replication = row["study"].startswith("Replication")
    seed = noted(r"run (\d)", row["note"])
    quoted_again = row["note"].startswith("original values")
    repeated = target == "hyperpartisan" and (sequence, row["score"]) in REPEATED_WITH_SD
    place = f"s{seed}" if seed else "with-sd" if quoted_again else ""
    return result(
        study="gururangan_replication" if replication else "gururangan",
        run="/".join(filter(None, [row["backbone"], ">".join(filter(None, [sequence, target])), place])),
        backbone=row["backbone"],
        sequence=sequence,
        target=target,
        train_language="en",
        language="en",
        metric=METRICS[row["metric"]],
        score=fraction(row["score"], percent=True),
        seed=seed,
        n_seeds="" if seed else row["n_seeds"],
        sd=fraction(row["sd_or_se"], percent=True),
        flag=flags(
            mean=replication and not seed,
            second_hand=not replication,
            duplicate=repeated and not replication and not quoted_again,
        ),
        source=row["table"],
        corpus="transfer"
        if "other task" in row["sequence"]
        else "curated"
        if "Curated" in row["sequence"]
        else "",
    )


def _afroxlmr(row: dict[str, str]) -> Outcome:
    adapted = row["backbone"] in CHECKPOINTS
    evaluated = language(row["language"])
    return result(
        study="afroxlmr",
        run=f"{row['backbone']}/masakhaner[{evaluated}]",
        backbone=CHECKPOINTS.get(
            row["backbone"], "xlm-r-minilm" if "mini" in row["backbone"] else row["backbone"]
        ),
        sequence="mlm_african" if adapted else "",
        target="masakhaner",
        train_language=evaluated,
        language=evaluated,
        metric="f1",
        score=fraction(row["score"], percent=True),
        source="model card, F-score on MasakhaNER",
        checkpoint=row["backbone"],
    )


def hans(source: Source) -> Iterator[Outcome]:
    """One hundred BERTs trained on MNLI, scored on MNLI and on HANS, which none of them was trained on."""
    for row in source:
        target = task(row["target_task"])
        seen = target == "mnli"
        number = row["note"].removeprefix("Run ")
        yield result(
            study="hans_by_run",
            run=f"bert-base-uncased/mnli/r{number}",
            backbone=row["backbone"],
            sequence="" if seen else "mnli",
            target=target,
            train_language="en" if seen else "",
            language="en",
            metric="accuracy",
            score=fraction(row["score"], percent=False),
            n_test=row["n_test"],
            seed=number,
            flag=flags(mean=target == "hans"),
            source="berts_of_a_feather_accuracies_by_run.csv",
        )


def bloodbank(source: Source) -> Iterator[Outcome]:
    """Ratios to a monolingual model."""
    for _ in source:
        yield LeftOut(
            "a ratio to the monolingual model's score, not a score; which axis is the source is not stated"
        )


def abstracts(source: Source) -> Iterator[Outcome]:
    """Figures of abstracts: all are differences, relative improvements or ratios."""
    for _ in source:
        yield LeftOut("a difference, relative improvement or ratio, not a score")
