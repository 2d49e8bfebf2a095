"""Data sets of the hub: a local folder stands in for it, and without a network there is none."""

import json
from pathlib import Path

import pytest

from taskorder.errors import InvalidTask, MissingData
from taskorder.harness.examples import SpanExample, TextExample, TokensExample
from taskorder.harness.tasks.task import Task, find_task, read_task

datasets = pytest.importorskip("datasets", reason="the extra `train` is not installed")

TASK = """
kind = "{kind}"
{labels}
metrics = ["f1"]
[hub]
dataset = "./data"
columns = {columns}
train = {{ split = "train", languages = ["en"] }}
"""


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def write(folder: Path, kind: str, columns: str, labels: str = "") -> Task:
    path = folder / "mine.toml"
    path.write_text(TASK.format(kind=kind, columns=columns, labels=labels))
    return read_task(path)


def test_numbers_of_labels_become_their_names(tmp_path: Path) -> None:
    labels = datasets.ClassLabel(names=["O", "B-X"])
    features = datasets.Features(
        {"tokens": datasets.List(datasets.Value("string")), "tags": datasets.List(labels)}
    )
    made = datasets.Dataset.from_dict(
        {"tokens": [["a", "b"], ["c"]], "tags": [[0, 1], [0]]}, features=features
    )
    (tmp_path / "data").mkdir()
    made.to_parquet(tmp_path / "data" / "train.parquet")
    task = write(tmp_path, "tokens", '{ words = "tokens", labels = "tags" }', 'labels = ["O", "B-X"]')
    assert task.languages("train") == ("en",)
    assert task.examples("train", "en") == (
        TokensExample("1", ("a", "b"), ("O", "B-X")),
        TokensExample("2", ("c",), ("O",)),
    )
    assert task.digest("train", "en") == task.digest("train", "en")


def test_answers_as_the_hub_keeps_them(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    row = {
        "id": "q",
        "question": "Who?",
        "context": "Bo and Jo",
        "answers": {"text": ["Jo"], "answer_start": [7]},
    }
    (tmp_path / "data" / "train.jsonl").write_text(json.dumps(row) + "\n")
    columns = '{ id = "id", question = "question", context = "context", answers = "answers" }'
    assert write(tmp_path, "span", columns).examples("train", "en") == (
        SpanExample("q", "Who?", "Bo and Jo", (("Jo", 7),)),
    )


def test_labels_that_are_kept_back(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_text('{"s": "good", "l": "pos"}\n{"s": "bad", "l": null}\n')
    task = write(tmp_path, "text", '{ text = "s", label = "l" }', 'labels = ["neg", "pos"]')
    with pytest.raises(InvalidTask, match=r"row 1: there is no label: is this a test set"):
        task.examples("train", "en")


def test_files_go_before_the_hub_and_the_hub_before_nothing(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_text('{"s": "from the hub", "l": "pos"}\n')
    path = tmp_path / "mine.toml"
    path.write_text(
        'kind = "text"\nlabels = ["neg", "pos"]\nmetrics = ["accuracy"]\n'
        '[format]\nreader = "tsv"\ncolumns = { text = "s", label = "l" }\n'
        '[files]\ntrain = { en = "own.tsv" }\n'
        '[hub]\ndataset = "./data"\ncolumns = { text = "s", label = "l" }\n'
        'train = { split = "train", languages = ["en"] }\n'
        'dev = { split = "dve", languages = ["en"] }\n'
    )
    task = read_task(path)
    assert task.examples("train", "en") == (TextExample("1", "from the hub", None, "pos"),)
    (tmp_path / "own.tsv").write_text("s\tl\nfrom a file\tneg\n")
    assert task.examples("train", "en") == (TextExample("1", "from a file", None, "neg"),)
    with pytest.raises(InvalidTask, match=r"has no split 'dve'; it has train"):
        task.examples("dev", "en")


def test_without_a_network_the_person_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    path = tmp_path / "mine.toml"
    path.write_text(
        'kind = "text"\nlabels = ["neg", "pos"]\nmetrics = ["accuracy"]\n[hub]\ndataset = "no-one/nothing"\n'
        'config = "{language}"\ncolumns = { text = "s", label = "l" }\n'
        'train = { split = "train", languages = ["en"] }\n'
    )
    with pytest.raises(
        MissingData, match=r"'facebook/xnli'.*\(XNLI-1\.0/xnli\.test\.tsv; looked in .*data/tasks"
    ):
        find_task("xnli").examples("test", "de")
    with pytest.raises(
        MissingData,
        match=r"'no-one/nothing', configuration 'en', could not be loaded.*HF_HOME.*TASKORDER_DATA",
    ):
        read_task(path).examples("train", "en")


def test_code_of_a_data_set_is_never_run(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "data.py").write_text(f"open({str(tmp_path / 'was-run')!r}, 'w')\n")
    with pytest.raises(MissingData, match="could not be loaded"):
        write(tmp_path, "text", '{ text = "s", label = "l" }', 'labels = ["neg", "pos"]').examples(
            "train", "en"
        )
    assert not (tmp_path / "was-run").exists()
