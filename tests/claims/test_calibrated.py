"""A calibration counts for the state that it was made of, and for no other."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from taskorder.claims import Claim
from taskorder.claims.judging import judge
from taskorder.claims.variants import Analysis
from taskorder.inference.criticism import calibration, ledger
from taskorder.inference.criticism.calibration import Plan, calibrate


@pytest.fixture
def folder(analysis: Analysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A calibration of the analysis, of which nothing is fitted and all ranks are uniform."""

    def outcomes(*_: object) -> list[object]:
        return []

    def summarised(_: pd.DataFrame, engine: str, cells: int) -> pd.DataFrame:
        assert cells > 0
        return pd.DataFrame({"parameter": ["difficulty_points"], "engine": engine, "inside": True})

    monkeypatch.setattr(calibration, "_outcomes", outcomes)
    monkeypatch.setattr(calibration, "summarised", summarised)
    ledger.write(tmp_path / "small_collapsed_ranks.csv", ledger.rows([], ""))
    calibrate(analysis.spec, analysis.table, analysis.covariates, Plan(data_sets=0, cells=60), tmp_path)
    return tmp_path


def test_a_calibration_counts_for_the_state_that_it_was_made_of(
    analysis: Analysis, helps: Claim, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = analysis.fit
    assert judge(helps, fit, folder).calibrated
    assert not judge(helps, fit).calibrated
    for name in ("model_sha256", "rows_sha256"):
        assert not judge(helps, replace(fit, manifest={**fit.manifest, name: "another"}), folder).calibrated
    monkeypatch.setattr(calibration, "_code", lambda: ("another sampler",))
    assert not judge(helps, fit, folder).calibrated


def test_a_table_without_its_state_does_not_count(analysis: Analysis, helps: Claim, folder: Path) -> None:
    path = folder / "small_collapsed.csv"
    pd.read_csv(path).drop(columns="state").to_csv(path, index=False)
    assert not judge(helps, analysis.fit, folder).calibrated
    pd.read_csv(path).assign(state=np.nan).to_csv(path, index=False)
    assert not judge(helps, analysis.fit, folder).calibrated
