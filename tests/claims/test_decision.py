"""Decisions: never two at once, and the clearer the posterior the clearer the decision."""

from hypothesis import given
from hypothesis import strategies as st

from taskorder.claims.decision import ENOUGH, decide
from taskorder.claims.registry import read_claims
from taskorder.paths import resource

PROBABILITY = st.floats(0, 1)
RANK = {"refuted": 0, "undecided": 1, "supported": 2}


@given(PROBABILITY)
def test_a_fit_that_failed_decides_nothing(probability: float) -> None:
    assert decide(probability, passed=False) == "undecided"


@given(PROBABILITY)
def test_a_claim_and_its_opposite_are_never_both_supported(probability: float) -> None:
    both = {decide(probability, passed=True), decide(1 - probability, passed=True)}
    assert both in ({"supported", "refuted"}, {"undecided"})


@given(PROBABILITY, PROBABILITY)
def test_more_probability_never_weakens_a_claim(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert RANK[decide(low, passed=True)] <= RANK[decide(high, passed=True)]


@given(PROBABILITY)
def test_what_is_enough(probability: float) -> None:
    assert (decide(probability, passed=True) == "supported") == (probability >= ENOUGH)


def test_the_shipped_claims_can_be_read() -> None:
    claims = read_claims(resource("reports/claims.toml"))
    assert claims
    assert all(claim.question.endswith("?") and claim.statement.endswith(".") for claim in claims)
