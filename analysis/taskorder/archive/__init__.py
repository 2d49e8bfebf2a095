"""A report with all that it was made from, in one file: written, checked, rebuilt and compared."""

from taskorder.archive.comparing import Comparison
from taskorder.archive.packing import Archive, archive
from taskorder.archive.rebuilding import rebuild

__all__ = ["Archive", "Comparison", "archive", "rebuild"]
