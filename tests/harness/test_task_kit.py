"""Every collected data set is read by a task that ships, with as many rows as its manifest says."""

import csv
from pathlib import Path

import pytest

from taskorder.harness.tasks.file import ALL, SPLITS
from taskorder.harness.tasks.task import Task, read_task
from taskorder.paths import resource

KIT = Path(__file__).parents[3] / "shared" / "kit"
PIVOT = "en"


def manifest() -> dict[str, int]:
    if not KIT.is_dir():
        return {}
    with (KIT / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        return {row["path"]: int(row["rows"]) for row in csv.DictReader(file, delimiter="\t")}


def read_here() -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Task, split, language and files of all that lies in the collection; of pairs those with English."""
    found: list[tuple[str, str, str, tuple[str, ...]]] = []
    for path in sorted(resource("data/tasks").glob("*.toml")):
        task = read_task(path)
        for split in SPLITS:
            for language, source in task.file.files_of(split).items():
                if task.name == "tlm" and not language.startswith(f"{PIVOT}-"):
                    continue
                if all(file in ROWS for file in source.paths):
                    found.append((task.name, split, language, source.paths))
    return found


ROWS = manifest()
READ = read_here()


def kit_task(name: str, kit: Path) -> Task:
    return read_task(resource("data/tasks") / f"{name}.toml", [kit])


@pytest.mark.parametrize(("name", "split", "language", "files"), READ, ids=lambda value: str(value)[:40])
def test_rows_are_as_many_as_the_manifest_says(
    name: str, split: str, language: str, files: tuple[str, ...], kit: Path
) -> None:
    assert len(kit_task(name, kit).examples(split, language)) == ROWS[files[0]]


def test_every_file_of_the_collection_is_read_by_some_task(kit: Path) -> None:
    assert kit.is_dir()
    assert set(ROWS) - {file for *_, files in READ for file in files} == set()


def test_monolingual_text_of_all_languages_is_that_of_each(kit: Path) -> None:
    task = kit_task("mlm", kit)
    assert len(task.examples("train", ALL)) == sum(n for file, n in ROWS.items() if file.startswith("text/"))


def test_pairs_of_all_languages_hold_each_text_once(kit: Path) -> None:
    task = kit_task("tlm", kit)
    languages = sum(file.startswith("parallel/") for file in ROWS)
    lines = ROWS["parallel/en.txt.gz"]
    pairs = task.examples("train", ALL)
    assert len(pairs) == lines * (languages // 2)
    assert pairs == task.examples("train", ALL)
    assert len(task.languages("train")) == languages * (languages - 1) + 1


def test_pairs_are_translations_in_the_order_of_the_stage(kit: Path) -> None:
    task = kit_task("tlm", kit)
    there, back = task.examples("train", "en-sw"), task.examples("train", "sw-en")
    assert [(one.text, one.text2) for one in there] == [(one.text2, one.text) for one in back]
    assert task.digest("train", "en-sw") != task.digest("train", "sw-en")


def test_dates_are_no_entities_of_the_target(kit: Path) -> None:
    task = kit_task("masakhaner", kit)
    labels = {label for one in task.examples("test", "sw") for label in one.labels}
    assert labels <= set(task.labels)
    assert "B-PER" in labels


def test_multi_word_tokens_and_empty_nodes_are_no_words(kit: Path) -> None:
    examples = kit_task("udpos", kit).examples("test", "ar")
    path = kit / "ud/UD_Arabic-PUD/ar_pud-ud-test.conllu"
    words = [
        line for line in path.read_text(encoding="utf-8").splitlines() if line.split("\t")[0].isdecimal()
    ]
    assert sum(len(one.words) for one in examples) == len(words)


def test_parallel_test_sets_come_in_one_order(kit: Path) -> None:
    task = kit_task("xquad", kit)
    ids = {language: [one.id for one in task.examples("test", language)] for language in ("en", "de", "zh")}
    assert ids["en"] == ids["de"] == ids["zh"]
