"""Each thing that can be wrong with a result table is found, at its place, with what to do."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskorder.errors import Problem
from taskorder.results.checking import check
from taskorder.results.reading import read
from taskorder.results.schema import SPREADS_THAT_ARE_NOT_SD

Row = dict[str, str]
MakeRow = Callable[..., Row]
Write = Callable[..., Path]


def only(problems: list[Problem]) -> Problem:
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0]


def test_a_valid_table_has_no_problems(write: Write, row: MakeRow) -> None:
    rows = [
        row(n_test="100", seed="3", severity="0.5", perturbation="swap"),
        row(run="r2", n_seeds="5", sd="0.01"),
    ]
    assert check(write(rows, columns=[*rows[0], "n_seeds", "sd"])) == []


@pytest.mark.parametrize(
    ("column", "cell", "says"),
    [
        ("study", "", "is empty"),
        ("run", "", "is empty"),
        ("target", "", "is empty"),
        ("language", "", "is empty"),
        ("score", "", "is empty"),
        ("score", "NaN", "is not a number"),
        ("score", "inf", "is not a number"),
        ("score", "good", "is not a number"),
        ("score", "84.9%", "percent sign"),
        ("score", '"0,849"', "decimal point"),
        ("score", " 0.849", "write '0.849'"),
        ("score", "-0.2", "outside [0, 1]"),
        ("score", "849", "outside [0, 1]"),
        ("score", "84.9", "mixed"),
        ("language", "eng", "write 'en'"),
        ("language", "English", "write 'en'"),
        ("language", "EN", "write 'en'"),
        ("language", "en_XX", "write 'en'"),
        ("language", "xqq", "is no code"),
        ("language", "qua", "is no code"),
        ("train_language", "deu", "write 'de'"),
        ("sequence", "mlm[eng]", "write 'en'"),
        ("sequence", "mnli>", "a stage is empty"),
        ("sequence", "MNLI", "write 'mnli'"),
        ("sequence", "mnli->squad", "write 'mnli>squad'"),
        ("sequence", "none", "leave the cell empty"),
        ("sequence", "Direct", "leave the cell empty"),
        ("target", "PAN X", "write 'pan_x'"),
        ("metric", "Accuracy", "capital letters"),
        ("metric", "f1 macro", "is not well formed"),
        ("tuning", "full tuning", "is not well formed"),
        ("backbone", "bert ", "blanks around it"),
        ("backbone", "=cmd|' /C calc'!A0", "formula"),
        ("source", "@SUM(A1)", "formula"),
        ("n_test", "10.5", "not a whole number"),
        ("n_test", "0", "at least 1"),
        ("n_seeds", "-3", "at least 1"),
        ("n_seeds", "three", "not a whole number"),
        ("sd", "-0.01", "at least 0"),
        ("sd", "1.3", "more than scores"),
        ("sd", "0.6", "more than scores"),
    ],
)
def test_a_bad_cell_is_named_with_its_line_and_column(
    write: Write, row: MakeRow, column: str, cell: str, says: str
) -> None:
    rows = [
        row(run=f"r{place}", n_test="100", n_seeds="3", sd="0.01", source="table 2") for place in range(4)
    ]
    rows[2][column] = cell
    problem = only(check(write(rows)))
    assert (problem.row, problem.column) == (4, column)
    assert says in problem.message
    assert str(problem).endswith(f"mine.csv:4:{column}: {problem.message}")


@pytest.mark.parametrize(
    ("metric", "score", "count"), [("mcc", "-0.3", 0), ("f1", "-0.3", 1), ("pearson", "-1", 0)]
)
def test_only_correlations_may_be_negative(
    write: Write, row: MakeRow, metric: str, score: str, count: int
) -> None:
    assert len(check(write([row(metric=metric, score=score)]))) == count


@pytest.mark.parametrize(
    ("sd", "n_seeds", "count"), [("0.3", "3", 0), ("0.49", "3", 1), ("0.02", "1", 1), ("", "1", 0)]
)
def test_a_standard_deviation_fits_its_mean_and_its_number_of_seeds(
    write: Write, row: MakeRow, sd: str, n_seeds: str, count: int
) -> None:
    assert len(check(write([row(score="0.9", sd=sd, n_seeds=n_seeds)]))) == count


def test_a_percent_file_gives_one_message(write: Write, row: MakeRow) -> None:
    rows = [row(run=f"r{place}", score=f"{60 + place / 100}") for place in range(1234)]
    problem = only(check(write(rows)))
    assert problem.message.startswith(
        "scores look like percent (1,234 rows above 1, the largest 72.33): pass --percent"
    )
    assert check(write(rows), percent=True) == []


def test_fractions_are_not_divided_again(write: Write, row: MakeRow) -> None:
    problem = only(check(write([row(), row(run="r2")]), percent=True))
    assert "look like fractions already" in problem.message


def test_percent_and_fractions_in_one_study_are_named_both(write: Write, row: MakeRow) -> None:
    rows = [
        row(score="61.2"),
        row(run="r2", score="0.61"),
        row(run="r3", score="63"),
        row(study="other", score="70"),
    ]
    mixed, percent = sorted(check(write(rows)), key=lambda problem: "mixed" not in problem.message)
    assert (mixed.row, mixed.column) == (3, "score")
    assert "row 2" in mixed.message
    assert "1 row above 1" in percent.message


def test_a_missing_column_suggests_the_one_that_was_meant(write: Write, row: MakeRow) -> None:
    cells = row()
    cells["Score"], cells["lang"] = cells.pop("score"), cells.pop("language")
    problems = check(write([cells]))
    assert [(problem.row, problem.column) for problem in problems] == [(1, "language"), (1, "score")]
    assert "Did you mean 'lang'?" in problems[0].message
    assert "Did you mean 'Score'?" in problems[1].message


def test_an_optional_column_in_other_letters_is_not_taken_for_an_unknown_one(
    write: Write, row: MakeRow
) -> None:
    assert "'seed'" in only(check(write([row(Seed="1")]))).message


@pytest.mark.parametrize("name", SPREADS_THAT_ARE_NOT_SD)
def test_a_spread_that_is_no_sd_is_refused_where_it_would_be_lost(
    write: Write, row: MakeRow, name: str
) -> None:
    assert only(check(write([row(n_seeds="3", **{name: "0.01"})]))).column == name
    assert check(write([row(n_seeds="3", sd="0.01", **{name: "0.01"})])) == []


def test_an_sd_needs_the_number_of_seeds_behind_it(write: Write, row: MakeRow) -> None:
    for cells in ({"sd": "0.01"}, {"sd": "0.01", "n_seeds": ""}):
        problem = only(check(write([row(**cells)])))
        assert problem.column == "sd"
        assert "give n_seeds" in problem.message


def test_a_row_is_one_seed_or_a_mean_over_seeds(write: Write, row: MakeRow) -> None:
    assert only(check(write([row(seed="1", n_seeds="3")]))).column == "seed"
    assert check(write([row(seed="1", n_seeds="1")])) == []


def test_a_repeated_key_names_both_rows(write: Write, row: MakeRow) -> None:
    problem = only(check(write([row(), row(run="r2"), row(score="0.7")])))
    assert problem.row == 4
    assert "row 2 of " in problem.message


def test_a_key_repeated_in_another_file_names_both_files(write: Write, row: MakeRow) -> None:
    first, second = write([row()], "first.csv"), write([row(run="r2"), row()], "second.csv")
    problem = only(check(first, second))
    assert (problem.file, problem.row) == (str(second), 3)
    assert f"row 2 of {first}" in problem.message
    assert check(first) == check(second) == []


def test_a_file_named_twice_is_said_once(write: Write, row: MakeRow) -> None:
    path = write([row()])
    assert "named twice" in only(check(path, path)).message


def test_many_problems_of_one_kind_are_cut_short(write: Write, row: MakeRow) -> None:
    problems = check(write([row(run=f"r{place}", language=f"x{place}") for place in range(1025)]))
    assert [problem.row for problem in problems] == list(range(2, 23))
    assert "1,005 more rows" in problems[-1].message


def test_one_mistake_in_many_rows_is_one_line_and_hides_no_other(write: Write, row: MakeRow) -> None:
    rows = [row(run=f"r{place}", language="English") for place in range(1025)]
    rows[500]["language"] = "xx"
    first, second = check(write(rows))
    assert (first.row, second.row) == (2, 502)
    assert first.message.endswith("write 'en'. (1,023 more rows like this)")
    assert "'xx' is no code" in second.message


def test_a_table_that_grew_is_told_once(write: Write, row: MakeRow) -> None:
    rows = [row(run=f"r{place}") for place in range(40)]
    first, grown = write(rows[:30], name="first.csv"), write(rows, name="grown.csv")
    problem = only(check(first, grown))
    assert (problem.file, problem.row) == (str(grown), 2)
    assert problem.message.endswith("(29 more rows like this)")


@pytest.mark.parametrize(
    ("code", "meant"), [("ger", "de"), ("cmn", "zh"), ("swh_Latn", "sw"), ("arb", "ar"), ("iw", "he")]
)
def test_codes_of_other_standards_are_known(write: Write, row: MakeRow, code: str, meant: str) -> None:
    assert f"write {meant!r}" in only(check(write([row(language=code)]))).message


def test_a_code_that_is_none_is_not_guessed(write: Write, row: MakeRow) -> None:
    assert "Did you mean" not in only(check(write([row(language="xgr")]))).message


def test_lines_are_counted_as_an_editor_does(tmp_path: Path, row: MakeRow) -> None:
    quoted = row(source='"two\nlines, ""quoted"""')
    rows = [quoted, row(run="r2"), row(run="r3", language="eng")]
    names = list(quoted)
    text = "\r\n".join(
        [",".join(names), *(",".join(cells.get(name, "") for name in names) for cells in rows)]
    )
    path = tmp_path / "mine.csv"
    path.write_bytes(text.encode())
    problem = only(check(path))
    assert problem.row == 1 + next(place for place, line in enumerate(text.split("\n")) if ",eng," in line)


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (b"", None, "is empty"),
        (b"\xef\xbb\xbf\n", None, "is empty"),
        (b"\nstudy,run\n", 1, "first line is blank"),
        (b"study,run\n", 1, "no rows"),
        (b"PK\x03\x04\0\0", None, "binary"),
        ("study,run\n".encode("utf-16"), None, "UTF-16"),
        ("study,run\na,b\nc,Bj\u00f6rn\n".encode("latin-1"), 3, "0xf6 is not UTF-8"),
        (b"study,run,run\na,b,c\n", 1, "columns 2, 3 have one name"),
        (b",run\n0,b\n", 1, "column 1 has no name"),
        (b"study;run\na;b\n", 1, "separated by ';'"),
        (b"study\trun\na\tb\n", 1, "separated by"),
        (b"study, run\na,b\n", 1, "blanks around the name"),
    ],
)
def test_a_file_that_is_no_table_is_explained(
    tmp_path: Path, content: bytes, line: int | None, says: str
) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    found = [problem for problem in check(path) if says in problem.message]
    assert [problem.row for problem in found] == [line]


