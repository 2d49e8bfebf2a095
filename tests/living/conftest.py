"""A small project: a catalogue of two studies, a model, two claims."""

import shutil
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from taskorder.inference.session import Settings, fitted
from taskorder.inference.spec import read_model
from taskorder.living.refitting import Wishes
from taskorder.paths import resource, rooted
from taskorder.results.catalogue import covariates

type Rows = Callable[..., Path]

MODEL = """
name = "{name}"
[data]
tables = ["data/published/*.csv", "data/added/*.csv"]
where = "metric == 'accuracy' and stage == ''"
[sequence]
moderators = ["difficulty"]
missing = "drop"
crossed = []
[groups]
evaluation = {{ columns = ["study", "target"] }}
[priors]
"sd" = {{ dist = "HalfNormal", sigma = 0.1 }}
[estimands]
stage_points = {{ function = "points", of = "stage" }}
difficulty_points = {{ function = "points", of = "difficulty" }}
"""
APART = """
name = "apart"
[data]
schema = "any"
tables = ["data/regrets.csv"]
[outcome]
scale = "identity"
[estimands]
level = { function = "points", of = "1" }
"""
CLAIMS = """
[[claim]]
id = "stages-help"
question = "Do stages help?"
statement = "An intermediate task gains more than five points."
model = "small"
estimand = "stage_points"
rope = 5

[[claim]]
id = "open"
question = "Is it open?"
statement = "Nobody knows."
needs = "Data"
"""
TASKS = ("snli", "cosmosqa", "imdb")
SETTINGS = Settings("auto", 3, 1600)
HEAD = "study,run,backbone,tuning,sequence,target,train_language,language,metric,score,seed,source"


def table(
    path: Path,
    study: str = "mine",
    gain: float = 2.0,
    tasks: tuple[str, ...] = TASKS,
    metric: str = "accuracy",
    seeds: tuple[int, ...] = (0, 1),
) -> Path:
    """Write a table of runs: a gain in points for each stage, some noise, and what else a test asks for."""
    rng = np.random.default_rng(len(study) + int(10 * gain))
    lines = [HEAD]
    for sequence, target, seed in product(("", *tasks), ("rte", "boolq"), seeds):
        score = 0.7 + (gain / 100 if sequence else 0.0) + rng.normal(0, 0.008)
        run = f"{sequence or 'direct'}/{target}/{seed}"
        cells = (study, run, "bert", "full", sequence, target, "en", "en", metric, f"{score:.4f}", seed)
        lines.append(",".join(map(str, (*cells, "Table 1"))))
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    """Write a `table` of that name."""
    return lambda name, *arguments, **named: table(tmp_path / name, *arguments, **named)


@pytest.fixture(scope="session")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as every test finds it, its model fitted."""
    project = tmp_path_factory.mktemp("living") / "project"
    for folder in ("data/published", "models", "reports/calibration"):
        (project / folder).mkdir(parents=True)
    for name in ("tasks", "similarity", "languages", "studies"):
        (project / "data" / f"{name}.csv").symlink_to(resource(f"data/{name}.csv"))
    for study in ("one", "two"):
        table(project / "data" / "published" / f"{study}.csv", study)
    (project / "data" / "regrets.csv").write_text("score\n1\n2\n3\n", "utf-8")
    (project / "models" / "small.toml").write_text(MODEL.format(name="small"), "utf-8")
    (project / "models" / "apart.toml").write_text(APART, "utf-8")
    (project / "reports" / "claims.toml").write_text(CLAIMS, "utf-8")
    with rooted(project):
        found = fitted(read_model(project / "models" / "small.toml"), (), covariates(), SETTINGS)
    assert found.fit.diagnostics.ok
    return project


@pytest.fixture
def root(tmp_path: Path, laid_out: Path) -> Iterator[Path]:
    """A project of its own for each test, worked in."""
    project = tmp_path / "project"
    shutil.copytree(laid_out, project, symlinks=True)
    with rooted(project):
        yield project


@pytest.fixture
def wishes() -> Wishes:
    return Wishes((), SETTINGS, full=True)
