"""Results of other bytes: the same, the same to Monte Carlo error, or others."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from taskorder.archive.agreeing import agreement
from taskorder.inference import store
from taskorder.inference.criticism import sketches
from taskorder.inference.criticism.sketches import Sketch
from taskorder.inference.summary import summarise

type Draws = dict[str, np.ndarray]
type Write = Callable[..., Path]


def draws(seed: int, *, shift: float = 0.0, scale: float = 1.0) -> Draws:
    rng = np.random.default_rng(seed)
    return {
        "slope": rng.normal(1.0 + shift, scale, (4, 500)),
        "sd:study": np.exp(rng.normal(-1, 0.5, (4, 500))),
        "residual_level_sd": np.exp(rng.normal(-2, 0.3, (4, 500, 3))),
    }


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the files of a fit into a folder; return it."""

    def _write(name: str, values: Draws, event: float = 0.9, note: str = "", **changed: object) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        dims = {2: ("chain", "draw"), 3: ("chain", "draw", "level")}
        posterior = xr.Dataset({key: (dims[array.ndim], array) for key, array in values.items()})
        happened = np.random.default_rng(len(name)).random((4, 500)) < event
        estimands = xr.Dataset({"one_sign": (("chain", "draw"), happened.astype(float))})
        groups = {"posterior": posterior, "estimands": estimands}
        tree = xr.DataTree.from_dict({**groups, "sample_stats": xr.Dataset(attrs={"note": note})})
        tree.to_netcdf(folder / store.POSTERIOR, engine="netcdf4")
        summarise(
            posterior, dict.fromkeys(map(str, posterior), ""), {"residual_level_sd": "residual:"}
        ).to_csv(folder / store.SUMMARY, index=False, float_format="%.6g")
        diagnostics = {"ok": True, "engine": "nuts", "rows": 9, "effects": 2, "seconds": {"total": len(name)}}
        least = {"min_ess_bulk": float(values["slope"].mean())}
        (folder / store.DIAGNOSTICS).write_text(json.dumps(diagnostics | least | changed), "utf-8")
        manifest = {"seed": 1, "versions": {"pymc": name}, "files": {"summary.csv": name}}
        (folder / store.MANIFEST).write_text(json.dumps(manifest | changed), "utf-8")
        return folder

    return _write


def found(first: Path, second: Path) -> dict[str, str]:
    return {name: agreement(first / name, second / name).status for name in store.FILES}


def test_equal_draws_in_other_bytes_are_equal(write: Write) -> None:
    first, second = write("one", draws(1)), write("two", draws(1), note="written elsewhere")
    assert (first / store.POSTERIOR).read_bytes() != (second / store.POSTERIOR).read_bytes()
    assert agreement(first / store.POSTERIOR, second / store.POSTERIOR).remark == "the same draws"
    assert found(first, second) == dict.fromkeys(store.FILES, "equal")


def test_draws_with_another_seed_agree(write: Write) -> None:
    status = found(write("one", draws(1)), write("other", draws(2)))
    assert status == dict.fromkeys(store.FILES, "agrees") | {store.MANIFEST: "equal"}


@pytest.mark.parametrize("changed", [{"shift": 0.3}, {"scale": 1.5}])
def test_another_posterior_differs_in_its_mean_or_in_its_width(
    write: Write, changed: dict[str, float]
) -> None:
    first, second = write("one", draws(1)), write("other", draws(2, **changed))
    told = agreement(first / store.POSTERIOR, second / store.POSTERIOR)
    assert told.status == "differs"
    assert "of slope" in told.remark
    assert found(first, second)[store.DIAGNOSTICS] == "differs"


def test_an_event_of_another_probability_differs(write: Write) -> None:
    first, second = write("one", draws(1), event=0.9), write("other", draws(2), event=0.5)
    assert "of one_sign" in agreement(first / store.POSTERIOR, second / store.POSTERIOR).remark


def test_other_parameters_differ(write: Write) -> None:
    fewer = {name: values for name, values in draws(1).items() if name != "sd:study"}
    status = found(write("one", draws(1)), write("other", fewer))
    assert (status[store.POSTERIOR], status[store.SUMMARY]) == ("differs", "differs")


def test_another_posterior_is_rarely_taken_for_the_same_and_the_same_rarely_for_another(write: Write) -> None:
    for seed in range(4):
        first = write(f"a{seed}", draws(seed))
        for other, shift in (("same", 0.0), ("else", 0.25)):
            second = write(f"{other}{seed}", draws(100 + seed, shift=shift), event=0.9)
            status = agreement(first / store.POSTERIOR, second / store.POSTERIOR).status
            assert status == ("differs" if shift else "agrees"), seed


