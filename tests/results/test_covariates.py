"""The covariate tables: closed vocabularies, sane ranges, a source for each value."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT.parent / "shared" / "published"
TABLES = ("languages", "tasks", "similarity")

KINDS = (
    "classification pair_classification nli sentiment paraphrase similarity acceptability multiple_choice qa "
    "tagging ner parsing retrieval mlm tlm seq2seq benchmark mixture"
)
DOMAINS = (
    "biomedical captions commonsense dialogue exam fiction legal misc news reviews science social web "
    "wikipedia"
)
WORD_ORDERS = {"", "SVO", "SOV", "VSO", "VOS", "OVS", "OSV", "no dominant order"}
URIEL = ["syntactic", "phonological", "inventory", "geographic", "genetic", "featural"]
SOURCE_OF = {
    "family": "family_source",
    "genus": "family_source",
    "script": "script_source",
    "word_order": "word_order_source",
    **{f"uriel_{name}": "uriel_source" for name in URIEL},
    "ldnd_english": "ldnd_source",
    "pretrain_gib": "pretrain_source",
    "pretrain_tokens_m": "pretrain_source",
}
XTREME_R = (
    "af ar az bg bn de el en es et eu fa fi fr gu he hi ht hu id it ja jv ka kk ko lt ml mr ms my nl pa pl "
    "pt qu ro ru sw ta te th tl tr uk ur vi wo yo zh"
)
RUN_BY_THE_HARNESS = (
    "xnli pawsx udpos panx xquad mlqa tydiqa bucc tatoeba xcopa mewslix lareqa deprel uner sib200 nusax "
    "policyqa ecare sick query_wellformedness masakhaner mlm tlm"
)
STUDIED_IN_AFRICA = ["am", "en", "ha", "ig", "lg", "luo", "pcm", "rw", "sw", "wo", "yo"]

with_sources = pytest.mark.skipif(
    not SOURCES.is_dir(), reason="the collected source tables do not exist here"
)


def read(name: str) -> pd.DataFrame:
    return pd.read_csv(ROOT / "data" / f"{name}.csv", dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def languages() -> pd.DataFrame:
    return read("languages").set_index("language")


@pytest.fixture(scope="module")
def tasks() -> pd.DataFrame:
    return read("tasks").set_index("task")


@pytest.fixture(scope="module")
def similarity() -> pd.DataFrame:
    return read("similarity").astype({"similarity": float})


def measures(tasks: pd.DataFrame) -> list[str]:
    return [
        name
        for name in tasks.columns
        if name.startswith("difficulty_") and not name.endswith(("_sd", "_source"))
    ]


def numbers(column: pd.Series) -> pd.Series:
    return column[column != ""].astype(float)


def test_codes_of_languages_are_unique_and_well_formed(languages: pd.DataFrame) -> None:
    assert languages.index.is_unique
    assert languages.index.str.fullmatch("[a-z]{2,3}").all()
    iso = languages["iso639_3"][languages["iso639_3"] != ""]
    assert iso.is_unique
    assert iso.str.fullmatch("[a-z]{3}").all()
    assert languages["name"].is_unique
    assert set(languages.index[languages["iso639_3"] == ""]) == {"ber", "mul"}


def test_every_language_a_table_may_name_is_known(languages: pd.DataFrame) -> None:
    assert (languages.index.str.len() == 2).sum() == 184, "all of ISO 639-1"
    assert set(languages.index) >= set(XTREME_R.split()) | {
        "ace",
        "bbc",
        "ee",
        "bm",
        "zu",
        "pcm",
        "luo",
        "kmr",
        "lzh",
    }
    two_letters = set(languages["iso639_3"][languages.index.str.len() == 2])
    assert not two_letters & set(languages.index), "a language with a two-letter code has no second one"


def test_attributes_of_languages_keep_to_their_vocabularies(languages: pd.DataFrame) -> None:
    assert set(languages["word_order"]) <= WORD_ORDERS
    scripts = languages["script"][languages["script"] != ""]
    assert scripts.str.fullmatch("[A-Z][a-z]{3}").all()
    assert ((languages["family"] == "") == (languages["genus"] == "")).all()


@pytest.mark.parametrize("name", [f"uriel_{name}" for name in URIEL])
def test_distances_lie_between_none_and_complete(languages: pd.DataFrame, name: str) -> None:
    distances = numbers(languages[name])
    assert distances.between(0, 1).all()
    assert distances["en"] == 0
    assert (distances.drop("en") > 0).all()
    assert len(distances) > 90


def test_pretraining_sizes_are_sane(languages: pd.DataFrame) -> None:
    gib, tokens = numbers(languages["pretrain_gib"]), numbers(languages["pretrain_tokens_m"])
    assert (gib > 0).equals(tokens > 0)
    assert (gib > 0).sum() >= 88
    bytes_a_token = (gib * 1024 / tokens)[gib > 0]
    assert bytes_a_token.drop(["ja", "zh"]).between(2, 60).all(), "no swapped columns or units"
    assert numbers(languages["ldnd_english"]).between(0, 1.1).all()


@pytest.mark.parametrize(("value", "source"), SOURCE_OF.items())
def test_every_value_of_a_language_has_a_source(languages: pd.DataFrame, value: str, source: str) -> None:
    assert (languages[source][languages[value] != ""] != "").all()


def test_nothing_is_said_of_several_languages(languages: pd.DataFrame) -> None:
    assert set(languages.loc["mul"].drop("name")) == {""}


@pytest.mark.parametrize(
    ("language", "column", "value"),
    [
        ("de", "family", "Indo-European"),
        ("sw", "genus", "Narrow Bantu"),
        ("eu", "family", "Basque"),
        ("ja", "script", "Jpan"),
        ("ha", "word_order", "SVO"),
        ("de", "ldnd_english", "0.6733"),
        ("sw", "pretrain_gib", "1.6"),
        ("zh", "pretrain_gib", "63.5"),  # 46.9 in simplified and 16.6 in traditional characters
        ("bn", "pretrain_gib", "8.4"),  # without 0.5 in Latin script
        ("sv", "pretrain_gib", "77.8"),  # printed in the column of tokens
        ("uk", "pretrain_tokens_m", "6500"),  # printed as 6.5
        ("yo", "pretrain_gib", "0"),
        ("lzh", "pretrain_gib", ""),
    ],
)
def test_facts_of_languages(languages: pd.DataFrame, language: str, column: str, value: str) -> None:
    assert languages.loc[language, column] == value


def test_uriel_agrees_with_the_values_published_with_langrank(languages: pd.DataFrame) -> None:
    published = {"th": 0.39, "es": 0.3433, "hu": 0.3433, "ko": 0.4638, "de": 0.3277}
    ours = numbers(languages["uriel_phonological"])
    assert all(abs(ours[language] - value) < 0.1 for language, value in published.items())


def test_tasks_keep_to_their_vocabularies(tasks: pd.DataFrame, languages: pd.DataFrame) -> None:
    assert tasks.index.is_unique
    assert tasks.index.str.fullmatch("[a-z0-9_]+").all()
    assert set(tasks["kind"]) <= set(KINDS.split())
    assert set(tasks["domain"]) <= set(DOMAINS.split())
    assert set(tasks["language"]) <= set(languages.index)
    assert (tasks["name"] != "").all()


def test_every_named_task_is_there(tasks: pd.DataFrame) -> None:
    vocabulary = pd.read_csv(ROOT / "data/curation/vocabulary.csv", dtype=str, keep_default_na=False)
    assert set(tasks.index) >= (set(vocabulary["task"]) - {""}) | set(RUN_BY_THE_HARNESS.split())


def test_numbers_of_tasks_are_in_range_and_have_sources(tasks: pd.DataFrame) -> None:
    assert (numbers(tasks["train_size"]) > 0).all()
    assert numbers(tasks["human"]).between(0, 1).all()
    assert numbers(tasks["chance"]).between(0, 0.5).all()
    values = {"train_size": "train_size_source", "human": "human_source", "human_metric": "human_source"}
    values |= {measure: f"{measure}_source" for measure in measures(tasks)}
    for value, source in values.items():
        assert ((tasks[value] != "") == (tasks[source] != "")).all(), value


def test_difficulty_is_positive_and_kept_apart_by_footing(tasks: pd.DataFrame) -> None:
    assert measures(tasks)[:2] == ["difficulty_shortfall", "difficulty_human_gap"]
    for measure in measures(tasks):
        assert numbers(tasks[measure]).between(0, 1.5).all(), measure
        sources = tasks[f"{measure}_source"].str.split(";").str[0]
        assert len(set(sources.str.split(",").str[0]) - {""}) == 1, measure


def test_the_sources_of_taskweb_have_a_difficulty(tasks: pd.DataFrame) -> None:
    known = numbers(tasks["difficulty_shortfall"])
    assert len(known) == 21
    assert known["winogrande"] > known["rte"] > known["imdb"]


def test_difficulty_by_hand(tasks: pd.DataFrame) -> None:
    rte = [0.59505, 0.61706, 0.65013, 0.77962, 0.59866]  # TaskWeb: gpt2m, roberta, t5b, t5l, t5s
    assert float(tasks.loc["rte", "difficulty_shortfall"]) == pytest.approx(
        (1 - sum(rte) / 5) / 0.5, abs=1e-4
    )
    assert float(tasks.loc["mnli", "difficulty_glue_shortfall"]) == pytest.approx(
        (1 - (0.876 + 0.902) / 2) / (2 / 3), abs=1e-4
    )
    assert float(tasks.loc["wic", "difficulty_human_gap"]) == pytest.approx(0.800 - 0.494)
    assert float(tasks.loc["boolq", "difficulty_spot_shortfall"]) == pytest.approx((1 - 0.730) / 0.5)
    assert float(tasks.loc["boolq", "difficulty_spot_shortfall_sd"]) == pytest.approx(0.012 / 0.5)


@pytest.mark.parametrize(
    ("task", "column", "value"),
    [
        ("boolq", "train_size", "9427"),
        ("copa", "train_size", "400"),
        ("docnli", "train_size", "942000"),
        ("chemprot", "train_size", "4169"),
        ("boolq", "human", "0.89"),
        ("squad", "human", "0.91221"),
        ("squad", "human_metric", "f1"),
        ("udpos", "human", "0.97"),
        ("qnli", "kind", "nli"),
        ("xnli", "language", "mul"),
    ],
)
def test_facts_of_tasks(tasks: pd.DataFrame, task: str, column: str, value: str) -> None:
    assert tasks.loc[task, column] == value


def test_a_similarity_is_stored_once_and_has_a_source(similarity: pd.DataFrame) -> None:
    assert not similarity.duplicated(["task", "target", "measure"]).any()
    assert (similarity["source"] != "").all()
    assert set(similarity["measure"]) == {
        "taskshop_llm",
        "taskshop_roe",
        "tokens",
        *(f"uriel_{name}" for name in URIEL),
    }


def test_similarities_name_known_tasks_and_languages(
    similarity: pd.DataFrame, tasks: pd.DataFrame, languages: pd.DataFrame
) -> None:
    named = set(similarity["task"]) | set(similarity["target"])
    in_brackets = {name.strip("[]") for name in named if name.startswith("[")}
    assert in_brackets == set(STUDIED_IN_AFRICA)
    assert in_brackets <= set(languages.index)
    assert {name for name in named if not name.startswith("[")} - set(tasks.index) == {"story_cloze"}


@pytest.mark.parametrize("measure", [f"uriel_{name}" for name in URIEL])
def test_similarities_of_languages_are_symmetric(
    similarity: pd.DataFrame, languages: pd.DataFrame, measure: str
) -> None:
    rows = similarity[similarity["measure"] == measure]
    square = rows.pivot_table(index="task", columns="target", values="similarity")
    pd.testing.assert_frame_equal(square, square.T, check_names=False)
    assert rows["similarity"].between(0, 1).all()
    assert (rows["similarity"][rows["task"] == rows["target"]] == 1).all()
    from_english = numbers(languages[measure])
    for language, value in square.loc["[en]"].dropna().items():
        assert value == pytest.approx(1 - from_english[str(language).strip("[]")], abs=1e-4)


def test_the_target_of_taskshop_is_the_outer_key(similarity: pd.DataFrame) -> None:
    values = similarity.set_index(["measure", "task", "target"])["similarity"]
    assert values["taskshop_llm", "boolq", "anli_r3"] == pytest.approx(-6.894602)
    held_out = similarity[similarity["measure"] == "taskshop_roe"]
    assert "story_cloze" in set(held_out["target"]), "only ever a target"
    assert "story_cloze" not in set(held_out["task"])


@with_sources
def test_made_again_from_their_sources_the_tables_are_the_same(tmp_path: Path) -> None:
    script = ROOT / "data" / "curation" / "covariates.py"
    subprocess.run([sys.executable, str(script), str(SOURCES), "-o", str(tmp_path)], check=True)
    for name in TABLES:
        made, committed = tmp_path / f"{name}.csv", ROOT / "data" / f"{name}.csv"
        assert made.read_bytes() == committed.read_bytes(), name
