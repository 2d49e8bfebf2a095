"""Values of moderators that were measured, by the names of their measures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

DIFFICULTY = ("shortfall", "area", "online_code")
SIMILARITY = ("tokens", "tokens_by_language", "encoder_mean", "encoder_mean_centred")


@dataclass(frozen=True, slots=True)
class Measure:
    """One value of one measure: of a task, or of a task and a target.

    Attributes
    ----------
    moderator : {"difficulty", "similarity"}
    measure : str
        One of `DIFFICULTY` or `SIMILARITY`.
    task : str
        As sequences write it, such as ``ner`` or ``mlm[sw]``.
    target : str
        Such as ``udpos``, or ``udpos[de]`` where the value holds for one language; empty for a difficulty.
    value : float
        Of a difficulty the mean over seeds.
    backbone : str
    source : str
    tuning : str
        Empty for similarities.
    sd : float
        Over seeds; NaN for a single one, and for similarities.
    seeds : int
        How many; 0 for similarities.
    """

    moderator: Literal["difficulty", "similarity"]
    measure: str
    task: str
    target: str
    value: float
    backbone: str
    source: str
    tuning: str = ""
    sd: float = math.nan
    seeds: int = 0
