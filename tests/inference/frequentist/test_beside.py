"""The table of companions: which methods suit which model, and whether signs agree."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from taskorder.inference.diagnostics import Diagnostics
from taskorder.inference.fitting import Fit
from taskorder.inference.frequentist.beside import COLUMNS, companions
from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.results.catalogue import Covariates, covariates

REFERENCE = Path(__file__).parents[2] / "reference"


def reference(name: str) -> pd.DataFrame:
    return pd.DataFrame(json.loads((REFERENCE / f"metafor_{name}.json").read_text("utf-8"))["data"])


def meta(**content: Any) -> ModelSpec:
    standard = {
        "name": "meta",
        "data": {"schema": "any"},
        "outcome": {"column": "yi", "scale": "identity", "variance": "vi"},
        "residual": {"sd": 0},
    }
    return parse_model(standard | content)


def a_fit(spec: ModelSpec, **means: float) -> Fit:
    """Make a fit whose posterior has these means."""
    posterior = xr.Dataset({name: (("chain", "draw"), np.full((2, 5), mean)) for name, mean in means.items()})
    diagnostics = Diagnostics(True, "nuts", {}, 900.0, 900.0, 1.0, 0, None, 5, 1, ())
    manifest = {"points_per_unit": 1.0, "reference_score": 0.5}
    return Fit(spec, xr.DataTree.from_dict({"posterior": posterior}), pd.DataFrame(), diagnostics, manifest)


def row(frame: pd.DataFrame, term: str, method: str) -> pd.Series:
    found = frame[(frame["term"] == term) & frame["method"].str.contains(method, regex=False)]
    assert len(found) == 1
    return found.iloc[0]


def test_a_meta_analysis(known: Covariates) -> None:
    spec = meta(groups={"trial": {}})
    table = reference("bcg").assign(trial=range(13))
    found = companions(a_fit(spec, **{"1": -0.7, "sd:trial": 0.6}), known, table)
    assert list(found.columns) == COLUMNS
    assert row(found, "1", "Knapp-Hartung")["estimate"] == pytest.approx(-0.7145, abs=1e-4)
    assert row(found, "1", "Knapp-Hartung")["agrees"]
    assert row(found, "1", "CR2 over 13 clusters")["df"] == pytest.approx(11.04, abs=0.01)
    assert row(found, "sd:trial", "Q-profile")["upper"] == pytest.approx(1.054, abs=1e-3)
    assert row(found, "Q", "heterogeneity")["estimate"] == pytest.approx(152.233, abs=1e-3)
    assert row(found, "I2", "REML")["estimate"] == pytest.approx(92.22, abs=0.01)
    assert row(found, "1", "prediction")["lower"] == pytest.approx(-2.009, abs=1e-3)
    assert row(found, "se", "Egger")["p"] == pytest.approx(0.4218, abs=1e-4)
    assert row(found, "1", "PET of PET-PEESE")["estimate"] == pytest.approx(-0.1909, abs=1e-4)
    assert found.loc[found["term"].isin(["Q", "I2", "sd:trial"]), "agrees"].isna().all()


def test_a_moderator_whose_sign_differs(known: Covariates) -> None:
    spec = meta(fixed={"terms": ["1", "ablat"]}, groups={"trial": {}})
    table = reference("bcg").assign(trial=range(13))
    found = companions(a_fit(spec, **{"1": 0.3, "ablat": 0.03}), known, table)
    slope, level = row(found, "ablat", "Knapp-Hartung"), row(found, "1", "Knapp-Hartung")
    assert slope["estimate"] == pytest.approx(-0.0291, abs=1e-4)
    assert not slope["agrees"]
    assert level["estimate"] == pytest.approx(0.2515, abs=1e-4)
    assert level["agrees"]
    assert not found["method"].str.contains("PET|prediction").any()


def test_equal_effects_where_the_model_has_no_heterogeneity(known: Covariates) -> None:
    found = companions(a_fit(meta(), **{"1": -0.4}), known, reference("bcg"))
    level = found[(found["term"] == "1") & (found["method"] == "equal effects")].iloc[0]
    assert level["estimate"] == pytest.approx(-0.4303, abs=1e-4)
    assert level["se"] == pytest.approx(0.0405, abs=1e-4)


def test_a_residual_sd_is_heterogeneity_too(known: Covariates) -> None:
    table = reference("bcg").assign(trial=range(13))
    by_group = companions(a_fit(meta(groups={"trial": {}}), **{"1": -0.7}), known, table)
    by_residual = companions(a_fit(meta(residual={}), **{"1": -0.7}), known, table)
    columns = ["method", "estimate", "se", "lower", "upper", "p"]
    pd.testing.assert_frame_equal(by_group[columns], by_residual[columns])


def test_schools_in_districts(known: Covariates) -> None:
    spec = meta(groups={"school": {"within": "district"}})
    found = companions(a_fit(spec, **{"1": 0.2}), known, reference("konstantopoulos2011"))
    assert row(found, "1", "CR2 over 11 clusters")["p"] == pytest.approx(0.05397, abs=1e-4)
    assert row(found, "sd:district", "REML")["estimate"] == pytest.approx(0.2551, abs=1e-4)
    assert row(found, "sd:school", "REML")["estimate"] == pytest.approx(0.1809, abs=1e-4)
    assert row(found, "I2 sd:district", "REML")["estimate"] == pytest.approx(63.32, abs=0.01)
    assert row(found, "1", "prediction")["lower"] == pytest.approx(-0.4502, abs=1e-4)


def test_rows_that_cannot_carry_the_terms_give_nothing(known: Covariates) -> None:
    table = reference("bcg").iloc[:2].assign(trial=range(2))
    spec = meta(fixed={"terms": ["1", "ablat"]}, groups={"trial": {}})
    assert companions(a_fit(spec, **{"1": 0.1}), known, table).empty


def test_a_variance_of_zero_needs_other_noise(known: Covariates) -> None:
    table = reference("bcg").assign(trial=range(13))
    table.loc[3, "vi"] = 0.0
    found = companions(a_fit(meta(residual={}), **{"1": 0.1}), known, table)
    assert "Q" not in set(found["term"])
    assert row(found, "residual", "REML")["estimate"] > 0.3


def test_without_its_table_a_meta_analysis_has_no_companion(known: Covariates) -> None:
    found = companions(a_fit(meta(groups={"trial": {}}), **{"1": 0.1}), known)
    assert found.empty
    assert list(found.columns) == COLUMNS


def test_orders_over_languages(results: Callable[..., pd.DataFrame]) -> None:
    rng = np.random.default_rng(5)
    languages = ["en", "sw", "fr", "de", "ha"]
    cases = [(order, i) for order in ("mnli>qqp", "qqp>mnli") for i in range(5)]
    table = results(
        sequence=[order for order, _ in cases],
        target="rte",
        language=[languages[i] for _, i in cases],
        score=[0.5 + 0.05 * i + 0.04 * (order == "qqp>mnli") + 0.002 * rng.normal() for order, i in cases],
    )
    spec = parse_model({"name": "plain", "outcome": {"scale": "identity"}})
    found = companions(a_fit(spec, **{"1": 0.6}), covariates(), table)
    label = "mnli&qqp, s b/full, target rte"
    anova = row(found, f"order ({label})", "repeated-measures ANOVA, 5 languages")
    assert anova["p"] < 1e-4
    assert 0 < anova["estimate"] < 1
    difference = row(found, f"mnli>qqp - qqp>mnli ({label})", "largest paired difference")
    assert difference["estimate"] == pytest.approx(-4, abs=0.3)
    assert difference["unit"] == "points"
    agreement = row(found, f"order ({label})", "ICC(A,1)")
    assert agreement["lower"] < agreement["estimate"] < agreement["upper"]
    assert found["agrees"].isna().all()


def test_the_moderators_of_sequences_need_no_table(
    known: Covariates, sequence_model: Callable[..., ModelSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    slopes = pd.DataFrame(
        {
            "term": "difficulty",
            "system": ["all", "b/full"],
            "estimate": [1.0, -1.0],
            "se": 0.5,
            "lower": 0.0,
            "upper": 2.0,
            "p": 0.05,
            "unit": "points",
            "clusters": 6,
            "agrees": True,
        }
    )
    monkeypatch.setattr("taskorder.inference.frequentist.beside.companion", lambda *_: slopes)
    fit = a_fit(sequence_model(), difficulty=0.2)
    posterior = fit.tree["posterior"].to_dataset()
    posterior["difficulty|system"] = (("chain", "draw", "system_level"), np.full((2, 5, 1), -0.3))
    fit.tree["posterior"] = posterior.assign_coords(system_level=["b/full"])
    found = companions(fit, known)
    assert found["term"].tolist() == ["difficulty", "difficulty[b/full]"]
    assert found["df"].tolist() == [5.0, 5.0]
    assert found["agrees"].tolist() == [True, True]
