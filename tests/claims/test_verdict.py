"""Verdicts: what may not be said at once cannot be; the gates hold; the clearer the posterior the clearer the
decision.
"""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorder.claims import Claim, Verdict, read_claims
from taskorder.claims.evidence import (
    ENOUGH,
    Attack,
    Attacked,
    Decision,
    Ground,
    Grounded,
    Judgement,
    Reproduced,
    decide,
)
from taskorder.claims.verdict import TIERS
from taskorder.paths import resource

PROBABILITY = st.floats(0, 1)
RANK = {"refuted": 0, "undecided": 1, "supported": 2}
CLAIM = Claim(
    "c", "Does it help?", "It helps.", "small", "difficulty_points", "above", 0.2, needs="More runs"
)

decisions = st.sampled_from(["supported", "refuted", "undecided"])
numbers = st.floats(-10, 10) | st.just(math.nan)
judgements = st.builds(
    Judgement,
    probability=PROBABILITY | st.just(math.nan),
    mean=numbers,
    lower=numbers,
    upper=numbers,
    unit=st.sampled_from(["points", "probability"]),
    diagnosed=st.booleans(),
    calibrated=st.booleans(),
)
grounds = st.integers(1, 9).flatmap(
    lambda rows: st.builds(
        Ground,
        study=st.sampled_from("abcdefgh"),
        rows=st.just(rows),
        systems=st.integers(1, 3),
        runs=st.integers(1, 9),
        sourced=st.integers(0, rows),
        sha256=st.just("0"),
    )
)
groundeds = st.builds(Grounded, st.lists(grounds, max_size=7).map(tuple))
reproductions = st.builds(Reproduced, numbers, numbers, st.floats(0, 1))
attacks = st.builds(
    Attack,
    name=st.text(max_size=3),
    kind=st.sampled_from(["prior", "study", "shuffled"]),
    probability=PROBABILITY,
    before=decisions,
    after=decisions,
    problem=st.sampled_from(["", "", "no posterior"]),
)
attackeds = st.builds(Attacked, st.lists(attacks, max_size=9).map(tuple))
verdicts = st.builds(
    Verdict,
    claim=st.just(CLAIM),
    judgement=judgements,
    grounded=st.none() | groundeds,
    reproduced=st.none() | reproductions,
    attacked=st.none() | attackeds,
)


@given(verdicts)
def test_no_evidence_gives_a_contradiction(found: Verdict) -> None:
    if found.verdict == "supported":
        assert found.judgement.diagnosed
        assert found.judgement.probability >= ENOUGH
        assert all(found.gates.values())
        assert found.attack_score <= 2
    if found.verdict == "refuted":
        assert found.judgement.diagnosed
        assert found.judgement.probability <= 1 - ENOUGH + 1e-12
    assert (found.tier == "open") == (found.verdict == "undecided")
    if found.tier == "strong":
        assert set(found.dimensions.values()) == {"high"}
    if found.verdict == "undecided":
        assert found.reasons
        json.dumps(found.as_dict(), allow_nan=False)


