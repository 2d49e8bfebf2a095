"""Claims that are refused before a fit, and claims that a fit cannot decide."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from taskorder.claims import Claim, Verdict, judge, read_claims, refuse_unmatched
from taskorder.claims.claim import Region
from taskorder.errors import TaskorderError
from taskorder.inference.diagnostics import Diagnostics
from taskorder.inference.fitting import Fit
from taskorder.inference.spec import ModelSpec, parse_model

CLAIM = Claim("c", "Does it help?", "It helps.", "small", "difficulty_points", "above")


@pytest.fixture
def spec() -> ModelSpec:
    return parse_model(
        {
            "name": "small",
            "sequence": {"moderators": ["difficulty"]},
            "groups": {"system": {"by": ["1", "difficulty"]}},
            "estimands": {
                "difficulty_points": {"function": "points", "of": "difficulty"},
                "by_system": {"function": "level_points", "of": "difficulty", "group": "system"},
                "one_sign": {"function": "same_sign", "of": "difficulty", "group": "system"},
                "spread": {"function": "sd_points", "of": "difficulty", "group": "system"},
            },
        }
    )


@pytest.fixture
def fit_of(spec: ModelSpec) -> Callable[..., Fit]:
    """Make a fit with draws of some of the estimands."""

    def make(*, ok: bool = True, **draws: list[float]) -> Fit:
        values = {name: (("chain", "draw"), np.array([numbers])) for name, numbers in draws.items()}
        tree = xr.DataTree.from_dict({"estimands": xr.Dataset(values)})
        diagnostics = Diagnostics(ok, "nuts", {}, 900.0, 900.0, 1.0, 0, None, 9, 3, ())
        return Fit(spec, tree, pd.DataFrame(), diagnostics, {"reference_score": 0.6})

    return make


@pytest.fixture
def write_claims(tmp_path: Path) -> Callable[..., Path]:
    def write(
        more: str = "", head: str = "[[claim]]", region: str = "above", model: str = "m", estimand: str = "e"
    ) -> Path:
        path = tmp_path / "claims.toml"
        texts = f'id = "c"\nquestion = "q"\nstatement = "s"\nmodel = "{model}"\nestimand = "{estimand}"'
        path.write_text(f'{head}\n{texts}\nregion = "{region}"\n{more}\n', encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"more": "roep = 0.2"}, r"claim 'c': unknown key 'roep'.*Did you mean 'rope'"),
        ({"head": "[[claims]]"}, r"unknown key 'claims'.*Did you mean 'claim'"),
        ({"more": "rope = -0.2"}, "at least 0"),
        ({"more": "rope = inf"}, "at least 0"),
        ({"more": "rope = nan"}, "at least 0"),
        ({"more": "at = nan"}, "a finite number"),
        ({"region": "within"}, "needs a rope above 0"),
        ({"region": "beside"}, "claim 0.region"),
        ({"head": "claim = 3\n[[other]]"}, "unknown key 'other'"),
        ({"more": 'control = "ordre"'}, "claim 0.control"),
        ({"model": ""}, "name both model and estimand"),
        ({"model": "", "estimand": ""}, "say with needs"),
    ],
)
def test_a_file_of_claims_is_refused_with_what_is_wrong(
    write_claims: Callable[..., Path], changes: dict[str, str], message: str
) -> None:
    with pytest.raises(TaskorderError, match=message):
        read_claims(write_claims(**changes))


def test_claims_are_read(write_claims: Callable[..., Path]) -> None:
    assert read_claims(write_claims("rope = 0.2", region="within"))[0].rope == 0.2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "smal"}, "there is no model 'smal'.*Did you mean 'small'"),
        ({"estimand": "dificulty_points"}, "Did you mean 'difficulty_points'"),
        ({"estimand": "by_system"}, "one value a level"),
        ({"estimand": "one_sign", "region": "below"}, 'region = "above"'),
        ({"estimand": "one_sign", "rope": 0.2}, "no rope"),
    ],
)
def test_a_claim_about_what_no_model_has_is_refused(
    spec: ModelSpec, changes: dict[str, str], message: str
) -> None:
    refuse_unmatched([CLAIM, replace(CLAIM, estimand="one_sign")], [spec])
    with pytest.raises(TaskorderError, match=message):
        refuse_unmatched([CLAIM, replace(CLAIM, **changes)], [spec])


@pytest.mark.parametrize(
    ("region", "at", "rope", "expected"),
    [("above", 1.0, 0.5, 0.5), ("below", 1.0, 0.5, 0.25), ("within", 1.0, 1.0, 0.5)],
)
def test_regions_are_about_what_the_claim_compares_with(
    region: Region, at: float, rope: float, expected: float
) -> None:
    claim = replace(CLAIM, region=region, at=at, rope=rope)
    assert claim.probability(np.array([-3.0, 1.0, 2.0, 3.0])) == expected


def test_a_claim_is_decided_by_one_sided_probability(fit_of: Callable[..., Fit]) -> None:
    draws = [-0.1] * 4 + [1.0] * 96
    found = judge(CLAIM, fit_of(difficulty_points=draws))
    assert (found.decision, found.probability, found.unit) == ("supported", 0.96, "points per sd at 60")
    assert found.lower < 0
    assert judge(replace(CLAIM, region="below"), fit_of(difficulty_points=draws)).decision == "refuted"
    assert judge(CLAIM, fit_of(ok=False, difficulty_points=draws)).decision == "undecided"


def test_an_estimand_that_these_rows_leave_out_is_undecided(fit_of: Callable[..., Fit]) -> None:
    claim = replace(CLAIM, estimand="spread", rope=0.5)
    found = judge(claim, fit_of(difficulty_points=[1.0]))
    assert found.decision == "undecided"
    assert np.isnan([found.probability, found.mean, found.lower, found.upper]).all()
    assert "without this estimand" in Verdict(claim, found).reasons[0]


def test_an_event_is_judged_by_its_probability(fit_of: Callable[..., Fit]) -> None:
    claim = replace(CLAIM, estimand="one_sign")
    found = judge(claim, fit_of(one_sign=[1.0, 1.0, 0.0, 1.0]))
    assert (found.probability, Verdict(claim, found).region) == (0.75, "true in every level")
