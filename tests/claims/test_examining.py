"""An analysis done otherwise in every way: what is changed, what stays, and what comes of the claims."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from taskorder.claims import Claim, examine, verdict
from taskorder.claims.examining import Examination
from taskorder.claims.judging import grounded
from taskorder.claims.variants import (
    FLAGS,
    MEASURE,
    OUTLIERS,
    PRIOR,
    SCALE,
    SEED,
    Analysis,
    Variant,
    shuffled,
    variants,
)
from taskorder.inference.criticism import sketches
from taskorder.inference.fitting import rows_digest
from taskorder.inference.session import Found


def hinders(helps: Claim) -> Claim:
    return replace(helps, id="hinders", region="below", control="")


@pytest.fixture(scope="module")
def examined(
    analysis: Analysis, helps: Claim, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Examination]:
    found = Found(analysis.fit, tmp_path_factory.mktemp("fit"), fresh=True)
    yield examine(found, analysis.table, analysis.covariates, [helps, hinders(helps)], seed=1, workers=1)


def test_each_choice_is_made_otherwise_once(analysis: Analysis) -> None:
    found = {one.name: one for one in variants(analysis, ["difficulty", "order"], seed=1)}
    kinds = [one.kind for one in found.values()]
    assert kinds == [SEED, PRIOR, PRIOR, SCALE, MEASURE, FLAGS, OUTLIERS, "shuffled", "shuffled"]
    assert len(found["1 outlying row left out"].rows) == len(analysis.rows()) - 1
    flagged = found[f"{(analysis.table['flag'] != '').sum()} flagged rows taken in"]
    assert len(flagged.rows) == len(analysis.table)


def test_shuffled_orders_keep_task_sets_and_scores(analysis: Analysis) -> None:
    found = shuffled(analysis, "order", np.random.default_rng(0))
    before, after = analysis.rows(), found.rows
    assert (before["score"].to_numpy() == after["score"].to_numpy()).all()
    moved = before["sequence"].to_numpy() != after["sequence"].to_numpy()
    assert 0.2 < moved.mean() < 0.6
    for old, new in zip(before["sequence"], after["sequence"], strict=True):
        assert sorted(old.split(">")) == sorted(new.split(">"))
    by_run = pd.DataFrame({"run": after["run"], "sequence": after["sequence"]}).drop_duplicates()
    assert not by_run["run"].duplicated().any()


def test_shuffled_difficulties_are_those_of_other_tasks(analysis: Analysis) -> None:
    found = shuffled(analysis, "difficulty", np.random.default_rng(0))
    old, new = (one.covariates.tasks["difficulty_shortfall"].tolist() for one in (analysis, found))
    assert sorted(old) == sorted(new)
    assert old != new


def test_a_planted_effect_is_supported_and_withstands(examined: Examination, helps: Claim) -> None:
    found = verdict(helps, examined)
    assert found.verdict == "supported", found.reasons
    assert found.gates == {"grounded": True, "reproduced": True, "attacked": True}
    assert found.attacked is not None
    by_name = {attack.name: attack for attack in found.attacked.attacks}
    assert {"without s1", "without s2", "without s3", "difficulty shuffled"} < set(by_name)
    assert [attack.name for attack in found.attacked.attacks if attack.flipped] == []
    assert verdict(hinders(helps), examined).verdict == "refuted"


def edited(examined: Examination, change: Callable[[xr.DataArray], xr.DataArray]) -> Examination:
    """Return an examination whose posterior was edited on disk, with the digest in its manifest."""
    fit = examined.analysis.fit
    tree = fit.tree.copy()
    estimands = tree["estimands"].to_dataset()
    tree["estimands"] = estimands.assign(difficulty_points=change(estimands["difficulty_points"]))
    return replace(examined, analysis=replace(examined.analysis, fit=replace(fit, tree=tree)))


def test_a_posterior_that_was_edited_is_not_reproduced(examined: Examination, helps: Claim) -> None:
    found = verdict(helps, edited(examined, lambda draws: draws + 0.5))
    assert not found.gates["reproduced"]
    assert found.verdict == "undecided"
    assert any("Monte Carlo errors from" in reason for reason in found.reasons)


def test_a_posterior_with_a_draw_that_is_no_number_decides_nothing(
    examined: Examination, helps: Claim
) -> None:
    found = verdict(helps, edited(examined, lambda draws: draws.where(draws != draws.max())))
    assert np.isnan(found.judgement.probability)
    assert (found.verdict, found.tier) == ("undecided", "open")


def test_points_mean_the_same_on_the_scores_own_scale(examined: Examination) -> None:
    of = {one.name: one.summary("difficulty_points")["mean"] for one in examined.variants}
    assert of["scores as they are"] == pytest.approx(of["another seed"], rel=0.15)


def test_what_was_computed_is_found_again(examined: Examination, tmp_path: Path) -> None:
    sketches.save(examined.variants, tmp_path / "x.npz")
    again = sketches.load(tmp_path / "x.npz")
    assert again is not None
    for one, other in zip(examined.variants, again, strict=True):
        pd.testing.assert_frame_equal(one.draws, other.draws)
        assert (one.name, one.kind, one.problem) == (other.name, other.kind, other.problem)
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04 no more")
    assert sketches.load(tmp_path / "x.npz") is None


def test_an_edited_covariate_changes_the_rows_that_the_ledger_knows(analysis: Analysis) -> None:
    tasks = analysis.covariates.tasks.copy()
    tasks.loc[0, "difficulty_shortfall"] += 0.01
    other = replace(analysis, covariates=replace(analysis.covariates, tasks=tasks))
    assert rows_digest(other.rows()) != rows_digest(analysis.rows())
    assert rows_digest(analysis.rows()) == rows_digest(analysis.rows())


def test_rows_without_a_source_are_not_grounded(analysis: Analysis) -> None:
    rows = analysis.rows()
    assert grounded(rows).passed
    assert [one.study for one in grounded(rows).grounds] == ["s1", "s2", "s3"]
    rows.loc[0, "source"] = " "
    assert not grounded(rows).passed
    assert not grounded(rows.drop(columns="source")).passed


def test_a_variant_that_cannot_be_fitted_says_why(analysis: Analysis) -> None:
    rows = analysis.rows().iloc[:1]
    bad = Variant("one row", "rows", analysis.spec, rows, analysis.covariates)
    found = sketches.sketched(bad.spec, bad.rows, bad.covariates, name=bad.name, kind=bad.kind, seed=1)
    assert found.problem
    assert found.draws.empty
