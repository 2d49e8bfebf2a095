"""One frequentist estimate, as a row of the table beside a posterior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Estimate:
    """An estimate; what a method does not give is NaN.

    Attributes
    ----------
    term : str
        The parameter, under the posterior's name where it has it, too.
    method : str
    estimate : float
    unit : str
    se, lower, upper, df, p : float
        Standard error, 95 % interval, degrees of freedom, p-value of no effect.
    """

    term: str
    method: str
    estimate: float
    unit: str
    se: float = np.nan
    lower: float = np.nan
    upper: float = np.nan
    df: float = np.nan
    p: float = np.nan


def of_coefficients(found: pd.DataFrame, method: str, unit: str) -> list[Estimate]:
    """Return the rows of a table of coefficients (`wald.COLUMNS`) as estimates."""
    return [
        Estimate(
            term=str(row["term"]),
            method=method,
            unit=unit,
            **{name: float(row[name]) for name in ("estimate", "se", "lower", "upper", "df", "p")},
        )
        for _, row in found.iterrows()
    ]
