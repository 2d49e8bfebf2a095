"""What came of the controls: verdicts where labels were shuffled, counted by claim and told in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pandas as pd
from scipy.stats import binomtest

from taskorder.claims import Claim
from taskorder.claims import controls as claims_controls
from taskorder.claims.claim import Control
from taskorder.claims.evidence import ENOUGH
from taskorder.inference.fitting import Fit
from taskorder.reporting.content import Cell, Column, Table
from taskorder.reporting.wording import count, counted, interval, listed, number

_LABELS: dict[Control, str] = {
    "order": "order labels",
    "difficulty": "difficulties",
    "similarity": "similarities",
}
_WHERE: dict[Control, str] = {"order": "between orders (the best of six over the mean)"}
"""What an effect is planted in; of moderators, for each of their standard deviations."""
_DECIDED = ("supported", "refuted")


@dataclass(frozen=True)
class Tally:
    """What came of one claim in all fits of one control.

    Attributes
    ----------
    claim : Claim
    control : {"order", "difficulty", "similarity"}
    points : float
        Of the effect that was planted; 0 if none was.
    shuffles, failed, supported, refuted : int
        How many there were, how many of their fits failed, and what the others decided.
    """

    claim: Claim
    control: Control
    points: float
    shuffles: int
    failed: int
    supported: int
    refuted: int

    @property
    def passed(self) -> int:
        """How many fits passed."""
        return self.shuffles - self.failed

    @property
    def undecided(self) -> int:
        """How many of these decided nothing."""
        return self.passed - self.supported - self.refuted

    @property
    def found(self) -> int:
        """How many decided that something is there."""
        return self.refuted if self.claim.denies else self.supported

    @property
    def share(self) -> float:
        """The share of the fits that passed which decided so; NaN if none passed."""
        return self.found / self.passed if self.passed else float("nan")

    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the share (Wilson 1927, doi:10.1080/01621459.1927.10502953)."""
        if not self.passed:
            return float("nan"), float("nan")
        limits = binomtest(self.found, self.passed).proportion_ci(0.95, "wilson")
        return float(limits.low), float(limits.high)

    def told(self) -> str:
        """Return what became of the claim, as a part of a sentence."""
        decision = "refuted" if self.claim.denies else "supported"
        return (
            f"“{_statement(self)}” is {decision} in {count(self.found)} of {count(self.passed)}"
            f" ({_percent(self.share)} %, {_limits(self)})"
        )


@dataclass(frozen=True)
class Controlled:
    """The controls of a model, as far as they have been run.

    Attributes
    ----------
    tallies : tuple of Tally
        By control, points and claim.
    missing, stale : tuple of {"order", "difficulty", "similarity"}
        Controls that claims name but that were not run, or were with other data, another model, other
        code or other claims.
    """

    tallies: tuple[Tally, ...]
    missing: tuple[Control, ...] = ()
    stale: tuple[Control, ...] = ()


def read(path: Path, fit: Fit, claims: Sequence[Claim]) -> Controlled | None:
    """Read the table of a model's controls, and compare it with the present state.

    Parameters
    ----------
    path : Path
        Such as `taskorder control` writes; it need not be there.
    fit : Fit
    claims : sequence of Claim
        About the model.

    Returns
    -------
    Controlled or None
        None if no claim names a control.
    """
    asked = claims_controls.by_control(claims)
    if not asked:
        return None
    table, seed = claims_controls.read(path), int(fit.manifest["seed"])
    tallies: list[Tally] = []
    missing: list[Control] = []
    stale: list[Control] = []
    for control, about in asked.items():
        own = table[table["control"] == control]
        counted = _tallies(own, control, about)
        tallies += counted
        if not counted:
            missing.append(control)
        elif set(own["key"]) != {claims_controls.key_of(fit, about, seed)}:
            stale.append(control)
    return Controlled(tuple(tallies), tuple(missing), tuple(stale))


