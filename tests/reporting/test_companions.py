from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest
import xarray as xr

from taskorder.inference.fitting import Fit
from taskorder.reporting import companions
from taskorder.reporting.answer import Answer

Make = Callable[..., Fit]
MakeCompanion = Callable[..., pd.DataFrame]


def test_slopes_of_the_model_s_scale_are_given_in_points(
    make_fit: Make, make_companion: MakeCompanion
) -> None:
    table = make_companion(
        [{"term": "difficulty", "estimate": 0.01, "agrees": True, "unit": "arcsine", "method": "REML"}]
    )
    ((found, beside),) = companions.paired(Answer(make_fit(), (), table))
    assert found.estimate == pytest.approx(0.98)
    assert found.upper == pytest.approx(0.21 * 98)
    assert (found.unit, beside.unit) == ("points", "points per sd at 60")


def test_two_methods_stand_under_one_posterior(plain_fit: Fit, make_companion: MakeCompanion) -> None:
    table = make_companion(
        [
            {"term": "dose", "estimate": -0.4, "agrees": True, "unit": "identity", "method": method}
            for method in ("REML, Knapp-Hartung", "REML, CR2 over 9 clusters")
        ]
    )
    found = Answer(plain_fit, (), table)
    first, second = companions.beside(found).rows
    assert (first[0], first[3]) == ("Dose", "REML, Knapp-Hartung")
    assert second[:4] == ("", "", "", "REML, CR2 over 9 clusters")


def test_the_interval_of_a_new_study_is_not_set_beside_that_of_the_mean(
    plain_fit: Fit, make_companion: MakeCompanion
) -> None:
    rows = [
        {"term": "1", "estimate": 0.3, "agrees": True, "unit": "identity", "method": f"REML, {what}"}
        for what in ("Knapp-Hartung", "prediction interval")
    ]
    found = Answer(plain_fit, (), make_companion(rows))
    assert companions.method(found) == "REML, Knapp-Hartung"
    assert companions.disagreements(found) == "The two agree in sign on the one estimate."
    assert [row[:2] for row in companions.others(found).rows] == [("Intercept", "REML, prediction interval")]


def test_what_has_no_posterior_is_told_apart(plain_fit: Fit, make_companion: MakeCompanion) -> None:
    table = make_companion(
        [
            {"term": "I2 sd:study", "estimate": 40.0, "agrees": None, "unit": "%", "method": "REML"},
            {
                "term": "se",
                "estimate": 1.5,
                "agrees": None,
                "unit": "identity per se",
                "method": "Egger's test",
            },
            {"term": "dose[t5-base/lora]", "estimate": 1.5, "agrees": None, "unit": "yi", "method": "WLS"},
        ]
    )
    table.loc[0, ["lower", "upper", "df", "p"]] = float("nan")
    found = Answer(plain_fit, (), table)
    rows = companions.others(found).rows
    assert not companions.paired(found)
    assert rows[0] == ("I², studies", "REML", "40", "–", "%", "–", "–")
    assert rows[1][0] == "Small studies"
    assert rows[1][4] == "per standard error"
    assert len(rows) == 2


def test_an_sd_stands_beside_that_of_the_posterior_without_a_sign(
    make_fit: Make, make_companion: MakeCompanion
) -> None:
    table = make_companion(
        [{"term": "sd:system", "estimate": 0.1, "agrees": None, "unit": "arcsine", "method": "REML"}]
    )
    table[["lower", "upper"]] = float("nan")
    found = Answer(make_fit(), (), table)
    (row,) = companions.beside(found).rows
    assert row[0] == "Systems"
    assert (row[3], row[4], row[-1]) == ("9.8", "–", "–")
    assert companions.disagreements(found) == "None of them has a posterior mean to compare its sign with."


def test_a_level_of_a_column_of_text_is_a_term_of_its_own(
    plain_fit: Fit, make_companion: MakeCompanion
) -> None:
    posterior = plain_fit.tree["posterior"].to_dataset().rename({"dose": "arm[high]"})
    tree = plain_fit.tree.copy()
    tree["posterior"] = xr.DataTree(posterior)
    summary = plain_fit.summary.replace({"parameter": {"dose": "arm[high]"}})
    fit = replace(plain_fit, tree=tree, summary=summary)
    table = make_companion([{"term": "arm[high]", "estimate": -0.4, "agrees": True, "unit": "identity"}])
    (row,) = companions.beside(Answer(fit, (), table)).rows
    assert row[0] == "Arm: high"


