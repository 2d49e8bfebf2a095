"""What would change our mind about a claim."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from taskorder.claims import Claim, Verdict
from taskorder.claims.claim import Region
from taskorder.claims.evidence import ENOUGH, Attack, Attacked, Grounded
from taskorder.reporting.changing import change, needed

MakeVerdict = Callable[..., Verdict]


def claim(region: Region, at: float = 0.0, rope: float = 0.5) -> Claim:
    return Claim("c", "q", "s", "m", "e", region, at, rope)


@given(st.floats(0.6, 3.0), st.floats(0.7, 3.0), st.sampled_from(["above", "below"]))
def test_the_interval_that_is_called_for_decides_and_no_wider_one(
    mean: float, sd: float, region: Region
) -> None:
    side = 1.0 if region == "above" else -1.0
    times, decision = needed(claim(region), side * mean, sd)
    if times == math.inf:
        assert sd / (mean - 0.5) > 15
        return
    assert decision == "supported"
    assert norm.cdf((mean - 0.5) * times / sd) >= ENOUGH - 1e-9
    assert times == 1.0 or norm.cdf((mean - 0.5) * times / sd) < ENOUGH + 0.01


def test_a_mean_on_the_other_side_refutes() -> None:
    assert needed(claim("above"), 0.0, 1.0)[1] == "refuted"
    assert needed(claim("within"), 2.0, 3.0)[1] == "refuted"
    assert needed(claim("within"), 0.1, 3.0)[1] == "supported"


def test_a_mean_at_the_limit_is_never_decided() -> None:
    assert needed(claim("above"), 0.5, 1.0) == (math.inf, "undecided")


def test_an_open_claim_says_how_many_times_the_data(verdict: MakeVerdict) -> None:
    sd = 1.0
    found = verdict(
        probability=0.8, mean=0.95, lower=0.95 - 1.96 * sd, upper=0.95 + 1.96 * sd, needs="more runs"
    )
    text = change(found)["text"]
    times = norm.ppf(0.95) / ((0.95 - 0.2) / sd)
    assert f"an interval {times:.1f} times as narrow would make it supported" in text
    assert f"about {times**2:.1f} times the independent data" in text
    assert text.endswith("More runs would decide it.")


def test_an_open_claim_names_the_choices_under_which_it_is_decided(verdict: MakeVerdict) -> None:
    attack = Attack("scores as they are", "scale", 0.99, "undecided", "supported")
    found = replace(verdict(probability=0.8), attacked=Attacked((attack,)))
    assert "It would be supported under: scores as they are." in change(found)["text"]


def test_a_decided_claim_names_what_came_nearest(verdict: MakeVerdict) -> None:
    text = change(verdict())["text"]
    assert "None of 1 other choices of the analysis flips the decision." in text
    assert "With priors twice as wide comes nearest to flipping the decision" in text


def test_a_gate_that_is_closed_is_named(verdict: MakeVerdict) -> None:
    found = replace(verdict(), grounded=Grounded(()))
    assert change(found)["mark"]["word"] == "undecided"
    assert "it would be supported if it were grounded, too" in change(found)["text"]


@pytest.mark.parametrize("needs", ["", "scores of XLNet"])
def test_without_data_only_what_is_needed_is_said(needs: str) -> None:
    text = change(Verdict(Claim("c", "q", "XLNet is worse.", needs=needs)))["text"]
    assert text == "There are no data." + (" Scores of XLNet would decide it." if needs else "")


def test_a_fit_that_failed_comes_first(verdict: MakeVerdict) -> None:
    assert change(verdict(diagnosed=False))["text"] == "A fit that passes its diagnostics comes first."
