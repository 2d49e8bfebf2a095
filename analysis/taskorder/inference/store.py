"""Fits on disk: the four files of a fit, and fits found again by what they were made from."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr
from platformdirs import user_cache_path

from taskorder.errors import FitFailed
from taskorder.files import replacing, sha256, sha256_text, write_whole
from taskorder.inference.diagnostics import Diagnostics
from taskorder.inference.fitting import Fit, versions
from taskorder.inference.spec import ModelSpec
from taskorder.inference.summary import COLUMNS
from taskorder.paths import PACKAGE, resource

POSTERIOR, SUMMARY, DIAGNOSTICS, MANIFEST = "posterior.nc", "summary.csv", "diagnostics.json", "manifest.json"
CODE = ("results", "moderators", "inference")
FILES = (POSTERIOR, SUMMARY, DIAGNOSTICS, MANIFEST)


def save(fit: Fit, folder: Path, *, force: bool = False) -> None:
    """Write the four files of a fit; the manifest is last, so a folder that has one is complete.

    Raises
    ------
    FileExistsError
        If the folder holds a fit and `force` is not set.
    """
    refuse_to_replace(folder, force=force)
    (folder / MANIFEST).unlink(missing_ok=True)
    with replacing(folder / POSTERIOR, force=force) as temporary:
        fit.tree.to_netcdf(temporary, engine="netcdf4", encoding=_encoding(fit.tree))
    write_whole(folder / SUMMARY, fit.summary.to_csv(index=False, float_format="%.6g"), force=force)
    write_whole(folder / DIAGNOSTICS, _json(fit.diagnostics.as_dict()), force=force)
    described = {
        **fit.manifest,
        "model_file": json.loads(fit.spec.model_dump_json(by_alias=True)),
        "files": {name: sha256(folder / name) for name in FILES if name != MANIFEST},
    }
    write_whole(folder / MANIFEST, _json(described), force=force)


def refuse_to_replace(folder: Path, *, force: bool) -> None:
    """Raise FileExistsError if the folder holds a fit and `force` is not set."""
    there = [name for name in FILES if (folder / name).exists()]
    if there and not force:
        raise FileExistsError(
            f"{folder / there[0]} is there already: pass --force to replace it, or -o another folder"
        )


def load(folder: Path, groups: Collection[str] | None = None) -> Fit:
    """Read a fit back.

    Parameters
    ----------
    folder : Path
    groups : collection of str
        Those of the tree that are read; all by default.

    Raises
    ------
    FitFailed
        If the folder does not hold the four files, or they are damaged.
    """
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise FitFailed(f"{folder} is not a fit: {', '.join(missing)} missing; make it with taskorder fit")
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        _check_files(folder, manifest.pop("files"))
        spec = ModelSpec.model_validate(manifest.pop("model_file"))
        fields = json.loads((folder / DIAGNOSTICS).read_text("utf-8"))
        diagnostics = Diagnostics(**fields | _unknown(fields) | {"messages": tuple(fields["messages"])})
        numbers = dict.fromkeys(set(COLUMNS) - {"parameter", "unit"}, "")
        texts = {"parameter": "str", "unit": "str"}
        summary = pd.read_csv(folder / SUMMARY, dtype=texts, keep_default_na=False, na_values=numbers)[
            COLUMNS
        ]
        tree = _read(folder / POSTERIOR, groups)
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, OSError) as error:
        raise FitFailed(f"{folder}: damaged ({error}); remove it and fit again") from None
    return Fit(spec, tree, summary, diagnostics, manifest)


def _read(path: Path, groups: Collection[str] | None) -> xr.DataTree:
    if groups is None:
        return xr.load_datatree(path, engine="netcdf4")
    chosen = {name: xr.load_dataset(path, group=name, engine="netcdf4") for name in groups}
    return xr.DataTree.from_dict(chosen)


def _check_files(folder: Path, digests: Mapping[str, str]) -> None:
    """Raise ValueError for a file that is not as it was written."""
    for name, digest in digests.items():
        if sha256(folder / name) != digest:
            raise ValueError(f"{name} is not as it was written")


def _unknown(fields: Mapping[str, object]) -> dict[str, float]:
    """Return the diagnostics that no parameter has, which JSON holds as null."""
    names = ("min_ess_bulk", "min_ess_tail", "max_r_hat")
    return {name: math.nan for name in names if fields[name] is None}


def key(spec: ModelSpec, rows_sha256: str, covariates_sha256: str, settings: Mapping[str, object]) -> str:
    """Return the name of a fit: a hash of the model, its data and settings, libraries and code (`CODE`)."""
    parts = [
        spec.digest(),
        rows_sha256,
        covariates_sha256,
        code(),
        json.dumps(dict(settings), sort_keys=True),
    ]
    return sha256_text("\n".join(parts))[:16]


def code(*further: Path) -> str:
    """Return a hash of the code that posteriors follow from (`CODE`), of further files, and of libraries."""
    files = [path for folder in CODE for path in sorted((PACKAGE / folder).rglob("*.py"))]
    return sha256_text("\n".join([repr(versions()), *map(sha256, (*files, *further))]))


def home() -> Path:
    """Return where fits are kept: models/fits of the checkout, or the person's cache folder."""
    try:
        models = resource("models")
    except FileNotFoundError:
        models = PACKAGE
    if PACKAGE in models.parents or models == PACKAGE:
        return user_cache_path("taskorder") / "fits"
    return models / "fits"


def _encoding(tree: xr.DataTree) -> dict[str, dict[str, Any]]:
    """Store the effects, which are many, in single precision."""
    single = {"dtype": "float32", "zlib": True, "complevel": 1}
    effects = [str(name) for name in tree["posterior"].data_vars if "|" in str(name)]
    return {"/posterior": dict.fromkeys(effects, single)}


def _json(value: object) -> str:
    return json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
