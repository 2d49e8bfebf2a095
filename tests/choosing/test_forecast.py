"""What a fit expects of sequences: of those that it saw what it says, of others with what they lack."""

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from taskorder.choosing.forecast import Place, forecast
from taskorder.errors import MissingData
from taskorder.inference.criticism.predictive import expected
from taskorder.inference.fitting import Fit, fit_rows, select_rows
from taskorder.inference.layout.design import build_design
from taskorder.inference.spec import GroupSpec, ModelSpec
from taskorder.inference.spec.tables import FixedSpec
from taskorder.results.catalogue import Covariates

Make = Callable[..., pd.DataFrame]
STAGES = ("one", "two", "three", "four", "five", "six")


def fitted(rows: pd.DataFrame, spec: ModelSpec, known: Covariates) -> Fit:
    return fit_rows(spec, rows, known, engine="collapsed", seed=3, draws=400)


@pytest.fixture(scope="module")
def singles(make_rows: Make, spec: ModelSpec, known: Covariates) -> tuple[pd.DataFrame, Fit]:
    rows = make_rows()
    return rows, fitted(rows, spec, known)


@pytest.fixture(scope="module")
def orders(make_orders: Make, order_spec: ModelSpec, known: Covariates) -> tuple[pd.DataFrame, Fit]:
    rows = select_rows(make_orders(), order_spec, known)
    return rows, fitted(rows, order_spec, known)


def place(
    rows: pd.DataFrame, target: str, backbone: str = "small", languages: tuple[str, ...] = ("en",)
) -> Place:
    raw = ["study", "train_language", "metric", "perturbation", "severity", "n_seeds", "sd", "source"]
    likeness = rows.iloc[[0]][raw]
    return Place(likeness, target, languages, str(likeness["study"].iloc[0]), backbone, "full")


def test_candidates_that_were_seen_differ_as_the_posterior_says(
    singles: tuple[pd.DataFrame, Fit], spec: ModelSpec, known: Covariates
) -> None:
    rows, fit = singles
    found = forecast(fit, STAGES, place(rows, "goal3"), known, np.random.default_rng(1))
    design = build_design(rows, spec, known)
    eta = expected(fit.tree["posterior"].to_dataset(), design).reshape(400, -1)
    here = design.frame[(design.frame["target"] == "goal3") & (design.frame["system"] == "small/full")]
    cells = [int(here.index[here["sequence"] == stage][0]) for stage in STAGES]
    apart = 100 * (eta[:, cells] - eta[:, cells[:1]])
    assert np.allclose(found.gains - found.gains[:, :1], apart, atol=1e-3)


def test_orders_that_were_seen_gain_over_direct_what_the_posterior_says(
    orders: tuple[pd.DataFrame, Fit], order_spec: ModelSpec, known: Covariates
) -> None:
    rows, fit = orders
    candidates = ("one>two", "two>one", "three>one", "one>three", "three>two", "two>three")
    here = place(rows, "goal0", languages=("sw",))
    found = forecast(fit, candidates, here, known, np.random.default_rng(1))
    posterior = fit.tree["posterior"].to_dataset()
    design = build_design(rows, order_spec, known)
    run = posterior["1|run"]
    without_runs = posterior.assign({"1|run": run * 0.0})
    eta = expected(without_runs, design).reshape(400, -1)
    at = design.frame[(design.frame["target"] == "goal0") & (design.frame["perturbed"] == 0)]
    cell = {s: int(at.index[at["sequence"] == s][0]) for s in ("", *candidates)}
    gains = 100 * np.stack([eta[:, cell[s]] - eta[:, cell[""]] for s in candidates], axis=1)
    assert np.allclose(found.gains, gains, atol=1e-3)


