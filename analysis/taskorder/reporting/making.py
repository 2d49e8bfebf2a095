"""From model files to the report: fit, verdicts, companions, what the estimates rest on, document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from taskorder.claims import Hearing
from taskorder.claims.proceedings import CALIBRATIONS, proceed
from taskorder.inference.frequentist.beside import companions
from taskorder.inference.session import Settings
from taskorder.paths import resource
from taskorder.reporting import calibration
from taskorder.reporting.answer import Answer
from taskorder.reporting.catalogue_summary import summarise_catalogue
from taskorder.reporting.document import Report, build
from taskorder.reporting.left_out import LeftOut
from taskorder.reporting.sensitivity import sensitivity
from taskorder.results.catalogue import Covariates, covariates


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
    done = proceed(settings, say=say)
    known = covariates()
    answers = [_answer(heard, known) for heard in done.hearings]
    say(f"setting {output}")
    report = build(answers, output, catalogue=summarise_catalogue(), force=force)
    failed = tuple(answer.fit.spec.name for answer in answers if not answer.fit.diagnostics.ok)
    return Made(report, failed)


def _answer(heard: Hearing, known: Covariates) -> Answer:
    fit = heard.found.fit
    return Answer(
        fit=fit,
        verdicts=heard.verdicts,
        companion=companions(fit, known, heard.table),
        covariates=known,
        left_out=LeftOut(heard.examination.left_out, heard.examination.obstacle),
        sensitivity=sensitivity(fit),
        calibrations=tuple(
            one for one in calibration.read(resource(CALIBRATIONS)) if one.model == fit.spec.name
        ),
    )
