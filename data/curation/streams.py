"""Several tasks or languages trained one after another, scored along the way: forgetting and order."""

import re
from collections.abc import Iterator

from tidy import LeftOut, Outcome, Source, flags, fraction, result, trained
from vocabulary import METRICS, task

CONTRAST = "a difference between scores (forgetting or transfer), not a score"
NO_ORDER = "mean over several orders: no one sequence belongs to it"


def noted(pattern: str, note: str) -> str:
    """Give what the group of a pattern catches in a note; empty where the pattern does not occur."""
    found = re.search(pattern, note)
    return found[1] if found else ""


def szakdoga(source: Source) -> Iterator[Outcome]:
    """All six orders of CoLA, MRPC and RTE at 13 depths of freezing, scored after each stage."""
    for row in source:
        stages = row["sequence"].split(">")
        sequence, stage = trained(stages, row["target_task"])
        freeze = noted(r"frozen=(\d+)", row["note"])
        order = noted(r"whole order ([a-z>]+)", row["note"])
        commit = "cb23ac7" if "cb23ac7" in row["source"] else "0a410d4"
        yield result(
            study="szakdoga",
            run=f"{commit}/freeze{freeze}/{order}/{len(stages)}",
            backbone="bert-base-uncased",
            tuning="full" if freeze == "0" else "partial",
            sequence=sequence,
            target=row["target_task"],
            train_language="en",
            language="en",
            metric=METRICS[row["metric"]],
            score=fraction(row["score"], percent=False),
            n_test=row["n_test"],
            stage=stage,
            source=f"README.md at {commit}",
            freeze=freeze,
            order=order,
            head="latest" if "head of the latest" in row["note"] else "own",
        )


def leitner(source: Source) -> Iterator[Outcome]:
    """MTOP in four orders of four languages with replay, ten epochs; means over the stream's languages."""
    for row in source:
        if row["metric"] not in {"Final Performance", "Accuracy"}:
            yield LeftOut(CONTRAST)
        elif row["sequence"].startswith("AVERAGE"):
            yield LeftOut(NO_ORDER)
        else:
            yield _leitner_score(row)


def _leitner_score(row: dict[str, str]) -> Outcome:
    strategy = noted(r"strategy=([\w-]+)", row["tuning"])
    decks = noted(r"decks=(\d)", row["tuning"])
    epoch = noted(r"epoch (\d+) of", row["note"])
    key = noted(r"key (\w+);", row["note"])
    sequence = row["sequence"].replace("MTOP", "mtop")
    suspect = "SUSPECT" in row["note"]
    return result(
        study="leitner_mtop",
        run=f"{strategy}-d{decks}/{key}/e{epoch}",
        backbone="bert-base-multilingual-cased",
        sequence=sequence,
        target=task(row["target_task"]),
        train_language="mul",
        language="mul",
        metric="f1" if row["target_task"].endswith("F1") else "accuracy",
        score=fraction(row["score"], percent=True),
        stage=sequence.rpartition(">")[2] if row["metric"] == "Final Performance" else "all",
        flag=flags("mean", suspect=suspect, duplicate=suspect or key.endswith("_")),
        source=row["table"],
        replay=strategy,
        decks=decks,
        epoch=epoch,
        listed_under=key,
    )


def small_repositories(source: Source) -> Iterator[Outcome]:
    """Two repositories: a BERT that forgets, and a re-run of OML with experience replay."""
    for row in source:
        yield _forgetting_bert(row) if row["study"].startswith("JingYannn") else _oml_er(row)


def _forgetting_bert(row: dict[str, str]) -> Outcome:
    stages = [task(raw) for raw in row["sequence"].split(">")]
    target = task(row["target_task"])
    sequence, stage = trained(stages, target)
    untrained = "not trained yet" in row["note"]
    experiment = row["table"].removeprefix("Experiment ")
    matthews = row["metric"].startswith("Matthews")
    return result(
        study="forgetting_bert",
        run=f"experiment{experiment}/{len(stages)}",
        backbone="bert-base-uncased",
        sequence=sequence,
        target=target,
        train_language="" if untrained else "en",
        language="en",
        metric="mcc" if matthews else "f1" if row["metric"] == "F1" else "accuracy",
        score=fraction(row["score"], percent=False),
        n_test=row["n_test"],
        seed="42",
        stage=stage,
        setting="untrained-head" if untrained else "",
        flag=flags(unstated=matthews or (target in {"conll_ner", "udpos"} and row["metric"] != "F1")),
        source=f"README.md, {row['table']}",
        train_size=noted(r"\[(\d+)\]", row["target_task"]),
    )


def _oml_er(row: dict[str, str]) -> Outcome:
    stages = [task(raw) for raw in row["sequence"].split(">")]
    target = task(row["target_task"])
    sequence, stage = trained(stages, target)
    order, split = re.findall(r"order (\d), (\w+) set", row["table"])[0]
    development = split == "val"
    return result(
        study="oml_er_rerun",
        run=f"order{order}" + ("@dev" if development else ""),
        backbone="bert-base-uncased",
        sequence=sequence,
        target=target,
        train_language="en",
        language="en",
        metric=METRICS[row["metric"]],
        score=fraction(row["score"], percent=False),
        n_test=row["n_test"],
        seed="42",
        stage=stage,
        flag=flags(mean=target == "lifelong5", duplicate=development),
        source=f"results.txt, order {order}",
        replay="oml-er",
        split="dev" if development else "test",
    )