def test_a_new_target_is_expected_as_its_similarity_says_and_less_surely(
    singles: tuple[pd.DataFrame, Fit], known: Covariates
) -> None:
    rows, fit = singles
    pairs = pd.DataFrame(
        {"task": STAGES, "target": "new", "measure": "text", "similarity": np.linspace(0, 1, 6)}
    )
    more = replace(known, similarity=pd.concat([known.similarity, pairs], ignore_index=True))
    rng = np.random.default_rng(1)
    new = forecast(fit, STAGES, place(rows, "new"), more, rng)
    seen = forecast(fit, STAGES, place(rows, "goal3"), more, rng)
    apart = new.gains[:, -1] - new.gains[:, 0]
    assert apart.mean() == pytest.approx(4.0, abs=1.0)
    assert apart.std() > (seen.gains[:, -1] - seen.gains[:, 0]).std()
    assert not new.unmeasured


def test_a_target_without_covariates_has_them_drawn(
    singles: tuple[pd.DataFrame, Fit], known: Covariates
) -> None:
    rows, fit = singles
    found = forecast(fit, STAGES, place(rows, "nothing"), known, np.random.default_rng(1))
    assert found.unmeasured == {"similarity": STAGES}
    slope = 100 * fit.tree["posterior"]["similarity"].to_numpy().ravel()
    assert found.gains.std(axis=0).min() > 0.9 * abs(slope.mean())
    assert np.ptp(found.gains.mean(axis=0)) < 0.5 * abs(slope.mean()) + 0.5


def test_an_effect_of_a_new_level_is_the_same_wherever_it_comes(
    orders: tuple[pd.DataFrame, Fit], known: Covariates
) -> None:
    rows, fit = orders
    twice = ("one>two", "one>two")
    found = forecast(fit, twice, place(rows, "new", "other", ("sw",)), known, np.random.default_rng(1))
    assert np.array_equal(found.gains[:, 0], found.gains[:, 1])


@pytest.fixture(scope="module")
def lengths(make_orders: Make, order_spec: ModelSpec, known: Covariates) -> tuple[pd.DataFrame, Fit]:
    """Stages that saturate: a level for each number of them, and a slope of their number under noise."""
    length = GroupSpec(columns=("study", "target", "steps"), where="steps >= 1")
    fixed = FixedSpec(terms=("1", "perturbed", "steps"))
    groups = {**order_spec.groups, "length": length}
    saturating = order_spec.model_copy(update={"groups": groups, "fixed": fixed})
    rows = select_rows(make_orders(), saturating, known)
    return rows, fitted(rows, saturating, known)


def test_the_level_of_a_length_that_was_seen_is_that_of_the_posterior(
    lengths: tuple[pd.DataFrame, Fit], known: Covariates
) -> None:
    rows, fit = lengths
    posterior = fit.tree["posterior"].to_dataset()
    run = posterior["1|run"]
    design = build_design(rows, fit.spec, known)
    eta = expected(posterior.assign({"1|run": run * 0.0}), design).reshape(400, -1)
    at = design.frame[(design.frame["target"] == "goal0") & (design.frame["perturbed"] == 0)]
    cell = {s: int(at.index[at["sequence"] == s][0]) for s in at["sequence"]}
    pairs = tuple(">".join(pair) for pair in permutations(("one", "two", "three"), 2))
    for candidates in (("one", "two", "three"), pairs):
        found = forecast(
            fit, candidates, place(rows, "goal0", languages=("sw",)), known, np.random.default_rng(1)
        )
        gains = 100 * np.stack([eta[:, cell[s]] - eta[:, cell[""]] for s in candidates], axis=1)
        assert np.allclose(found.gains, gains, atol=1e-3)
        assert not found.drawn


