from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("transformers", reason="the extra `train` is not installed")

from taskorder.errors import InvalidTask
from taskorder.harness.examples import (
    ChoiceExample,
    Kind,
    LineExample,
    PairExample,
    SpanExample,
    TextExample,
    TokensExample,
)
from taskorder.harness.model.encoders import read_tokenizer
from taskorder.harness.model.encoding import IGNORED, Encoded, Reading, joined, kept, refuse_unanswerable
from taskorder.harness.stages.features import CLEAN, PERTURBED, features

WORD = st.text(st.sampled_from("abcdefgäéжα0"), min_size=1, max_size=12)
LABELS = ("A", "B")


@pytest.fixture(scope="module", params=["bert", "xlnet"])
def tokenizer(request: pytest.FixtureRequest, backbone: Callable[[str], Path]) -> Any:
    return read_tokenizer(str(backbone(request.param)))


def reading(tokenizer: Any, kind: Kind, length: int = 32) -> Reading:
    return Reading(tokenizer, kind, LABELS if kind in ("text", "tokens") else (), length)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(st.lists(WORD, min_size=1, max_size=40), min_size=1, max_size=5))
def test_every_word_is_labelled_once_whatever_the_windows(tokenizer: Any, sentences: list[list[str]]) -> None:
    examples = [
        TokensExample(str(i), tuple(words), tuple(LABELS[len(word) % 2] for word in words))
        for i, words in enumerate(sentences)
    ]
    made = reading(tokenizer, "tokens").encode(examples)
    assert made.lengths.max() <= 32
    owner = np.repeat(made.owner, made.lengths)
    labelled = made.labels != IGNORED
    assert np.array_equal(labelled, made.places >= 0)
    found = list(zip(owner[labelled], made.places[labelled], strict=True))
    assert found == [(i, j) for i, words in enumerate(sentences) for j in range(len(words))]
    assert [LABELS[i] for i in made.labels[labelled]] == [
        label for example in examples for label in example.labels
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(WORD, min_size=3, max_size=60), st.data())
def test_a_window_that_holds_the_answer_says_where(tokenizer: Any, words: list[str], data: Any) -> None:
    first = data.draw(st.integers(0, len(words) - 1))
    answer = " ".join(words[first : first + 2])
    start = len(" ".join(words[:first])) + (first > 0)
    example = SpanExample(
        "0", "who is " + "that " * data.draw(st.integers(0, 80)), " ".join(words), ((answer, start),)
    )
    assert example.context[start : start + len(answer)] == answer
    made = reading(tokenizer, "span", 64).encode([example])
    assert made.lengths.max() <= 64
    for i, (left, right) in enumerate(made.labels):
        places = made.places[made.starts[i] : made.starts[i + 1]]
        if places[left, 0] >= 0:
            assert example.context[places[left, 0] : places[right, 1]] == answer
    covered = made.places[made.places[:, 0] >= 0]
    assert covered[:, 0].min() == 0
    assert covered[:, 1].max() == len(example.context)


def test_a_tokeniser_that_cuts_every_answer_off_is_refused(tokenizer: Any) -> None:
    long = "abcdefghijklmnopqrstuvwxyz" * 2
    example = SpanExample("0", "who?", f"the {long} end", ((f"{long} end", 4),))
    made = reading(tokenizer, "span", 24).encode([example])
    with pytest.raises(InvalidTask, match="max_length = 24"):
        refuse_unanswerable(made, "quiz", 24)
    refuse_unanswerable(reading(tokenizer, "span", 128).encode([example]), "quiz", 128)


def test_an_answer_of_one_token_is_an_answer(tokenizer: Any) -> None:
    example = SpanExample("0", "who?", "the good", (("good", 4),))
    made = reading(tokenizer, "span").encode([example])
    ((first, last),) = made.labels
    assert first == last > 0
    refuse_unanswerable(made, "quiz", 32)


def test_texts_pairs_choices_lines_and_sentences(tokenizer: Any) -> None:
    decode = tokenizer.decode
    pair = reading(tokenizer, "text").encode([TextExample("0", "the good", "bad", "B")])
    assert pair.labels.tolist() == [1]
    assert "the good</s>bad" in decode(pair.ids).replace(" </s> ", "</s>")
    number = Reading(tokenizer, "text", (), 32).encode([TextExample("0", "good", None, 0.25)])
    assert number.labels.tolist() == [0.25]
    choice = reading(tokenizer, "choice").encode(
        [
            ChoiceExample("0", "the", "is", ("good", "bad"), 1),
            ChoiceExample("1", "the", "", ("good", "bad", "is"), 2),
        ]
    )
    assert choice.owner.tolist() == [0, 0, 1, 1, 1]
    assert choice.labels.tolist() == [1, 1, 2, 2, 2]
    line = reading(tokenizer, "lines").encode(
        [LineExample("0", "good bad", "the is"), LineExample("1", "good")]
    )
    assert decode(line.ids[line.starts[0] + line.places[0] :][:2]) == "the is"
    assert line.places[1] == 0
    both = reading(tokenizer, "retrieval").encode([PairExample("0", "good", "bad")])
    assert both.owner.tolist() == [0, 0]


def test_features_are_kept_and_mapped(tokenizer: Any, tmp_path: Path) -> None:
    def make() -> Encoded:
        return reading(tokenizer, "text").encode([TextExample("0", "good", None, "A")])

    first = kept(tmp_path / "key", make)
    again = kept(tmp_path / "key", lambda: pytest.fail("made again"))
    assert isinstance(again.ids, np.memmap)
    assert np.array_equal(first.ids, again.ids)
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_features_of_other_code_are_others(tokenizer: Any, tmp_path: Path) -> None:
    """Perturbed texts are their data's and the noise's: those of an earlier noise are not read."""

    def length(text: str, modules: Sequence[str]) -> int:
        examples = [TextExample("0", text, None, "A")]
        made = features(
            tmp_path / "nodes" / "1", reading(tokenizer, "text"), ["x"], lambda: examples, modules
        )
        return int(made.lengths[0])

    first = length("good", CLEAN)
    assert length("good bad is", CLEAN) == first
    assert length("good bad is", PERTURBED) > first


def test_joined_sets_keep_their_features(tokenizer: Any) -> None:
    sets = [[PairExample("0", "good", "bad")], [PairExample("0", "is", "the"), PairExample("1", "bad", "is")]]
    made = [reading(tokenizer, "retrieval").encode(one) for one in sets]
    whole = joined(made, [1, 2])
    assert whole.owner.tolist() == [0, 0, 1, 1, 2, 2]
    assert np.array_equal(whole.ids, np.concatenate([one.ids for one in made]))
    assert whole.starts[-1] == len(whole.ids)
