"""Claims as reports/claims.toml registers them."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from taskorder.claims.decision import Claim
from taskorder.errors import TaskorderError

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
        Where the file is no such list, or two claims have one id.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
        claims = _CLAIMS.validate_python(content.get("claim", []))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TaskorderError(f"{path}: not valid TOML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise TaskorderError(f"{path}: claim {place}: {first['msg']}, not {first['input']!r}") from None
    ids = [claim.id for claim in claims]
    if repeated := sorted({name for name in ids if ids.count(name) > 1}):
        raise TaskorderError(f"{path}: two claims are called {repeated[0]!r}; an id names one claim")
    return claims
