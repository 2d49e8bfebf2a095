"""Which runs of an experiment to make next: those that shrink the interval of one estimand most.

Runs are chosen one at a time: the one that lowers the posterior variance most, on average over the draws of
theta, given the ones that were chosen before it; with `per_cost`, most for each stage that has to be trained
for it. Prefixes are shared: a stage that an earlier run of the same backbone, tuning and seed went through
costs nothing. Runs that do equally well are told apart by their cost, then by the experiment file.

Beside it, as many runs are drawn by chance from those that are not made, many times over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from taskorder.choosing.ahead.effect import Outlook
from taskorder.choosing.ahead.estimand import estimand_of
from taskorder.choosing.ahead.outlook import outlook
from taskorder.choosing.ahead.told import Told
from taskorder.choosing.parts import TABLE, paste, write
from taskorder.choosing.runs import Run, Training, cost, laid_out, made, number_of, planned
from taskorder.errors import MissingData
from taskorder.files import sha256
from taskorder.harness.experiments.experiment import Experiment, read_experiment
from taskorder.inference.estimands import unit
from taskorder.inference.fitting import SEED, select_rows
from taskorder.inference.session import read_tables, tables_of
from taskorder.inference.spec import ModelSpec, read_model
from taskorder.paths import resource
from taskorder.results.catalogue import Covariates

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BAND = (0.05, 0.95)
"""Of the widths after random runs."""
TIMES, TIMES_OF_THETA = 50, 20
"""How often runs are drawn by chance."""
FEW = 10
EQUAL = 1e-9
"""Gains that differ by less, as a share of the best, are the same."""
LITTLE = 0.02
"""A change of the width by a smaller share is next to nothing."""
MODEL = "models/order.toml"
COLUMNS = [
    "order", "backbone", "tuning", "sequence", "target", "seed", "stages", "width",
    "random_width", "random_lower", "random_upper",
]  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What runs are chosen for.

    Attributes
    ----------
    runs : int
        How many.
    estimand : str
        Empty for the first of the model that runs can be chosen for.
    per_cost : bool
        Whether gains count for each stage that has to be trained.
    seed : int
    """

    runs: int
    estimand: str = ""
    per_cost: bool = False
    seed: int = SEED


@dataclass(frozen=True)
class Designed:
    """Runs in the order in which to make them.

    Attributes
    ----------
    estimand, unit : str
    width : float
        Of its 95 % interval now.
    runs : tuple of Run
    table : DataFrame
        The columns `COLUMNS`: with each run the stages to be trained for it and the expected width after
        it, then the mean and the 90 % band of the width after as many random runs.
    candidates : int
        How many runs there were to choose among.
    notes : tuple of str
    experiment : Experiment
    """

    estimand: str
    unit: str
    width: float
    runs: tuple[Run, ...]
    table: pd.DataFrame
    candidates: int
    notes: tuple[str, ...]
    experiment: Experiment

    def write(self, file: Path | str, *, force: bool = False) -> tuple[Path, ...]:
        """Write experiment files for exactly these runs, and return which: see `parts.write`."""
        return write(self.runs, self.experiment, Path(file), force=force)

    def text(self) -> str:
        """Return the table for a terminal: what it promises first, then what to paste."""
        last = self.table.iloc[-1]
        lines = [
            f"{self.estimand}: the 95 % interval is {self.width:.3g} wide ({self.unit}); after these"
            f" {len(self.runs)} of {self.candidates:,} runs {last['width']:.3g}, after as many by chance"
            f" {last['random_width']:.3g} ({last['random_lower']:.3g} to {last['random_upper']:.3g})."
        ]
        if last["width"] > (1.0 - LITTLE) * self.width:
            lines.append(
                f"That is next to nothing: what is not known of {self.estimand} is not what runs of this"
                f" experiment tell. Other tasks, targets or backbones may."
            )
        shown = self.table.drop(columns=["random_lower", "random_upper"])
        shown = shown.assign(sequence=shown["sequence"].replace("", "(direct)"))
        lines += [shown.to_string(index=False, float_format="{:.4g}".format), *self.notes]
        return "\n".join([*lines, "", paste(self.runs)])


def designed(
    file: Path,
    model: Path | None,
    results: Sequence[Path],
    covariates: Covariates,
    asked: Asked,
) -> Designed:
    """Choose runs of an experiment file; otherwise as `design`.

    Parameters
    ----------
    file : Path
        The experiment file; the results.csv beside it is read, if there is one, and no copy of another table.
    model : Path or None
        A model file; `MODEL` where it is not given.
    results : sequence of Path
        Result tables; those of the model file where there are none.
    covariates : Covariates
    asked : Asked
    """
    experiment, spec = read_experiment(file), read_model(model or resource(MODEL))
    estimand_of(spec, asked.estimand)
    paths = list(results or tables_of(spec))
    own = experiment.folder / TABLE
    if own.is_file() and sha256(own) not in {sha256(path) for path in paths if path.is_file()}:
        paths.append(own)
    table, _ = read_tables(spec, paths, covariates)
    return design(experiment, spec, table, covariates, asked)


