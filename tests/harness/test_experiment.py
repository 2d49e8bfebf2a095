"""An experiment file: what it means, and how its mistakes are named."""

import itertools
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorder.errors import InvalidExperiment
from taskorder.harness.experiments.experiment import Experiment, read_experiment
from taskorder.harness.experiments.orders import sequences_of
from taskorder.harness.experiments.settings import Sample, Sequences
from taskorder.results.sequences import render

EXAMPLE = """\
name = "orders"
backbones = ["some/tiny-encoder"]
seeds = [0, 1]
tuning = ["full", "lora"]

[sequences]
pool = ["deprel", "ner", "mlm[sw]", "sst2+mrpc"]
lengths = [0, 1, 2]
orders = "all"

[targets]
udpos = { train = "en", evaluate = ["de", "fi"] }
sib200 = { evaluate = "all", reuse_head = "ner" }

[training]
epochs = 2
learning_rate = 5e-5
keep = "none"

[training.lora]
rank = 4
epochs = 5

[training.ner]
epochs = 1

[evaluation]
perturbations = ["typos:0.1", "case"]
"""


def read(folder: Path, text: str) -> Experiment:
    file = folder / "experiment.toml"
    file.write_text(text, encoding="utf-8")
    return read_experiment(file)


def changed(old: str, new: str) -> str:
    assert old in EXAMPLE
    return EXAMPLE.replace(old, new, 1)


def test_a_file_is_read(tmp_path: Path) -> None:
    experiment = read(tmp_path, EXAMPLE)
    assert experiment.study == experiment.name == "orders"
    assert experiment.keep == "none"
    assert experiment.folder == tmp_path
    assert [str(p) for p in experiment.perturbations()] == ["typos:0.1", "case:0.5"]
    assert len(experiment.orders()) == 1 + 4 + 12
    assert experiment.orders()[0] == ()
    assert render(experiment.orders()[-1]) == "sst2+mrpc>mlm[sw]"
    assert experiment.backbone_name("some/tiny-encoder") == "tiny-encoder"


def test_the_nearer_table_decides(tmp_path: Path) -> None:
    experiment = read(tmp_path, EXAMPLE)
    assert experiment.training_for("udpos", "full").epochs == 2
    assert experiment.training_for("udpos", "lora").epochs == 5
    assert experiment.training_for("ner", "lora").epochs == 1
    assert experiment.training_for("ner", "lora").rank == 4
    assert experiment.training_for("ner[en]", "full").epochs == 1


def test_a_backbone_is_found_beside_the_file_or_in_its_checkout(tmp_path: Path) -> None:
    (tmp_path / "analysis/taskorder").mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "models/tiny").mkdir(parents=True)
    folder = tmp_path / "data/experiments/one"
    folder.mkdir(parents=True)
    experiment = read(folder, changed("some/tiny-encoder", "models/tiny"))
    assert experiment.backbone_place("models/tiny") == str(tmp_path / "models/tiny")
    assert experiment.backbone_place("xlm-roberta-base") == "xlm-roberta-base"


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("seeds", "seed", 3, "Did you mean 'seeds'?"),
        ('"lora"]', '"lara"]', 4, "Did you mean 'lora'?"),
        ("pool", "pol", 7, "Did you mean 'pool'?"),
        ('"all"\n\n', "{ sampel = 3 }\n\n", 9, "Did you mean 'sample'?"),
        ("train =", "trian =", 12, "Did you mean 'train'?"),
        ('"fi"', '"finnish"', 12, "write an ISO 639 code"),
        ("epochs = 2", "epoch = 2", 16, "Did you mean 'epochs'?"),
        ("epochs = 2", "epochs = nan", 16, "finite"),
        ("epochs = 2", "epochs = 0", 16, "greater than 0"),
        ('"none"', '"leafs"', 18, "Did you mean 'leaves'?"),
        ("rank = 4", "tokens = 4", 21, "only prompt has it"),
        ("epochs = 5", "epochs = -5", 22, "greater than 0"),
        ("[training.ner]", "[training.nre]", 24, "Did you mean 'ner'?"),
        ("typos", "tpyos", 28, "Did you mean 'typos'?"),
        ("typos:0.1", "typos:1.1", 28, "above 0 and at most 1"),
        ('"deprel"', '"Dep rel"', 7, "blank"),
        ('"deprel"', '"ner"', 7, "listed twice"),
        ('"deprel"', '"a>b"', 7, "no single step"),
        ("mlm[sw]", "mlm", 7, "one language"),
        ("mlm[sw]", "tlm[en]", 7, "a pair"),
        ("[0, 1, 2]", "[0, 5]", 8, "at most once"),
        ('reuse_head = "ner"', 'reuse_head = "nre"', 13, "Did you mean 'ner'?"),
        ('"orders"', '"../orders"', 1, "letters, digits"),
        ('["some/tiny-encoder"]', '["a/x", "b/x"]', 2, "listed twice"),
        ("seeds = [0, 1]", "seeds = [true]", 3, "valid integer"),
        ("seeds = [0, 1]", 'tasks = "../x"', 3, "a folder beside"),
        ("seeds = [0, 1]", 'tasks = "mine"', 3, "no such folder"),
        ("udpos =", "'ud/pos' =", 12, "no task key"),
    ],
)
def test_a_mistake_is_named_at_its_line(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    with pytest.raises(InvalidExperiment) as caught:
        read(tmp_path, changed(old, new))
    message = str(caught.value)
    assert f"experiment.toml:{line}: " in message
    assert said in message


def test_all_mistakes_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    text = changed("epochs = 2", "epoch = 2").replace("seeds", "seed").replace("trian", "train")
    with pytest.raises(InvalidExperiment) as caught:
        read(tmp_path, text)
    assert [line.split(":")[1] for line in str(caught.value).splitlines()] == ["3", "16"]


@pytest.mark.parametrize("text", ["name = ", "\x00", "a" * 10, "[" * 3000])
def test_no_toml(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidExperiment, match="not valid TOML"):
        read(tmp_path, text)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    read(tmp_path, EXAMPLE)
    with pytest.raises(InvalidExperiment, match=r"Did you mean 'experiment\.toml'"):
        read_experiment(tmp_path / "experment.toml")
    with pytest.raises(InvalidExperiment, match="is a folder"):
        read_experiment(tmp_path)


@given(
    st.dictionaries(
        st.sampled_from([*Experiment.model_fields, "x"]),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
            ),
            max_leaves=6,
        ),
    )
)
def test_whatever_is_in_a_file_it_is_read_or_refused(content: dict[str, object]) -> None:
    from taskorder.harness.experiments.experiment import parse_content

    experiment, problems = parse_content(content, Path("/"))
    assert experiment is not None or problems