def _tallies(own: pd.DataFrame, control: Control, claims: Sequence[Claim]) -> list[Tally]:
    found: list[Tally] = []
    for points, rows in own.groupby("points", sort=True):
        for claim in claims:
            about = rows[rows["claim"] == claim.id]
            if len(about):
                failed = int((about["problem"] != "").sum())
                supported, refuted = (int((about["decision"] == word).sum()) for word in _DECIDED)
                amount = float(str(points))
                found.append(Tally(claim, control, amount, len(about), failed, supported, refuted))
    return found


def table(found: Controlled) -> Table | None:
    """Return a row for each claim, below what was shuffled and planted; None if nothing was run."""
    if not found.tallies:
        return None
    columns = (
        Column("Claim", width="1fr"),
        Column("Shuffles", "number"),
        Column("Failed fits", "number"),
        Column("Supported", "number"),
        Column("Refuted", "number"),
        Column("Undecided", "number"),
        Column("Found, %", "number"),
        Column("95 %", "number"),
    )
    rows: list[tuple[Cell, ...]] = []
    for control, points, tallies in _grouped(found.tallies):
        heading = f"{_LABELS[control]} shuffled"
        rows.append((f"{heading[0].upper()}{heading[1:]}{f', {_planted(control, points)}' * bool(points)}",))
        rows += [_row(tally) for tally in tallies]
    return Table(
        columns,
        tuple(rows),
        caption="Verdicts where labels are shuffled. Found: that something is there, which supports a claim"
        " that says so, and refutes one that says there is little or nothing; in percent of the fits that"
        " passed their diagnostics, with the 95 % interval of Wilson. What is planted makes only those claims"
        " true, or false, that are about it: of the others nothing is there to be found.",
        wide=True,
    )


def _row(tally: Tally) -> tuple[Cell, ...]:
    counts = (tally.shuffles, tally.failed, tally.supported, tally.refuted, tally.undecided)
    return (tally.claim.statement, *map(count, counts), _percent(tally.share), _limits(tally))


def text(found: Controlled) -> list[str]:
    """Say in how many shuffles something was found, and what of it is missing or of another state."""
    sentences = [_sentence(*group) for group in _grouped(found.tallies)]
    if found.stale:
        sentences.append(
            f"What is told of {_named(found.stale)} shuffled is of an earlier state of data, model,"
            " code or claims: “taskorder control” makes it anew."
        )
    if found.missing:
        sentences.append(
            f"With {_named(found.missing)} shuffled, the controls have not been run: “taskorder control”"
            " does that."
        )
    return sentences


def _named(controls: Sequence[Control]) -> str:
    return listed([_LABELS[control] for control in controls])


def _sentence(control: Control, points: float, tallies: Sequence[Tally]) -> str:
    done = f"{_planted(control, points)} after the shuffle" if points else f"{_LABELS[control]} shuffled"
    passed = [tally for tally in tallies if tally.passed]
    if not passed:
        return f"With {done}, no fit passed its diagnostics."
    found = [tally.told() for tally in passed if tally.found]
    silent = counted(len(passed) - len(found), "other claim" if found else "claim")
    told = listed([*found, *([f"nothing is found about {silent}"] * (len(passed) > len(found)))])
    if points:
        return f"With {done}, {told}."
    above = [f"“{_statement(tally)}”" for tally in tallies if tally.share > 1 - ENOUGH]
    held = f"more did for {listed(above)}" if above else "no more did"
    most = f"{100 * (1 - ENOUGH):.0f} %"
    return f"With {done}, {told}. Nothing is there then, and at most {most} should find something: {held}."


def _grouped(tallies: Sequence[Tally]) -> list[tuple[Control, float, list[Tally]]]:
    return [
        (control, points, list(group))
        for (control, points), group in groupby(tallies, lambda tally: (tally.control, tally.points))
    ]


def _planted(control: Control, points: float) -> str:
    where = _WHERE.get(control, "for each standard deviation")
    return f"{points:g} point{'' if points == 1 else 's'} planted {where}"


def _statement(tally: Tally) -> str:
    return tally.claim.statement.removesuffix(".")


def _percent(share: float) -> str:
    return number(100 * share, 1)


def _limits(tally: Tally) -> str:
    low, high = tally.interval()
    return interval(100 * low, 100 * high, 1)
