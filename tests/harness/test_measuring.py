"""Difficulty and similarity measured on tasks of which the answers are known beforehand."""

import csv
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="the extra `train` is not installed")

from taskorder.errors import InvalidTask, MissingData
from taskorder.harness.experiments.experiment import Experiment, read_experiment
from taskorder.harness.measuring.curves import DirectCurve, Point, direct_curves
from taskorder.harness.measuring.difficulty import difficulties
from taskorder.harness.measuring.guessing import chance, guessing_loss
from taskorder.harness.measuring.measured import Chosen, Measured, measure, write
from taskorder.harness.measuring.measures import DIFFICULTY, SIMILARITY, Measure
from taskorder.harness.measuring.similarity import similarities
from taskorder.harness.tasks.task import find_task
from taskorder.harness.tree.plan import Node
from taskorder.results.catalogue import covariates
from taskorder.results.sequences import Stage

LABELLED = """
kind = "text"
labels = ["no", "yes"]
metrics = ["accuracy"]
[format]
reader = "tsv"
columns = { text = "text", label = "label" }
[files]
train = { en = "NAME.tsv" }
dev = { en = "NAME.tsv" }
test = { en = "NAME.tsv", de = "NAME.de.tsv" }
"""
OTHERS = {
    "raw": 'kind = "lines"\n[format]\nreader = "lines"\n[files]\ntrain = { sw = "raw.txt" }\n',
    "mine": (
        'kind = "retrieval"\nmetrics = ["accuracy"]\n[format]\nreader = "aligned"\n[files.test]\n'
        'de = ["pairs.de", "pairs.en"]\n'
    ),
    "tag": (
        'kind = "tokens"\nlabels = ["A", "B"]\nmetrics = ["accuracy"]\n[format]\nreader = "columns"\n'
        'columns = { words = "1", labels = "2" }\n[files]\ntrain = { en = "tag.txt" }\n'
        'dev = { en = "tag.txt" }\n'
    ),
    "pick": (
        'kind = "choice"\nmetrics = ["accuracy"]\n[format]\nreader = "jsonl"\n'
        'columns = { prompt = "p", choices = "c", label = "k" }\n[files]\n'
        'train = { en = "pick.jsonl" }\ndev = { en = "pick.jsonl" }\n'
    ),
    "rate": (
        'kind = "text"\nregression = true\nmetrics = ["pearson"]\n[format]\nreader = "tsv"\n'
        'columns = { text = "text", label = "label" }\n[files]\ntrain = { en = "rate.tsv" }\n'
    ),
}
EXPERIMENT = """
name = "planted"
backbones = ["BACKBONE"]
seeds = [0, 1]
tasks = "own"
[sequences]
pool = ["easy", "noise", "raw[sw]", "easy+noise"]
lengths = [1]
[targets.goal]
train = "en"
evaluate = "all"
[targets.mine]
train = ""
[training]
epochs = 4
learning_rate = 3e-3
batch_tokens = 256
dev_points = 12
max_length = 32
"""
ROWS = 512


def table(words: tuple[str, str], seed: int, *, told: bool) -> str:
    rng = random.Random(seed)
    lines = ["text\tlabel"]
    for _ in range(ROWS):
        word = rng.choice(words)
        label = "yes" if (word == words[0] if told else rng.random() < 0.5) else "no"
        lines.append(f"{' '.join(rng.choices('abcdef', k=3))} {word}\t{label}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def experiment(tmp_path: Path, backbone: Callable[[str], Path]) -> Experiment:
    """Two tasks of which one is noise, raw text, a target that reads like the noise, and a retrieval task."""
    own = tmp_path / "own"
    own.mkdir()
    for name in ("easy", "noise", "goal"):
        (own / f"{name}.toml").write_text(LABELLED.replace("NAME", name))
    for name, text in OTHERS.items():
        (own / f"{name}.toml").write_text(text)
    (own / "easy.tsv").write_text(table(("good", "bad"), 0, told=True))
    (own / "noise.tsv").write_text(table(("xx", "yy"), 1, told=False))
    (own / "goal.tsv").write_text(table(("xx", "yy"), 2, told=True))
    (own / "goal.de.tsv").write_text("text\tlabel\nβγδ εζη\tyes\n")
    (own / "raw.txt").write_text("0123 456\n789\n")
    (own / "pairs.de").write_text("βγδ\nεζη\n")
    (own / "pairs.en").write_text("the good\nthe bad\n")
    (own / "tag.txt").write_text("x A\ny A\nz B\n\nx A\n\n")
    picks = [{"p": "x", "c": ["a", "b"], "k": 0}, {"p": "x", "c": ["a", "b", "c", "d"], "k": 3}]
    (own / "pick.jsonl").write_text("".join(json.dumps(pick) + "\n" for pick in picks))
    (own / "rate.tsv").write_text("text\tlabel\na\t1\nb\t3\n")
    return changed(tmp_path, backbone("bert"))


def changed(folder: Path, place: Path, *changes: tuple[str, str]) -> Experiment:
    text = EXPERIMENT.replace("BACKBONE", str(place))
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "experiment.toml").write_text(text)
    return read_experiment(folder / "experiment.toml")


