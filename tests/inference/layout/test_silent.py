"""Terms that one table of results says nothing of, and another one does."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from taskorder.errors import MissingData
from taskorder.inference.fitting import select_rows
from taskorder.inference.layout.design import Design, build_design
from taskorder.results.catalogue import Covariates

Make = Callable[..., Any]

MODEL: dict[str, Any] = {
    "fixed": {"terms": ["1", "perturbed", "steps:perturbed", "zero_shot"]},
    "sequence": {
        "moderators": ["difficulty", "similarity", "difficulty:similarity"],
        "recency": True,
        "difficulty": ["made"],
        "similarity": ["same_kind"],
    },
    "groups": {
        "backbone": {"by": ["1", "perturbed", "similarity", "stage"]},
        "noise": {"columns": ["backbone"], "by": ["perturbed"]},
        "run": {},
    },
    "estimands": {
        "drop": {"function": "points", "of": "perturbed"},
        "drop_sd": {"function": "ratio", "of": "sd:backbone:perturbed", "to": "residual"},
        "nearness": {"function": "points", "of": "similarity"},
        "shift": {"function": "points", "of": "zero_shot"},
    },
}


@pytest.fixture
def laid_out(known: Covariates, results: Make, sequence_model: Make) -> Callable[..., Design]:
    """Lay out a table of clean scores after tasks of one kind, in two languages; columns may be replaced."""

    def of(covariates: Covariates = known, **columns: Any) -> Design:
        standard: dict[str, Any] = {
            "backbone": ["a", "b"] * 4,
            "language": ["en", "en", "sw", "sw"] * 2,
            "sequence": ["", "one", "two", "one>two", "two>one", "three", "one", "two>three"],
            "score": [0.5, 0.6, 0.7, 0.5, 0.6, 0.7, 0.8, 0.4],
        }
        spec = sequence_model(**MODEL)
        rows = select_rows(results(**{**standard, **columns}), spec, covariates)
        return build_design(rows, spec, covariates)

    return of


def terms(design: Design) -> list[str]:
    return [block.name for block in design.blocks]


def test_terms_of_what_is_the_same_in_all_rows_are_left_out(laid_out: Callable[..., Design]) -> None:
    design = laid_out()
    assert terms(design) == [
        "1", "zero_shot", "stage", "difficulty", "1|stage", "1|stage:target",
        "1|backbone", "stage|backbone", "1|run",
    ]  # fmt: skip
    said = [note.split("'")[1] for note in design.notes if "terms with it were left out" in note]
    assert said == ["perturbed", "similarity"]


def test_the_same_model_has_them_where_they_vary(laid_out: Callable[..., Design], known: Covariates) -> None:
    kinds = replace(known, tasks=known.tasks.assign(kind=["nli", "nli", "qa", *["nli"] * 5]))
    design = laid_out(kinds, perturbation=["", "typos"] * 4)
    assert {"perturbed", "steps:perturbed", "similarity", "difficulty:similarity"} <= set(terms(design))
    assert {"perturbed|backbone", "similarity|backbone", "perturbed|noise"} <= set(terms(design))
    assert not any("left out" in note for note in design.notes)


def test_a_moderator_without_any_value_is_refused(laid_out: Callable[..., Design]) -> None:
    with pytest.raises(MissingData, match="difficulty has no values for the stages of s"):
        laid_out(sequence=["", "new", "newer", "new>newer"] * 2)


def test_tables_that_are_no_results_keep_every_term(known: Covariates, sequence_model: Make) -> None:
    spec = sequence_model(
        data={"schema": "any"},
        outcome={"column": "y", "scale": "identity"},
        fixed={"terms": ["1", "x"]},
        sequence=None,
    )
    with pytest.raises(MissingData, match=r"column 'x' is .*3.* in all rows"):
        build_design(pd.DataFrame({"y": [1.0, 2.0, 3.0], "x": 3}), spec, known)
