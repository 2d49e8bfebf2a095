"""A model file to its fit: its tables are read, and a fit that is known already is found again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from taskorder.errors import MissingData
from taskorder.files import sha256_text
from taskorder.inference import store
from taskorder.inference.fitting import DRAWS, SEED, Engine, Fit, fit, rows_digest, select_rows
from taskorder.inference.spec import ModelSpec
from taskorder.paths import resource
from taskorder.results.catalogue import Covariates
from taskorder.results.reading import InputFile, read, read_any


@dataclass(frozen=True)
class Settings:
    """How a model is fitted: engine, seed and draws as in `fit`."""

    engine: Engine = "auto"
    seed: int = SEED
    draws: int = DRAWS
    progress: bool = False


@dataclass(frozen=True)
class Found:
    """A fit, the folder that keeps it, and whether it was computed just now."""

    fit: Fit
    folder: Path
    fresh: bool


def tables_of(spec: ModelSpec) -> list[Path]:
    """Return the tables that a model file names; patterns are looked up here, then in what ships.

    Raises
    ------
    MissingData
        If none of them is there.
    """
    found: list[Path] = []
    for pattern in spec.data.tables:
        here = [Path(pattern)] if Path(pattern).is_absolute() else sorted(Path().glob(pattern))
        found += here or sorted(resource("data").parent.glob(pattern))
    if not found:
        raise MissingData(
            f"model {spec.name!r}: no table matches [data] tables = {list(spec.data.tables)};"
            f" name tables with --results FILE"
        )
    return list(dict.fromkeys(found))


def read_tables(
    spec: ModelSpec, paths: Sequence[Path], covariates: Covariates
) -> tuple[pd.DataFrame, tuple[InputFile, ...]]:
    """Read tables in the layout that a model file states."""
    if spec.data.layout == "any":
        return read_any(*paths)
    table = read(*paths, languages=covariates.languages["language"].tolist())
    return table.frame, table.inputs


def fitted(
    spec: ModelSpec,
    paths: Sequence[Path],
    covariates: Covariates,
    settings: Settings,
    say: Callable[[str], None] = lambda _: None,
) -> Found:
    """Fit a model, or find the fit that the same model, rows, covariates, engine and settings gave before.

    Parameters
    ----------
    spec : ModelSpec
    paths : sequence of Path
        The tables; those of the model file where there are none.
    covariates : Covariates
    settings : Settings
    say : callable
        Is told what takes time before it is done.
    """
    frame, inputs = read_tables(spec, paths or tables_of(spec), covariates)
    rows = rows_digest(select_rows(frame, spec, covariates))
    chosen = {"engine": settings.engine, "seed": settings.seed, "draws": settings.draws}
    folder = store.home() / store.key(spec, rows, _digest(covariates), chosen)
    if (folder / store.MANIFEST).is_file():
        return Found(store.load(folder), folder, fresh=False)
    say(f"fitting {spec.name} to {len(frame):,} rows (about a minute or two for the shipped models)")
    result = fit(
        spec,
        frame,
        covariates,
        engine=settings.engine,
        seed=settings.seed,
        draws=settings.draws,
        inputs=inputs,
        progress=settings.progress,
    )
    store.save(result, folder, force=True)
    return Found(store.load(folder), folder, fresh=True)


def _digest(covariates: Covariates) -> str:
    frames = (covariates.tasks, covariates.similarity, covariates.languages)
    return sha256_text("\n".join(frame.to_csv(index=False) for frame in frames))
