"""Tables that nobody wrote in good faith: each is valid or explained, line by line, and none is run or loops.

`TASKORDER_FUZZ` sets how many cases hypothesis makes, for a long run by hand.
"""

import gzip
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskorder.errors import Problem, TaskorderError
from taskorder.results.checking import check
from taskorder.results.reading import read, read_any
from taskorder.results.schema import NAMES

long_run = settings(
    max_examples=int(os.environ.get("TASKORDER_FUZZ", "80")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
HEADER = "study,run,backbone,tuning,sequence,target,train_language,language,metric,score"
ROW = "mine,r1,xlm-r,full,mnli>squad,panx,en,sw,f1,0.5"


def written(path: Path, content: bytes, name: str = "t.csv") -> Path:
    file = path / name
    file.write_bytes(content)
    return file


def assert_explained(problems: list[Problem]) -> None:
    """Every problem is one line that a terminal shows as it is, and a person can read."""
    assert problems
    for problem in problems:
        line = str(problem)
        assert line.isprintable(), line[:200]
        assert len(line) < 3000


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe" + HEADER.encode("utf-16-le"), "UTF-16"),
        (f"{HEADER}\n{ROW}\0\n".encode(), "binary"),
        (f"{HEADER}\n{ROW},é\n".encode("latin-1"), "not UTF-8"),
        (f'{HEADER},"a\x1b[2Jb"\n{ROW},1\n'.encode(), "marks of control"),
        (f'{HEADER},"a\nb"\n{ROW},1\n'.encode(), "marks of control"),
        (f"{HEADER},{'x' * 200_000}\n{ROW},1\n".encode(), "longer than"),
        (f"{HEADER},score\n{ROW},1\n".encode(), "columns 10, 11 have one name"),
        (f"{HEADER}\n{ROW},1,2\n".encode(), "12 fields, the header 10"),
        (f"{HEADER}\n{ROW.replace('r1', '=cmd|calc!A0')}\n".encode(), "would run as a formula"),
        (f"{HEADER}\n{ROW.replace('r1', '')}\n".encode(), "the cell is empty"),
        (f"{HEADER}\n{ROW.replace('r1', chr(34) + 'r1')}\n".encode(), "not closed"),
        (f"{HEADER}\n{ROW.replace('0.5', '9' * 20_000)}\n".encode(), "score"),
        (f"{HEADER}\n{ROW.replace('panx', 'x' * 1_000_000 + ' ')}\n".encode(), "blank"),
        (f"{HEADER}\n{ROW.replace('panx', '../../etc/passwd')}\n".encode(), "no task key"),
        (b"," * 1000, "no name"),
        ((",".join(f"c{i}" for i in range(200_000)) + "\n").encode(), "columns"),
    ],
)
def test_what_is_wrong_is_explained(tmp_path: Path, content: bytes, reason: str) -> None:
    problems = check(written(tmp_path, content))
    assert_explained(problems)
    assert any(reason in str(problem) for problem in problems), problems[0]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_mark_and_any_kind_of_line_ends_are_read(tmp_path: Path, end: str, mark: bytes) -> None:
    lines = [HEADER, ROW, ROW.replace("r1", "r2")]
    content = mark + end.join([*lines, ""]).encode()
    assert read(written(tmp_path, content)).frame["run"].tolist() == ["r1", "r2"]


def test_what_is_no_file(tmp_path: Path) -> None:
    pipe, loop = tmp_path / "pipe.csv", tmp_path / "loop.csv"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    for path in (pipe, loop, tmp_path / ("x" * 300 + ".csv")):
        assert_explained(check(path))


