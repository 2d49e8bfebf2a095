"""Columns of text among the linear terms: which level they are coded against."""

import numpy as np
import pandas as pd
import pytest

from taskorder.errors import InvalidModel, MissingData
from taskorder.inference.layout.terms import fixed_columns
from taskorder.inference.spec import parse_model

TUNING = ["adapter", "full", "lora", "full", "adapter", "lora"]
FRAME = pd.DataFrame({"tuning": TUNING, "steps": [0, 1, 2, 3, 2, 0]})


def columns(reference: dict[str, str], *terms: str) -> dict[str, list[float]]:
    return {column.name: list(column.values) for column in fixed_columns(FRAME, ["1", *terms], reference)}


def test_the_first_level_is_the_reference_unless_another_is_named() -> None:
    assert list(columns({}, "tuning")) == ["1", "tuning[full]", "tuning[lora]"]
    chosen = columns({"tuning": "full"}, "tuning")
    assert list(chosen) == ["1", "tuning[adapter]", "tuning[lora]"]
    assert chosen["tuning[adapter]"] == [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]


def test_another_reference_spans_the_same_means() -> None:
    one = np.array(list(columns({}, "tuning", "tuning:steps").values()))
    other = np.array(list(columns({"tuning": "lora"}, "tuning", "tuning:steps").values()))
    assert one.shape == other.shape
    assert np.linalg.matrix_rank(np.vstack([one, other])) == np.linalg.matrix_rank(one)


def test_a_reference_must_be_a_level_of_a_column_of_text() -> None:
    with pytest.raises(MissingData, match=r"'tuning' is never 'ful'.*adapter, full, lora.*mean 'full'"):
        columns({"tuning": "ful"}, "tuning")
    with pytest.raises(MissingData, match="'steps' holds numbers"):
        columns({"steps": "1"}, "steps")


def test_a_reference_must_be_of_a_term() -> None:
    model = {"name": "m", "fixed": {"terms": ["1", "tuning"], "reference": {"tunning": "full"}}}
    with pytest.raises(InvalidModel, match=r"'tunning' is in no term.*Did you mean 'tuning'"):
        parse_model(model)
