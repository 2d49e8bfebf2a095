"""Model files that nobody wrote in good faith: every one is a model or is explained, and none runs anything.

`TASKORDER_FUZZ` sets how many cases hypothesis makes, for a long run by hand.
"""

import json
import math
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskorder.errors import InvalidModel, MissingData, TaskorderError
from taskorder.inference.session import tables_of
from taskorder.inference.spec import ModelSpec, read_model
from taskorder.inference.spec.reading import parse_model
from taskorder.results.selection import where

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = [path.read_text("utf-8") for path in sorted((ROOT / "models").glob("*.toml"))]
long_run = settings(
    max_examples=int(os.environ.get("TASKORDER_FUZZ", "100")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def assert_explained(error: InvalidModel) -> None:
    """Every problem is one line that a terminal shows as it is, and a person can read."""
    assert error.problems
    for problem in error.problems:
        assert problem.isprintable(), problem[:200]
        assert len(problem) < 3000, problem[:200]


@pytest.mark.parametrize(
    "text",
    [
        "name = ",
        "name = 'a'\nname = 'b'",
        "a = " + "[" * 100_000,
        "a = " + "{a=" * 100_000,
        "name = '" + "x" * 1_000_000,
        "name = 'a'\nquestion = 1" + "0" * 5000,
        "name = 'a'\n[outcome]\nreference = 1e999",
        "name = 'a'\n[outcome]\nreference = nan",
        "name = 'a\\u0000'",
        "name = 'a'\n[data]\nwhere = 1979-05-27",
        "name = 'a'\n[groups]\nx = { min_rows = 99999999999999999999999999e9 }",
        "name = 'a'\n[groups]\n\"__class__\" = { by = ['__init__:__globals__'] }\n[fixed]\nterms = ['a.b']",
        "name = 'a'\n[fixed]\nterms = ['__import__(\"os\").system(\"true\")']",
        "name = 'a'\n[groups]\na = { within = 'b' }\nb = { within = 'a' }",
        "name = 'a'\n[groups]\na = { within = 'a' }",
        "name = 'a'\n[estimands]\nx = { function = 'best_order', steps = 999999999 }",
        "name = 'a'\n[priors]\n\"1\" = { dist = 'os.system', mu = 0 }",
        "name = 'a'\n[priors]\n\"1\" = { dist = 'Normal', mu = inf, sigma = nan }",
        f"name = 'a'\n[fixed]\nterms = ['{':'.join('ab' * 50_000)}', 'a b']",
        "name = 'a'\n\"\\u001b[2J\" = 1",
        f"name = 'a'\n{'x' * 100_000} = 1",
        f"name = 'a'\n[{'.'.join('x' * 5_000)}]",
    ],
)
def test_what_is_wrong_is_explained(tmp_path: Path, text: str) -> None:
    path = tmp_path / "model.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidModel) as error:
        read_model(path)
    assert_explained(error.value)


@pytest.mark.parametrize(
    "content", [b"\xff\xfename", b"name = '\xe9'", b"\0", b"name = 'a\0'", b"\xef\xbb\xbfname = 1"]
)
def test_what_is_no_text_is_explained(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.toml"
    path.write_bytes(content)
    with pytest.raises(InvalidModel) as error:
        read_model(path)
    assert_explained(error.value)


@pytest.mark.parametrize("kind", ["pipe", "loop", "long"])
def test_what_is_no_file_is_explained(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("x" * 300 if kind == "long" else "model.toml")
    if kind == "pipe":
        os.mkfifo(path)
    if kind == "loop":
        path.symlink_to(path)
    with pytest.raises(InvalidModel) as error:
        read_model(path)
    assert_explained(error.value)


NAMES = st.sampled_from(
    ["a", "study", "1", "stage", "score", "__class__", "a.b", "a b", "", "é", "a\n", "sd:a", "@x"]
)
TEXT = st.one_of(
    NAMES, st.text(max_size=6), st.sampled_from(["\x1b[2J", "x" * 5000, "{0}", "../../*", "**/x"])
)
LEAVES: st.SearchStrategy[Any] = st.one_of(
    TEXT,
    st.integers(),
    st.sampled_from([0, 1, 2, 10**30, math.nan, math.inf, -1.5, True, date(2020, 1, 1), datetime.now(UTC)]),
)
ANY = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)


def sometimes_wrong(*right: Any) -> st.SearchStrategy[Any]:
    """One of the values that are right, and now and then anything."""
    return st.one_of(*(st.just(value) for value in right), st.just(right[0]), st.just(right[0]), ANY)


def table(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keys | {"unknown": ANY})


TERMS = st.lists(st.one_of(st.sampled_from(["1", "difficulty", "difficulty:similarity"]), TEXT), max_size=3)
FUNCTIONS = (
    "points",
    "recency",
    "sd_points",
    "ratio",
    "curriculum",
    "best_order",
    "contrast",
    "level_points",
)
MODELS = st.fixed_dictionaries(
    {"name": sometimes_wrong("a")},
    optional={
        "question": sometimes_wrong("?"),
        "data": sometimes_wrong({})
        | table(schema=sometimes_wrong("any"), tables=TERMS, where=TEXT, average=TEXT),
        "outcome": table(
            column=sometimes_wrong("score"),
            scale=sometimes_wrong("identity", "logit"),
            likelihood=sometimes_wrong("normal", "student_t", "binomial"),
            variance=TEXT,
            trials=TEXT,
            reference=sometimes_wrong(0.5),
        ),
        "fixed": table(terms=TERMS, reference=ANY),
        "sequence": table(moderators=TERMS, recency=sometimes_wrong(True), crossed=TERMS, missing=TEXT),
        "groups": st.dictionaries(
            NAMES,
            table(columns=TERMS, by=TERMS, within=NAMES, where=TEXT, min_rows=sometimes_wrong(2)),
            max_size=3,
        )
        | ANY,
        "residual": table(by=sometimes_wrong("all", ["study"]), sd=sometimes_wrong(0)),
        "priors": st.dictionaries(
            st.sampled_from(["1", "sd", "sd:a", "recency", "residual", "nu", "x"]),
            table(
                dist=sometimes_wrong("Normal", "HalfNormal", "Flat"),
                mu=sometimes_wrong(0),
                sigma=sometimes_wrong(1),
            ),
            max_size=3,
        )
        | ANY,
        "estimands": st.dictionaries(
            NAMES,
            table(
                function=sometimes_wrong(*FUNCTIONS), of=TEXT, group=TEXT, to=TEXT, steps=sometimes_wrong(3)
            ),
            max_size=3,
        )
        | ANY,
        "networks": st.dictionaries(NAMES, table(trial=TERMS), max_size=2) | ANY,
        "__class__": ANY,
    },
)


@long_run
@given(content=MODELS)
def test_any_tables_are_a_model_or_explained(content: dict[str, Any]) -> None:
    try:
        spec = parse_model(content)
    except InvalidModel as error:
        assert_explained(error)
    else:
        assert isinstance(spec, ModelSpec)
        assert len(spec.digest()) == 64


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A shipped model file in which something was cut, repeated, replaced or put in."""
    content = draw(st.sampled_from(SHIPPED)).encode()
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(content))] * 2)))
    end = min(end, start + draw(st.integers(0, 60)))
    put = draw(
        st.one_of(TEXT.map(str.encode), st.binary(max_size=4), LEAVES.map(lambda leaf: str(leaf).encode()))
    )
    return content[:start] + put + content[end:]


@long_run
@given(content=damaged())
def test_any_damaged_file_is_a_model_or_explained(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.toml"
        path.write_bytes(content)
        try:
            assert read_model(path).name
        except InvalidModel as error:
            assert_explained(error)


PATTERNS = st.text(alphabet="*?[]./x\0~\\é", max_size=12).map(lambda text: text.replace("**", "*"))


@long_run
@given(pattern=PATTERNS | st.sampled_from(["x" * 400, "x" * 400 + "*", "**x", "a/../../*", "/x/*", "\0/\0"]))
def test_any_pattern_names_files_or_is_explained(pattern: str) -> None:
    spec = ModelSpec.model_validate({"name": "a", "data": {"tables": [pattern]}})
    try:
        assert all(path.is_file() for path in tables_of(spec))
    except MissingData as error:
        assert str(error).isprintable()


# Conditions

FRAME = pd.DataFrame(
    {
        "study": ["a", "b", ""],
        "n": pd.array([1, None, 3], dtype="Int64"),
        "score": [0.5, math.nan, 0.7],
        "best": [True, False, True],
        "__class__": ["x", "y", "z"],
    }
)
WORDS = st.sampled_from(
    [
        *(
            "study",
            "n",
            "score",
            "best",
            "__class__",
            "zz",
            "'a'",
            "1",
            "0.5",
            "-1",
            "['a', 'b']",
            "()",
            "None",
            "True",
        ),
        *(
            "==",
            "!=",
            "<",
            ">=",
            "in",
            "not in",
            "is",
            "and",
            "or",
            "not",
            "(",
            ")",
            "[",
            "]",
            ",",
            ";",
            "#",
            "\n",
        ),
        *(
            ".",
            "@",
            "@n",
            "`n`",
            "__import__('os')",
            "().__class__",
            "study.str",
            "lambda: 0",
            ":=",
            "=",
            "f'{n}'",
        ),
        *(
            "exec('1')",
            "study.to_csv('x')",
            "\u2028",
            "\x0c",
            "\\",
            "'",
            '"""',
            "1j",
            "b'a'",
            "...",
            "*",
            "1" + "0" * 400,
        ),
    ]
)
CONDITIONS = st.lists(st.one_of(WORDS, WORDS, WORDS, st.text(max_size=3)), max_size=10).map(" ".join)
RIGHT = st.recursive(
    st.sampled_from(
        ["study == 'a'", "n > 1", "0.1 < score <= 0.6", "best", "study not in ['a']", "score != 0.5"]
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map(lambda part: f"not ({part})"),
    ),
    max_leaves=6,
)
WATCHED = ("open", "os.", "subprocess.", "import", "exec", "socket.", "shutil.", "ctypes.", "builtins.")
seen: list[str] = []
watching = False


