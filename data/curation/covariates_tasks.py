"""The table of tasks: what each is, the size of its training set, human scores, measures of difficulty."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from covariates_languages import HERE, read

HUMAN_METRICS = {"accuracy": "accuracy", "F1": "f1", "F1a": "f1", "score": "mean"}
GAP_BASELINE = "GPT-3-fewshot"


@dataclass(frozen=True)
class Measure:
    """One footing on which the shortfall of a direct score from 1 is measured."""

    column: str
    source: str
    direct: Callable[[Path, dict[str, str]], pd.DataFrame]
    """Returns the columns task, score (fraction), and either one row a system or `sd` as printed."""


def tasks(published: Path) -> pd.DataFrame:
    """Return one row a task as text.

    Parameters
    ----------
    published
        The folder of the collected source tables.
    """
    table = read(HERE / "covariates_tasks.csv").set_index("task", drop=False)
    keys = task_keys()
    out = table[["task", "name", "kind", "domain", "language"]].copy()
    out[["train_size", "train_size_source"]] = [train_size(row, published) for _, row in table.iterrows()]
    out[["human", "human_metric", "human_source"]] = [
        human(row["human_row"], published) for _, row in table.iterrows()
    ]
    out["chance"] = table["chance"]
    for measure in MEASURES[:1]:
        add_shortfall(out, measure, published, keys)
    add_human_gap(out, table["human_row"], published)
    for measure in MEASURES[1:]:
        add_shortfall(out, measure, published, keys)
    return out.fillna("").sort_index()


def task_keys() -> dict[str, str]:
    """Return raw name -> task key for the names that mean the same task everywhere."""
    names = read(HERE / "vocabulary.csv")
    return dict(names.loc[names["when"] == "", ["raw", "task"]].itertuples(index=False))


def source_row(origin: str, published: Path) -> pd.Series:
    """Return the row that `TABLE:ROW` names, the row counted from 1 without the header."""
    table, row = origin.split(":")
    return read(published / f"{table}.csv").iloc[int(row) - 1]


def train_size(row: pd.Series, published: Path) -> tuple[str, str]:
    """Return the number of training examples and its source; a note may hold it."""
    if not row["train_size_source"] or row["train_size"]:
        return row["train_size"], row["train_size_source"]
    found = source_row(row["train_size_source"], published)
    noted = re.search(r"n_train=(\d+)", found["note"])
    return (noted[1] if noted else found["score"]), f"{row['train_size_source']} ({found['source']})"


def human(origin: str, published: Path) -> tuple[str, str, str]:
    """Return the human score as a fraction, its metric, and where it is from."""
    if not origin:
        return "", "", ""
    found = source_row(origin, published)
    score = round(float(found["score"]) / 100, 5)
    return str(score), HUMAN_METRICS[found["metric"]], f"{origin} ({found['study']})"


def add_human_gap(out: pd.DataFrame, origins: pd.Series, published: Path) -> None:
    """Add the human score minus that of one fixed system of the same leaderboard."""
    rows = read(published / "human_baselines.csv")
    systems = rows[rows["backbone"] == GAP_BASELINE].set_index(["target_task", "metric"])["score"]
    for task, origin in origins[origins != ""].items():
        found = source_row(origin, published)
        key = (found["target_task"], found["metric"])
        if key in systems.index:
            gap = (float(found["score"]) - float(systems[key])) / 100
            out.loc[task, "difficulty_human_gap"] = f"{gap:.4f}"
            out.loc[task, "difficulty_human_gap_source"] = f"human minus {GAP_BASELINE}, {found['study']}"


def add_shortfall(out: pd.DataFrame, measure: Measure, published: Path, keys: dict[str, str]) -> None:
    """Add (1 - direct) / (1 - chance), the mean over the systems of one source and its sd over them."""
    for task, rows in measure.direct(published, keys).groupby("task"):
        scale = 1 - float(out.loc[task, "chance"])
        sd = rows["sd"].iloc[0] if "sd" in rows else rows["score"].std(ddof=1)
        systems = "" if "sd" in rows or len(rows) == 1 else f"; {len(rows)} systems"
        out.loc[task, measure.column] = f"{(1 - rows['score'].mean()) / scale:.4f}"
        out.loc[task, f"{measure.column}_sd"] = "" if pd.isna(sd) else f"{sd / scale:.4f}"
        out.loc[task, f"{measure.column}_source"] = measure.source + systems


def taskweb(published: Path, keys: dict[str, str]) -> pd.DataFrame:
    """Return TaskWeb's no-transfer scores under full fine-tuning."""
    rows = read(published / "taskweb_baseline_DERIVED.csv")
    return _percent(rows[rows["tuning"] == "full fine-tuning"], keys)


