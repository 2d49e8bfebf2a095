"""The formats that can be imported, by the names that the command line calls them by."""

from taskorder.errors import TaskorderError
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

    Raises
    ------
    TaskorderError
        If something is chosen that another format has.
    """
    chosen = {
        "--split": (Trainer.name, bool(split)),
        "--evaluation": (Trainer.name, bool(evaluation)),
        "--columns": (Wide.name, headers != "language"),
        "--header-rows": (Wide.name, header_rows != 1),
    }
    for option, (owner, is_chosen) in chosen.items():
        if is_chosen and owner != name:
            raise TaskorderError(f"{option} is for files of {owner}, not of {name}: leave it out.")
    formats = (LmEval(), Trainer(split, evaluation), Xtreme(), Wide(headers, header_rows))
    return next(form for form in formats if form.name == name)
