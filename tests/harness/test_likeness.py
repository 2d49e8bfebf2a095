import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from taskorder.harness.examples import (
    ChoiceExample,
    Example,
    LineExample,
    PairExample,
    SpanExample,
    TextExample,
    TokensExample,
)
from taskorder.harness.measuring.likeness import (
    Embedder,
    Floats,
    cosine,
    has_weights,
    jensen_shannon,
    texts,
    token_counts,
)
from taskorder.harness.tasks.task import Task, read_task

COUNTS = arrays.arrays(np.float64, 6, elements=st.integers(0, 1000).map(float))
VECTORS = arrays.arrays(np.float64, 4, elements=st.floats(-100, 100))


def array(*values: float) -> Floats:
    return np.array(values)


def test_divergence_by_hand() -> None:
    assert jensen_shannon(array(3, 0), array(0, 7)) == 1
    assert jensen_shannon(array(1, 2, 0), array(10, 20, 0)) == 0
    # p = (1, 0), q = (1/2, 1/2), m = (3/4, 1/4)
    expected = (math.log2(4 / 3) + 0.5 * math.log2(2 / 3) + 0.5 * math.log2(2)) / 2
    assert jensen_shannon(array(5, 0), array(2, 2)) == pytest.approx(expected)
    assert math.isnan(jensen_shannon(array(0, 0), array(1, 2)))


@given(COUNTS, COUNTS)
def test_divergence_is_symmetric_bounded_and_of_shares(p: Floats, q: Floats) -> None:
    assume(p.sum() and q.sum())
    found = jensen_shannon(p, q)
    assert 0 <= found <= 1
    assert found == pytest.approx(jensen_shannon(q, p), abs=1e-12)
    assert found == pytest.approx(jensen_shannon(7 * p, q), abs=1e-12)
    assert jensen_shannon(p, p) == pytest.approx(0, abs=1e-12)


@given(COUNTS, COUNTS)
def test_divergence_is_the_squared_distance_of_scipy(p: Floats, q: Floats) -> None:
    from scipy.spatial.distance import jensenshannon

    assume(p.sum() and q.sum() and not np.array_equal(p / p.sum(), q / q.sum()))
    assert jensen_shannon(p, q) == pytest.approx(float(jensenshannon(p, q, base=2)) ** 2, abs=1e-9)


def test_cosine_by_hand() -> None:
    assert cosine(array(1, 0), array(0, 2)) == 0
    assert cosine(array(1, 1), array(2, 2)) == pytest.approx(1)
    assert cosine(array(1, 0), array(-3, 0)) == -1
    assert cosine(array(3, 4), array(4, 3)) == pytest.approx(24 / 25)
    assert math.isnan(cosine(array(0, 0), array(1, 0)))


@given(VECTORS, VECTORS)
def test_cosine_is_symmetric_and_bounded(a: Floats, b: Floats) -> None:
    found = cosine(a, b)
    assert math.isnan(found) or -1 <= found <= 1
    assert found == pytest.approx(cosine(b, a), nan_ok=True)


@pytest.mark.parametrize(
    ("example", "read"),
    [
        (TextExample("1", "one", "two", "x"), ("one", "two")),
        (TextExample("1", "one", None, 0.5), ("one",)),
        (TokensExample("1", ("one", "two"), ("A", "B")), ("one two",)),
        (SpanExample("1", "who?", "me", (("me", 0),)), ("who?", "me")),
        (ChoiceExample("1", "p", "", ("a", "b"), 0), ("p", "a", "b")),
        (LineExample("1", "one", "two"), ("one", "two")),
        (PairExample("1", "eins", "one"), ("eins",)),
    ],
)
def test_all_that_there_is_to_read(example: Example, read: tuple[str, ...]) -> None:
    assert texts(example) == read


def test_the_other_side_of_a_pair() -> None:
    assert texts(PairExample("1", "eins", "one"), pivot=True) == ("one",)


def test_tokens_are_counted_in_full_and_without_special_ones(backbone: Callable[[str], Path]) -> None:
    from taskorder.harness.model.encoders import read_tokenizer

    tokenizer = read_tokenizer(str(backbone("bert")))
    counts = token_counts(tokenizer, ["the good the", "the " * 3000])
    vocabulary = tokenizer.get_vocab()
    assert counts[vocabulary["the"]] == 3002
    assert counts[vocabulary["good"]] == 1
    assert counts.sum() == 3003
    assert len(counts) == len(tokenizer)


@pytest.fixture
def task(tmp_path: Path) -> Task:
    path = tmp_path / "mine.toml"
    path.write_text(
        'kind = "text"\nlabels = ["no", "yes"]\nmetrics = ["accuracy"]\n'
        '[format]\nreader = "tsv"\ncolumns = { text = "text", label = "label" }\n'
        '[files]\ntrain = { en = "x.tsv" }\n'
    )
    return read_task(path)


@pytest.mark.parametrize("family", ["bert", "xlm-roberta", "xlnet"])
def test_an_encoder_mean_is_the_mean_over_examples_of_means_over_tokens(
    family: str, task: Task, backbone: Callable[[str], Path]
) -> None:
    import torch

    from taskorder.harness.model.encoders import read_tokenizer

    folder = str(backbone(family))
    tokenizer = read_tokenizer(folder)
    embedder = Embedder(folder, tokenizer, 0)
    examples = [TextExample(str(i), text, None, "no") for i, text in enumerate(["good", "the bad is the"])]
    alone: list[Floats] = []
    for example in examples:
        made = tokenizer([example.text], return_tensors="pt")
        with torch.inference_mode():
            layers = embedder.learner.encoder.layers(
                made["input_ids"], made["attention_mask"], made["token_type_ids"], every=True
            )
        alone.append(layers[2][0].mean(0).double().numpy())
    together = embedder.mean(task, examples, 32)
    np.testing.assert_allclose(together, np.mean(alone, axis=0), atol=1e-6)
    np.testing.assert_allclose(together, embedder.mean(task, examples, 32, batch_tokens=1), atol=1e-6)


def test_a_folder_without_weights_is_told(tmp_path: Path, backbone: Callable[[str], Path]) -> None:
    assert has_weights(str(backbone("bert")))
    assert has_weights("some/model-of-the-hub")
    assert not has_weights(str(tmp_path))
