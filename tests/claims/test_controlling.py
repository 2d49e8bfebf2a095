"""Controls of several models: which are run, which are passed over, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from taskorder.claims import Claim, controlling, proceedings
from taskorder.claims.controlling import controlled
from taskorder.claims.variants import Analysis
from taskorder.cli import app
from taskorder.errors import MissingData, TaskorderError
from taskorder.inference.session import Settings
from taskorder.inference.spec import ModelSpec

SETTINGS = Settings("auto", 1)


@pytest.fixture
def models(
    spec: ModelSpec, analysis: Analysis, helps: Claim, monkeypatch: pytest.MonkeyPatch
) -> list[ModelSpec]:
    """Of four models one has claims with two controls, one has no data, one a claim without control."""
    claims = [
        helps,
        replace(helps, id="later", control="order"),
        replace(helps, id="empty", model="empty"),
        replace(helps, id="plain", model="plain", control=""),
    ]

    def found(spec: ModelSpec, *_: object) -> Analysis:
        if spec.name == "empty":
            raise MissingData("no table matches")
        return analysis

    def run(
        _: Analysis, claims: tuple[Claim, ...], control: str, path: Path, *, times: int, **__: object
    ) -> pd.DataFrame:
        with path.open("a") as file:
            file.write(f"{control} {times}\n")
        rows = [{"control": control, "claim": one.id, "decision": "undecided"} for one in claims]
        return pd.DataFrame(rows * times)

    monkeypatch.setattr(controlling, "registered", lambda: tuple(claims))
    monkeypatch.setattr(controlling, "_analysis", found)
    monkeypatch.setattr(controlling, "controls", run)
    return [spec.model_copy(update={"name": name}) for name in ("empty", "none", "plain", "small")]


def test_every_control_that_claims_name_is_run_and_a_model_without_data_is_told(
    models: list[ModelSpec], tmp_path: Path
) -> None:
    said: list[str] = []
    found = controlled(models, "", tmp_path, SETTINGS, times=3, say=said.append)
    assert found.groupby("claim").size().to_dict() == {"helps": 3, "later": 3}
    assert [path.name for path in tmp_path.iterdir()] == ["small.csv"]
    assert said == ["empty has no data: no table matches"]


def test_one_control_may_be_asked_for(models: list[ModelSpec], tmp_path: Path) -> None:
    controlled(models, "order", tmp_path, SETTINGS, times=2)
    assert (tmp_path / "small.csv").read_text() == "order 2\n"


def test_what_no_claim_names_is_refused(models: list[ModelSpec], tmp_path: Path) -> None:
    with pytest.raises(TaskorderError, match="no claim has control = 'similarity': register one"):
        controlled(models, "similarity", tmp_path, SETTINGS, times=1)
    with pytest.raises(TaskorderError, match="no claim about model 'plain' has a control"):
        controlled(models[2:3], "", tmp_path, SETTINGS, times=1)
    with pytest.raises(MissingData, match="no table matches"):
        controlled(models[:1], "", tmp_path, SETTINGS, times=1)


def test_the_command_takes_every_shipped_model_where_none_is_named(
    models: list[ModelSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proceedings, "shipped", lambda: tuple(models))
    done = CliRunner().invoke(app, ["control", "--times", "5", "-o", str(tmp_path)])
    assert done.exit_code == 0
    last = [line.split() for line in done.stdout.splitlines()][-2:]
    assert last == [["difficulty", "helps", "5"], ["order", "later", "5"]]
