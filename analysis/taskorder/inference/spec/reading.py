"""A model file (TOML) read; every mistake in it is named with its nearest valid word."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from taskorder.errors import InvalidModel, nearest
from taskorder.inference.priors import FREE, LOCATION, POSITIVE, Prior
from taskorder.inference.spec.contradictions import contradictions
from taskorder.inference.spec.tables import ModelSpec, ResidualSpec, Table, is_positive
from taskorder.results.loading import on_one_line, shortened


def read_model(path: Path | str) -> ModelSpec:
    """Read a model file.

    Parameters
    ----------
    path : path
        A TOML file in the form that docs/model-file.md describes.

    Raises
    ------
    InvalidModel
        Where the file cannot be read or holds anything that is not allowed; all problems at once.
    """
    path = Path(path)
    try:
        content = tomllib.loads(_text(path))
    except RecursionError:
        raise _refusal(str(path), ["not valid TOML: it is nested too deeply"]) from None
    except ValueError as error:
        raise _refusal(str(path), [f"not valid TOML: {error}"]) from None
    return parse_model(content, str(path))


def parse_model(content: dict[str, Any], origin: str = "model") -> ModelSpec:
    """Turn the content of a model file into a `ModelSpec`; `origin` is named in errors."""
    problems: list[str] = []
    content = dict(content)
    content["priors"] = _priors(content.get("priors", {}), problems)
    content["groups"] = _with_parents(content.get("groups", {}))
    try:
        spec = ModelSpec.model_validate(content)
    except ValidationError as error:
        problems += [_explain(detail) for detail in error.errors(include_url=False)]
        raise _refusal(origin, problems) from None
    problems += contradictions(spec)
    if problems:
        raise _refusal(origin, problems)
    if spec.outcome.family.residual == "":
        return spec.model_copy(update={"residual": ResidualSpec(sd=0)})
    return spec


def _text(path: Path) -> str:
    """Read a file as UTF-8."""
    try:
        if path.is_dir():
            raise _refusal(str(path), ["is a folder; name a model file, such as models/moderators.toml"])
        if not path.is_file():
            raise _refusal(str(path), [f"there is no such model file.{_sibling(path)}"])
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refusal(str(path), [f"byte {error.start} is not UTF-8; save the file as UTF-8"]) from None
    except (OSError, ValueError) as error:
        raise _refusal(str(path), [f"cannot be read: {error}"]) from None


def _refusal(origin: str, problems: Sequence[str]) -> InvalidModel:
    return InvalidModel([shortened(on_one_line(f"{origin}: {problem}")) for problem in problems])


def _sibling(path: Path) -> str:
    return nearest(path.name, [other.name for other in path.parent.glob("*.toml")])


def _with_parents(groups: Any) -> Any:
    """Add the groups that others are nested in and that the file does not list, before those others."""
    if not isinstance(groups, dict):
        return groups
    listed = cast("dict[str, Any]", groups)
    complete: dict[str, Any] = {}
    for name, entry in listed.items():
        parent = cast("dict[str, Any]", entry).get("within") if isinstance(entry, dict) else None
        if isinstance(parent, str) and parent and parent not in listed:
            complete.setdefault(parent, {})
        complete[name] = entry
    return complete


_PRIOR_TABLE = TypeAdapter(dict[str, dict[str, str | float]])


def _priors(table: Any, problems: list[str]) -> dict[str, Prior]:
    try:
        entries = _PRIOR_TABLE.validate_python(table)
    except ValidationError:
        problems.append('[priors] each line reads: "parameter" = { dist = "HalfNormal", sigma = 0.25 }')
        return {}
    found = {name: _prior(name, entry, problems) for name, entry in entries.items()}
    return {name: prior for name, prior in found.items() if prior is not None}


def _prior(name: str, entry: dict[str, str | float], problems: list[str]) -> Prior | None:
    allowed, kind = (POSITIVE, "a standard deviation") if is_positive(name) else (LOCATION, "a linear term")
    kind = "degrees of freedom" if name == "nu" else kind
    dist = str(entry.get("dist", ""))
    if dist not in allowed:
        problems.append(
            f"[priors] {name}: no distribution {dist!r} for {kind};"
            f" allowed: {', '.join(allowed)}.{nearest(dist, allowed)}"
        )
        return None
    needed = allowed[dist]
    given = {key: value for key, value in entry.items() if key != "dist"}
    found = [
        f"{dist} has no parameter {key!r}; it has {', '.join(needed) or 'none'}.{nearest(key, needed)}"
        for key in given
        if key not in needed
    ]
    found += [f"{dist} needs {key!r}" for key in needed if key not in given]
    numbers = {key: value for key, value in given.items() if not isinstance(value, str)}
    found += [f"{key} must be a number, not {given[key]!r}" for key in given if key not in numbers]
    found += _impossible(dist, {key: float(value) for key, value in numbers.items()})
    problems += [f"[priors] {name}: {problem}" for problem in found]
    return None if found else Prior(dist, tuple((key, float(numbers[key])) for key in needed))


def _impossible(dist: str, values: dict[str, float]) -> list[str]:
    infinite = [key for key, value in values.items() if not math.isfinite(value)]
    low = [key for key, value in values.items() if (dist, key) not in FREE and value <= 0]
    return [
        *(f"{key} must be a finite number, not {values[key]:g}" for key in infinite),
        *(f"{key} must be above 0, not {values[key]:g}" for key in low),
    ]


def _explain(detail: Any) -> str:
    location = [str(part) for part in detail["loc"]]
    where = f"[{'.'.join(location[:-1])}] " if len(location) > 1 else ""
    key = location[-1]
    if detail["type"] == "extra_forbidden":
        allowed = _fields_at(location[:-1])
        return f"{where}unknown key {key!r}; allowed: {', '.join(allowed)}.{nearest(key, allowed)}"
    if detail["type"] == "missing":
        return f"{where}{key!r} is missing"
    value = detail["input"]
    hint = ""
    if detail["type"] == "literal_error":
        allowed = detail["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
        hint = nearest(str(value), allowed)
    return f"{where}{key} = {value!r}: {detail['msg'][0].lower()}{detail['msg'][1:]}.{hint}"


def _fields_at(location: list[str]) -> list[str]:
    """Return the keys of the table at a place in the file; groups and estimands bear names of their own."""
    table: type[Table] = ModelSpec
    parts = iter(location)
    for part in parts:
        annotation = table.model_fields[part].annotation
        if get_origin(annotation) is dict:
            next(parts)
        candidates = (annotation, *get_args(annotation))
        table = next(c for c in candidates if isinstance(c, type) and issubclass(c, Table))
    return [field.alias or name for name, field in table.model_fields.items()]
