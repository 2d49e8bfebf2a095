"""A node-split with its published values: counselling against smoking, self-help against no intervention.

Published: the example of multinma 0.8 for node-splitting (Phillippo, documentation of
`summary.nma_nodesplit_df`), binomial counts with Normal(0, 100) priors of studies and treatments and
HalfNormal(5) of the sd of a contrast. No trial of three arms compares these two, where multinma puts the
inconsistency on one arm.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from taskorder.inference.fitting import fit_rows
from taskorder.inference.layout.terms import level_name
from taskorder.inference.network.graph import network
from taskorder.inference.network.splits import MARK, marks, with_mark
from taskorder.inference.spec import ModelSpec
from taskorder.results.catalogue import Covariates

REFERENCE = Path(__file__).parents[2] / "reference" / "metafor_hasselblad1998.json"
PUBLISHED = {
    "direct": (0.32, 0.56),
    "indirect": (0.71, 0.63),
    "difference": (-0.38, 0.83),
    "tau": (0.87, 0.20),
}
MONTE_CARLO = 4 * 2**0.5 / 2000**0.5
"""Four errors of a mean, in posterior sds, where both sides have some 2,000 effective draws."""


def test_published_split(nothing: Covariates, model: Callable[..., ModelSpec]) -> None:
    rows = pd.DataFrame(json.loads(REFERENCE.read_text("utf-8"))["data"])
    wide = {"dist": "Normal", "mu": 0, "sigma": 100}
    spec = model(
        outcome={"column": "xi", "trials": "ni", "likelihood": "binomial", "scale": "logit"},
        fixed={"terms": ["1", "study", "treatment"], "reference": {"treatment": "no_contact"}},
        residual={},
        priors={
            "1": wide, "study": wide, "treatment": wide,
            "sd:arm": {"dist": "HalfNormal", "sigma": 5 / 2**0.5},
        },
    )  # fmt: skip
    graph = network(rows, spec, "treatment")
    (edge,) = (edge for edge in graph.edges if {edge.first, edge.second} == {"no_contact", "self_help"})
    found = fit_rows(
        with_mark(spec, "treatment"),
        rows.assign(**{MARK: marks(graph, edge)}),
        nothing,
        engine="auto",
        seed=1,
        draws=4000,
    )
    posterior = found.tree["posterior"].to_dataset()
    indirect, difference = posterior[level_name("treatment", "self_help")], posterior[MARK]
    ours = {
        "direct": indirect + difference,
        "indirect": indirect,
        "difference": difference,
        "tau": posterior["sd:arm"] * 2**0.5,
    }
    assert found.failures == ()
    for name, (mean, sd) in PUBLISHED.items():
        assert float(ours[name].mean()) == pytest.approx(mean, abs=MONTE_CARLO * sd + 0.005), name
        assert float(ours[name].std()) == pytest.approx(sd, abs=MONTE_CARLO * sd + 0.005), name
