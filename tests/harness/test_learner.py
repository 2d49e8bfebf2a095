from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")

from taskorder.harness.examples import (
    ChoiceExample,
    Example,
    Kind,
    LineExample,
    PairExample,
    SpanExample,
    TextExample,
    TokensExample,
)
from taskorder.harness.model.encoders import Tuning, read_encoder, read_tokenizer
from taskorder.harness.model.encoding import Encoded, Reading
from taskorder.harness.model.heads import fresh
from taskorder.harness.model.learner import Learner, Masking, Vocabulary, masked, parameters, units
from taskorder.harness.model.predicting import EvaluationSet, predict

LABELS: dict[Kind, tuple[str, ...]] = {"text": ("neg", "pos"), "tokens": ("A", "B", "C")}
EXAMPLES: dict[Kind, list[Example]] = {
    "text": [
        TextExample(str(i), ("bad is", "the good")[i % 2], None, ("neg", "pos")[i % 2]) for i in range(24)
    ],
    "tokens": [
        TokensExample(str(i), ("good", "bad", "is") * (1 + i % 3), ("A", "B", "C") * (1 + i % 3))
        for i in range(24)
    ],
    "span": [
        SpanExample(str(i), "who?", "x" * (i % 7) + " the good abc is", (("abc", i % 7 + 10),))
        for i in range(24)
    ],
    "choice": [
        ChoiceExample(str(i), "the", "", ("good", "bad", "is")[: 2 + i % 2][:: 1 - 2 * (i % 2)], 2 * (i % 2))
        for i in range(24)
    ],
    "lines": [LineExample(str(i), "abc def the good", "bad is the") for i in range(24)],
}
OPTIONS = {"rank": 4, "alpha": 8, "tokens": 5}


def learner(folder: Path, kind: Kind, tuning: Tuning = "full") -> tuple[Learner, Any]:
    encoder = read_encoder(str(folder), tuning, OPTIONS, 1)
    tokenizer = read_tokenizer(str(folder))
    generator = torch.Generator().manual_seed(0)
    heads = {}
    if kind != "retrieval":
        heads["x.1"] = fresh(kind, len(LABELS.get(kind, ())) or 1, encoder.sizes, generator)
    return Learner(encoder, heads, Vocabulary.of(tokenizer)), tokenizer


def encode(tokenizer: Any, kind: Kind, examples: Sequence[Example]) -> Encoded:
    return Reading(tokenizer, kind, LABELS.get(kind, ()), 64).encode(examples)


@pytest.mark.parametrize("family", ["bert", "roberta", "xlm-roberta", "xlnet"])
@pytest.mark.parametrize("kind", list(EXAMPLES))
def test_every_kind_is_learnt_and_predicted(kind: Kind, family: str, backbone: Callable[[str], Path]) -> None:
    torch.manual_seed(0)
    own, tokenizer = learner(backbone(family), kind)
    encoded = encode(tokenizer, kind, EXAMPLES[kind])
    divided = units(encoded, kind)
    optimiser = torch.optim.AdamW(parameters(own, 0.0), lr=3e-3)
    masking = Masking(0.15, np.random.default_rng(0))
    losses: list[float] = []
    for _ in range(40):
        loss = own.loss("x.1", kind, encoded, divided.features(np.arange(24)), masking)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
    if kind == "lines":
        return
    halves = [EXAMPLES[kind][:7], EXAMPLES[kind][7:]]
    sets = [EvaluationSet(half, encode(tokenizer, kind, half)) for half in halves]
    found = predict(own, "x.1", kind, LABELS.get(kind, ()), sets, 200)
    assert [len(half) for half in found] == [7, 17]
    predicted = [prediction for half in found for prediction in half]
    assert sum(a == _gold(b) for a, b in zip(predicted, EXAMPLES[kind], strict=True)) >= 20


def _gold(example: Any) -> Any:
    if isinstance(example, SpanExample):
        return example.answers[0][0]
    return example.labels if isinstance(example, TokensExample) else example.label


@pytest.mark.parametrize("tuning", ["lora", "prompt"])
@pytest.mark.parametrize("kind", list(EXAMPLES))
def test_every_kind_is_learnt_under_an_adapter(
    kind: Kind, tuning: Tuning, backbone: Callable[[str], Path]
) -> None:
    own, tokenizer = learner(backbone("xlm-roberta"), kind, tuning)
    encoded = encode(tokenizer, kind, EXAMPLES[kind])
    masking = Masking(0.15, np.random.default_rng(0))
    optimiser = torch.optim.AdamW(parameters(own, 0.0), lr=1e-2)
    everything = units(encoded, kind).features(np.arange(24))
    before = {name: p.detach().clone() for name, p in own.named_parameters()}
    for _ in range(4):
        loss = own.loss("x.1", kind, encoded, everything, masking)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    changed = {name for name, p in own.named_parameters() if not torch.equal(p, before[name])}
    assert any("lora" in name or "prompt" in name for name in changed)
    assert all("lora" in name or "prompt" in name or name.startswith("heads.") for name in changed)


def test_batches_change_no_prediction(backbone: Callable[[str], Path]) -> None:
    own, tokenizer = learner(backbone("roberta"), "retrieval")
    examples = [PairExample(str(i), "abc " * (1 + i % 9), "the " * (1 + i % 5)) for i in range(30)]
    whole = EvaluationSet(examples, encode(tokenizer, "retrieval", examples))
    (alone,), (together,) = (predict(own, "", "retrieval", (), [whole], tokens) for tokens in (1, 100_000))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_masks_leave_special_tokens_alone_and_have_their_shares() -> None:
    vocabulary = Vocabulary(pad=1, mask=4, classification=0, special=frozenset({0, 1, 2, 4}), size=100)
    ids = np.random.default_rng(0).integers(5, 100, (200, 100))
    ids[:, 0], ids[:, -1], ids[:, 50:60] = 0, 2, 1
    chosen, shown = masked(ids, vocabulary, Masking(0.15, np.random.default_rng(1)))
    ordinary = ~np.isin(ids, [0, 1, 2])
    assert not chosen[~ordinary].any()
    assert (shown[~chosen] == ids[~chosen]).all()
    error = 4 * np.sqrt(0.15 * 0.85 / ordinary.sum())
    assert chosen[ordinary].mean() == pytest.approx(0.15, abs=error)
    assert (shown[chosen] == 4).mean() == pytest.approx(0.8, abs=0.03)
    assert (shown[chosen] == ids[chosen]).mean() == pytest.approx(0.11, abs=0.03)


def test_a_batch_of_one_short_line_has_something_to_guess() -> None:
    vocabulary = Vocabulary(pad=1, mask=4, classification=0, special=frozenset({0, 2}), size=100)
    for seed in range(20):
        chosen, _ = masked(np.array([[0, 7, 2]]), vocabulary, Masking(0.15, np.random.default_rng(seed)))
        assert chosen.tolist() == [[False, True, False]]
