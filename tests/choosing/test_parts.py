"""Files that ask for exactly the runs that were chosen, as the harness reads them."""

import re
import tomllib
from pathlib import Path

import pytest

from taskorder.choosing.parts import parts, paste, refuse_early, write
from taskorder.choosing.runs import Run, planned
from taskorder.errors import MissingData
from taskorder.harness.experiments.experiment import Experiment, read_experiment

FULL = """
name = "whole"
study = "ours"
backbones = ["../encoders/small", "hub/large"]
seeds = [0, 1, 2]
tuning = ["full", "lora"]
[sequences]
pool = ["one", "two", "three+four", "mlm[sw]"]
lengths = [0, 1, 2]
[targets]
goal0 = { evaluate = ["sw"], reuse_head = "one" }
goal1 = { train = "de" }
[training]
learning_rate = 3e-5
keep = "none"
[training.one]
epochs = 2
[training.lora]
rank = 4
[training."three+four"]
epochs = 1.5
[training."mlm[sw]"]
max_steps = 7
[evaluation]
perturbations = ["typos:0.1"]
"""


@pytest.fixture
def whole(tmp_path: Path) -> Experiment:
    folder = tmp_path / "whole"
    folder.mkdir()
    (tmp_path / "encoders" / "small").mkdir(parents=True)
    (folder / "experiment.toml").write_text(FULL)
    return read_experiment(folder / "experiment.toml")


def test_what_is_pasted_makes_exactly_these_runs() -> None:
    runs = [Run("small", "full", s, "goal0", seed) for s in ("one>two", "two") for seed in (1, 2)]
    runs.append(Run("small", "full", "", "goal1", 2))
    runs.append(Run("small", "full", "", "goal2", 2))
    blocks = paste(runs).split("# backbone ")[1:]
    made: set[Run] = set()
    for block in blocks:
        head, text = block.split("\n", 1)
        content = tomllib.loads(text)
        made |= {
            Run("small", "full", order, target, seed)
            for target in re.findall(r"\[targets\.(\w+)\]", head)
            for seed in content["seeds"]
            for order in content["sequences"]["orders"]
        }
    assert made == set(runs)
    assert len(blocks) == 2


def test_the_files_written_ask_for_exactly_the_runs_and_train_them_as_the_experiment_would(
    whole: Experiment, tmp_path: Path
) -> None:
    runs = [Run("small", "full", s, "goal0", seed) for s in ("one>two", "") for seed in (1, 2)]
    runs += [Run("large", "lora", "mlm[sw]>three+four", target, 0) for target in ("goal0", "goal1")]
    files = write(runs, whole, tmp_path / "next" / "experiment.toml")
    assert [file.relative_to(tmp_path).as_posix() for file in files] == [
        "next-1/experiment.toml",
        "next-2/experiment.toml",
    ]
    read = [read_experiment(file) for file in files]
    assert {run for one in read for run in planned(one)} == set(runs)
    assert sum(len(planned(one)) for one in read) == len(runs)
    for one in read:
        assert (one.study, one.keep, one.evaluation) == (whole.study, whole.keep, whole.evaluation)
        places = {one.backbone_name(name): one.backbone_place(name) for name in one.backbones}
        for name in whole.backbones:
            if (own := whole.backbone_name(name)) in places:
                there = (one.folder / places[own]).resolve()
                assert there == Path(whole.backbone_place(name)).resolve() or places[own] == name
        for step in ("one", "two", "three+four", "mlm[sw]", "goal0", "goal1"):
            if step in {stage for run in planned(one) for stage in (*run.sequence.split(">"), run.target)}:
                assert one.training_for(step, one.tuning[0]) == whole.training_for(step, one.tuning[0])
    assert read[0].targets["goal0"] == whole.targets["goal0"]
    assert read[1].targets["goal0"].reuse_head == ""


def test_one_part_goes_where_it_was_asked_for_and_not_beside_another_table(
    whole: Experiment, tmp_path: Path
) -> None:
    runs = [Run("small", "full", "two", "goal0", 1)]
    file = tmp_path / "next" / "more.toml"
    assert write(runs, whole, file) == (file,)
    assert planned(read_experiment(file)) == tuple(runs)
    with pytest.raises(FileExistsError, match="--force"):
        write(runs, whole, file)
    assert write(runs, whole, file, force=True) == (file,)
    with pytest.raises(MissingData, match="write it into a folder of its own, such as whole-next"):
        write(runs, whole, whole.folder / "part.toml")
    (tmp_path / "next" / "results.csv").write_text("study\n")
    with pytest.raises(MissingData, match="which a run of this one would replace"):
        write(runs, whole, file, force=True)


def test_task_files_have_to_be_beside_the_file(whole: Experiment, tmp_path: Path) -> None:
    (whole.folder / "mine").mkdir()
    (whole.folder / "experiment.toml").write_text('tasks = "mine"\n' + FULL)
    own = read_experiment(whole.folder / "experiment.toml")
    runs, file = [Run("small", "full", "", "goal1", 0)], tmp_path / "next" / "experiment.toml"
    with pytest.raises(MissingData, match=r"copy that folder to .*next/mine first"):
        write(runs, own, file)
    (tmp_path / "next" / "mine").mkdir(parents=True)
    assert read_experiment(write(runs, own, file)[0]).task_folders() == (tmp_path / "next" / "mine",)


def test_a_bare_name_is_of_the_present_folder(
    whole: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    one = Run("small", "full", "two", "goal0", 1)
    assert write([one], whole, Path("next.toml")) == (tmp_path / "here" / "next.toml",)
    files = write([one, Run("large", "full", "", "goal1", 0)], whole, Path("more.toml"))
    assert files == tuple(tmp_path / f"here-{i}" / "more.toml" for i in (1, 2))


@pytest.mark.parametrize("in_the_way", ["experiment.toml", "results.csv"])
def test_where_one_of_several_files_cannot_be_written_none_is(
    whole: Experiment, tmp_path: Path, in_the_way: str
) -> None:
    runs = [Run(name, "full", "two", "goal0", 1) for name in ("small", "large")]
    (tmp_path / "next-2").mkdir()
    (tmp_path / "next-2" / in_the_way).write_text("mine\n")
    with pytest.raises((FileExistsError, MissingData), match="next-2"):
        write(runs, whole, tmp_path / "next" / "experiment.toml")
    assert not (tmp_path / "next-1").exists()
    assert (tmp_path / "next-2" / in_the_way).read_text() == "mine\n"


def test_a_folder_that_will_not_do_is_refused_before_the_parts_are_known(
    whole: Experiment, tmp_path: Path
) -> None:
    refuse_early(whole, tmp_path / "next" / "experiment.toml")
    with pytest.raises(MissingData, match="write it into a folder of its own"):
        refuse_early(whole, whole.folder / "next.toml")
    (whole.folder / "mine").mkdir()
    (whole.folder / "experiment.toml").write_text('tasks = "mine"\n' + FULL)
    own = read_experiment(whole.folder / "experiment.toml")
    with pytest.raises(MissingData, match=r"copy that folder to .*next/mine first"):
        refuse_early(own, tmp_path / "next" / "experiment.toml")
    (tmp_path / "next-1" / "mine").mkdir(parents=True)
    refuse_early(own, tmp_path / "next" / "experiment.toml")


def test_runs_of_targets_that_share_seeds_and_sequences_are_one_part() -> None:
    runs = [Run("small", "full", "one", target, seed) for target in ("goal0", "goal1") for seed in (0, 1)]
    (part,) = parts(runs)
    assert (part.targets, part.seeds, part.sequences) == (("goal0", "goal1"), (0, 1), ("one",))
