"""The parts of the document: each takes what is known and returns what the template sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np
import pandas as pd

from taskorder.inference.diagnostics import MAX_R_HAT, MIN_ESS
from taskorder.inference.fitting import Fit
from taskorder.inference.scales import SCALES
from taskorder.reporting import (
    calibration,
    companions,
    contrasts,
    equation,
    estimates,
    figures,
    left_out,
    names,
    sensitivity,
    sentences,
    tables,
    wording,
)
from taskorder.reporting.answer import Answer
from taskorder.reporting.catalogue_summary import CatalogueSummary
from taskorder.reporting.content import Cell, Column, Kind, Strip, Table, Tick, as_json
from taskorder.reporting.style import Picture
from taskorder.results import catalogue as shipped

type Part = dict[str, object]

_MOST_RANKS = 3


def answer(found: Answer, catalogue: CatalogueSummary) -> Part:
    """Return the summary and the chapter of one answer."""
    fit = found.fit
    return {
        "name": wording.sentence_case(names.plain(fit.spec.name)),
        "question": fit.spec.question,
        "subtitle": sentences.subtitle(fit),
        "failed": list(fit.failures),
        "ok": fit.diagnostics.ok,
        "findings": sentences.findings(found),
        "doubts": sentences.doubts(fit),
        "conventions": sentences.conventions(fit),
        "headline": as_json(tables.headline(found)),
        "densities": _densities(found),
        "verdicts": as_json(tables.verdicts(found)) if found.verdicts else None,
        "data": _data(found, catalogue),
        "results": _results(found),
        "companions": _companions(found),
        "rests_on": _rests_on(found),
        "claims": _claims(found),
        "model": _model(fit),
        "diagnostics": _diagnostics(fit),
        "calibration": _calibration(found),
    }


def _picture(picture: Picture, caption: str) -> Part:
    return {**asdict(picture), "caption": caption}


def _densities(found: Answer) -> Part | None:
    """Draw the headline slopes that share the unit of the first."""
    shown = [estimate for estimate in estimates.headline(found.fit) if estimate.term != "1"]
    shown = [estimate for estimate in shown if estimate.unit == shown[0].unit]
    if not shown:
        return None
    ropes = [found.rope(estimate.parameter) for estimate in shown]
    unit = shown[0].unit or estimates.outcome_unit(found.fit)
    caption = "The posterior of each slope, with its mean, its central half and its 95 % interval."
    if any(ropes):
        caption += f" Shaded: what the claims hold too small to matter{_limit(ropes, unit)}."
    return _picture(figures.densities(shown, ropes, wording.long_unit(unit)), caption)


def _limit(ropes: Sequence[float], unit: str) -> str:
    """Return the limit that all slopes share, as the end of a sentence; empty if they have different ones."""
    return f", ±{ropes[0]:g} {wording.short_unit(unit)}" if len(set(ropes)) == 1 else ""


def _data(found: Answer, catalogue: CatalogueSummary) -> Part:
    fit = found.fit
    return {
        "table": as_json(_modelled(fit, catalogue)),
        "condition": fit.spec.data.where,
        "notes": [wording.sentence_case(note) for note in fit.manifest["notes"]],
        "left_out": _left_out(fit, catalogue),
    }


def _left_out(fit: Fit, catalogue: CatalogueSummary) -> str:
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
    cells = _cells(fit)
    shown = [name for name in ("system", "sequence", "target", "language") if name in cells]
    heads = {"system": "Systems", "sequence": "Sequences", "target": "Targets", "language": "Languages"}
    scored = fit.spec.outcome.scale != "identity"
    rows: list[tuple[Cell, ...]] = []
    for study, count in fit.manifest["rows"].items():
        own = cells[cells["study"] == study] if "study" in cells else cells
        known = catalogue.study(study)
        strip: tuple[Cell, ...] = (_spread(own["score"]),) if scored else ()
        cell_counts = (wording.count(own[own[name] != ""][name].nunique()) for name in shown)
        rows.append((study, known.title if known else "", wording.count(count), *cell_counts, *strip))
    ticks = tuple(Tick(_on_strip(at), f"{100 * at:.0f}") for at in (0.0, 0.5, 1.0))
    columns = (
        Column("Study"),
        Column("", width="1fr"),
        Column("Rows", "number"),
        *(Column(heads[name], "number") for name in shown),
        *((Column("", "strip", 30.0, ticks),) if scored else ()),
    )
    return Table(columns, tuple(rows), wide=True)


def _cells(fit: Fit) -> pd.DataFrame:
    data = fit.tree["constant_data"].to_dataset()
    wanted = ("study", "backbone", "tuning", "sequence", "target", "language")
    frame = pd.DataFrame({name: data[name].to_numpy().astype(str) for name in wanted if name in data})
    if {"backbone", "tuning"} <= set(frame):
        frame = frame.assign(system=frame["backbone"] + "/" + frame["tuning"])
    scale = SCALES[fit.spec.outcome.scale]
    return frame.assign(score=scale.inverse(fit.tree["observed_data"]["mean"].to_numpy()))


def _spread(scores: pd.Series) -> Strip:
    shares = scores.quantile([0.05, 0.25, 0.5, 0.75, 0.95]).to_numpy(float)
    lower, low, middle, high, upper = (_on_strip(float(share)) for share in shares)
    return Strip(lower, middle, upper, inner=(low, high))


def _on_strip(share: float) -> float:
    """Leave room for the figures at both ends of a scale from 0 to 1."""
    return round(0.06 + 0.88 * min(max(share, 0.0), 1.0), 4)


def _matrix(found: Answer) -> Part | None:
    rows = _contrasts(found)
    chosen = contrasts.matrix(rows) if rows is not None else None
    if chosen is None:
        return None
    study, table = chosen
    best = table.mean(axis=1)
    caption = (
        f"What each stage (row) does to each target (column) in {study}, before any model: its score"
        " against the mean over all stages. A full disc is a gain, an open one a loss; the largest is"
        f" {wording.signed(_largest(table), 1)} points. On average {names.plain(str(best.index[0]))} does"
        f" most ({wording.signed(float(best.iloc[0]), 1)}), {names.plain(str(best.index[-1]))} least"
        f" ({wording.signed(float(best.iloc[-1]), 1)})."
    )
    return _picture(figures.gain_matrix(table), caption)


def _largest(table: pd.DataFrame) -> float:
    values = table.to_numpy(float)
    return float(values.flat[int(np.nanargmax(np.abs(values)))])


def _contrasts(found: Answer) -> pd.DataFrame | None:
    return contrasts.contrasts(found.fit, found.covariates or shipped.covariates())


def _results(found: Answer) -> Part:
    fit = found.fit
    return {
        "forests": [_forest(found, group) for group in estimates.by_level(fit)],
        "moderators": _moderators(found),
        "matrix": _matrix(found),
        "estimates": as_json(tables.all_estimates(fit)) if estimates.headline(fit) else None,
        "heterogeneity": as_json(tables.heterogeneity(fit)) if estimates.heterogeneity(fit) else None,
        "signs": [
            sign for estimate in estimates.headline(fit) for sign in sentences.signs(fit, estimate.term)
        ],
    }


def _forest(found: Answer, group: str) -> Part:
    terms = estimates.by_level(found.fit)[group]
    overall = [estimates.overall(found.fit, levels[0].term) for levels in terms]
    ropes = [0.0 if total is None else found.rope(total.parameter) for total in overall]
    unit = terms[0][0].unit
    caption = (
        f"Slopes by {names.plain(group)}: mean, central half and 95 % interval."
        f" The lozenge and the broken line are the slope over all {names.plural(group)}."
        f" {wording.sentence_case(names.plural(group))} whose studies say nothing of a slope show the spread"
        f" of the population of {names.plural(group)}."
    )
    if any(ropes):
        caption += f" Shaded: what the claims hold too small to matter{_limit(ropes, unit)}."
    if len(terms[0]) > figures.MOST_LEVELS:
        caption += f" Shown are the {figures.MOST_LEVELS} most extreme of {wording.count(len(terms[0]))}."
    return _picture(figures.forest(terms, overall, ropes, unit.split(" at ")[0]), caption)


def _moderators(found: Answer) -> list[Part]:
    rows = _contrasts(found)
    if rows is None:
        return []
    shown = [contrasts.against(found.fit, rows, term) for term in ("difficulty", "similarity")]
    return [_moderator(data) for data in shown if data is not None]


def _moderator(data: contrasts.Against) -> Part:
    if len(data.fitted):
        caption = (
            f"Each stage against its {data.term}. Open: its mean score in the rows, before any model."
            " Full: what the model makes of it, with 95 % interval. Line and band: the slope alone."
            f" What lies off the line, {data.term} does not explain."
        )
    else:
        caption = (
            f"Each of {wording.count(len(data.labels))} pairs of stage and target against their {data.term},"
            " before any model; line and band: the slope of the model with its 95 % interval."
        )
    return {
        **_picture(figures.moderator(data, "in standard deviations"), caption),
        "term": names.plain(data.term),
    }


def _companions(found: Answer) -> Part | None:
    paired, alone = companions.paired(found), companions.alone(found)
    if not paired and not alone:
        return None
    return {
        "beside": as_json(companions.beside(found)) if paired else None,
        "method": companions.method(found),
        "disagreements": companions.disagreements(found) if paired else "",
        "others": as_json(companions.others(found)) if alone else None,
    }


def _rests_on(found: Answer) -> Part | None:
    """Return what the estimates would be without each study, and how much they rest on the prior."""
    fit, scaled = found.fit, found.sensitivity
    told = left_out.headline(found.left_out, fit)
    texts = left_out.text(found.left_out, fit)
    if not texts and scaled is None:
        return None
    return {
        "left_out": texts,
        "left_out_table": as_json(left_out.table(found.left_out, fit)) if told else None,
        "sensitivity": sensitivity.text(scaled) if scaled else "",
        "sensitivity_table": as_json(sensitivity.table(scaled, fit)) if scaled else None,
    }


def _claims(found: Answer) -> Part | None:
    if not found.verdicts:
        return None
    reasons = [
        {
            "statement": verdict.statement,
            "question": verdict.question,
            "id": verdict.id,
            "reasons": [f"{wording.sentence_case(reason)}." for reason in verdict.reasons],
        }
        for verdict in found.verdicts
    ]
    return {"table": as_json(tables.verdicts(found, full=True)), "reasons": reasons}


def _model(fit: Fit) -> Part:
    return {
        "equations": equation.lines(fit.spec),
        "legend": equation.legend(fit.spec),
        "priors": as_json(tables.priors(fit)),
        "units": as_json(tables.units(fit)) if fit.manifest["units"] else None,
        "scale": fit.spec.outcome.scale,
    }


def _diagnostics(fit: Fit) -> Part:
    chosen = [estimate for estimate in estimates.headline(fit) if estimate.term != "1"][:_MOST_RANKS]
    chains = fit.tree["posterior"].sizes["chain"]
    ranked = [(estimate.label, estimate.draws.reshape(chains, -1)) for estimate in chosen]
    caption = (
        f"Left: every estimate; the broken lines are the gates (R-hat at most {MAX_R_HAT:g}, effective sample"
        f" size at least {MIN_ESS}), a cross is beyond them. Right: the share of each chain’s ranks below"
        " each value, less what is expected; chains that mix stay near zero."
    )
    return {
        "table": as_json(tables.gates(fit)),
        "picture": _picture(figures.mixing(fit.summary, ranked, MAX_R_HAT, MIN_ESS), caption),
        "text": sentences.computation(fit),
        "failed": list(fit.failures),
    }


def _calibration(found: Answer) -> Part:
    """Return how well the model's engines are calibrated, as far as it has been tried."""
    return {
        "text": [sentences.calibrated(one, found.fit) for one in found.calibrations]
        or [sentences.not_calibrated(found.fit)],
        "overview": as_json(calibration.overview(found.calibrations))
        if len(found.calibrations) > 1
        else None,
        "engines": [_engine(one) for one in found.calibrations],
    }


