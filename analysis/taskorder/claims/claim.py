"""A registered claim: a statement about an estimand, and the region of it that it claims.

`at` is what the estimand is compared with, `rope` the half-width of the region of practical equivalence about
it, both in the estimand's unit:

======== ======================= ========================
region   claimed                 opposite
======== ======================= ========================
above    estimand > at + rope    estimand <= at + rope
below    estimand < at - rope    estimand >= at - rope
within   |estimand - at| <= rope |estimand - at| > rope
======== ======================= ========================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

type Region = Literal["above", "below", "within"]
type Control = Literal["", "order", "difficulty", "similarity"]
type Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Claim:
    """A statement about an estimand, registered before the fit that judges it.

    Attributes
    ----------
    id, question, statement : str
        Its name, the question that it answers and the claim in words.
    model, estimand : str
        Which model, and which of its estimands; both empty where no data bear on the claim.
    region : {"above", "below", "within"}
        Of the estimand.
    at, rope : float
        Centre and half-width of the region of practical equivalence, in the estimand's unit.
    control : {"", "order", "difficulty", "similarity"}
        What is shuffled in the claim's negative control: the claim should not be supported then.
    needs : str
        What data would decide it.
    origin : str
        The record that it is taken from; empty where it is our own.
    """

    id: str
    question: str
    statement: str
    model: str = ""
    estimand: str = ""
    region: Region = "above"
    at: float = 0.0
    rope: float = 0.0
    control: Control = ""
    needs: str = ""
    origin: str = ""

    def probability(self, draws: Floats, weight: Floats | None = None) -> float:
        """Return the posterior probability of the claimed region; NaN where a draw is not finite.

        Parameters
        ----------
        draws : array (S,)
            Of the estimand.
        weight : array (S,)
            Sums to one; equal weights where there are none.
        """
        if not len(draws) or not np.isfinite(draws).all():
            return float("nan")
        inside = {
            "above": draws > self.at + self.rope,
            "below": draws < self.at - self.rope,
            "within": np.abs(draws - self.at) <= self.rope,
        }[self.region]
        return float(inside.mean() if weight is None else inside @ weight)

    @property
    def denies(self) -> bool:
        """Whether it says that there is little or nothing: zero lies in its region."""
        return self.probability(np.zeros(1)) == 1.0

    def region_in_words(self) -> str:
        """Return the claimed region, without its unit."""
        if self.region == "within":
            return f"within {f'{self.at:g} ' if self.at else ''}±{self.rope:g}"
        return f"{self.region} {self.at + (self.rope if self.region == 'above' else -self.rope):g}"