def test_ragged_rows_are_named_with_their_fields(tmp_path: Path, row: MakeRow) -> None:
    good = ",".join(row().values())
    text = "\n".join([",".join(row()), good, good + ",0.1", '"a\nb",c', good.replace("r1", "r2")])
    path = tmp_path / "mine.csv"
    path.write_text(text)
    long, short = check(path)
    assert (long.row, short.row) == (3, 4)
    assert "11 fields, the header 10" in long.message
    assert "2 fields" in short.message


def test_an_empty_row_and_a_quotation_mark_left_open(tmp_path: Path, row: MakeRow) -> None:
    header, good = ",".join(row()), ",".join(row().values())
    path = tmp_path / "mine.csv"
    path.write_text(f"{header}\n{good}\n\n{good.replace('r1', 'r2')}\n")
    assert (only(check(path)).row, only(check(path)).message) == (3, "the row is empty: delete the line.")
    path.write_text(f'{header},source\n{good},ok\n{good},"open\n{good},lost\n')
    assert any(problem.row == 3 and "not closed" in problem.message for problem in check(path))


def test_what_is_no_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").touch()
    assert "folder" in only(check(tmp_path)).message
    assert "Did you mean 'mine.csv'?" in only(check(tmp_path / "mine.cvs")).message
    (tmp_path / "mine.xlsx").write_bytes(b"x")
    assert ".parquet" in only(check(tmp_path / "mine.xlsx")).message
    (tmp_path / "mine.csv.gz").write_bytes(b"study,run\n")
    assert "cannot be read" in only(check(tmp_path / "mine.csv.gz")).message
    (tmp_path / "mine.parquet").write_bytes(b"no parquet")
    assert "cannot be read" in only(check(tmp_path / "mine.parquet")).message


