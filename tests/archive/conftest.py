"""A project that is invented and tiny, laid out as the checkout, with its report and the archive of that."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from taskorder import processes
from taskorder.archive import packing
from taskorder.claims.proceedings import Proceedings, proceed
from taskorder.inference.session import Settings
from taskorder.paths import resource, rooted
from taskorder.reporting.making import make_report

MODEL = """
name = "tiny"
question = "Do the invented tasks help?"

[data]
tables = ["data/published/mine.csv"]

[sequence]
difficulty = ["shortfall"]
moderators = ["difficulty"]
crossed = []
missing = "drop"

[groups]
evaluation = { columns = ["study", "target"] }

[priors]
"difficulty" = { dist = "Normal", mu = 0, sigma = 0.05 }
"sd" = { dist = "HalfNormal", sigma = 0.1 }

[estimands]
difficulty_points = { function = "points", of = "difficulty" }
"""
CLAIMS = """
[[claim]]
id = "helps"
question = "How does difficulty act?"
statement = "Harder tasks help."
model = "tiny"
estimand = "difficulty_points"
region = "above"
rope = 0.2
"""
DIFFICULTY = {"a": 0.1, "b": 0.4, "c": 0.7, "d": 0.9}
SETTINGS = Settings("auto", 7, 1000)


class InThisProcess:
    """What a pool of processes does, one after another."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def map[T](self, one: Callable[..., T], *arguments: Iterable[object]) -> Iterator[T]:
        return map(one, *arguments)

    def shutdown(self, **_: object) -> None: ...


def _rows() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rows = [
        {
            "study": study,
            "run": f"{sequence or 'direct'}-{target}-{seed}",
            "backbone": "tiny-base",
            "tuning": "full",
            "sequence": sequence,
            "target": target,
            "train_language": "en",
            "language": "en",
            "metric": "accuracy",
            "score": round(0.6 + 0.1 * DIFFICULTY.get(sequence, 0) + rng.normal(0, 0.01), 4),
            "seed": seed,
            "source": "Table 1",
            "flag": "",
        }
        for study in ("s1", "s2")
        for sequence in ("", *DIFFICULTY)
        for target in ("x", "y")
        for seed in (1, 2)
    ]
    return pd.DataFrame(rows)


def _lay_out(root: Path) -> None:
    published = root / "data" / "published"
    published.mkdir(parents=True)
    (root / "models").mkdir()
    (root / "reports" / "calibration").mkdir(parents=True)
    shutil.copytree(resource("reports/template"), root / "reports" / "template")
    (root / "models" / "tiny.toml").write_text(MODEL, "utf-8")
    (root / "reports" / "claims.toml").write_text(CLAIMS, "utf-8")
    (root / "reports" / "calibration" / "README.md").write_text("None yet.\n", "utf-8")
    shutil.copy(resource("data/languages.csv"), root / "data")
    _rows().to_csv(published / "mine.csv", index=False)
    covariates = {
        "tasks": {"task": [*DIFFICULTY, "x", "y"], "kind": "classification"}
        | {"difficulty_shortfall": [*DIFFICULTY.values(), None, None]},
        "similarity": {"task": ["a"], "target": ["x"], "measure": ["own"], "similarity": [1.0]},
        "studies": {"study": ["s1", "s2"], "title": ["First", "Second"], "year": [2024, 2025]},
    }
    for name, columns in covariates.items():
        pd.DataFrame(columns).to_csv(root / "data" / f"{name}.csv", index=False)


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit one after another: starting processes takes longer than these fits."""
    monkeypatch.setattr(processes, "ProcessPoolExecutor", InThisProcess)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    _lay_out(root)
    return root


@pytest.fixture(scope="session")
def done(project: Path) -> Proceedings:
    with rooted(project), pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "ProcessPoolExecutor", InThisProcess)
        make_report(project / "report.pdf", SETTINGS, force=False)
        return proceed(SETTINGS)


@pytest.fixture(scope="session")
def crate(project: Path, done: Proceedings) -> Path:
    """The archive of the report, as a zip."""
    path = project / "report.crate.zip"
    with rooted(project):
        packing.archive(project / "report.pdf", done, SETTINGS, path)
    return path
