from taskorder.reporting import wording


def slope(mean: float, lower: float, upper: float, rope: float = 0.0) -> str:
    numbers = (mean, lower, upper)
    return wording.slope_sentence("One sd more", "the score", numbers, "points per sd at 62", 0.8, rope)


def test_a_positive_slope_raises_and_a_negative_one_lowers() -> None:
    assert slope(0.7, 0.2, 1.2) == "One sd more raises the score by 0.70 points (95 % interval 0.20 to 1.20)."
    assert (
        slope(-1.7, -3.0, -0.4) == "One sd more lowers the score by 1.7 points (95 % interval −3.0 to −0.4)."
    )


def test_an_interval_over_zero_is_never_told_as_an_effect() -> None:
    text = slope(0.7, -0.5, 1.9)
    assert "cannot be told from zero: it is above zero with probability 0.80" in text
    assert "raises" not in text
    assert "lowers" not in text
    assert "cannot be told" in slope(0.5, 0.0, 1.0)


def test_what_is_practically_zero_is_said() -> None:
    assert "too little to matter" in slope(0.01, -0.1, 0.12, rope=0.2)
    assert "the whole interval is beyond ±0.2 points" in slope(0.7, 0.3, 1.2, rope=0.2)
    assert "±" not in slope(0.7, 0.1, 1.2, rope=0.2)


def test_numbers_have_a_minus_sign_and_no_negative_zero() -> None:
    assert wording.number(-1234.56, 1) == "−1,234.6"
    assert wording.number(-0.004, 2) == "0.00"
    assert wording.number(float("nan"), 2) == "–"
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
    assert "the later of two stages counts for more" in wording.recency_sentence(0.5, 0.4, 0.6)
    assert "the earlier of two stages counts for more" in wording.recency_sentence(1.5, 1.2, 1.9)
    assert "cannot be told" in wording.recency_sentence(1.0, 0.8, 1.2)
