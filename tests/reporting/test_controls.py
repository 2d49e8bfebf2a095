"""What the report says of controls, from tables such as `taskorder control` writes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from taskorder.claims import Claim
from taskorder.claims.controls import COLUMNS, key_of
from taskorder.inference.fitting import Fit
from taskorder.reporting import controls
from taskorder.reporting.answer import Answer
from taskorder.reporting.catalogue_summary import CatalogueSummary
from taskorder.reporting.document import context, typeset

HELPS = Claim("helps", "Does it?", "Hard tasks help.", "small", "slope", rope=0.2, control="difficulty")
SAME = Claim("same", "Does it?", "It is all the same.", "small", "slope", "within", 0, 0.5, "difficulty")
EARLY = Claim("early", "When?", "Orders differ less than seeds.", "small", "ratio", "below", 1, 0, "order")
CLAIMS = (HELPS, SAME, EARLY)

Write = Callable[..., Path]


@pytest.fixture
def write(make_fit: Callable[..., Fit], tmp_path: Path) -> Write:
    """Write a table of shuffles of which so many supported, refuted, decided nothing, or failed."""
    fit, path = make_fit(), tmp_path / "small.csv"

    def _write(*blocks: tuple[Claim, float, tuple[int, int, int, int]], seed: int = 1) -> Path:
        rows: list[list[object]] = []
        for claim, points, (supported, refuted, undecided, failed) in blocks:
            key = key_of(fit, [one for one in CLAIMS if one.control == claim.control], seed)
            words = ["supported"] * supported + ["refuted"] * refuted + ["undecided"] * (undecided + failed)
            for number, word in enumerate(words):
                problem = "no mode" if number >= len(words) - failed else ""
                rows.append([key, claim.control, points, number, claim.id, 0.5, word, 0.1, problem])
        pd.DataFrame(rows, columns=COLUMNS).to_csv(path, index=False)
        return path

    return _write


def test_what_was_found_is_counted_by_what_the_claim_says(write: Write, make_fit: Callable[..., Fit]) -> None:
    """That difficulty helps is found if supported; that it is all the same, is denied if refuted."""
    path = write((HELPS, 0.0, (3, 150, 47, 0)), (SAME, 0.0, (180, 12, 3, 5)), (HELPS, 2.0, (20, 0, 0, 0)))
    found = controls.read(path, make_fit(), CLAIMS[:2])
    assert found is not None
    assert [(one.claim.id, one.points, one.found, one.passed) for one in found.tallies] == [
        ("helps", 0.0, 3, 200),
        ("same", 0.0, 12, 195),
        ("helps", 2.0, 20, 20),
    ]
    assert controls.text(found) == [
        "With difficulties shuffled, “Hard tasks help” is supported in 3 of 200 (1.5 %, 0.5 to 4.3) and “It"
        " is all the same” is refuted in 12 of 195 (6.2 %, 3.6 to 10.4). Nothing is there then, and at most"
        " 5 % should find something: more did for “It is all the same”.",
        "With 2 points planted for each standard deviation after the shuffle, “Hard tasks help” is supported"
        " in 20 of 20 (100.0 %, 83.9 to 100.0).",
    ]


def test_of_claims_about_which_nothing_is_found_it_is_told_how_many_there_are(
    write: Write, make_fit: Callable[..., Fit]
) -> None:
    found = controls.read(write((HELPS, 0.0, (0, 2, 8, 0)), (SAME, 0.0, (3, 0, 7, 0))), make_fit(), CLAIMS)
    assert found is not None
    assert controls.text(found)[0].startswith(
        "With difficulties shuffled, nothing is found about two claims. Nothing is there then"
    )


def test_the_table_has_a_row_a_claim_below_what_was_done(write: Write, make_fit: Callable[..., Fit]) -> None:
    path = write((EARLY, 0.0, (38, 2, 0, 0)), (EARLY, 1.0, (0, 9, 1, 2)))
    found = controls.read(path, make_fit(), CLAIMS[2:])
    assert found is not None
    shown = controls.table(found)
    assert shown is not None
    statement = "Orders differ less than seeds."
    assert shown.rows == (
        ("Order labels shuffled",),
        (statement, "40", "0", "38", "2", "0", "5.0", "1.4 to 16.5"),
        ("Order labels shuffled, 1 point planted between orders (the best of six over the mean)",),
        (statement, "12", "2", "0", "9", "1", "90.0", "59.6 to 98.2"),
    )
    assert controls.text(found)[0].endswith("should find something: no more did.")


def test_rows_of_an_earlier_state_and_controls_that_were_not_run_are_told(
    write: Write, make_fit: Callable[..., Fit]
) -> None:
    path = write((HELPS, 0.0, (0, 0, 4, 0)))
    current = controls.read(path, make_fit(), CLAIMS)
    assert current is not None
    assert (current.stale, current.missing) == ((), ("order",))
    edited = controls.read(path, make_fit(), [replace(HELPS, rope=0.4), SAME])
    assert edited is not None
    assert edited.stale == ("difficulty",)
    assert controls.text(edited)[-1] == (
        "What is told of difficulties shuffled is of an earlier state of data, model, code or claims:"
        " “taskorder control” makes it anew."
    )


def test_fits_that_all_failed_find_nothing(write: Write, make_fit: Callable[..., Fit]) -> None:
    found = controls.read(write((HELPS, 0.0, (0, 0, 0, 2))), make_fit(), CLAIMS[:1])
    assert found is not None
    shown = controls.table(found)
    assert shown is not None
    assert shown.rows[1] == ("Hard tasks help.", "2", "2", "0", "0", "0", "–", "–")
    assert controls.text(found)[0] == "With difficulties shuffled, no fit passed its diagnostics."


def test_claims_without_controls_say_nothing(make_fit: Callable[..., Fit], tmp_path: Path) -> None:
    assert controls.read(tmp_path / "small.csv", make_fit(), [replace(HELPS, control="")]) is None


def test_the_document_has_them(
    answer: Answer, write: Write, make_fit: Callable[..., Fit], small_catalogue: CatalogueSummary
) -> None:
    path = write((HELPS, 0.0, (1, 0, 99, 0)), (EARLY, 2.0, (0, 20, 0, 0)))
    some = replace(answer, controls=controls.read(path, make_fit(), CLAIMS))
    none = replace(answer, controls=controls.read(path.with_name("none.csv"), make_fit(), CLAIMS))
    content = context([some, none, answer], small_catalogue)
    parts = [part["controls"] for part in content["answers"]]
    assert len(parts[0]["table"]["rows"]) == 4
    assert parts[1] == {
        "text": [
            "With difficulties and order labels shuffled, the controls have not been run: “taskorder control”"
            " does that."
        ],
        "table": None,
    }
    assert parts[2] is None
    typeset(content)
