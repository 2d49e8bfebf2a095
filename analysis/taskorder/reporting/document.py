"""The document: what the template is given, and the PDF that Typst makes of it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typst

from taskorder.errors import MissingData
from taskorder.files import write_whole
from taskorder.paths import resource
from taskorder.reporting import appendix, chapters, wording
from taskorder.reporting.answer import Answer
from taskorder.reporting.catalogue_summary import CatalogueSummary

TEMPLATE = "reports/template"
_MAIN = "report.typ"


@dataclass(frozen=True)
class Report:
    """A document that was made: where it is, its SHA-256, how many pages it has, and the seconds it took."""

    path: Path
    sha256: str
    pages: int
    seconds: float


def build(
    answers: Sequence[Answer], output: Path, *, catalogue: CatalogueSummary, force: bool = True
) -> Report:
    """Write the report.

    Parameters
    ----------
    answers : sequence of Answer
        One chapter each; at least one.
    output : Path
        The PDF.
    catalogue : CatalogueSummary
        As `summarise_catalogue` gives it.
    force : bool
        Replace a file that exists.

    Returns
    -------
    Report
        The same answers give the same bytes.

    Raises
    ------
    MissingData
        If there is no answer to report.
    FileExistsError
        If the file exists and `force` is not set.
    """
    began = time.perf_counter()
    if not answers:
        raise MissingData(
            "There is nothing to report: fit a model first, with taskorder fit --model models/moderators.toml"
        )
    if output.exists() and not force:
        raise FileExistsError(f"{output} exists and is left as it is: pass --force to replace it.")
    content, pages = typeset(context(answers, catalogue))
    write_whole(output, content, force=force)
    return Report(output, hashlib.sha256(content).hexdigest(), pages, time.perf_counter() - began)


def context(answers: Sequence[Answer], catalogue: CatalogueSummary) -> dict[str, object]:
    """Return all that the template sets: finished text, tables and pictures, as JSON holds it."""
    return {
        "title": _title(answers),
        "answers": [chapters.answer(answer, catalogue) for answer in answers],
        "catalogue": appendix.catalogue(catalogue),
        "sources": appendix.sources(answers, catalogue),
        "provenance": appendix.provenance(answers),
    }


def _title(answers: Sequence[Answer]) -> str:
    if len(answers) == 1:
        return answers[0].fit.spec.question or answers[0].fit.spec.name
    title = wording.sentence_case(wording.counted(len(answers), "question"))
    return f"{title} about intermediate tasks" if all(found.fit.spec.sequence for found in answers) else title


def typeset(content: dict[str, object]) -> tuple[bytes, int]:
    """Set the content with the template; return the PDF and how many pages it has.

    Only typefaces that Typst brings along are used, and no date, so the bytes depend on the content alone.
    """
    folder = resource(TEMPLATE)
    compiler = typst.Compiler(
        folder / _MAIN,
        root=folder,
        ignore_system_fonts=True,
        sys_inputs={"content": json.dumps(content, ensure_ascii=False, allow_nan=False)},
    )
    pdf = compiler.compile(format="pdf", timestamp=0)
    pages = json.loads(compiler.query("<last-page>", field="value", one=True))
    assert isinstance(pdf, bytes)
    return pdf, int(pages)