def _engine(one: calibration.Calibrated) -> Part:
    caption = (
        f"The {one.engine} engine: the distribution function of the truths’ ranks among the draws, less that"
        " of uniform ranks. The band holds all of a curve with probability 95 % where the engine is right;"
        " levels of a group share a panel. A curve that leaves it is ochre."
    )
    return {
        "coverage": as_json(calibration.coverage(one)),
        "picture": _picture(calibration.panels(one), caption),
    }


def catalogue(found: CatalogueSummary) -> Part:
    """Return the catalogue in a few sentences and two tables."""
    return {
        "text": _catalogue_text(found),
        "table": as_json(_catalogue_table(found)),
        "flags": as_json(_flags_table(found)) if found.flags else None,
    }


def _catalogue_text(found: CatalogueSummary) -> str:
    text = (
        f"The catalogue holds {wording.count(found.rows)} scores of {wording.count(found.runs)} runs in"
        f" {wording.counted(len(found.studies), 'study', 'studies')}:"
        f" {wording.counted(found.backbones, 'backbone')}, {wording.counted(found.tasks, 'task')},"
        f" {wording.counted(found.languages, 'language')} of"
        f" {wording.counted(found.families, 'family', 'families')}. {wording.count(found.flagged)} rows bear"
        " a flag; models leave them out unless a model file asks for them."
    )
    if not found.source_rows:
        return text
    return (
        f"{text} Of {wording.count(found.source_rows)} rows in the collected sources"
        f" {wording.count(found.left_out)} are in no table here, because they are differences, means over"
        " orders, human scores or have no value."
    )


