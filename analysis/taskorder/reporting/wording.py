"""Numbers in words: every sentence of the report that says something about an estimate is made here.

What a sentence claims follows from the numbers that it is given, never from what was expected of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from taskorder.claims import Verdict
from taskorder.claims.evidence import ENOUGH
from taskorder.inference.estimands import PROBABILITY, RATIO

type Direction = Literal["positive", "negative", "undecided"]

MINUS = "\N{MINUS SIGN}"
_NUMBER_WORDS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)


def number(value: float, decimals: int) -> str:
    """Return a number with a proper minus sign and commas; what rounds to zero has no sign."""
    if not math.isfinite(value):
        return "–"
    text = f"{abs(value):,.{decimals}f}"
    negative = value < 0 and any(digit in "123456789" for digit in text)
    return f"{MINUS}{text}" if negative else text


def signed(value: float, decimals: int) -> str:
    """Return a number with its sign, also where it is positive."""
    text = number(value, decimals)
    positive = value > 0 and any(digit in "123456789" for digit in text)
    return f"+{text}" if positive else text


def decimals_for(*widths: float) -> int:
    """Return how many decimals show the narrowest of some intervals with two digits that matter."""
    finite = [width for width in widths if math.isfinite(width) and width > 0]
    if not finite:
        return 2
    return min(4, max(0, 1 - math.floor(math.log10(min(finite) / 2))))


def interval(lower: float, upper: float, decimals: int) -> str:
    """Return an interval as `−0.5 to 1.9`."""
    if not (math.isfinite(lower) or math.isfinite(upper)):
        return "–"
    return f"{number(lower, decimals)} to {number(upper, decimals)}"


def probability(value: float) -> str:
    """Return a probability with two decimals, three near 0 and 1, and never as certain."""
    if not math.isfinite(value):
        return "–"
    if value < 0.001:
        return "< 0.001"
    if value > 0.999:
        return "> 0.999"
    return f"{value:.3f}" if value < 0.01 or value > 0.99 else f"{value:.2f}"


def count(value: int) -> str:
    """Return a whole number in digits, with commas between thousands."""
    return f"{value:,}"


def counted_plain(value: int) -> str:
    """Return a whole number, up to twelve in words: `one`, `1,512`."""
    return _NUMBER_WORDS[value] if 0 <= value < len(_NUMBER_WORDS) else count(value)


def counted(value: int, noun: str, plural: str = "") -> str:
    """Return a whole number with its noun: `one study`, `1,512 rows`."""
    return f"{counted_plain(value)} {noun if value == 1 else plural or noun + 's'}"


def claimed(verdict: Verdict) -> str:
    """Return the region that a claim names, with its unit where that is one."""
    if verdict.judgement.unit in {PROBABILITY, RATIO}:
        return verdict.region.removesuffix(f" {RATIO}")
    return amount(verdict.claim.region_in_words(), verdict.judgement.unit)


def listed(words: Sequence[str]) -> str:
    """Return words joined as in a sentence: `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def direction(above_zero: float) -> Direction:
    """Say on which side of zero an estimate is, by the posterior probability that it is above.

    The rule is that of the verdicts on claims: a side needs the probability `ENOUGH`.
    """
    if above_zero >= ENOUGH:
        return "positive"
    return "negative" if 1.0 - above_zero >= ENOUGH else "undecided"


def short_unit(unit: str) -> str:
    """Return the unit without what it is per and at: `points per sd at 62` is `points`."""
    return unit.split(" per ")[0].split(" at ")[0].replace("_", " ")


def long_unit(unit: str) -> str:
    """Return the unit in full: `points per sd at 62` is `points per standard deviation, at a score of 62`."""
    words = unit.replace("_", " ")
    return words.replace(" per sd", " per standard deviation").replace(" at ", ", at a score of ")


def amount(text: str, unit: str) -> str:
    """Return a number, as text, with its unit, if it has one: in the singular of one."""
    words = short_unit(unit)
    one = text.split()[-1].lstrip("±+−") == "1"
    return f"{text} {words.removesuffix('s') if one else words}".rstrip()


def slope_sentence(
    subject: str,
    outcome: str,
    estimate: tuple[float, float, float],
    unit: str,
    above_zero: float,
    rope: float = 0.0,
) -> str:
    """Say what a slope is.

    Parameters
    ----------
    subject : str
        What changes, such as `One standard deviation more difficulty of the intermediate task`.
    outcome : str
        What is changed, such as `the score`.
    estimate : (float, float, float)
        Posterior mean, and the ends of the 95 % interval.
    unit : str
        As in the summary; may be empty.
    above_zero : float
        The posterior probability that it is positive.
    rope : float
        Half the width of the region that is practically zero; 0 if there is none.
    """
    mean, lower, upper = estimate
    places = decimals_for(upper - lower)
    inside = f"(95 % interval {interval(lower, upper, places)})"
    found = direction(above_zero)
    if found == "undecided":
        change = f"changes {outcome} by {amount(signed(mean, places), unit)} {inside}"
        tail = (
            f", which cannot be told from zero: it is above zero with probability {probability(above_zero)}"
        )
    else:
        verb = "raises" if found == "positive" else "lowers"
        change = f"{verb} {outcome} by {amount(number(abs(mean), places), unit)} {inside}"
        tail = "" if lower > 0 or upper < 0 else f"; it is {_side(above_zero)}"
    return f"{subject} {change}{tail}{_practically(lower, upper, rope, unit)}."


def _side(above_zero: float) -> str:
    """Say on which side of zero an estimate probably is, and how probably."""
    if above_zero >= 0.5:
        return f"above zero with probability {probability(above_zero)}"
    return f"below zero with probability {probability(1.0 - above_zero)}"


def _practically(lower: float, upper: float, rope: float, unit: str) -> str:
    if not rope > 0:
        return ""
    limit = amount(f"{rope:g}", unit)
    if -rope <= lower and upper <= rope:
        return f"; the whole interval is within ±{limit}, too little to matter"
    return f"; the whole interval is beyond ±{limit}" if lower >= rope or upper <= -rope else ""


def mean_sentence(
    level: str, outcome: str, estimate: tuple[float, float, float], unit: str, above_zero: float
) -> str:
    """Say what the outcome is at a level of a column; the other parameters are those of a slope."""
    mean, lower, upper = estimate
    places = decimals_for(upper - lower)
    change = f"{amount(signed(mean, places), unit)} (95 % interval {interval(lower, upper, places)})"
    tail = ""
    if direction(above_zero) == "undecided":
        tail = f", which cannot be told from zero: it is {_side(above_zero)}"
    elif lower <= 0 <= upper:
        tail = f"; it is {_side(above_zero)}"
    return f"With {level} {outcome} is {change}{tail}."


def interaction_sentence(
    first: str, second: str, estimate: tuple[float, float, float], unit: str, above_zero: float
) -> str:
    """Say how the slope of one moderator changes with another; the parameters are those of a slope."""
    mean, lower, upper = estimate
    places = decimals_for(upper - lower)
    tail = {
        "positive": "the two support each other",
        "negative": "the one weakens the other",
        "undecided": "that the two act together cannot be told from zero",
    }[direction(above_zero)]
    if lower <= 0 <= upper:
        tail += f" (it is {_side(above_zero)})"
    change = f"{amount(signed(mean, places), unit)} (95 % interval {interval(lower, upper, places)})"
    return f"With every standard deviation more {second} the slope of {first} changes by {change}: {tail}."


def level_sentence(subject: str, mean: float, lower: float, upper: float, unit: str) -> str:
    """Say what a quantity is that is no slope."""
    places = decimals_for(upper - lower)
    return (
        f"{subject} is {amount(number(mean, places), unit)} (95 % interval {interval(lower, upper, places)})."
    )


def recency_sentence(mean: float, lower: float, upper: float, above_one: float) -> str:
    """Say what one step further from the target does to a stage's weight, with its 95 % interval.

    `above_one` is the posterior probability that the weight grows with every step.
    """
    places = decimals_for(upper - lower)
    tail = {
        "negative": "the later of two stages counts for more",
        "positive": "the earlier of two stages counts for more",
        "undecided": "whether the later or the earlier of two stages counts for more cannot be told",
    }[direction(above_one)]
    return (
        f"Every step further from the target multiplies the effect of a stage by {number(mean, places)}"
        f" (95 % interval {interval(lower, upper, places)}): {tail}."
    )


def vaguest_sentence(label: str, lower: float, upper: float, mean: float, unit: str) -> str:
    """Name the estimate whose interval is widest beside its own size."""
    places = decimals_for(upper - lower)
    ratio = (upper - lower) / abs(mean) if mean else math.inf
    times = f"{number(ratio, 0 if ratio >= 10 else 1)} times" if ratio < 100 else "more than 100 times"
    return (
        f"Least certain beside its own size is {label}: its interval,"
        f" {amount(interval(lower, upper, places), unit)}, is {times} as wide as the estimate is large."
    )


def sentence_case(text: str) -> str:
    """Return a text with its first letter capital and the others as they are."""
    return text[:1].upper() + text[1:]


def signs_sentence(slope: str, groups: str, signs: Sequence[Direction]) -> str:
    """Say at how many levels of a group a slope has which sign.

    Parameters
    ----------
    slope : str
        Such as `the slope of difficulty`.
    groups : str
        What the levels are, such as `systems`.
    signs : sequence of Direction
        One a level.
    """
    above, below = signs.count("positive"), signs.count("negative")
    unclear = len(signs) - above - below
    if len(signs) in (above, below):
        side = "above" if above else "below"
        return sentence_case(f"{slope} is {side} zero in all {counted_plain(len(signs))} {groups}.")
    if unclear == len(signs):
        return f"The sign of {slope} can be told in none of {counted_plain(len(signs))} {groups}."
    clear = [f"above zero in {counted_plain(above)}"] * (above > 0)
    clear += [f"below zero in {counted_plain(below)}"] * (below > 0)
    rest = f"; in {counted_plain(unclear)} it cannot be told from zero" if unclear else ""
    text = f"{slope} is {' and '.join(clear)} of {counted_plain(len(signs))} {groups}{rest}."
    return sentence_case(text)
