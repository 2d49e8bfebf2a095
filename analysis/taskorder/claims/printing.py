"""Verdicts as text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from taskorder.claims.verdict import Verdict
from taskorder.inference.estimands import PROBABILITY

_HEAD = ("verdict", "claim", "probability", "mean", "95 % interval", "gates", "attacks", "tier")


def table(verdicts: Sequence[Verdict]) -> str:
    """Return verdicts as a table in plain text: one line a claim, with `+` for each gate that was passed.

    The gates are grounded, reproduced and attacked, in this order.
    """
    rows = [_HEAD, *(_row(one) for one in verdicts)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _row(one: Verdict) -> tuple[str, ...]:
    judgement = one.judgement
    estimated = math.isfinite(judgement.mean) and judgement.unit != PROBABILITY
    return (
        one.verdict,
        one.claim.id,
        f"{judgement.probability:.3f}" if math.isfinite(judgement.probability) else "-",
        f"{judgement.mean:.2f}" if estimated else "-",
        f"{judgement.lower:.2f} to {judgement.upper:.2f}" if estimated else "-",
        "".join("+" if passed else "-" for passed in one.gates.values()),
        f"{one.attack_score:.1f}" if math.isfinite(one.attack_score) else "-",
        one.tier,
    )


def reasons(verdicts: Sequence[Verdict]) -> str:
    """Return why verdicts are not better than they are, a line a reason."""
    return "\n".join(f"{one.claim.id}: {reason}" for one in verdicts for reason in one.reasons)
