"""Sequences of stages: text and value say the same."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorder.errors import InvalidSequence
from taskorder.results.sequences import Sequence, Stage, parse, render, task_set

CODES = st.sampled_from(["en", "sw", "pcm", "zh-Hant"])
LANGUAGES = st.one_of(st.just(""), CODES, st.tuples(CODES, CODES).map("-".join))
STAGES = st.builds(Stage, st.from_regex(r"[a-z0-9]([a-z0-9_.-]{0,7}[a-z0-9_.])?", fullmatch=True), LANGUAGES)
STEPS = st.lists(STAGES, min_size=1, max_size=3).map(tuple)
SEQUENCES = st.lists(STEPS, max_size=4).map(tuple)


@given(SEQUENCES)
def test_a_sequence_survives_being_written_and_read(sequence: Sequence) -> None:
    assert parse(render(sequence)) == sequence


@given(SEQUENCES)
def test_the_task_set_forgets_the_order_and_nothing_else(sequence: Sequence) -> None:
    assert task_set(sequence) == task_set(sequence[::-1])
    steps = [step for step in task_set(sequence).split("&") if step]
    assert sorted(step.count("+") + 1 for step in steps) == sorted(len(step) for step in sequence)


@given(st.text(alphabet="ab>+[] -en", max_size=12))
def test_a_text_is_read_exactly_or_refused(text: str) -> None:
    try:
        sequence = parse(text)
    except InvalidSequence:
        return
    assert render(sequence) == text


def test_steps_joint_stages_and_languages() -> None:
    assert parse("mnli[en]+qqp>squad>mlm[sw]") == (
        (Stage("mnli", "en"), Stage("qqp")),
        (Stage("squad"),),
        (Stage("mlm", "sw"),),
    )
    assert parse("") == ()
    assert parse("tlm[en-sw]")[0][0].languages() == ("en", "sw")
    assert parse("mlm[zh-Hant]")[0][0].languages() == ("zh-Hant",)


def test_a_task_that_is_trained_twice_counts_twice() -> None:
    assert task_set(parse("mnli>squad>mnli")) != task_set(parse("squad>mnli"))


def test_joint_training_is_no_order_of_its_stages() -> None:
    assert task_set(parse("b+a>c")) == task_set(parse("c>a+b")) == "a+b&c"
    assert task_set(parse("a+b")) != task_set(parse("a>b"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mnli>", "a stage is empty"),
        (">mnli", "a stage is empty"),
        ("mnli++qqp", "a stage is empty"),
        ("mnli>>qqp", "a stage is empty"),
        (" ", "a stage is empty"),
        ("mlm[sw", "brackets"),
        ("mlm sw]", "brackets"),
        ("mlm[[sw]]", "brackets"),
        ("mlm[sw]x", "brackets"),
        ("mlm[]", "no language"),
        ("mlm[EN]", "no language"),
        ("mlm[english]", "no language"),
        ("[sw]", "a task is missing"),
        ("MNLI", "write 'mnli'"),
        ("mnli > squad", "write 'mnli>squad'"),
        ("mnli->squad", "write 'mnli>squad'"),
        ("mnli; squad", "write 'mnli>squad'"),
        ("mnli → squad", "write 'mnli>squad'"),
        ("mlm[en,sw]", "or a pair"),
        ("mnli->", "no '-' last"),
        ("MNLI -> SQuAD", "write 'mnli>squad'"),
        ("cosmos qa", "write 'cosmos_qa'"),
        ("mnli/squad", "no task key"),
    ],
)
def test_a_malformed_sequence_is_explained(text: str, says: str) -> None:
    with pytest.raises(InvalidSequence, match=re.escape(f"sequence {text!r}: ")) as caught:
        parse(text)
    assert says in str(caught.value)
