"""Hostile input is refused with what, where and the remedy, or fitted with a note that says what it is."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from taskorder.errors import MissingData
from taskorder.inference.criticism.remaining import Remaining
from taskorder.inference.fitting import Fit, fit
from taskorder.inference.layout.design import Design, build_design
from taskorder.inference.spec import parse_model
from taskorder.results.catalogue import Covariates

Make = Callable[..., Any]

ROWS = 40
NORMAL = {"dist": "Normal", "mu": 0, "sigma": 2}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Forty rows of eight groups, with a slope, and known variances in `v`."""
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, ROWS)
    group = np.repeat(rng.normal(0, 0.5, 8), 5)
    return pd.DataFrame(
        {
            "y": 0.5 * x + group + rng.normal(0, 0.7, ROWS),
            "v": 0.49,
            "x": x,
            "g": np.repeat([f"g{i}" for i in range(8)], 5),
            "half": np.repeat(["a", "b"], 20),
            "row": [f"r{i}" for i in range(ROWS)],
            "one": 1.0,
        }
    )


def content(**parts: Any) -> dict[str, Any]:
    standard = {
        "name": "m",
        "data": {"schema": "any"},
        "outcome": {"column": "y", "scale": "identity"},
        "fixed": {"terms": ["1", "x"]},
        "groups": {"g": {}},
    }
    return standard | parts


KNOWN_VARIANCES = {"outcome": {"column": "y", "scale": "identity", "variance": "v"}, "residual": {"sd": 0}}
NO_COVARIATES = Covariates(pd.DataFrame({"task": []}), pd.DataFrame(), pd.DataFrame())


def design_of(table: pd.DataFrame, **parts: Any) -> Design:
    return build_design(table, parse_model(content(**parts)), NO_COVARIATES)


def fitted(table: pd.DataFrame, **parts: Any) -> Fit:
    return fit(parse_model(content(**parts)), table, NO_COVARIATES, engine="collapsed", draws=4000)


def only_note(design: Design) -> str:
    assert len(design.notes) == 1, design.notes
    return design.notes[0]


def refused(table: pd.DataFrame, said: str, **parts: Any) -> None:
    with pytest.raises(MissingData, match=said):
        design_of(table, **parts)


def replaced(table: pd.DataFrame, column: str, value: float) -> pd.DataFrame:
    """Return the table with another value in the fourth row."""
    return table.assign(**{column: table[column].where(table.index != 3, value)})


def test_harmless_data_have_no_notes(table: pd.DataFrame) -> None:
    assert design_of(table).notes == ()
    assert design_of(table, **KNOWN_VARIANCES).notes == ()


# Outcomes that leave nothing for the residual.


def test_outcomes_that_are_all_equal(table: pd.DataFrame) -> None:
    refused(table.assign(y=3.0), r"'y' is the same in 40 rows, 3 .* would be 0.*\[outcome\] variance")


def test_outcomes_that_are_all_equal_beside_known_variances(table: pd.DataFrame) -> None:
    assert "vary more (Q = " in only_note(design_of(table.assign(y=3.0), **KNOWN_VARIANCES))


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_a_copied_outcome(table: pd.DataFrame, offset: float) -> None:
    refused(table.assign(y=offset + 2 * table["x"]), "1, x give 'y' to the last digit in 40 rows")


def test_a_level_with_its_own_residual_sd_and_equal_outcomes(table: pd.DataFrame) -> None:
    equal = table.assign(y=table["y"].where(table["g"] != "g2", 1.0))
    assert design_of(equal).notes == ()
    refused(equal, "same in 5 rows.*residual sd of residual level 'g2'", residual={"by": "g"})


