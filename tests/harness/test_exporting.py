"""A trained encoder as a folder: what transformers and another experiment read from it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")

from safetensors.torch import load_file

from taskorder.errors import MissingData
from taskorder.harness.execution.exporting import Wanted, export
from taskorder.harness.execution.running import WORK, Places, run
from taskorder.harness.experiments.experiment import Experiment, read_experiment
from taskorder.harness.model.encoders import read_encoder, read_tokenizer
from taskorder.harness.model.learner import Inputs
from taskorder.harness.stages.scoring import trained
from taskorder.harness.tasks.task import find_task
from taskorder.harness.tree.plan import Node, plan
from taskorder.harness.tree.work import load

RAW = 'kind = "lines"\n[format]\nreader = "lines"\n[files.train]\nmul = "raw.*"\n'
PAIRS = (
    'kind = "retrieval"\nmetrics = ["accuracy"]\n[format]\nreader = "aligned"\n[files.test]\n'
    'de = ["pairs.de", "pairs.en"]\n'
)
EXPERIMENT = """
name = "made"
backbones = ["BACKBONE"]
seeds = [SEEDS]
tuning = ["TUNING"]
tasks = "own"
[sequences]
pool = ["mlm[mul]"]
lengths = [1]
[targets.pairs]
train = ""
[training]
max_steps = 4
batch_tokens = 256
max_length = 32
learning_rate = 1e-2
keep = "KEEP"
"""

type Make = Callable[..., Experiment]


@pytest.fixture
def make(tmp_path: Path, backbone: Callable[[str], Path]) -> Make:
    own = tmp_path / "own"
    own.mkdir()
    (own / "mlm.toml").write_text(RAW)
    (own / "raw.sw").write_text("abc def\nfed cba abc\n" * 20)
    (own / "raw.de").write_text("the good\nbad is\n" * 20)
    (own / "pairs.toml").write_text(PAIRS)
    (own / "pairs.de").write_text("abc\nfed\n")
    (own / "pairs.en").write_text("the good\nthe bad\n")

    def making(
        family: str = "bert",
        *,
        backbones: str = "",
        seeds: str = "0",
        tuning: str = "full",
        keep: str = "all",
    ) -> Experiment:
        text = EXPERIMENT.replace("BACKBONE", backbones or str(backbone(family)))
        for name, value in (("SEEDS", seeds), ("TUNING", tuning), ("KEEP", keep)):
            text = text.replace(name, value)
        (tmp_path / "experiment.toml").write_text(text)
        return read_experiment(tmp_path / "experiment.toml")

    return making


def ran(experiment: Experiment) -> tuple[Path, Node]:
    folder = experiment.folder / "out"
    run(experiment, Places(folder, folder / "results.csv"))
    node = next(one for one in plan(experiment, load(WORK)).nodes if one.role == "intermediate")
    return folder, node


def logits(experiment: Experiment, checkpoint: Path, node: Node, ids: Any) -> Any:
    own, _ = trained(node, experiment, checkpoint, find_task("mlm", experiment.task_folders()))
    own.eval()
    every = torch.ones_like(ids)
    given = Inputs(ids, every.bool(), torch.zeros_like(ids), every[:, 0] * 0, None)
    with torch.no_grad():
        return own.head("mlm")(own.states(given), own.encoder.words)


@pytest.mark.parametrize("family", ["bert", "xlm-roberta", "xlnet"])
def test_transformers_reads_what_was_trained(family: str, make: Make, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

    experiment, folder = make(family), tmp_path / "exported"
    nodes, node = ran(experiment)
    assert export(experiment, Wanted("mlm[mul]"), folder, nodes)
    checkpoint = nodes / "nodes" / node.id
    kept = load_file(checkpoint / "encoder.safetensors")
    model: Any = AutoModel.from_pretrained(folder)
    assert {name: tensor.tolist() for name, tensor in model.state_dict().items()} == {
        name: tensor.tolist() for name, tensor in kept.items()
    }
    assert json.loads((folder / "history.json").read_text())[0]["step"] == "mlm[mul]"
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    assert tokenizer("abc is")["input_ids"] == read_tokenizer(experiment.backbones[0])("abc is")["input_ids"]
    if family != "xlnet":
        ids = torch.tensor([tokenizer("abc is good")["input_ids"]])
        whole: Any = AutoModelForMaskedLM.from_pretrained(folder)
        with torch.no_grad():
            found = whole.eval()(ids).logits
        torch.testing.assert_close(
            found, logits(experiment, checkpoint, node, ids), atol=1e-4, rtol=1e-4, check_stride=False
        )


def test_another_experiment_starts_from_it(make: Make, tmp_path: Path) -> None:
    experiment = make()
    nodes, node = ran(experiment)
    export(experiment, Wanted("mlm[mul]"), tmp_path / "own" / "exported", nodes)
    first = plan(experiment, load(WORK)).nodes[0].id
    second = make(backbones="own/exported")
    nodes, again = ran(second)
    assert again.id != first
    head = json.loads((nodes / "nodes" / again.id / "history.json").read_text())[0]["tasks"][0]["head"]
    assert head == "backbone"
    start = read_encoder(second.backbone_place("own/exported"), "full", {}, 7).carried()
    kept = load_file(nodes / "nodes" / node.id / "encoder.safetensors")
    assert all(torch.equal(start[name], kept[name]) for name in kept)


def test_lora_is_merged_and_a_prompt_refused(make: Make, tmp_path: Path) -> None:
    experiment = make(tuning="lora")
    nodes, _ = ran(experiment)
    export(experiment, Wanted("mlm[mul]"), tmp_path / "exported", nodes)
    before = read_encoder(experiment.backbones[0], "full", {}, 0).carried()
    after = read_encoder(str(tmp_path / "exported"), "full", {}, 0).carried()
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert any("query" in name for name in changed)
    assert not any("embeddings" in name for name in changed)
    experiment = make(tuning="prompt")
    nodes, _ = ran(experiment)
    with pytest.raises(MissingData, match="soft prompt"):
        export(experiment, Wanted("mlm[mul]"), tmp_path / "prompted", nodes)
    assert not [path for path in tmp_path.iterdir() if "prompted" in path.name]


def test_what_is_not_there_is_told_with_its_remedy(make: Make, tmp_path: Path) -> None:
    experiment = make(seeds="0, 1", keep="none")
    with pytest.raises(MissingData, match=r"has not been trained .* keep = \"all\""):
        export(experiment, Wanted("mlm[mul]", seed=0), tmp_path / "e", tmp_path / "out")
    with pytest.raises(MissingData, match=r"Did you mean 'mlm\[mul\]'"):
        export(experiment, Wanted("mlm[mu]"), tmp_path / "e")
    with pytest.raises(MissingData, match="each seed of 0, 1: say which with --seed"):
        export(experiment, Wanted("mlm[mul]"), tmp_path / "e")
    with pytest.raises(MissingData, match="not trained with seed '3'; there are 0, 1"):
        export(experiment, Wanted("mlm[mul]", seed=3), tmp_path / "e")
    nodes, node = ran(experiment)
    with pytest.raises(MissingData, match=rf"weights were dropped .* remove .*{node.id}"):
        export(experiment, Wanted("mlm[mul]", seed=0), tmp_path / "e", nodes)
    assert not (tmp_path / "e").exists()
    for file in (nodes / "nodes" / node.id).iterdir():
        file.unlink()
    (nodes / "nodes" / node.id).rmdir()
    ran(make(seeds="0, 1"))
    assert export(make(seeds="0, 1"), Wanted("mlm[mul]", seed=0), tmp_path / "e", nodes)


def test_the_command_leaves_a_folder_of_other_things_alone(make: Make, tmp_path: Path) -> None:
    from taskorder.cli import app

    nodes, _ = ran(make())
    file, folder = str(tmp_path / "experiment.toml"), tmp_path / "exported"
    command = ["export", file, "mlm[mul]", "-o", str(folder), "--from", str(nodes)]
    assert CliRunner().invoke(app, command).stdout == f"written: {folder}\n"
    assert CliRunner().invoke(app, command).stdout == f"up to date: {folder}\n"
    (folder / "config.json").write_text("{}")
    assert isinstance(CliRunner().invoke(app, command).exception, FileExistsError)
    assert (folder / "config.json").read_text() == "{}"
    assert not list(tmp_path.glob(".*exported"))
