"""Zero-shot and translate-train tables by language: XNLI, XQuAD, MLQA, XCOPA, CoNLL."""

from collections.abc import Iterator

from tidy import LeftOut, Outcome, Result, Source, flags, fraction, result, with_flag
from vocabulary import BACKBONES, METRICS, glue_metric, language, task

MOVED = "human score: a covariate, moved to data/tasks.csv"
SETTINGS = {
    "TRANSLATE-TEST": "translate-test",
    "TRANSLATE-TRAIN": "translate-train",
    "TRANSLATE-TRAIN (each language)": "translate-train",
    "TRANSLATE-TRAIN-ALL": "translate-train-all",
}
JOINT = "full fine-tuning: "
XNLI_STUDIES = {
    "Conneau": "xlmr",
    "ERNIE-M": "ernie_m",
    "LASER": "laser",
    "mDeBERTa": "mdeberta",
    "MoritzLaurer": "laurer_xnli",
    "BERT": "bert_multilingual",
}
QA_STUDIES = {"XQuAD": "xquad", "MLQA": "mlqa", "Conneau": "xlmr"}


def _study(title: str, studies: dict[str, str]) -> str:
    return next(study for start, study in studies.items() if title.startswith(start))


def _train_language(setting: str, evaluated: str) -> str:
    """Language of the training data: English unless it was translated or many languages were used."""
    if setting in {"translate-train-all", "multilingual-train"}:
        return "mul"
    return evaluated if setting == "translate-train" else "en"


def _run(backbone: str, setting: str, train_language: str, target: str, *more: str) -> str:
    return "/".join(filter(None, [backbone, setting, f"{target}[{train_language}]", *more]))


def _flag_english_again(rows: Iterator[Outcome]) -> Iterator[Outcome]:
    """Mark the English row of a translate-train or translate-test block that repeats the English model's."""
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        if isinstance(row, LeftOut) or row["language"] != "en" or row["setting"].endswith("all"):
            yield row
            continue
        key = tuple(row[column] for column in ("study", "backbone", "target", "metric", "score"))
        yield with_flag(row, "duplicate") if key in seen else row
        seen.add(key)


def xnli(source: Source) -> Iterator[Outcome]:
    """XNLI by language from six places; rows of the README whose columns look shuffled are marked."""
    ordered = sorted(range(len(source)), key=lambda i: source[i]["tuning"] != "full fine-tuning, zero-shot")
    done = dict(zip(ordered, _flag_english_again(_xnli_row(source[i]) for i in ordered), strict=True))
    yield from (done[i] for i in range(len(source)))


def _xnli_row(row: dict[str, str]) -> Result:
    study = _study(row["study"], XNLI_STUDIES)
    backbone = BACKBONES.get(row["backbone"], row["backbone"])
    joint = row["tuning"].startswith(JOINT)
    setting = "multilingual-train" if joint else SETTINGS.get(row["tuning"], "")
    evaluated = language(row["language"])
    train = _train_language(setting, evaluated)
    selection = "per-language" if row["note"].startswith("#M=N") else ""
    return result(
        study=study,
        run=_run(backbone, setting, train, "xnli", selection),
        backbone=backbone,
        tuning="frozen" if study == "laser" else "full",
        target="xnli",
        train_language=train,
        language=evaluated,
        metric="accuracy",
        score=fraction(row["score"], percent=True),
        n_test=row["n_test"],
        n_seeds=row["n_seeds"],
        setting=setting,
        flag=_xnli_flag(study, row),
        source=row["table"],
        selection=selection,
        split="dev" if study == "mdeberta" else "test",
    )


def _xnli_flag(study: str, row: dict[str, str]) -> str:
    """Quoted are other papers' names, the dagger rows, and InfoXLM and VECO in ERNIE-M's README."""
    others = row["note"].startswith(("#M=N", "dagger")) or "Conneau 2018" in row["backbone"]
    others |= study == "ernie_m" and not row["backbone"].startswith("ERNIE-M")
    return flags(
        mean=row["language"] == "avg",
        second_hand=others,
        suspect="shuffled" in row["note"] or "shuffled-column" in row["note"],
        unstated="per card name" in row["sequence"],
    )


def qa(source: Source) -> Iterator[Outcome]:
    """XQuAD and MLQA by language; MLQA figures that the XLM-R paper repeats are marked."""
    originals: set[tuple[str, ...]] = set()
    for row in _flag_english_again(_qa_row(row) for row in source):
        assert not isinstance(row, LeftOut)
        key = tuple(row[column] for column in ("backbone", "target", "language", "metric", "score"))
        if row["study"] == "mlqa":
            originals.add(key)
        yield with_flag(row, "duplicate") if row["study"] == "xlmr" and key in originals else row


