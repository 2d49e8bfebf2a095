"""Attempts on the ledger: each is named, and none ends in a traceback."""

import json
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorder.claims import Claim, Verdict, ledger
from taskorder.claims.entries import parsed
from taskorder.claims.evidence import Judgement
from taskorder.claims.ledger import Ledger
from taskorder.errors import TaskorderError

DAY = "2026-01-02"
CLAIM = Claim("a", "Does it help?", "It helps.", "small", "difficulty_points", rope=0.2)
MADE_FROM = {"model_sha256": "m", "rows_sha256": "r", "files": {"x.csv": "1"}}
LOW = Judgement(0.01, -0.8, -1.2, -0.3, "points", diagnosed=True)


def history(*names: str) -> Ledger:
    """Two entries a claim."""
    found = Ledger()
    for name in names:
        found = ledger.recorded(found, Verdict(replace(CLAIM, id=name), LOW), MADE_FROM, DAY)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    ledger.write(tmp_path / "ledger.jsonl", history("a", "b", "c"))
    return tmp_path / "ledger.jsonl"


def lines_of(path: Path) -> list[str]:
    return path.read_text("utf-8").removesuffix("\n").split("\n")


def told(path: Path, lines: list[str]) -> str:
    """What is said of a ledger with these lines; whatever it is, nothing can be added."""
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    found = ledger.read(path)
    assert found.faults
    with pytest.raises(TaskorderError, match=r"restore ledger\.jsonl and ledger\.head"):
        ledger.update(path, lambda before: before)
    return "\n".join(fault.removeprefix(str(path)) for fault in found.faults)


def rewritten(line: str, **fields: object) -> str:
    return json.dumps(json.loads(line) | fields, ensure_ascii=False, sort_keys=True)


@pytest.mark.parametrize(
    ("attack", "expected"),
    [
        (lambda lines: lines[1:], ":1: entry 1 removed before this one"),
        (lambda lines: lines[:1] + lines[3:], ":2: entries 2, 3 removed before this one"),
        (lambda lines: lines[:-1], ": it ends before entry 6, which was its last"),
        (lambda _: [], ": it ends before entry 6, which was its last"),
        (lambda lines: [*lines[:-1], lines[-1][:-20]], ":6: cannot be read as an entry"),
        (
            lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
            ":3: entry 2 stands after entry 3: lines were put into another order",
        ),
        (lambda lines: lines[::-1], ":2: entry 5 stands after entry 6"),
        (lambda lines: [*lines[:3], lines[2], *lines[3:]], ":4: entry 3 is there a second time"),
        (lambda lines: [*lines, lines[-1]], ":7: entry 6 is there a second time"),
        (
            lambda lines: [*lines, rewritten(lines[-1], number=7)],
            ":7: the last entry was edited, added by hand",
        ),
        (
            lambda lines: [rewritten(lines[0], date="2025-01-01"), *lines[1:]],
            ":2: entry 1 was edited after entry 2 was written",
        ),
        (
            lambda lines: [rewritten(lines[0], previous="1" * 64), *lines[1:]],
            ":1: entry 1 was edited: nothing stood before it",
        ),
        (lambda lines: [lines[0].replace('", "', '",  "', 1), *lines[1:]], ":1: not as it was written"),
        (lambda lines: [rewritten(lines[0], author="me"), *lines[1:]], ":1: not as it was written"),
        (lambda lines: [rewritten(lines[0], number="1"), *lines[1:]], ":1: cannot be read as an entry"),
        (lambda lines: [rewritten(lines[0], number=True), *lines[1:]], ":1: cannot be read as an entry"),
        (lambda lines: [rewritten(lines[0], event="denied"), *lines[1:]], ":1: cannot be read as an entry"),
        (lambda lines: [rewritten(lines[0], content=[]), *lines[1:]], ":1: cannot be read as an entry"),
        (lambda lines: [lines[0].replace("0.2", "NaN"), *lines[1:]], ":1: cannot be read as an entry"),
        (lambda lines: ["[" * 100_000, *lines[1:]], ":1: cannot be read as an entry"),
        (lambda lines: ["", *lines], ":1: cannot be read as an entry"),
    ],
)
def test_lines_that_are_edited_removed_moved_or_added_are_named(
    path: Path, attack: Callable[[list[str]], list[str]], expected: str
) -> None:
    assert expected in told(path, attack(lines_of(path)))


def test_a_moved_line_is_not_called_removed(path: Path) -> None:
    lines = lines_of(path)
    assert "removed" not in told(path, [*lines[1:], lines[0]])


LINES = [entry.line() for entry in history("a", "b", "c").entries]
HEAD = history("a", "b", "c").entries[-1].sha256


