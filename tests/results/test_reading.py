"""Reading: every row of every file, as it was written, or all problems of all files."""

import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import taskorder
from taskorder.errors import InvalidTable, MissingData
from taskorder.files import sha256, sha256_text, write_whole
from taskorder.results.catalogue import covariates
from taskorder.results.checking import check
from taskorder.results.reading import read, read_any
from taskorder.results.schema import NAMES

Row = dict[str, str]
MakeRow = Callable[..., Row]
Write = Callable[..., Path]


def test_absent_columns_are_filled_and_others_kept(write: Write, row: MakeRow) -> None:
    path = write([row(epoch="3", note="x"), row(run="r2", epoch="", note="007")])
    table = read(path)
    assert list(table.frame.columns) == [*NAMES, "epoch", "note"]
    assert table.frame["stage"].tolist() == ["", ""]
    assert table.frame["seed"].isna().all()
    assert str(table.frame["n_test"].dtype) == "Int64"
    assert table.frame["epoch"].tolist()[0] == 3.0
    assert math.isnan(table.frame["epoch"].tolist()[1])
    assert table.frame["note"].tolist() == ["x", "007"]
    assert (table.inputs[0].path, table.inputs[0].rows) == (str(path), 2)
    assert table.inputs[0].sha256 == sha256(path) == sha256_text(path.read_text())


def test_files_with_different_columns_are_joined_in_their_order(write: Write, row: MakeRow) -> None:
    first = write([row(epoch="3")], "first.csv")
    second = write([row(study="other", seed="4", freeze="top")], "second.csv")
    table = read(first, second)
    assert table.frame["study"].tolist() == ["mine", "other"]
    assert table.frame["freeze"].tolist() == ["", "top"]
    assert table.frame["seed"].isna().tolist() == [True, False]
    assert str(table) == "2 rows, 2 runs, 2 studies"
    assert "2 rows" in table._repr_html_()


def test_percent_divides_scores_and_their_standard_deviations(write: Write, row: MakeRow) -> None:
    frame = read(write([row(score="84.9", n_seeds="3", sd="1.5")]), percent=True).frame
    assert frame["score"].tolist() == [pytest.approx(0.849)]
    assert frame["sd"].tolist() == [pytest.approx(0.015)]


def test_all_problems_of_all_files_are_raised_together(write: Write, row: MakeRow, tmp_path: Path) -> None:
    first = write([row(language="eng", score="x")], "first.csv")
    second = write([row(run="r2", metric="F1")], "second.csv")
    with pytest.raises(InvalidTable) as caught:
        read(first, tmp_path / "absent.csv", second)
    assert [Path(problem.file).name for problem in caught.value.problems] == [
        "first.csv",
        "first.csv",
        "absent.csv",
        "second.csv",
    ]


def test_a_new_language_can_be_allowed(write: Write, row: MakeRow) -> None:
    path = write([row(language="qqq")])
    assert read(path, languages=["qqq"]).frame["language"].tolist() == ["qqq"]


def test_no_file_is_no_table() -> None:
    with pytest.raises(MissingData):
        read()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    scores=st.lists(st.floats(0, 1), min_size=1, max_size=40), name=st.sampled_from(["m.csv", "m.parquet"])
)
def test_nothing_is_dropped_and_no_score_changes(
    scores: list[float], name: str, write: Write, row: MakeRow, tmp_path: Path
) -> None:
    rows = [row(run=f"r{place}", score=repr(score), seed=str(place)) for place, score in enumerate(scores)]
    path = write(rows, "m.csv")
    if name == "m.parquet":
        path = tmp_path / name
        pd.DataFrame(rows).astype({"score": "float64", "seed": "Int64"}).to_parquet(path)
    frame = read(path).frame
    assert frame["score"].tolist() == scores
    assert frame["seed"].tolist() == list(range(len(scores)))


