"""Verdicts as tables: one row a claim, and none where no claim is registered."""

import taskorder
from taskorder.claims.ledger import Ledger
from taskorder.claims.proceedings import registered
from taskorder.claims.verdict import NO_DATA, Verdict
from taskorder.interface.claims import Judged


def test_a_verdict_is_a_row_with_its_gates() -> None:
    claims = registered()
    judged = Judged((), tuple(Verdict(claim, NO_DATA) for claim in claims), Ledger(()), ())
    assert judged.table["id"].tolist() == taskorder.registry()["id"].tolist()
    assert {"grounded", "reproduced", "attacked"} <= set(judged.table)
    assert claims[0].id in judged._repr_html_()


def test_no_registered_claim_is_an_empty_table() -> None:
    judged = Judged((), (), Ledger(()), ("the ledger is broken",))
    assert judged.table.empty
    assert "the ledger is broken" in judged._repr_html_()
