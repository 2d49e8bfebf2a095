"""How difficult a stage's task is, by the measures of the task table."""

from __future__ import annotations

from collections.abc import Sequence

from taskorder.errors import MissingData, nearest
from taskorder.results.catalogue import Covariates
from taskorder.results.sequences import Stage

OWN = "own"


class Difficulty:
    """Look difficulties up: the first measure of the preferred ones that has a value for the task.

    A person's own difficulties are taken to be on the scale of the first measure, which they override.

    Raises
    ------
    MissingData
        Where the task table has no such measure.
    """

    def __init__(self, covariates: Covariates, measures: Sequence[str]) -> None:
        tasks = covariates.tasks.set_index("task")
        prefix = "difficulty_"
        known = [
            name.removeprefix(prefix)
            for name in tasks.columns
            if name.startswith(prefix) and not name.endswith(("_sd", "_source"))
        ]
        for measure in measures:
            if measure not in {*known, OWN}:
                raise MissingData(
                    f"no difficulty measure {measure!r}; the task table has {', '.join(known)}."
                    f"{nearest(measure, known)}"
                )
        chosen = [measure for measure in dict.fromkeys([OWN, *measures]) if measure in known]
        self._values = {measure: tasks[prefix + measure].dropna().to_dict() for measure in chosen}
        self._names = {OWN: measures[0] if measures else OWN}

    def of(self, stage: Stage) -> tuple[float, str]:
        """Return a stage's difficulty and its measure; (nan, "") where no measure has a value."""
        for measure, values in self._values.items():
            for name in (str(stage), stage.task):
                if name in values:
                    return float(values[name]), self._names.get(measure, measure)
        return float("nan"), ""
