"""What an answer does not rest on is said where it is so, and not where it is not."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd

from taskorder.choosing.caveats import (
    SINGLE,
    blind_to_backbones,
    blind_to_languages,
    of_effects,
    of_fit,
    of_place,
)
from taskorder.choosing.forecast import Place
from taskorder.inference.fitting import Fit
from taskorder.inference.priors import Prior
from taskorder.inference.spec import GroupSpec, ModelSpec, read_model
from taskorder.inference.spec.tables import FixedSpec
from taskorder.paths import resource
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


def test_a_model_is_blind_to_backbones_unless_a_stage_may_do_more_in_one(
    make_rows: Make, spec: ModelSpec, known: Covariates
) -> None:
    said = " ".join(of_effects(spec, make_rows(), known))
    assert "has a task do the same in every backbone" in said
    assert said.count("assumed to be the same in all, but for arm.") == 1
    assert spec.sequence is not None
    for column in ("backbone", "system", "study"):
        crossed = spec.sequence.model_copy(update={"crossed": ("target", column)})
        assert not blind_to_backbones(spec.model_copy(update={"sequence": crossed}))
    slopes = {"system": GroupSpec(by=("1", "difficulty"))}
    apart = spec.model_copy(update={"groups": slopes})
    assert not blind_to_backbones(apart)
    assert "in every backbone" not in " ".join(of_effects(apart, make_rows(), known))
    nested = {"system": GroupSpec(), "order": GroupSpec(within="system", by=("stage",))}
    assert not blind_to_backbones(spec.model_copy(update={"groups": nested}))


def test_how_choices_did_is_said_of_the_model_that_made_them_whatever_its_name() -> None:
    shipped = read_model(resource(SINGLE))

    def said(spec: ModelSpec, stages: int = 1, study: str = "taskweb") -> str:
        passed: Any = SimpleNamespace(ok=True)
        return " ".join(of_fit(cast("Fit", SimpleNamespace(spec=spec, diagnostics=passed)), stages, study))

    assert "Out of sample, with the rows that ship with taskorder, over " in said(shipped)
    assert said(shipped, stages=2) == said(shipped, study="another") == ""
    assert "Out of sample" in said(shipped.model_copy(update={"name": "mine", "estimands": {}}))
    prior = {**shipped.priors, "difficulty": Prior("Normal", (("mu", 0.0), ("sigma", 0.2)))}
    assert said(shipped.model_copy(update={"priors": prior})) == ""


def test_a_backbone_that_was_pretrained_on_only_is_said_to_have_no_intermediate_task() -> None:
    columns = ["study", "backbone", "tuning", "target", "sequence"]
    rows = pd.DataFrame(
        [["a", "b", "full", "t", text] for text in ("", "mlm[sw]", "mlm[yo]")], columns=columns
    )
    place = Place(rows.iloc[[0]], "t", ("en",), "a", "b", "full")
    text = " ".join(of_place("m", rows, rows, place, asked=True))
    assert "Candidates are those of study a, measured as there. All are continued pretraining" in text
    with_task = rows.assign(sequence=["", "mlm[sw]", "x"])
    assert "continued pretraining" not in " ".join(of_place("m", with_task, with_task, place, asked=True))
