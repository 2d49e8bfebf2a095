import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskorder.errors import InvalidTask, MissingData
from taskorder.harness.examples import (
    ChoiceExample,
    LineExample,
    SpanExample,
    TextExample,
    TokensExample,
    evenly,
)
from taskorder.harness.tasks.file import NEEDED, READERS, STANDARD, TaskFile
from taskorder.harness.tasks.task import DATA_VARIABLE, Task, find_task, read_task

TEXT = """
kind = "text"
labels = ["no", "yes"]
metrics = ["accuracy"]
[format]
reader = "tsv"
columns = { text = "text", label = "label" }
[files]
train = { en = "train.tsv" }
"""
TOKENS = """
kind = "tokens"
labels = ["O", "B-X", "I-X"]
metrics = ["f1"]
[format]
reader = "columns"
columns = { words = "1", labels = "2" }
[files]
test = { en = "test.txt" }
"""
SPAN = """
kind = "span"
metrics = ["f1"]
[format]
reader = "squad"
[files]
test = { en = "test.json" }
"""
CHOICE = """
kind = "choice"
metrics = ["accuracy"]
map = { A = "0", B = "1" }
[format]
reader = "jsonl"
columns = { prompt = "p", choices = "c.text", label = "k" }
[files]
test = { en = "test.jsonl" }
"""
LINES = """
kind = "lines"
[format]
reader = "lines"
[files]
train = { en = "en.txt.gz" }
"""
ALIGNED = """
kind = "lines"
[format]
reader = "aligned"
[files.train]
path = "{language}.txt"
pairs = true
languages = ["en", "sw", "de"]
"""