def _catalogue_table(found: CatalogueSummary) -> Table:
    rows = tuple(
        (
            study.study,
            study.title,
            *(
                wording.count(n)
                for n in (study.rows, study.runs, study.backbones, study.tasks, study.languages)
            ),
            wording.count(study.flagged) if study.flagged else "–",
            study.licence,
        )
        for study in sorted(found.studies, key=lambda study: -study.rows)
    )
    counts = ("Rows", "Runs", "Models", "Tasks", "Lang.", "Flagged")
    columns = (
        Column("Study"),
        Column("Title", width="1fr"),
        *(Column(head, "number") for head in counts),
        Column("Licence", width=24.0),
    )
    return Table(columns, rows, wide=True)


def _flags_table(found: CatalogueSummary) -> Table:
    rows = tuple((flag, FLAGS.get(flag, ""), wording.count(number)) for flag, number in found.flags)
    return Table((Column("Flag"), Column("", width="1fr"), Column("Rows", "number")), rows)


FLAGS = {
    "mean": "mean of other rows, languages or tasks",
    "duplicate": "stands elsewhere in the catalogue",
    "second-hand": "quoted by another source than the study",
    "derived": "computed, not printed",
    "suspect": "at odds with other rows of the same source",
    "unstated": "something the table needs is not stated in the source and was assigned",
}