def test_other_formats_hold_the_same_table(tmp_path: Path, write: Write, row: MakeRow) -> None:
    rows = [row(), row(run="r2", language="eng")]
    text = write(rows).read_text()
    (tmp_path / "mine.csv.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "mine.tsv").write_text(text.replace(",", "\t"))
    pd.DataFrame(rows).astype({"score": "float64"}).to_parquet(tmp_path / "mine.parquet")
    assert [only(check(tmp_path / name)).row for name in ("mine.csv.gz", "mine.tsv", "mine.parquet")] == [
        3,
        3,
        2,
    ]


def test_a_parquet_file_of_wrong_types(tmp_path: Path, row: MakeRow) -> None:
    table = pd.DataFrame([row()]).assign(study=1, seed="7")
    table.to_parquet(tmp_path / "mine.parquet")
    problems = check(tmp_path / "mine.parquet")
    assert {problem.column for problem in problems if "type" in problem.message} == {"study", "seed", "score"}


CELLS = {
    "score": ["", "x", "nan", "1.5e3", "-1"],
    "language": ["", "xx1", "eng"],
    "sequence": [">", "a>", "A"],
    "n_test": ["0", "1.5", "x"],
    "run": ["", " r", "=r"],
}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data(), count=st.integers(1, 30))
def test_one_bad_cell_in_a_valid_table_is_reported_at_exactly_its_place(
    data: st.DataObject, count: int, write: Write, row: MakeRow
) -> None:
    rows = [row(run=f"r{place}", n_test="100") for place in range(count)]
    place = data.draw(st.integers(0, count - 1))
    column = data.draw(st.sampled_from(sorted(CELLS)))
    rows[place][column] = data.draw(st.sampled_from(CELLS[column]))
    problem = only(check(write(rows)))
    assert (problem.row, problem.column) == (place + 2, column)


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("backbone", ("xlm-r", "bert")),
        ("tuning", ("full", "lora")),
        ("seed", ("1", "2")),
        ("sequence", ("", "mnli")),
        ("train_language", ("en", "de")),
    ],
)
def test_rows_of_one_run_come_from_the_same_weights(
    write: Write, row: MakeRow, column: str, cells: tuple[str, str]
) -> None:
    rows = [
        row(language=code, **{column: cell})
        for code, cell in zip(("de", "fr", "es"), (*cells, cells[1]), strict=True)
    ]
    problem = only(check(write(rows, columns=list(rows[0]))))
    assert (problem.row, problem.column) == (3, column)
    theirs, own = cells if column == "seed" else map(repr, cells)
    assert f"but has {column} {theirs}, and this row {own}:" in problem.message
    assert "run of its own" in problem.message


