"""docs/training.md says all that an experiment file can hold, and nothing else."""

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from taskorder.harness.experiments.experiment import Experiment, read_experiment
from taskorder.harness.experiments.settings import Scoring, Sequences, Target, Training
from taskorder.harness.noise.changes import NOISES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "training.md").read_text("utf-8")
ELSEWHERE = {"folder", "sequences", "targets", "training", "overrides", "keep", "evaluation"}
"""What has a table of its own, or is no key of the file."""


def documented(heading: str) -> dict[str, str]:
    """The keys of the first table below a heading, and their defaults."""
    table = re.split(r"\n(?!\|)", TEXT.partition(f"{heading}\n")[2].partition("\n|")[2])[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", table, re.MULTILINE))


def test_the_experiment_that_it_shows_is_one(tmp_path: Path) -> None:
    (shown,) = re.findall(r"^```toml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    path = tmp_path / "experiment.toml"
    path.write_text(shown, encoding="utf-8")
    assert read_experiment(path).training_for("mlm[sw]", "lora").max_steps == 5000


@pytest.mark.parametrize(
    ("heading", "table"),
    [
        ("## The experiment file", Experiment),
        ("### `[sequences]`: what comes before the target", Sequences),
        ("### `[targets]`: what is scored", Target),
        ("### `[training]`: hyper-parameters of every stage", Training),
        ("### `[evaluation]`", Scoring),
    ],
)
def test_every_key_is_there_with_its_default(heading: str, table: type[BaseModel]) -> None:
    fields = dict(table.model_fields)
    if table is Training:
        fields["keep"] = Experiment.model_fields["keep"]
    if table is Experiment:
        fields = {name: fields[name] for name in fields if name not in ELSEWHERE}
    defaults = documented(heading)
    assert defaults.keys() == fields.keys()
    for key, default in defaults.items():
        if default.startswith("`"):
            value = tomllib.loads(f"value = {default.strip('`')}")["value"]
            expected = fields[key].default
            assert value == (list(expected) if isinstance(expected, tuple) else expected), key


def test_every_perturbation_is_there() -> None:
    assert all(f"`{name}`" in TEXT for name in NOISES)


def test_every_file_that_it_points_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", TEXT)
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
