"""Rows added to a project, or taken back: what it does to models and claims, and the change made as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from taskorder import together
from taskorder.claims import ledger as ledgers
from taskorder.claims.judging import made_from
from taskorder.claims.ledger import Ledger
from taskorder.claims.proceedings import CALIBRATIONS, registered, shipped
from taskorder.errors import MissingData, TaskorderError, nearest
from taskorder.files import sha256
from taskorder.inference.session import Settings, tables_of
from taskorder.inference.spec import ModelSpec, read_model
from taskorder.living.adding import Table, last_added, offered, without_covariates
from taskorder.living.change import Change
from taskorder.living.comparing import Means, ModelChange, Say, compared
from taskorder.living.project import Project, held, here
from taskorder.living.reach import Fate, takes, untaken
from taskorder.living.telling import written
from taskorder.paths import resource
from taskorder.results.catalogue import Covariates, covariates

CHANGES = "reports/changes"


@dataclass(frozen=True)
class Wishes:
    """How rows are added or taken back.

    Attributes
    ----------
    models : tuple of Path
        The model files that are refitted; all that ship where there are none.
    settings : Settings
    gates : bool
        Whether claims are put through all gates.
    dry : bool
        Whether nothing is kept; what the new rows would do is then told from weighted draws, but where
        `gates` are asked for.
    """

    models: tuple[Path, ...]
    settings: Settings
    gates: bool = False
    dry: bool = False


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
    MissingData
        If no table is named, or a model cannot be fitted with the new rows. Nothing is added then.
    """
    if not paths:
        raise MissingData("no table to add is named: name a CSV file of results")
    project = here()
    with held(project, say):
        known = covariates()
        offer = offered(paths, project, _sound(project), known)
        for sentence in offer.known:
            say(sentence)
        if not offer.tables:
            return offer.known
        changed, untouched = _through(offer.tables, wishes, _means(wishes, known, say))
        change = Change(
            name=Path(offer.tables[0].name).stem,
            tables=tuple(table.as_dict() for table in offer.tables),
            studies=_studies(offer.tables),
            models=changed,
            untouched=untouched,
            said=tuple(
                dict.fromkeys(said for t in offer.tables for said in without_covariates(t.frame, known))
            ),
        )
        if wishes.dry:
            return change
        files = {project.root / table.name: table.content for table in offer.tables}
        return _made(project, change, files)


def undo(wishes: Wishes, say: Say = lambda _: None) -> Change:
    """Take back the tables that were added last; otherwise as `refit`.

    Unless models are named, those are compared that were when the tables were added. A model that cannot be
    fitted with them, or without, keeps nobody from that: it is not compared.

    Raises
    ------
    MissingData
        Where no table was added.
    TaskorderError
        If a table is not as it was added.
    """
    project = here()
    with held(project, say):
        number, paths = last_added(project, _sound(project))
        means = _means(wishes, covariates(), say)
        entry = _sound(project).entries[number - 1].content
        studies = _as_counts(entry["studies"])
        changed: list[ModelChange] = []
        untouched: dict[str, tuple[Fate, ...]] = {}
        followed = _as_names(entry["models"])
        for spec in (spec for spec in _models(wishes) if wishes.models or spec.name in followed):
            there = _tables(spec)
            left = [path for path in there if path.resolve() not in {one.resolve() for one in paths}]
            gone = [path for path in there if path not in left]
            try:
                found = compared(spec, [*left, *gone], left, {}, means) if gone else ()
            except TaskorderError as error:
                what = f"taken back, and the model not compared: {error}"
                untouched[spec.name] = (Fate(sum(studies.values()), what),)
                continue
            changed += [found] if isinstance(found, ModelChange) else []
        change = Change(
            name=paths[0].stem,
            tables=_as_tables(entry["tables"]),
            studies=studies,
            models=tuple(changed),
            untouched=untouched,
            undoes=number,
        )
        return change if wishes.dry else _made(project, change, dict.fromkeys(paths))


def _as_tables(content: object) -> tuple[Mapping[str, object], ...]:
    return tuple(dict(one) for one in content) if isinstance(content, list) else ()


