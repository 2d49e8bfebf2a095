"""The real work behind a plan: what is checked before, and a small experiment from end to end."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from taskorder.errors import InvalidExperiment
from taskorder.harness.execution.running import Means, Places, run
from taskorder.harness.experiments.experiment import Experiment, read_experiment
from taskorder.harness.stages import work as stages
from taskorder.harness.stages.code import statements
from taskorder.harness.tree.plan import Evaluation
from taskorder.results.reading import read

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
test = { en = "NAME.tsv", de = "NAME.tsv" }
"""
RAW = 'kind = "lines"\n[format]\nreader = "lines"\n[files]\ntrain = { sw = "raw.txt", de = "raw.txt" }\n'
PAIRS = (
    'kind = "retrieval"\nmetrics = ["accuracy"]\n[format]\nreader = "aligned"\n[files.test]\n'
    'de = ["pairs.de", "pairs.en"]\n'
)
QUIZ = 'kind = "span"\nmetrics = ["f1"]\n[format]\nreader = "squad"\n[files.train]\nen = "quiz.json"\n'
EXPERIMENT = """
name = "tiny"
backbones = ["BACKBONE"]
seeds = [0, 1]
tuning = ["full", "lora"]
tasks = "own"

[sequences]
pool = ["one", "raw[sw]"]
lengths = [0, 1, 2]

[targets.goal]
evaluate = "all"
reuse_head = "one"

[targets.pairs]
train = ""

[training]
epochs = 1
max_examples = 32
learning_rate = 1e-3
batch_tokens = 256
max_length = 32
dev_points = 2

[evaluation]
perturbations = ["typos:0.3"]
stages = true
"""


def sentences(seed: int) -> str:
    rng = random.Random(seed)
    rows = [
        f"{' '.join(rng.choices('abcdef', k=4))} {word}\t{'yes' if word == 'good' else 'no'}"
        for word in rng.choices(("good", "bad"), k=64)
    ]
    return "\n".join(["text\tlabel", *rows]) + "\n"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    for seed, name in enumerate(("one", "goal")):
        (folder / f"{name}.toml").write_text(LABELLED.replace("NAME", name))
        (folder / f"{name}.tsv").write_text(sentences(seed))
    (folder / "raw.toml").write_text(RAW)
    (folder / "raw.txt").write_text("abc def\nfed cba abc\n" * 20)
    (folder / "pairs.toml").write_text(PAIRS)
    (folder / "pairs.de").write_text("abc\nfed\n")
    (folder / "pairs.en").write_text("the good\nthe bad\n")
    return folder


type Make = Callable[..., Experiment]


@pytest.fixture
def make(own: Path, backbone: Callable[[str], Path]) -> Make:
    def making(*changes: tuple[str, str]) -> Experiment:
        text = EXPERIMENT.replace("BACKBONE", str(backbone("bert")))
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (own.parent / "experiment.toml").write_text(text)
        return read_experiment(own.parent / "experiment.toml")

    return making


def test_from_a_file_to_a_table_by_one_process_and_by_two(make: Make, tmp_path: Path) -> None:
    experiment = make(('["full", "lora"]', '["full"]'), ("[0, 1, 2]", "[0, 2]"))
    tables = [tmp_path / name / "results.csv" for name in ("alone", "two")]
    for workers, table in enumerate(tables, 1):
        done = run(experiment, Places(table.parent, table), Means(workers))
        assert done.trained == 2 * (4 + 3 * 2)
    assert tables[0].read_bytes() == tables[1].read_bytes()
    frame = read(tables[0]).frame
    assert set(frame["target"]) == {"one", "goal", "pairs"}
    assert frame["versions"].str.contains("torch=").all()
    seeds = frame[(frame["target"] == "goal") & (frame["stage"] == "")].pivot_table(
        index=["sequence", "language"], columns="seed", values="dev_score"
    )
    assert (seeds[0] != seeds[1]).any()
    again = run(experiment, Places(tables[0].parent, tables[0]))
    assert (again.trained, again.scored, again.written) == (0, 0, False)


def test_the_last_weights_are_scored_beside_the_best(make: Make, tmp_path: Path) -> None:
    few = (("seeds = [0, 1]", "seeds = [0]"), ('["full", "lora"]', '["full"]'), ("[0, 1, 2]", "[0]"))
    frames = {}
    for select in ("last", "best"):
        longer = ("epochs = 1", f'epochs = 8\nselect = "{select}"')
        rough = ("learning_rate = 1e-3", "learning_rate = 3e-2")
        experiment = make(*few, longer, rough, ("dev_points = 2", "dev_points = 30"))
        run(experiment, Places(tmp_path / select, tmp_path / select / "results.csv"))
        frames[select] = read(tmp_path / select / "results.csv").frame
    assert "last_score" not in frames["last"]
    best = frames["best"]
    assert best["last_score"].tolist() == frames["last"]["score"].tolist()
    goal = best[best["target"] == "goal"]
    assert (goal["last_score"] != goal["score"]).any()
    (weights,) = (tmp_path / "best").glob("nodes/*/last")
    assert {file.name for file in weights.iterdir()} == {"encoder.safetensors", "heads.safetensors"}


