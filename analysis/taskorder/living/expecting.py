"""What a model says of rows, told from some hundred weighted draws in place of a fit.

The draws are of a proposal that follows the posterior of all rows, and weighed (`criticism.sketches`); where
they do not cover it, it is sampled. That takes a small part of the time of a fit, and is never kept as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.claims.claim import Claim
from taskorder.claims.evidence import ENOUGH, Judgement
from taskorder.claims.verdict import NO_DATA, Verdict
from taskorder.inference.criticism.influence import influence
from taskorder.inference.criticism.sketches import Effort, Sketched, sketch_of
from taskorder.inference.estimands import unit
from taskorder.inference.fitting import rows_digest
from taskorder.inference.layout.design import Design
from taskorder.inference.spec import ModelSpec

EFFORT = Effort(thetas=600, times=4)
ERRORS = 2.0
"""Monte Carlo errors from a limit within which a probability does not decide."""
SUMMARY = ["unit", "mean", "sd", "lower", "upper"]


@dataclass(frozen=True)
class Expected:
    """What weighted draws say of the estimands of a model.

    Attributes
    ----------
    spec : ModelSpec
    told : Sketched
    rows_sha256 : str
        Of the rows.
    """

    spec: ModelSpec
    told: Sketched
    rows_sha256: str

    @property
    def rows(self) -> int:
        """How many rows are modelled."""
        return self.told.sketch.rows

    @property
    def reference(self) -> float:
        """The score at which effects are stated in points."""
        return self.told.design.reference

    @property
    def problem(self) -> str:
        """Why the draws cannot be relied on; empty where they can."""
        return self.told.sketch.problem

    @property
    def how(self) -> str:
        """Say in words what it is told from."""
        found = self.told.found
        return f"{found.u.shape[1]:,} weighted draws" if found else f"{len(self.told.sketch.draws):,} draws"

    def table(self) -> pd.DataFrame:
        """Return `unit, mean, sd, lower, upper` of each estimand."""
        sketch = self.told.sketch
        rows = {name: {"unit": self._unit(name), **sketch.summary(name)} for name in map(str, sketch.draws)}
        return pd.DataFrame.from_dict(rows, orient="index", columns=SUMMARY).rename_axis("estimand")

    def judged(self, claim: Claim) -> Verdict:
        """Judge a claim by the draws alone."""
        sketch = self.told.sketch
        if claim.estimand not in sketch.draws:
            return Verdict(claim, NO_DATA)
        draws = sketch.draws[claim.estimand].to_numpy()
        numbers = sketch.summary(claim.estimand)
        return Verdict(
            claim,
            Judgement(
                probability=claim.probability(draws, sketch.weight),
                mean=numbers["mean"],
                lower=numbers["lower"],
                upper=numbers["upper"],
                unit=self._unit(claim.estimand),
                diagnosed=not sketch.problem,
            ),
        )

    def near(self, claim: Claim) -> bool:
        """Say whether the draws are too few to tell on which side of a limit a claim's probability is."""
        probability = self.judged(claim).judgement.probability
        found = self.told.found
        worth = found.worth if found else float(len(self.told.sketch.draws))
        if not np.isfinite(probability) or not worth:
            return False
        smoothed = (worth * probability + 1.0) / (worth + 2.0)
        error = float(np.sqrt(smoothed * (1.0 - smoothed) / worth))
        return min(abs(probability - limit) for limit in (ENOUGH, 1.0 - ENOUGH)) < ERRORS * error

    def moved_by(self, parts: Sequence[tuple[str, NDArray[np.bool_]]], seed: int) -> pd.DataFrame | None:
        """Tell how far parts of the cells move the estimands (`influence`); None where it was sampled."""
        told = self.told
        if told.start is None or told.found is None:
            return None
        return influence(told.design, self.spec, told.start, told.found, parts, seed=seed)

    def _unit(self, name: str) -> str:
        return unit(self.spec.estimands[name.split("[")[0]], self.spec, self.reference)


def expected(design: Design, rows: pd.DataFrame, spec: ModelSpec, seed: int) -> Expected:
    """Tell what a model says of rows that are laid out already.

    Raises
    ------
    TaskorderError
        Where it cannot be fitted to them.
    """
    told = sketch_of(design, spec, name="", kind="", seed=seed, effort=EFFORT)
    return Expected(spec, told, rows_digest(rows))
