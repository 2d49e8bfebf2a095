"""Fits on disk: whole, found again by what they were made from, and never half."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from taskorder.errors import FitFailed
from taskorder.inference import session, store
from taskorder.inference.fitting import Fit, fit, rows_digest
from taskorder.inference.session import Settings, fitted
from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.results.catalogue import Covariates, covariates

Make = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("no_sampler")


@pytest.fixture
def full(full_model: ModelSpec, full_table: pd.DataFrame, known: Covariates) -> Fit:
    return fit(full_model, full_table, known, draws=400, seed=1)


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_fit_is_read_back_as_it_was_saved(full: Fit, tmp_path: Path) -> None:
    store.save(full, tmp_path / "fit")
    again = store.load(tmp_path / "fit")
    assert files_in(tmp_path / "fit") == set(store.FILES)
    assert again.spec == full.spec
    assert again.diagnostics == full.diagnostics
    assert again.manifest == full.manifest
    pd.testing.assert_frame_equal(
        again.summary, full.summary, check_exact=False, rtol=1e-5, check_dtype=False
    )
    assert set(again.tree.children) == set(full.tree.children)
    for group in ("posterior", "estimands", "observed_data", "constant_data"):
        one, other = full.tree[group].to_dataset(), again.tree[group].to_dataset()
        assert set(one.variables) == set(other.variables)
        for name in map(str, one.data_vars):
            if one[name].dtype.kind in "fib":
                np.testing.assert_allclose(other[name], one[name], rtol=1e-6)
            else:
                assert other[name].to_numpy().tolist() == one[name].to_numpy().tolist()
    assert again.estimand("slope").attrs == full.estimand("slope").attrs


def test_a_fit_with_one_parameter_is_read_back(tmp_path: Path) -> None:
    content = {
        "name": "mean",
        "data": {"schema": "any"},
        "outcome": {"column": "y", "scale": "identity", "variance": "v"},
        "residual": {"sd": 0},
    }
    table = pd.DataFrame({"y": [1.0, 2.0], "v": [0.1, 0.2]})
    store.save(fit(parse_model(content), table, covariates(), draws=400), tmp_path)
    again = store.load(tmp_path)
    assert again.summary["parameter"].tolist() == ["1"]
    assert " 1 " in again.text()


def test_a_fit_is_not_replaced_unless_that_is_asked_for(full: Fit, tmp_path: Path) -> None:
    store.save(full, tmp_path)
    before = (tmp_path / store.MANIFEST).read_bytes()
    with pytest.raises(FileExistsError, match="--force"):
        store.save(replace(full, manifest={**full.manifest, "seed": 2}), tmp_path)
    assert (tmp_path / store.MANIFEST).read_bytes() == before
    store.save(replace(full, manifest={**full.manifest, "seed": 2}), tmp_path, force=True)
    assert store.load(tmp_path).manifest["seed"] == 2


@pytest.mark.parametrize("name", store.FILES)
def test_a_damaged_file_is_found(full: Fit, tmp_path: Path, name: str) -> None:
    store.save(full, tmp_path)
    path = tmp_path / name
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], b""):
        path.write_bytes(damaged)
        with pytest.raises(FitFailed, match="damaged"):
            store.load(tmp_path)
    path.unlink()
    with pytest.raises(FitFailed, match=f"{name} missing"):
        store.load(tmp_path)


@pytest.mark.parametrize("broken", ["write_whole", "to_netcdf"])
def test_nothing_half_written_is_left(
    full: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*arguments: object, **_: object) -> None:
        if broken == "to_netcdf":
            Path(str(arguments[1])).write_bytes(b"half")
        raise OSError("no space left on device")

    if broken == "write_whole":
        monkeypatch.setattr(store, "write_whole", fail)
    else:
        monkeypatch.setattr(xr.DataTree, "to_netcdf", fail)
    with pytest.raises(OSError, match="no space"):
        store.save(full, tmp_path / "fit")
    assert files_in(tmp_path / "fit") <= {store.POSTERIOR}
    with pytest.raises(FitFailed, match="is not a fit"):
        store.load(tmp_path / "fit")


@pytest.fixture
def keep_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep fits below the test's own folder; `tables` in it is the working folder."""
    monkeypatch.setattr(store, "home", lambda: tmp_path / "kept")
    (tmp_path / "tables").mkdir()
    monkeypatch.chdir(tmp_path / "tables")
    return tmp_path


GENERIC = {
    "name": "m",
    "data": {"schema": "any", "tables": ["*.csv"]},
    "outcome": {"column": "y", "scale": "identity"},
}


def write_table(*values: float) -> Path:
    path = Path("t.csv")
    path.write_text("y\n" + "\n".join(map(str, values)) + "\n")
    return path


def test_a_known_fit_is_found_again(keep_here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, spec, said = write_table(1.0, 2.0, 4.0), parse_model(GENERIC), []
    settings = Settings(draws=400)
    first = fitted(spec, [table], covariates(), settings, said.append)
    assert first.fresh
    assert first.folder.parent == keep_here / "kept"
    assert len(said) == 1

    def never(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(session, "fit_rows", never)
    again = fitted(spec, [], covariates(), settings, said.append)
    assert (again.fresh, again.folder, len(said)) == (False, first.folder, 1)
    pd.testing.assert_frame_equal(again.fit.summary, first.fit.summary)
    assert again.fit.manifest == first.fit.manifest
    retold = parse_model({**GENERIC, "data": {"schema": "any", "tables": ["*.csv"]}})
    assert not fitted(retold, [], covariates(), settings).fresh


def test_another_model_row_covariate_or_setting_is_another_fit(keep_here: Path) -> None:
    own = keep_here / "own.csv"
    own.write_text("task,difficulty\nmnli,0.5\n")
    table, spec, settings = write_table(1.0, 2.0, 4.0), parse_model(GENERIC), Settings(draws=400)
    other_prior = parse_model(GENERIC | {"priors": {"1": {"dist": "Normal", "mu": 0, "sigma": 9}}})
    folders = [
        fitted(spec, [table], covariates(), settings).folder,
        fitted(other_prior, [table], covariates(), settings).folder,
        fitted(spec, [table], covariates(tasks=own), settings).folder,
        fitted(spec, [table], covariates(), replace(settings, seed=7)).folder,
        fitted(spec, [table], covariates(), replace(settings, draws=800)).folder,
        fitted(spec, [write_table(1.0, 2.0, 5.0)], covariates(), settings).folder,
        fitted(spec, [write_table(1.0, 2.0, 5.0, 5.0)], covariates(), settings).folder,
    ]
    assert len(set(folders)) == len(folders)
    assert {path.name for path in (keep_here / "kept").iterdir()} == {folder.name for folder in folders}


@pytest.mark.usefixtures("keep_here")
def test_a_damaged_fit_is_not_used() -> None:
    table, spec, settings = write_table(1.0, 2.0, 4.0), parse_model(GENERIC), Settings(draws=400)
    folder = fitted(spec, [table], covariates(), settings).folder
    (folder / store.POSTERIOR).write_bytes(b"")
    assert fitted(spec, [table], covariates(), settings).fresh
    assert store.load(folder).summary["parameter"].tolist() == ["1", "residual"]


def test_rows_have_one_digest_whatever_their_index(full_table: pd.DataFrame) -> None:
    assert rows_digest(full_table) == rows_digest(full_table.set_axis(range(5, 17)))
    assert rows_digest(full_table) != rows_digest(full_table.iloc[::-1])
    assert rows_digest(full_table) != rows_digest(full_table.assign(score=full_table["score"] + 1e-12))