def test_the_commands(make: Make, tmp_path: Path) -> None:
    from taskorder.cli import app

    make(("seeds = [0, 1]", "seeds = [0]"), ('["full", "lora"]', '["full"]'), ("[0, 1, 2]", "[0, 1]"))
    file, out = str(tmp_path / "experiment.toml"), str(tmp_path / "o")
    before = CliRunner().invoke(app, ["plan", file, "-o", out])
    assert before.exit_code == 0, before.output
    assert "8 trainings (1 seed); sharing saves 2." in before.stdout
    assert "nothing has been trained here yet" in before.stdout
    assert not (tmp_path / "o").exists()
    ran = CliRunner().invoke(app, ["run", file, "-o", out])
    assert ran.exit_code == 0, ran.output
    assert f"8 nodes trained, 7 nodes scored; written: {tmp_path / 'o' / 'results.csv'}" in ran.stdout
    after = CliRunner().invoke(app, ["plan", file, "-o", out])
    assert "To do: 0 trainings" in after.stdout
    assert after.stdout.count("done") == 8


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"one", ', '"onne", ', "Did you mean 'one'?"),
        ('"one", ', '"pairs", ', "which nothing is trained on"),
        ("raw[sw]", "raw[fi]", "no train data in 'fi'"),
        ("raw[sw]", "raw", "name the language that it is trained in"),
        ("[targets.goal]", "[targets.raw]", "language modelling"),
        ('train = ""', 'train = "en"', 'write train = ""'),
        ('evaluate = "all"', 'train = ""', "name its training language"),
        ('evaluate = "all"', 'evaluate = ["fi"]', "no test data in 'fi'; there are en, de"),
        ('backbones = ["', 'backbones = ["/no', "cannot be read"),
    ],
)
def test_what_cannot_be_trained_is_told_before(make: Make, old: str, new: str, said: str) -> None:
    with pytest.raises(InvalidExperiment) as caught:
        stages.check(make((old, new), ('reuse_head = "one"', "")))
    assert said in str(caught.value)


def test_a_tokeniser_that_cuts_every_answer_off_is_told_before(make: Make, own: Path) -> None:
    answer = "abcdef" * 10
    paragraph = {"context": f"so {answer} it", "qas": [{"id": "1", "question": "what?", "answers": [
        {"text": answer, "answer_start": 3}]}]}  # fmt: skip
    (own / "quiz.json").write_text(json.dumps({"data": [{"paragraphs": [paragraph]}]}))
    (own / "quiz.toml").write_text(QUIZ)
    with pytest.raises(InvalidExperiment, match="'quiz': the tokeniser cuts every answer off"):
        stages.check(make(("raw[sw]", "quiz")))


def test_all_that_stops_it_is_told_at_once(make: Make) -> None:
    with pytest.raises(InvalidExperiment) as caught:
        stages.check(make(("raw[sw]", "raw[fi]"), ('evaluate = "all"', 'evaluate = ["fi"]')))
    assert len(str(caught.value).splitlines()) == 2


def test_a_label_outside_the_set_is_told_before(make: Make, own: Path) -> None:
    (own / "goal.tsv").write_text(sentences(1) + "abc\tperhaps\n")
    with pytest.raises(InvalidExperiment, match=r"goal\.tsv:66"):
        stages.check(make())


def test_tokens_are_estimated_within_limits(make: Make) -> None:
    experiment = make()
    step = experiment.orders()[1][0:1][0]
    each = stages.tokens(step, "full", experiment)
    assert 0 < each <= 32 * 32
    assert stages.tokens(step, "full", make(("epochs = 1", "epochs = 2"))) == pytest.approx(2 * each, abs=1)
    assert stages.tokens(step, "full", make(("epochs = 1", "epochs = 9\nmax_steps = 1"))) == 256
    assert stages.parameters(experiment.backbones[0], experiment) > 1000


def test_code_is_known_by_its_statements() -> None:
    one = '"""Text."""\nA = 1\n"""What it is."""\ndef f(x):\n    """Do."""\n    return x  # why\n'
    assert statements(one) == statements("A = (1)\n\ndef f(x): return x\n")
    assert statements(one) != statements(one.replace("return x", "return -x"))
    assert statements('def f():\n    """Only text."""\n') == statements("def f():\n    pass\n")


def test_what_noise_does_is_no_part_of_a_clean_score() -> None:
    clean, noisy = Evaluation("qa", "de"), Evaluation("qa", "de", "typos", 0.1)
    digests = {stages.code_digest(), stages.scoring_digest(clean), stages.scoring_digest(noisy)}
    assert len(digests) == 3
    assert stages.scoring_digest(clean) == stages.scoring_digest(Evaluation("qa", "fr"))
