"""Rows added to a project, or taken back: what it does to models and claims, and the change made as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from taskorder import together
from taskorder.claims import ledger as ledgers
from taskorder.claims.proceedings import CALIBRATIONS, registered, shipped
from taskorder.errors import FitFailed, MissingData, TaskorderError, nearest
from taskorder.files import sha256
from taskorder.inference.session import Settings, tables_of
from taskorder.inference.spec import ModelSpec, read_model
from taskorder.living.adding import Table, offered
from taskorder.living.change import Change
from taskorder.living.comparing import ModelChange, compared
from taskorder.living.entering import Addition, additions, entered, last_added, sound
from taskorder.living.project import Project, held, here
from taskorder.living.reach import Fate, takes, untaken
from taskorder.living.sides import Means, Say
from taskorder.living.telling import written
from taskorder.paths import resource
from taskorder.results.catalogue import Covariates, covariates
from taskorder.results.noticing import without_covariates

CHANGES = "reports/changes"

type Compared = ModelChange | tuple[Fate, ...]
"""A model before and after; or only what became of the rows, where it takes none of them."""


@dataclass(frozen=True)
class Wishes:
    """How rows are added or taken back.

    Attributes
    ----------
    models : tuple of Path
        The model files that are refitted; all that ship where there are none.
    settings : Settings
    full : bool
        Whether models are fitted in full; else what they say is told from weighted draws, where no fit is
        kept.
    gates : bool
        Whether claims are put through all gates, which takes full fits.
    dry : bool
        Whether nothing is kept.
    pool : ProcessPoolExecutor or None
        Compares some of the models beside this process, but where claims are put through their gates; `say`
        has to be a function of a module then.
    """

    models: tuple[Path, ...]
    settings: Settings
    full: bool = False
    gates: bool = False
    dry: bool = False
    pool: ProcessPoolExecutor | None = None


def refit(paths: Sequence[Path], wishes: Wishes, say: Say = lambda _: None) -> Change | tuple[str, ...]:
    """Add tables to the project, refit the models that their rows touch, and say what changed.

    Everything is computed first; then tables, ledger and report are written as one. Of two processes that
    do so, one waits for the other.

    Parameters
    ----------
    paths : sequence of Path
        Result tables.
    wishes : Wishes
    say : callable
        Is told what takes time before it is done.

    Returns
    -------
    Change or tuple of str
        Where all tables are there already, a sentence on each.

    Raises
    ------
    InvalidTable
        If a table has problems, or a score that another table of the project has.
    MissingData, FitFailed
        If no table is named, or a model cannot be fitted with the new rows. Nothing is added then.
    """
    if not paths:
        raise MissingData("no table to add is named: name a CSV file of results")
    project = here()
    with held(project, say):
        known = covariates()
        ever = [table.table for one in additions(sound(project)) for table in one.tables]
        offer = offered(paths, project, ever, known)
        models = _models(wishes)
        for sentence in offer.known:
            say(sentence)
        if not offer.tables:
            return offer.known
        changed, untouched = _through(offer.tables, models, wishes, _means(wishes, known, say))
        change = Change(
            name=Path(offer.tables[0].name).stem,
            tables=tuple(table.added() for table in offer.tables),
            studies=_studies(offer.tables),
            models=changed,
            untouched=untouched,
            said=_of_unknown(offer.tables, known),
            dry=wishes.dry,
        )
        if wishes.dry:
            return change
        files = {project.root / table.name: table.content for table in offer.tables}
        return _made(project, change, files)


def undo(wishes: Wishes, say: Say = lambda _: None) -> Change:
    """Take back the tables that were added last; otherwise as `refit`.

    Unless models are named, those are compared that were refitted when the tables were added. A model that
    cannot be fitted with them keeps nobody from taking them back: it is not compared.

    Raises
    ------
    MissingData
        Where no table was added.
    TaskorderError
        If a table is not as it was added.
    """
    project = here()
    with held(project, say):
        addition, paths = last_added(project, sound(project))
        models = tuple(spec for spec in _models(wishes) if wishes.models or spec.name in addition.models)
        means = _means(wishes, covariates(), say)
        changed, untouched = _back_through(paths, addition, models, means, wishes.pool)
        change = Change(
            name=paths[0].stem,
            tables=addition.tables,
            studies=addition.studies,
            models=changed,
            untouched=untouched,
            said=_not_compared(addition, models, wishes),
            undoes=addition.number,
            dry=wishes.dry,
        )
        return change if wishes.dry else _made(project, change, dict.fromkeys(paths))


def _back_through(
    paths: Sequence[Path],
    addition: Addition,
    models: Sequence[ModelSpec],
    means: Means,
    pool: ProcessPoolExecutor | None,
) -> tuple[tuple[ModelChange, ...], dict[str, tuple[Fate, ...]]]:
    """Compare models with and without tables that are to be taken back."""
    rows, going = sum(addition.studies.values()), frozenset(path.resolve() for path in paths)
    without = partial(_without, going=going, rows=rows)
    return _sorted(models, _of_each(models, without, means, pool))


def _without(spec: ModelSpec, means: Means, going: frozenset[Path], rows: int) -> Compared:
    there = _tables(spec)
    left = [path for path in there if path.resolve() not in going]
    gone = [path for path in there if path not in left]
    try:
        return compared(spec, [*left, *gone], left, {}, means) if gone else (untaken(spec, rows),)
    except TaskorderError as error:
        return (Fate(rows, f"taken back, and the model not compared: {error}"),)


def _not_compared(addition: Addition, models: Sequence[ModelSpec], wishes: Wishes) -> tuple[str, ...]:
    """Name the models that read tables which are taken back, or did, and are not compared."""
    there = {spec.name: spec for spec in shipped()}
    reading = [name for name, spec in there.items() if all(takes(spec, one.table) for one in addition.tables)]
    others = [name for name in reading if name not in {spec.name for spec in models}]
    gone = [name for name in addition.models if name not in there]
    said: list[str] = []
    if others:
        why = "--model names others" if wishes.models else "not refitted when the rows were added"
        said.append(f"Not compared ({why}): {', '.join(others)}.")
    if gone and not wishes.models:
        said.append(f"Not compared (not in models/; name the files with --model): {', '.join(gone)}.")
    return tuple(said)


def _means(wishes: Wishes, known: Covariates, say: Say) -> Means:
    quick = not (wishes.full or wishes.gates)
    return Means(known, wishes.settings, registered(), resource(CALIBRATIONS), wishes.gates, quick, say)


def _of_unknown(tables: Sequence[Table], known: Covariates) -> tuple[str, ...]:
    """Say of which tasks and languages of some tables nothing is known, once each."""
    names = known.tasks["task"].tolist(), known.languages["language"].tolist()
    return tuple(dict.fromkeys(said for table in tables for said in without_covariates(table.frame, *names)))


def _models(wishes: Wishes) -> tuple[ModelSpec, ...]:
    if not wishes.models:
        return shipped()
    there = {path.stem: str(path) for path in resource("models").glob("*.toml")}
    for path in wishes.models:
        if not path.is_file():
            meant = f" Did you mean {there[path.stem]!r}?" if path.stem in there else ""
            hint = nearest(str(path), there.values()) or meant
            raise TaskorderError(f"--model {path}: there is no such file.{hint}")
    return tuple(read_model(path) for path in wishes.models)


def _tables(spec: ModelSpec) -> list[Path]:
    try:
        return tables_of(spec)
    except MissingData:
        return []


def _studies(tables: Sequence[Table]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for table in tables:
        for study, rows in table.frame.groupby("study").size().items():
            counts[str(study)] = counts.get(str(study), 0) + int(rows)
    return counts


def _through(
    tables: Sequence[Table], models: Sequence[ModelSpec], wishes: Wishes, means: Means
) -> tuple[tuple[ModelChange, ...], dict[str, tuple[Fate, ...]]]:
    """Take new tables, as they were read once, through all models."""
    rows = sum(len(table.frame) for table in tables)
    with TemporaryDirectory(prefix="taskorder-") as folder:
        sources = {Path(folder) / Path(table.name).name: table.name for table in tables}
        for path, table in zip(sources, tables, strict=True):
            path.write_bytes(table.content)
        reading = [spec for spec in models if all(takes(spec, table.name) for table in tables)]
        try:
            found = _of_each(reading, partial(_with_more, sources=sources), means, wishes.pool)
        except (FitFailed, MissingData) as error:
            raise type(error)(f"nothing was added: {error}") from None
    changed, untouched = _sorted(reading, found)
    others = {spec.name: (untaken(spec, rows),) for spec in models if spec not in reading}
    return changed, others | untouched | _unasked(tables, models)


def _with_more(spec: ModelSpec, means: Means, sources: Mapping[Path, str]) -> Compared:
    before = _tables(spec)
    return compared(spec, before, [*before, *sources], sources, means)


def _of_each(
    specs: Sequence[ModelSpec],
    compare: Callable[[ModelSpec, Means], Compared],
    means: Means,
    pool: ProcessPoolExecutor | None,
) -> list[Compared]:
    """Compare each model, half of them beside this process; gates start processes for each."""
    theirs = len(specs) // 2
    if pool is None or not theirs or means.gates:
        return [compare(spec, means) for spec in specs]
    quiet = replace(means, settings=replace(means.settings, progress=False))
    found = pool.map(compare, specs[:theirs], [quiet] * theirs)
    own = [compare(spec, quiet) for spec in specs[theirs:]]
    return [*found, *own]


def _sorted(
    specs: Sequence[ModelSpec], found: Sequence[Compared]
) -> tuple[tuple[ModelChange, ...], dict[str, tuple[Fate, ...]]]:
    """Return the models that are others now, and what became of the rows in those that are not."""
    changed = tuple(one for one in found if isinstance(one, ModelChange))
    pairs = zip(specs, found, strict=True)
    return changed, {spec.name: one for spec, one in pairs if not isinstance(one, ModelChange)}


def _unasked(tables: Sequence[Table], models: Sequence[ModelSpec]) -> dict[str, tuple[Fate, ...]]:
    """Say of the models that ship and were not asked for that they read the new rows, too."""
    rows, asked = sum(len(table.frame) for table in tables), {spec.name for spec in models}
    reason = "not followed: --model names other models; taskorder claims and report fit it with these rows"
    return {
        spec.name: (Fate(rows, reason),)
        for spec in shipped()
        if spec.name not in asked and all(takes(spec, table.name) for table in tables)
    }


def _made(project: Project, change: Change, files: Mapping[Path, bytes | None]) -> Change:
    """Write tables, ledger and report, all or none of them."""
    folder = project.root / CHANGES / change.name
    report = {} if change.undoes else {folder / name: text for name, text in written(change).items()}
    with together.alone(project.reports):
        _refuse_changed(change, files)
        ledger = entered(sound(project), change)
        together.change(project.reports, {**report, **files, **ledgers.files(project.ledger, ledger)})
    return change if change.undoes else replace(change, folder=folder)


def _refuse_changed(change: Change, files: Mapping[Path, bytes | None]) -> None:
    """Raise TaskorderError if a table that is taken back changed meanwhile."""
    digests = {Path(one.table).name: one.sha256 for one in change.tables}
    for path, content in files.items():
        if content is None and sha256(path) != digests[path.name]:
            raise TaskorderError(f"{path} changed while it was taken back: nothing was done; try again")