@pytest.mark.parametrize(("target", "sequence"), [("new", "one>two"), ("goal0", "one>two>three")])
def test_the_level_of_a_length_that_was_not_seen_is_drawn_once_for_all_candidates(
    lengths: tuple[pd.DataFrame, Fit], known: Covariates, target: str, sequence: str
) -> None:
    rows, fit = lengths
    steps = sequence.split(">")
    candidates = (sequence, ">".join(reversed(steps)))
    here = place(rows, target, languages=("sw",))
    found = forecast(fit, candidates, here, known, np.random.default_rng(1))
    assert found.drawn["length"] == (f"trial/{target}/{len(steps)}",)
    posterior = fit.tree["posterior"].to_dataset()
    without = fit.spec.model_copy(
        update={"groups": {name: group for name, group in fit.spec.groups.items() if name != "length"}}
    )
    less = forecast(replace(fit, spec=without), candidates, here, known, np.random.default_rng(1))
    sd = 100 * float(np.sqrt((posterior["sd:length"] ** 2).mean()))
    assert np.sqrt(found.gains.var(axis=0) - less.gains.var(axis=0)).mean() == pytest.approx(sd, rel=0.5)
    assert np.corrcoef(found.gains.T)[0, 1] > np.corrcoef(less.gains.T)[0, 1]


def test_a_fixed_term_of_text_that_differs_between_sequences_is_refused(
    lengths: tuple[pd.DataFrame, Fit], known: Covariates
) -> None:
    rows, fit = lengths
    spec = fit.spec.model_copy(update={"fixed": FixedSpec(terms=("1", "regime"))})
    with pytest.raises(MissingData, match="fixed term 'regime' differs between sequences"):
        forecast(replace(fit, spec=spec), ("one",), place(rows, "goal0"), known, np.random.default_rng(1))


def test_an_effect_of_a_run_is_none_of_a_sequence(
    lengths: tuple[pd.DataFrame, Fit], known: Covariates
) -> None:
    rows, fit = lengths
    here = place(rows, "goal0", languages=("sw",))
    run = rows["run"][rows["sequence"] == "one"].iloc[0]
    here = replace(here, likeness=here.likeness.assign(run=run))
    groups = {**fit.spec.groups, "run": GroupSpec(where="steps >= 1")}
    spec = fit.spec.model_copy(update={"groups": groups})
    as_fitted, named = (
        forecast(one, ("one", "two"), here, known, np.random.default_rng(1)).gains
        for one in (fit, replace(fit, spec=spec))
    )
    assert np.array_equal(as_fitted, named)


@pytest.fixture(scope="module")
def two_studies(make_orders: Make, order_spec: ModelSpec, known: Covariates) -> tuple[pd.DataFrame, Fit]:
    """Lengths cost the same in two studies, and each of them something of its own."""
    groups = {
        **order_spec.groups,
        "length": GroupSpec(columns=("target", "steps"), where="steps >= 1"),
        "length_here": GroupSpec(columns=("study", "target", "steps"), where="steps >= 1"),
    }
    spec = order_spec.model_copy(update={"groups": groups})
    one, other = make_orders(), make_orders(noise=4).assign(study="second", backbone="large")
    rows = select_rows(pd.concat([one, other], ignore_index=True), spec, known)
    return rows, fitted(rows, spec, known)


def test_levels_of_a_study_are_drawn_for_a_new_one_and_those_that_all_studies_share_are_kept(
    two_studies: tuple[pd.DataFrame, Fit], known: Covariates
) -> None:
    rows, fit = two_studies
    here = place(rows, "goal0", languages=("sw",))
    seen, new = (
        forecast(fit, ("one", "two"), replace(here, study=study), known, np.random.default_rng(1))
        for study in ("trial", "(another)")
    )
    assert not seen.drawn
    assert new.drawn == {"length_here": ("(another)/goal0/1",)}
    posterior = fit.tree["posterior"].to_dataset()
    block = posterior["1|length_here"]
    own = block.sel({block.dims[-1]: "trial/goal0/1"}).to_numpy().ravel()
    without = seen.gains - 100 * own[:, None]
    added = new.gains - without
    assert np.allclose(added[:, 0], added[:, 1])
    standardised = added[:, 0] / (100 * posterior["sd:length_here"].to_numpy().ravel())
    assert standardised.mean() == pytest.approx(0.0, abs=0.15)
    assert standardised.std() == pytest.approx(1.0, abs=0.12)
    assert abs(np.corrcoef(standardised, own)[0, 1]) < 0.15
