"""What to train next: intermediate tasks for a target, and runs of an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from taskorder.choosing import designing, selecting
from taskorder.inference.fitting import DRAWS, SEED
from taskorder.interface.asking import refuse_less, settings
from taskorder.interface.naming import named_model
from taskorder.interface.saying import say
from taskorder.results.catalogue import covariates


def select(
    target: str,
    languages: str | Sequence[str],
    *,
    stages: int = 1,
    backbone: str = "",
    model: str | Path | None = None,
    own_tasks: str | Path | None = None,
    own_similarity: str | Path | None = None,
    own_languages: str | Path | None = None,
    seed: int = SEED,
    draws: int = DRAWS,
) -> selecting.Selection:
    """Rank intermediate tasks before a target: what each would gain, and how surely, beside random choice.

    Parameters
    ----------
    target : str
        The task that counts.
    languages : str or sequence of str
        The languages that it counts in.
    stages : int
        How many intermediate tasks, in order.
    backbone : str
        One that the tables have; empty for one that they do not have.
    model : str or Path, optional
        Another model than the shipped one that knows the target: a model file, or the name of one that ships.
    own_tasks, own_similarity, own_languages : str or Path, optional
        Your tables, as `tasks`, `similarity` and `languages` of `taskorder.fit`.
    seed, draws : int
        As for `taskorder.fit`.

    Returns
    -------
    Selection
        Its `table` has one row a candidate, the highest expected gain first: gain over direct training with
        its interval, probability of being the best, expected regret; `random` is choosing by chance.

    Raises
    ------
    MissingData
        For a target, a language or a backbone that nobody knows, with the nearest name.
    """
    refuse_less("stages", stages, 1)
    named = (languages,) if isinstance(languages, str) else tuple(dict.fromkeys(languages))
    file = None if model is None else named_model(model)
    known = covariates(own_tasks, own_similarity, own_languages)
    wanted = selecting.Wanted(target, named, stages, backbone, file)
    return selecting.select(wanted, known, settings(seed, draws), say)


def design(
    experiment: str | Path,
    runs: int = 10,
    *,
    model: str | Path | None = None,
    estimand: str = "",
    per_cost: bool = False,
    results: Sequence[str | Path] = (),
    tasks: str | Path | None = None,
    similarity: str | Path | None = None,
    languages: str | Path | None = None,
    seed: int = SEED,
) -> designing.Designed:
    """Choose the runs of an experiment that would tell most, and say how much they would tell.

    Parameters
    ----------
    experiment : str or Path
        An experiment file; the results.csv beside it is read, if there is one.
    runs : int
        How many runs are chosen.
    model : str or Path, optional
        The model that will judge them: a model file, or the name of one that ships; ``"order"`` otherwise.
    estimand : str
        Whose interval is to shrink; empty for the first that can be.
    per_cost : bool
        Count what a run tells for each stage that is trained for it.
    results : sequence of str or Path
        Tables of runs that are made; those that the model file names where there are none.
    tasks, similarity, languages : str or Path, optional
        As for `taskorder.fit`.
    seed : int

    Returns
    -------
    Designed
        Its `table` has one row a run, in the order in which to make them: the expected width of the interval
        after it, beside that after as many random runs. `write` makes experiment files of them.
    """
    refuse_less("runs", runs, 1)
    refuse_less("seed", seed, 0)
    asked = designing.Asked(runs, estimand, per_cost, seed)
    known = covariates(tasks, similarity, languages)
    file = None if model is None else named_model(model)
    return designing.designed(Path(experiment), file, [Path(path) for path in results], known, asked)