def sources(answers: Sequence[Answer], catalogue: CatalogueSummary) -> list[Part]:
    """Return the studies as references: first those that are modelled, then the others."""
    modelled = {study for found in answers for study in found.fit.manifest["rows"]}
    ordered = sorted(catalogue.studies, key=lambda study: (study.study not in modelled, study.study))
    return [{**asdict(study), "modelled": study.study in modelled} for study in ordered]


def provenance(answers: Sequence[Answer]) -> Part:
    """Return what the posteriors were made from: files with their digests, models, versions, seeds."""
    fits = [found.fit for found in answers]
    inputs = {str(file["path"]): file for fit in fits for file in fit.manifest["inputs"]}
    versions = {name: version for fit in fits for name, version in fit.manifest["versions"].items()}
    digests = [(path, str(file["sha256"])) for path, file in inputs.items()]
    for fit in fits:
        digests.append((f"model {fit.spec.name}", str(fit.manifest["model_sha256"])))
        digests.append((f"rows of {fit.spec.name}", str(fit.manifest["rows_sha256"])))
    files = [
        (path, wording.count(int(file["rows"])), _short(file["sha256"])) for path, file in inputs.items()
    ]
    model_heads = ["Model", "SHA-256", "Rows", "Seed", "Draws", "Engine"]
    model_kinds: list[Kind] = ["text", "mono", "mono", "number", "number", "text"]
    return {
        "files": as_json(_table(["File", "Rows", "SHA-256"], ["text", "number", "mono"], files)),
        "models": as_json(_table(model_heads, model_kinds, [_model_row(fit) for fit in fits])),
        "versions": [{"name": name, "version": version} for name, version in versions.items()],
        "digests": as_json(replace(_table(["", "SHA-256"], ["text", "mono"], digests), wide=True)),
    }


def _model_row(fit: Fit) -> tuple[str, ...]:
    m = fit.manifest
    digests = (_short(m["model_sha256"]), _short(m["rows_sha256"]))
    return (fit.spec.name, *digests, str(m["seed"]), wording.count(int(m["draws"])), str(m["engine"]))


def _short(digest: object) -> str:
    """Return the first 16 digits of a SHA-256."""
    return str(digest)[:16]


def _table(heads: Sequence[str], kinds: Sequence[Kind], rows: Sequence[tuple[Cell, ...]]) -> Table:
    columns = [
        Column(head, kind, "1fr" if i == 0 else "auto")
        for i, (head, kind) in enumerate(zip(heads, kinds, strict=True))
    ]
    return Table(tuple(columns), tuple(rows))