def curve(experiment: Experiment, stage: str, seed: int, *points: tuple[int, float, float]) -> DirectCurve:
    return DirectCurve(stage, experiment.backbones[0], "full", seed, tuple(Point(*one) for one in points))


def by_name(values: list[Measure]) -> dict[tuple[str, str, str], float]:
    return {(one.measure, one.task, one.target): one.value for one in values}


def test_chance_and_the_loss_of_guessing(experiment: Experiment, backbone: Callable[[str], Path]) -> None:
    from taskorder.harness.model.encoders import read_tokenizer

    tokenizer = read_tokenizer(str(backbone("bert")))
    folders = experiment.task_folders()
    expected = {
        "tag": (0.75, "ln(2)"),
        "pick": (0.375, "1.5 ln(2)"),
        "rate": (0.0, "1"),
        "raw": (0.0, f"ln({len(tokenizer)})"),
    }
    losses = {"ln(2)": 0.693147, "1.5 ln(2)": 1.039721, "1": 1.0, f"ln({len(tokenizer)})": None}
    for name, (guess, loss) in expected.items():
        task = find_task(name, folders)
        language = task.languages("train")[0]
        examples = task.examples("train", language)
        assert chance(task, examples, language) == guess
        if losses[loss] is not None:
            assert guessing_loss(task, examples, tokenizer, 32) == pytest.approx(losses[loss], abs=1e-6)


def test_difficulty_from_curves_made_by_hand(experiment: Experiment) -> None:
    goal = find_task("goal", experiment.task_folders()).examples("dev", "en")
    share = max(sum(one.label == label for one in goal) for label in ("no", "yes")) / ROWS
    curves = [
        curve(experiment, "goal[en]", 0, (256, 0.7, share), (512, 0.5, 1.0), (1024, 0.1, 1.0)),
        curve(experiment, "goal[en]", 1, (256, 0.7, share), (512, 0.5, share), (1024, 0.1, share)),
        curve(experiment, "raw[sw]", 0, (2, 4.0, float("nan"))),
    ]
    values, notes = difficulties(experiment, curves)
    found = {(one.measure, one.task): one for one in values}
    one = found["shortfall", "goal"]
    assert (one.value, one.sd, one.seeds) == pytest.approx((0.5, 0.5**0.5, 2))
    assert found["area", "goal"].value == pytest.approx((0.25 + 1) / 2)
    assert found["online_code", "goal"].value == pytest.approx(0.6 / 0.693147, abs=1e-5)
    assert one.source.endswith(
        f"direct training of {experiment.backbone_name(one.backbone)}/full, seeds 0, 1"
    )
    assert [key for key in found if key[1] == "raw[sw]"] == [("online_code", "raw[sw]")]
    assert len(notes) == 2
    assert notes[0].startswith("No difficulty of easy, noise: ")
    assert "lengths include 1" in notes[0]
    assert notes[1].startswith("No shortfall of raw[sw]: ")


def test_curves_of_other_experiments_in_the_folder_do_not_count(experiment: Experiment) -> None:
    others = [
        curve(experiment, "goal[de]", 0, (64, 0.7, 0.5)),
        curve(experiment, "goal[en]", 7, (64, 0.7, 0.5)),
        DirectCurve("goal[en]", "other", "full", 0, (Point(64, 0.7, 0.5),)),
        DirectCurve("goal[en]", experiment.backbones[0], "lora", 0, (Point(64, 0.7, 0.5),)),
    ]
    assert difficulties(experiment, others)[0] == []


def test_likeness_of_planted_texts(experiment: Experiment) -> None:
    values, notes = similarities(experiment, 0)
    found = by_name(values)
    assert notes == ()
    assert found["tokens", "noise", "goal"] > 0.9 > found["tokens", "easy", "goal"]
    assert found["tokens", "raw[sw]", "goal"] == found["tokens", "raw[sw]", "mine"] == 0
    assert found["tokens", "easy", "mine"] > found["tokens", "noise", "mine"] == 0
    assert found["tokens_by_language", "easy", "goal[de]"] == 0
    assert found["tokens_by_language", "noise", "goal[en]"] > 0.9
    assert found["encoder_mean", "noise", "goal"] > found["encoder_mean", "easy", "goal"]
    assert found["encoder_mean_centred", "noise", "goal"] > found["encoder_mean_centred", "easy", "goal"]
    assert all(0 <= one.value <= 1 for one in values if one.measure.startswith("tokens"))
    assert {one.task for one in values if one.measure.startswith("encoder")} == {"easy", "noise"}
    assert {one.target for one in values if one.measure.startswith("encoder")} == {"goal"}
    easy = next(one for one in values if (one.measure, one.task, one.target) == ("tokens", "easy", "goal"))
    backbone = experiment.backbone_name(experiment.backbones[0])
    assert easy.source == f"planted, {backbone}: {ROWS} and {ROWS} examples"


