"""A model file to its fit: its tables are read, and a fit that is known already is found again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from taskorder.errors import FitFailed, MissingData, nearest
from taskorder.inference import store
from taskorder.inference.fitting import (
    DRAWS,
    SEED,
    Engine,
    Fit,
    choose,
    covariates_digest,
    fit_rows,
    listed,
    rows_digest,
    select_rows,
)
from taskorder.inference.spec import ModelSpec
from taskorder.paths import resource
from taskorder.results.catalogue import Covariates
from taskorder.results.loading import on_one_line
from taskorder.results.reading import InputFile, read, read_any

WILDCARDS = frozenset("*?[")


@dataclass(frozen=True)
class Settings:
    """How a model is fitted: engine, seed and draws as in `fit`."""

    engine: Engine = "auto"
    seed: int = SEED
    draws: int = DRAWS
    progress: bool = False


@dataclass(frozen=True)
class Found:
    """A fit, the folder that keeps it, and whether it was computed just now.

    `fault` says what was wrong with the fit that was kept there, if it had to be computed again for that.
    """

    fit: Fit
    folder: Path
    fresh: bool
    fault: str = ""


def tables_of(spec: ModelSpec) -> list[Path]:
    """Return the tables that a model file names; patterns are looked up here, then in what ships.

    Raises
    ------
    MissingData
        If a table without wildcards is not there, or none is.
    """
    found: list[Path] = []
    for pattern in spec.data.tables:
        try:
            found += _files(spec, pattern)
        except (OSError, ValueError) as error:
            raise MissingData(
                f"model {spec.name!r}: [data] tables names {pattern!r}, which cannot be looked up:"
                f" {on_one_line(str(error))}"
            ) from None
    if not found:
        raise MissingData(
            f"model {spec.name!r}: no table matches [data] tables = {list(spec.data.tables)};"
            f" correct it there (taskorder fit takes --results FILE instead)"
        )
    return list(dict.fromkeys(found))


def _files(spec: ModelSpec, pattern: str) -> list[Path]:
    """Return the files of one path or pattern; a path must be there."""
    matching = next((paths for root in _roots() if (paths := _matching(root, pattern))), [])
    if not matching and WILDCARDS.isdisjoint(pattern):
        folder = Path(pattern).parent
        there = [str(folder / file.name) for root in _roots() for file in (root / folder).glob("*")]
        raise MissingData(
            f"model {spec.name!r}: [data] tables names {pattern!r}, which is not there."
            f"{nearest(pattern, there)}"
        )
    return matching


def _roots() -> tuple[Path, Path]:
    """Return where tables are looked for: the working folder, then what ships."""
    return Path(), resource("data").parent


def _matching(root: Path, pattern: str) -> list[Path]:
    """Return the files that match a pattern, which may be absolute."""
    if WILDCARDS.isdisjoint(pattern):
        return [path for path in [root / pattern] if path.is_file()]
    path = Path(pattern)
    found = (root / path.anchor).glob(str(path.relative_to(path.anchor)))
    return sorted(file for file in found if file.is_file())


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
    return fitted_to(spec, frame, inputs, covariates, settings, say)


def fitted_to(
    spec: ModelSpec,
    frame: pd.DataFrame,
    inputs: Sequence[InputFile],
    covariates: Covariates,
    settings: Settings,
    say: Callable[[str], None] = lambda _: None,
) -> Found:
    """Fit a model to a table that was read already; otherwise as `fitted`."""
    inputs = tuple(_named(file) for file in inputs)
    rows = select_rows(frame, spec, covariates)
    folder = _folder(spec, rows, covariates, settings)
    kept, fault = _kept(folder)
    if kept is not None:
        return _as_found(kept, folder, inputs)
    if fault:
        say(fault)
    say(f"fitting {spec.name} to {len(rows):,} rows (this can take a few minutes)")
    result = fit_rows(
        spec,
        rows,
        covariates,
        engine=settings.engine,
        seed=settings.seed,
        draws=settings.draws,
        inputs=inputs,
        progress=settings.progress,
    )
    store.save(result, folder, force=True)
    return Found(store.load(folder), folder, fresh=True, fault=fault)


def known(
    spec: ModelSpec,
    frame: pd.DataFrame,
    inputs: Sequence[InputFile],
    covariates: Covariates,
    settings: Settings,
) -> Found | None:
    """Find the fit that `fitted_to` would return without any work, and read the estimands of its posterior.

    None where there is none.
    """
    folder = _folder(spec, select_rows(frame, spec, covariates), covariates, settings)
    kept, _ = _kept(folder, groups=("estimands",))
    return None if kept is None else _as_found(kept, folder, tuple(map(_named, inputs)))


def _folder(spec: ModelSpec, rows: pd.DataFrame, covariates: Covariates, settings: Settings) -> Path:
    chosen = {"engine": choose(settings.engine, spec).engine, "seed": settings.seed, "draws": settings.draws}
    return store.home() / store.key(spec, rows_digest(rows), covariates_digest(covariates), chosen)


def _as_found(kept: Fit, folder: Path, inputs: Sequence[InputFile]) -> Found:
    return Found(replace(kept, manifest={**kept.manifest, "inputs": listed(inputs)}), folder, fresh=False)


def _named(file: InputFile) -> InputFile:
    """Name what ships by its place among what ships, wherever that is on this machine."""
    path, root = Path(file.path), resource("data").parent
    if not path.is_absolute() or not path.is_relative_to(root):
        return file
    return replace(file, path=path.relative_to(root).as_posix())


def _kept(folder: Path, groups: Collection[str] | None = None) -> tuple[Fit | None, str]:
    """Return the fit that a folder keeps, or what is wrong with it; neither where there is none."""
    try:
        return store.load(folder, groups), ""
    except FitFailed as error:
        return None, str(error) if (folder / store.MANIFEST).exists() else ""