def test_a_summary_that_was_edited_differs_though_the_posterior_does_not(write: Write) -> None:
    first, same, other = write("one", draws(1)), write("two", draws(1)), write("other", draws(2))
    table = pd.read_csv(first / store.SUMMARY)
    table.loc[table["parameter"] == "slope", "mean"] += 1
    table.to_csv(first / store.SUMMARY, index=False)
    assert agreement(first / store.SUMMARY, same / store.SUMMARY).status == "differs"
    assert "of slope" in agreement(first / store.SUMMARY, other / store.SUMMARY).remark


def test_a_fit_that_fails_does_not_agree_with_one_that_passed(write: Write) -> None:
    status = found(write("one", draws(1)), write("other", draws(2), ok=False))
    assert status[store.DIAGNOSTICS] == "differs"


def test_a_manifest_with_another_seed_differs_and_says_in_what(write: Write) -> None:
    first, second = write("one", draws(1)), write("other", draws(1), seed=2)
    assert agreement(first / store.MANIFEST, second / store.MANIFEST).remark == "in seed"


def test_last_digits_of_a_manifest_may_be_other_ones(write: Write) -> None:
    first = write("one", draws(1), reference_score=0.1 + 0.2, units=[{"mean": 1.0}])
    second = write("two", draws(1), reference_score=0.3, units=[{"mean": 1.0 + 1e-13}])
    assert found(first, second)[store.MANIFEST] == "equal"
    third = write("three", draws(1), reference_score=0.3, units=[{"mean": 1.1}])
    assert agreement(first / store.MANIFEST, third / store.MANIFEST).remark == "in units"


JUDGED = {"id": "a", "verdict": "refuted", "gates": {"grounded": True}, "tier": "weak"}
ESTIMATE = {"mean": 1.0, "lower": 0.0, "upper": 2.0}


@pytest.mark.parametrize(
    ("before", "now", "status", "remark"),
    [
        (ESTIMATE, {"mean": 1.1, "lower": 0.1, "upper": 1.9}, "agrees", "the same verdicts"),
        (ESTIMATE, {"mean": 1.9, "lower": 0.1, "upper": 1.9}, "differs", "the estimate of a"),
        (ESTIMATE, {"mean": None, "lower": None, "upper": None}, "differs", "the estimate of a"),
        (
            dict.fromkeys(ESTIMATE),
            {**dict.fromkeys(ESTIMATE), "statement": "s"},
            "agrees",
            "the same verdicts",
        ),
        (ESTIMATE, {**ESTIMATE, "tier": "strong"}, "differs", "tier of a"),
        (ESTIMATE, {**ESTIMATE, "id": "b"}, "differs", "verdict of a"),
    ],
)
def test_verdicts_are_compared_by_what_was_decided(
    tmp_path: Path, before: dict[str, object], now: dict[str, object], status: str, remark: str
) -> None:
    (tmp_path / "claims.json").write_text(json.dumps([JUDGED | before]), "utf-8")
    told = agreement(tmp_path / "claims.json", json.dumps([JUDGED | now]).encode())
    assert told.status == status
    assert remark in told.remark


def sketch(seed: int, *, shift: float = 0.0) -> Sketch:
    values = pd.DataFrame({"points": np.random.default_rng(seed).normal(shift, 1.0, 1600)})
    return Sketch("priors twice as wide", "prior", 40, values, np.full(1600, 1 / 1600))


@pytest.mark.parametrize(
    ("other", "status"),
    [
        (sketch(1), "equal"),
        (sketch(2), "agrees"),
        (sketch(2, shift=1.0), "differs"),
        (replace(sketch(1), rows=39), "differs"),
        (replace(sketch(1), problem="Pareto k-hat is 0.9"), "differs"),
    ],
)
def test_analyses_done_otherwise_are_compared_likewise(tmp_path: Path, other: Sketch, status: str) -> None:
    sketches.save([sketch(1)], tmp_path / "otherwise.npz")
    sketches.save([other], tmp_path / "again.npz")
    assert agreement(tmp_path / "otherwise.npz", tmp_path / "again.npz").status == status
    (tmp_path / "again.npz").write_bytes(b"")
    assert agreement(tmp_path / "otherwise.npz", tmp_path / "again.npz").remark == "cannot be read"