def design(
    experiment: Experiment, spec: ModelSpec, table: pd.DataFrame, covariates: Covariates, asked: Asked
) -> Designed:
    """Choose the runs of an experiment that would shrink the interval of an estimand most.

    Parameters
    ----------
    experiment : Experiment
    spec : ModelSpec
        A Gaussian one, whose rows the experiment's are among.
    table : DataFrame
        The frame of a `ResultTable` with all rows that there are.
    covariates : Covariates
    asked : Asked

    Raises
    ------
    MissingData
        If no run is asked for, all are made, none is that the others could be laid out by, or the model
        does not take them or has no such estimand.
    InvalidModel
        Where the linear effects of the model cannot be integrated out.
    """
    if asked.runs < 1:
        raise MissingData(f"experiment {experiment.name!r}: ask for at least one run, not {asked.runs}")
    name = estimand_of(spec, asked.estimand)
    done = made(table, experiment.study)
    left = [run for run in planned(experiment) if run not in set(done)]
    if not left:
        raise MissingData(
            f"experiment {experiment.name!r}: all {len(done):,} runs of its plan are made; give the file more"
            " seeds, sequences or targets to choose among"
        )
    new, notes = laid_out(left, table, experiment.study)
    rows = select_rows(pd.concat([table, new], ignore_index=True), spec, covariates)
    number = number_of(rows["run"]).to_numpy(dtype=np.int64)
    found = outlook(rows, number, spec, name, covariates, seed=asked.seed)
    if not found.runs:
        raise MissingData(
            f"model {spec.name!r} takes no row of study {experiment.study!r}: look at its [data] where"
        )
    if lacking := new["run"].nunique() - len(found.runs):
        notes += (
            f"{lacking:,} of the runs that are not made were left out: model {spec.name!r} takes no row of"
            f" them, by its [data] where or for want of a moderator of their stages",
        )
    trained = {training for run in done for training in run.trainings}
    chosen, widths = greedy(found, left, trained, asked)
    by_chance = random_widths(found, len(chosen), asked.seed)
    runs = tuple(left[i] for i in chosen)
    return Designed(
        estimand=name,
        unit=unit(spec.estimands[name], spec, found.reference),
        width=found.width(),
        runs=runs,
        table=_table(runs, trained, widths, by_chance),
        candidates=len(found.runs),
        notes=notes,
        experiment=experiment,
    )


@threadpool_limits.wrap(limits=1, user_api="blas")
def greedy(
    found: Outlook | Told, runs: Sequence[Run], trained: Iterable[Training], asked: Asked
) -> tuple[list[int], Floats]:
    """Choose runs one at a time.

    Parameters
    ----------
    found : Outlook or Told
    runs : sequence of Run
        By the numbers that `found` knows them by.
    trained : iterable of Training
        What costs nothing.
    asked : Asked

    Returns
    -------
    chosen : list of int
    widths : array
        Of the interval after each.

    Notes
    -----
    What a run would tell of theta takes longer to compute, and falls as runs are chosen: after the first only
    the most promising `FEW` are looked at again (Minoux 1978).
    """
    known, left = set(trained), list(found.runs)
    gains = dict(zip(left, found.gains(left), strict=True))
    chosen: list[int] = []
    widths: list[float] = []
    while left and len(chosen) < asked.runs:
        costs = {i: max(cost(runs[i], known), 1) for i in left}
        by = {i: costs[i] if asked.per_cost else 1 for i in left}
        if chosen:
            due = left if isinstance(found, Outlook) else sorted(left, key=lambda i: -gains[i] / by[i])[:FEW]
            gains |= dict(zip(due, found.gains(due), strict=True))
        most = max(gains[i] / by[i] for i in left)
        best = [i for i in left if gains[i] / by[i] >= most - EQUAL * abs(most)]
        taken = min(best, key=lambda i: costs[i])
        left.remove(taken)
        found = found.after(taken)
        known |= set(runs[taken].trainings)
        chosen.append(taken)
        widths.append(found.width())
    return chosen, np.array(widths)


@threadpool_limits.wrap(limits=1, user_api="blas")
def random_widths(found: Outlook | Told, count: int, seed: int) -> Floats:
    """Return the widths after each of some random runs, drawn many times: (times, count)."""
    times = TIMES if isinstance(found, Outlook) else TIMES_OF_THETA
    rng = np.random.default_rng([seed, 1])
    drawn = (rng.choice(found.runs, count, replace=False) for _ in range(times))
    return np.array([found.widths_along([int(run) for run in runs]) for runs in drawn])


def _table(
    runs: Sequence[Run], trained: Iterable[Training], widths: Floats, by_chance: Floats
) -> pd.DataFrame:
    known = set(trained)
    lines: list[dict[str, object]] = []
    for i, run in enumerate(runs):
        lower, upper = np.quantile(by_chance[:, i], BAND)
        place = {name: getattr(run, name) for name in ("backbone", "tuning", "sequence", "target", "seed")}
        expected = {"random_width": by_chance[:, i].mean(), "random_lower": lower, "random_upper": upper}
        own = {"stages": cost(run, known), "width": widths[i]}
        lines.append({"order": i + 1, **place, **own, **expected})
        known |= set(run.trainings)
    return pd.DataFrame(lines, columns=COLUMNS)
