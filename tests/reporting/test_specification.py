"""The estimate of a claim under every analysis, and its figure."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from taskorder.claims import Verdict
from taskorder.claims.evidence import SHUFFLED, Attack, Attacked, decide
from taskorder.inference.criticism.sketches import Sketch, failed
from taskorder.inference.estimands import PROBABILITY
from taskorder.reporting import specification
from taskorder.reporting.specification_figure import specification as drawn

MakeVerdict = Callable[..., Verdict]

TRIED = {
    ("priors twice as wide", "prior"): 0.72,
    ("scores as they are", "scale"): 0.6,
    ("a", "left out"): 0.1,
    ("b", "left out"): 0.9,
    ("difficulty shuffled", SHUFFLED): 0.0,
}


def sketch(name: str, kind: str, mean: float) -> Sketch:
    draws = np.random.default_rng(1).standard_normal(400)
    values = mean + 0.2 * (draws - draws.mean()) / draws.std()
    return Sketch(name, kind, 40, pd.DataFrame({"difficulty_points": values}), np.full(400, 1 / 400))


def attacked(found: Verdict, sketches: list[Sketch]) -> Verdict:
    attacks: list[Attack] = []
    for one in sketches:
        name = f"without {one.name}" if one.kind == "left out" else one.name
        if one.problem:
            attacks.append(Attack(name, one.kind, float("nan"), "supported", "undecided", one.problem))
            continue
        probability = found.claim.probability(one.draws["difficulty_points"].to_numpy(), one.weight)
        after = decide(probability, passed=True)
        attacks.append(Attack(name, one.kind, probability, found.judgement.decision, after))
    return replace(found, attacked=Attacked(tuple(attacks)))


@pytest.fixture
def sketches() -> list[Sketch]:
    done = [sketch(name, kind, mean) for (name, kind), mean in TRIED.items()]
    return [*done, failed("c", "left out", 9, "no mode can be found without it")]


def test_the_curve_has_every_analysis_that_was_done_in_order(
    verdict: MakeVerdict, sketches: list[Sketch]
) -> None:
    found = specification.curve(attacked(verdict(), sketches), sketches)
    assert found is not None
    assert [one.name for one in found.sorted()] == [
        "without a",
        "scores as they are",
        "",
        "priors twice as wide",
        "without b",
    ]
    assert np.allclose([one.mean for one in found.sorted()], [0.1, 0.6, 0.7, 0.72, 0.9])
    assert found.kinds() == ("prior", "scale", "left out")
    assert found.shuffled is not None
    assert found.shuffled.name == "difficulty shuffled"


def test_the_sentence_counts_what_is_kept_and_names_what_flips(
    verdict: MakeVerdict, sketches: list[Sketch]
) -> None:
    found = specification.curve(attacked(verdict(), sketches), sketches)
    assert found is not None
    text = specification.sentences(found)
    assert "Of four analyses done otherwise all keep the sign and three keep the decision" in text
    assert "between 0.10 (without a) and 0.90 points (without b)" in text
    assert "It would be undecided without a." in text
    assert "With labels shuffled (difficulty shuffled) it is 0.00" in text


def test_a_probability_has_no_curve(verdict: MakeVerdict, sketches: list[Sketch]) -> None:
    assert specification.curve(attacked(verdict(unit=PROBABILITY), sketches), sketches) is None


def test_one_choice_is_no_curve(verdict: MakeVerdict) -> None:
    alone = [sketch("priors twice as wide", "prior", 0.7)]
    assert specification.curve(attacked(verdict(), alone), alone) is None


def test_the_figure_is_the_same_every_time_and_names_what_was_chosen(
    verdict: MakeVerdict, sketches: list[Sketch]
) -> None:
    found = specification.curve(attacked(verdict(), sketches), sketches)
    assert found is not None
    assert drawn(found) == drawn(found)
    for word in ("prior", "scale", "study left out"):
        assert f">{word}</text>" in drawn(found).svg


@pytest.mark.parametrize(("probability", "name"), [(0.99, "without a"), (0.01, "without b")])
def test_what_came_nearest_is_least_certain_of_the_decision(
    probability: float, name: str, verdict: MakeVerdict, sketches: list[Sketch]
) -> None:
    attack = specification.nearest(attacked(verdict(probability=probability), sketches))
    assert attack is not None
    assert attack.name == name


def test_nothing_comes_near_a_decision_that_there_is_not(
    verdict: MakeVerdict, sketches: list[Sketch]
) -> None:
    assert specification.nearest(attacked(verdict(probability=0.5), sketches)) is None
    assert specification.nearest_sentence(attacked(verdict(probability=0.5), sketches)) == ""


def test_nothing_is_nearest_where_nothing_moves_the_probability(verdict: MakeVerdict) -> None:
    same = [sketch("priors twice as wide", "prior", 9.0), sketch("a", "left out", 9.0)]
    assert specification.nearest_sentence(attacked(verdict(probability=0.9999), same)) == (
        "Whatever is chosen otherwise, the claimed region keeps a probability of > 0.999."
    )
