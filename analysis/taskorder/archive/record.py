"""The record of an archive: its files with their digests, and what was done, as RO-Crate 1.2 writes it.

The specification is https://w3id.org/ro/crate/1.2. What was done is a `CreateAction`: inputs are its
`object`, results its `result`, and taskorder its `instrument`, whose code and environment are the files that
are neither.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, cast, get_args
from urllib.parse import quote, unquote

from taskorder.archive.contents import CLAIMS, ENVIRONMENT, REPORT, Role
from taskorder.archive.means import CODE
from taskorder.errors import InvalidArchive
from taskorder.inference.fitting import Engine
from taskorder.inference.session import Settings

METADATA = "ro-crate-metadata.json"
CONTEXT, PROFILE = "https://w3id.org/ro/crate/1.2/context", "https://w3id.org/ro/crate/1.2"
LICENCE = "https://spdx.org/licenses/Apache-2.0"
AUTHORS = "The taskorder authors"
_AUTHORS, _SOFTWARE, _ACTION, _COMMIT = "#authors", "#taskorder", "#report", "#commit"
_ENGINE, _SEED, _DRAWS = "#engine", "#seed", "#draws"
_FORMATS = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".md": "text/markdown",
    ".nc": "application/x-netcdf",
    ".npz": "application/zip",
    ".pdf": "application/pdf",
    ".py": "text/x-python",
    ".toml": "application/toml",
}
_PLAIN = {"", ".head", ".lock", ".typ", ".txt"}
_ABOUT = {
    REPORT: "The report",
    CLAIMS: "The verdict on every registered claim, as taskorder claims --json prints it",
    ENVIRONMENT: "Python and the installed packages",
    "analysis/": "Code of taskorder",
    "data/": "Results, or what is known of tasks, languages and studies",
    "fits/": "A fit: its posterior, summary, diagnostics, origin, or the same analysis done otherwise",
    "models/": "A model file",
    "reports/calibration/": "How well a model and engine are calibrated",
    "reports/controls/": "Verdicts where labels were shuffled",
    "reports/template/": "The template of the report",
    "reports/": "The registered claims, and their history",
}
"""What a file is, by its path or its folder; the first that fits."""
_BESIDE = "What the code needs to be installed"

type Entity = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """A file as the record knows it: its path, what it is, its SHA-256 and its size in bytes."""

    path: str
    role: Role
    sha256: str
    size: int


@dataclass(frozen=True)
class Record:
    """What an archive says of itself.

    Attributes
    ----------
    entries : tuple of Entry
        In the order of their paths; of all files but the record.
    engine, seed, draws
        How the models were fitted.
    date : str
        YYYY-MM-DD.
    version : str
        Of taskorder.
    commit : str
        As `means.commit` returns it.
    """

    entries: tuple[Entry, ...]
    engine: Engine
    seed: int
    draws: int
    date: str
    version: str
    commit: str = ""

    def settings(self) -> Settings:
        """Return how the models were fitted."""
        return Settings(self.engine, self.seed, self.draws)

    def json(self) -> str:
        """Return the record as RO-Crate has it; equal records give equal texts."""
        graph = [*_crate(self), *_doing(self), *(_file(entry) for entry in self.entries)]
        return json.dumps({"@context": CONTEXT, "@graph": graph}, indent=2, ensure_ascii=False) + "\n"


def _crate(record: Record) -> list[Entity]:
    return [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "about": _ref("./"),
            "conformsTo": _ref(PROFILE),
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": "A report of taskorder, with all that it was made from",
            "description": "Tables of results, models, claims, posteriors and the report, so that it can be"
            " made again: taskorder report --from",
            "datePublished": record.date,
            "license": _ref(LICENCE),
            "author": _ref(_AUTHORS),
            "publisher": _ref(_AUTHORS),
            "mainEntity": _ref(REPORT),
            "mentions": _ref(_ACTION),
            "hasPart": [_ref(f"{CODE}/"), *(_ref(quote(entry.path)) for entry in record.entries)],
        },
        {
            "@id": LICENCE,
            "@type": "CreativeWork",
            "name": "Apache License 2.0",
            "description": "Except for the data that NOTICE names.",
        },
        {"@id": _AUTHORS, "@type": "Organization", "name": AUTHORS},
    ]


def _doing(record: Record) -> list[Entity]:
    """Return the action, what it was told, and the software."""
    told = {_ENGINE: record.engine, _SEED: record.seed, _DRAWS: record.draws}
    commit = {_COMMIT: record.commit} if record.commit else {}
    code = {
        "@id": f"{CODE}/",
        "@type": "Dataset",
        "name": "taskorder",
        "description": "The code of fits, verdicts and reports, without that of training",
        "hasPart": [_ref(quote(path)) for path in _paths(record, "means") if path.startswith(CODE)],
    }
    software = {
        "@id": _SOFTWARE,
        "@type": "SoftwareApplication",
        "name": "taskorder",
        "version": record.version,
        "url": _ref(f"{CODE}/"),
        "softwareRequirements": _ref(ENVIRONMENT),
    }
    action = {
        "@id": _ACTION,
        "@type": "CreateAction",
        "name": "taskorder report",
        "description": "Fitted every model, judged every registered claim and set the report.",
        "agent": _ref(_AUTHORS),
        "endTime": record.date,
        "instrument": _ref(_SOFTWARE),
        "object": [_ref(name) for name in (*map(quote, _paths(record, "input")), *told)],
        "result": [_ref(quote(path)) for path in _paths(record, "result")],
    }
    values = [
        {"@id": key, "@type": "PropertyValue", "name": key.removeprefix("#"), "value": value}
        for key, value in (told | commit).items()
    ]
    return [action, software | ({"identifier": _ref(_COMMIT)} if commit else {}), code, *values]


def _paths(record: Record, role: Role) -> list[str]:
    return [entry.path for entry in record.entries if entry.role == role]


def _file(entry: Entry) -> Entity:
    suffix = PurePosixPath(entry.path).suffix
    plain = "text/plain" if suffix in _PLAIN else "application/octet-stream"
    return {
        "@id": quote(entry.path),
        "@type": "File",
        "name": entry.path,
        "description": next((_ABOUT[part] for part in _ABOUT if entry.path.startswith(part)), _BESIDE),
        "encodingFormat": _FORMATS.get(suffix, plain),
        "contentSize": str(entry.size),
        "sha256": entry.sha256,
    }


def _ref(name: str) -> Entity:
    return {"@id": name}


def read_record(text: str, where: str) -> Record:
    """Read the record of an archive.

    Parameters
    ----------
    text : str
    where : str
        What it was read from, for errors.

    Raises
    ------
    InvalidArchive
        If it is none that `Record.json` writes.
    """
    try:
        graph: dict[str, Entity] = {str(entity["@id"]): entity for entity in json.loads(text)["@graph"]}
        action, software = graph[_ACTION], graph[_SOFTWARE]
        roles: dict[str, Role] = dict.fromkeys(_ids(action["object"]), "input")
        roles |= dict.fromkeys(_ids(action["result"]), "result")
        parts = [graph[key] for key in _ids(graph["./"]["hasPart"])]
        return Record(
            entries=tuple(_entry(part, roles) for part in parts if part["@type"] == "File"),
            engine=_engine(graph[_ENGINE]["value"]),
            seed=_whole(graph[_SEED]["value"]),
            draws=_whole(graph[_DRAWS]["value"]),
            date=str(graph["./"]["datePublished"]),
            version=str(software["version"]),
            commit=str(graph.get(_COMMIT, {}).get("value", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidArchive(
            [f"{where}: {METADATA} is not the record of an archive of taskorder ({error!r})"]
        ) from None


def _ids(references: list[Mapping[str, str]]) -> list[str]:
    return [str(reference["@id"]) for reference in references]


def _entry(file: Entity, roles: Mapping[str, Role]) -> Entry:
    name = str(file["@id"])
    return Entry(unquote(name), roles.get(name, "means"), str(file["sha256"]), int(file["contentSize"]))


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no whole number")
    return value


def _engine(value: object) -> Engine:
    allowed = get_args(Engine.__value__)
    if value not in allowed:
        raise ValueError(f"{value!r} is no engine; there are {', '.join(allowed)}")
    return cast(Engine, value)
