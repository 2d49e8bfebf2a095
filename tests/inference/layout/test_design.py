"""Rows laid out for a model: cells, blocks, groups, and what is said where that cannot be done."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from taskorder.errors import MissingData, TaskorderError
from taskorder.inference.fitting import select_rows
from taskorder.inference.layout.design import Design, build_design
from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.results.catalogue import Covariates

Make = Callable[..., Any]

TABLE = pd.DataFrame(
    {
        "y": [1.0, 2.0, 4.0, 3.0, 5.0, 9.0],
        "v": [0.1, 0.2, 0.3, 0.1, 0.2, 0.3],
        "x": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
        "twice_x": [0.0, 2.0, 4.0, 6.0, 8.0, 10.0],
        "place": ["a", "a", "b", "b", "c", "c"],
        "room": ["1", "2", "1", "2", "1", "1"],
        "same": ["z"] * 6,
        "gap": [0.0, 1.0, np.nan, 3.0, 4.0, 5.0],
    }
)


def generic(**content: Any) -> ModelSpec:
    standard = {"name": "m", "data": {"schema": "any"}, "outcome": {"column": "y", "scale": "identity"}}
    return parse_model(standard | content)


def design_of(known: Covariates, table: pd.DataFrame = TABLE, **content: Any) -> Design:
    return build_design(table, generic(**content), known)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"fixed": {"terms": ["1", "plaice"]}}, r"no column 'plaice'.*Did you mean 'place'"),
        ({"fixed": {"terms": ["1", "gap"]}}, r"column 'gap' is empty in some of the rows"),
        ({"fixed": {"terms": ["1", "same"]}}, r"column 'same' is 'z' in all rows to fit"),
        ({"fixed": {"terms": ["1", "x", "twice_x"]}}, r"'twice_x' is a sum of multiples of 1, x"),
        ({"groups": {"plaice": {}}}, r"\[groups.plaice\].*no column 'plaice'.*Did you mean 'place'"),
        ({"groups": {"g": {"columns": ["gap"]}}}, r"\[groups.g\].*'gap' is empty in 1 of 6 rows"),
        ({"groups": {"place": {"by": ["1", "room"]}}}, r"\[groups.place\] by: 'room' is not a number"),
        ({"groups": {"place": {"by": ["1", "rom"]}}}, r"no column 'rom'.*Did you mean 'room'"),
        ({"groups": {"place": {"where": "rom == '1'"}}}, r"no column 'rom'.*Did you mean 'room'"),
        ({"residual": {"by": "plaice"}}, r"\[residual\] by.*no column 'plaice'.*Did you mean 'place'"),
        ({"outcome": {"column": "yy", "scale": "identity"}}, r"no column 'yy'"),
        ({"outcome": {"column": "place", "scale": "identity"}}, r"column 'place' holds text, such as 'a'"),
        (
            {"outcome": {"column": "gap", "scale": "identity"}},
            r"1 rows have no number in 'gap' \(first in row 3",
        ),
        ({"outcome": {"column": "y", "scale": "arcsine"}}, r"5 values of 'y' .* such as 2 \(first in row 2"),
        (
            {"outcome": {"column": "y", "scale": "identity", "variance": "vv"}},
            r"no column 'vv'.*Did you mean 'v'",
        ),
        (
            {"outcome": {"column": "y", "scale": "identity", "variance": "gap"}},
            r"1 rows have no number in 'gap'",
        ),
    ],
)
def test_what_is_missing_is_named(known: Covariates, content: dict[str, Any], said: str) -> None:
    with pytest.raises(TaskorderError, match=said):
        design_of(known, **content)


@pytest.mark.parametrize(
    ("value", "residual", "said"),
    [
        (0.0, {"sd": 0}, "above 0"),
        (-0.1, {"sd": 0}, "such as -0.1"),
        (-0.1, {}, "a variance is positive"),
        (np.nan, {}, "no number in 'v'"),
        (np.inf, {"sd": 0}, "no number in 'v'"),
    ],
)
def test_variances_that_cannot_be(
    known: Covariates, value: float, residual: dict[str, Any], said: str
) -> None:
    table = TABLE.assign(v=[0.1, value, 0.1, 0.1, 0.1, 0.1])
    outcome = {"column": "y", "scale": "identity", "variance": "v"}
    with pytest.raises(MissingData, match=said):
        design_of(known, table, outcome=outcome, residual=residual)


def test_a_variance_of_zero_beside_a_residual_sd(known: Covariates) -> None:
    outcome = {"column": "y", "scale": "identity", "variance": "v"}
    assert design_of(known, TABLE.assign(v=0.0), outcome=outcome).cells.v.tolist() == [0.0]


def test_correlations_are_refused_by_the_arcsine_scale(known: Covariates, results: Make) -> None:
    table = results(metric="pearson", score=[0.3, -0.1])
    with pytest.raises(MissingData, match=r"such as -0.1 .*correlations can be negative"):
        build_design(table, parse_model({"name": "m"}), known)


def test_no_rows_are_left(known: Covariates, results: Make, sequence_model: Make) -> None:
    with pytest.raises(MissingData, match="no rows are left"):
        design_of(known, TABLE.iloc[:0])
    spec = sequence_model(data={"where": "study == 'other'"})
    with pytest.raises(MissingData, match=r"no rows are left after .*other"):
        select_rows(results(score=[0.5, 0.6]), spec, known)


@pytest.mark.parametrize("rows", [1, 2])
def test_very_few_rows(known: Covariates, rows: int) -> None:
    design = design_of(known, TABLE.iloc[:rows], groups={"place": {}})
    assert [block.name for block in design.blocks] == ["1"]
    assert design.notes == ("group 'place' has fewer than two levels in these rows and was left out",)
    assert (design.cells.n.sum(), design.cells.df.sum()) == (rows, rows - 1)


@pytest.mark.parametrize("name", ["residual", "apart"])
def test_no_name_of_a_column_makes_rows_replicates(known: Covariates, name: str) -> None:
    table = pd.DataFrame({"y": [1.0, 2.0, 3.0, 5.0], "x": [0.0, 0.0, 1.0, 1.0], name: [0.0, 1.0, 2.0, 4.0]})
    design = design_of(known, table, groups={"x": {"by": ["1", name]}})
    assert design.row_cell.tolist() == [0, 1, 2, 3]


def test_a_single_level_of_the_residual_is_one_sd(known: Covariates) -> None:
    design = design_of(known, groups={"place": {}}, residual={"by": "same"})
    assert design.residual_levels == ()
    assert (
        design.notes[0] == "[residual] by: all these rows are of the level 'z', so there is one residual sd"
    )
    assert design_of(known, residual={"by": "place"}).residual_levels == ("a", "b", "c")


def test_a_recency_without_a_second_stage_is_left_out(
    known: Covariates, results: Make, sequence_model: Make
) -> None:
    spec = sequence_model()
    note = "recency: no row has two stages before its target, so it and its prior were left out"
    for last, there in (("four", True), ("four>one", False)):
        table = results(score=[0.5, 0.6, 0.7, 0.8], sequence=["one", "two", "three", last])
        design = build_design(select_rows(table, spec, known), spec, known)
        assert (note in design.notes) is there
        assert (len(design.effects) == 1) is there


def test_one_study_only_leaves_its_group_out(known: Covariates, results: Make, sequence_model: Make) -> None:
    spec = sequence_model(groups={"study": {}, "target": {}})
    table = results(score=[0.5, 0.6, 0.7], sequence=["one", "two", "three"], target=["goal", "goal", "aim"])
    design = build_design(select_rows(table, spec, known), spec, known)
    names = [block.name for block in design.blocks]
    assert "1|target" in names
    assert "1|study" not in names
    assert any("'study' has fewer than two levels" in note for note in design.notes)


def test_only_rows_that_fulfil_where_have_a_level(known: Covariates) -> None:
    design = design_of(known, groups={"place": {"where": "x > 1"}}, fixed={"terms": ["1", "x"]})
    block = design.block("1|place")
    assert block.labels == ("b", "c")
    members = design.effects[0].toarray()[:, block.columns]
    assert members.tolist() == [[0, 0], [0, 0], [1, 0], [1, 0], [0, 1], [0, 1]]


def test_a_group_of_some_rows_needs_its_columns_there_only(known: Covariates) -> None:
    gap = {"columns": ["gap"], "where": "place == 'c'"}
    assert design_of(known, groups={"gap": gap}).block("1|gap").labels == ("4.0", "5.0")
    with pytest.raises(MissingData, match=r"\[groups.gap\]: column 'gap' is empty in 1 of 2 rows"):
        design_of(known, groups={"gap": gap | {"where": "place == 'b'"}})
    nobody = design_of(known, groups={"gap": {"columns": ["elsewhere"], "where": "place == 'd'"}})
    assert any("'gap' has fewer than two levels" in note for note in nobody.notes)


def test_only_levels_with_enough_rows_have_an_effect(known: Covariates) -> None:
    table = pd.concat([TABLE, TABLE.iloc[[0]].assign(place="d")], ignore_index=True)
    assert design_of(known, table, groups={"place": {"min_rows": 2}}).block("1|place").labels == (
        "a",
        "b",
        "c",
    )


def test_nested_levels_bear_their_parents_name(known: Covariates) -> None:
    design = design_of(known, groups={"room": {"within": "place"}})
    assert design.block("1|place").labels == ("a", "b", "c")
    assert design.block("1|room").labels == ("a/1", "a/2", "b/1", "b/2", "c/1")


def test_a_slope_over_a_group_is_its_column_in_the_level(known: Covariates) -> None:
    design = design_of(known, fixed={"terms": ["1", "x"]}, groups={"place": {"by": ["1", "x"]}})
    block = design.block("x|place")
    values = design.effects[0].toarray()[:, block.columns]
    assert block.sd == "sd:place:x"
    assert values.sum(axis=0).tolist() == [1.0, 5.0, 9.0]


def test_text_is_coded_against_its_first_level(known: Covariates) -> None:
    design = design_of(known, fixed={"terms": ["1", "place", "place:x"]})
    assert [block.name for block in design.blocks][:3] == ["1", "place[b]", "place[c]"]


def test_rows_that_the_model_cannot_tell_apart_are_one_cell(known: Covariates) -> None:
    design = design_of(known, groups={"place": {}})
    assert design.row_cell.tolist() == [0, 0, 1, 1, 2, 2]
    np.testing.assert_allclose(design.cells.mean, [1.5, 3.5, 7.0])
    np.testing.assert_allclose(design.cells.ss, [0.5, 0.5, 8.0])
    assert (design.cells.n.tolist(), design.cells.df.tolist()) == ([2, 2, 2], [1, 1, 1])


def test_seeds_as_rows_or_as_mean_and_sd_are_the_same_cells(
    known: Covariates, results: Make, sequence_model: Make
) -> None:
    """The mean, the sd and the number of seeds are sufficient: on `identity` nothing is lost.

    The priors are given, as the default ones on `identity` are as wide as the rows' own spread.
    """
    rng = np.random.default_rng(5)
    sequences = ["one", "two>one", "one>two", "three"]
    score = rng.uniform(0.4, 0.8, (4, 5))
    by_seed = results(
        sequence=np.repeat(sequences, 5),
        score=score.ravel(),
        n_seeds=[1] * 20,
        sd=[np.nan] * 20,
        seed=np.tile(np.arange(5), 4),
    )
    means = results(
        sequence=sequences, score=score.mean(axis=1), n_seeds=[5] * 4, sd=score.std(axis=1, ddof=1)
    )
    slope = {"dist": "Normal", "mu": 0, "sigma": 1}
    spec = sequence_model(
        outcome={"scale": "identity"},
        groups={"arm": {"columns": ["sequence", "target"]}},
        priors=dict.fromkeys(["1", "stage", "difficulty", "similarity"], slope),
    )
    one, other = (build_design(select_rows(table, spec, known), spec, known) for table in (by_seed, means))
    for name in ("mean", "n", "ss", "df", "v", "level"):
        np.testing.assert_allclose(getattr(one.cells, name), getattr(other.cells, name), rtol=1e-12)
    assert one.blocks == other.blocks
    for ours, theirs in zip(one.effects, other.effects, strict=True):
        np.testing.assert_allclose(ours.toarray(), theirs.toarray())


def test_a_mean_without_its_sd_still_counts_its_seeds(
    known: Covariates, results: Make, sequence_model: Make
) -> None:
    spec = sequence_model()
    table = results(sequence=["one", "two"], score=[0.5, 0.6], n_seeds=[5, 1], sd=[np.nan, 0.3])
    cells = build_design(select_rows(table, spec, known), spec, known).cells
    assert (cells.n.tolist(), cells.df.tolist(), cells.ss.tolist()) == ([5, 1], [0, 0], [0, 0])


def test_stages_stand_in_the_matrix_of_their_distance(
    known: Covariates, results: Make, sequence_model: Make
) -> None:
    table = results(score=[0.5, 0.6, 0.7, 0.8], sequence=["", "one", "two>one", "two>one+three"])
    table = select_rows(table, sequence_model(), known)
    near, far = build_design(table, sequence_model(), known).effects
    stage = build_design(table, sequence_model(), known).block("stage").start
    assert near.toarray()[:, stage].tolist() == [0, 1, 1, 1]
    assert far.toarray()[:, stage].tolist() == [0, 0, 1, 1]
    without = sequence_model(sequence={"difficulty": ["made"], "similarity": ["made"], "crossed": []})
    (both,) = build_design(table, without, known).effects
    assert both.toarray()[:, stage].tolist() == [0, 1, 2, 2]


def test_a_stage_without_a_moderator(known: Covariates, results: Make, sequence_model: Make) -> None:
    table = results(score=[0.5, 0.6, 0.7], sequence=["one", "two", "goal>one"])
    standard = sequence_model().sequence.model_dump()
    strict, lenient = (
        sequence_model(sequence=standard | {"missing": choice, "moderators": ["difficulty"]})
        for choice in ("error", "drop")
    )
    with pytest.raises(MissingData, match=r"no difficulty for the stages goal of s; give it with --tasks"):
        build_design(select_rows(table, strict, known), strict, known)
    design = build_design(select_rows(table, lenient, known), lenient, known)
    assert design.row_cell.tolist() == [0, 1, -1]
    assert [note for note in design.notes if "no difficulty for" in note and "goal" in note]


def test_a_study_whose_stages_are_all_alike_says_nothing(
    known: Covariates, results: Make, sequence_model: Make
) -> None:
    table = results(study=["s", "s", "t"], score=[0.5, 0.6, 0.7], sequence=["one", "two", "one"])
    design = build_design(select_rows(table, sequence_model(), known), sequence_model(), known)
    assert any(note.startswith("difficulty does not vary over the stages of t") for note in design.notes)


def test_flagged_rows_are_left_out_unless_asked_for(known: Covariates, results: Make) -> None:
    flags = ["", "mean", "mean;derived", "derived"]
    table = results(score=[0.1, 0.2, 0.3, 0.4], flag=flags)

    def kept(*asked: str) -> list[str]:
        content = {
            "name": "m",
            "data": {"flags": list(asked)},
            "sequence": {"difficulty": ["made"], "similarity": ["made"]},
        }
        return select_rows(table, parse_model(content), known)["flag"].tolist()

    assert kept() == [""]
    assert kept("mean") == ["", "mean"]
    assert kept("mean", "derived") == flags