def interval(term: str, lower: float, upper: float) -> dict[str, object]:
    agrees = None if term.startswith("sd:") else True
    return {"term": term, "estimate": (lower + upper) / 2, "agrees": agrees, "lower": lower, "upper": upper}


def said(fit: Fit, make_companion: MakeCompanion, *rows: dict[str, object]) -> str:
    """Say what companions in points with these intervals disagree on."""
    table = make_companion(list(rows))
    ends = {name: [row[name] for row in rows] for name in ("lower", "upper")}
    return companions.disagreements(Answer(fit, (), table.assign(**ends)))


def test_intervals_that_disagree_are_named(make_fit: Make, make_companion: MakeCompanion) -> None:
    fit = make_fit(2.0)  # difficulty: 1.2 to 2.8 points, similarity: 0.3 to 1.1, their interaction about 0
    assert said(fit, make_companion, interval("difficulty", 1.5, 2.5)) == (
        "The two agree in sign on the one estimate."
    )
    found = said(
        fit,
        make_companion,
        interval("difficulty", 5.0, 6.0),
        interval("similarity", -0.3, 1.5),
        interval("difficulty:similarity", -0.4, -0.2),
    )
    assert found == (
        "The two agree in sign on all three estimates."
        " The two 95 % intervals do not overlap for difficulty."
        " Only the posterior’s interval excludes zero for similarity."
        " Only the companion’s interval excludes zero for difficulty × similarity."
    )


def test_of_an_sd_only_intervals_that_do_not_overlap_are_told(
    make_fit: Make, make_companion: MakeCompanion
) -> None:
    beside, apart = interval("sd:system", 0.0, 9.0), interval("sd:system", 20.0, 30.0)
    nothing = "None of them has a posterior mean to compare its sign with."
    assert said(make_fit(), make_companion, beside) == nothing
    assert said(make_fit(), make_companion, apart) == (
        f"{nothing} The two 95 % intervals do not overlap for systems."
    )


def test_many_systems_that_disagree_are_counted(make_fit: Make, make_companion: MakeCompanion) -> None:
    fit = make_fit(5.0)
    rows = [interval(f"difficulty[{name}]", -1.0, 1.0) for name in ("t5-base/lora", "roberta-base/full")]
    text = said(fit, make_companion, interval("difficulty", -1.0, 1.0), *rows)
    assert text.endswith("for difficulty, difficulty at t5-base/lora and difficulty at roberta-base/full.")
    text = said(fit, make_companion, interval("difficulty", -1.0, 1.0), *rows * 3)
    assert text.endswith("for difficulty and six estimates at single systems.")


def test_a_term_that_the_model_file_asks_nothing_about_has_a_posterior_all_the_same(
    make_fit: Make, make_companion: MakeCompanion
) -> None:
    table = make_companion([{"term": "similarity", "estimate": -0.8, "agrees": False}])
    found = Answer(make_fit(), (), table)
    ((_, beside),) = companions.paired(found)
    assert (beside.parameter, beside.unit) == ("similarity", "points")
    assert beside.mean == pytest.approx(0.686)
    assert companions.alone(found) == []


def test_a_system_beyond_the_interval_is_printed(make_fit: Make, make_companion: MakeCompanion) -> None:
    table = make_companion([{"term": "difficulty[t5-base/lora]", "estimate": 9.0, "agrees": True}])
    found = Answer(make_fit(), (), table)
    assert [row[0] for row in companions.beside(found).rows] == ["Difficulty", "t5-base/lora"]
    assert companions.omitted(found) == ""


def test_systems_that_agree_are_counted_and_not_printed(answer: Answer) -> None:
    table = answer.companion.assign(agrees=pd.array([True, True, True], dtype="boolean"))
    found = replace(answer, companion=table)
    assert [row[0] for row in companions.beside(found).rows] == ["Difficulty"]
    assert companions.omitted(found) == (
        "One estimate at single systems agrees in sign with the posterior and is not printed."
    )
    assert companions.omitted(answer) == ""
