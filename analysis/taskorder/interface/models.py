"""Models: fitted, loaded and calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from taskorder.inference import store
from taskorder.inference.criticism.calibration import Calibration, Plan
from taskorder.inference.criticism.calibration import calibrate as calibrated
from taskorder.inference.fitting import DRAWS, SEED, Engine
from taskorder.inference.session import fitted_to, read_tables, tables_of
from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.inference.spec import read_model as read_file
from taskorder.interface.asking import refuse_less, settings
from taskorder.interface.naming import named_model
from taskorder.interface.posterior import Fit
from taskorder.interface.saying import say
from taskorder.paths import resource
from taskorder.results.catalogue import Covariates, covariates
from taskorder.results.reading import InputFile, ResultTable, read_frame

type Model = str | Path | dict[str, Any] | ModelSpec
type Results = str | Path | Sequence[str | Path] | ResultTable | pd.DataFrame


def models() -> pd.DataFrame:
    """List the models that ship.

    Returns
    -------
    DataFrame
        One row a model: `name`, its `question` and its `file`.

    Examples
    --------
    >>> taskorder.models()["name"].tolist()
    ['moderators', 'order', 'regimes', 'robustness', 'selection']
    """
    specs = [(read_file(path), path) for path in sorted(resource("models").glob("*.toml"))]
    rows = [[spec.name, spec.question, str(path)] for spec, path in specs]
    return pd.DataFrame(rows, columns=["name", "question", "file"])


def read_model(model: Model) -> ModelSpec:
    """Read a model.

    Parameters
    ----------
    model : str, Path, dict or ModelSpec
        A model file, the name of a model that ships (``"order"``), or what a model file holds as a dict.

    Raises
    ------
    InvalidModel
        With all that is wrong in it.

    Examples
    --------
    >>> taskorder.read_model({"name": "mine", "outcome": {"scale": "arcsin"}})
    Traceback (most recent call last):
    ...
    taskorder.errors.InvalidModel: model: [outcome] scale = 'arcsin': ... Did you mean 'arcsine'?
    """
    if isinstance(model, ModelSpec):
        return model
    if isinstance(model, dict):
        return parse_model(model)
    return read_file(named_model(model))


def fit(
    model: Model,
    results: Results = (),
    *,
    tasks: str | Path | None = None,
    similarity: str | Path | None = None,
    languages: str | Path | None = None,
    engine: Engine = "auto",
    seed: int = SEED,
    draws: int = DRAWS,
) -> Fit:
    """Fit a model to result tables.

    A fit that was computed before from the same model, rows, covariates, settings and code is found again.

    Parameters
    ----------
    model : str, Path, dict or ModelSpec
        As `taskorder.read_model` takes it.
    results : str, Path, sequence of them, ResultTable or DataFrame
        The tables; those that the model file names where there are none. A DataFrame is validated as a file
        would be.
    tasks, similarity, languages : str or Path, optional
        Your tables of tasks (`task, difficulty, ...`), similarities (`task, target, similarity`) and
        languages; they are added to those in data/, and stand before them.
    engine : {"auto", "collapsed", "nuts"}
        How the posterior is computed; `auto` takes `collapsed` wherever the model allows it.
    seed : int
        The same seed gives the same posterior on the same machine.
    draws : int
        Posterior draws in all; at least 400.

    Returns
    -------
    Fit
        Look at its `diagnostics.ok` first: a fit that fails its diagnostics decides nothing.

    Raises
    ------
    InvalidTable, InvalidModel, MissingData
        Where table and model are not as they must be, or do not suit each other.

    Examples
    --------
    Eight schools, with their known sampling variances:

    >>> import pandas as pd
    >>> schools = pd.DataFrame(
    ...     {
    ...         "school": list("ABCDEFGH"),
    ...         "yi": [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0],
    ...         "vi": [225.0, 100.0, 256.0, 121.0, 81.0, 121.0, 100.0, 324.0],
    ...     }
    ... )
    >>> eight = {
    ...     "name": "eight_schools",
    ...     "data": {"schema": "any"},
    ...     "outcome": {"column": "yi", "scale": "identity", "variance": "vi"},
    ...     "groups": {"school": {}},
    ...     "residual": {"sd": 0},
    ...     "priors": {
    ...         "1": {"dist": "Normal", "mu": 0, "sigma": 20},
    ...         "sd": {"dist": "HalfNormal", "sigma": 10},
    ...     },
    ... }
    >>> fit = taskorder.fit(eight, schools, draws=2000)
    >>> fit.diagnostics.ok
    True
    >>> mean = fit.summary.set_index("parameter").loc["1", "mean"]
    >>> bool(6 < mean < 10)
    True
    """
    asked = settings(seed, draws, engine)
    spec, known = read_model(model), covariates(tasks, similarity, languages)
    frame, inputs = _read(spec, results, known)
    found = fitted_to(spec, frame, inputs, known, asked, say)
    return Fit.of(found.fit, frame, known)


def load(folder: str | Path) -> Fit:
    """Read a fit that `taskorder fit` or `Fit.save` wrote.

    Raises
    ------
    FitFailed
        If the folder does not hold the four files of a fit, or they are damaged.
    """
    return Fit.of(store.load(Path(folder)))


def calibrate(
    model: Model,
    results: Results = (),
    *,
    output: str | Path = "reports/calibration",
    tasks: str | Path | None = None,
    similarity: str | Path | None = None,
    languages: str | Path | None = None,
    engine: Engine = "auto",
    data_sets: int = 1000,
    cells: int = 0,
    workers: int = 2,
    seed: int = SEED,
    draws: int = 2000,
) -> Calibration:
    """Simulate from a model, fit, and see whether the posterior holds the truth as often as it says.

    An interrupted calibration goes on where it ended.

    Parameters
    ----------
    model, results, tasks, similarity, languages, engine
        As for `taskorder.fit`; of the results only the design counts.
    output : str or Path
        The folder of the tables.
    data_sets : int
        How many are simulated.
    cells : int
        Take a part of the design, of about so many cells; 0: all of it.
    workers : int
        Processes that fit at the same time.
    seed : int
    draws : int
        Of each fit.

    Returns
    -------
    Calibration
        Its `summary` has one row a parameter: coverage of 50, 80 and 95 % intervals, and whether the ranks
        of the truth stay inside the simultaneous 95 % band of uniform ones; `text()` sums it up.
    """
    asked = settings(seed, draws, engine)
    for name, value, least in (("data_sets", data_sets, 20), ("cells", cells, 0), ("workers", workers, 1)):
        refuse_less(name, value, least)
    spec, known = read_model(model), covariates(tasks, similarity, languages)
    frame, _ = _read(spec, results, known)
    plan = Plan(asked.engine, data_sets, cells, draws, seed, workers)
    return calibrated(spec, frame, known, plan, Path(output), say)


def _read(spec: ModelSpec, results: Results, known: Covariates) -> tuple[pd.DataFrame, tuple[InputFile, ...]]:
    """Return the rows of tables in the layout that a model states, and the files that they are from."""
    if isinstance(results, ResultTable):
        return results.frame, results.inputs
    if isinstance(results, pd.DataFrame):
        if spec.data.layout == "any":
            return results.reset_index(drop=True), ()
        table = read_frame(results, languages=known.languages["language"].tolist())
        return table.frame, table.inputs
    named = [results] if isinstance(results, str | Path) else results
    return read_tables(spec, [Path(path) for path in named] or tables_of(spec), known)
