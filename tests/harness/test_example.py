"""The worked example from its two commands to its table, cut short."""

import runpy
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra `train` is not installed")

from taskorder.harness.execution.running import Means, Places, run
from taskorder.harness.experiments.experiment import Experiment, read_experiment
from taskorder.harness.measuring import measured as measuring
from taskorder.inference.fitting import fit
from taskorder.inference.spec import read_model
from taskorder.results.catalogue import covariates
from taskorder.results.reading import read

EXAMPLE = Path(__file__).parents[2] / "data" / "experiments" / "example"
GENERATED = shutil.ignore_patterns("made", "texts")
LANGUAGES = {"qaa", "qab", "qac", "qad", "qae", "qaf"}


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """The example in a folder of its own, with what it makes itself; one seed, and no order of two stages."""
    folder = tmp_path_factory.mktemp("copied") / "example"
    shutil.copytree(EXAMPLE, folder, ignore=GENERATED)
    runpy.run_path(str(folder / "make.py"), run_name="__main__")
    text = (folder / "experiment.toml").read_text()
    shorter = {
        "[0, 1, 2]": "[0, 1]",
        "seeds = [0, 1]": "seeds = [0]",
        "[evaluation]": "[evaluation]\nmax_examples = 60",
    }
    for whole, part in shorter.items():
        assert whole in text
        text = text.replace(whole, part)
    (folder / "experiment.toml").write_text(text)
    return read_experiment(folder / "experiment.toml")


@pytest.fixture(scope="module")
def table(experiment: Experiment) -> Path:
    folder = experiment.folder / "made"
    done = run(experiment, Places(folder, folder / "results.csv"), Means())
    assert (done.trained, done.scored) == (3 + 2 * 4, 2 * 4)
    return done.table


def test_its_texts_and_its_encoder_are_the_same_whenever_they_are_made(
    experiment: Experiment, tmp_path: Path
) -> None:
    again = tmp_path / "example"
    shutil.copytree(EXAMPLE, again, ignore=GENERATED)
    runpy.run_path(str(again / "make.py"), run_name="__main__")
    made = sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    assert sum(path.parent.name == "texts" for path in made) == 5 * 2 + 2 * 6
    for path in made:
        if path.name != "experiment.toml":
            assert (again / path).read_bytes() == (experiment.folder / path).read_bytes(), path


def test_every_sequence_is_scored_in_every_language(table: Path) -> None:
    frame = read(table).frame
    assert len(frame) == 2 * 4 * len(LANGUAGES) * 3
    assert set(frame["study"]) == {"example"}
    assert set(frame["sequence"]) == {"", "mood", "kinds", "sound"}
    assert set(frame["perturbation"]) == {"", "typos", "word-drop"}
    assert set(frame["language"]) == LANGUAGES
    assert frame["score"].between(0, 1).all()


def test_scores_fall_from_near_languages_to_one_of_no_relation(table: Path) -> None:
    frame = read(table).frame
    mean = (
        frame[(frame["perturbation"] == "") & (frame["sequence"] == "kinds")]
        .groupby("language")["score"]
        .mean()
    )
    assert mean["qab"] > mean["qad"] > mean["qaf"]
    assert mean["qab"] > 0.6


def test_a_second_run_changes_nothing(experiment: Experiment, table: Path) -> None:
    before = table.read_bytes()
    done = run(experiment, Places(table.parent, table), Means())
    assert (done.trained, done.scored, done.written) == (0, 0, False)
    assert table.read_bytes() == before


def test_its_model_is_fitted_to_its_scores_and_to_what_it_measures(
    experiment: Experiment, table: Path, tmp_path: Path
) -> None:
    measured = measuring.measure(experiment, *measuring.trained(experiment, table.parent))
    measuring.write(measured, tmp_path, measuring.Chosen())
    known = covariates(tmp_path / "tasks.csv", tmp_path / "similarity.csv")
    found = fit(read_model(EXAMPLE / "model.toml"), read(table).frame, known, draws=400)
    assert found.diagnostics.rows == 2 * 4 * 4
    assert {"stage_points", "difficulty_points", "similarity_points"} <= set(found.summary["parameter"])