def _as_names(content: object) -> frozenset[str]:
    return frozenset(map(str, content)) if isinstance(content, dict) else frozenset()


def _as_counts(content: object) -> dict[str, int]:
    return {str(name): int(count) for name, count in content.items()} if isinstance(content, dict) else {}


def _sound(project: Project) -> Ledger:
    """Read the ledger; TaskorderError if nothing could be added to it."""
    ledger = ledgers.read(project.ledger)
    if ledger.faults:
        raise TaskorderError(f"{ledger.faults[0]}. Restore the ledger from version control first")
    return ledger


def _means(wishes: Wishes, known: Covariates, say: Say) -> Means:
    quick = wishes.dry and not wishes.gates
    return Means(known, wishes.settings, registered(), resource(CALIBRATIONS), wishes.gates, quick, say)


def _models(wishes: Wishes) -> tuple[ModelSpec, ...]:
    if not wishes.models:
        return shipped()
    there = [str(path) for path in resource("models").glob("*.toml")]
    for path in wishes.models:
        if not path.is_file():
            raise TaskorderError(f"--model {path}: there is no such file.{nearest(str(path), there)}")
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
    tables: Sequence[Table], wishes: Wishes, means: Means
) -> tuple[tuple[ModelChange, ...], dict[str, tuple[Fate, ...]]]:
    """Take new tables, as they were read once, through all models."""
    changed: list[ModelChange] = []
    untouched: dict[str, tuple[Fate, ...]] = {}
    rows = sum(len(table.frame) for table in tables)
    with TemporaryDirectory(prefix="taskorder-") as folder:
        sources = {Path(folder) / Path(table.name).name: table.name for table in tables}
        for path, table in zip(sources, tables, strict=True):
            path.write_bytes(table.content)
        for spec in (models := _models(wishes)):
            if not all(takes(spec, table.name) for table in tables):
                untouched[spec.name] = (untaken(spec, rows),)
                continue
            before = _tables(spec)
            try:
                found = compared(spec, before, [*before, *sources], sources, means)
            except MissingData as error:
                raise MissingData(f"nothing was added: {error}") from None
            if isinstance(found, ModelChange):
                changed.append(found)
            else:
                untouched[spec.name] = found
    return tuple(changed), untouched | _unasked(tables, models)


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
        ledger = _entered(_sound(project), change)
        together.change(project.reports, {**report, **files, **ledgers.files(project.ledger, ledger)})
    return change if change.undoes else replace(change, folder=folder)


def _refuse_changed(change: Change, files: Mapping[Path, bytes | None]) -> None:
    """Raise TaskorderError if a table that is taken back changed meanwhile."""
    digests = {Path(str(one["table"])).name: one["sha256"] for one in change.tables}
    for path, content in files.items():
        if content is None and sha256(path) != digests[path.name]:
            raise TaskorderError(f"{path} changed while it was taken back: nothing was done; try again")


def _entered(ledger: Ledger, change: Change) -> Ledger:
    """Return the ledger with the entry of a change, and the verdicts that went through their gates."""
    on = datetime.now(UTC).date().isoformat()
    claims = [one for model in change.models for one in model.claims]
    content = {
        **({"entry": change.undoes} if change.undoes else {}),
        "tables": list(change.tables),
        "studies": dict(change.studies),
        "models": {one.spec.name: _rows_of(one) for one in change.models},
        "claims": {
            one.claim.id: {
                "before": [one.words[0], one.before.as_dict()["probability"]],
                "after": [one.words[1], one.after.as_dict()["probability"]],
                "gates": one.gates,
            }
            for one in claims
        },
    }
    ledger = ledger.with_entry("taken_back" if change.undoes else "added", "", content, on)
    for model in change.models:
        examination = model.examinations[1]
        for one in model.claims if examination else ():
            if examination:
                ledger = ledgers.recorded(ledger, one.after, made_from(examination), on)
    return ledger


def _rows_of(one: ModelChange) -> dict[str, object]:
    return {
        "rows": list(one.rows),
        "rows_sha256": [fit.manifest["rows_sha256"] if fit else "" for fit in (one.before, one.after)],
        "ok": bool(one.after and one.after.diagnostics.ok),
    }
