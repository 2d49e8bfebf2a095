"""The first page, and what is printed of the ledger."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import typst

from taskorder.claims import Claim, Verdict
from taskorder.claims.evidence import Grounded
from taskorder.claims.ledger import Ledger, recorded, registered
from taskorder.inference.fitting import Fit
from taskorder.inference.spec import parse_model
from taskorder.paths import resource
from taskorder.reporting.answer import Answer, Unanswered
from taskorder.reporting.catalogue_summary import CatalogueSummary
from taskorder.reporting.document import TEMPLATE, assembled, context, typeset
from taskorder.reporting.history import ledger
from taskorder.reporting.summary import card, own_rows, principal, tally

MakeFit = Callable[..., Fit]
MakeVerdict = Callable[..., Verdict]


def test_the_estimate_of_the_first_claim_stands_for_the_answer(
    make_fit: MakeFit, verdict: MakeVerdict
) -> None:
    claims = (verdict(estimand="one_sign", unit="probability"), verdict(estimand="interaction_points"))
    found = principal(Answer(make_fit(), claims))
    assert found is not None
    assert found.parameter == "interaction_points"


def test_without_claims_the_first_of_the_headline_does(make_fit: MakeFit) -> None:
    found = principal(Answer(make_fit()))
    assert found is not None
    assert found.parameter == "difficulty_points"


def test_the_card_has_number_interval_and_verdict(make_fit: MakeFit, verdict: MakeVerdict) -> None:
    found = card(Answer(make_fit(1.9), (verdict(),)))
    assert "raises the score by 1.90 points (95 % interval" in found["text"]
    assert found["claims"] == [
        {"mark": "supported", "statement": "Harder tasks help.", "probability": "0.97"}
    ]
    assert found["open"] is None


def test_the_card_names_what_is_decided_and_what_is_not(make_fit: MakeFit, verdict: MakeVerdict) -> None:
    claims = (
        verdict(statement="No.", probability=0.01),
        verdict(probability=0.5),
        verdict(statement="Yes."),
        verdict(estimand="one_sign", unit="probability", probability=0.6),
    )
    found = card(Answer(make_fit(), claims))
    assert [(one["mark"], one["statement"]) for one in found["claims"]] == [
        ("supported", "Yes."),
        ("refuted", "No."),
    ]
    assert found["open"] == {
        "count": "Two undecided",
        "about": "difficulty above 0.2 points (0.50); difficulty: one sign in all systems (0.60)",
    }


def test_the_card_says_which_gate_holds_a_claim_back(make_fit: MakeFit, verdict: MakeVerdict) -> None:
    held = replace(verdict(), grounded=Grounded(()))
    found = card(Answer(make_fit(), (held,)))
    assert found["claims"] == []
    assert found["open"]["about"] == "difficulty above 0.2 points (0.97, but it is not grounded)"
    refuted = replace(verdict(probability=0.01), grounded=Grounded(()))
    (one,) = card(Answer(make_fit(), (refuted,)))["claims"]
    assert one["probability"] == "0.01, but it is not grounded"


def test_the_first_page_is_one_page_with_few_claims_and_with_many(
    make_fit: MakeFit, verdict: MakeVerdict, small_catalogue: CatalogueSummary
) -> None:
    for claims in (3, 70):
        found = Answer(make_fit(), tuple(verdict(id=f"c{i}") for i in range(claims)))
        content = context([found, found], small_catalogue)
        compiler = typst.Compiler(
            resource(TEMPLATE) / "report.typ",
            root=resource(TEMPLATE),
            sys_inputs={"content": json.dumps(content)},
        )
        (first, *_) = json.loads(compiler.query("heading.where(level: 1)", field="body"))
        assert first["text"] == "Small"
        assert json.loads(compiler.query("<contents>", field="value")) == [2]


def test_the_first_page_says_how_far_chapters_rest_on_our_own_experiments() -> None:
    parts = [{"data": {"own": own}} for own in (None, {"share": 0.84, "parameters": [6.7, 4.5]})]
    assert own_rows([*parts, {"card": {}}]).endswith(
        "with encoders of 4.5 and 6.7 million parameters, say nothing of large models. They are 84 % of"
        " the rows behind chapter 2."
    )
    assert own_rows(parts[:1]) == ""


@pytest.mark.parametrize(
    ("probabilities", "text"),
    [
        ((), "No claim about it is registered."),
        ((0.97,), "Its one claim is supported."),
        ((0.5, 0.6), "All its two claims are undecided."),
        ((0.97, 0.5, 0.01), "Of its three claims one is supported, one is refuted and one is undecided."),
    ],
)
def test_claims_are_counted_by_verdict(
    probabilities: tuple[float, ...], text: str, verdict: MakeVerdict
) -> None:
    assert tally([verdict(probability=value) for value in probabilities]) == text


def test_a_question_without_data_has_a_chapter_that_says_so(
    answer: Answer, small_catalogue: CatalogueSummary
) -> None:
    spec = parse_model({"name": "later", "question": "And later?"})
    claim = Claim("late", "And later?", "Later is better.", "later", "x", needs="runs")
    content = context([answer, Unanswered(spec, (Verdict(claim),), "no table matches")], small_catalogue)
    part = content["answers"][1]
    assert part["card"]["text"] == "No data bear on it yet."
    assert part["card"]["open"] == {"count": "One undecided", "about": ""}
    assert part["claims"]["reasons"][0]["reasons"] == ["No data bear on it.", "Runs would decide it."]
    assert part["claims"]["changes"][0]["text"] == "There are no data. Runs would decide it."
    typeset(content)


def test_claims_that_no_data_bear_on_are_in_the_register(
    answer: Answer, small_catalogue: CatalogueSummary
) -> None:
    claim = Claim("xlnet", "q", "XLNet is worse.", needs="scores of XLNet", origin="a record")
    parts = context([answer], small_catalogue)["answers"]
    content = assembled(parts, small_catalogue, Ledger(), [Verdict(claim)])
    (row,) = content["without_data"]["rows"]
    assert (row["mark"]["word"], row["origin"], row["probability"]) == ("undecided", "a record", "–")
    typeset(content)


def test_the_ledger_says_what_came_of_a_claim_and_what_changed(verdict: MakeVerdict) -> None:
    made_from = {"model_sha256": "a", "rows_sha256": "b", "files": {}}
    found = recorded(Ledger(), verdict(), made_from, "2026-01-01")
    found = recorded(found, verdict(probability=0.5), made_from | {"rows_sha256": "c"}, "2026-01-02")
    part = ledger(found, ["c1: the rows changed"])
    last, first, wording = part["table"]["rows"]
    assert last[4] == "undecided, tier open; other rows, verdict"
    assert first[4] == "supported, tier weak"
    assert wording[3:5] == ["registered", ""]
    assert part["head"] == found.entries[-1].sha256
    assert part["news"] == ["C1: the rows changed"]
    assert "three entries on one claim, from 2026-01-01 to 2026-01-02; one time a verdict" in part["text"]


def test_a_changed_wording_is_named(verdict: MakeVerdict) -> None:
    found = registered(
        registered(Ledger(), verdict().claim, "2026-01-01"), verdict(rope=0.3).claim, "2026-01-02"
    )
    assert ledger(found, ())["table"]["rows"][0][3:5] == [
        "wording amended",
        "other region of practical equivalence",
    ]


def test_an_empty_ledger_says_how_to_fill_it() -> None:
    assert "taskorder claims --record" in ledger(Ledger(), ())["text"]