@given(st.integers(1, 6), st.sets(st.integers(0, 4), min_size=1), st.integers(1, 60), st.integers(0, 3))
def test_a_sample_is_part_of_all_orders_and_of_a_larger_sample(
    size: int, lengths: set[int], wanted: int, seed: int
) -> None:
    pool = tuple(f"t{i}" for i in range(size))
    lengths = {n for n in lengths if n <= size} or {0}
    everything = sequences_of(Sequences(pool=pool, lengths=tuple(lengths)))
    assert len(everything) == len(set(everything)) == sum(math.perm(size, n) for n in lengths)
    small, large = (
        sequences_of(Sequences(pool=pool, lengths=tuple(lengths), orders=Sample(sample=n, seed=seed)))
        for n in (wanted, wanted + 7)
    )
    longer = [order for order in everything if order]
    assert len([order for order in small if order]) == min(wanted, len(longer))
    assert set(small) <= set(large) <= set(everything)
    assert (() in small) == (0 in lengths)
    assert list(small) == [order for order in everything if order in set(small)]


def test_a_sample_of_very_many_orders_is_drawn_without_listing_them() -> None:
    pool = tuple(f"t{i:02}" for i in range(20))
    drawn = sequences_of(Sequences(pool=pool, lengths=(8,), orders=Sample(sample=50)))
    assert len(set(drawn)) == 50
    assert all(len(set(order)) == 8 for order in drawn)
    first = {order[0] for order in drawn}
    assert len(first) > 10


def test_orders_may_be_listed() -> None:
    listed = ("", "b>a+c", "mlm[sw]>a")
    assert [render(order) for order in sequences_of(Sequences(orders=listed))] == list(listed)
    pairs = sequences_of(Sequences(pool=("a", "b"), lengths=(2,)))
    assert len(pairs) == len(list(itertools.permutations("ab")))


@pytest.mark.parametrize(
    ("orders", "said"),
    [
        ('["a>b"]\npool = ["a"]', "take it out"),
        ("[]", "orders is empty"),
        ('["a", "a"]', "listed twice"),
        ('["a>"]', "a stage is empty"),
        ('["a+a"]', "named twice"),
    ],
)
def test_listed_orders_with_mistakes(tmp_path: Path, orders: str, said: str) -> None:
    start, end = EXAMPLE.index("pool ="), EXAMPLE.index("[targets]")
    with pytest.raises(InvalidExperiment, match=said):
        read(tmp_path, f"{EXAMPLE[:start]}orders = {orders}\n{EXAMPLE[end:]}")


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        ("{ 7 = [0] }", r"\[sequences\.seeds\] 7: no sequence has that length; they have 0, 1, 2"),
        ("{ two = [0] }", "two: no sequence has that length"),
        ("{ 2 = [] }", "2: is empty"),
        ("{ 2 = [0, 9] }", "9 is none of the experiment's seeds, which are 0, 1"),
        ("{ 0 = [0], 1 = [0], 2 = [0] }", "seeds: no sequence is trained with seed 1"),
        ("{ 2 = [1, 1] }", "listed twice"),
        ("{ 2 = [-1] }", "greater than or equal to 0"),
        ("[0]", "valid dictionary"),
    ],
)
def test_seeds_by_length_with_mistakes(tmp_path: Path, seeds: str, said: str) -> None:
    with pytest.raises(InvalidExperiment, match=said):
        read(tmp_path, EXAMPLE.replace("lengths =", f"seeds = {seeds}\nlengths ="))
