from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from taskorder.inference.fitting import Fit
from taskorder.reporting import sensitivity
from taskorder.reporting.answer import Answer
from taskorder.reporting.catalogue_summary import CatalogueSummary
from taskorder.reporting.document import context, typeset
from taskorder.reporting.sensitivity import Sensitivity

Make = Callable[..., Fit]
ROWS = [
    ("difficulty_points", 0.2, 0.9, "potential prior-data conflict"),
    ("interaction_points", 0.01, 0.1, ""),
    ("difficulty_by_system[t5-base/lora]", 0.2, 0.1, "potential prior-data conflict"),
]


def found(likelihood: float = 0.5, prior: float = 0.02) -> Sensitivity:
    table = pd.DataFrame(ROWS, columns=["estimand", "prior", "likelihood", "diagnosis"])
    return Sensitivity(table, prior=prior, likelihood=likelihood)


def with_densities(fit: Fit, likelihood: np.ndarray) -> Fit:
    """Add log densities: of the likelihood as given, of a prior that says nothing."""
    dims = ("chain", "draw")
    coords = {dim: np.arange(n) for dim, n in zip(dims, likelihood.shape, strict=True)}
    groups = {name: group.to_dataset() for name, group in fit.tree.children.items()}
    for name in ("posterior", "estimands"):
        groups[name] = groups[name].assign_coords(coords)
    groups["log_likelihood"] = xr.Dataset({"mean": ((*dims, "cell"), likelihood[..., None])}, coords)
    groups["log_prior"] = xr.Dataset({"difficulty": (dims, 1e-3 * likelihood)}, coords)
    return replace(fit, tree=xr.DataTree.from_dict(groups))


def test_a_likelihood_that_moves_an_estimand_is_above_chance(make_fit: Make) -> None:
    fit = make_fit()
    slope = fit.tree["posterior"]["difficulty"].to_numpy()
    z = (slope - slope.mean()) / slope.std()
    result = sensitivity.sensitivity(with_densities(fit, -0.5 * (z - 1.0) ** 2))
    assert result is not None
    own = result.table.set_index("estimand")["likelihood"]
    assert own["difficulty_points"] > 2 * result.likelihood
    assert own["interaction_points"] < 2 * result.likelihood
    assert result.moved().empty


def test_the_same_fit_gives_the_same_numbers(make_fit: Make) -> None:
    fit = with_densities(make_fit(), np.random.default_rng(1).normal(size=(2, 200)))
    first, second = sensitivity.sensitivity(fit), sensitivity.sensitivity(fit)
    assert first is not None
    assert second is not None
    assert (first.prior, first.likelihood) == (second.prior, second.likelihood)


def test_nothing_to_say_without_estimands(plain_fit: Fit) -> None:
    assert sensitivity.sensitivity(plain_fit) is None


def test_what_chance_would_show_is_in_brackets(make_fit: Make) -> None:
    rows = sensitivity.table(found(), make_fit()).rows
    assert rows[0] == ("Difficulty", "0.200", "0.90", "potential prior-data conflict")
    assert rows[1] == ("Difficulty × similarity", "(0.010)", "(0.10)", "")
    assert rows[-1] == ("Shuffled draws", "0.020", "0.50", "")


def test_a_conflict_needs_a_likelihood_above_chance() -> None:
    result = found()
    assert [result.diagnosis(row) for _, row in result.table.iterrows()] == [
        "potential prior-data conflict",
        "",
        "the prior matters",
    ]


def test_the_text_counts_what_the_prior_moves() -> None:
    assert sensitivity.text(found(0.05)).startswith(
        "Doubling the weight of the prior moves two of three estimands by 0.05 or more."
    )
    assert "uneven" not in sensitivity.text(found(0.05))
    assert "for two estimands shuffled ones move as much" in sensitivity.text(found(0.5))
    assert "moves none of three estimands" in sensitivity.text(found(prior=0.3))


def test_it_is_set_in_the_report(answer: Answer, small_catalogue: CatalogueSummary) -> None:
    content = context([replace(answer, sensitivity=found())], small_catalogue)
    assert content["answers"][0]["rests_on"]["left_out"] == []
    typeset(content)
