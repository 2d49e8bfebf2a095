"""Fractions and percent: which of them a file's scores are, and turning percent into fractions."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from taskorder.errors import Problem
from taskorder.results.converting import Sheet
from taskorder.results.schema import CORRELATIONS


def as_fractions(sheet: Sheet) -> Sheet:
    """Divide the scores and their standard deviations by 100."""
    frame = sheet.frame
    return sheet.with_frame(frame.assign(score=frame["score"] / 100, sd=frame["sd"] / 100))


def score_problems(sheet: Sheet, *, percent: bool) -> list[Problem]:
    """Find scores that are outside their range, and studies whose scores are not on the scale that was named.

    Parameters
    ----------
    sheet
        Scores as they stand in the file.
    percent
        Whether they are meant to be percent.

    Returns
    -------
    list of Problem
        Scores beyond any scale, one by one; in a study that mixes percent and fractions, the fewer of the
        two; and one line for all the scores that are consistently on the other scale.
    """
    score = sheet.frame["score"].to_numpy(dtype=np.float64)
    signed = sheet.frame["metric"].isin(CORRELATIONS).to_numpy(dtype=bool)
    size = np.abs(score)
    outside = (size > 100) | ((score < 0) & ~signed)
    above = (size > 1) & ~outside
    fraction = (score > 0) & (size <= 1)
    study = pd.factorize(sheet.frame["study"])[0]
    has_above = np.bincount(study[above], minlength=len(score) + 1)[
        study
    ]  # (rows,) rows above 1 in the row's study
    has_fraction = np.bincount(study[fraction], minlength=len(score) + 1)[study]

    problems = sheet.problems(
        "score", outside, lambda row: _range_fault(score[row], bool(signed[row]), percent)
    )
    mixed = (has_above > 0) & (has_fraction > 0)
    odd = mixed & ((above & (has_above <= has_fraction)) | (fraction & (has_above > has_fraction)))
    problems += _mixed_problems(sheet, score, odd, mixed & (above | fraction) & ~odd, study)
    if percent:
        return problems + _fraction_problems(sheet, score, fraction & ~mixed)
    return problems + _percent_problems(sheet, score, above & ~mixed)


def _range_fault(score: float, signed: bool, percent: bool) -> str:
    top, scale = (100, "percent") if percent else (1, "a fraction")
    bottom = -top if signed else 0
    return (
        f"{score:g} is outside [{bottom}, {top}]: a score is {scale}; a loss, a count or a difference of "
        "scores is none."
    )


def _mixed_problems(
    sheet: Sheet,
    score: NDArray[np.float64],
    odd: NDArray[np.bool_],
    others: NDArray[np.bool_],
    study: NDArray[np.intp],
) -> list[Problem]:
    positions = np.flatnonzero(others)
    first = dict(zip(study[positions[::-1]].tolist(), positions[::-1].tolist(), strict=True))

    def message(row: int) -> str:
        other = first[int(study[row])]
        return (
            f"{score[row]:g} stands beside {score[other]:g} at row {sheet.lines[other]} of the same study: "
            "percent and fractions are mixed. Write all of the study's scores as fractions."
        )

    return sheet.problems("score", odd, message)


def _percent_problems(sheet: Sheet, score: NDArray[np.float64], above: NDArray[np.bool_]) -> list[Problem]:
    return _one_for_all(
        sheet,
        score,
        above,
        "scores look like percent ({rows} above 1, the largest {largest:g}): pass --percent "
        "to check and import, or divide them, and their sd, by 100, as all else needs them.",
    )


def _fraction_problems(
    sheet: Sheet, score: NDArray[np.float64], fraction: NDArray[np.bool_]
) -> list[Problem]:
    return _one_for_all(
        sheet,
        score,
        fraction,
        "scores look like fractions already ({rows} of studies without a score above 1, the "
        "largest {largest:g}): leave out --percent, or read those studies apart.",
    )


def _one_for_all(
    sheet: Sheet, score: NDArray[np.float64], bad: NDArray[np.bool_], text: str
) -> list[Problem]:
    if not bad.any():
        return []
    count = int(bad.sum())
    largest = max(score[bad].tolist(), key=abs)
    message = text.format(rows=f"{count:,} {'row' if count == 1 else 'rows'}", largest=largest)
    return [Problem(sheet.file, int(sheet.lines[np.argmax(bad)]), "score", message)]