def watch(event: str, _: tuple[object, ...]) -> None:
    if watching and event.startswith(WATCHED):
        seen.append(event)


sys.addaudithook(watch)


def chosen_while_watched(condition: str) -> pd.DataFrame | None:
    """The rows of a condition, or None where it is refused; nothing may be opened, imported or run."""
    global watching
    seen.clear()
    watching = True
    try:
        return where(FRAME, condition)
    except TaskorderError as error:
        assert str(error).splitlines()[0]
        return None
    finally:
        watching = False
        assert seen == [], condition


@long_run
@given(condition=CONDITIONS)
def test_a_condition_can_only_compare(condition: str) -> None:
    where(FRAME, "study == 'a'")
    rows = chosen_while_watched(condition)
    assert rows is None or set(rows.index) <= {0, 1, 2}


@long_run
@given(condition=RIGHT)
def test_conditions_choose_what_pandas_chooses(condition: str) -> None:
    expected = FRAME.eval(condition, engine="python").astype("boolean").fillna(False).astype(bool)
    assert where(FRAME, condition).index.tolist() == FRAME[expected].index.tolist()


def test_the_watch_sees_what_is_opened() -> None:
    global watching
    seen.clear()
    watching = True
    try:
        Path(__file__).read_bytes()
    finally:
        watching = False
    assert seen
    assert json.dumps(seen)
