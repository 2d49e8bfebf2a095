"""Tables and figures of calibrations, from files such as `taskorder calibrate` writes."""

from pathlib import Path

import numpy as np
import pytest

from taskorder.inference.criticism import calibration as criticism
from taskorder.inference.criticism import ledger
from taskorder.inference.criticism.ranks import Outcome
from taskorder.reporting import calibration
from taskorder.reporting.content import Mark

NAMES = ["slope", "gain[a]", "gain[b]", "residual", "residual:s", "residual:t", "sd:system:difficulty"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A calibration of 200 data sets, in which `gain[b]` is too narrow and ten fits failed."""
    rng = np.random.default_rng(4)
    outcomes: list[Outcome] = []
    for i in range(200):
        place = dict(zip(NAMES, rng.random(len(NAMES)), strict=True))
        place["gain[b]"] = float(place["gain[b]"] < 0.5) if i % 2 else place["gain[b]"]
        ranks = {name: int(x * 100.999) for name, x in place.items()}
        below = {name: round(float(x), 4) for name, x in place.items()}
        ok = i % 20 != 0
        outcomes.append(Outcome(i, ok, "" if ok else "r_hat", "exact", 100, 500.0, 0.1, 1.0, ranks, below))
    table = ledger.rows(outcomes, "k")
    ledger.write(tmp_path / "two_words_exact_ranks.csv", table)
    ledger.write(tmp_path / "two_words_exact_ranks_otherkey.csv", table)
    ledger.write(tmp_path / "unfinished_exact_ranks.csv", table)
    criticism.summarised(table, "exact", 1234).to_csv(tmp_path / "two_words_exact.csv", index=False)
    return tmp_path


def test_a_calibration_that_is_finished_is_read(folder: Path) -> None:
    (found,) = calibration.read(folder)
    assert (found.model, found.engine) == ("two_words", "exact")
    assert found.families() == {
        "slope": ["slope"],
        "gain": ["gain[a]", "gain[b]"],
        "residual": ["residual"],
        "residual:": ["residual:s", "residual:t"],
        "sd:system:difficulty": ["sd:system:difficulty"],
    }


def test_the_overview_counts_failures_and_what_left_the_band(folder: Path) -> None:
    found = calibration.read(folder)
    (row,) = calibration.overview(found).rows
    assert row[:5] == ("Two words", "exact", "1,234", "200", "10")
    assert row[6:8] == ("7", str(found[0].outside))


def test_levels_share_a_row_that_names_how_many_are_outside(folder: Path) -> None:
    (found,) = calibration.read(folder)
    table = calibration.coverage(found)
    rows = {row[0]: row for row in table.rows}
    assert rows["Gain, 2 levels"][-1] == Mark("fail", "1 outside")
    assert "–" in str(rows["Gain, 2 levels"][3])
    assert rows["Slope"][-1] == Mark("pass", "uniform")
    assert "Residual sds, 2 levels" in rows
    assert "Monte Carlo errors 3.6, 2.9, 1.6" in table.caption


def test_each_family_has_a_panel(folder: Path) -> None:
    (found,) = calibration.read(folder)
    first, second = calibration.panels(found), calibration.panels(found)
    assert first == second
    for title in ("Slope", "Gain", "Residual sds", "Sd, difficulty, between systems"):
        assert title in first.svg


def test_a_folder_without_calibrations_gives_none(tmp_path: Path) -> None:
    assert calibration.read(tmp_path) == []
