"""From posteriors to one document: figures, tables and text, set by Typst."""

from taskorder.reporting.answer import Answer
from taskorder.reporting.catalogue_summary import CatalogueSummary, StudySummary, summarise_catalogue
from taskorder.reporting.document import Report, build

__all__ = ["Answer", "CatalogueSummary", "Report", "StudySummary", "build", "summarise_catalogue"]
