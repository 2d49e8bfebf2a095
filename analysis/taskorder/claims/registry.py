"""Claims as reports/claims.toml registers them."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from taskorder.claims.claim import Claim
from taskorder.errors import TaskorderError, nearest

TABLE = "claim"
_CLAIMS = TypeAdapter(tuple[Claim, ...])


def read_claims(path: Path) -> tuple[Claim, ...]:
    """Read registered claims.

    Parameters
    ----------
    path : Path
        A TOML file with one table `[[claim]]` a claim; its keys are the attributes of `Claim`.

    Raises
    ------
    TaskorderError
        Where the file is no such list, has a key that is not known or a region of practical equivalence
        that is none, or two claims have one id.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
        _refuse_unknown(path, content)
        claims = _CLAIMS.validate_python(content.get(TABLE, []))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TaskorderError(f"{path}: not valid TOML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise TaskorderError(f"{path}: claim {place}: {first['msg']}, not {first['input']!r}") from None
    _refuse_repeated(path, claims)
    for claim in claims:
        _refuse_rope(path, claim)
        _refuse_half(path, claim)
    return claims


def _refuse_unknown(path: Path, content: dict[str, Any]) -> None:
    known = [field.name for field in fields(Claim)]
    _refuse_keys(f"{path}", content, [TABLE])
    entries = content.get(TABLE, [])
    for place, entry in enumerate(entries if isinstance(entries, list) else []):
        if isinstance(entry, dict):
            _refuse_keys(f"{path}: claim {entry.get('id', place)!r}", entry, known)


def _refuse_keys(where: str, entry: dict[str, Any], known: Sequence[str]) -> None:
    for key in entry:
        if key not in known:
            raise TaskorderError(
                f"{where}: unknown key {key!r}; allowed: {', '.join(known)}.{nearest(key, known)}"
            )


def _refuse_repeated(path: Path, claims: Sequence[Claim]) -> None:
    ids = [claim.id for claim in claims]
    if repeated := sorted({name for name in ids if ids.count(name) > 1}):
        raise TaskorderError(f"{path}: two claims are called {repeated[0]!r}; an id names one claim")


def _refuse_rope(path: Path, claim: Claim) -> None:
    where = f"{path}: claim {claim.id!r}: rope = {claim.rope:g}"
    if not (claim.rope >= 0 and math.isfinite(claim.rope)):
        raise TaskorderError(f"{where}: half the width of a region is a number of at least 0")
    if not math.isfinite(claim.at):
        raise TaskorderError(f"{path}: claim {claim.id!r}: at = {claim.at:g}: a finite number")
    if claim.model and claim.region == "within" and claim.rope == 0:
        raise TaskorderError(f'{where}: region = "within" needs a rope above 0, in the estimand\'s unit')


def _refuse_half(path: Path, claim: Claim) -> None:
    where = f"{path}: claim {claim.id!r}"
    if bool(claim.model) != bool(claim.estimand):
        raise TaskorderError(f"{where}: name both model and estimand, or neither where no data bear on it")
    if not claim.model and not claim.needs:
        raise TaskorderError(f'{where}: no data bear on it: say with needs = "..." what would decide it')
