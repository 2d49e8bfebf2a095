"""Tasks that ship read their data sets' original files; here small ones of the same format."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from taskorder.errors import InvalidTask
from taskorder.harness.examples import PairExample, SpanExample, TextExample, TokensExample
from taskorder.harness.tasks.task import Task, read_task
from taskorder.paths import resource

Put = Callable[[str, str], Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Write a file of a data set."""

    def _put(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return _put


@pytest.fixture
def task(tmp_path: Path) -> Callable[[str], Task]:
    """Read a task that ships, with data in the test's folder."""
    return lambda name: read_task(resource("data/tasks") / f"{name}.toml", [tmp_path])


def squad_json(
    questions: dict[str, tuple[str, str]], context: str = "Anna lives in Ulm. Bo does not."
) -> str:
    qas = [
        {"id": one, "question": text, "answers": [{"text": answer, "answer_start": context.index(answer)}]}
        for one, (text, answer) in questions.items()
    ]
    return json.dumps(
        {"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": context, "qas": qas}]}]}
    )


def test_xnli(put: Put, task: Callable[[str], Task]) -> None:
    header = "language\tgold_label\tsentence1_binary_parse\tsentence1\tsentence2\tpairID\n"
    put(
        "XNLI-1.0/xnli.test.tsv",
        header
        + 'de\tneutral\t\tEr sagte: "Nein\tSie kam.\t7\n'
        + "sw\tcontradiction\t\tHapana.\tNdiyo.\t7\n"
        + "de\tentailment\t\tA\tB\t8\n",
    )
    put(
        "XNLI-MT-1.0/multinli/multinli.train.en.tsv",
        "premise\thypo\tlabel\nIt rains .\tIt is dry .\tcontradictory\n",
    )
    xnli = task("xnli")
    assert xnli.examples("test", "de") == (
        TextExample("7", 'Er sagte: "Nein', "Sie kam.", "neutral"),
        TextExample("8", "A", "B", "entailment"),
    )
    assert [one.id for one in xnli.examples("test", "sw")] == ["7"]
    assert xnli.examples("train", "en") == (TextExample("1", "It rains .", "It is dry .", "contradiction"),)
    assert xnli.digest("test", "de") != xnli.digest("test", "sw")
    with pytest.raises(InvalidTask, match="holds no example"):
        xnli.examples("test", "th")


def test_pawsx(put: Put, task: Callable[[str], Task]) -> None:
    put("x-final/ko/test_2k.tsv", 'id\tsentence1\tsentence2\tlabel\n1\t"가" 나\t나 가\t0\n2\t다\t다\t1\n')
    found = task("pawsx").examples("test", "ko")
    assert found == (TextExample("1", '"가" 나', "나 가", "0"), TextExample("2", "다", "다", "1"))


def test_panx_words_lose_the_prefix_of_their_language(put: Put, task: Callable[[str], Task]) -> None:
    put("panx/yo/test", "yo:Ìbàdàn\tB-LOC\nyo:en:x\tO\n\nyo:Ẹ\tO\n")
    assert task("panx").examples("test", "yo") == (
        TokensExample("1", ("Ìbàdàn", "en:x"), ("B-LOC", "O")),
        TokensExample("2", ("Ẹ",), ("O",)),
    )


def test_mlqa_and_its_english_training_data(put: Put, task: Callable[[str], Task]) -> None:
    put("MLQA_V1/test/test-context-vi-question-vi.json", squad_json({"q": ("Who?", "Anna")}))
    put("squad/train-v1.1.json", squad_json({"s": ("Where?", "Ulm")}))
    mlqa = task("mlqa")
    (one,) = mlqa.examples("test", "vi")
    assert isinstance(one, SpanExample)
    assert (one.id, one.question, one.answers) == ("q", "Who?", (("Anna", 0),))
    assert [span.answers for span in mlqa.examples("train", "en") if isinstance(span, SpanExample)] == [
        (("Ulm", 14),)
    ]


def test_tydiqa_languages_are_told_apart_by_the_ids(put: Put, task: Callable[[str], Task]) -> None:
    questions = {"swahili-1-0": ("Nani?", "Anna"), "telugu-9-1": ("?", "Bo"), "swahili-2-0": ("Wapi?", "Ulm")}
    put("tydiqa/tydiqa-goldp-v1.1-dev.json", squad_json(questions))
    tydiqa = task("tydiqa")
    assert [one.id for one in tydiqa.examples("test", "sw")] == ["swahili-1-0", "swahili-2-0"]
    assert [one.id for one in tydiqa.examples("test", "te")] == ["telugu-9-1"]


