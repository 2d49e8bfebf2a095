"""From model files to the report: every chapter made, or found again, and all of them set."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from taskorder.claims import Claim, Verdict, hear, refuse_unmatched
from taskorder.claims import ledger as ledgers
from taskorder.claims.hearing import without_data
from taskorder.claims.proceedings import CALIBRATIONS, CLAIMS, CONTROLS, LEDGER, registered, shipped
from taskorder.errors import MissingData
from taskorder.inference.session import Settings, fitted, tables_of
from taskorder.inference.spec import ModelSpec
from taskorder.paths import resource
from taskorder.processes import WORKERS, processes
from taskorder.reporting import calibration, chapters, controls, keeping
from taskorder.reporting.answer import Unanswered
from taskorder.reporting.catalogue_summary import CatalogueSummary, summarise_catalogue
from taskorder.reporting.content import Part
from taskorder.reporting.document import Report, assembled, write
from taskorder.reporting.gathering import gathered
from taskorder.results.catalogue import covariates

type Say = Callable[[str], None]
_SUMMARY = TypeAdapter(CatalogueSummary)


def _silent(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Made:
    """A report, and the models whose fit failed its diagnostics."""

    report: Report
    failed: tuple[str, ...]


def make_report(
    output: Path, settings: Settings, *, force: bool, workers: int = 1, say: Say = _silent
) -> Made:
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
    workers : int
        Processes that make chapters at the same time; then `say` has to be a function of a module.
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
    parts = _chapters(_Maker(claims, settings, say), _in_order(models, claims), workers)
    say(f"setting {output}")
    ledger = ledgers.read(_ledger())
    edits = ledgers.edits(ledger, claims)
    content = assembled(list(parts.values()), _catalogue(), ledger, without_data(claims), edits)
    report = write(content, output, force=force)
    return Made(report, tuple(name for name, part in parts.items() if not part["ok"]))


def _chapters(maker: _Maker, models: Sequence[ModelSpec], workers: int) -> dict[str, Part]:
    """Return the chapters by model; those that are not kept are made in processes of their own.

    All are fitted first, and the chapter of the fit that took longest is begun with: it takes long, too, and
    would be left alone in the end. The catalogue, which every chapter needs, is summed up meanwhile.
    """
    waiting = [spec for spec in models if workers > 1 and not maker.has(spec)]
    made: dict[str, Part] = {}
    if len(waiting) > 1:
        alone = replace(maker, settings=replace(maker.settings, progress=False), workers=1)
        with processes(workers) as pool:
            fits = pool.map(alone.fit, waiting)
            _catalogue()
            seconds = dict(zip((spec.name for spec in waiting), fits, strict=True))
            waiting.sort(key=lambda spec: seconds[spec.name], reverse=True)
            made = dict(zip((spec.name for spec in waiting), pool.map(alone, waiting), strict=True))
    return {spec.name: made.get(spec.name) or maker(spec) for spec in models}


def _in_order(models: Sequence[ModelSpec], claims: Sequence[Claim]) -> list[ModelSpec]:
    """Return the models in the order in which claims about them are registered, then those without claims."""
    first = list(dict.fromkeys(claim.model for claim in claims))
    return sorted(models, key=lambda spec: first.index(spec.name) if spec.name in first else len(first))


def _catalogue() -> CatalogueSummary:
    """Return what the catalogue holds, summed up once for all chapters."""
    part = keeping.kept("catalogue", keeping.of_catalogue(), lambda: asdict(summarise_catalogue()))
    return _SUMMARY.validate_python(part)


@dataclass(frozen=True)
class _Maker:
    """What makes a chapter, and what all of them are made with."""

    claims: tuple[Claim, ...]
    settings: Settings
    say: Say
    workers: int = WORKERS

    def __call__(self, spec: ModelSpec) -> Part:
        """Return the chapter of a model, found again or made."""
        about = self._about(spec)
        try:
            key = self._key(spec, about)
        except MissingData as error:
            self.say(f"{spec.name} has no data: {error}")
            return chapters.answer(Unanswered(spec, tuple(map(Verdict, about)), str(error)), _catalogue())
        return keeping.kept(spec.name, key, lambda: self._made(spec, about))

    def fit(self, spec: ModelSpec) -> float:
        """Fit a model, or find its fit, and return the seconds that it took."""
        began = time.perf_counter()
        fitted(spec, (), covariates(), self.settings, self.say)
        return time.perf_counter() - began

    def has(self, spec: ModelSpec) -> bool:
        """Say whether the chapter is kept, or there are no data to make it from."""
        try:
            return keeping.found(spec.name, self._key(spec, self._about(spec))) is not None
        except MissingData:
            return True

    def _about(self, spec: ModelSpec) -> list[Claim]:
        return [claim for claim in self.claims if claim.model == spec.name]

    def _key(self, spec: ModelSpec, about: Sequence[Claim]) -> str:
        calibrations = sorted(resource(CALIBRATIONS).glob(f"{spec.name}_*.csv"))
        files = [*tables_of(spec), *calibrations, _controls(spec), _ledger()]
        return keeping.of_chapter(spec, about, self.settings, files)

    def _made(self, spec: ModelSpec, about: Sequence[Claim]) -> Part:
        known, folder = covariates(), resource(CALIBRATIONS)
        heard = hear(
            spec, about, known, self.settings, calibrations=folder, workers=self.workers, say=self.say
        )
        news = heard.differences(ledgers.read(_ledger()))
        controlled = controls.read(_controls(spec), heard.found.fit, about)
        found = gathered(heard, known, calibration.read(folder), controlled, news, self.say)
        return chapters.answer(found, _catalogue())


def _controls(spec: ModelSpec) -> Path:
    """Return where the table of a model's controls lies, if there is one."""
    return resource(CLAIMS).with_name(CONTROLS) / f"{spec.name}.csv"


def _ledger() -> Path:
    return resource(CLAIMS).with_name(LEDGER)
