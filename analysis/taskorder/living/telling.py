"""What a change did, as text for a terminal, as a report in Markdown, and as tables of its numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from taskorder.claims.verdict import Verdict
from taskorder.inference.estimands import PROBABILITY, reports_points
from taskorder.living.change import Change
from taskorder.living.comparing import SHIFTED, ClaimChange, ModelChange
from taskorder.living.moving import MOVED
from taskorder.living.reach import Fate
from taskorder.reporting.wording import decimals_for, number, signed

NOTABLE = 0.1
"""Shifts below so many sds are not listed among what moved."""
FIRST = 3
"""Groups of rows that are named for an estimand."""
_WHEN = ("before", "after")
_CLAIM = [
    *("model", "claim", "estimand", "verdict_before", "verdict_after"),
    *("probability_before", "probability_after", "gates_tried"),
]

type Lines = Iterator[str]
type Table = Callable[[Sequence[str], Sequence[Sequence[str]]], str]


def text(change: Change) -> str:
    """Return a change as text for a terminal."""
    return "\n".join(_lines(change, _plain, "", ""))


def markdown(change: Change) -> str:
    """Return a change as a report in Markdown."""
    return "\n".join(_lines(change, _pipes, "# ", "## ")) + "\n"


def written(change: Change) -> dict[str, bytes]:
    """Return the files of a change's report: `change.md`, and its numbers as CSV."""
    fates = {one.spec.name: one.fates for one in change.models} | dict(change.untouched)
    rows = [[name, one.rows, one.reason] for name, of in fates.items() for one in of]
    moved = {one.spec.name: one.moved for one in change.models}
    claims = [_claim_row(one, model.spec.name) for model in change.models for one in model.claims]
    return {
        "change.md": markdown(change).encode(),
        "rows.csv": _csv(pd.DataFrame(rows, columns=["model", "rows", "what"])),
        "estimands.csv": _csv(estimands(change)),
        "moved.csv": _csv(_joined(moved, MOVED)),
        "claims.csv": _csv(pd.DataFrame(claims, columns=_CLAIM)),
    }


def estimands(change: Change) -> pd.DataFrame:
    """Return the estimands of all models: the columns of `ModelChange.estimands` after `model`."""
    return _joined({one.spec.name: one.estimands for one in change.models}, SHIFTED)