def roberta(published: Path, keys: dict[str, str]) -> pd.DataFrame:
    """Return the GLUE dev scores of the two RoBERTa sizes."""
    rows = read(published / "english_glue_ner.csv")
    return _percent(rows[rows["backbone"].isin(["roberta.base", "roberta.large"])], keys)


def superglue_t5(published: Path, keys: dict[str, str]) -> pd.DataFrame:
    """Return T5's rows of the SuperGLUE leaderboard, one metric a task."""
    rows = read(published / "human_baselines.csv")
    single = {"CB": "accuracy", "MultiRC": "F1a", "ReCoRD": "F1"}
    wanted = rows["metric"] == rows["target_task"].map(single).fillna("accuracy")
    return _percent(rows[(rows["backbone"] == "T5") & wanted], keys)


def spot(published: Path, keys: dict[str, str]) -> pd.DataFrame:
    """Return SPoT's scores without a source task, each a mean over three seeds with its sd."""
    rows = read(published / "stilts_spot.csv")
    rows = rows[(rows["table"] == "Table 6") & (rows["sequence"] == rows["target_task"])]
    return _percent(rows, keys).assign(sd=rows["sd_or_se"].astype(float).to_numpy() / 100)


def xtreme(published: Path, keys: dict[str, str]) -> pd.DataFrame:
    """Return plain XLM-R-large on XTREME, the mean over languages after training in English."""
    rows = read(published / "xtreme_task_level.csv")
    rows = rows[(rows["backbone"] == "xlm-roberta-large") & rows["table"].str.startswith("Table 16")]
    rows = rows[~rows["target_task"].str.startswith("Avg") & (rows["metric"] != "EM")]
    return _percent(rows, keys)


def bert_base(published: Path, keys: dict[str, str]) -> pd.DataFrame:
    """Return the first stage of each order of the three-task study, no layer frozen, MRPC by its accuracy."""
    rows = read(published / "order_permutations_szakdoga.csv")
    first = (rows["sequence"] == rows["target_task"]) & (rows["metric"] != "f1")
    rows = rows[first & rows["tuning"].str.contains(", 0 encoder layers frozen")]
    return pd.DataFrame({"task": rows["target_task"].map(keys), "score": rows["score"].astype(float)})


def _percent(rows: pd.DataFrame, keys: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame({"task": rows["target_task"].map(keys), "score": rows["score"].astype(float) / 100})


MEASURES = (
    Measure(
        "difficulty_shortfall",
        "TaskWeb no-transfer baseline (derived), full fine-tuning on at most 1,000 examples",
        taskweb,
    ),
    Measure(
        "difficulty_glue_shortfall", "RoBERTa README, GLUE dev, base and large, all training data", roberta
    ),
    Measure(
        "difficulty_superglue_shortfall",
        "T5 on the SuperGLUE leaderboard of 2022-02-09, all training data",
        superglue_t5,
    ),
    Measure(
        "difficulty_spot_shortfall",
        "SPoT Table 6, prompt tuning of T5-base without a source task; sd over 3 seeds",
        spot,
    ),
    Measure(
        "difficulty_xtreme_shortfall",
        "RemBERT Table 16, XLM-R-large trained in English, mean over languages",
        xtreme,
    ),
    Measure(
        "difficulty_bert_base_shortfall",
        "szakdoga, first stage of each order, BERT-base, no layer frozen",
        bert_base,
    ),
)
