"""The controls of whole models: each that a registered claim names, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from taskorder.claims.claim import Claim, Control
from taskorder.claims.controls import by_control, controls
from taskorder.claims.proceedings import CLAIMS, registered
from taskorder.claims.variants import Analysis
from taskorder.errors import MissingData, TaskorderError
from taskorder.inference.session import Settings, fitted, read_tables, tables_of
from taskorder.inference.spec import ModelSpec
from taskorder.results.catalogue import covariates


def controlled(
    models: Sequence[ModelSpec],
    control: Control,
    folder: Path,
    settings: Settings,
    *,
    times: int,
    points: float = 0.0,
    workers: int = 2,
    say: Callable[[str], None] = lambda _: None,
) -> pd.DataFrame:
    """Fit models to their tables, and put the registered claims about them through their controls.

    The table of a model is `NAME.csv` in the folder.

    Parameters
    ----------
    models : sequence of ModelSpec
        Those that no claim with a control is about are passed over.
    control : {"", "order", "difficulty", "similarity"}
        What is shuffled; "" stands for whatever the claims name.
    folder : Path
    settings : Settings
        How the models are fitted.
    times, points, workers
        As in `controls.controls`.
    say : callable
        Is told what takes time, and which models have no data.

    Returns
    -------
    DataFrame
        The rows with these points, of all models.

    Raises
    ------
    TaskorderError
        If no registered claim about the models has such a control.
    MissingData
        If none of the models that have one has tables.
    """
    asked = {spec.name: by_control(_about(spec, control)) for spec in models}
    run = partial(controls, times=times, points=points, seed=settings.seed, workers=workers, say=say)
    found: list[pd.DataFrame] = []
    missing: list[MissingData] = []
    for spec in models:
        if not asked[spec.name]:
            continue
        try:
            analysis = _analysis(spec, settings, say)
        except MissingData as error:
            say(f"{spec.name} has no data: {error}")
            missing.append(error)
            continue
        path = folder / f"{spec.name}.csv"
        found += [run(analysis, claims, name, path) for name, claims in asked[spec.name].items()]
    if found:
        return pd.concat(found, ignore_index=True)
    raise missing[0] if missing else _none_registered(models, control)


def _about(spec: ModelSpec, control: Control) -> list[Claim]:
    return [one for one in registered() if one.model == spec.name and control in ("", one.control)]


def _analysis(spec: ModelSpec, settings: Settings, say: Callable[[str], None]) -> Analysis:
    known = covariates()
    table, _ = read_tables(spec, tables_of(spec), known)
    return Analysis(fitted(spec, (), known, settings, say).fit, table, known)


def _none_registered(models: Sequence[ModelSpec], control: Control) -> TaskorderError:
    about = f" about model {models[0].name!r}" if len(models) == 1 else ""
    wanted = f"control = {control!r}" if control else "a control"
    return TaskorderError(f"no claim{about} has {wanted}: register one in {CLAIMS}")