def test_two_seeds_with_the_same_score_among_levels_that_vary(table: pd.DataFrame) -> None:
    """One repeat in a level of its own is bounded by the others; two are not, nor is one beside few."""
    rows = pd.concat([table, table.assign(y=table["y"] + 0.3)], ignore_index=True)
    others = rows[rows["g"] != "g2"]
    level = rows[rows["g"] == "g2"].head(1).assign(y=1.0)
    equal = pd.concat([others, level, level], ignore_index=True)
    result = fitted(equal, residual={"by": "g"})
    assert result.diagnostics.ok, result.diagnostics.messages
    sds = result.tree["posterior"]["residual_level_sd"].mean(("chain", "draw"))
    assert 0.0 < float(sds.sel(residual_level="g2")) < float(sds.drop_sel(residual_level="g2").max())
    refused(pd.concat([equal, level]), "same 'y' .*residual level 'g2'", residual={"by": "g"})
    few = equal[equal["g"].isin(["g0", "g1", "g2"])]
    refused(few, "same 'y' .*residual level 'g2'", residual={"by": "g"})


@pytest.fixture(scope="module")
def repeated(table: pd.DataFrame) -> pd.DataFrame:
    """The rows twice, 0.3 apart; in g2 and g3 one score, which came out twice."""
    rows = pd.concat([table, table.assign(y=table["y"] + 0.3)], ignore_index=True)
    same = [rows[rows["g"] == g].head(1).assign(y=1.0) for g in ("g2", "g3")]
    return pd.concat([rows[~rows["g"].isin(["g2", "g3"])], *same, *same], ignore_index=True)


@pytest.mark.parametrize(
    ("levels", "spread", "proper"),
    [
        (("g2", "g3"), {"dist": "HalfNormal", "sigma": 1}, False),
        (("g2", "g3"), {"dist": "HalfNormal", "sigma": 0.6}, False),
        (("g2",), {"dist": "HalfNormal", "sigma": 1}, True),
        (("g2",), {"dist": "HalfNormal", "sigma": 1.5}, False),
        (("g2",), {"dist": "HalfCauchy", "beta": 0.2}, False),
    ],
)
def test_repeats_are_bounded_by_a_narrow_prior_of_the_spread(
    repeated: pd.DataFrame, levels: tuple[str, ...], spread: dict[str, Any], proper: bool
) -> None:
    rows = repeated[repeated["g"].isin([*levels, "g0", "g1", "g4", "g5", "g6", "g7"])]
    parts: dict[str, Any] = {"residual": {"by": "g"}, "priors": {"sd:residual": spread}}
    if proper:
        assert design_of(rows, **parts).notes == ()
        return
    remedy = r"2 residual levels are like this" if len(levels) > 1 else r"sd:residual its usual prior"
    refused(rows, f"same 'y'.*{remedy}", **parts)


def test_what_bounds_a_repeat_may_not_be_taken_away(repeated: pd.DataFrame) -> None:
    """Left out, a level that varies leaves four others, which do not bound the repeat."""
    rows = repeated[repeated["g"] != "g3"].query("g != 'g7'")
    spec = parse_model(content(residual={"by": "g"}))
    design = build_design(rows, spec, NO_COVARIATES)
    remaining = Remaining.of(design, spec)
    levels = np.array(design.residual_levels)[design.cells.level]
    remaining.refuse_without(levels == "g2")
    with pytest.raises(MissingData, match=r"same 'y'.*residual level 'g2'"):
        remaining.refuse_without(levels == "g0")


def test_rows_that_were_entered_twice(table: pd.DataFrame) -> None:
    twice = pd.concat([table.iloc[::5]] * 2)
    refused(twice, r"rows that the model cannot tell apart have the same 'y'.*\(8 repeat another")


def test_means_with_an_sd_of_zero(results: Make) -> None:
    targets = ["goal", "aim", "end"]
    rows = results(target=targets, score=[0.5, 0.6, 0.7], sd=[0.0] * 3, n_seeds=[5] * 3)
    spec = parse_model({"name": "m", "groups": {"target": {}}})
    with pytest.raises(MissingData, match="means with an sd of 0"):
        build_design(rows, spec, NO_COVARIATES)


