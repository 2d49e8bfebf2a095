"""From model files to the report: every chapter made, or found again, and all of them set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from taskorder.claims import Claim, Verdict, hear, refuse_unmatched
from taskorder.claims import ledger as ledgers
from taskorder.claims.hearing import without_data
from taskorder.claims.ledger import Ledger
from taskorder.claims.proceedings import CALIBRATIONS, CLAIMS, LEDGER, registered, shipped
from taskorder.errors import MissingData
from taskorder.inference.session import Settings, tables_of
from taskorder.inference.spec import ModelSpec
from taskorder.paths import resource
from taskorder.reporting import calibration, chapters, keeping
from taskorder.reporting.answer import Unanswered
from taskorder.reporting.catalogue_summary import CatalogueSummary, summarise_catalogue
from taskorder.reporting.content import Part
from taskorder.reporting.document import Report, assembled, write
from taskorder.reporting.gathering import gathered
from taskorder.results.catalogue import covariates

type Say = Callable[[str], None]
_SUMMARY = TypeAdapter(CatalogueSummary)


@dataclass(frozen=True)
class Made:
    """A report, and the models whose fit failed its diagnostics."""

    report: Report
    failed: tuple[str, ...]


def make_report(output: Path, settings: Settings, *, force: bool, say: Say = lambda _: None) -> Made:
    """Fit every shipped model, judge every registered claim and set the report.

    A chapter that was made before from the same data, model, claims and code is found again.

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
        If a claim is about a model or an estimand that there is not, before anything is computed; or if a
        model does not suit its tables. A model whose tables are not there is no error: its chapter says so.
    """
    if output.exists() and not force:
        raise FileExistsError(f"{output} exists and is left as it is: pass --force to replace it.")
    claims, models = registered(), shipped()
    refuse_unmatched(claims, models)
    catalogue = _catalogue()
    parts = {
        spec.name: _chapter(spec, claims, settings, catalogue, say) for spec in _in_order(models, claims)
    }
    say(f"setting {output}")
    ledger = ledgers.read(resource(CLAIMS).with_name(LEDGER))
    edits = ledgers.edits(ledger, claims)
    content = assembled(list(parts.values()), catalogue, ledger, without_data(claims), edits)
    report = write(content, output, force=force)
    return Made(report, tuple(name for name, part in parts.items() if not part["ok"]))


def _in_order(models: Sequence[ModelSpec], claims: Sequence[Claim]) -> list[ModelSpec]:
    """Return the models in the order in which claims about them are registered, then those without claims."""
    first = list(dict.fromkeys(claim.model for claim in claims))
    return sorted(models, key=lambda spec: first.index(spec.name) if spec.name in first else len(first))


def _catalogue() -> CatalogueSummary:
    part = keeping.kept("catalogue", keeping.of_catalogue(), lambda: asdict(summarise_catalogue()))
    return _SUMMARY.validate_python(part)


def _chapter(
    spec: ModelSpec, claims: Sequence[Claim], settings: Settings, catalogue: CatalogueSummary, say: Say
) -> Part:
    about = [claim for claim in claims if claim.model == spec.name]
    folder, path = resource(CALIBRATIONS), resource(CLAIMS).with_name(LEDGER)
    try:
        tables = tables_of(spec)
    except MissingData as error:
        say(f"{spec.name} has no data: {error}")
        return chapters.answer(Unanswered(spec, tuple(map(Verdict, about)), str(error)), catalogue)
    files = [*tables, *sorted(folder.glob(f"{spec.name}_*.csv")), path]
    key = keeping.of_chapter(spec, about, settings, files)
    return keeping.kept(
        spec.name, key, lambda: _made(spec, about, settings, catalogue, ledgers.read(path), say)
    )


def _made(
    spec: ModelSpec,
    claims: Sequence[Claim],
    settings: Settings,
    catalogue: CatalogueSummary,
    ledger: Ledger,
    say: Say,
) -> Part:
    known, folder = covariates(), resource(CALIBRATIONS)
    heard = hear(spec, claims, known, settings, calibrations=folder, say=say)
    found = gathered(heard, known, calibration.read(folder), heard.differences(ledger), say)
    return chapters.answer(found, catalogue)
