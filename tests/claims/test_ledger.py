"""The ledger: what is edited, removed or added by hand is named."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from taskorder.claims import Claim, Verdict, ledger
from taskorder.claims.evidence import Judgement
from taskorder.claims.ledger import Ledger
from taskorder.errors import TaskorderError

DAY = "2026-01-02"
CLAIM = Claim("a", "Does it help?", "It helps.", "small", "difficulty_points", rope=0.2)
MADE_FROM = {"model_sha256": "m", "rows_sha256": "r", "files": {"x.csv": "1", "y.csv": "2"}}
LOW = Judgement(0.01, -0.8, -1.2, -0.3, "points", diagnosed=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = Ledger()
    for name in ("a", "b", "c"):
        found = ledger.recorded(found, Verdict(replace(CLAIM, id=name), LOW), MADE_FROM, DAY)
    ledger.write(tmp_path / "ledger.jsonl", found)
    return tmp_path / "ledger.jsonl"


def edited(path: Path, number: int, old: str, new: str) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert old in lines[number - 1]
    lines[number - 1] = lines[number - 1].replace(old, new)
    path.write_text("\n".join(lines) + "\n", "utf-8")


def test_a_claim_is_registered_before_it_is_judged(path: Path) -> None:
    found = ledger.read(path)
    assert not found.faults
    assert [(one.event, one.claim) for one in found.entries[:2]] == [("registered", "a"), ("judged", "a")]
    assert found.entries[1].content["verdict"] == "refuted"
    assert found.wording("a") == json.loads(json.dumps(found.entries[0].content))


def test_what_has_not_changed_is_not_written_again(path: Path) -> None:
    found = ledger.read(path)
    assert ledger.recorded(found, Verdict(CLAIM, LOW), MADE_FROM, DAY) == found
    assert ledger.differences(found, Verdict(CLAIM, LOW), MADE_FROM) == ()


def test_a_line_removed_from_the_middle_is_named(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:2] + lines[3:]), "utf-8")
    assert any("entry 3 removed before this one" in fault for fault in ledger.read(path).faults)


def test_a_line_removed_from_the_end_is_named(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-1]), "utf-8")
    assert ledger.read(path).faults == (f"{path}: it ends before entry 6, which was its last",)


def test_an_edited_line_is_named(path: Path) -> None:
    edited(path, 2, '"refuted"', '"supported"')
    assert any("entry 2 was edited" in fault for fault in ledger.read(path).faults)


def test_an_edited_last_line_is_named(path: Path) -> None:
    edited(path, 6, '"refuted"', '"supported"')
    assert any("the last entry was edited" in fault for fault in ledger.read(path).faults)


def test_a_line_that_is_no_entry_a_ledger_that_is_gone_and_a_head_that_is_gone(path: Path) -> None:
    path.with_suffix(".head").rename(path.with_suffix(".kept"))
    assert any("missing or unreadable" in fault for fault in ledger.read(path).faults)
    path.with_suffix(".kept").rename(path.with_suffix(".head"))
    with path.open("a", encoding="utf-8") as file:
        file.write("{}\n")
    assert any("cannot be read as an entry" in fault for fault in ledger.read(path).faults)
    path.unlink()
    assert "it had 6 entries" in ledger.read(path).faults[0]


def test_nothing_is_added_to_a_broken_chain(path: Path) -> None:
    edited(path, 2, '"refuted"', '"supported"')
    broken = ledger.read(path)
    with pytest.raises(TaskorderError, match="restore ledger"):
        ledger.write(path, ledger.recorded(broken, Verdict(replace(CLAIM, id="d"), LOW), MADE_FROM, DAY))


def test_a_claim_edited_after_it_was_registered_is_named_and_amended(path: Path) -> None:
    found, now = ledger.read(path), Verdict(replace(CLAIM, rope=0.5), LOW)
    assert ledger.differences(found, now, MADE_FROM)[0] == (
        "a: its rope was edited after it was registered: 0.2 is now 0.5"
    )
    after = ledger.recorded(found, now, MADE_FROM, DAY)
    assert [one.event for one in after.entries[-2:]] == ["amended", "judged"]
    assert after.corrections("a") == 1
    assert ledger.differences(after, now, MADE_FROM) == ()


def test_edited_data_are_named_by_their_file(path: Path) -> None:
    now = MADE_FROM | {"rows_sha256": "R", "files": {"x.csv": "changed", "y.csv": "2"}}
    told = ledger.differences(ledger.read(path), Verdict(CLAIM, LOW), now)
    assert told == ("a: the rows changed (entry 2)", "a: the data files changed: x.csv (entry 2)")


def test_a_changed_verdict_is_a_correction(path: Path) -> None:
    now = Verdict(CLAIM, replace(LOW, probability=0.5))
    found = ledger.read(path)
    told = ledger.differences(found, now, MADE_FROM)
    assert "a: the verdict changed from refuted to undecided (entry 2)" in told
    after = ledger.recorded(found, now, MADE_FROM, DAY)
    assert len(after.entries) == 7
    assert after.corrections("a") == 1