def test_the_same_seed_gives_the_same_files(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskorder.harness.measuring.similarity.COUNTED", 20)
    contents: list[bytes] = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write(measure(experiment, tmp_path / "nodes", seed=seed), tmp_path / name, Chosen())
        contents.append((tmp_path / name / "measures.csv").read_bytes())
    assert contents[0] == contents[1] != contents[2]


@pytest.mark.usefixtures("experiment")
def test_a_backbone_without_weights_is_measured_and_told(
    tmp_path: Path, backbone: Callable[[str], Path]
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for file in backbone("bert").iterdir():
        if file.suffix == ".json":
            (bare / file.name).write_bytes(file.read_bytes())
    values, notes = similarities(changed(tmp_path, bare), 0)
    assert len(notes) == 1
    assert notes[0].startswith("Backbone bare has no weights")
    assert "with weights from chance" in values[-1].source
    assert {one.measure for one in values} == set(SIMILARITY)


def test_a_task_that_cannot_be_read_is_named(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "own" / "easy.tsv").unlink()
    with pytest.raises(MissingData, match=r"task 'easy': easy\.tsv not found"):
        similarities(experiment, 0)
    (tmp_path / "own" / "easy.toml").unlink()
    with pytest.raises(InvalidTask, match="there is no task 'easy'"):
        measure(experiment, tmp_path / "nodes")


def made_up(*, several: bool = False) -> Measured:
    backbones = ("small", "large") if several else ("small",)
    values = [
        Measure("difficulty", name, task, "", 0.1 * i + j, backbone, "source", "full", 0.01, 3)
        for j, backbone in enumerate(backbones)
        for name in DIFFICULTY
        for i, task in enumerate(("mnli", "mytask", "mlm[sw]"))
    ]
    values += [
        Measure("similarity", name, task, target, 0.2 * i + j, backbone, "source")
        for j, backbone in enumerate(backbones)
        for name in SIMILARITY
        for i, task in enumerate(("mnli", "mytask", "mlm[sw]"))
        for target in (("rte[de]", "rte[en]") if name == "tokens_by_language" else ("rte",))
    ]
    return Measured(tuple(values))


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("similarity", SIMILARITY)
@pytest.mark.parametrize("difficulty", DIFFICULTY)
def test_the_files_are_covariates(tmp_path: Path, difficulty: str, similarity: str) -> None:
    from taskorder.moderators import attach

    files = write(made_up(), tmp_path, Chosen(difficulty, similarity))
    assert [file.name for file in files] == ["tasks.csv", "similarity.csv", "measures.csv"]
    known = covariates(tmp_path / "tasks.csv", tmp_path / "similarity.csv")
    assert known.tasks.set_index("task")["difficulty_own"]["mytask"] == pytest.approx(0.1)
    rows = pd.DataFrame(
        {
            "study": "s",
            "sequence": ["mytask>mlm[sw]", "mnli", "", "mlm[sw]"],
            "target": "rte",
            "train_language": "en",
            "language": "de",
            "backbone": "small",
            "tuning": "full",
        }
    )
    found = attach(rows, known)
    assert found["difficulty"].tolist() == pytest.approx([0.15, 0.0, float("nan"), 0.2], nan_ok=True)
    assert found["similarity"].tolist() == pytest.approx([0.3, 0.0, float("nan"), 0.4], nan_ok=True)


def test_several_backbones_are_averaged_and_kept_apart(tmp_path: Path) -> None:
    write(made_up(several=True), tmp_path, Chosen())
    tasks = {row["task"]: float(row["difficulty"]) for row in read(tmp_path / "tasks.csv")}
    assert tasks == {"mnli": 0.5, "mytask": 0.6, "mlm[sw]": 0.7}
    everything = read(tmp_path / "measures.csv")
    assert len(everything) == 2 * 3 * (len(DIFFICULTY) + len(SIMILARITY) + 1)
    assert {row["backbone"] for row in everything} == {"small", "large"}
    assert everything[0]["sd"] == "0.010000"
    assert everything[-1]["sd"] == ""


def test_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    write(made_up(), tmp_path, Chosen())
    with pytest.raises(FileExistsError, match=r"tasks\.csv exists .* --force"):
        write(made_up(several=True), tmp_path, Chosen())
    write(made_up(several=True), tmp_path, Chosen(), force=True)
    assert {row["backbone"] for row in read(tmp_path / "measures.csv")} == {"small", "large"}


def test_without_a_difficulty_there_is_no_table_of_tasks(tmp_path: Path) -> None:
    everything = made_up()
    some = tuple(one for one in everything.found if one.moderator == "similarity")
    assert [file.name for file in write(Measured(some), tmp_path, Chosen())] == [
        "similarity.csv",
        "measures.csv",
    ]


def test_a_measure_that_there_is_not_is_refused() -> None:
    with pytest.raises(MissingData, match=r"no difficulty measure 'shortfal'; .* Did you mean 'shortfall'"):
        Chosen(difficulty="shortfal")
    with pytest.raises(MissingData, match=r"no similarity measure 'token'; .* Did you mean 'tokens'"):
        Chosen(similarity="token")


def test_what_was_really_trained_is_ordered_by_its_difficulty(experiment: Experiment, tmp_path: Path) -> None:
    from taskorder.harness.stages.training import train

    nodes = tmp_path / "work" / "nodes"
    for name in ("easy", "noise"):
        for seed in (0, 1):
            steps = ((Stage(name),),)
            node = Node(f"{name}{seed}", "", experiment.backbones[0], "full", seed, steps, "intermediate")
            folder = nodes / node.id
            folder.mkdir(parents=True)
            train(node, experiment, None, folder)
    values, notes = difficulties(experiment, direct_curves(nodes))
    found: dict[str, dict[str, Any]] = {}
    for one in values:
        found.setdefault(one.measure, {})[one.task] = one.value
    assert set(found) == set(DIFFICULTY)
    for measured in found.values():
        assert measured["easy"] < measured["noise"]
    assert found["shortfall"]["easy"] < 0.05
    assert found["online_code"]["noise"] == pytest.approx(1, abs=0.15)
    assert "raw[sw], goal" in notes[0] or "goal, raw[sw]" in notes[0]


def test_the_command_measures_what_a_run_has_trained(experiment: Experiment, tmp_path: Path) -> None:
    from taskorder.cli import app
    from taskorder.harness.execution.running import places, run

    place = Path(experiment.backbones[0])
    smaller = ("seeds = [0, 1]", "seeds = [0]"), (', "raw[sw]", "easy+noise"', ', "raw[sw]"')
    experiment = changed(tmp_path, place, *smaller, ('[targets.mine]\ntrain = ""\n', ""))
    command = ["measure", str(tmp_path / "experiment.toml")]
    before = CliRunner().invoke(app, [*command, "-o", str(tmp_path / "before")])
    assert before.exit_code == 0, before.output
    assert "No difficulty of goal, easy, noise, raw[sw]: " in before.stderr
    assert {file.name for file in (tmp_path / "before").iterdir()} == {"measures.csv", "similarity.csv"}
    run(experiment, places(experiment))
    done = CliRunner().invoke(app, [*command, "--difficulty", "online_code"])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("written: ")
    assert "No difficulty of goal: " in done.stderr
    tasks = {row["task"]: float(row["difficulty"]) for row in read(tmp_path / "tasks.csv")}
    assert set(tasks) == {"easy", "noise", "raw[sw]"}
    assert tasks["easy"] < tasks["noise"]
    again = CliRunner().invoke(app, command)
    assert isinstance(again.exception, FileExistsError)


def test_a_fit_takes_the_files(tmp_path: Path) -> None:
    write(made_up(), tmp_path, Chosen())
    rng = random.Random(0)
    header = "study,run,backbone,tuning,sequence,target,train_language,language,metric,score"
    rows = [
        f"mine,{run},small,full,{sequence},rte,en,{language},accuracy,{0.6 + rng.random() / 10:.3f}"
        for run, sequence in enumerate(("", "mnli", "mytask", "mlm[sw]", "mnli>mytask", "mytask>mnli") * 3)
        for language in ("en", "de")
    ]
    (tmp_path / "results.csv").write_text("\n".join([header, *rows]) + "\n")
    (tmp_path / "model.toml").write_text(
        'name = "small"\n[sequence]\nmoderators = ["difficulty", "similarity"]\nrecency = false\n'
        '[groups]\nlanguage = {}\n[residual]\nby = "all"\n'
    )
    options = ["--results", "results.csv", "--tasks", "tasks.csv", "--similarity", "similarity.csv"]
    command = ["fit", "--model", "model.toml", "-o", "fit", "--draws", "400", *options]
    done = subprocess.run(
        [sys.executable, "-m", "taskorder", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (tmp_path / "fit" / "summary.csv").is_file(), done.stderr
    parameters = {row["parameter"] for row in read(tmp_path / "fit" / "summary.csv")}
    assert {"difficulty", "similarity"} <= parameters