Make = Callable[..., Task]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a task file and files beside it, and read it."""

    def _make(toml: str, name: str = "mine", **files: str | bytes) -> Task:
        for key, content in files.items():
            target = tmp_path / key.replace("__", ".")
            target.write_bytes(content if isinstance(content, bytes) else content.encode())
        path = tmp_path / f"{name}.toml"
        path.write_text(toml, encoding="utf-8")
        return read_task(path)

    return _make


def test_a_task_says_what_its_file_says(make: Make) -> None:
    task = make(TEXT, train__tsv="text\tlabel\ngood\tyes\nbad\tno\n")
    assert (task.name, task.kind, task.labels, task.regression) == ("mine", "text", ("no", "yes"), False)
    assert task.metrics == ("accuracy",)
    assert (task.languages("train"), task.languages("test")) == (("en",), ())
    assert task.examples("train", "en") == (
        TextExample("1", "good", None, "yes"),
        TextExample("2", "bad", None, "no"),
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "text\tlabel\ngood\tyess\n",
            r"train\.tsv:2: 'yess' is no label of the task; allowed: no, yes\. Did you mean 'yes'\?",
        ),
        ("text\tlabel\ngood\n", r"train\.tsv:2: 1 fields where there are 2 columns"),
        (
            "texts\tlabel\ngood\tyes\n",
            r"train\.tsv:2: there is no column 'text'; there are texts, label\. Did you mean 'texts'",
        ),
        ("text\tlabel\n", "holds no example"),
        ("", "holds no example"),
        (b"text\tlabel\ngood\tyes\ng\xffod\tyes\n", r"train\.tsv:3: byte 2 of the line is not UTF-8"),
    ],
)
def test_wrong_tables_are_named_with_their_line(make: Make, content: str | bytes, message: str) -> None:
    with pytest.raises(InvalidTask, match=message):
        make(TEXT, train__tsv=content).examples("train", "en")


def test_tsv_has_no_quoting_and_csv_has(make: Make) -> None:
    unbalanced = make(TEXT, train__tsv='text\tlabel\n"so\tyes\nso"\tno\n')
    assert [one.text for one in unbalanced.examples("train", "en") if isinstance(one, TextExample)] == [
        '"so',
        'so"',
    ]
    quoted = make(TEXT.replace('"tsv"', '"csv"'), train__tsv='text,label\n"a, ""b""\nc",yes\nd,maybe\n')
    with pytest.raises(InvalidTask, match=r"train\.tsv:4: 'maybe'"):
        quoted.examples("train", "en")
    broken = make(TEXT.replace('"tsv"', '"csv"'), train__tsv='text,label\n"a,yes\n')
    with pytest.raises(InvalidTask, match=r"train\.tsv:2: no valid CSV"):
        broken.examples("train", "en")


def test_byte_order_mark_and_carriage_returns_are_no_text(make: Make) -> None:
    task = make(TEXT, train__tsv=b"\xef\xbb\xbftext\tlabel\r\ngood\tyes\r\n")
    assert task.examples("train", "en") == (TextExample("1", "good", None, "yes"),)


def test_labels_may_be_mapped_cut_and_thresholded(make: Make) -> None:
    data = "text\tlabel\na\t1\nb\t0\n"
    mapped = make('map = { 1 = "yes", 0 = "no" }\n' + TEXT, train__tsv=data)
    assert [one.label for one in mapped.examples("train", "en") if isinstance(one, TextExample)] == [
        "yes",
        "no",
    ]
    cut = make('cut = ":"\n' + TEXT, train__tsv="text\tlabel\na\tyes:much\n")
    assert [one.label for one in cut.examples("train", "en") if isinstance(one, TextExample)] == ["yes"]
    split = make("threshold = 0.8\n" + TEXT, train__tsv="text\tlabel\na\t0.8\nb\t0.799\n")
    assert [one.label for one in split.examples("train", "en") if isinstance(one, TextExample)] == [
        "yes",
        "no",
    ]


def test_regression_reads_numbers(make: Make) -> None:
    toml = TEXT.replace('labels = ["no", "yes"]', "regression = true").replace("accuracy", "pearson")
    task = make(toml, train__tsv="text\tlabel\na\t2.5\nb\t-1\n")
    assert [one.label for one in task.examples("train", "en") if isinstance(one, TextExample)] == [2.5, -1.0]
    for wrong in ("high", "nan", "inf"):
        with pytest.raises(InvalidTask, match=rf"train\.tsv:2: the label '{wrong}' is no number"):
            make(toml, train__tsv=f"text\tlabel\na\t{wrong}\n").examples("train", "en")


def test_tables_without_a_header_number_their_columns(make: Make) -> None:
    toml = TEXT.replace('{ text = "text", label = "label" }', '{ text = "1", label = "2" }\nheader = false')
    assert make(toml, train__tsv="good\tyes\n").examples("train", "en") == (
        TextExample("1", "good", None, "yes"),
    )


def test_alternative_columns(make: Make) -> None:
    toml = TEXT.replace('text = "text"', 'text = ["sentence", "text"]')
    for name in ("sentence", "text"):
        assert make(toml, train__tsv=f"{name}\tlabel\ngood\tyes\n").examples("train", "en")


def test_sentences_of_words(make: Make) -> None:
    task = make(TOKENS, test__txt="a O\nb B-X\n\n\n-DOCSTART- O\n\nc I-X")
    assert task.examples("test", "en") == (
        TokensExample("1", ("a", "b"), ("O", "B-X")),
        TokensExample("2", ("c",), ("I-X",)),
    )
    with pytest.raises(InvalidTask, match=r"test\.txt:3: 1 columns where the sentence began with 2: 'b'"):
        make(TOKENS, test__txt="\na O\nb\n").examples("test", "en")
    with pytest.raises(InvalidTask, match=r"test\.txt:2: 'B-Y' is no label"):
        make(TOKENS, test__txt="\na B-Y\n").examples("test", "en")


def test_words_and_labels_of_different_lengths(make: Make) -> None:
    toml = TOKENS.replace('"columns"', '"jsonl"').replace('"1"', '"w"').replace('"2"', '"l"')
    with pytest.raises(InvalidTask, match=r"test\.txt:2: 2 words, but 1 labels"):
        make(toml, test__txt='{"w": ["a"], "l": ["O"]}\n{"w": ["a", "b"], "l": ["O"]}\n').examples(
            "test", "en"
        )


CONLLU = "# sent_id = s1\n1-2\tdel\t{0}\n1\tde\t_\tO{1}\n2\tel\t_\tO{1}\n2.1\tx\t_\tO{1}\n".format(
    "\t".join("_" * 8), "\t" + "\t".join("_" * 6)
)


def test_conllu_leaves_out_what_is_no_word(make: Make) -> None:
    toml = TOKENS.replace('"columns"', '"conllu"').replace(
        '{ words = "1", labels = "2" }', '{ labels = "upos" }'
    )
    assert make(toml, test__txt=CONLLU).examples("test", "en") == (
        TokensExample("s1", ("de", "el"), ("O", "O")),
    )
    with pytest.raises(InvalidTask, match=r"test\.txt:2: 2 columns where CoNLL-U has 10"):
        make(toml, test__txt="# c\n1\tde\n").examples("test", "en")
    with pytest.raises(InvalidTask, match=r"test\.txt:1: 'x' is no number"):
        make(toml, test__txt="x\t" + "\t".join("_" * 9)).examples("test", "en")


def squad(text: object, start: object) -> str:
    question = {"id": "q7", "question": "Who?", "answers": [{"text": text, "answer_start": start}]}
    return json.dumps({"data": [{"paragraphs": [{"context": "Bo and Jo", "qas": [question]}]}]})


def test_answers_stand_where_they_are_said_to(make: Make) -> None:
    assert make(SPAN, test__json=squad("Jo", 7)).examples("test", "en") == (
        SpanExample("q7", "Who?", "Bo and Jo", (("Jo", 7),)),
    )
    for text, start in (("Jo", 6), ("Jo", -2), ("Jo", 70)):
        with pytest.raises(
            InvalidTask,
            match=rf"test\.json: question q7: the answer 'Jo' does not stand at character {start}",
        ):
            make(SPAN, test__json=squad(text, start)).examples("test", "en")
    with pytest.raises(InvalidTask, match="an answer is empty"):
        make(SPAN, test__json=squad("", 0)).examples("test", "en")
    with pytest.raises(
        InvalidTask,
        match=r"data\[0\]\.paragraphs\[0\]\.qas\[0\]\.answers\[0\]\.answer_start: input should be",
    ):
        make(SPAN, test__json=squad("Jo", "seven")).examples("test", "en")


@given(st.text(min_size=1, max_size=40), st.data())
def test_any_stretch_of_any_context_can_be_an_answer(context: str, data: st.DataObject) -> None:
    from taskorder.harness.tasks.file import STANDARD, TaskFile
    from taskorder.harness.tasks.making import Making
    from taskorder.harness.tasks.readers.rows import Row

    start = data.draw(st.integers(0, len(context) - 1))
    end = data.draw(st.integers(start + 1, len(context)))
    row = Row(
        "x:1", {"id": "i", "question": "q", "context": context, "answers": [(context[start:end], start)]}
    )
    made = Making(TaskFile(kind="span"), STANDARD["squad"]).example(row, 1)
    assert isinstance(made, SpanExample)
    assert made.answers == ((context[start:end], start),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (squad("Jo", 7)[:-9], r"test\.json:1: no valid JSON.*cut off"),
        ("{}", "no JSON of SQuAD"),
        ('{"data": [{"paragraphs": [{"context": "x"}]}]}', "no JSON of SQuAD"),
        (
            '{"data": [{"paragraphs": [{"qas": [{"id": "1"}]}]}]}',
            r"no JSON of SQuAD.*paragraphs\[0\]\.context: field required",
        ),
        ('{"data": []}', "holds no example"),
    ],
)
def test_json_that_is_not_of_squad(make: Make, content: str, message: str) -> None:
    with pytest.raises(InvalidTask, match=message):
        make(SPAN, test__json=content).examples("test", "en")


def test_choices_from_a_nested_list(make: Make) -> None:
    row = '{"p": "Bo", "c": {"text": ["x", "y"]}, "k": "B"}\n'
    assert make(CHOICE, test__jsonl=row).examples("test", "en") == (
        ChoiceExample("1", "Bo", "", ("x", "y"), 1),
    )
    with pytest.raises(InvalidTask, match=r"test\.jsonl:1: the label 'C' is no number of a choice, 0 to 1"):
        make(CHOICE, test__jsonl=row.replace('"B"', '"C"')).examples("test", "en")
    with pytest.raises(InvalidTask, match=r"test\.jsonl:2: no valid JSON"):
        make(CHOICE, test__jsonl=row + row[:20]).examples("test", "en")
    with pytest.raises(InvalidTask, match=r"test\.jsonl:1: not a JSON object"):
        make(CHOICE, test__jsonl="[1]\n").examples("test", "en")


def test_compressed_text_and_its_damage(make: Make) -> None:
    whole = gzip.compress(b"one\n\ntwo\n" * 5000, mtime=0)
    task = make(LINES, en__txt__gz=whole)
    assert len(task.examples("train", "en")) == 10_000
    assert task.examples("train", "en")[1] == LineExample("2", "two", language="en.txt.gz")
    for damaged in (whole[:-9], whole[:40], b"plain text"):
        with pytest.raises(InvalidTask, match=r"en\.txt\.gz:\d+: the compressed file is damaged or cut off"):
            make(LINES, en__txt__gz=damaged).examples("train", "en")


def test_aligned_lines(make: Make) -> None:
    task = make(ALIGNED, en__txt="a\nb\n", sw__txt="A\nB\n", de__txt="1\n2\n")
    assert task.languages("train") == ("en-sw", "en-de", "sw-en", "sw-de", "de-en", "de-sw", "mul")
    assert task.examples("train", "sw-en") == (LineExample("1", "A", "a"), LineExample("2", "B", "b"))
    mixed = task.examples("train", "mul")
    assert len(mixed) == 2
    for one, allowed in zip(mixed, ({"a", "A", "1"}, {"b", "B", "2"}), strict=True):
        assert isinstance(one, LineExample)
        assert {one.text, one.text2} < allowed
    with pytest.raises(InvalidTask, match=r"sw\.txt: ends after line 1, but .*en\.txt goes on"):
        make(ALIGNED, en__txt="a\nb\n", sw__txt="A\n").examples("train", "en-sw")


def test_files_are_found_beside_the_task_then_in_the_variable(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make(TEXT)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with pytest.raises(MissingData, match=rf"train\.tsv not found; looked in {tmp_path}\. .*{DATA_VARIABLE}"):
        task.examples("train", "en")
    monkeypatch.setenv(DATA_VARIABLE, f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    for folder, text in (("b", "from b"), ("a", "from a"), (".", "from beside")):
        (tmp_path / folder / "train.tsv").write_text(f"text\tlabel\n{text}\tyes\n")
        assert task.examples("train", "en") == (TextExample("1", text, None, "yes"),)


def test_globs_and_lists_are_read_one_after_another(make: Make) -> None:
    files = {"b__txt": "2\n", "a__txt": "1\n", "c__txt": "3\n"}
    both = make(
        LINES.replace('{ en = "en.txt.gz" }', '{ mul = ["[ab].txt", "c.txt"], en = ["c.txt", "a.txt"] }'),
        **files,
    )
    assert [one.text for one in both.examples("train", "mul") if isinstance(one, LineExample)] == [
        "1",
        "2",
        "3",
    ]
    assert [one.text for one in both.examples("train", "en") if isinstance(one, LineExample)] == ["3", "1"]


def test_a_part_of_the_files_is_not_taken_for_all(make: Make) -> None:
    with pytest.raises(MissingData, match=r"b\.txt not found"):
        make(LINES.replace('"en.txt.gz"', '["a.txt", "b.txt"]'), a__txt="1\n").examples("train", "en")


def test_a_limit_takes_the_same_rows_every_time_and_in_every_language(make: Make) -> None:
    files = {"en__tsv": "text\tlabel\n" + "".join(f"{i}\tyes\n" for i in range(300)), "de__tsv": ""}
    files["de__tsv"] = files["en__tsv"]
    toml = TEXT.replace('{ en = "train.tsv" }', '{ path = "{language}.tsv", languages = ["en", "de"] }')
    whole = make(toml, **files)
    some = make(toml + "[limit]\ntrain = 20\n", **files)
    chosen = some.examples("train", "en")
    assert len(chosen) == 20
    assert chosen == some.examples("train", "de")
    assert set(chosen) < set(whole.examples("train", "en"))
    assert chosen != make(toml + "[limit]\ntrain = 20\nseed = 1\n", **files).examples("train", "en")
    assert chosen != whole.examples("train", "en")[:20]


def test_the_digest_tells_data_and_rules_apart(make: Make) -> None:
    data = "text\tlabel\na\tyes\n"
    first = make(TEXT, train__tsv=data).digest("train", "en")
    assert first == make(TEXT + "# a comment\n", train__tsv=data).digest("train", "en")
    others = {
        make(TEXT, train__tsv=data + "b\tno\n").digest("train", "en"),
        make('map = { 1 = "yes" }\n' + TEXT, train__tsv=data).digest("train", "en"),
        make(TEXT.replace('["no", "yes"]', '["yes", "no"]'), train__tsv=data).digest("train", "en"),
        make(TEXT + "[limit]\ntrain = 1\n", train__tsv=data).digest("train", "en"),
    }
    assert first not in others
    assert len(others) == 4


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('kind = "text"', 'kind = "txt"', r"kind: .*Did you mean 'text'"),
        ("kind", "knid", r"knid: there is no such key\. Did you mean 'kind'"),
        ('["no", "yes"]', '["no"]', "needs two or more"),
        ('["no", "yes"]', '["no", "no"]', "'no' stands twice"),
        ('"accuracy"', '"acuracy"', r"no metric 'acuracy'.*Did you mean 'accuracy'"),
        ('"tsv"', '"tvs"', r"format\.reader: .*Did you mean 'tsv'"),
        ('"tsv"', '"squad"', "'squad' gives no task of kind 'text'"),
        (', label = "label"', "", "does not say which one is 'label'"),
        (
            'label = "label"',
            'label = "label", lable = "x"',
            r"columns\.lable is nothing of kind 'text'.*'label'",
        ),
        (
            '{ en = "train.tsv" }',
            '{ path = "x.tsv", languages = ["en", "en"] }',
            "language 'en' is named twice",
        ),
        ('{ en = "train.tsv" }', '[{ en = "a.tsv" }, { en = "b.tsv" }]', "'en' is named twice"),
        ('{ en = "train.tsv" }', '{ path = "x.tsv", languages = ["en", "de"] }', r"write \{language\} in it"),
        ('{ en = "train.tsv" }', '{ path = "x.tsv" }', "its languages are not named"),
        ('{ en = "train.tsv" }', '{ English = "train.tsv" }', "'English' is no language"),
        ('"train.tsv"', '"../../etc/passwd"', "leaves the data folders"),
        ('"train.tsv"', '"/etc/passwd"', "leaves the data folders"),
        ('"train.tsv"', '"a/../../b"', "leaves the data folders"),
        (
            '{ en = "train.tsv" }',
            '{ path = "{language}", languages = ["en"], codes = { en = "../x" } }',
            "codes",
        ),
        ("train = ", "training = ", "files"),
        ('[files]\ntrain = { en = "train.tsv" }', "", r"neither \[files\] nor \[hub\]"),
        ('labels = ["no", "yes"]', "", "needs two or more"),
        ("[files]", '[hub]\ndataset = "../secrets"\n[files]', "'../secrets' is no data set"),
        ("[files]", '[hub]\ndataset = "/etc"\n[files]', "'/etc' is no data set"),
        (
            'metrics = ["accuracy"]',
            'metrics = ["accuracy"]\nmap = { 1 = "yse" }',
            r"'yse', which is no label.*'yes'",
        ),
    ],
)
def test_mistakes_in_a_task_file_are_explained(make: Make, before: str, after: str, message: str) -> None:
    assert before in TEXT
    with pytest.raises(InvalidTask, match=message) as caught:
        make(TEXT.replace(before, after))
    assert "mine.toml" in str(caught.value)


@pytest.mark.parametrize("content", [b"kind = ", b"\xff", b"x = " + b"[" * 20_000])
def test_a_file_that_is_no_toml(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine.toml").write_bytes(content)
    with pytest.raises(InvalidTask, match=r"mine\.toml: cannot be read as a task file"):
        read_task(tmp_path / "mine.toml")


def test_names_are_found_in_own_folders_first(make: Make, tmp_path: Path) -> None:
    make(TEXT, name="sst2")
    assert find_task("sst2", [tmp_path]).labels == ("no", "yes")
    assert find_task("sst2").labels == ("negative", "positive")
    with pytest.raises(InvalidTask, match=r"no task 'udops'\. Did you mean 'udpos'\?"):
        find_task("udops", [tmp_path])


@pytest.mark.parametrize("name", ["../sst2", "/etc/passwd", "", "a/b", "..", "SST2", "sst2.toml\0"])
def test_names_are_no_paths(name: str) -> None:
    with pytest.raises(InvalidTask):
        find_task(name)


def test_splits_and_languages_that_a_task_lacks(make: Make) -> None:
    task = make(TEXT)
    with pytest.raises(InvalidTask, match="'validation' is no split; allowed: train, dev, test"):
        task.languages("validation")
    with pytest.raises(InvalidTask, match=r"has no train data in 'eng'; it has en\. Did you mean 'en'"):
        task.examples("train", "eng")
    with pytest.raises(InvalidTask, match="has no test data in 'en'; it has none"):
        task.digest("test", "en")


LEAVES = st.none() | st.booleans() | st.integers(-2, 9) | st.floats() | st.text(max_size=5)
QUESTIONS = ["data", "paragraphs", "qas", "context", "answers", "text", "answer_start", "id", "question"]
SENTENCES = [
    "sentences",
    "sentence_breaks",
    "mentions",
    "mention_span",
    "entity_id",
    "description",
    "language",
]
KEYS = st.sampled_from([*QUESTIONS, *SENTENCES, "p", "c", "k"])
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4)
)
CONTENT = (
    st.binary(max_size=60)
    | st.text('\t\n "#,1-.O_ab{}[]:x', max_size=60).map(str.encode)
    | JSON.map(lambda value: json.dumps(value).encode())
)
SQUAD_LIKE = st.builds(
    lambda qas, more: json.dumps(
        {"data": [{"paragraphs": [{"context": "a b", "qas": qas} | more]}]}
    ).encode(),
    st.lists(st.dictionaries(KEYS, JSON, max_size=4) | LEAVES, max_size=2),
    st.dictionaries(KEYS, JSON, max_size=3),
)


@pytest.mark.parametrize("reader", sorted({name for names in READERS.values() for name in names}))
@settings(max_examples=50)
@given(data=st.data())
def test_whatever_a_file_holds_the_person_is_told(
    reader: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / f"any-{reader}"
    folder.mkdir(exist_ok=True)
    kind = data.draw(st.sampled_from([kind for kind, names in READERS.items() if reader in names]))
    roles = {"text": "a", "label": "b", "words": "1", "labels": "2", "choices": "c.text", "source": "a"}
    roles |= {"target": "b", "question": "question", "context": "context", "answers": "answers"}
    given_roles = {role: roles[role] for role in NEEDED[kind]} if reader not in STANDARD else {}
    if reader == "conllu":
        given_roles = {"labels": "upos"}
    file = TaskFile.model_validate(
        {
            "kind": kind,
            "labels": ("O", "b") if kind in {"text", "tokens"} else (),
            "format": {"reader": reader, "columns": given_roles},
            "files": {"test": {"path": ["one", "two", "three"], "languages": ["en"]}},
        }
    )
    for name in ("one", "two", "three"):
        (folder / name).write_bytes(data.draw(CONTENT | SQUAD_LIKE))
    task = Task("any", file.kind, file.labels, False, (), file, folder / "any.toml")
    try:
        assert task.examples("test", "en")
    except InvalidTask as error:
        assert str(error)


@given(st.integers(0, 50), st.integers(1, 60))
def test_a_part_of_a_file_is_taken_evenly(count: int, most: int) -> None:
    taken = list(evenly(range(count), most))
    assert len(taken) == min(count, most)
    gaps = np.diff(taken)
    assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1


def test_a_part_of_a_file_sorted_by_label_has_all_labels() -> None:
    labels = ["a"] * 100 + ["b"] * 60 + ["c"] * 40
    part = evenly(labels, 20)
    assert [part.count(label) for label in "abc"] == [10, 6, 4]
