"""How similar a stage is to the target, by the measures of the similarity table.

A pair is looked up from the specific to the general: stage and target with their languages
(`mlm[sw]`, `masakhaner[yo]`), the tasks alone (`mnli`, `rte`), the languages alone (`[sw]`, `[yo]`); a stage
of two languages (`tlm[en-sw]`) is as similar as the more similar of them.
The measure `same_kind` is 1 where both tasks are of one kind, else 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from taskorder.errors import MissingData, nearest
from taskorder.moderators.difficulty import OWN
from taskorder.results.catalogue import Covariates
from taskorder.results.sequences import Stage

SAME_KIND = "same_kind"


class Similarity:
    """Look similarities up: the first measure of the preferred ones that has a value for the pair.

    Raises
    ------
    MissingData
        Where the similarity table has no such measure.
    """

    def __init__(self, covariates: Covariates, measures: Sequence[str]) -> None:
        table = covariates.similarity
        table = table[pd.to_numeric(table["similarity"], errors="coerce").notna()]
        known = [*table["measure"].unique(), SAME_KIND]
        for measure in measures:
            if measure not in {*known, OWN}:
                raise MissingData(
                    f"no similarity measure {measure!r}; the similarity table has {', '.join(known)}."
                    f"{nearest(measure, known)}"
                )
        self._measures = list(dict.fromkeys([OWN, *measures]))
        keys = zip(table["measure"], table["task"], table["target"], strict=True)
        self._values = dict(zip(keys, table["similarity"], strict=True))
        self._kinds = covariates.tasks.set_index("task")["kind"].dropna().to_dict()

    def of(self, stage: Stage, target: str, language: str) -> tuple[float, str]:
        """Return a stage's similarity to a target scored in a language, and its measure, or (nan, "")."""
        pairs = [(str(stage), f"{target}[{language}]"), (str(stage), target), (stage.task, target)]
        for measure in self._measures:
            for task, other in pairs:
                value = self._values.get((measure, task, other))
                if value is not None:
                    return float(value), measure
            own = [(measure, f"[{code}]", f"[{language}]") for code in stage.languages()]
            if values := [self._values[key] for key in own if key in self._values]:
                return float(max(values)), measure
            if measure == SAME_KIND and stage.task in self._kinds and target in self._kinds:
                return float(self._kinds[stage.task] == self._kinds[target]), measure
        return float("nan"), ""
