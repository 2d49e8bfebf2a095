"""What new rows would do, told from some hundred weighted draws in place of a fit.

Draws of the posterior before are moved to where that of all rows is, and weighed there; where the new rows
bring parameters of their own, such as another residual sd, or the draws do not cover it, a proposal of its
own is made (`criticism.sketches`). That takes a small part of the time of a fit, and is never kept as one.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from taskorder.claims.claim import Claim
from taskorder.claims.evidence import Judgement
from taskorder.claims.variants import Analysis
from taskorder.claims.verdict import NO_DATA, Verdict
from taskorder.inference.criticism.cloud import Cloud
from taskorder.inference.criticism.sketches import Sketch, sketched
from taskorder.inference.engines.draws import LEVEL_DIM
from taskorder.inference.engines.parameters import sd_names
from taskorder.inference.estimands import unit
from taskorder.inference.spec import ModelSpec
from taskorder.living.reach import Reach
from taskorder.results.catalogue import Covariates

SUMMARY = ["unit", "mean", "sd", "lower", "upper"]


@dataclass(frozen=True)
class Expected:
    """The estimands of a model with new rows, from weighted draws; `reference` is the score of points."""

    spec: ModelSpec
    sketch: Sketch
    reference: float

    def table(self) -> pd.DataFrame:
        """Return `unit, mean, sd, lower, upper` of each estimand."""
        rows = {
            name: {"unit": self._unit(name), **self.sketch.summary(name)}
            for name in map(str, self.sketch.draws)
        }
        return pd.DataFrame.from_dict(rows, orient="index", columns=SUMMARY).rename_axis("estimand")

    def judged(self, claim: Claim) -> Verdict:
        """Judge a claim by the draws alone."""
        if claim.estimand not in self.sketch.draws:
            return Verdict(claim, NO_DATA)
        draws = self.sketch.draws[claim.estimand].to_numpy()
        numbers = self.sketch.summary(claim.estimand)
        return Verdict(
            claim,
            Judgement(
                probability=claim.probability(draws, self.sketch.weight),
                mean=numbers["mean"],
                lower=numbers["lower"],
                upper=numbers["upper"],
                unit=self._unit(claim.estimand),
                diagnosed=not self.sketch.problem,
            ),
        )

    def _unit(self, name: str) -> str:
        return unit(self.spec.estimands[name.split("[")[0]], self.spec, self.reference)


def expected(
    found: Reach, spec: ModelSpec, before: Analysis | None, covariates: Covariates, seed: int
) -> Expected:
    """Tell what a model would say with the new rows, from its fit without them, if there is one."""
    sketch = sketched(
        spec,
        found.rows,
        covariates,
        name="with the new rows",
        kind="added",
        seed=seed,
        near=before and _cloud(before, found),
    )
    return Expected(spec, sketch, found.reference)


def _cloud(before: Analysis, found: Reach) -> Cloud | None:
    """Return draws of the posterior before; None where the new rows bring parameters of their own."""
    posterior = before.posterior()
    sds = {str(name) for name in posterior if str(name).startswith("sd:")} - {"sd:residual"}
    known = (sds, posterior.sizes.get(LEVEL_DIM, 0))
    design = found.design
    same = design is not None and known == (set(sd_names(design.blocks)), len(design.residual_levels))
    return before.cloud() if same else None
