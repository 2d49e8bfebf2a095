"""The report of a project that is invented and tiny, laid out as the checkout."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from taskorder.claims import examining
from taskorder.claims.controlling import controlled
from taskorder.claims.proceedings import shipped
from taskorder.inference import store
from taskorder.inference.session import Settings
from taskorder.paths import resource, rooted
from taskorder.reporting import keeping, making
from taskorder.reporting.making import make_report

MODEL = """
name = "{name}"
question = "Do the invented tasks help?"

[data]
tables = ["data/published/{table}.csv"]

[groups]
evaluation = {{ columns = ["study", "target"] }}

[fixed]
terms = ["1", "steps"]

[priors]
"steps" = {{ dist = "Normal", mu = 0, sigma = 0.05 }}
"sd" = {{ dist = "HalfNormal", sigma = 0.1 }}

[estimands]
steps_points = {{ function = "points", of = "steps" }}
"""
CLAIM = """
[[claim]]
id = "{name}-helps"
question = "Does a task help?"
statement = "A task more helps."
model = "{name}"
estimand = "steps_points"
region = "above"
rope = {rope}
control = "order"
"""
SETTINGS = Settings("auto", 7, 1000)


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
            "score": round(0.6 + 0.05 * len(sequence) + rng.normal(0, 0.01), 4),
            "seed": seed,
            "source": "Table 1",
            "flag": "",
        }
        for study in ("s1", "s2")
        for sequence in ("", "a", "b")
        for target in ("x", "y")
        for seed in (1, 2)
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One model has a table, another names one that matches nothing."""
    root = tmp_path_factory.mktemp("project")
    published = root / "data" / "published"
    published.mkdir(parents=True)
    (root / "models").mkdir()
    (root / "reports" / "calibration").mkdir(parents=True)
    shutil.copytree(resource("reports/template"), root / "reports" / "template")
    (root / "models" / "tiny.toml").write_text(MODEL.format(name="tiny", table="mine"), "utf-8")
    (root / "models" / "later.toml").write_text(MODEL.format(name="later", table="later-*"), "utf-8")
    _claim(root, 0.2)
    shutil.copy(resource("data/languages.csv"), root / "data")
    _rows().to_csv(published / "mine.csv", index=False)
    tables = {
        "tasks": {"task": ["a", "b", "x", "y"], "kind": "classification", "difficulty_shortfall": 0.5},
        "similarity": {"task": ["a"], "target": ["x"], "measure": ["taskshop_roe"], "similarity": [1.0]},
        "studies": {"study": ["s1", "s2"], "title": ["First", "Second"], "year": [2024, 2025]},
    }
    for name, columns in tables.items():
        pd.DataFrame(columns).to_csv(root / "data" / f"{name}.csv", index=False)
    with pytest.MonkeyPatch.context() as patch, rooted(root):
        patch.setattr(keeping, "_code", list[Path])  # whoever edits code meanwhile does not matter
        patch.setattr(examining.examine, "__kwdefaults__", {**examining.examine.__kwdefaults__, "workers": 1})
        yield root


def _claim(root: Path, rope: float) -> None:
    claims = "".join(CLAIM.format(name=name, rope=rope) for name in ("tiny", "later"))
    (root / "reports" / "claims.toml").write_text(claims, "utf-8")


@pytest.fixture(scope="module")
def said(project: Path) -> list[str]:
    """The first report is made, and this is what was said meanwhile."""
    said: list[str] = []
    made = make_report(project / "report.pdf", SETTINGS, force=False, say=said.append)
    assert made.failed == ()
    return said


def test_a_model_without_data_is_told_and_the_report_is_made(project: Path, said: list[str]) -> None:
    assert (project / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert any(text.startswith("later has no data: model 'later': no table matches") for text in said)


def test_nothing_is_fitted_where_nothing_changed(
    project: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "hear", lambda *_, **__: pytest.fail("heard twice"))
    monkeypatch.setattr(making, "summarise_catalogue", lambda: pytest.fail("counted twice"))
    again = make_report(project / "again.pdf", SETTINGS, force=False)
    assert said
    assert again.report.path.read_bytes() == (project / "report.pdf").read_bytes()


def test_chapters_made_in_processes_are_those_made_here(project: Path, said: list[str]) -> None:
    assert said
    twin = project / "models" / "twin.toml"
    twin.write_text(MODEL.format(name="twin", table="mine"), "utf-8")
    shutil.rmtree(store.home() / keeping.FOLDER)
    beside = make_report(project / "beside.pdf", SETTINGS, force=False, workers=2, say=print)
    here = make_report(project / "here.pdf", SETTINGS, force=False)
    twin.unlink()
    assert beside.report.sha256 == here.report.sha256


def test_a_claim_that_was_edited_makes_its_chapter_anew(project: Path, said: list[str]) -> None:
    assert said
    _claim(project, 0.3)
    told: list[str] = []
    edited = make_report(project / "edited.pdf", SETTINGS, force=False, say=told.append)
    _claim(project, 0.2)
    assert edited.report.path.read_bytes() != (project / "report.pdf").read_bytes()
    assert not any(text.startswith("fitting") for text in told)


def test_controls_that_are_run_stand_in_their_chapter(project: Path, said: list[str]) -> None:
    assert said
    table = project / "reports" / "controls" / "tiny.csv"
    controlled(shipped(), "", table.parent, SETTINGS, times=2, workers=1)
    make_report(project / "controls.pdf", SETTINGS, force=False)
    (chapter,) = (store.home() / keeping.FOLDER).glob("tiny-*.json")
    told = json.loads(chapter.read_text("utf-8"))["controls"]
    table.unlink()
    assert [row[1:3] for row in told["table"]["rows"]] == [[], ["2", "0"]]
    assert len(told["text"]) == 1
