"""Tables looked up, fits kept and found again: nothing is sampled."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from taskorder.errors import FitFailed, MissingData
from taskorder.inference import session, store
from taskorder.inference.diagnostics import Diagnostics
from taskorder.inference.fitting import Fit
from taskorder.inference.session import Found, Settings, fitted, tables_of
from taskorder.inference.spec import ModelSpec, parse_model
from taskorder.inference.summary import summarise
from taskorder.results import catalogue

MODEL = {
    "name": "kept",
    "data": {"schema": "any"},
    "outcome": {"column": "yi", "scale": "identity", "variance": "vi"},
    "residual": {"sd": 0},
}


@pytest.fixture
def spec() -> ModelSpec:
    return parse_model(MODEL)


@pytest.fixture
def a_fit(spec: ModelSpec) -> Fit:
    values = np.random.default_rng(1).normal(size=(2, 300))
    posterior = xr.Dataset({"1": (("chain", "draw"), values)})
    manifest = {"inputs": [{"path": "old.csv", "sha256": "0", "rows": 1}], "notes": ["a note"]}
    messages = ("r_hat of 1 is 2, the gate is 1.01", "a note")
    diagnostics = Diagnostics(
        False, "nuts", {"total": 1.0}, 900.0, float("nan"), 2.0, 0, None, 3, 1, messages
    )
    tree = xr.DataTree.from_dict({"posterior": posterior})
    return Fit(spec, tree, summarise(posterior, {}), diagnostics, manifest)


@pytest.fixture
def made(
    a_fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Found, list[str]]]:
    """Fit a table of a name of its own with an engine that always gives `a_fit`, and say what was said."""
    monkeypatch.setattr(store, "home", lambda: tmp_path / "fits")
    monkeypatch.setattr(session, "fit_rows", lambda *_, **__: a_fit)

    def make(name: str = "one.csv", **settings: object) -> tuple[Found, list[str]]:
        table, said = tmp_path / name, list[str]()
        table.write_text("yi,vi\n0.1,0.2\n0.3,0.1\n", encoding="utf-8")
        chosen = replace(Settings(), **settings)
        return fitted(a_fit.spec, [table], catalogue.covariates(), chosen, said.append), said

    return make


Made = Callable[..., tuple[Found, list[str]]]


def test_a_fit_found_again_names_the_files_just_read(made: Made) -> None:
    assert made()[0].fresh
    again, said = made("two.csv")
    assert not again.fresh
    assert said == []
    (file,) = again.fit.manifest["inputs"]
    assert Path(str(file["path"])).name == "two.csv"
    assert file["rows"] == 2


def test_auto_is_the_engine_that_it_stands_for(made: Made) -> None:
    assert made(engine="auto")[0].folder == made(engine="collapsed")[0].folder
    assert made(engine="auto")[0].folder != made(engine="nuts")[0].folder
    assert made(seed=1)[0].folder != made(seed=2)[0].folder


@pytest.mark.parametrize("name", store.FILES)
def test_a_damaged_fit_is_made_again(made: Made, name: str) -> None:
    first = made()[0]
    (first.folder / name).write_bytes(b"\x00[")
    with pytest.raises(FitFailed, match="damaged"):
        store.load(first.folder)
    assert made()[0].fresh
    assert not made()[0].fresh


def test_the_name_of_a_fit_follows_code_and_versions(
    spec: ModelSpec, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def key() -> str:
        return store.key(spec, "rows", "covariates", {"seed": 1})

    first = key()
    monkeypatch.setattr(store, "versions", lambda: {"pymc": "0"})
    second = key()
    monkeypatch.setattr(store, "PACKAGE", tmp_path)
    for folder in ("results", "moderators", "inference"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text("1")
    keys = {first, second, key()}
    for folder in ("results", "moderators", "inference"):
        (tmp_path / folder / "a.py").write_text("2")
        keys.add(key())
    assert len(keys) == 6


def test_failures_are_the_messages_that_are_no_notes(a_fit: Fit) -> None:
    assert a_fit.failures == ("r_hat of 1 is 2, the gate is 1.01",)
    assert replace(a_fit, diagnostics=replace(a_fit.diagnostics, ok=True)).failures == ()


def test_numbers_that_there_are_none_of_survive_the_disk(a_fit: Fit, tmp_path: Path) -> None:
    nan = a_fit.summary.assign(mean=float("nan"), r_hat=float("nan"))
    store.save(replace(a_fit, summary=nan), tmp_path / "fit")
    loaded = store.load(tmp_path / "fit")
    assert np.isnan(loaded.diagnostics.min_ess_tail)
    assert loaded.summary["mean"].isna().all()
    pd.testing.assert_series_equal(loaded.summary["parameter"], a_fit.summary["parameter"])


def test_tables_are_looked_up_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b.csv", "a.csv", "results.csv"):
        (tmp_path / name).write_text("x\n1\n")

    def names(*tables: str) -> list[str]:
        data = {"schema": "any", "tables": list(tables)}
        return [path.name for path in tables_of(parse_model(MODEL | {"data": data}))]

    assert names("?.csv", "none/*.csv") == ["a.csv", "b.csv"]
    assert names(f"{tmp_path}/?.csv", "a.csv") == ["a.csv", "b.csv", "a.csv"]
    assert names("a.csv", "*.csv") == ["a.csv", "b.csv", "results.csv"]
    assert names("data/published/spot.csv") == ["spot.csv"]
    with pytest.raises(MissingData, match=r"'result\.csv', which is not there.*'results\.csv'"):
        names("a.csv", "result.csv")
    with pytest.raises(MissingData, match=r"Did you mean 'data/published/spot\.csv'"):
        names("data/published/spto.csv")
    with pytest.raises(MissingData, match="not there"):
        names(f"{tmp_path}/c.csv")
    with pytest.raises(MissingData, match="no table matches"):
        names("none/*.csv")
