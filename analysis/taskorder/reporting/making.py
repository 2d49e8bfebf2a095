"""From model files to the report: fit, verdicts, companions, what the estimates rest on, document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from taskorder.claims import Claim, examine, read_claims, refuse_unmatched, verdict
from taskorder.inference.frequentist.beside import companions
from taskorder.inference.session import Settings, fitted, read_tables, tables_of
from taskorder.inference.spec import ModelSpec, read_model
from taskorder.paths import resource
from taskorder.reporting import calibration
from taskorder.reporting.answer import Answer
from taskorder.reporting.catalogue_summary import summarise_catalogue
from taskorder.reporting.document import Report, build
from taskorder.reporting.left_out import LeftOut
from taskorder.reporting.sensitivity import sensitivity
from taskorder.results.catalogue import Covariates, covariates

CALIBRATIONS = "reports/calibration"


@dataclass(frozen=True)
class Made:
    """A report, and the models whose fit failed its diagnostics."""

    report: Report
    failed: tuple[str, ...]


def make_report(
    output: Path, settings: Settings, *, force: bool, say: Callable[[str], None] = lambda _: None
) -> Made:
    """Fit every shipped model, judge every registered claim and set the report.

    Parameters
    ----------
    output : Path
        The PDF.
    settings : Settings
        How the models are fitted.
    force : bool
        Replace a file that exists.
    say : callable
        Is told what takes time before it is done.

    Raises
    ------
    FileExistsError
        If `output` exists and `force` is not set; before anything is computed.
    TaskorderError
        If a claim is about a model or an estimand that there is not; before anything is computed.
    """
    if output.exists() and not force:
        raise FileExistsError(f"{output} exists and is left as it is: pass --force to replace it.")
    claims = read_claims(resource("reports/claims.toml"))
    known = covariates()
    models = [read_model(path) for path in sorted(resource("models").glob("*.toml"))]
    refuse_unmatched(claims, models)
    answers = [_answer(spec, claims, known, settings, say) for spec in models]
    say(f"setting {output}")
    report = build(answers, output, catalogue=summarise_catalogue(), force=force)
    failed = tuple(answer.fit.spec.name for answer in answers if not answer.fit.diagnostics.ok)
    return Made(report, failed)


def _answer(
    spec: ModelSpec,
    claims: Sequence[Claim],
    known: Covariates,
    settings: Settings,
    say: Callable[[str], None],
) -> Answer:
    about = [claim for claim in claims if claim.model == spec.name]
    found = fitted(spec, (), known, settings, say)
    table, _ = read_tables(spec, tables_of(spec), known)
    examined = examine(found, table, known, about, seed=settings.seed, say=say)
    return Answer(
        fit=found.fit,
        verdicts=tuple(verdict(claim, examined, resource(CALIBRATIONS)) for claim in about),
        companion=companions(found.fit, known, table),
        covariates=known,
        left_out=LeftOut(examined.left_out, examined.obstacle),
        sensitivity=sensitivity(found.fit),
        calibrations=tuple(one for one in calibration.read(resource(CALIBRATIONS)) if one.model == spec.name),
    )