def test_few_rows_without_replicates_are_fitted_by_their_priors(table: pd.DataFrame) -> None:
    """Two rows and two terms explain each other to the last digit, yet the posterior is proper."""
    result = fitted(table.iloc[:2])
    assert result.diagnostics.ok, result.diagnostics.messages
    assert result.diagnostics.messages == (
        "group 'g' has fewer than two levels in these rows and was left out",
    )


# Flat priors where the data do not bound what they are of.


@pytest.mark.parametrize(("levels", "mean", "proper"), [(3, "Flat", True), (2, "Flat", False), (2, "", True)])
def test_a_flat_prior_of_an_sd_needs_levels(
    table: pd.DataFrame, levels: int, mean: str, proper: bool
) -> None:
    rows = table.iloc[: 5 * levels]
    priors: dict[str, Any] = {"sd": {"dist": "HalfFlat"}, "1": {"dist": mean} if mean else NORMAL}
    parts = KNOWN_VARIANCES | {"fixed": {"terms": ["1"]}, "priors": priors}
    if proper:
        assert design_of(rows, **parts).notes == ()
    else:
        refused(
            rows, r"\[priors\] the sd of group 'g' has a flat prior, which 2 levels do not bound", **parts
        )


def test_flat_terms_within_the_levels_do_not_use_levels_up(table: pd.DataFrame) -> None:
    priors = {"sd": {"dist": "HalfFlat"}, "1": {"dist": "Flat"}, "x": {"dist": "Flat"}}
    assert design_of(table.iloc[:15], **KNOWN_VARIANCES, priors=priors).notes == ()
    between = table.assign(x=table["g"].str[1:].astype(float))
    refused(between.iloc[:15], "3 levels do not bound", **KNOWN_VARIANCES, priors=priors)


def test_a_flat_prior_of_the_residual_needs_rows(table: pd.DataFrame) -> None:
    priors = {"residual": {"dist": "HalfFlat"}, "1": {"dist": "Flat"}, "x": {"dist": "Flat"}}
    refused(table.iloc[:3], r"\[priors\] residual: .* 3 rows do not bound", priors=priors)
    assert len(design_of(table.iloc[:4], priors=priors).cells.mean) == 4


# Columns that say nothing, or what others say.


def test_a_slope_over_a_group_of_a_constant(table: pd.DataFrame) -> None:
    note = only_note(design_of(table, groups={"g": {"by": ["1", "one"]}}))
    assert "[groups.g] by: 'one' is 1 in all rows" in note


@pytest.mark.parametrize("group", ["g", "half"])
def test_a_group_that_is_told_apart_by_a_fixed_term(table: pd.DataFrame, group: str) -> None:
    note = only_note(design_of(table, fixed={"terms": ["1", "x", "g"]}, groups={group: {}}))
    assert f"group '{group}': the fixed term 'g' tells its levels apart already" in note


def test_a_fixed_term_between_the_levels_of_a_group(table: pd.DataFrame) -> None:
    assert design_of(table, fixed={"terms": ["1", "half"]}).notes == ()


def test_a_group_with_as_many_levels_as_rows(table: pd.DataFrame) -> None:
    note = only_note(design_of(table, groups={"row": {}}))
    assert "group 'row' has as many levels as rows" in note
    assert design_of(table, groups={"row": {}}, **KNOWN_VARIANCES).notes == ()


def test_collinear_moderators_of_stages(known: Covariates, results: Make, sequence_model: Make) -> None:
    """Of two stages, similarity is what difficulty and the mean effect of a stage say together."""
    rows = results(sequence=["one", "two", ""] * 2, score=[0.5, 0.6, 0.55, 0.51, 0.62, 0.57])
    notes = build_design(rows, sequence_model(), known).notes
    assert any("'similarity' is a sum of multiples of" in note for note in notes)
    flat = sequence_model(priors={"difficulty": {"dist": "Flat"}, "similarity": {"dist": "Flat"}})
    with pytest.raises(MissingData, match=r"perfectly collinear\), and flat priors do not tell them apart"):
        build_design(rows, flat, known)


