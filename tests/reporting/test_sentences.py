"""Sentences about estimates: of levels of a column, contrasts, curricula and other quantities."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from taskorder.inference.fitting import Fit
from taskorder.inference.spec import EstimandSpec, parse_model
from taskorder.reporting import estimates, names, sentences
from taskorder.reporting.answer import Answer
from taskorder.reporting.document import _BEYOND

MakeFit = Callable[..., Fit]
DRAWS = np.linspace(-0.9, 1.1, 400).reshape(2, 200)


def about(fit: Fit, terms: list[str], **entry: object) -> str:
    """Say what an estimand of a model with these fixed terms is."""
    content = {"name": "m", "fixed": {"terms": terms}, "groups": {"study": {}}}
    content |= {"estimands": {"difficulty_points": entry}}
    if "regime" in terms:
        content["fixed"]["reference"] = {"regime": "direct"}
    found = replace(fit, spec=parse_model(content))
    estimate = estimates.named(found, "difficulty_points")
    assert estimate is not None
    return sentences.finding(Answer(found), estimate)


@pytest.mark.parametrize(
    ("terms", "entry", "start"),
    [
        (
            ["1", "regime"],
            {"function": "points", "of": "regime[joint]"},
            "The regime “joint” instead of “direct” raises",
        ),
        (
            ["regime"],
            {"function": "points", "of": "regime[joint]"},
            "With the regime “joint” the score is +1.90",
        ),
        (
            ["1", "regime"],
            {"function": "contrast", "of": "regime[a_b]", "to": "regime[joint]"},
            "The regime “a b” instead of “joint” raises the score by 1.90 points",
        ),
        (
            ["1", "regime"],
            {"function": "sd_points", "of": "1", "group": "study"},
            "The standard deviation of the mean over studies is 1.90 points",
        ),
        (
            ["1", "zero_shot", "zero_shot:steps"],
            {"function": "points", "of": "zero_shot:steps"},
            "Each further unit of steps raises the slope of zero shot by 1.90 points",
        ),
    ],
)
def test_what_is_compared_is_named(
    terms: list[str], entry: dict[str, object], start: str, make_fit: MakeFit
) -> None:
    assert about(make_fit(1.9), terms, **entry).startswith(start)


def test_a_reference_that_is_not_stated_is_the_first_level(make_fit: MakeFit) -> None:
    fit = make_fit(1.9)
    spec = parse_model({"name": "m", "fixed": {"terms": ["1", "tuning"]}})
    fit = replace(fit, spec=spec)
    tuned = next(iter(estimates.headline(make_fit(1.9))))
    text = sentences.finding(Answer(fit), replace(tuned, term="tuning[lora]", parameter="x"))
    assert text.startswith("The tuning “lora” instead of “full” raises")


def test_quantities_are_named_in_sentences() -> None:
    def said(**entry: object) -> str:
        return names.quantity(EstimandSpec.model_validate(entry))

    assert said(function="order_sd", steps=3) == "the standard deviation over the orders of three tasks"
    assert said(function="worst_level_points", of="stage", group="family") == (
        "the least gain from an intermediate task of all families"
    )
    assert said(function="ratio", of="sd:run", to="residual") == (
        "the sd over runs, as a multiple of the typical residual sd,"
    )


def test_groups_are_named_by_what_their_levels_are() -> None:
    spec = parse_model(
        {
            "name": "m",
            "groups": {
                "study": {},
                "language": {"within": "family"},
                "arm": {"columns": ["study", "train_language"]},
                "after": {"columns": ["run"], "where": "steps >= 1"},
                "before": {"columns": ["run"], "where": "steps == 0"},
            },
        }
    )
    assert [names.between(group, spec) for group in ("study", "language", "arm", "after", "before")] == [
        "studies",
        "languages within families",
        "study × train language",
        "runs, steps >= 1",
        "runs, steps = 0",
    ]


def test_only_letters_that_the_typefaces_lack_ask_for_others() -> None:
    assert _BEYOND.search("Säilynoja Ωmega Яндекс עברית − ½ “q” ≤ × › R̂ 95 %") is None
    assert all(_BEYOND.search(text) for text in ("漢字", "한국어", "हिन्दी", "العربية", "ไทย", "日本"))


def test_draws_of_an_estimand_are_all_chains(make_fit: MakeFit) -> None:
    fit = make_fit()
    tree = fit.tree.copy()
    tree["estimands"] = xr.DataTree(xr.Dataset({"difficulty_points": (("chain", "draw"), DRAWS)}))
    found = estimates.named(replace(fit, tree=tree), "difficulty_points")
    assert found is not None
    assert len(found.draws) == 400
    assert estimates.named(fit, "no such") is None


def test_what_differs_most_is_of_sds_that_the_data_tell(make_fit: MakeFit) -> None:
    """A prior that as good as knows the largest sd takes it out of the sentence."""
    fit = make_fit()
    shown = [one for one in estimates.heterogeneity(fit) if one.parameter in names.heterogeneity(fit.spec)]
    largest = max(shown, key=lambda one: one.mean).parameter

    def said(sigma: float) -> str:
        priors = {largest: {"dist": "LogNormal", "mu": -2.0, "sigma": sigma}}
        spec = parse_model(fit.spec.model_dump() | {"priors": priors})
        return " ".join(sentences.doubts(replace(fit, spec=spec)))

    between = f"most between {names.heterogeneity(fit.spec)[largest][1]}:"
    assert between in said(1.0)
    assert between not in said(0.1)
    assert "Left aside" not in said(1.0)
    assert said(0.1).endswith("Left aside: one sd held by a narrow prior.")


@pytest.mark.parametrize(
    ("slope", "text"),
    [
        (0.0, "The sign of the slope of difficulty can be told in none of two systems, each taken alone."),
        (
            0.75,
            "The slope of difficulty is above zero in all two systems, each taken alone."
            " None of their 95 % intervals excludes zero; that all of them have one sign has probability"
            " 0.95.",
        ),
        (
            3.0,
            "The slope of difficulty is above zero in all two systems, each taken alone."
            " That all of them have one sign has probability > 0.999.",
        ),
    ],
)
def test_signs_at_single_levels_are_told_from_one_sign_at_all(
    slope: float, text: str, make_fit: MakeFit
) -> None:
    (found,) = sentences.signs(make_fit(slope), "difficulty")
    assert found.startswith(text), found


def test_what_a_level_of_another_outcome_gains_is_its_mean(plain_fit: Fit) -> None:
    content = {
        "name": "m",
        "data": {"schema": "any"},
        "outcome": {"column": "over_random", "scale": "identity"},
        "fixed": {"terms": ["strategy"]},
    }
    fit = replace(plain_fit, spec=parse_model(content))
    dose = next(one for one in estimates.headline(plain_fit) if one.term == "dose")
    text = sentences.finding(Answer(fit), replace(dose, term="strategy[model]", parameter="x"))
    assert text.startswith("With the strategy “model” the mean of over random is −0.50 (95 % interval")
