"""The formats that can be imported, by the names that the command line calls them by."""

from taskorder.results.importing.lm_eval import LmEval
from taskorder.results.importing.scores import Format
from taskorder.results.importing.trainer import Evaluation, Split, Trainer
from taskorder.results.importing.wide import Headers, Wide
from taskorder.results.importing.xtreme import Xtreme


def format_named(
    name: str,
    *,
    split: Split = "",
    evaluation: Evaluation = "",
    headers: Headers = "language",
    header_rows: int = 1,
) -> Format:
    """Give a format.

    Parameters
    ----------
    name
        ``lm-eval``, ``trainer``, ``xtreme`` or ``wide``.
    split, evaluation
        As for `Trainer`.
    headers, header_rows
        As for `Wide`.
    """
    formats = (LmEval(), Trainer(split, evaluation), Xtreme(), Wide(headers, header_rows))
    return next(form for form in formats if form.name == name)
