"""Everything that can be wrong with a result table, found in all of its rows at once."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from taskorder.errors import InvalidSequence, Problem, nearest
from taskorder.results.converting import Sheet, convert
from taskorder.results.keys import disagreements, duplicates
from taskorder.results.language_codes import LanguageCodes
from taskorder.results.loading import Loaded, load_all
from taskorder.results.scales import as_fractions, score_problems
from taskorder.results.schema import BY_NAME, COLUMNS, CORRELATIONS, SPREADS_THAT_ARE_NOT_SD, refused
from taskorder.results.sequences import parse, task_fault

FORMULA = r"(?:[=@]|[+-][A-Za-z0-9.]*[(|!])"
HALF_OF_THE_LAST_DIGIT = 0.005
OTHER_NAMES = {
    "study": ("paper", "source", "experiment"),
    "run": ("run_id", "id", "checkpoint"),
    "backbone": ("model", "model_name", "base_model", "encoder", "lm"),
    "tuning": ("method", "peft", "adaptation"),
    "sequence": ("intermediate", "stages", "order"),
    "target": ("task", "dataset", "target_task"),
    "train_language": ("train_lang", "source_language", "src_lang"),
    "language": ("lang", "test_language", "eval_language", "tgt_lang"),
    "metric": ("measure", "metric_name"),
    "score": ("value", "result", "accuracy", "acc", "f1"),
}
NO_STAGES = frozenset({"none", "direct", "no", "null", "na", "n/a", "nan", "-"})


def check(*paths: str | Path, percent: bool = False, languages: Collection[str] = ()) -> list[Problem]:
    """Find all that is wrong with result tables.

    Parameters
    ----------
    paths
        CSV (also gzipped), TSV or Parquet files.
    percent
        The scores and their standard deviations are percent.
    languages
        Codes that are allowed beside those of data/languages.csv.

    Returns
    -------
    list of Problem
        In the order of files and rows; empty where all is well.

    Raises
    ------
    MissingData
        If no file is named, or something else than a file.
    """
    return examine(load_all(paths), percent=percent, languages=languages)[1]


def examine(
    files: Sequence[Loaded], *, percent: bool, languages: Collection[str]
) -> tuple[list[Sheet], list[Problem]]:
    """Check files one by one, then for rows that contradict each other, in one file or in several.

    Parameters
    ----------
    files
        The files' cells.
    percent, languages
        As for `check`.

    Returns
    -------
    sheets
        One for each file that is a table at all, with scores as fractions.
    problems
        All that is wrong, in the order of files and rows.
    """
    sheets: list[Sheet] = []
    twice, known = _named_twice(files), LanguageCodes.known(languages)
    problems = list(twice)
    for loaded in files:
        problems += loaded.problems
        if not loaded.fatal:
            sheet, found = convert(loaded)
            problems += [*_header_problems(sheet), *found, *score_problems(sheet, percent=percent)]
            sheets.append(as_fractions(sheet) if percent else sheet)
            problems += [*_cell_problems(sheets[-1], known), *_unseeded_problems(sheet, found)]
    problems += [] if twice else duplicates(sheets)
    problems += [] if problems else disagreements(sheets)
    order = {loaded.file: place for place, loaded in enumerate(files)}
    return sheets, sorted(problems, key=lambda problem: (order[problem.file], problem.row or 0))


def _cell_problems(sheet: Sheet, known: LanguageCodes) -> list[Problem]:
    return [
        *_schema_problems(sheet),
        *_text_problems(sheet),
        *_by_value(
            sheet, "target", lambda cell: f"{fault}." if cell.strip() and (fault := task_fault(cell)) else ""
        ),
        *_by_value(sheet, "language", known.fault),
        *_by_value(sheet, "train_language", known.fault),
        *_by_value(sheet, "sequence", lambda cell: _sequence_fault(cell, known)),
        *_sd_problems(sheet),
        *_seed_problems(sheet),
    ]


def _named_twice(files: Sequence[Loaded]) -> list[Problem]:
    places = [Path(loaded.file).resolve() for loaded in files]
    return [
        Problem(loaded.file, None, "", "the file is named twice: name it once.")
        for place, loaded in enumerate(files)
        if places[place] in places[:place]
    ]


def _header_problems(sheet: Sheet) -> list[Problem]:
    problems: list[Problem] = []
    others = [name for name in sheet.names if name not in BY_NAME]
    missing = [column for column in COLUMNS if column.required and column.name not in sheet.names]
    for column in missing:
        message = f"the column is missing: it holds {column.meaning}.{_named_otherwise(column.name, others)}"
        problems.append(Problem(sheet.file, 1, column.name, message))
    for name in others:
        meant = name.casefold().replace(" ", "_")
        if meant in BY_NAME and BY_NAME[meant] not in missing:
            message = f"the contract names this column {meant!r}: rename or remove it."
            problems.append(Problem(sheet.file, 1, name, message))
    if "n_seeds" in sheet.names and "sd" not in sheet.names:
        for name in others:
            if name.casefold() in SPREADS_THAT_ARE_NOT_SD:
                message = (
                    "the spread over seeds goes into 'sd', as their standard deviation (a standard error "
                    "times the root of n_seeds, or the root of a variance): convert and rename, or remove it."
                )
                problems.append(Problem(sheet.file, 1, name, message))
    return problems


def _named_otherwise(name: str, others: Sequence[str]) -> str:
    """Suggest the column that was probably meant."""
    small = {other.casefold(): other for other in others}
    meant = next((small[other] for other in OTHER_NAMES.get(name, ()) if other in small), "")
    return f" Did you mean {meant!r}?" if meant else nearest(name, others)


def _schema_problems(sheet: Sheet) -> list[Problem]:
    """Give the cells that the declared schema refuses."""
    problems: list[Problem] = []
    for column, error, rows in refused(sheet.frame):
        cells = sheet.frame[column]
        here = np.full(len(cells), -1)
        here[rows] = pd.factorize(cells.iloc[rows])[0]
        problems += sheet.alike(column, here, _template(cells, error))
    return problems


def _template(cells: pd.Series, error: str) -> Callable[[int], str]:
    return lambda row: error.format(value=cells.iloc[row])


def _text_problems(sheet: Sheet) -> list[Problem]:
    """Find blanks around cells, and cells that a spreadsheet would run as a formula."""
    problems: list[Problem] = []
    for name in sheet.names:
        if sheet.frame[name].dtype != "str":
            continue
        codes, found = pd.factorize(sheet.frame[name])
        values = pd.Series(found)
        for bad, error in (
            (values != values.str.strip(), "{value!r} has blanks around it: remove them."),
            (values.str.match(FORMULA), "{value!r} would run as a formula in a spreadsheet: write it."),
        ):
            if bad.any():
                here = np.where(bad.to_numpy(dtype=bool)[codes], codes, -1)
                problems += sheet.alike(name, here, _template(sheet.frame[name], error))
    return problems


def _by_value(sheet: Sheet, column: str, fault: Callable[[str], str]) -> list[Problem]:
    """Judge each distinct value once; `fault` says what is wrong with it, or nothing."""
    codes, values = pd.factorize(sheet.frame[column])
    faults = {code: found for code, value in enumerate(values.tolist()) if (found := fault(value))}
    kind = np.where(np.isin(codes, list(faults)), codes, -1)
    return sheet.alike(column, kind, lambda row: faults[codes[row]])


def _sequence_fault(cell: str, known: LanguageCodes) -> str:
    if cell != cell.strip():
        return ""
    if cell.casefold() in NO_STAGES:
        return f"sequence {cell!r}: leave the cell empty where the target was fine-tuned directly."
    try:
        sequence = parse(cell)
    except InvalidSequence as error:
        return str(error)
    codes = [code for step in sequence for stage in step for code in stage.languages()]
    return next((f"sequence {cell!r}: {fault}" for code in codes if (fault := known.fault(code))), "")


def _sd_problems(sheet: Sheet) -> list[Problem]:
    """Find standard deviations that no scores with that mean can have.

    Scores in [low, high] with mean m have a variance of at most (high - m)(m - low), times n / (n - 1) in a
    sample of n; the mean may be rounded.
    """
    frame = sheet.frame
    score = frame["score"].to_numpy(dtype=np.float64)
    sd = frame["sd"].to_numpy(dtype=np.float64)
    low = np.where(frame["metric"].isin(CORRELATIONS), -1.0, 0.0)
    middle = (1 + low) / 2
    mean = score + np.clip(middle - score, -HALF_OF_THE_LAST_DIGIT, HALF_OF_THE_LAST_DIGIT)
    runs = frame["n_seeds"].to_numpy(dtype=np.float64, na_value=2.0)
    sample = np.divide(runs, runs - 1, out=np.ones_like(runs), where=runs > 1)
    largest = np.sqrt(np.clip((1 - mean) * (mean - low) * sample, 0, ((1 - low) / 2) ** 2))
    inside = (score >= low) & (score <= 1)

    def message(row: int) -> str:
        if runs[row] == 1:
            return f"sd {sd[row]:g} of one seed: a single run has none. Empty the cell, or correct n_seeds."
        return (
            f"sd {sd[row]:g} is more than scores with mean {score[row]:g} can have ({largest[row]:.3g}): is "
            "it percent, or no standard deviation?"
        )

    return sheet.problems("sd", inside & (sd > np.where(runs == 1, 0, largest)), message)


def _unseeded_problems(sheet: Sheet, misread: Sequence[Problem]) -> list[Problem]:
    """Find standard deviations without the number of seeds; one that could not be read is told already."""
    told = np.isin(sheet.lines, [problem.row or 0 for problem in misread if problem.column == "n_seeds"])
    frame = sheet.frame
    bad = (frame["sd"].notna() & frame["n_seeds"].isna()).to_numpy(dtype=bool) & ~told
    message = "an sd without n_seeds: give n_seeds, the number of seeds behind the mean and its sd."
    return sheet.problems("sd", bad, lambda _: message)


def _seed_problems(sheet: Sheet) -> list[Problem]:
    several = sheet.frame["n_seeds"].to_numpy(dtype=np.float64, na_value=1.0) > 1
    bad = several & sheet.frame["seed"].notna().to_numpy(dtype=bool)
    message = "the row has one seed and is a mean over several (n_seeds): leave one of the two empty."
    return sheet.problems("seed", bad, lambda _: message)
