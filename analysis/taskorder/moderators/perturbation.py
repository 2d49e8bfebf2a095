"""Whether a model was scored on text that was perturbed."""

from __future__ import annotations

import pandas as pd


def perturbed(table: pd.DataFrame) -> pd.Series[float]:
    """Return 1.0 for rows with a perturbation, else 0.0: all rows are clean where the table names none."""
    if "perturbation" not in table:
        return pd.Series(0.0, index=table.index, name="perturbed")
    return (table["perturbation"].fillna("") != "").astype(float).rename("perturbed")