def test_a_stage_in_every_row_is_the_intercept(
    known: Covariates, results: Make, sequence_model: Make
) -> None:
    rows = results(sequence=["one", "two", "three", "four"], score=[0.5, 0.6, 0.55, 0.7])
    notes = build_design(rows, sequence_model(), known).notes
    assert notes == (
        "recency: no row has two stages before its target, so it and its prior were left out",
        "'stage' is a sum of multiples of 1 in these rows (perfectly collinear): only their priors tell them"
        " apart",
    )


def test_a_column_of_text_with_a_value_for_each_row(table: pd.DataFrame) -> None:
    text = table.assign(x=table["x"].astype(str))
    refused(text, r"\[fixed\] terms: column 'x' holds text with 40 different values.*turn it into numbers")


def test_a_model_of_nothing(table: pd.DataFrame) -> None:
    refused(table, r'nothing to estimate; add the intercept: terms = \["1"\]', fixed={"terms": []}, groups={})


# Values that are not numbers, or hardly what they are said to be.


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_values(table: pd.DataFrame, value: float) -> None:
    refused(replaced(table, "y", value), r"\[outcome\] column: 1 rows have no number in 'y' \(first in row 4")
    refused(replaced(table, "x", value), r"\[fixed\] terms: column 'x' is infinite in 1 of 40 rows")
    refused(
        replaced(table, "x", value),
        r"\[groups.g\] by: column 'x' is infinite",
        fixed={"terms": ["1"]},
        groups={"g": {"by": ["1", "x"]}},
    )


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_scores_at_the_ends(table: pd.DataFrame, score: float) -> None:
    """Their logit is infinite; their arcsine is not."""
    scores = replaced(table.assign(y=np.linspace(0.2, 0.8, ROWS)), "y", score)
    refused(scores, f"such as {score:g}", outcome={"column": "y", "scale": "logit"})
    design = design_of(scores, outcome={"column": "y", "scale": "arcsine"})
    assert np.isfinite(design.cells.mean).all()


def test_standard_errors_in_place_of_variances(table: pd.DataFrame) -> None:
    """Of one true effect: variances of 0.0025 given as standard errors of 0.05, twenty times too large."""
    rng = np.random.default_rng(1)
    rows = table.assign(y=rng.normal(0, 0.05, ROWS), v=0.05)
    note = only_note(design_of(rows, **KNOWN_VARIANCES))
    assert "'y' and 'v' do not fit" in note
    assert "standard errors" in note


def test_variances_in_another_unit(table: pd.DataFrame) -> None:
    note = only_note(design_of(table.assign(v=table["v"] / 1e4), **KNOWN_VARIANCES))
    assert "'y' and 'v' hardly fit" in note


def sd_column(results: Make, sd: Any, **columns: Any) -> tuple[str, ...]:
    rng = np.random.default_rng(2)
    rows = results(score=rng.uniform(0.6, 0.8, 12), sd=sd, n_seeds=[5] * 12, **columns)
    return build_design(rows, parse_model({"name": "m"}), NO_COVARIATES).notes


def test_variances_in_the_column_of_sds(results: Make) -> None:
    """Seeds that differ by a point have a variance of 0.0001."""
    sd = np.linspace(0.005, 0.015, 12)
    assert sd_column(results, sd) == ()
    (note,) = sd_column(results, sd**2)
    assert "column 'sd': the typical value in study 's' is 0.0001" in note
    assert "variances or standard errors" in note


def test_sds_below_one_right_answer(results: Make) -> None:
    sd = np.full(12, 0.01)
    assert sd_column(results, sd, n_test=[500] * 12) == ()
    sd[2] = 0.0001
    (note,) = sd_column(results, sd, n_test=[500] * 12)
    assert "1 values in s are smaller than one right answer more or less makes, such as 0.0001 of 500" in note
    assert "row 3 of the rows to fit" in note


