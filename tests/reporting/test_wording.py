from taskorder.claims.evidence import decide
from taskorder.reporting import wording


def slope(mean: float, lower: float, upper: float, above_zero: float, rope: float = 0.0) -> str:
    numbers = (mean, lower, upper)
    return wording.slope_sentence(
        "One sd more", "the score", numbers, "points per sd at 62", above_zero, rope
    )


def test_a_positive_slope_raises_and_a_negative_one_lowers() -> None:
    assert (
        slope(0.7, 0.2, 1.2, 0.99)
        == "One sd more raises the score by 0.70 points (95 % interval 0.20 to 1.20)."
    )
    lowered = slope(-1.7, -3.0, -0.4, 0.01)
    assert lowered == "One sd more lowers the score by 1.7 points (95 % interval −3.0 to −0.4)."


def test_what_lacks_a_probable_sign_is_never_told_as_an_effect() -> None:
    for above_zero in (0.8, 0.94, 0.06):
        text = slope(0.7, -0.5, 1.9, above_zero)
        assert f"cannot be told from zero: it is above zero with probability {above_zero:.2f}" in text
        assert "raises" not in text
        assert "lowers" not in text


def test_a_sign_is_told_by_the_rule_that_decides_claims() -> None:
    assert slope(0.7, -0.1, 1.5, 0.96).endswith("; it is above zero with probability 0.96.")
    assert slope(-0.7, -1.5, 0.1, 0.04).endswith("; it is below zero with probability 0.96.")
    for above in (0.949, 0.95, 0.96, 0.5, 0.051, 0.05):
        told = "cannot be told" not in slope(0.7, -0.1, 1.5, above)
        assert told == (decide(above, passed=True) != "undecided")


def test_an_interaction_of_a_probable_sign_is_told_with_its_probability() -> None:
    numbers = (-0.7, -1.5, 0.1)
    text = wording.interaction_sentence("difficulty", "similarity", numbers, "points", 0.04)
    assert "the one weakens the other (it is below zero with probability 0.96)" in text
    assert "cannot be told" in wording.interaction_sentence("a", "b", numbers, "points", 0.06)


def test_what_is_practically_zero_is_said() -> None:
    assert "too little to matter" in slope(0.01, -0.1, 0.12, 0.6, rope=0.2)
    assert "the whole interval is beyond ±0.2 points" in slope(0.7, 0.3, 1.2, 0.99, rope=0.2)
    assert "±" not in slope(0.7, 0.1, 1.2, 0.98, rope=0.2)


def test_numbers_have_a_minus_sign_and_no_negative_zero() -> None:
    assert wording.number(-1234.56, 1) == "−1,234.6"
    assert wording.number(-0.004, 2) == "0.00"
    assert wording.number(float("nan"), 2) == "–"
    assert wording.interval(float("nan"), float("nan"), 2) == "–"
    assert wording.signed(0.3, 1) == "+0.3"
    assert wording.signed(0.001, 1) == "0.0"


def test_decimals_follow_the_width_of_the_interval() -> None:
    assert [wording.decimals_for(width) for width in (40.0, 2.4, 0.4, 0.004, 1e-9)] == [0, 1, 2, 4, 4]
    assert wording.decimals_for(0.0, float("nan")) == 2


def test_a_probability_is_never_printed_as_certain() -> None:
    assert wording.probability(1.0) == "> 0.999"
    assert wording.probability(0.0) == "< 0.001"
    assert wording.probability(0.995) == "0.995"
    assert wording.probability(0.5) == "0.50"


def test_signs_over_levels() -> None:
    clear = wording.signs_sentence("the slope", "systems", ["positive"] * 3)
    assert clear == "The slope is above zero in all three systems."
    unclear = wording.signs_sentence("the slope", "systems", ["undecided"] * 2)
    assert unclear == "The sign of the slope can be told in none of two systems."
    mixed = wording.signs_sentence("the slope", "systems", ["positive", "negative", "undecided"])
    assert mixed == (
        "The slope is above zero in one and below zero in one of three systems;"
        " in one it cannot be told from zero."
    )


def test_recency_says_which_stage_counts_for_more() -> None:
    assert "the later of two stages counts for more" in wording.recency_sentence(0.5, 0.4, 0.6, 0.01)
    assert "the earlier of two stages counts for more" in wording.recency_sentence(1.5, 1.2, 1.9, 0.99)
    assert "cannot be told" in wording.recency_sentence(1.0, 0.8, 1.2, 0.5)


def test_one_has_its_unit_in_the_singular() -> None:
    amounts = [wording.amount(text, "points per sd at 62") for text in ("above 1", "±1", "0.1", "11")]
    assert amounts == ["above 1 point", "±1 point", "0.1 points", "11 points"]
