"""The ledger of the claims as the report prints it: how long it is, where it ends, and what came last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from taskorder.claims.entries import Entry
from taskorder.claims.ledger import Ledger
from taskorder.reporting.content import Column, Part, Table, as_json
from taskorder.reporting.wording import count, counted, sentence_case

LAST = 20
"""Entries that are printed."""
_EVENTS = {
    "registered": "registered",
    "amended": "wording amended",
    "withdrawn": "withdrawn",
    "judged": "judged",
    "added": "rows added",
    "taken_back": "rows taken back",
}


def ledger(found: Ledger, news: Sequence[str]) -> Part:
    """Return the end of the ledger, and what it does not know of.

    Parameters
    ----------
    found : Ledger
    news : sequence of str
        How verdicts, claims and data differ from what it last says of them.
    """
    entries = found.entries
    return {
        "text": _text(found),
        "faults": [sentence_case(fault) for fault in found.faults],
        "news": [sentence_case(text) for text in news],
        "head": entries[-1].sha256 if entries else "",
        "table": as_json(_table(found)) if entries else None,
    }


def _text(found: Ledger) -> str:
    entries = found.entries
    if not entries:
        return "The ledger is empty: no claim has been entered yet (“taskorder claims --record” enters them)."
    claims = {entry.claim for entry in entries if entry.claim}
    corrected = sum(found.corrections(claim) for claim in claims)
    changes = (
        f"{counted(corrected, 'time')} a verdict or a wording changed"
        if corrected
        else "nothing changed since"
    )
    return (
        f"The ledger has {counted(len(entries), 'entry', 'entries')} on {counted(len(claims), 'claim')}, from"
        f" {entries[0].date} to {entries[-1].date}; {changes}. Each entry names the hash of the one before,"
        " so that none can be altered or taken out without a trace. A registration says that a wording stood"
        " before the fit that judges it, not that its data were unseen: the claims that ship were written"
        " with earlier fits of much of these data in view, and are exploratory."
    )


def _table(found: Ledger) -> Table:
    entries = found.entries
    rows = tuple(
        (
            count(entry.number),
            entry.date,
            entry.claim,
            _EVENTS.get(entry.event, entry.event),
            _what(found, entry),
            entry.sha256[:8],
        )
        for entry in reversed(entries[-LAST:])
    )
    columns = (
        Column("No.", "number"),
        Column("Date", "number"),
        Column("Claim", "mono"),
        Column("Event"),
        Column("What came of it", width="1fr"),
        Column("Hash", "mono"),
    )
    shown = "The" if len(entries) <= LAST else f"The last {LAST}"
    return Table(columns, rows, f"{shown} entries of the ledger, the newest first.", wide=True)


def _what(found: Ledger, entry: Entry) -> str:
    """Say what an entry says, and what is other than in the claim's entry before it."""
    before = next(
        (
            one
            for one in reversed(found.entries[: entry.number - 1])
            if one.claim == entry.claim and one.event == entry.event
        ),
        None,
    )
    if entry.event in ("added", "taken_back"):
        return _rows(entry.content)
    if entry.event != "judged":
        changed = _other(before or _registration(found, entry), entry) if entry.event == "amended" else ()
        return f"other {', '.join(changed)}" if changed else ""
    text = f"{entry.content.get('verdict')}, tier {entry.content.get('tier')}"
    changed = _other(before, entry)
    return f"{text}; other {', '.join(changed)}" if changed else text


def _rows(content: Mapping[str, Any]) -> str:
    tables = ", ".join(f"{one['table']} ({counted(one['rows'], 'row')})" for one in content["tables"])
    changed = [name for name, words in content["claims"].items() if words["before"][0] != words["after"][0]]
    return f"{tables}; {f'other decisions on {", ".join(changed)}' if changed else 'no other decision'}"


def _registration(found: Ledger, entry: Entry) -> Entry | None:
    return next(
        (one for one in found.entries if one.claim == entry.claim and one.event == "registered"), None
    )


_NAMES: Mapping[str, str] = {
    "model_sha256": "model",
    "rows_sha256": "rows",
    "verdict": "verdict",
    "gates": "gates",
    "statement": "statement",
    "estimand": "estimand",
    "region": "region",
    "rope": "region of practical equivalence",
    "at": "centre",
}


def _other(before: Entry | None, entry: Entry) -> tuple[str, ...]:
    """Return what of an entry is other than in an earlier one."""
    if before is None:
        return ()
    return tuple(what for key, what in _NAMES.items() if before.content.get(key) != entry.content.get(key))
