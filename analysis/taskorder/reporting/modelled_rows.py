"""Which rows a model is fitted to: what each study has of them, and what was left out."""

from __future__ import annotations

import pandas as pd

from taskorder.inference.fitting import Fit
from taskorder.inference.scales import SCALES
from taskorder.reporting import wording
from taskorder.reporting.catalogue_summary import CatalogueSummary
from taskorder.reporting.content import Cell, Column, Part, Strip, Table, Tick, as_json

_HEADS = {"system": "Systems", "sequence": "Sequences", "target": "Targets", "language": "Languages"}


def data(fit: Fit, catalogue: CatalogueSummary) -> Part:
    """Return what is modelled of each study, on what condition, and what is not."""
    return {
        "table": as_json(_modelled(fit, catalogue)),
        "condition": fit.spec.data.where,
        "notes": [wording.sentence_case(note) for note in fit.manifest["notes"]],
        "left_out": _left_out(fit, catalogue),
    }


def _left_out(fit: Fit, catalogue: CatalogueSummary) -> str:
    if fit.spec.data.layout != "results":
        return ""
    rows = fit.manifest["rows"]
    known = {name: catalogue.study(name) for name in rows}
    if any(study is None for study in known.values()):
        return ""
    total = sum(study.rows for study in known.values() if study is not None)
    flagged = sum(study.flagged for study in known.values() if study is not None)
    asked = f" but those flagged {wording.listed(fit.spec.data.flags)}" if fit.spec.data.flags else ""
    return (
        f"Of {wording.count(total)} rows in the tables of these studies"
        f" {wording.count(sum(rows.values()))} are modelled. {wording.count(flagged)} bear a flag (derived,"
        f" second-hand, a mean of other rows, suspect) and stay out{asked}; the others do not fulfil the"
        " condition, or were dropped."
    )


def _modelled(fit: Fit, catalogue: CatalogueSummary) -> Table:
    """Return what is modelled of each study; without columns that name what the rows are, rows only."""
    distinct = fit.manifest.get("distinct", {})
    shown = [name for name in _HEADS if any(name in counts for counts in distinct.values())]
    scores = _scores(fit)
    rows: list[tuple[Cell, ...]] = []
    for study, count in fit.manifest["rows"].items():
        known = catalogue.study(study)
        counts = (wording.count(distinct[study][name]) for name in shown)
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