def test_bucc_keeps_the_sentences_without_a_translation(put: Put, task: Callable[[str], Task]) -> None:
    base = "bucc2018/de-en/de-en.training"
    put(f"{base}.de", "de-1\tHund\nde-2\tKatze\nde-3\tMaus\n")
    put(f"{base}.en", "en-1\tdog\nen-2\tcar\n")
    put(f"{base}.gold", "de-1\ten-1\n")
    assert task("bucc").examples("test", "de") == (
        PairExample("de-1", "Hund", "dog"),
        PairExample("alone-0", "Katze", "car", gold=False),
        PairExample("alone-1", "Maus", "", gold=False),
    )
    put(f"{base}.gold", "de-1\ten-9\n")
    with pytest.raises(InvalidTask, match=r"gold:1: there is no sentence 'en-9'"):
        task("bucc").examples("test", "de")


def test_lareqa_pairs_a_question_with_the_sentence_of_its_answer(
    put: Put, task: Callable[[str], Task]
) -> None:
    content = json.loads(squad_json({"q1": ("Where?", "Ulm")}))
    paragraph = content["data"][0]["paragraphs"][0]
    put("lareqa/xquad-r/tr.json", json.dumps(content))
    with pytest.raises(InvalidTask, match="sentence_breaks"):
        task("lareqa").examples("test", "tr")
    paragraph |= {"sentences": ["Anna lives in Ulm.", "Bo does not."], "sentence_breaks": [[0, 18], [19, 31]]}
    put("lareqa/xquad-r/tr.json", json.dumps(content))
    assert task("lareqa").examples("test", "tr") == (
        PairExample("q1", "Where?", "Anna lives in Ulm."),
        PairExample("2", "", "Bo does not.", gold=False),
    )
    put(
        "lareqa/xquad-r/de.json",
        json.dumps(content).replace("Where?", "Wo?").replace("Anna lives", "Anna wohnt"),
    )
    assert task("lareqa").examples("test", "de") == (
        PairExample("q1", "Wo?", "Anna wohnt in Ulm."),
        PairExample("2", "", "Bo does not.", gold=False),
        PairExample("q1", "Wo?", "Anna lives in Ulm."),
        PairExample("4", "", "Bo does not.", gold=False),
    )


def test_mewslix_pairs_the_sentence_of_a_mention_with_its_entity(
    put: Put, task: Callable[[str], Task]
) -> None:
    def article(language: str, one: str, entity: str) -> str:
        text = "Es regnet. In Ulm nicht."
        return json.dumps(
            {
                "context": {
                    "language": language,
                    "text": text,
                    "sentence_spans": [{"start": 0, "end": 10}, {"start": 11, "end": 24}],
                },
                "mentions": [
                    {
                        "example_id": one,
                        "entity_id": entity,
                        "mention_span": {"start": 14, "end": 17, "text": "Ulm"},
                    }
                ],
            }
        )

    put(
        "mewsli_x/wikinews_mentions-test.jsonl",
        article("de", "m1", "Q3012") + "\n" + article("ta", "m2", "Q1") + "\n",
    )
    put(
        "mewsli_x/candidate_set_entities.jsonl",
        '{"entity_id": "Q1", "description": "All there is."}\n'
        '{"entity_id": "Q3012", "description": "A town."}\n',
    )
    assert task("mewslix").examples("test", "de") == (
        PairExample("m1", "In Ulm nicht.", "A town."),
        PairExample("Q1", "", "All there is.", gold=False),
    )
    put("mewsli_x/candidate_set_entities.jsonl", '{"entity_id": "Q1", "description": "All there is."}\n')
    with pytest.raises(InvalidTask, match=r"test\.jsonl:1: 'Q3012' is not among the candidates"):
        task("mewslix").examples("test", "de")


OFFICIAL = {
    "xnli": (15, "accuracy"),
    "pawsx": (7, "accuracy"),
    "xcopa": (11, "accuracy"),
    "udpos": (33, "seqeval0_f1"),
    "panx": (40, "f1"),
    "xquad": (12, "f1"),
    "mlqa": (7, "mlqa_f1"),
    "tydiqa": (9, "f1"),
    "bucc": (4, "f1"),
    "tatoeba": (36, "accuracy"),
    "mewslix": (11, "mrr"),
    "lareqa": (11, "map"),
}


@pytest.mark.parametrize("name", OFFICIAL)
def test_rows_of_the_benchmarks_have_their_languages_and_metric(
    name: str, task: Callable[[str], Task]
) -> None:
    found = task(name)
    assert (len(found.languages("test")), found.metrics[0]) == OFFICIAL[name]


WITHOUT_COVARIATES = {"commonsenseqa"}


def test_every_task_that_ships_is_one_of_the_covariates_and_its_languages_are_known() -> None:
    import pandas as pd

    tasks = {*pd.read_csv(resource("data/tasks.csv"))["task"], *WITHOUT_COVARIATES}
    languages = set(pd.read_csv(resource("data/languages.csv"), keep_default_na=False)["language"])
    for path in resource("data/tasks").glob("*.toml"):
        task = read_task(path)
        assert path.stem in tasks
        named = {
            part
            for split in ("train", "dev", "test")
            for one in task.languages(split)
            for part in one.split("-")
        }
        assert named <= languages