@given(verdicts)
def test_what_follows_cannot_be_written(found: Verdict) -> None:
    for derived in ("verdict", "tier", "gates", "attack_score", "dimensions", "reasons"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(found, derived, "supported")


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


SOUND = Verdict(
    CLAIM,
    Judgement(0.99, 0.8, 0.3, 1.2, "points", diagnosed=True, calibrated=True),
    Grounded(tuple(Ground(name, 10, 1, 5, 10, "0") for name in "abcde")),
    Reproduced(0.8, 0.81, 0.01),
    Attacked((Attack("wider", "prior", 0.98, "supported", "supported"),)),
)


def but(**fields: object) -> Verdict:
    return Verdict(**{name: getattr(SOUND, name) for name in SOUND.__dataclass_fields__} | fields)  # pyright: ignore[reportArgumentType]


def test_a_sound_claim_is_supported_and_strong() -> None:
    assert (SOUND.verdict, SOUND.tier, SOUND.attack_score, SOUND.reasons) == ("supported", "strong", 0.0, ())
    assert TIERS[-1] == "strong"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"grounded": Grounded((Ground("b", 10, 1, 5, 9, "0"),))}, "rows of b do not say"),
        ({"grounded": Grounded(())}, "no study"),
        ({"reproduced": Reproduced(0.8, 0.9, 0.01)}, "10.0 Monte Carlo errors"),
        ({"reproduced": Reproduced(0.8, math.nan, 0.01)}, "computed again it is nan"),
        ({"reproduced": Reproduced(0.8, 5.0, math.inf)}, "inf Monte Carlo errors"),
        ({"reproduced": Reproduced(0.8, 0.81, math.nan)}, "inf Monte Carlo errors"),
        ({"reproduced": None}, "not tried: whether it is reproduced"),
        (
            {"attacked": Attacked((Attack("wider", "prior", math.nan, "supported", "undecided"),))},
            "1 of 1 attacks flip the decision (wider)",
        ),
        ({"attacked": Attacked(())}, "no attack could be carried out"),
        (
            {
                "attacked": Attacked(
                    (
                        Attack("logit", "scale", 0.01, "supported", "refuted"),
                        *4 * (Attack("wider", "prior", 0.98, "supported", "supported"),),
                    )
                )
            },
            "1 of 5 attacks flip the decision (logit)",
        ),
        (
            {"attacked": Attacked((Attack("order shuffled", "shuffled", 0.99, "supported", "supported"),))},
            "order shuffled",
        ),
    ],
)
def test_each_gate_keeps_a_claim_from_being_supported(fields: dict[str, object], reason: str) -> None:
    found = but(**fields)
    assert (found.verdict, found.tier) == ("undecided", "open")
    assert any(reason in text for text in found.reasons)
    assert found.reasons[-1] == "More runs would decide it"


@pytest.mark.parametrize("passed", [True, False])
def test_a_probability_that_is_no_number_decides_nothing(passed: bool) -> None:
    judgement = Judgement(math.nan, math.nan, math.nan, math.nan, "points", diagnosed=passed)
    found = but(judgement=judgement)
    assert (found.verdict, found.tier) == ("undecided", "open")
    assert "without this estimand" in found.reasons[0]


def test_one_flip_of_five_is_borne() -> None:
    kept = Attack("wider", "prior", 0.98, "supported", "supported")
    lost = Attack("narrower", "prior", 0.9, "supported", "undecided")
    skipped = Attack("logit", "scale", math.nan, "supported", "undecided", "scores of 0")
    attacked = Attacked((kept, kept, kept, kept, lost, skipped))
    assert (attacked.tried, attacked.score, attacked.passed) == (5, 2.0, True)
    assert not Attacked((kept, kept, kept, lost)).passed


def test_shuffled_labels_attack_only_what_stands() -> None:
    assert not Attack("order shuffled", "shuffled", 0.5, "supported", "undecided").flipped
    assert not Attack("order shuffled", "shuffled", 0.5, "refuted", "undecided").flipped


def test_a_claim_that_denies_is_true_of_shuffled_labels() -> None:
    def shuffled(after: Decision) -> Attack:
        return Attack("order shuffled", "shuffled", 0.5, "supported", after, denies=True)

    assert not shuffled("supported").flipped
    assert not shuffled("undecided").flipped
    assert shuffled("refuted").flipped


def test_a_claim_without_data_is_open() -> None:
    found = Verdict(Claim("x", "Is it?", "It is.", needs="Scores of XLNet"))
    assert (found.verdict, found.tier) == ("undecided", "open")
    assert found.reasons == ("no data bear on it", "Scores of XLNet would decide it")


def test_the_shipped_claims_can_be_read() -> None:
    claims = read_claims(resource("reports/claims.toml"))
    assert claims
    assert all(claim.question.endswith("?") and claim.statement.endswith(".") for claim in claims)