def _joined(frames: Mapping[str, pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    filled = [frame.assign(model=name) for name, frame in frames.items() if len(frame)]
    both = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
    return both.reindex(columns=["model", *columns])


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False, float_format="%.6g", lineterminator="\n").encode()


def _claim_row(one: ClaimChange, model: str) -> list[object]:
    probabilities = [verdict.as_dict()["probability"] for verdict in (one.before, one.after)]
    return [model, one.claim.id, one.claim.estimand, *one.words, *probabilities, one.gates]


def _lines(change: Change, table: Table, title: str, heading: str) -> Lines:
    tables = ", ".join(f"{one.table} ({_counted(one.rows, 'row')})" for one in change.tables)
    done = "taken back" if change.undoes else "added"
    yield f"{title}{f'Would be {done}' if change.dry else done.capitalize()}: {tables}"
    yield ""
    yield "Studies: " + ", ".join(
        f"{name} ({_counted(rows, 'row')})" for name, rows in change.studies.items()
    )
    for sentence in change.said:
        yield from ("", sentence)
    for one in change.models:
        yield from ("", f"{heading}{one.spec.name}: {_sizes(one)}", "")
        yield from _model(one, table, listed=not (change.dry or change.undoes))
    if change.untouched:
        yield from ("", f"{heading}Models that were not refitted", "")
        for name, fates in change.untouched.items():
            yield from (f"{name}:", *_fates(fates))
    if claims := [one for model in change.models for one in model.claims]:
        yield from ("", f"{heading}Claims", "")
        yield from _claims(claims, table)


def _sizes(one: ModelChange) -> str:
    sizes = zip(one.rows, one.unfitted, strict=True)
    before, after = ("no fit" if why else _counted(rows, "row") for rows, why in sizes)
    return f"{before} before, {after} after"


def _fates(fates: Sequence[Fate]) -> Lines:
    return (f"- {_counted(one.rows, 'row')} {one.reason}" for one in fates)


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?")) else f"{sentence}."


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _model(one: ModelChange, table: Table, *, listed: bool) -> Lines:
    if one.fates:
        yield from ("New rows:", *_fates(one.fates), "")
    for when, why in zip(_WHEN, one.unfitted, strict=True):
        if why:
            yield from (f"It could not be fitted {when}: {_ended(why)}", "")
    if one.notes:
        yield from ("The fit says what it did not say before:", *(f"- {note}" for note in one.notes), "")
    for when, failed in zip(_WHEN, one.failed, strict=True):
        if failed:
            yield from (f"What is told {when} FAILED its diagnostics, and decides nothing.", "")
    if one.told:
        yield from (one.told, "")
    yield from _reference(one)
    if one.estimands.empty:
        yield "No estimand of its model file has a value before or after."
        return
    shown = one.estimands[_shown(one.estimands)]
    yield table(
        ("estimand", "before", "95 %", "after", "95 %", "shift", "in sds", "unit"),
        [_estimand(row) for row in shown.to_dict("records")],
    )
    if hidden := len(one.estimands) - len(shown):
        where = "in estimands.csv" if listed else "not listed"
        yield from (
            "",
            f"{_counted(hidden, 'level')} of estimands by level, which hardly moved, are {where}.",
        )
    if len(one.moved):
        yield from ("", "Which new rows moved it most:", "", one.measured, "")
        yield from _moved(one, table)
    elif one.measured:
        yield from ("", one.measured)


def _reference(one: ModelChange) -> Lines:
    """Say if points are stated at another score than before: an effect then changes in points alone."""
    before, after = (100 * reference for reference in one.references)
    of_scores = reports_points(one.spec) and one.spec.outcome.scale != "identity"
    if of_scores and abs(before - after) >= 0.5:
        yield (
            f"Points are stated at the mean score of the rows: {before:.1f} before, {after:.1f} after;"
            " estimands in points shift by this, too."
        )
        yield ""


def _shown(estimands: pd.DataFrame) -> pd.Series:
    """Say which estimands are printed: all that have one value, and levels that moved."""
    level = estimands["estimand"].str.contains("[", regex=False)
    return ~level | (estimands["shift_sd"].abs() >= 0.5)


def _estimand(row: Mapping[Any, Any]) -> tuple[str, ...]:
    numbers = _numbers(row)
    places = _places(numbers)
    units = [str(row[f"unit_{when}"]) for when in ("before", "after") if isinstance(row[f"unit_{when}"], str)]

    def told(name: str, digits: int = places) -> str:
        value = numbers.get(name, math.nan)
        return number(value, digits) if math.isfinite(value) else "-"

    def interval(when: str) -> str:
        ends = [told(f"{end}_{when}") for end in ("lower", "upper")]
        return "-" if "-" in ends or units[-1:] == [PROBABILITY] else " to ".join(ends)

    return (
        str(row["estimand"]),
        told("mean_before"),
        interval("before"),
        told("mean_after"),
        interval("after"),
        told("shift", places + 1),
        told("shift_sd", 2),
        ", then ".join(dict.fromkeys(units)),
    )


def _numbers(row: Mapping[Any, Any]) -> dict[str, float]:
    return {str(name): value for name, value in row.items() if isinstance(value, float)}


def _places(numbers: Mapping[str, float]) -> int:
    widths = [
        numbers.get(f"upper_{when}", math.nan) - numbers.get(f"lower_{when}", math.nan) for when in _WHEN
    ]
    finite = [width for width in widths if math.isfinite(width) and width > 0]
    return decimals_for(min(finite)) if finite else 2


def _moved(one: ModelChange, table: Table) -> Lines:
    told = one.moved[(one.moved["problem"] == "") & ~one.moved["estimand"].str.contains("[", regex=False)]
    places = {str(row["estimand"]): _places(_numbers(row)) for row in one.estimands.to_dict("records")}
    rows: list[tuple[str, ...]] = []
    for estimand, part in told.groupby("estimand", sort=False):
        ordered = part.reindex(part["shift_sd"].abs().sort_values(ascending=False, kind="stable").index)
        first = ordered[ordered["shift_sd"].abs() >= NOTABLE].head(FIRST)
        rows += [
            (str(estimand), str(group), f"{count:,}", signed(shift, places[str(estimand)]), signed(sds, 2))
            for group, count, shift, sds in zip(
                first["group"], first["rows"], first["shift"], first["shift_sd"], strict=True
            )
        ]
    if rows:
        yield table(("estimand", "new rows of", "how many", "shift", "in sds"), rows)
    elif len(told):
        yield "No group of them moved an estimand by a tenth of its sd."
    failed = one.moved[one.moved["problem"] != ""].drop_duplicates("group")
    yield from (
        f"- Not told of {group}: {problem}."
        for group, problem in zip(failed["group"], failed["problem"], strict=True)
    )


def _claims(claims: Sequence[ClaimChange], table: Table) -> Lines:
    changed = [one for one in claims if one.changed]
    what = "verdict" if claims[0].gates else "decision"
    if changed:
        yield from (
            f"- {one.claim.id}: {one.words[0]} before, {one.words[1]} after: {one.claim.statement}"
            for one in changed
        )
    else:
        yield f"No claim changed its {what}."
    yield ""
    yield table(
        ("claim", "before", "probability", "after", "probability"),
        [
            (one.claim.id, _told(one, 0), _probability(one.before), _told(one, 1), _probability(one.after))
            for one in claims
        ],
    )
    if any(any(one.near) for one in claims):
        yield ""
        yield (
            "(near): the probability is so near 0.05 or 0.95 that weighted draws do not tell on which side it"
            " is, and a change of that decision may be chance; --full tells."
        )
    if not claims[0].gates:
        yield ""
        yield (
            "These are decisions of the posterior alone. taskorder claims puts the claims through their"
            " gates; --gates does so here."
        )


def _told(one: ClaimChange, place: int) -> str:
    return f"{one.words[place]}{' (near)' if one.near[place] else ''}"


def _probability(one: Verdict) -> str:
    value = one.judgement.probability
    return f"{value:.3f}" if math.isfinite(value) else "-"


def _plain(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _pipes(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '\\|') for cell in line)} |" for line in lines)
