"""The appendix of the document: the catalogue, the sources, and what the posteriors were made from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

from taskorder.inference.fitting import Fit
from taskorder.reporting import wording
from taskorder.reporting.catalogue_summary import CatalogueSummary, StudySummary, millions
from taskorder.reporting.content import Cell, Column, Kind, Part, Table, as_json
from taskorder.reporting.names import plain
from taskorder.results import catalogue as shipped

FLAGS = {
    "mean": "mean of other rows, languages or tasks",
    "duplicate": "stands elsewhere in the catalogue",
    "second-hand": "quoted by another source than the study",
    "derived": "computed, not printed",
    "suspect": "at odds with other rows of the same source",
    "unstated": "something the table needs is not stated in the source and was assigned",
}
KINDS = {
    "mlm": "masked language modelling",
    "ner": "named entities",
    "nli": "inference",
    "qa": "question answering",
    "tlm": "translation language modelling",
}
"""Kinds of tasks whose names in data/tasks.csv are abbreviations."""


def catalogue(found: CatalogueSummary) -> Part:
    """Return the catalogue in a few sentences and two tables."""
    return {
        "text": _catalogue_text(found),
        "own": _own_text(found.experiments) if found.experiments else "",
        "table": as_json(_catalogue_table(found)),
        "flags": as_json(_flags_table(found)) if found.flags else None,
    }


def _catalogue_text(found: CatalogueSummary) -> str:
    text = (
        f"The catalogue holds {wording.count(found.rows)} scores of {wording.count(found.runs)} runs in"
        f" {wording.counted(len(found.studies), 'study', 'studies')}:"
        f" {wording.counted(found.backbones, 'backbone')}, {wording.counted(found.tasks, 'task')},"
        f" {wording.counted(found.languages, 'language')} of"
        f" {wording.counted(found.families, 'family', 'families')}. {wording.count(found.flagged)} rows bear"
        " a flag; models leave them out unless a model file asks for them."
    )
    if not found.source_rows:
        return text
    return (
        f"{text} Of {wording.count(found.source_rows)} rows in the collected sources"
        f" {wording.count(found.left_out)} are in no table here, because they are differences, means over"
        " orders, human scores or have no value."
    )


def _own_text(found: Sequence[StudySummary]) -> str:
    rows, runs = wording.count(sum(one.rows for one in found)), wording.count(sum(one.runs for one in found))
    made = "; ".join(dict.fromkeys(one.pretraining for one in found))
    return (
        f"Beside it stand {rows} scores of {runs} models that were trained for this, in"
        f" {wording.counted(len(found), 'experiment')} of our own. Their encoders have"
        f" {millions(number for one in found for number in one.parameters)} million parameters: {made}. They"
        " say nothing of large models; their value is the design, balanced orders with replicates and"
        " measured moderators."
    )


def _catalogue_table(found: CatalogueSummary) -> Table:
    rows = _largest_first(found.studies)
    if found.experiments:
        rows = (("Published",), *rows, ("Our own experiments",), *_largest_first(found.experiments))
    counts = ("Rows", "Runs", "Models", "Tasks", "Lang.", "Flagged")
    columns = (
        Column("Study"),
        Column("Title", width="1fr"),
        *(Column(head, "number") for head in counts),
        Column("Licence", width=24.0),
    )
    return Table(columns, rows, wide=True)


def _largest_first(studies: Sequence[StudySummary]) -> tuple[tuple[Cell, ...], ...]:
    return tuple(
        (
            study.study,
            f"{study.title}: {study.encoders}" if study.own else study.title,
            *map(wording.count, (study.rows, study.runs, study.backbones, study.tasks, study.languages)),
            wording.count(study.flagged) if study.flagged else "–",
            study.licence,
        )
        for study in sorted(studies, key=lambda study: -study.rows)
    )


def _flags_table(found: CatalogueSummary) -> Table:
    rows = tuple((flag, FLAGS.get(flag, ""), wording.count(number)) for flag, number in found.flags)
    return Table((Column("Flag"), Column("", width="1fr"), Column("Rows", "number")), rows)


def made_from(fit: Fit) -> Part:
    """Return what a posterior was made from: files with their digests, model, rows, seed and versions."""
    m = fit.manifest
    return {
        "studies": list(m["rows"]),
        "files": [[str(file["path"]), int(file["rows"]), str(file["sha256"])] for file in m["inputs"]],
        "model": [fit.spec.name, str(m["model_sha256"]), str(m["rows_sha256"])],
        "settings": [str(m["seed"]), wording.count(int(m["draws"])), str(m["engine"])],
        "versions": dict(m["versions"]),
    }


def sources(origins: Sequence[Part], catalogue: CatalogueSummary) -> list[Part]:
    """Return the studies as references: first those that are modelled, then the others; our own among them.

    Parameters
    ----------
    origins : sequence of Part
        As `made_from` returns them.
    catalogue : CatalogueSummary
    """
    modelled = {study for origin in origins for study in origin["studies"]}
    studies = (*catalogue.studies, *catalogue.experiments)
    ordered = sorted(studies, key=lambda study: (study.study not in modelled, study.study))
    return [
        {
            **asdict(study),
            "modelled": study.study in modelled,
            "made": f"{study.encoders}: {millions(study.parameters)} million parameters" if study.own else "",
        }
        for study in ordered
    ]


def tasks(codes: Iterable[str]) -> Part | None:
    """Return what the codes of tasks stand for, as far as data/tasks.csv tells; None if it tells nothing."""
    known = shipped.tasks()
    if not {"name", "kind"} <= set(known):
        return None
    meant = {
        row["task"]: f"{row['name']} ({KINDS.get(row['kind'], plain(row['kind']))})"
        for row in known.to_dict("records")
    }
    named = [(code, meant[code]) for code in sorted(set(codes)) if code in meant]
    if not named:
        return None
    half = -(-len(named) // 2)
    left, right = named[:half], [*named[half:], ("", "")]
    rows = tuple((*one, *other) for one, other in zip(left, right, strict=False))
    columns = (Column("Code", "mono"), Column("Task", width="1fr")) * 2
    return as_json(Table(columns, rows, wide=True))


def provenance(origins: Sequence[Part]) -> Part:
    """Return what the posteriors were made from: files with their digests, models, versions, seeds."""
    inputs = {path: (rows, digest) for origin in origins for path, rows, digest in origin["files"]}
    versions = {name: version for origin in origins for name, version in origin["versions"].items()}
    digests = [(path, digest) for path, (_, digest) in inputs.items()]
    for origin in origins:
        name, model, rows = origin["model"]
        digests += [(f"model {name}", model), (f"rows of {name}", rows)]
    files = [(path, wording.count(rows), _short(digest)) for path, (rows, digest) in inputs.items()]
    model_heads = ["Model", "SHA-256", "Rows", "Seed", "Draws", "Engine"]
    model_kinds: list[Kind] = ["text", "mono", "mono", "number", "number", "text"]
    return {
        "files": as_json(_table(["File", "Rows", "SHA-256"], ["text", "number", "mono"], files)),
        "models": as_json(_table(model_heads, model_kinds, [_model_row(origin) for origin in origins])),
        "versions": [{"name": name, "version": version} for name, version in versions.items()],
        "digests": as_json(replace(_table(["", "SHA-256"], ["text", "mono"], digests), wide=True)),
    }


def _model_row(origin: Part) -> tuple[str, ...]:
    name, model, rows = origin["model"]
    return (name, _short(model), _short(rows), *origin["settings"])


def _short(digest: object) -> str:
    """Return the first 16 digits of a SHA-256."""
    return str(digest)[:16]


def _table(heads: Sequence[str], kinds: Sequence[Kind], rows: Sequence[tuple[Cell, ...]]) -> Table:
    columns = [
        Column(head, kind, "1fr" if i == 0 else "auto")
        for i, (head, kind) in enumerate(zip(heads, kinds, strict=True))
    ]
    return Table(tuple(columns), tuple(rows))
