"""The companion beside posteriors whose groups are not what its systems are."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from taskorder.inference.diagnostics import Diagnostics
from taskorder.inference.fitting import Fit
from taskorder.inference.frequentist.slopes import companion
from taskorder.inference.spec import parse_model
from taskorder.results.catalogue import Covariates

TASKS = {"a": 0.1, "b": 0.3, "c": 0.5, "d": 0.9, "e": 0.7}


@pytest.fixture
def known() -> Covariates:
    tasks = pd.DataFrame({"task": [*TASKS, "goal"], "kind": "nli", "difficulty_made": [*TASKS.values(), 0.4]})
    similarity = pd.DataFrame({"task": [], "target": [], "measure": [], "similarity": []}, dtype="str")
    return Covariates(tasks, similarity, pd.DataFrame({"language": ["en"]}))


@pytest.fixture
def fit_with() -> Callable[..., Fit]:
    """Make a fit whose scores rise with difficulty, with some levels of a group called `system`."""

    def make(*levels: str, slope: float = 0.1) -> Fit:
        cells = pd.DataFrame({"sequence": list(TASKS)}).assign(
            study="s", backbone="t5", tuning="full", target="goal", train_language="en", language="en"
        )
        scores = 0.5 + 0.2 * np.array(list(TASKS.values())) + np.array([0.01, -0.01, 0.0, 0.01, -0.01])
        posterior = xr.Dataset({"difficulty": (("chain", "draw"), np.full((2, 5), slope))})
        if levels:
            zero = (("chain", "draw", "system_level"), np.zeros((2, 5, len(levels))))
            posterior = posterior.assign({"difficulty|system": zero}).assign_coords(system_level=list(levels))
        constant = {name: ("cell", cells[name].to_numpy(str)) for name in cells}
        constant |= {"metric": ("cell", np.full(len(cells), "accuracy")), "n": ("cell", np.ones(len(cells)))}
        tree = xr.DataTree.from_dict(
            {
                "posterior": posterior,
                "observed_data": xr.Dataset({"mean": ("cell", scores)}),
                "constant_data": xr.Dataset(constant),
            }
        )
        spec = parse_model({"name": "m", "sequence": {"moderators": ["difficulty"], "difficulty": ["made"]}})
        diagnostics = Diagnostics(True, "nuts", {}, 900.0, 900.0, 1.0, 0, None, 5, 1, ())
        manifest = {"points_per_unit": 100.0, "reference_score": 0.6}
        return Fit(spec, tree, pd.DataFrame(), diagnostics, manifest)

    return make


def agreement(fit: Fit, known: Covariates) -> dict[str, object]:
    frame = companion(fit, known)
    return dict(zip(frame["system"], frame["agrees"], strict=True))


def test_signs_are_compared_where_the_posterior_has_the_system(
    fit_with: Callable[..., Fit], known: Covariates
) -> None:
    assert agreement(fit_with("t5/full"), known) == {"all": True, "t5/full": True}
    assert agreement(fit_with("t5/full", slope=-0.1), known) == {"all": False, "t5/full": False}


@pytest.mark.parametrize("levels", [(), ("mt5/full",), ("t5", "mt5")])
def test_without_that_level_there_is_nothing_to_compare(
    fit_with: Callable[..., Fit], known: Covariates, levels: tuple[str, ...]
) -> None:
    found = agreement(fit_with(*levels), known)
    assert found["all"]
    assert found["t5/full"] is pd.NA


def test_systems_that_cells_mix_are_not_told_apart(fit_with: Callable[..., Fit], known: Covariates) -> None:
    whole = fit_with()
    mixed = whole.tree["constant_data"].to_dataset().drop_vars("backbone")
    whole.tree["constant_data"] = xr.DataTree(mixed)
    found = companion(whole, known)
    assert found["system"].tolist() == ["all"]
    assert found["estimate"].tolist() == pytest.approx(companion(fit_with(), known)["estimate"][:1].tolist())