def test_a_run_that_is_known_by_two_files_is_one_run(write: Write, row: MakeRow) -> None:
    first = write([row(backbone="xlm-r")], name="first.csv")
    second = write([row(backbone="bert", language="fr")], name="second.csv")
    problem = only(check(first, second))
    assert (problem.file, problem.row, problem.column) == (str(second), 2, "backbone")
    assert f"row 2 of {first}" in problem.message


def test_what_a_row_does_not_say_contradicts_nothing(write: Write, row: MakeRow) -> None:
    rows = [row(language="de", seed="1"), row(language="fr", seed=""), row(language="es", seed="1")]
    assert check(write(rows, columns=list(rows[0]))) == []


@pytest.mark.parametrize(
    "others",
    [
        ({"stage": "mnli", "sequence": ""}, {"stage": "squad", "sequence": "mnli"}),
        ({"target": "panx", "sequence": "mnli"}, {"target": "squad", "sequence": "mnli>panx"}),
        ({"study": "one", "backbone": "xlm-r"}, {"study": "two", "backbone": "bert"}),
        ({"language": "de", "sequence": "mnli+qqp"}, {"language": "fr", "sequence": "qqp+mnli"}),
        ({"language": "de", "n_seeds": "3"}, {"language": "fr", "n_seeds": "5"}),
    ],
)
def test_what_may_differ_within_a_run_contradicts_nothing(
    write: Write, row: MakeRow, others: tuple[Row, Row]
) -> None:
    rows = [row(**one) for one in others]
    assert check(write(rows, columns=list(rows[0]))) == []


@pytest.mark.parametrize("column", ["backbone", "tuning", "study", "run"])
def test_a_cell_that_is_missing_is_told_once(write: Write, row: MakeRow, column: str) -> None:
    rows = [row(language="de"), row(language="fr", **{column: ""})]
    assert "is empty" in only(check(write(rows))).message


def test_a_header_below_other_text_is_pointed_to(write: Write, row: MakeRow) -> None:
    path = write([row()])
    path.write_text("Results of 2026\nall my runs\n" + path.read_text())
    problem = only(check(path))
    assert problem.message == "the header stands in line 3: remove what is above it."


def test_breaks_within_cells_count_whatever_ends_the_lines(write: Write, row: MakeRow) -> None:
    path = write([row(source="x"), row(run="r2", source="x"), row(run="r3", source="y", score="7")])
    lines = path.read_text().splitlines()
    lines[1] = lines[1].removesuffix(",x") + ',"a\nb"'
    for end in ("\n", "\r\n", "\r"):
        path.write_bytes((end.join(lines) + end).encode())
        assert only(check(path)).row == 5


def test_a_column_of_text_that_begins_with_numbers_stays_text(write: Write, row: MakeRow) -> None:
    rows = [row(run=f"r{place}", note=str(place)) for place in range(9)]
    rows.append(row(run="r9", note="none"))
    assert read(write(rows)).frame["note"].tolist() == [*map(str, range(9)), "none"]


def test_a_seed_is_never_below_zero(write: Write, row: MakeRow) -> None:
    rows = [row(seed="0"), row(run="r2", seed="-1")]
    assert "-1 is too low" in only(check(write(rows, columns=list(rows[0])))).message