def test_any_table_has_numbers_where_a_whole_column_is_numbers(tmp_path: Path) -> None:
    path = tmp_path / "any.csv"
    path.write_text("yi,vi,author,id\n0.5,1e-3,A,001\nNA,2,B,002\n")
    frame, inputs = read_any(path)
    assert frame.dtypes.astype(str).to_dict() == {
        "yi": "float64",
        "vi": "float64",
        "author": "str",
        "id": "str",
    }
    assert frame["yi"].isna().tolist() == [False, True]
    assert inputs[0].rows == 2
    path.write_text("yi,vi\n0.5\n")
    with pytest.raises(InvalidTable, match="1 fields, the header 2"):
        read_any(path)


def test_the_package_exports_what_it_says() -> None:
    assert taskorder.read is read
    assert set(taskorder.__all__) <= set(dir(taskorder))
    assert not hasattr(taskorder, "reed")


def test_parquet_gives_the_same_table_as_csv(write: Write, row: MakeRow, tmp_path: Path) -> None:
    rows = [row(note="x", seed="1"), row(run="r2", sequence="", seed="")]
    path = tmp_path / "mine.parquet"
    typed = pd.DataFrame(rows).astype({"score": "float64", "target": "category", "note": "category"})
    typed = typed.assign(seed=pd.array([1, None], dtype="Int64"), sequence=["mnli>squad", None])
    typed.set_index("run").to_parquet(path)
    pd.testing.assert_frame_equal(read(path).frame, read(write(rows)).frame)


def test_a_name_of_digits_that_a_number_would_not_hold_stays_text(write: Write, row: MakeRow) -> None:
    assert read(write([row(job="12345678901234567")])).frame["job"].tolist() == ["12345678901234567"]


def test_own_covariates_stand_before_the_shipped_ones(tmp_path: Path) -> None:
    shipped = covariates()
    (tmp_path / "tasks.csv").write_text("task,difficulty\nmnli,0.3\nmine,0.9\n")
    (tmp_path / "similarity.csv").write_text("task,target,similarity\nmnli,mine,0.5\n")
    (tmp_path / "languages.csv").write_text("language,name,speakers\nqqq,Mine,5\n")
    own = covariates(tmp_path / "tasks.csv", tmp_path / "similarity.csv", tmp_path / "languages.csv")
    tasks = own.tasks.set_index("task")
    assert tasks.loc[["mnli", "mine"], "difficulty_own"].tolist() == [0.3, 0.9]
    assert tasks.loc["mnli", "kind"] == shipped.tasks.set_index("task").loc["mnli", "kind"]
    assert len(own.tasks) == len(shipped.tasks) + 1
    assert own.similarity.iloc[-1][["task", "target", "measure", "similarity"]].tolist() == [
        "mnli",
        "mine",
        "own",
        0.5,
    ]
    assert own.languages.set_index("language").loc["qqq", "speakers"] == 5


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("tsk,difficulty\nmnli,0.3\n", "Did you mean 'tsk'?"),
        ("task,dificulty\nmnli,0.3\n", "Did you mean 'difficulty'?"),
        ("task,difficulty\nmnli,hard\n", "'hard' is no number"),
        ("task,difficulty\nmnli,0.3\nmnli,0.4\n", "earlier row"),
    ],
)
def test_own_covariates_that_cannot_be_used_are_explained(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "tasks.csv"
    path.write_text(content)
    with pytest.raises(InvalidTable) as caught:
        covariates(tasks=path)
    assert says in str(caught.value)


def test_a_file_is_replaced_only_by_force_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "new" / "out.csv"
    write_whole(path, "a")
    with pytest.raises(FileExistsError, match="--force"):
        write_whole(path, "b")
    write_whole(path, b"c", force=True)
    assert path.read_text() == "c"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("tables", [(), (["a.csv", "b.csv"],), (pd.DataFrame({"score": [0.5]}),)])
def test_what_is_no_file_is_refused_in_words(tables: tuple[object, ...]) -> None:
    for function in (read, check):
        with pytest.raises(MissingData, match=r"name (at least one file|files, each)"):
            function(*tables)
