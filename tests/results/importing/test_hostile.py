"""Files that nobody wrote in good faith: refused with an explanation, and nothing is dropped in silence.

`TASKORDER_FUZZ` sets how many cases hypothesis makes, for a long run by hand.
"""

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from taskorder.errors import InvalidTable, TaskorderError
from taskorder.results.checking import check
from taskorder.results.importing.lm_eval import LmEval
from taskorder.results.importing.names import NameMap, read_map
from taskorder.results.importing.placing import Given
from taskorder.results.importing.scores import Format
from taskorder.results.importing.tidying import import_results, summarised
from taskorder.results.importing.trainer import Trainer
from taskorder.results.importing.wide import Wide
from taskorder.results.importing.xtreme import Xtreme
from taskorder.results.language_codes import LanguageCodes

SAID = {"study": "mine", "backbone": "tiny", "tuning": "full", "sequence": "", "train_language": "en"}
FORMS: dict[str, tuple[Format, str]] = {
    "lm-eval": (LmEval(), "results.json"),
    "trainer": (Trainer(), "eval_results.json"),
    "state": (Trainer(evaluation="best"), "trainer_state.json"),
    "xtreme": (Xtreme(), "scores.json"),
}
long_run = settings(
    max_examples=int(os.environ.get("TASKORDER_FUZZ", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

REFUSED = {
    "nothing": (b"", "no well-formed JSON"),
    "no JSON": (b"{'results': 1}", "no well-formed JSON"),
    "not an object": (b"[1, 2]", "must begin with '{'"),
    "cut off": (b'{"results": {"rte": {"acc"', "no well-formed JSON"),
    "a NUL": (b'{"results": {}}\0', "binary"),
    "UTF-16": ('{"results": {}}'.encode("utf-16"), "UTF-16"),
    "Latin-1": ('{"é": 1}'.encode("latin-1"), "not UTF-8"),
    "nested deeply": (b'{"a":' * 200_000 + b"1" + b"}" * 200_000, "nested too deeply"),
    "a key twice": (b'{"results": {"rte": {"acc": 0.1, "acc": 0.9}}}', "'acc' stands twice"),
}


@pytest.mark.parametrize("fault", REFUSED)
@pytest.mark.parametrize("form", ["lm-eval", "trainer", "state"])
def test_files_that_are_refused(tmp_path: Path, form: str, fault: str) -> None:
    reader, name = FORMS[form]
    content, reason = REFUSED[fault]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidTable, match=reason) as error:
        import_results(reader, tmp_path, Given(SAID))
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", '"0.5"', "true", "null", "[0.5]", "{}"])
def test_what_is_no_finite_number_is_no_score_and_is_listed(tmp_path: Path, value: str) -> None:
    file = tmp_path / "results.json"
    file.write_text(f'{{"model_name": "m", "results": {{"rte": {{"acc": {value}, "f1": 0.5}}}}}}')
    made = import_results(LmEval(), file, Given(SAID | {"language": "en"}))
    assert made.frame["metric"].tolist() == ["f1"]
    assert [(left.what, left.why) for left in made.left_out] == [("acc", "no finite number.")]


@pytest.mark.parametrize("value", ["1e999999", "9" * 20_000, "-1", "123456789012345678901234567890.5"])
def test_numbers_that_are_no_score_are_refused_at_their_place(tmp_path: Path, value: str) -> None:
    file = tmp_path / "results.json"
    file.write_text(f'{{"model_name": "m", "results": {{"rte": {{"acc": {value}}}}}}}')
    with pytest.raises(InvalidTable, match=r"results.json results/rte/acc:score: ") as error:
        import_results(LmEval(), file, Given(SAID | {"language": "en"}))
    assert len(str(error.value)) < 1000


def test_a_mark_before_the_text_and_line_ends_of_all_kinds_are_read(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    text = '{"model_name": "m",\r\n"results":\r{"rte": {"acc": 0.5}}\n}'
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert len(import_results(LmEval(), file, Given(SAID | {"language": "en"})).frame) == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("=HYPERLINK(1)", "would run as a formula"),
        ("@SUM(A1)", "would run as a formula"),
        ("a\0b", "marks of control"),
        ("a\nb", "marks of control"),
        ("\ud800", "broken characters"),
        ("\x1b[2J", "marks of control"),
    ],
)
def test_names_that_no_table_should_hold(tmp_path: Path, name: str, reason: str) -> None:
    file = tmp_path / "results.json"
    file.write_text(json.dumps({"model_name": name, "results": {"rte": {"acc": 0.5}}}))
    with pytest.raises(InvalidTable, match=reason) as error:
        import_results(LmEval(), file, Given(SAID | {"language": "en"}))
    assert str(error.value).isprintable()


def test_a_path_in_a_name_is_text_and_no_place_to_write_to(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    name = "../../../escaped"
    (folder / "results.json").write_text(
        json.dumps({"model_name": name, "results": {name: {"acc": 0.5}, "rte": {"acc": 0.5}}})
    )
    made = import_results(LmEval(), folder, Given(SAID | {"language": "en"}))
    made.write(tmp_path / "out.csv")
    assert made.frame["run"].tolist() == [name]
    assert [left.what for left in made.left_out] == [name]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["in", "out.csv", "results.json"]


def test_links_are_not_followed_out_of_the_folder_or_in_circles(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside / "deep", outside):
        folder.mkdir(parents=True)
        (folder / "results.json").write_text('{"model_name": "m", "results": {"rte": {"acc": 0.5}}}')
    (inside / "deep" / "circle").symlink_to(inside)
    (inside / "elsewhere").symlink_to(outside)
    (inside / "itself").symlink_to(inside / "itself")
    made = import_results(LmEval(), inside, Given(SAID | {"language": "en"}))
    assert made.frame["source"].tolist() == ["deep/results.json results/rte/acc"]
    assert {left.place for left in made.left_out} == {"deep/circle", "elsewhere", "itself"}


def test_a_folder_without_any_file_of_the_tool(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(TaskorderError, match=r"no score that can be placed[^$]*\*\.txt files \(notes\.txt\)"):
        import_results(LmEval(), tmp_path, Given(SAID))
    with pytest.raises(InvalidTable, match=r"Did you mean 'notes\.txt'"):
        import_results(LmEval(), tmp_path / "note.txt", Given(SAID))


MAPS = {
    "no TOML": ("[task", "not valid TOML"),
    "nested deeply": ("a = " + "[" * 100_000, "not valid TOML"),
    "an unknown kind": ("[tasks.rte]\nlanguage = 'en'", "Did you mean 'task'"),
    "an unknown column": ("[task.rte]\nlangauge = 'en'", "Did you mean 'language'"),
    "a score": ("[task.rte]\nscore = 0.9", "no column 'score'"),
    "no table": ("task = 1", "must be a table"),
    "no cell": ("[task.rte]\nlanguage = ['en']", "write a text in quotation marks"),
    "an unknown part": ('[folder."{seeed}"]', "Did you mean 'seed'"),
    "too many parts": ('[folder."*/*/*/*/*"]', "at most 4"),
    "skip": ("[task.rte]\nskip = 1", "write true, or the reason"),
    "percent": ("[task.rte]\npercent = 'yes'", "write true or false"),
}


@pytest.mark.parametrize("fault", MAPS)
def test_maps_that_are_refused(tmp_path: Path, fault: str) -> None:
    text, reason = MAPS[fault]
    (tmp_path / "map.toml").write_text(text)
    with pytest.raises(InvalidTable, match=reason):
        read_map(tmp_path / "map.toml")


# Cases that hypothesis makes

KEYS = st.sampled_from(
    [
        *(
            "results",
            "groups",
            "group_subtasks",
            "n-samples",
            "higher_is_better",
            "model_name",
            "config",
            "n-shot",
        ),
        *("xnli_sw", "xnli", "rte", "arc_easy", "paws_xx", "pawsx", "xquad", "effective", "model_args", "sw"),
        *("acc", "acc,none", "acc_stderr,none", "f1", "exact_match", "alias", "avg_metric", "en", "zz"),
        *(
            "eval_accuracy",
            "eval_sw_accuracy",
            "eval_sw_runtime",
            "eval_samples",
            "predict_f1",
            "log_history",
        ),
        *("step", "best_global_step", "best_model_checkpoint", "__class__", "../x", "=1+1", ""),
    ]
)
TEXT = st.one_of(
    st.text(max_size=8), st.sampled_from(["=1+1", "../../x", "checkpoint-²", "pretrained=", "\ud800"])
)
NUMBERS = st.one_of(
    st.floats(0, 1), st.floats(), st.integers(), st.sampled_from([0.5, 50, -1, 10**40, 1e308, float("nan")])
)
LEAVES = st.one_of(NUMBERS, st.booleans(), st.none(), TEXT)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.dictionaries(st.one_of(KEYS, TEXT), inner, max_size=5), st.lists(inner, max_size=3)
    ),
    max_leaves=15,
)
RESULTS = st.fixed_dictionaries(
    {
        "results": st.dictionaries(
            st.one_of(KEYS, TEXT), st.dictionaries(KEYS, LEAVES, max_size=5), max_size=4
        )
    },
    optional={
        "model_name": TEXT,
        "groups": VALUES,
        "group_subtasks": VALUES,
        "n-samples": VALUES,
        "higher_is_better": VALUES,
        "config": VALUES,
    },
)
SCORES = st.dictionaries(
    st.one_of(KEYS, TEXT),
    st.dictionaries(KEYS, st.dictionaries(KEYS, LEAVES, max_size=3), max_size=3),
    max_size=3,
)
STATES = st.fixed_dictionaries(
    {"log_history": st.lists(st.dictionaries(KEYS, LEAVES, max_size=5), max_size=5)}
)
OBJECTS = st.one_of(RESULTS, SCORES, STATES, st.dictionaries(KEYS, VALUES, max_size=6))
PRINTED = st.lists(
    st.sampled_from(
        [
            "====== xnli ======",
            "------ accuracy ------",
            "en, sw",
            "81.20, 70.10",
            "81.20",
            "nan, 1",
            "accuracy: 7.1",
            "",
        ]
    )
    | TEXT,
    max_size=12,
).map("\n".join)
CELLS = st.one_of(
    st.sampled_from(["0.5", "84.9", "", "NA", "a", "=1+1", '"', "1e400", "-", "x,y", "\r"]), TEXT
)
HEADERS = st.sampled_from(
    ["run", "sequence", "seed", "en", "Swahili", "avg", "zz", "study", "language", "a/b", "xnli/en"]
)
TABLES = st.lists(st.lists(st.one_of(HEADERS, CELLS), min_size=1, max_size=5).map(",".join), max_size=5).map(
    "\n".join
)


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    """Text of a format's own words, then damaged or not."""
    text = draw(st.one_of(OBJECTS.map(json.dumps), PRINTED, TABLES))
    content = text.encode("utf-8", "surrogatepass")
    damage = draw(st.sampled_from(["none", "none", "none", "cut", "byte", "mark", "lines"]))
    place = draw(st.integers(0, max(len(content), 1)))
    match damage:
        case "cut":
            return content[:place]
        case "byte":
            return content[:place] + bytes([draw(st.integers(0, 255))]) + content[place + 1 :]
        case "mark":
            return b"\xef\xbb\xbf" + content
        case "lines":
            return content.replace(b"\n", b"\r\n", 1)
        case _:
            return content


READERS: list[tuple[Format, str]] = [
    *FORMS.values(),
    (Trainer("predict", "last"), "all_results.json"),
    (Xtreme(), "scores.txt"),
    (Wide(), "wide.csv"),
    (Wide("target/language", 2), "wide.tsv"),
    (Wide("target"), "wide.csv"),
]


def assert_lines(lines: list[str]) -> None:
    """Each is shown by a terminal as it is."""
    assert lines == [line for line in lines if line.isprintable()]


@long_run
@given(content=contents(), reader=st.sampled_from(READERS), percent=st.booleans())
def test_any_file_gives_a_valid_table_or_an_explanation(
    content: bytes, reader: tuple[Format, str], percent: bool
) -> None:
    form, name = reader
    said = SAID | {"language": "en", "target": "rte", "run": "r", "metric": "accuracy"}
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            made = import_results(form, path, Given(said, percent=percent))
        except TaskorderError as error:
            assert_lines(str(error).splitlines())
            return
        out = Path(folder) / "out.csv"
        made.write(out)
        assert check(out) == []
        assert_lines(summarised(made.left_out))


@long_run
@given(content=RESULTS)
def test_every_number_of_any_results_is_a_score_or_left_out(content: dict[str, Any]) -> None:
    assume(content["results"])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "results.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        reading = LmEval().read(path)
    groups = [left.what for left in reading.left_out if left.why.startswith("a group")]
    numbers = sum(len(metrics) for task, metrics in content["results"].items() if task not in groups)
    with_error = sum(1 for score in reading.scores if score.scaled)
    assert len(reading.scores) + with_error + len(reading.left_out) - len(groups) == numbers


@long_run
@given(
    pattern=st.text(alphabet="ab/{}*-_", max_size=12)
    | st.lists(st.sampled_from(["{seed}", "{language}", "{sequence}", "*", "a", "/", "-"]), max_size=6).map(
        "".join
    ),
    name=st.text(alphabet="ab/-_1", max_size=200),
)
def test_any_pattern_is_refused_or_decides_soon(pattern: str, name: str) -> None:
    codes = LanguageCodes(frozenset({"ab"}), {}, {})
    with TemporaryDirectory() as folder:
        path = Path(folder) / "map.toml"
        path.write_text(f"[folder.{json.dumps(pattern)}]\nstudy = 'x'\n")
        try:
            names = read_map(path)
        except InvalidTable:
            return
    assert isinstance(names, NameMap)
    names.find("folder", name, codes)
