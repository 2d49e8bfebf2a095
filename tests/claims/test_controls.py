"""Controls: what is shuffled, what is planted, and that a control goes on where it was stopped."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from taskorder.claims import Claim, controls
from taskorder.claims.variants import Analysis, shuffled
from taskorder.errors import TaskorderError
from taskorder.inference import store


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is fitted: every shuffle fails."""

    def failed(*arguments: object) -> list[dict[str, object]]:
        about, number = arguments[1], arguments[-1]
        assert isinstance(about, tuple)
        return [
            {"number": number, "claim": claim.id, "probability": np.nan, "decision": "undecided"}
            | {"mean": np.nan, "problem": "it has no mode"}
            for claim in about
        ]

    monkeypatch.setattr(controls, "_controlled", failed)


def test_a_planted_effect_of_two_points_is_found_and_a_shuffled_one_is_not(
    analysis: Analysis, helps: Claim, tmp_path: Path
) -> None:
    path, run = tmp_path / "small.csv", controls.controls
    nothing = run(analysis, [helps], "difficulty", path, times=4, seed=1, workers=1)
    planted = run(analysis, [helps], "difficulty", path, times=2, points=2.0, seed=1, workers=1)
    assert (planted["decision"] == "supported").all()
    added = planted["mean"].to_numpy() - nothing["mean"].to_numpy()[:2]
    assert added == pytest.approx([2.0, 2.0], abs=0.7)
    assert nothing["decision"].tolist().count("supported") <= 2


def test_it_goes_on_where_it_was_stopped(
    analysis: Analysis, helps: Claim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, run = tmp_path / "small.csv", controls.controls
    run(analysis, [helps], "order", path, times=1, seed=1, workers=1)
    first = path.read_text("utf-8")
    numbers: list[int] = []
    whole = controls._controlled

    def counted(*arguments: object) -> object:
        numbers.append(int(str(arguments[-1])))
        return whole(*arguments)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(controls, "_controlled", counted)
    run(analysis, [helps], "order", path, times=2, seed=1, workers=1)
    assert numbers == [1]
    assert path.read_text("utf-8").startswith(first)


def test_orders_of_one_set_are_raised_by_normal_scores_in_an_order_by_chance(analysis: Analysis) -> None:
    before = shuffled(analysis, "order", np.random.default_rng(0))
    two = norm.ppf(1.625 / 2.25) / norm.ppf(5.625 / 6.25)
    highest: set[str] = set()
    for seed in range(8):
        after = controls.planted(analysis, before, "order", 2.0, np.random.default_rng(seed))
        raised = (after.rows["score"] - before.rows["score"]).round(9)
        by_order = raised.groupby([before.rows["study"], before.rows["sequence"]]).unique().map(list)
        (first,), (second,) = by_order["s1", "a>b"], by_order["s1", "b>a"]
        assert abs(first) == pytest.approx(0.02 * two)
        assert second == -first
        assert by_order["s1", ""] == by_order["s1", "c"] == [0.0]
        highest.add("a>b" if first > 0 else "b>a")
    assert highest == {"a>b", "b>a"}


@pytest.mark.usefixtures("quick")
def test_rows_of_other_controls_stay_and_those_of_the_same_go_with_their_state(
    analysis: Analysis, helps: Claim, tmp_path: Path
) -> None:
    path, near = tmp_path / "small.csv", replace(helps, id="near", control="similarity")

    def run(claim: Claim, points: float, times: int) -> None:
        control = claim.control
        controls.controls(analysis, [claim], control, path, times=times, points=points, seed=1, workers=1)

    for claim, points, times in ((helps, 0.0, 3), (near, 0.0, 2), (helps, 2.0, 1)):
        run(claim, points, times)
    counted = pd.read_csv(path).groupby(["control", "points"]).size().to_dict()
    assert counted == {("difficulty", 0.0): 3, ("difficulty", 2.0): 1, ("similarity", 0.0): 2}
    run(replace(helps, rope=0.3), 0.0, 1)
    counted = pd.read_csv(path).groupby(["control", "points"]).size().to_dict()
    assert counted == {("difficulty", 0.0): 1, ("similarity", 0.0): 2}


@pytest.mark.usefixtures("quick")
def test_a_table_that_was_made_in_two_runs_is_the_same_to_the_byte(
    analysis: Analysis, helps: Claim, tmp_path: Path
) -> None:
    for name, parts in (("once", [4]), ("twice", [2, 4])):
        for times in parts:
            controls.controls(
                analysis, [helps], "difficulty", tmp_path / name, times=times, seed=1, workers=1
            )
    assert (tmp_path / "once").read_bytes() == (tmp_path / "twice").read_bytes()


def test_the_state_is_of_data_and_code_too(
    analysis: Analysis, helps: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = controls.key_of(analysis.fit, [helps], 1)
    for name in ("model_sha256", "rows_sha256", "covariates_sha256"):
        other = replace(analysis.fit, manifest={**analysis.fit.manifest, name: "another"})
        assert key != controls.key_of(other, [helps], 1)
    hashed: list[Path] = []

    def code(*further: Path) -> str:
        hashed.extend(further)
        return "another"

    monkeypatch.setattr(store, "code", code)
    assert key != controls.key_of(analysis.fit, [helps], 1)
    assert {"controls.py", "variants.py"} <= {path.name for path in hashed if path.is_file()}


def test_the_state_is_what_is_claimed_and_not_its_wording(analysis: Analysis, helps: Claim) -> None:
    other = replace(helps, id="other")
    key = controls.key_of(analysis.fit, [helps, other], 1)
    assert key == controls.key_of(analysis.fit, [other, replace(helps, statement="It surely does.")], 1)
    assert key != controls.key_of(analysis.fit, [helps], 1)
    assert key != controls.key_of(analysis.fit, [helps, replace(other, at=1.0)], 1)
    assert key != controls.key_of(analysis.fit, [helps, other], 2)


@pytest.mark.parametrize("content", ["", "key,control\na,order\n", "\x00"])
def test_another_file_in_the_place_of_the_table_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "small.csv"
    path.write_text(content, "utf-8")
    with pytest.raises(TaskorderError, match="is no table of controls, whose columns are key, control"):
        controls.read(path)


@pytest.mark.usefixtures("quick")
def test_two_that_write_one_table_keep_each_other_s_rows(
    analysis: Analysis, helps: Claim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, run = tmp_path / "small.csv", controls.controls
    alone = controls.alone

    def meanwhile(folder: Path) -> object:
        monkeypatch.setattr(controls, "alone", alone)
        run(analysis, [helps], "difficulty", path, times=2, points=1.0, seed=1, workers=1)
        return alone(folder)

    monkeypatch.setattr(controls, "alone", meanwhile)
    run(analysis, [helps], "difficulty", path, times=3, points=1 / 3, seed=1, workers=1)
    assert controls.read(path).groupby("points").size().to_dict() == {0.333333: 3, 1.0: 2}
