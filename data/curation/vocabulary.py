"""Raw names of tasks, languages, metrics and backbones, and the names that the tidy tables use."""

import csv
from functools import cache
from pathlib import Path

VOCABULARY = Path(__file__).with_name("vocabulary.csv")

LANGUAGES = {
    "amh": "am",
    "hau": "ha",
    "ibo": "ig",
    "kin": "rw",
    "lug": "lg",
    "sme": "se",
    "swa": "sw",
    "wol": "wo",
    "yor": "yo",
    "avg": "mul",
}

METRICS = {
    "acc": "accuracy",
    "accuracy": "accuracy",
    "Accuracy": "accuracy",
    "eval_accuracy": "accuracy",
    "intent accuracy": "accuracy",
    "F1": "f1",
    "F1a": "f1",
    "f1": "f1",
    "f1 score": "f1",
    "slot F1": "f1",
    "eval_f1": "f1",
    "micro-F1": "micro_f1",
    "macro-F1": "macro_f1",
    "EM": "exact_match",
    "EM/accuracy": "exact_match",
    "matthews_correlation": "mcc",
    "eval_pearson": "pearson",
    "eval_spearmanr": "spearman",
}

BACKBONES = {
    "BERT-Large": "bert-large",
    "BERT-en": "bert-large",
    "BERT-Large translate-test": "bert-large",
    "Translate-test BERT-L": "bert-large",
    "RoBERTa": "roberta-large",
    "RoBERTa Large": "roberta-large",
    "roberta.base": "roberta-base",
    "roberta.large": "roberta-large",
    "XLNet-Large": "xlnet-large-cased",
    "XLM": "xlm-mlm-100",
    "XLM-15": "xlm-mlm-tlm-15",
    "Translate-train XLM": "xlm-mlm-tlm-15",
    "mBERT": "bert-base-multilingual-cased",
    "mBERT cased": "bert-base-multilingual-cased",
    "mBERT uncased": "bert-base-multilingual-uncased",
    "mBERT translate-train": "bert-base-multilingual-cased",
    "Translate-train mBERT": "bert-base-multilingual-cased",
    "mBERT (Devlin et al. 2018)": "bert-base-multilingual-cased",
    "XLM-15 MLM+TLM": "xlm-mlm-tlm-15",
    "XLM-15 MLM+TLM (Lample&Conneau 2019)": "xlm-mlm-tlm-15",
    "XLM-100": "xlm-mlm-100",
    "XLM-100 (Lample&Conneau 2019)": "xlm-mlm-100",
    "Unicoder": "unicoder",
    "Unicoder (Huang et al. 2019)": "unicoder",
    "InfoXLM": "infoxlm-large",
    "InfoXLM base": "infoxlm-base",
    "InfoXLM large": "infoxlm-large",
    "ERNIE-M base": "ernie-m-base",
    "ERNIE-M large": "ernie-m-large",
    "VECO": "veco-large",
    "VECO large": "veco-large",
    "LASER BiLSTM encoder + NLI classifier": "laser",
    "XNLI baseline (Conneau 2018)": "bilstm-conneau2018",
    "Lample et al. 2016": "bilstm-crf-lample2016",
    "Akbik et al. 2018": "flair-akbik2018",
    "xlm-roberta-large [X-STILTs]": "xlm-roberta-large",
    "xlm-roberta-large [STiLTs, Phang et al. 2020]": "xlm-roberta-large",
    "RemBERT": "rembert",
    "FILTER": "filter",
    "FILTER + Self-Teaching": "filter",
    "mT5-Small": "mt5-small",
    "mT5-Base": "mt5-base",
    "mT5-Large": "mt5-large",
    "mT5-XL": "mt5-xl",
    "mT5-XXL": "mt5-xxl",
    "decoupled mBERT-like 177M FT / 269M PT": "rembert-ablation-decoupled",
    "Ein128 Eout768 100M FT": "rembert-ablation-ein128-eout768",
    "Eout128 100M FT": "rembert-ablation-eout128",
    "Eout3072 100M FT": "rembert-ablation-eout3072",
    "23-layer-pretrain drop 11, 100M FT": "rembert-ablation-drop11",
    "wider H=1024 168M FT": "rembert-ablation-wider",
    "deeper L=23 178M FT": "rembert-ablation-deeper",
    "XLM-Align base": "xlm-roberta-base",
    "xlm-r-miniLM": "xlm-r-minilm",
    "MAD-X Base": "xlm-roberta-base",
    "t5-large (assumed)": "t5-large",
    "bert-base-multilingual-cased (per scripts)": "bert-base-multilingual-cased",
}

GLUE_METRICS = {"cola": "mcc", "stsb": "pearson", "squad": "exact_match"}
AMBIGUOUS_GLUE = {"qqp", "mrpc", "stsb", "squad"}


@cache
def _keys() -> dict[tuple[str, str], str]:
    with VOCABULARY.open(encoding="utf-8", newline="") as file:
        return {(row["raw"], row["when"]): row["task"] for row in csv.DictReader(file)}


def task(raw: str, when: str = "") -> str:
    """Give the key of a raw task name; `when` is the study or target on which the name's meaning depends.

    Raises
    ------
    LookupError
        If vocabulary.csv has no key for the name.
    """
    keys = _keys()
    key = keys.get((raw, when)) or keys.get((raw, ""))
    if not key:
        raise LookupError(
            f"vocabulary.csv has no task for {raw!r} (when: {when!r}); add a line raw,task,when"
        )
    return key


def language(raw: str) -> str:
    """Give a language's code: ISO 639-1 where it exists, else 639-3; ``mul`` for a mean over languages."""
    return LANGUAGES.get(raw, raw)


def glue_metric(key: str) -> tuple[str, bool]:
    """Metric that GLUE development tables report for a task, and whether it had to be assigned.

    The tables print scores without naming the metric. CoLA has one (Matthews), and so have the tasks scored
    by accuracy alone; QQP, MRPC, STS-B and SQuAD have two each, and which one is printed is not stated.
    """
    return GLUE_METRICS.get(key, "accuracy"), key in AMBIGUOUS_GLUE
