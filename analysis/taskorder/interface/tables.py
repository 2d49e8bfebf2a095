"""Result tables: checked, and made of what other tools wrote."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal, get_args

import pandas as pd

from taskorder.errors import InvalidTable, TaskorderError
from taskorder.interface.asking import refuse_other
from taskorder.interface.saying import warn
from taskorder.results.catalogue import covariates, language_codes, task_names
from taskorder.results.importing.formats import format_named
from taskorder.results.importing.names import NameMap, read_map
from taskorder.results.importing.placing import Given
from taskorder.results.importing.tidying import Imported
from taskorder.results.importing.tidying import import_results as imported
from taskorder.results.importing.trainer import Evaluation, Split
from taskorder.results.importing.wide import Headers
from taskorder.results.noticing import noted
from taskorder.results.reading import read
from taskorder.results.schema import NAMES

type Form = Literal["lm-eval", "trainer", "xtreme", "wide"]

PROBLEM = ["file", "row", "column", "message"]


def check(*paths: str | Path, percent: bool = False, languages: Collection[str] = ()) -> pd.DataFrame:
    r"""Find all that is wrong with result tables.

    Parameters
    ----------
    paths : str or Path
        CSV (also gzipped), TSV or Parquet files.
    percent : bool
        The scores and their standard deviations are percent.
    languages : collection of str
        Codes that are allowed beside those of data/languages.csv.

    Returns
    -------
    DataFrame
        One row a problem, `file, row, column, message`, in the order of files and rows; empty where all is
        well: what is worth a note goes to the logger `taskorder`. `row` is the line as an editor numbers it;
        missing where the problem is the whole file's.

    Raises
    ------
    MissingData
        If no file is named, or something else than a file.

    Examples
    --------
    >>> from pathlib import Path
    >>> header = "study,run,backbone,tuning,sequence,target,train_language,language,metric,score"
    >>> row = "mine,1,bert-base,full,mnli,rte,en,en,accuracy,74.7"
    >>> _ = Path("mine.csv").write_text(f"{header}\n{row}\n")
    >>> problems = taskorder.check("mine.csv")
    >>> problems[["row", "column"]]
       row column
    0    2  score
    >>> taskorder.check("mine.csv", percent=True).empty
    True
    """
    rows: list[list[object]] = []
    try:
        frame = read(*paths, percent=percent, languages=languages).frame
        for note in noted(frame, task_names(), [*language_codes(), *languages]):
            warn(f"note: {note}")
    except InvalidTable as error:
        rows = [[one.file, one.row, one.column, one.message] for one in error.problems]
    return pd.DataFrame(rows, columns=PROBLEM).astype({"row": "Int64"})


def import_results(
    form: Form,
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    names: str | Path | None = None,
    percent: bool = False,
    headers: Headers = "language",
    header_rows: int = 1,
    split: Split = "",
    evaluation: Evaluation = "",
    languages: str | Path | None = None,
) -> Imported:
    """Turn what another tool wrote into a result table.

    Parameters
    ----------
    form : {"lm-eval", "trainer", "xtreme", "wide"}
        What wrote the files.
    path : str or Path
        A file, or a folder of files.
    columns : mapping, optional
        What the files do not say of any score, such as ``{"study": "mine", "train_language": "en"}``.
    names : str or Path, optional
        A TOML file of what names in the files stand for.
    percent : bool
        The scores are percent.
    headers : {"language", "target", "target/language", "language/target"}
        Of a wide table: what the headers of the scores are.
    header_rows : {1, 2}
        Of a wide table: lines of its header.
    split : {"", "eval", "predict", "test"}
        Of the Trainer: the set whose scores are taken.
    evaluation : {"", "last", "best"}
        Of the Trainer: which evaluation of a log is taken.
    languages : str or Path, optional
        A table of languages beside data/languages.csv.

    Returns
    -------
    Imported
        With the `frame`, what was `left_out` of it and why (`lines()`), and `write(path)`.

    Raises
    ------
    InvalidTable
        If a score lacks what no file says, or is none.
    TaskorderError
        If there is no such format, or it has no such choice.
    """
    for name, value, choice in (
        ("form", form, Form),
        ("headers", headers, Headers),
        ("split", split, Split),
        ("evaluation", evaluation, Evaluation),
    ):
        refuse_other(name, value, get_args(choice.__value__))
    for column in columns or ():
        refuse_other("columns", column, NAMES)
    if header_rows not in (1, 2):
        raise TaskorderError(f"header_rows = {header_rows}: a header has 1 line or 2")
    codes = covariates(languages=languages).languages["language"].tolist() if languages else []
    given = Given(dict(columns or {}), read_map(Path(names)) if names else NameMap(), percent, codes)
    chosen = format_named(form, split=split, evaluation=evaluation, headers=headers, header_rows=header_rows)
    return imported(chosen, Path(path), given)