@given(st.data())
def test_no_change_of_one_line_goes_unseen(data: st.DataObject) -> None:
    lines = list(LINES)
    place = data.draw(st.integers(0, len(lines) - 1))
    kind = data.draw(st.sampled_from(["drop", "repeat", "move", "letter"]))
    if kind == "drop":
        del lines[place]
    elif kind == "repeat":
        lines.insert(data.draw(st.integers(0, len(lines))), lines[place])
    elif kind == "move":
        lines.insert(data.draw(st.integers(0, len(lines) - 1)), lines.pop(place))
    else:
        at = data.draw(st.integers(0, len(lines[place]) - 1))
        lines[place] = (
            lines[place][:at] + data.draw(st.characters(exclude_characters="\n")) + lines[place][at + 1 :]
        )
    entries, faults = parsed(lines)
    unseen = not faults and entries and entries[-1].sha256 == HEAD
    assert bool(unseen) == (lines == LINES)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "missing or unreadable"),
        ("six 0", "missing or unreadable"),
        ("\x00", "missing or unreadable"),
        (f"6 {'0' * 64}", "notes entry 6 with another hash"),
        (f"5 {'0' * 64}", "notes entry 5 with another hash"),
        (f"9 {'0' * 64}", "it ends before entry 9"),
    ],
)
def test_a_replaced_head_is_named(path: Path, content: str, expected: str) -> None:
    path.with_suffix(".head").write_text(content, "utf-8")
    assert expected in told(path, lines_of(path))


def test_a_ledger_in_the_place_of_another_is_named(path: Path) -> None:
    assert "notes entry 6" in told(path, [entry.line() for entry in history("x", "y", "z").entries])


def test_bytes_that_are_no_text_are_named(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content.replace(b"helps", b"h\xff\xfe", 1))
    assert ledger.read(path).faults
    path.write_bytes(content[:-1])
    assert not ledger.read(path).faults
    path.write_bytes(content.replace(b"\n", b"\r\n"))
    assert not ledger.read(path).faults


@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\x0c", "\x1e", "\r\n", "é\U0001f600", '"\\'])
def test_no_character_of_a_statement_ends_a_line(tmp_path: Path, mark: str) -> None:
    claim = replace(CLAIM, statement=f"It{mark}helps.")
    path = tmp_path / "ledger.jsonl"
    after = ledger.update(path, lambda before: ledger.registered(before, claim, DAY))
    assert ledger.read(path) == after
    assert not ledger.read(path).faults
    assert ledger.edits(after, [claim]) == ()


def test_of_two_that_write_at_once_neither_is_lost(path: Path) -> None:
    ready = threading.Barrier(2)

    def writer(name: str) -> None:
        ready.wait()
        for number in range(10):
            claim = replace(CLAIM, id=f"{name}{number}")
            ledger.update(path, lambda before, claim=claim: ledger.registered(before, claim, DAY))

    threads = [threading.Thread(target=writer, args=(name,)) for name in ("x", "y")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = ledger.read(path)
    assert not found.faults
    assert len(found.entries) == 6 + 20
    assert {entry.claim for entry in found.entries} >= {
        f"{name}{number}" for name in "xy" for number in range(10)
    }


def test_an_update_that_fails_leaves_the_ledger_and_its_lock_as_they_were(path: Path) -> None:
    def fail(_: Ledger) -> Ledger:
        raise ZeroDivisionError

    content = path.read_bytes()
    with pytest.raises(ZeroDivisionError):
        ledger.update(path, fail)
    assert path.read_bytes() == content
    assert ledger.update(path, lambda before: before) == ledger.read(path)


def test_a_claim_that_is_taken_out_of_the_register_is_named_and_then_withdrawn(path: Path) -> None:
    kept = [replace(CLAIM, id=name) for name in ("a", "c")]
    found = ledger.read(path)
    assert ledger.edits(found, kept) == ("b: registered in the ledger, and gone",)
    after = ledger.withdrawn(found, kept, DAY)
    assert [(one.event, one.claim) for one in after.entries[6:]] == [("withdrawn", "b")]
    assert ledger.edits(after, kept) == ()
    assert ledger.withdrawn(after, kept, DAY) == after


def test_a_claim_that_comes_back_is_registered_and_judged_anew(path: Path) -> None:
    back = replace(CLAIM, id="b")
    found = ledger.withdrawn(ledger.read(path), [], DAY)
    assert ledger.differences(found, Verdict(back, LOW), MADE_FROM) == ("b: not in the ledger",)
    after = ledger.recorded(found, Verdict(back, LOW), MADE_FROM, DAY)
    assert [one.event for one in after.entries[-2:]] == ["registered", "judged"]


def test_the_wording_of_a_claim_without_data_is_watched_like_any_other() -> None:
    claim = Claim("soon", "Does it?", "It does.", needs="Runs")
    found = ledger.registered(Ledger(), claim, DAY)
    assert ledger.edits(found, [claim]) == ()
    assert ledger.edits(found, [replace(claim, needs="More runs")]) == (
        "soon: its needs was edited after it was registered: 'Runs' is now 'More runs'",
    )
    assert ledger.edits(Ledger(), [claim]) == ("soon: not in the ledger",)


def test_an_edit_of_a_rope_after_the_fit_stays_in_the_history(path: Path) -> None:
    wider = replace(CLAIM, rope=0.9)
    after = ledger.recorded(ledger.read(path), Verdict(wider, LOW), MADE_FROM, DAY)
    back = ledger.recorded(after, Verdict(CLAIM, LOW), MADE_FROM, DAY)
    assert [one.event for one in back.entries[6:]] == ["amended", "judged", "amended", "judged"]
    assert [
        one.content["rope"]
        for one in back.entries
        if one.event in ("registered", "amended") and one.claim == "a"
    ] == [0.2, 0.9, 0.2]
    assert back.corrections("a") == 2
    assert back.wording("a") == asdict(CLAIM)
