"""The prefix tree: what is shared, in which order it stands, and what changes a node's identity."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from taskorder.harness.experiments.experiment import Experiment, read_experiment
from taskorder.harness.tree.plan import Node, Plan, plan
from taskorder.harness.tree.work import load
from taskorder.results.sequences import render

FOUR = """\
name = "orders"
backbones = ["some/tiny", "some/small"]
seeds = [0, 1, 2]
tuning = ["full", "lora"]

[sequences]
pool = ["deprel", "ner", "sst2", "ecare"]
lengths = [0, 1, 2, 3, 4]

[targets]
udpos = { evaluate = ["de", "fi"] }
sib200 = { evaluate = "all" }

[training]
learning_rate = 5e-5
"""

type Change = Callable[[str, str], Plan]


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "execution"))


def read(folder: Path, text: str = FOUR) -> Experiment:
    (folder / "experiment.toml").write_text(text)
    return read_experiment(folder / "experiment.toml")


@pytest.fixture
def changed(tmp_path: Path) -> Change:
    def make(old: str = "", new: str = "") -> Plan:
        assert old in FOUR
        return plan(read(tmp_path, FOUR.replace(old, new)), load("fake_work"))

    return make


def one_tree(whole: Plan) -> list[Node]:
    root = ("some/tiny", "full", 0)
    return [node for node in whole.nodes if (node.backbone, node.tuning, node.seed) == root]


def test_all_orders_of_four_tasks_need_64_stage_trainings(changed: Change) -> None:
    whole = changed()
    tree = one_tree(whole)
    stages = [node for node in tree if node.role == "intermediate"]
    targets = [node for node in tree if node.role == "target"]
    assert len(stages) == 4 + 12 + 24 + 24 == 64
    assert len(targets) == 65 * 2
    assert len(whole.nodes) == len(tree) * 2 * 2 * 3
    assert whole.unshared == 12 * 2 * (196 + 65)


def test_long_sequences_may_have_fewer_seeds(changed: Change) -> None:
    every, fewer = changed(), changed("[targets]", "seeds = { 3 = [0], 4 = [0] }\n[targets]")
    assert {node.id for node in fewer.nodes} < {node.id for node in every.nodes}
    longest = {node.seed: len(node.steps) - 1 for node in fewer.nodes if node.role == "target"}
    assert longest == {0: 4, 1: 2, 2: 2}
    count = {seed: sum(node.seed == seed for node in fewer.nodes) for seed in (0, 1, 2)}
    assert count == {0: 4 * (64 + 2 * 65), 1: 4 * (16 + 2 * 17), 2: 4 * (16 + 2 * 17)}
    assert fewer.unshared == 4 * 2 * (5 * 24 + 4 * 24 + 3 * (3 * 12 + 2 * 4 + 1))


def test_nodes_are_distinct_and_stand_depth_first(changed: Change) -> None:
    nodes = changed().nodes
    assert len({node.id for node in nodes}) == len(nodes)
    way: list[str] = []
    for node in nodes:
        assert len(node.id) == 16
        way = way[: len(node.steps) - 1]
        assert (way[-1] if way else "") == node.parent
        way.append(node.id)


def test_a_child_goes_on_from_its_parent(changed: Change) -> None:
    nodes = {node.id: node for node in changed().nodes}
    for node in nodes.values():
        if node.parent:
            parent = nodes[node.parent]
            assert parent.role == "intermediate"
            assert parent.steps == node.steps[:-1]
            assert (parent.backbone, parent.tuning, parent.seed) == (node.backbone, node.tuning, node.seed)


def ids(whole: Plan, tuning: str = "full") -> dict[tuple[str, str, int], str]:
    return {
        (n.role, render(n.steps), n.seed): n.id
        for n in whole.nodes
        if (n.backbone, n.tuning) == ("some/tiny", tuning)
    }


def differing(one: Plan, other: Plan, tuning: str = "full") -> set[str]:
    before, after = ids(one, tuning), ids(other, tuning)
    return {key[1] for key in before.keys() & after.keys() if before[key] != after[key]}


def test_a_plan_repeats_itself_in_another_process(changed: Change, tmp_path: Path) -> None:
    import subprocess

    code = (
        "from taskorder.harness.tree.plan import plan; from taskorder.harness.tree.work import load;"
        "from taskorder.harness.experiments.experiment import read_experiment;"
        "import sys; e = read_experiment(sys.argv[1]);"
        "print(*[n.id for n in plan(e, load('fake_work')).nodes])"
    )
    whole = changed()
    path = str(Path(__file__).parent / "execution")
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "experiment.toml")],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": path},
    )
    assert told.stdout.split() == [node.id for node in whole.nodes]


def test_what_decides_the_outcome_changes_a_node_and_all_after_it(changed: Change) -> None:
    whole = changed()
    slower = changed("learning_rate = 5e-5", "learning_rate = 1e-5")
    assert differing(whole, slower) == {key[1] for key in ids(whole)}
    ner = changed("5e-5\n", "5e-5\n[training.ner]\nepochs = 1\n")
    assert differing(whole, ner) == {key[1] for key in ids(whole) if "ner" in key[1].split(">")}
    rank = changed("5e-5\n", "5e-5\nrank = 2\n")
    assert not differing(whole, rank)
    assert differing(whole, rank, "lora") == {key[1] for key in ids(whole, "lora")}


def test_new_data_change_the_stages_that_read_them(changed: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = changed()
    monkeypatch.setenv("FAKE_DATA_sst2", "corrected")
    assert differing(whole, changed()) == {key[1] for key in ids(whole) if "sst2" in key[1].split(">")}


def test_new_code_changes_every_node(changed: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = changed()
    monkeypatch.setitem(load("fake_work").DIGESTS, "code", "2")  # pyright: ignore
    assert differing(whole, changed()) == {key[1] for key in ids(whole)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('["de", "fi"]', '["de", "fi", "ru"]'),
        ("[training]", '[evaluation]\nperturbations = ["typos:0.1"]\nstages = true\n\n[training]'),
        ("[training]", "[evaluation]\nmax_examples = 10\n\n[training]"),
        ("[training]", '[training]\nkeep = "none"'),
        ("seeds = [0, 1, 2]", "seeds = [2, 0]"),
        ('name = "orders"', 'name = "others"'),
        ("[0, 1, 2, 3, 4]", "[1, 3]"),
    ],
)
def test_what_is_scored_kept_or_asked_for_beside_changes_no_node(changed: Change, old: str, new: str) -> None:
    assert not differing(changed(), changed(old, new))


def test_evaluations_are_known_by_what_decides_them(changed: Change) -> None:
    whole = changed()
    more = changed('["de", "fi"]', '["de", "fi", "ru"]')
    fewer = changed("[training]", "[evaluation]\nmax_examples = 10\n\n[training]")
    assert all(more.keys[one] == key for one, key in whole.keys.items())
    assert set(whole.keys.values()).isdisjoint(fewer.keys.values())
    assert len(set(whole.keys.values())) == len(whole.keys)


def test_perturbations_go_only_where_they_change_something(changed: Change) -> None:
    whole = changed("[training]", '[evaluation]\nperturbations = ["case", "typos:0.2"]\n\n[training]')
    target = next(node for node in whole.nodes if node.role == "target")
    assert [(one.language, one.perturbation, one.severity) for one in target.evaluations] == [
        (language, *noise)
        for language in ("de", "fi")
        for noise in (("", None), ("case", 0.5), ("typos", 0.2))
    ]
    thai = changed(
        '["de", "fi"] }\nsib200 = { evaluate = "all" }',
        '["th"] }\n[evaluation]\nperturbations = ["case"]',
    )
    assert [one.perturbation for one in thai.nodes[0].evaluations] == [""]


def test_every_later_stage_is_scored_on_the_earlier_ones_when_that_is_asked_for(changed: Change) -> None:
    whole = changed("[training]", "[evaluation]\nstages = true\n\n[training]")
    for node in whole.nodes:
        earlier = node.steps if node.role == "intermediate" else node.steps[:-1]
        scored = {one.task for one in node.evaluations} - {"udpos", "sib200"}
        assert scored == {stage.task for step in earlier for stage in step}


def test_a_head_is_part_of_the_identity_where_there_is_one_to_reuse(changed: Change) -> None:
    reused = changed("udpos = {", 'udpos = { reuse_head = "ner",')
    differ = differing(changed(), reused)
    assert differ == {
        key[1] for key in ids(reused) if "ner" in key[1].split(">") and key[1].endswith("udpos[en]")
    }


def test_joint_steps_and_language_modelling_are_steps(tmp_path: Path) -> None:
    text = FOUR.replace('["deprel", "ner", "sst2", "ecare"]', '["a+b", "mlm[sw]"]').replace("3, 4", "2")
    text = text.replace("[0, 1, 2, 2]", "[2]")
    experiment = read(tmp_path, text)
    nodes = one_tree(plan(experiment, load("fake_work")))
    assert {render(node.steps) for node in nodes if node.role == "intermediate"} == {
        "a+b", "a+b>mlm[sw]", "mlm[sw]", "mlm[sw]>a+b",
    }  # fmt: skip
    assert replace(nodes[0], seed=9) != nodes[0]