def test_a_compressed_file_that_grows_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskorder.results.loading.LARGEST", 1000)
    problems = check(written(tmp_path, gzip.compress(b"a" * 5000), "t.csv.gz"))
    assert_explained(problems)
    assert "1,000 bytes" in str(problems[0])
    for content in (b"", b"\x1f\x8b\x08", gzip.compress(b"a,b\n1,2\n")[:-4], b"a,b\n1,2\n"):
        assert_explained(check(written(tmp_path, content, "t.csv.gz")))


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({0: [1], 1: [2]}),
        pd.DataFrame({"study": [["a"]], "score": [{"x": 1}]}),
        pd.DataFrame({"study": [b"\xff\xfe"], "score": [0.5]}),
        pd.DataFrame({"study": pd.to_datetime(["2020-01-01"]), "score": pd.to_timedelta([1])}),
        pd.DataFrame({"study": pd.Categorical(["a"]), "score": [1 + 2j]}).astype({"score": "str"}),
        pd.DataFrame({"score": [True], "run": [None]}),
        pd.DataFrame(columns=["study"]),
        pd.DataFrame({"study": ["a\0b\x1b"], "score": [float("inf")]}),
    ],
)
def test_tables_of_other_types(tmp_path: Path, frame: pd.DataFrame) -> None:
    path = tmp_path / "t.parquet"
    frame.to_parquet(path)
    assert_explained(check(path))


def test_files_that_are_called_parquet(tmp_path: Path) -> None:
    for content in (b"PAR1", b"PAR1" * 100, b"x", f"{HEADER}\n{ROW}\n".encode()):
        assert_explained(check(written(tmp_path, content, "t.parquet")))


CELLS = st.one_of(
    st.sampled_from(
        [
            *(
                "mine",
                "r1",
                "full",
                "mnli>squad",
                "panx",
                "en",
                "sw",
                "accuracy",
                "0.5",
                "84.9",
                "1",
                "",
                "NA",
            ),
            *(
                "=1+1",
                "@x",
                "-2+3|",
                "../../x",
                '"',
                '""',
                '"a\nb"',
                "a\rb",
                "1e400",
                "-0",
                "nan",
                "inf",
                "1_0",
            ),
            *(
                "mlm[xx]",
                "a+b>",
                "tlm[en-sw]",
                "x" * 200,
                "\u202e",
                "\ufeff",
                "\x1b[0m",
                "{0}",
                "%s",
                "{value.x}",
            ),
        ]
    ),
    st.text(max_size=6),
)
NAMES_IN_HEADERS = st.one_of(
    st.sampled_from([*NAMES, "Score", "stderr", "flag", "index", "", " run", "__class__", "{value}"]),
    st.text(max_size=5),
)


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """A table of known or strange columns, with a few cells or bytes that are wrong."""
    plain = dict(zip(HEADER.split(","), ROW.split(","), strict=True))
    strange = draw(st.lists(NAMES_IN_HEADERS, max_size=3))
    names = [*(plain if draw(st.booleans()) else draw(st.permutations(list(plain)))), *strange]
    rows: list[list[str]] = []
    for at in range(draw(st.integers(0, 4))):
        cells = [plain.get(name, "") if name != "run" else f"r{at}" for name in names]
        for place in draw(st.lists(st.integers(0, len(names) - 1), max_size=2)):
            cells[place] = draw(CELLS)
        rows.append(cells[: draw(st.sampled_from([len(cells)] * 8 + [2]))])
    separator, end = (
        draw(st.sampled_from([",", ",", ",", ";", "\t"])),
        draw(st.sampled_from(["\n", "\r\n", "\r"])),
    )
    content = end.join(separator.join(row) for row in [names, *rows]).encode("utf-8", "surrogatepass")
    match draw(st.sampled_from(["none", "none", "none", "byte", "cut", "mark"])):
        case "byte":
            place = draw(st.integers(0, len(content)))
            return content[:place] + bytes([draw(st.integers(0, 255))]) + content[place:]
        case "cut":
            return content[: draw(st.integers(0, len(content)))]
        case "mark":
            return b"\xef\xbb\xbf" + content
        case _:
            return content


@long_run
@given(
    content=tables(),
    ending=st.sampled_from([".csv", ".csv", ".tsv", ".csv.gz", ".parquet"]),
    percent=st.booleans(),
)
def test_any_table_is_valid_or_explained(content: bytes, ending: str, percent: bool) -> None:
    with TemporaryDirectory() as folder:
        path = written(
            Path(folder), gzip.compress(content) if ending.endswith("gz") else content, f"t{ending}"
        )
        problems = check(path, percent=percent)
        if problems:
            assert_explained(problems)
        else:
            table = read(path, percent=percent)
            assert len(table.frame) == table.inputs[0].rows > 0
        try:
            read_any(path)
        except TaskorderError as error:
            assert all(line.isprintable() for line in str(error).splitlines())
