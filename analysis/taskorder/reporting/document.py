"""The document: what the template is given, and the PDF that Typst makes of it."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typst

from taskorder.claims import Verdict
from taskorder.claims.ledger import Ledger
from taskorder.errors import MissingData
from taskorder.files import write_whole
from taskorder.paths import resource
from taskorder.reporting import appendix, chapters, history, summary, wording
from taskorder.reporting.answer import Answer, Unanswered
from taskorder.reporting.catalogue_summary import CatalogueSummary
from taskorder.reporting.content import Part

TEMPLATE = "reports/template"
_MAIN = "report.typ"
_BEYOND = re.compile(r"[\u0600-\u1cff\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]")
"""Letters of scripts that the typefaces of Typst lack."""


@dataclass(frozen=True)
class Report:
    """A document that was made: where it is, its SHA-256, how many pages it has, and the seconds it took."""

    path: Path
    sha256: str
    pages: int
    seconds: float


def build(
    answers: Sequence[Answer | Unanswered], output: Path, *, catalogue: CatalogueSummary, force: bool = True
) -> Report:
    """Write the report.

    Parameters
    ----------
    answers : sequence of Answer or Unanswered
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
    if not answers:
        raise MissingData(
            "There is nothing to report: fit a model first, with taskorder fit --model models/moderators.toml"
        )
    return write(context(answers, catalogue), output, force=force)


def write(content: Part, output: Path, *, force: bool = True) -> Report:
    """Set the content that `context` or `assembled` returns, and write the PDF; otherwise as `build`."""
    began = time.perf_counter()
    if output.exists() and not force:
        raise FileExistsError(f"{output} exists and is left as it is: pass --force to replace it.")
    pdf, pages = typeset(content)
    write_whole(output, pdf, force=force)
    return Report(output, hashlib.sha256(pdf).hexdigest(), pages, time.perf_counter() - began)


def context(answers: Sequence[Answer | Unanswered], catalogue: CatalogueSummary) -> Part:
    """Return all that the template sets: finished text, tables and pictures, as JSON holds it."""
    return assembled([chapters.answer(answer, catalogue) for answer in answers], catalogue)


def assembled(
    parts: Sequence[Part],
    catalogue: CatalogueSummary,
    ledger: Ledger | None = None,
    without_data: Sequence[Verdict] = (),
    edits: Sequence[str] = (),
) -> Part:
    """Put chapters together, and add what is about all of them.

    Parameters
    ----------
    parts : sequence of Part
        As `chapters.answer` returns them.
    catalogue : CatalogueSummary
    ledger : Ledger or None
        Of the claims; None prints none.
    without_data : sequence of Verdict
        On claims that are about no model, since no data bear on them.
    edits : sequence of str
        Claims that are not registered as the ledger has them.
    """
    origins = [part["made_from"] for part in parts if part["made_from"]]
    news = list(dict.fromkeys([*edits, *(text for part in parts for text in part["news"])]))
    return {
        "title": _title(parts),
        "answers": list(parts),
        "without_data": chapters.claims(without_data),
        "own": summary.own_rows(parts),
        "catalogue": appendix.catalogue(catalogue),
        "tasks": appendix.tasks(code for part in parts for code in part.get("data", {}).get("tasks", ())),
        "ledger": history.ledger(ledger, news) if ledger else None,
        "sources": appendix.sources(origins, catalogue),
        "provenance": appendix.provenance(origins),
    }


def _title(parts: Sequence[Part]) -> str:
    if len(parts) == 1:
        return parts[0]["question"] or parts[0]["name"]
    title = wording.sentence_case(wording.counted(len(parts), "question"))
    about_tasks = 2 * sum(part["transfer"] for part in parts) > len(parts)
    return f"{title} about intermediate tasks" if about_tasks else title


def typeset(content: Part) -> tuple[bytes, int]:
    """Set the content with the template; return the PDF and how many pages it has.

    Only typefaces that Typst brings along are used, and no date, so the bytes depend on the content alone;
    but where names have letters that these lack (they have Latin, Greek, Cyrillic and Hebrew), typefaces of
    the machine stand in.
    """
    folder, text = resource(TEMPLATE), json.dumps(content, ensure_ascii=False, allow_nan=False)
    compiler = typst.Compiler(
        folder / _MAIN,
        root=folder,
        ignore_system_fonts=_BEYOND.search(text) is None,
        sys_inputs={"content": text},
    )
    pdf = compiler.compile(format="pdf", timestamp=0)
    pages = json.loads(compiler.query("<last-page>", field="value", one=True))
    assert isinstance(pdf, bytes)
    return pdf, int(pages)
