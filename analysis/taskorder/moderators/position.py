"""Where the stages stand: how many there are, and whether the harder ones come later."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import kendalltau


def sequence_columns(lines: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Summarise the stages of each row.

    Parameters
    ----------
    lines : DataFrame
        The frame of a `StageTable`.
    rows : int
        How many rows the table has.

    Returns
    -------
    DataFrame
        On 0 ... rows - 1: `steps` (K), `stages` (jointly trained ones counted each), means of the raw
        `difficulty` and `similarity` over the stages, and `difficulty_tau`, Kendall's tau of difficulty
        with position: 1 from easy to hard, -1 from hard to easy, NaN with fewer than two difficulties.
    """
    by_row = lines.groupby("row")
    summary = pd.DataFrame(
        {
            "steps": by_row["step"].max() + 1,
            "stages": by_row.size(),
            "difficulty": by_row["difficulty"].mean(),
            "similarity": by_row["similarity"].mean(),
            "difficulty_tau": _difficulty_tau(lines),
        }
    ).reindex(range(rows))
    return summary.fillna({"steps": 0, "stages": 0}).astype({"steps": int, "stages": int})


def _difficulty_tau(lines: pd.DataFrame) -> pd.Series[float]:
    known = lines.dropna(subset=["difficulty"])
    known = known[known.groupby("row")["difficulty"].transform("nunique") > 1]
    rows, starts = np.unique(known["row"].to_numpy(), return_index=True)
    steps = np.split(known["step"].to_numpy(), starts[1:]) if len(rows) else []
    difficulties = np.split(known["difficulty"].to_numpy(), starts[1:]) if len(rows) else []
    tau: dict[tuple[bytes, bytes], float] = {}
    values: list[float] = []
    for step, difficulty in zip(steps, difficulties, strict=True):
        pattern = (step.tobytes(), difficulty.tobytes())
        if pattern not in tau:
            tau[pattern] = float(kendalltau(step, difficulty).statistic)
        values.append(tau[pattern])
    return pd.Series(values, index=rows, dtype=float)