def test_one_huge_outlier(table: pd.DataFrame) -> None:
    result = fitted(replaced(table, "y", 1e6))
    assert result.diagnostics.ok, result.diagnostics.messages
    (note,) = result.diagnostics.messages
    assert "1 values of 'y' are far from all others, such as 1e+06" in note
    assert "row 4 of the rows to fit" in note
    assert "student_t" in note


@pytest.mark.parametrize("unit", [1e6, 1e-6])
@pytest.mark.parametrize("known_variances", [True, False])
def test_the_unit_of_the_outcome_does_not_matter(
    table: pd.DataFrame, unit: float, known_variances: bool
) -> None:
    """The default priors are as wide as the outcome is spread: the posterior is in its unit."""
    parts = KNOWN_VARIANCES if known_variances else {}
    once = fitted(table, **parts).summary
    scaled = fitted(table.assign(y=table["y"] * unit, v=table["v"] * unit**2), **parts).summary
    assert (np.abs(scaled["mean"] / unit - once["mean"]) < 0.05 * once["sd"]).all()
    assert scaled["sd"].to_numpy(float) / unit == pytest.approx(once["sd"].to_numpy(float), rel=0.05)


@pytest.mark.parametrize("column", ["x", "y"])
def test_a_column_far_from_zero(table: pd.DataFrame, column: str) -> None:
    """No digits are lost: the slope is the same, whatever is added to the outcome or to the moderator."""
    once = fitted(table).summary.set_index("parameter")
    moved = fitted(table.assign(**{column: table[column] + 1e6})).summary.set_index("parameter")
    shown = ["x", "sd:g", "residual"]
    assert (np.abs(moved["mean"] - once["mean"])[shown] < 0.05 * once["sd"][shown]).all()


# Limits beyond which nothing is computed must not be where the posterior is.


@pytest.mark.parametrize("groups", [{}, {"g": {}}])
def test_the_unit_of_the_outcome_is_of_no_account(table: pd.DataFrame, groups: dict[str, Any]) -> None:
    parts: dict[str, Any] = {"fixed": {"terms": ["1"]}, "groups": groups}
    seconds, milliseconds = (
        fitted(table.assign(y=table["y"] * unit), **parts).summary.set_index("parameter")
        for unit in (1.0, 1000.0)
    )
    columns = ["mean", "sd", "lower", "upper"]
    assert milliseconds[columns].to_numpy() == pytest.approx(1000.0 * seconds[columns].to_numpy(), rel=1e-6)


def orders(results: Make) -> pd.DataFrame:
    """Rows in which only the stage just before the target counts."""
    sequences = ["", "one", "two", "two>one", "one>two"] * 16
    last = np.array([{"": 0.0, "one": 0.05, "two": -0.05}[name.rsplit(">", 1)[-1]] for name in sequences])
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(last))
    return results(sequence=sequences, score=0.7 + last + noise)


def of_recency(sequence_model: Make, **prior: Any) -> Any:
    return sequence_model(priors={"recency": prior})


def test_a_recency_that_is_far_out(results: Make, sequence_model: Make, known: Covariates) -> None:
    found = fit(
        of_recency(sequence_model, dist="Normal", mu=0, sigma=2), orders(results), known, engine="collapsed"
    )
    draws = found.tree["posterior"].to_dataset()["recency"].to_numpy()
    assert found.diagnostics.ok
    assert draws.max() > 6.0
    assert not [note for note in found.manifest["notes"] if "recency" in note]


def test_a_recency_whose_prior_says_nothing(results: Make, sequence_model: Make, known: Covariates) -> None:
    with pytest.raises(MissingData, match=r"prior of recency is flat.*improper"):
        build_design(orders(results), of_recency(sequence_model, dist="Flat"), known)
    wide = build_design(orders(results), of_recency(sequence_model, dist="Cauchy", alpha=0, beta=1), known)
    assert "recency is held within 12 either way, where 5.3% of its prior" in wide.notes[-1]
