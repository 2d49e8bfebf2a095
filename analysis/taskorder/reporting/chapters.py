"""The chapter of each answer: its parts take what is known and return what the template sets."""

from __future__ import annotations

from taskorder.inference.fitting import Fit
from taskorder.reporting import (
    calibration,
    companions,
    equation,
    estimates,
    left_out,
    modelled_rows,
    names,
    pictures,
    sensitivity,
    sentences,
    tables,
    wording,
)
from taskorder.reporting.answer import Answer
from taskorder.reporting.catalogue_summary import CatalogueSummary
from taskorder.reporting.content import Part, as_json


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
        "densities": pictures.densities(found),
        "verdicts": as_json(tables.verdicts(found)) if found.verdicts else None,
        "data": modelled_rows.data(fit, catalogue),
        "results": _results(found),
        "companions": _companions(found),
        "rests_on": _rests_on(found),
        "claims": _claims(found),
        "model": _model(fit),
        "diagnostics": _diagnostics(fit),
        "calibration": _calibration(found),
    }


def _results(found: Answer) -> Part:
    fit = found.fit
    return {
        "forests": [pictures.forest(found, group) for group in estimates.by_level(fit)],
        "moderators": pictures.moderators(found),
        "matrix": pictures.matrix(found),
        "estimates": as_json(tables.all_estimates(fit)) if estimates.headline(fit) else None,
        "heterogeneity": as_json(tables.heterogeneity(fit)) if estimates.heterogeneity(fit) else None,
        "signs": [
            sign for estimate in estimates.headline(fit) for sign in sentences.signs(fit, estimate.term)
        ],
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
            "statement": verdict.claim.statement,
            "question": verdict.claim.question,
            "id": verdict.claim.id,
            "reasons": [f"{wording.sentence_case(reason)}." for reason in verdict.reasons],
        }
        for verdict in found.verdicts
    ]
    return {
        "table": as_json(tables.verdicts(found, full=True)),
        "evidence": as_json(tables.evidence(found)),
        "reasons": reasons,
    }


def _model(fit: Fit) -> Part:
    return {
        "equations": equation.lines(fit.spec),
        "legend": equation.legend(fit.spec),
        "priors": as_json(tables.priors(fit)),
        "units": as_json(tables.units(fit)) if fit.manifest["units"] else None,
        "scale": fit.spec.outcome.scale,
    }


def _diagnostics(fit: Fit) -> Part:
    return {
        "table": as_json(tables.gates(fit)),
        "picture": pictures.mixing(fit),
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
        "engines": [
            {"coverage": as_json(calibration.coverage(one)), "picture": pictures.ranks(one)}
            for one in found.calibrations
        ],
    }
