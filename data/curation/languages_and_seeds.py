"""Cross-lingual tables with a row a run: African NER, XLM-R and XLM-V, POS in 105 languages, LangRank."""

import re
from collections.abc import Iterator

from streams import noted
from tidy import LeftOut, Outcome, Source, flags, fraction, result
from vocabulary import language, task

IDENTICAL = {"MLM[kin]>NER-MasakhaNER[swa]": "suspect", "MLM[pcm]>NER-MasakhaNER[swa]": "suspect;duplicate"}


def nertransfer(source: Source) -> Iterator[Outcome]:
    """Continued MLM in one language, NER in another, evaluation in all: five seeds."""
    for row in source:
        *before, own = row["sequence"].split(">")
        pretraining = [f"mlm[{language(_bracketed(stage))}]" for stage in before]
        seed = noted(r"seed=(\d)", row["note"])
        yield result(
            study="nertransfer",
            run=f"{'>'.join([*pretraining, f'masakhaner[{language(_bracketed(own))}]'])}/s{seed}",
            backbone=row["backbone"],
            sequence=">".join(pretraining),
            target=task(row["target_task"]),
            train_language=language(_bracketed(own)),
            language=language(row["language"]),
            metric="f1",
            score=fraction(row["score"], percent=True),
            n_test=row["n_test"],
            seed=seed,
            flag=IDENTICAL.get(row["sequence"], ""),
            source=row["source"].partition("src/runs/v10/models/")[2].removesuffix("/test_results.txt"),
        )


def _bracketed(stage: str) -> str:
    return noted(r"\[([^\]]+)\]", stage)


def xlmv(source: Source) -> Iterator[Outcome]:
    """XLM-R and XLM-V trained on English, five seeds: WikiANN, MasakhaNER, XQuAD."""
    for row in source:
        target = task(row["target_task"])
        development = row["metric"].endswith("dev")
        seed = noted(r"seed (\d)", row["note"])
        yield result(
            study="xlmv_replication",
            run=f"{row['backbone']}/{target}/s{seed}" + ("@dev" if development else ""),
            backbone=row["backbone"],
            sequence="panx[en]" if target == "masakhaner" else "",
            target=target,
            train_language="" if target == "masakhaner" else "en",
            language=language(row["language"]),
            metric="exact_match" if row["metric"] == "EM" else "f1",
            score=fraction(row["score"], percent=True),
            n_test=row["n_test"],
            seed=seed,
            flag=flags(duplicate=development),
            source=row["source"].rpartition(":")[2],
            split="dev" if development else "test",
        )


def xpos(source: Source) -> Iterator[Outcome]:
    """XLM-R trained on POS in one of 65 languages, evaluated in 105."""
    for row in source:
        train = language(_bracketed(row["sequence"]))
        yield result(
            study="xpos",
            run=f"xlm-roberta-base/udpos[{train}]",
            backbone=row["backbone"],
            target="udpos",
            train_language=train,
            language=language(row["language"]),
            metric="accuracy",
            score=fraction(row["score"], percent=True),
            source=row["table"],
            n_sentences=noted(r"=(\d+) sentences", row["note"]),
        )


def langrank(source: Source) -> Iterator[Outcome]:
    """Transfer from each of many languages to each target language, with URIEL distances."""
    for row in source:
        yield LeftOut("no score: the cell holds nan") if row["score"] in {"", "nan"} else _transfer(row)


def _transfer(row: dict[str, str]) -> Outcome:
    target = task(row["target_task"])
    train = language(_bracketed(row["sequence"]))
    return result(
        study="langrank",
        run=f"{target}[{train}]",
        backbone="langrank-task-model",
        tuning="scratch",
        target=target,
        train_language=train,
        language=language(row["language"]),
        metric="accuracy",
        score=fraction(row["score"], percent=target == "ud_parsing"),
        flag=flags(unstated=target == "ud_parsing"),
        source=row["table"],
        **_distances(row["note"]),
    )


def _distances(note: str) -> dict[str, str]:
    pairs = re.findall(r"([A-Za-z ]+)=([\d.]+)", note)
    return {re.sub(r"\W+", "_", name.strip().lower()): value for name, value in pairs}
