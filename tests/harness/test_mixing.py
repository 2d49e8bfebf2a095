"""How often a stage takes the lines of each language, and of each of its jointly trained tasks."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")

from taskorder.harness.examples import LineExample
from taskorder.harness.experiments.settings import Training
from taskorder.harness.model.encoders import read_tokenizer
from taskorder.harness.model.encoding import Reading
from taskorder.harness.model.learner import units
from taskorder.harness.stages import training
from taskorder.harness.stages.parts import Part
from taskorder.harness.tasks.task import read_task
from taskorder.harness.tree.plan import Node
from taskorder.results.sequences import Stage

SIZES = {"en": 900, "sw": 100, "yo": 10}
OWN = Stage("raw", "mul")
NODE = Node("0" * 16, "", "any", "full", 3, ((OWN,),), "intermediate")


@pytest.fixture
def part(tmp_path: Path, backbone: Callable[[str], Path]) -> Part:
    (tmp_path / "raw.toml").write_text(
        'kind = "lines"\n[format]\nreader = "lines"\n[files]\ntrain = { mul = "*.txt" }\n'
    )
    for language, size in SIZES.items():
        (tmp_path / f"{language}.txt").write_text("the good\n" * size)
    task = read_task(tmp_path / "raw.toml")
    examples = task.examples("train", "mul")
    assert isinstance(examples[0], LineExample)
    train = Reading(read_tokenizer(str(backbone("bert"))), "lines", (), 32).encode(examples)
    return Part(OWN, task, train, units(train, "lines"), None)


def taken(part: Part, **settings: float) -> list[Counter[str]]:
    """Return how often each language is taken in each of two epochs."""
    half = training._batches([part], Training(epochs=1, **settings), NODE)
    whole = training._batches([part], Training(epochs=2, **settings), NODE)
    first, both = (
        np.concatenate([part.train.labels[batch] for _, batch in found]) for found in (half, whole)
    )
    return [Counter(str(name)[:2] for name in names) for names in (first, both[len(first) :])]


def test_each_line_once_where_nothing_is_smoothed(part: Part) -> None:
    assert taken(part) == [SIZES, SIZES]


@pytest.mark.parametrize("smoothing", [0.0, 0.3, 0.7])
def test_shares_are_sizes_to_the_power_of_the_exponent(part: Part, smoothing: float) -> None:
    powers = {language: size**smoothing for language, size in SIZES.items()}
    expected = {language: 1010 * power / sum(powers.values()) for language, power in powers.items()}
    for counts in taken(part, smoothing=smoothing):
        assert counts == {language: pytest.approx(count, abs=0.5) for language, count in expected.items()}


def test_lines_that_are_left_out_change_with_the_epoch_and_small_languages_are_repeated(part: Part) -> None:
    batches = training._batches([part], Training(epochs=8, smoothing=0.5), NODE)
    seen = Counter(int(unit) for _, batch in batches for unit in batch)
    assert len(seen) > 1000
    last = [seen[unit] for unit in range(1000, 1010)]
    assert min(last) > 40
    assert max(last) - min(last) <= 8
