"""Which rows a model is fitted to: what each study has of them, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from taskorder.inference.fitting import Fit
from taskorder.inference.scales import SCALES
from taskorder.reporting import wording
from taskorder.reporting.catalogue_summary import CatalogueSummary, StudySummary, millions, tasks_of
from taskorder.reporting.content import Cell, Column, Part, Strip, Table, Tick, as_json

_HEADS = {"system": "Systems", "sequence": "Sequences", "target": "Targets", "language": "Languages"}


def data(fit: Fit, catalogue: CatalogueSummary) -> Part:
    """Return what is modelled of each study, on what condition, and what is not."""
    return {
        "table": as_json(_modelled(fit, catalogue)),
        "condition": fit.spec.data.where,
        "notes": [wording.sentence_case(note) for note in fit.manifest["notes"]],
        "left_out": _left_out(fit, catalogue),
        "own": own_rows(fit.manifest["rows"], catalogue),
        "tasks": _tasks(fit),
    }


def own_rows(rows: Mapping[str, int], catalogue: CatalogueSummary) -> Part | None:
    """Return how many of some rows are of our own experiments, and in words; None where none is.

    Parameters
    ----------
    rows : mapping of str to int
        How many there are of each study.
    catalogue : CatalogueSummary
    """
    own = [one for one in catalogue.experiments if one.study in rows]
    if not own:
        return None
    count, total = sum(rows[one.study] for one in own), sum(rows.values())
    parameters = [number for one in own for number in one.parameters]
    named = wording.listed([one.study for one in own])
    share = "All" if count == total else f"{wording.count(count)} of"
    return {
        "share": count / total,
        "parameters": parameters,
        "text": (
            f"{share} {wording.count(total)} rows are of our own experiments ({named}), with"
            f" encoders of {millions(parameters)} million parameters that were made for them. They say"
            " nothing of large models: their value is the design, balanced orders with replicates and"
            " measured moderators."
        ),
    }


def _tasks(fit: Fit) -> list[str]:
    """Return the tasks that the rows name, as targets or as stages."""
    cells = fit.tree["constant_data"].to_dataset()
    texts = {name: cells[name].to_numpy().astype(str) for name in ("target", "sequence") if name in cells}
    return sorted(tasks_of(pd.DataFrame(texts))) if texts else []


def _left_out(fit: Fit, catalogue: CatalogueSummary) -> str:
    if fit.spec.data.layout != "results":
        return ""
    rows = fit.manifest["rows"]
    known = {name: catalogue.study(name) for name in rows}
    if any(study is None for study in known.values()):
        return ""
    total = sum(study.rows for study in known.values() if study is not None)
    flagged = sum(study.flagged for study in known.values() if study is not None)
    tables, modelled = wording.count(total), wording.count(sum(rows.values()))
    asked = f" but those flagged {wording.listed(fit.spec.data.flags)}" if fit.spec.data.flags else ""
    out = (
        f" {wording.count(flagged)} bear a flag (derived, second-hand, a mean of other rows, suspect) and"
        f" stay out{asked}."
        if flagged
        else ""
    )
    if fit.spec.data.average:
        return (
            f"The tables of these studies hold {tables} rows.{out} Of those that fulfil the condition,"
            f" {modelled} means are modelled, each over the languages in which one trained model was scored."
        )
    return (
        f"Of {tables} rows in the tables of these studies {modelled} are modelled.{out} The others do not"
        " fulfil the condition, or were dropped."
    )


def _modelled(fit: Fit, catalogue: CatalogueSummary) -> Table:
    """Return what is modelled of each study; without columns that name what the rows are, rows only."""
    distinct = fit.manifest.get("distinct", {})
    shown = [name for name in _HEADS if any(name in counts for counts in distinct.values())]
    scores = _scores(fit)
    rows: list[tuple[Cell, ...]] = []
    for study, count in fit.manifest["rows"].items():
        known = catalogue.study(study)
        counts = (_counted(name, distinct[study][name], known, fit) for name in shown)
        strip: tuple[Cell, ...] = () if scores is None else (_spread(scores[study]),)
        rows.append((study, known.cited if known else "", wording.count(count), *counts, *strip))
    ticks = tuple(Tick(_on_strip(at), f"{100 * at:.0f}") for at in (0.0, 0.5, 1.0))
    columns = (
        Column("Study"),
        Column("", width="1fr"),
        Column("Rows", "number"),
        *(Column(_HEADS[name], "number") for name in shown),
        *((Column("", "strip", 30.0, ticks),) if scores is not None else ()),
    )
    return Table(columns, tuple(rows), wide=True)


def _counted(name: str, number: int, known: StudySummary | None, fit: Fit) -> str:
    """Return how many there are; where rows are means over languages, over how many at the most."""
    several = fit.spec.data.average == name and (known is None or known.languages > 1)
    if not several:
        return wording.count(number)
    return f"mean of ≤ {wording.count(known.languages)}" if known else "mean"


def _scores(fit: Fit) -> dict[str, pd.Series] | None:
    """Return the scores of each study's cells; None where they are no shares, or cells mix studies."""
    if fit.spec.outcome.scale == "identity":
        return None
    cells, studies = fit.tree["constant_data"].to_dataset(), list(fit.manifest["rows"])
    score = pd.Series(SCALES[fit.spec.outcome.scale].inverse(fit.tree["observed_data"]["mean"].to_numpy()))
    if "study" not in cells:
        return {studies[0]: score} if len(studies) == 1 else None
    study = cells["study"].to_numpy().astype(str)
    return {each: score[study == each] for each in studies}


def _spread(scores: pd.Series) -> Strip:
    shares = scores.quantile([0.05, 0.25, 0.5, 0.75, 0.95]).to_numpy(float)
    lower, low, middle, high, upper = (_on_strip(float(share)) for share in shares)
    return Strip(lower, middle, upper, inner=(low, high))


def _on_strip(share: float) -> float:
    """Leave room for the figures at both ends of a scale from 0 to 1."""
    return round(0.06 + 0.88 * min(max(share, 0.0), 1.0), 4)
