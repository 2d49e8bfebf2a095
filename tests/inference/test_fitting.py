"""What a fit says of itself: summary, estimands, manifest; the sampler is stood in for."""

import numpy as np
import pandas as pd
import pytest

from taskorder.inference.engines.parameters import priors_of
from taskorder.inference.fitting import Fit, fit
from taskorder.inference.layout.design import build_design
from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.inference.summary import COLUMNS
from taskorder.results.catalogue import Covariates

pytestmark = pytest.mark.usefixtures("no_sampler")


@pytest.fixture
def full(full_model: ModelSpec, full_table: pd.DataFrame, known: Covariates) -> Fit:
    return fit(full_model, full_table, known, draws=4000, seed=1)


def test_the_summary_names_what_the_model_file_names(full: Fit) -> None:
    assert list(full.summary.columns) == COLUMNS
    names = full.summary["parameter"].tolist()
    assert len(set(names)) == len(names)
    assert {
        "slope", "spread", "levels[b/full]", "levels[c/full]", "one_sign", "question",
        "1", "stage", "difficulty", "similarity", "recency",
        "sd:stage", "sd:study", "sd:system", "sd:system:difficulty",
        "residual", "sd:residual", "residual:s", "residual:t",
    } == set(names)  # fmt: skip
    rows = full.summary.set_index("parameter")
    assert ((rows["lower"] <= rows["mean"]) & (rows["mean"] <= rows["upper"])).drop("one_sign").all()
    draws = full.tree["posterior"].to_dataset()["difficulty"]
    assert rows.loc["difficulty", "lower"] == pytest.approx(float(draws.quantile(0.025)))
    assert rows.loc["difficulty", "sd"] == pytest.approx(float(draws.std(ddof=1)))
    assert rows.loc["difficulty", "unit"] == "arcsine"


def test_estimands_are_functions_of_the_draws(full: Fit) -> None:
    posterior = full.tree["posterior"].to_dataset()
    factor = full.manifest["points_per_unit"]
    reference = full.manifest["reference_score"]
    assert factor == pytest.approx(100 * 2 * np.sqrt(reference * (1 - reference)))
    np.testing.assert_allclose(full.estimand("slope"), posterior["difficulty"] * factor)
    np.testing.assert_allclose(full.estimand("spread"), posterior["sd:system:difficulty"] * factor)
    np.testing.assert_allclose(full.estimand("question"), posterior["sd:study"] / posterior["residual"])
    levels = (posterior["difficulty"] + posterior["difficulty|system"]).transpose("chain", "draw", ...)
    np.testing.assert_allclose(full.estimand("levels"), levels * factor)
    signs = np.sign(levels.to_numpy())
    np.testing.assert_array_equal(full.estimand("one_sign"), np.abs(signs.sum(axis=-1)) == 2)
    assert full.estimand("slope").attrs["unit"] == f"points per sd at {100 * reference:.0f}"
    with pytest.raises(KeyError):
        full.estimand("other")


def test_the_manifest_says_what_the_fit_was_made_from(full: Fit) -> None:
    manifest = full.manifest
    assert (manifest["model"], manifest["seed"], manifest["draws"]) == ("made", 1, 4000)
    assert manifest["rows"] == {"s": 6, "t": 6}
    assert manifest["model_sha256"] == full.spec.digest()
    assert manifest["interval"] == "95 % equal-tailed"
    assert manifest["priors"]["1"] == "Normal(0.8, 0.5)"
    assert set(full.spec.sd_names()) | {"recency", "residual", "sd:residual"} <= set(manifest["priors"])
    assert {unit["measure"] for unit in manifest["units"]} == {"made"}
    assert full.diagnostics.rows == 12
    assert manifest["how"] == "pretended"
    assert {"scipy", "arviz-stats"} <= set(manifest["versions"])
    assert "made" in full._repr_html_()
    assert full.text().endswith("\n4,000 draws: pretended")
    assert "residual:s" not in full.text()


def test_what_studies_name_is_counted_over_rows(
    full: Fit, full_table: pd.DataFrame, known: Covariates
) -> None:
    assert full.manifest["distinct"]["s"] == {"system": 2, "sequence": 5, "target": 1, "language": 1}
    spec = parse_model({"name": "m", "data": {"schema": "any"}, "groups": {"backbone": {}}})
    mixed = fit(spec, full_table.assign(language=["en", "sw", "de"] * 4), known, draws=400)
    assert {of: each["language"] for of, each in mixed.manifest["distinct"].items()} == {"s": 3, "t": 3}
    assert "study" not in mixed.tree["constant_data"].to_dataset()


def test_every_prior_has_its_density_draw_by_draw(full: Fit) -> None:
    assert set(full.tree["log_prior"].to_dataset().data_vars) == set(full.manifest["priors"])


@pytest.mark.parametrize(
    ("outcome", "residual", "more"),
    [
        ({}, {}, {"residual"}),
        ({"variance": "v"}, {"sd": 0}, set()),
        ({"likelihood": "student_t"}, {}, {"residual", "nu"}),
    ],
)
def test_the_priors_are_those_of_the_parameters_that_there_are(
    known: Covariates, outcome: dict[str, str], residual: dict[str, int], more: set[str]
) -> None:
    table = pd.DataFrame({"y": [0.2, 0.4, 0.6, 0.1], "v": 0.1, "g": list("abab")})
    content = {
        "name": "m",
        "data": {"schema": "any"},
        "outcome": {"column": "y", "scale": "identity", **outcome},
        "groups": {"g": {}},
        "residual": residual,
    }
    spec = parse_model(content)
    assert set(priors_of(build_design(table, spec, known), spec)) == {"1", "sd:g"} | more


def test_points_on_other_scales(known: Covariates) -> None:
    table = pd.DataFrame({"y": [0.2, 0.4, 0.6], "x": [0.0, 1.0, 4.0]})
    estimand = {"by_x": {"function": "points", "of": "x"}}

    def fitted(scale: str, reference: float) -> Fit:
        content = {
            "name": "m",
            "data": {"schema": "any"},
            "outcome": {"column": "y", "scale": scale, "reference": reference},
            "fixed": {"terms": ["1", "x"]},
            "estimands": estimand,
        }
        return fit(parse_model(content), table, known, draws=400)

    assert fitted("logit", 0.5).manifest["points_per_unit"] == pytest.approx(25.0)
    assert fitted("arcsine", 0.9).manifest["points_per_unit"] == pytest.approx(60.0)
    identity = fitted("identity", 0.5)
    assert identity.manifest["points_per_unit"] == 1.0
    assert identity.estimand("by_x").attrs["unit"] == "y"


def test_an_estimand_of_a_group_that_was_left_out_is_left_out(
    full_model: ModelSpec, full_table: pd.DataFrame, known: Covariates
) -> None:
    one_system = fit(full_model, full_table.assign(backbone="b"), known, draws=400)
    assert set(one_system.tree["estimands"].to_dataset().data_vars) == {"slope", "question"}