def _qa_row(row: dict[str, str]) -> Result:
    study = _study(row["study"], QA_STUDIES)
    backbone = BACKBONES.get(row["backbone"], row["backbone"])
    name = row["backbone"].lower()
    setting = next((kind for kind in ("translate-train", "translate-test") if kind in name), "")
    evaluated = language(row["language"])
    train = (
        "mul" if setting == "translate-train" and evaluated == "mul" else _train_language(setting, evaluated)
    )
    target = task(row["target_task"])
    return result(
        study=study,
        run=_run(backbone, setting, train, target),
        backbone=backbone,
        target=target,
        train_language=train,
        language=evaluated,
        metric=METRICS[row["metric"]],
        score=fraction(row["score"], percent=True),
        n_test=row["n_test"],
        setting=setting,
        flag=flags(mean=evaluated == "mul", second_hand="taken in XLM-R paper" in row["note"]),
        source=row["table"],
    )


def xcopa(source: Source) -> Iterator[Outcome]:
    """XCOPA by language; the README does not print the stages, and gives chance where it has no score."""
    for row in source:
        if row["backbone"] == "Human":
            yield LeftOut(MOVED)
            continue
        backbone = BACKBONES.get(row["backbone"], row["backbone"])
        setting = "translate-test" if row["tuning"] == "translate-test" else ""
        evaluated = language(row["language"])
        bracketed = row["score"] == "50.0"
        yield result(
            study="xcopa",
            run=_run(backbone, setting, "en", "copa", "adapter" if row["tuning"] == "adapters" else ""),
            backbone=backbone,
            tuning="adapter" if row["tuning"] == "adapters" else "full",
            sequence="socialiqa[en]",
            target="xcopa",
            train_language="en",
            language=evaluated,
            metric="accuracy",
            score=fraction(row["score"], percent=True),
            n_test=row["n_test"],
            setting=setting,
            flag=flags("unstated", mean=evaluated == "mul", suspect=bracketed),
            source=row["table"],
        )


def english(source: Source) -> Iterator[Outcome]:
    """CoNLL NER of the XLM-R paper by language, and GLUE of three places."""
    for row in source:
        yield _conll(row) if row["target_task"] == "NER-CoNLL" else _glue(row)


def _conll(row: dict[str, str]) -> Outcome:
    backbone = BACKBONES.get(row["backbone"], row["backbone"])
    evaluated = language(row["language"])
    trained_on = row["tuning"].rpartition("=")[2]
    train = {"each": evaluated, "all": "mul", "en": "en"}[trained_on]
    own_results = row["backbone"].startswith("xlm-roberta")
    again = trained_on == "each" and evaluated == "en" and (own_results or row["backbone"] == "mBERT")
    return result(
        study="xlmr",
        run=_run(backbone, "", train, "conll_ner", "each" if trained_on == "each" else ""),
        backbone=backbone,
        target="conll_ner",
        train_language=train,
        language=evaluated,
        metric="f1",
        score=fraction(row["score"], percent=True),
        setting="multilingual-train" if trained_on == "all" else "",
        flag=flags(mean=evaluated == "mul", second_hand=not own_results, duplicate=again),
        source=row["table"],
    )


def _glue(row: dict[str, str]) -> Outcome:
    starts = {"Conneau": "xlmr", "fairseq": "roberta_readme", "MUPPET": "muppet"}
    study = _study(row["study"], starts)
    backbone = BACKBONES.get(row["backbone"], row["backbone"])
    target = task(row["target_task"])
    metric, assigned = ("mean", False) if target == "glue" else glue_metric(target)
    muppet = row["sequence"].startswith("MUPPET")
    start_unstated = study == "roberta_readme" and target in {"rte", "mrpc", "stsb"}
    copied = study == "muppet" and not muppet and target in {"cola", "stsb"}
    return result(
        study=study,
        run=f"{backbone}/{'muppet>' if muppet else ''}{target.removesuffix('_mm')}",
        backbone=backbone,
        sequence="muppet" if muppet else "",
        target=target,
        train_language="en",
        language="en",
        metric=metric,
        score=fraction(row["score"], percent=True),
        flag=flags(
            mean=target == "glue",
            second_hand=row["note"].startswith("dagger"),
            suspect=copied,
            unstated=assigned or start_unstated,
        ),
        source=row["table"],
    )
