"""The published catalogue: complete, valid, named, reproducible, equal to its sources where spot-checked."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from taskorder.paths import resource
from taskorder.results.checking import check
from taskorder.results.schema import KEY
from taskorder.results.sequences import parse

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "data" / "published"
SOURCES = ROOT.parent / "shared" / "published"
TABLES = sorted(PUBLISHED.glob("*.csv"))
FLAGS = {"mean", "duplicate", "second-hand", "derived", "suspect", "unstated"}

with_sources = pytest.mark.skipif(
    not SOURCES.is_dir(), reason="the collected source tables do not exist here"
)


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def catalogue() -> pd.DataFrame:
    return pd.concat([read(path) for path in TABLES], ignore_index=True).fillna("")


@pytest.fixture(scope="module")
def account() -> pd.DataFrame:
    """The lines of LEFT_OUT.md that name a source table, and what its reasons add up to."""
    rows: list[dict[str, str | int]] = []
    for line in (PUBLISHED / "LEFT_OUT.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 5 or not cells[3].isdigit():
            continue
        if cells[0]:
            table, counts = cells[0].strip("*"), [int(cell) for cell in cells[1:4]]
            names = ("table", "rows_in", "kept", "left", "explained", "numbered")
            rows.append(dict(zip(names, (table, *counts, 0, 0), strict=True)))
        else:
            rows[-1]["explained"] += int(cells[3])
            rows[-1]["numbered"] += count_of_ranges(cells[4].rpartition(": rows ")[2])
    return pd.DataFrame(rows).set_index("table")


def count_of_ranges(ranges: str) -> int:
    ends = [list(map(int, part.split("-"))) for part in ranges.split(", ")]
    return sum(end[-1] - end[0] + 1 for end in ends)


def test_every_source_row_is_kept_or_left_out_for_a_reason(account: pd.DataFrame) -> None:
    tables = account.drop(index="total")
    assert (account["rows_in"] == account["kept"] + account["left"]).all()
    assert (tables["explained"] == tables["left"]).all()
    assert (tables["numbered"] == tables["left"]).all()
    columns = ["rows_in", "kept", "left"]
    assert tables[columns].sum().to_dict() == account.loc["total", columns].to_dict()


def test_the_account_agrees_with_the_tables(catalogue: pd.DataFrame, account: pd.DataFrame) -> None:
    assert catalogue["origin"].is_unique
    assert catalogue["origin"].str.fullmatch(r"\w+:[1-9]\d*").all()
    kept = account.drop(index="total")["kept"]
    counted = catalogue["origin"].str.partition(":")[0].value_counts()
    assert counted.to_dict() == kept[kept > 0].to_dict()


def test_every_table_is_named_after_its_one_study() -> None:
    assert {path.stem: read(path)["study"].unique().tolist() for path in TABLES} == {
        path.stem: [path.stem] for path in TABLES
    }


def test_every_table_passes_the_check() -> None:
    assert [str(problem) for problem in check(*TABLES)] == []


def test_keys_are_unique(catalogue: pd.DataFrame) -> None:
    assert not catalogue.duplicated(list(KEY)).any()


def test_flags_are_known(catalogue: pd.DataFrame) -> None:
    assert set(catalogue["flag"].str.split(";").explode()) - {""} <= FLAGS


def test_rows_of_one_run_have_one_model(catalogue: pd.DataFrame) -> None:
    """Rows that share a run come from the same weights."""
    models = catalogue.groupby(["study", "run"])[["backbone", "tuning", "seed"]].nunique()
    assert (models == 1).all(axis=None)


def test_a_forgotten_task_was_trained_and_another_stage_came_last(catalogue: pd.DataFrame) -> None:
    """Where a stage is named, it is the last of the sequence; ``all`` is a mean over stages."""
    staged = catalogue[(catalogue["stage"] != "") & (catalogue["stage"] != "all")]
    assert len(staged) > 0
    assert (staged["sequence"].str.rpartition(">")[2] == staged["stage"]).all()


def test_every_task_is_known(catalogue: pd.DataFrame) -> None:
    tasks = set(read(resource("data/tasks.csv"))["task"])
    stages = {stage.task for text in catalogue["sequence"].unique() for step in parse(text) for stage in step}
    assert (stages | set(catalogue["target"])) - tasks == set()


def test_every_task_has_a_raw_name(catalogue: pd.DataFrame) -> None:
    vocabulary = read(ROOT / "data" / "curation" / "vocabulary.csv")
    assert not vocabulary.duplicated(["raw", "when"]).any()
    assert set(catalogue["target"]) - set(vocabulary["task"]) == set()


def test_every_language_is_known(catalogue: pd.DataFrame) -> None:
    known = set(read(resource("data/languages.csv"))["language"]) | {"mul", ""}
    assert (set(catalogue["language"]) | set(catalogue["train_language"])) - known == set()


def test_every_study_is_described(catalogue: pd.DataFrame) -> None:
    studies = read(resource("data/studies.csv"))
    assert studies["study"].tolist() == sorted(set(catalogue["study"]))
    sections = re.findall(r"^## (\w+)$", (PUBLISHED / "SOURCES.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sections[1:] == studies["study"].tolist()


SPOT = [
    # origin, identifying cells, score
    ("taskweb_per_seed:1", {"backbone": "gpt2-medium", "sequence": "boolq", "seed": "10"}, 0.3425),
    ("taskweb_baseline_DERIVED:1", {"target": "anli_r3", "tuning": "bitfit", "sequence": ""}, 0.32525),
    ("order_permutations_szakdoga:2", {"sequence": "cola>mrpc", "target": "cola", "stage": "mrpc"}, 0.267509),
    ("order_leitner_mtop:1151", {}, None),
    ("order_small_repos:9", {"sequence": "conll_ner>cola", "target": "mrpc", "stage": ""}, 0.857843),
    ("order_tables:3", {"sequence": "yahoo>amazon5>agnews>dbpedia", "stage": "dbpedia"}, 0.417),
    ("stilts_spot:58", {"sequence": "mnli", "target": "rte", "sd": "0.013", "n_seeds": "3"}, 0.747),
    ("nertransfer_per_seed:1", {"train_language": "ha", "language": "ha", "n_test": "1148"}, 0.894558),
    ("xlmr_xlmv_zero_shot_per_seed:1", {"language": "ro", "run": "xlm-roberta-base/panx/s1@dev"}, 0.726),
    ("xpos_pos:2", {"train_language": "en", "language": "nl", "n_sentences": "1472"}, 0.903911),
    ("langrank_transfer_distances:1", {"train_language": "bxr", "language": "pcm"}, 0.2588),
    ("robustness_hans_by_run:1", {"target": "mnli", "seed": "0"}, 0.845644),
    ("xnli_per_language:110", {"backbone": "xlm-roberta-large", "language": "sw", "n_seeds": "5"}, 0.739),
    ("qa_per_language:24", {"backbone": "xlm-roberta-large", "language": "zh", "metric": "f1"}, 0.593),
    ("continued_pretraining:48", {"sequence": "mlm_news", "sd": "0.059", "flag": "second-hand"}, 0.882),
    ("continued_pretraining:85", {"backbone": "xlm-roberta-large", "sequence": "mlm_african"}, 0.914),
    ("human_baselines:14", {"study": "superglue_leaderboard", "target": "boolq"}, 0.924),
    ("xcopa_per_language:36", {"language": "zh", "sequence": "socialiqa[en]"}, 0.786),
]


@pytest.mark.parametrize(("origin", "cells", "score"), SPOT, ids=[spot[0] for spot in SPOT])
def test_spot_values(
    catalogue: pd.DataFrame, origin: str, cells: dict[str, str], score: float | None
) -> None:
    """Read by hand in the source tables; a score of None was left out."""
    rows = catalogue[catalogue["origin"] == origin]
    assert len(rows) == (score is not None)
    if score is not None:
        row = rows.iloc[0]
        assert {column: row[column] for column in cells} == cells
        assert float(row["score"]) == pytest.approx(score, abs=1e-9)


def test_a_series_is_one_scale_however_small_a_value() -> None:
    """A Pearson of 0.77 printed in percent is 0.0077; a RoBERTa accuracy of 0.335 is 0.335."""
    taskweb = read(PUBLISHED / "taskweb.csv")
    stsb = taskweb[(taskweb["run"] == "t5-base-lora/snli>stsb/s20") & (taskweb["metric"] == "pearson")]
    assert stsb["score"].tolist() == ["0.007729"]
    roberta = taskweb[(taskweb["backbone"] == "roberta-base") & (taskweb["flag"] == "")]
    assert roberta.groupby("target")["score"].max().astype(float).min() > 0.38


def test_known_defects_are_flagged(catalogue: pd.DataFrame) -> None:
    identical = catalogue[
        (catalogue["study"] == "nertransfer") & catalogue["sequence"].isin(["mlm[rw]", "mlm[pcm]"])
    ]
    identical = identical[identical["train_language"] == "sw"]
    scores = identical.sort_values(["language", "seed"]).groupby("sequence")["score"].agg(list)
    assert scores["mlm[rw]"] == scores["mlm[pcm]"]
    assert identical["flag"].str.contains("suspect").all()
    slots = catalogue[(catalogue["study"] == "leitner_mtop") & (catalogue["target"] == "mtop_slot")]
    assert slots["flag"].str.contains("suspect").sum() == 200
    veco = catalogue[(catalogue["target"] == "xnli") & (catalogue["run"].str.startswith("veco-large"))]
    assert veco[veco["study"] == "ernie_m"]["flag"].str.contains("suspect").all()


@with_sources
def test_the_account_agrees_with_the_sources(account: pd.DataFrame) -> None:
    rows = {
        path.stem: len(pd.read_csv(path, dtype=str, keep_default_na=False)) for path in SOURCES.glob("*.csv")
    }
    assert account.drop(index="total")["rows_in"].to_dict() == rows


@with_sources
def test_making_it_again_gives_the_same_bytes(tmp_path: Path) -> None:
    make = ROOT / "data" / "curation" / "make.py"
    subprocess.run([sys.executable, make, SOURCES, tmp_path], check=True)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {
        path.name: (PUBLISHED / path.name).read_bytes() for path in [*TABLES, PUBLISHED / "LEFT_OUT.md"]
    }
