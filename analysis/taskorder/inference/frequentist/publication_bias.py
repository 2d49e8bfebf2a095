"""Whether small studies tell another story: Egger's regression test, PET and PEESE.

All regress the outcomes on a measure of imprecision, and differ in which one and in what the errors are:

- `mixed`: y_i ~ Normal(b0 + b1 z_i, v_i + tau2), the meta-regression with a z test;
- `wls`: variance s2 v_i with s2 estimated, weighted least squares with a t test (Egger et al. 1997).

PET is the second with z = se, PEESE with z = v; their intercepts estimate the effect in a study without error
(Stanley and Doucouliagos 2014, Res. Synth. Methods 5:60). PET's is kept unless it differs from 0 at p < 0.1
(two-sided), where PEESE's is less biased.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from taskorder.inference.frequentist import checking
from taskorder.inference.frequentist.meta_regression import meta_regression

type Predictor = Literal["se", "variance", "1/n"]
type Errors = Literal["mixed", "wls"]

PET_LEVEL = 0.1
"""Where PET's intercept has a smaller two-sided p, PEESE's is taken."""


@dataclass(frozen=True)
class PetPeese:
    """The effect expected of a study without sampling error.

    Attributes
    ----------
    pet, peese : DataFrame
        The terms `1` and `se` or `variance`.
    chosen : str
        "PET" or "PEESE".
    """

    pet: pd.DataFrame
    peese: pd.DataFrame
    chosen: Literal["PET", "PEESE"]

    @property
    def regression(self) -> pd.DataFrame:
        """The chosen one; its intercept is the effect."""
        return self.pet if self.chosen == "PET" else self.peese


def small_studies(
    y: ArrayLike,
    v: ArrayLike,
    *,
    predictor: Predictor = "se",
    errors: Errors = "mixed",
    sizes: ArrayLike | None = None,
) -> pd.DataFrame:
    """Regress outcomes on their imprecision (Egger's test and its relatives).

    Parameters
    ----------
    y, v : array (K,)
        Outcomes and their sampling variances.
    predictor : {"se", "variance", "1/n"}
    errors : {"mixed", "wls"}
        See the module.
    sizes : array (K,), optional
        The studies' sizes n, for `1/n`.

    Returns
    -------
    DataFrame
        `term, estimate, se, statistic, df, p, lower, upper` of `1`, the limit for a study without error,
        and of the predictor, whose p is that of the test.

    Raises
    ------
    ValueError
        Where an array cannot be used, or `1/n` lacks sizes.
    MissingData
        Where there are fewer than three studies, or all are equally precise.
    """
    outcome, variance = checking.outcomes(y, v)
    if predictor == "1/n" and sizes is None:
        raise ValueError("predictor '1/n' needs the studies' sizes")
    imprecision = {
        "se": lambda: np.sqrt(variance),
        "variance": lambda: variance,
        "1/n": lambda: 1 / np.asarray(sizes, dtype=float),
    }[predictor]()
    columns = np.column_stack([np.ones_like(imprecision), imprecision])
    matrix, terms = checking.design(columns, ("1", predictor), len(outcome))
    if errors == "mixed":
        return meta_regression(outcome, variance, matrix, terms, test="z").coefficients
    return meta_regression(outcome, variance, matrix, terms, method="EE", test="knha").coefficients


def pet_peese(y: ArrayLike, v: ArrayLike) -> PetPeese:
    """Estimate the effect without sampling error; ValueError and MissingData as `small_studies`.

    Parameters
    ----------
    y, v : array (K,)
        Outcomes and their sampling variances.
    """
    pet = small_studies(y, v, predictor="se", errors="wls")
    peese = small_studies(y, v, predictor="variance", errors="wls")
    return PetPeese(pet, peese, "PEESE" if float(pet["p"].iloc[0]) < PET_LEVEL else "PET")
