"""Contrasts of the levels of a column of text: against the reference, and against each other."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from taskorder.errors import InvalidModel, MissingData
from taskorder.inference.fitting import fit
from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.results.catalogue import Covariates

NOTHING = Covariates(
    pd.DataFrame(columns=["task", "kind"]),
    pd.DataFrame(columns=["task", "target", "measure", "similarity"]),
    pd.DataFrame(columns=["language"]),
)
TRUTH = {"full": 0.0, "adapter": -0.4, "lora": 0.3}


def table() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    tuning = np.repeat(list(TRUTH), 40)
    y = 1.0 + np.array([TRUTH[name] for name in tuning]) + 0.05 * rng.standard_normal(len(tuning))
    return pd.DataFrame({"tuning": tuning, "y": y})


def model(**estimands: dict[str, str]) -> ModelSpec:
    content: dict[str, Any] = {
        "name": "m",
        "data": {"schema": "any"},
        "outcome": {"column": "y", "scale": "identity"},
        "fixed": {"terms": ["1", "tuning"], "reference": {"tuning": "full"}},
        "estimands": estimands,
    }
    return parse_model(content)


def test_contrasts_are_what_was_planted() -> None:
    spec = model(
        lora={"function": "points", "of": "tuning[lora]"},
        lora_to_adapter={"function": "contrast", "of": "tuning[lora]", "to": "tuning[adapter]"},
    )
    found = fit(spec, table(), NOTHING, draws=800)
    posterior = found.tree["posterior"].to_dataset()
    difference = posterior["tuning[lora]"] - posterior["tuning[adapter]"]
    np.testing.assert_allclose(found.estimand("lora_to_adapter"), difference)
    assert abs(float(difference.mean()) - 0.7) < 4 * float(difference.std())
    assert found.estimand("lora_to_adapter").attrs["unit"] == "y"


def test_a_level_that_no_row_has_leaves_its_estimands_out() -> None:
    spec = model(
        lora={"function": "points", "of": "tuning[lora]"},
        prompt={"function": "points", "of": "tuning[prompt]"},
        both={"function": "contrast", "of": "tuning[lora]", "to": "tuning[prompt]"},
    )
    found = fit(spec, table(), NOTHING, draws=800)
    assert list(found.tree["estimands"].data_vars) == ["lora"]
    notes = [note for note in found.manifest["notes"] if "left out" in note]
    assert [note.split("'")[1] for note in notes] == ["prompt", "both"]
    assert all("tuning[adapter], tuning[lora], not 'tuning[prompt]'" in note for note in notes)


def test_a_contrast_names_two_terms_that_are_columns() -> None:
    with pytest.raises(InvalidModel, match="'contrast' needs `to`"):
        model(one={"function": "contrast", "of": "tuning[lora]"})
    with pytest.raises(InvalidModel, match=r"no parameter 'tunin\[lora\]'; allowed: 1, tuning"):
        model(one={"function": "contrast", "of": "tuning[full]", "to": "tunin[lora]"})
    spec = model(one={"function": "contrast", "of": "tuning[lora]", "to": "tuning"})
    with pytest.raises(MissingData, match=r"to = 'tuning' is no single term.*tuning\[adapter\].*name one"):
        fit(spec, table(), NOTHING, draws=800)
