"""What an answer does not rest on is said where it is so, and not where it is not."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from taskorder.choosing.caveats import blind_to_languages
from taskorder.inference.spec import GroupSpec, ModelSpec
from taskorder.inference.spec.tables import FixedSpec
from taskorder.results.catalogue import Covariates

Make = Callable[..., pd.DataFrame]


def test_a_model_is_blind_to_languages_unless_something_of_a_sequence_differs_between_them(
    make_rows: Make, spec: ModelSpec, known: Covariates
) -> None:
    rows = make_rows(languages=("en", "sw"))
    evaluation = {"evaluation": spec.groups["evaluation"]}
    bare = spec.model_copy(update={"groups": evaluation})
    assert blind_to_languages(bare, rows, known)
    assert not blind_to_languages(spec, rows, known)
    family = {**evaluation, "family": GroupSpec(by=("stage",))}
    assert not blind_to_languages(bare.model_copy(update={"groups": family}), rows, known)
    fixed = FixedSpec(terms=("1", "zero_shot:steps"))
    assert not blind_to_languages(bare.model_copy(update={"fixed": fixed}), rows, known)
    pair = {"task": ["one"], "target": ["goal0[sw]"], "measure": ["text"], "similarity": [0.9]}
    by_language = replace(known, similarity=pd.concat([known.similarity, pd.DataFrame(pair)]))
    assert not blind_to_languages(bare, rows, by_language)
