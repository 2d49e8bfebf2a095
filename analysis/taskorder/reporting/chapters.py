"""The chapter of each answer: its parts take what is known and return what the template sets."""

from __future__ import annotations

from collections.abc import Sequence

from taskorder.claims import Verdict
from taskorder.inference.fitting import Fit
from taskorder.inference.spec import ModelSpec
from taskorder.reporting import (
    appendix,
    calibration,
    changing,
    companions,
    controls,
    equation,
    estimates,
    left_out,
    modelled_rows,
    names,
    networks,
    pictures,
    sensitivity,
    sentences,
    summary,
    tables,
    wording,
)
from taskorder.reporting.answer import Answer, Unanswered
from taskorder.reporting.catalogue_summary import CatalogueSummary
from taskorder.reporting.content import Part, as_json


def answer(found: Answer | Unanswered, catalogue: CatalogueSummary) -> Part:
    """Return all that the document says of one question."""
    return _unanswered(found) if isinstance(found, Unanswered) else _answered(found, catalogue)


def _answered(found: Answer, catalogue: CatalogueSummary) -> Part:
    fit = found.fit
    return {
        **_head(fit.spec),
        "why": "",
        "subtitle": sentences.subtitle(fit),
        "failed": list(fit.failures),
        "ok": fit.diagnostics.ok,
        "card": summary.card(found),
        "findings": sentences.findings(found),
        "doubts": sentences.doubts(fit),
        "conventions": sentences.conventions(fit),
        "headline": as_json(tables.headline(found)),
        "densities": pictures.densities(found),
        "verdicts": as_json(tables.verdicts(found)) if found.verdicts else None,
        "data": modelled_rows.data(fit, catalogue),
        "networks": [_network(fit, one) for one in found.networks],
        "results": _results(found),
        "companions": _companions(found),
        "rests_on": _rests_on(found),
        "specifications": pictures.specifications(found),
        "claims": claims(found.verdicts),
        "model": _model(fit),
        "diagnostics": _diagnostics(fit),
        "calibration": _calibration(found),
        "controls": _controls(found),
        "news": list(found.news),
        "made_from": appendix.made_from(fit),
    }


def _unanswered(found: Unanswered) -> Part:
    """Return what can be said of a question that no data bear on."""
    return {
        **_head(found.spec),
        "why": found.why,
        "ok": True,
        "failed": [],
        "card": summary.card(found),
        "claims": claims(found.verdicts),
        "news": [],
        "made_from": None,
    }


def _head(spec: ModelSpec) -> Part:
    return {
        "name": wording.sentence_case(names.plain(spec.name)),
        "question": spec.question,
        "transfer": spec.data.layout == "results",
    }


def _network(fit: Fit, found: networks.Evidence) -> Part:
    unit = estimates.outcome_unit(fit)
    return {
        "name": names.plural(found.graph.column),
        "text": networks.connection_sentence(found.graph),
        "picture": pictures.network(found),
        "against": as_json(networks.against_reference(fit, found.graph)),
        "splits": as_json(networks.direct_and_indirect(fit, found.splits)) if found.splits else None,
        "conflicts": networks.conflict_sentence(found.splits),
        "consistency": found.obstacle or networks.consistency_sentence(found.inconsistency, unit),
    }


def _results(found: Answer) -> Part:
    fit = found.fit
    return {
        "curves": pictures.regrets(found),
        "orders": pictures.of_orders(fit),
        "nested": pictures.of_nested(fit),
        "forests": [pictures.forest(found, group) for group in estimates.by_level(fit)],
        "moderators": pictures.moderators(found),
        "matrix": pictures.matrix(found),
        "estimates": as_json(tables.all_estimates(fit)) if estimates.headline(fit) else None,
        "heterogeneity": as_json(tables.heterogeneity(fit)) if estimates.heterogeneity(fit) else None,
        "signs": [
            sign
            for term in dict.fromkeys(e.term for e in estimates.headline(fit))
            for sign in sentences.signs(fit, term)
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
        "omitted": companions.omitted(found),
        "others": as_json(companions.others(found)) if alone else None,
    }


def _rests_on(found: Answer) -> Part | None:
    """Return what the estimates would be without each study, and how much they rest on the prior."""
    fit, scaled = found.fit, found.sensitivity
    claimed = [verdict.claim.estimand for verdict in found.verdicts]
    told = left_out.headline(found.left_out, fit, claimed)
    texts = left_out.text(found.left_out, fit, claimed)
    if not texts and scaled is None:
        return None
    return {
        "left_out": texts,
        "left_out_table": as_json(left_out.table(found.left_out, fit, claimed)) if told else None,
        "sensitivity": sensitivity.text(scaled) if scaled else "",
        "sensitivity_table": as_json(sensitivity.table(scaled, fit)) if scaled else None,
    }


def claims(verdicts: Sequence[Verdict]) -> Part | None:
    """Return what is known of claims: verdicts, gates, reasons, and what would change the mind."""
    if not verdicts:
        return None
    return {
        "table": as_json(tables.verdicts_in_full(verdicts)),
        "evidence": as_json(tables.evidence(verdicts)),
        "rows": [tables.in_register(verdict) for verdict in verdicts],
        "reasons": [
            {
                "statement": verdict.claim.statement,
                "question": verdict.claim.question,
                "id": verdict.claim.id,
                "reasons": [f"{wording.sentence_case(reason)}." for reason in verdict.reasons],
            }
            for verdict in verdicts
        ],
        "changes": [changing.change(verdict) for verdict in verdicts],
    }


def _model(fit: Fit) -> Part:
    units = tables.units(fit)
    return {
        "equations": equation.lines(fit.spec),
        "legend": equation.legend(fit.spec),
        "priors": as_json(tables.priors(fit)),
        "units": as_json(units) if units.rows else None,
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
        "text": [
            f"{sentences.calibrated(one, found.fit)} {calibration.earlier(one, found.fit)}".strip()
            for one in found.calibrations
        ]
        or [sentences.not_calibrated(found.fit)],
        "overview": as_json(calibration.overview(found.calibrations))
        if len(found.calibrations) > 1
        else None,
        "engines": [
            {"coverage": as_json(calibration.coverage(one)), "picture": pictures.ranks(one)}
            for one in found.calibrations
        ],
    }


def _controls(found: Answer) -> Part | None:
    """Return what came of the controls of the claims; None if they have none."""
    if found.controls is None:
        return None
    shown = controls.table(found.controls)
    return {"text": controls.text(found.controls), "table": as_json(shown) if shown else None}
