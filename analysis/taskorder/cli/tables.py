"""Commands on result tables."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from taskorder.cli.app import counted, say
from taskorder.cli.options import Force, Languages
from taskorder.errors import InvalidTable


def check(
    files: Annotated[
        list[Path], typer.Argument(help="Result tables: CSV, TSV or Parquet.", metavar="FILE...")
    ],
    percent: Annotated[bool, typer.Option("--percent", help="The scores are percent.")] = False,
    languages: Annotated[
        Path | None, typer.Option(help="A table of languages beside data/languages.csv.", metavar="CSV")
    ] = None,
) -> None:
    """Validate result tables: every problem on a line, with what to do."""
    from taskorder.results.catalogue import covariates, language_codes, task_names
    from taskorder.results.noticing import noted
    from taskorder.results.reading import read

    codes = covariates(languages=languages).languages["language"].tolist() if languages else []
    try:
        table = read(*files, percent=percent, languages=codes)
    except InvalidTable as error:
        summary = f"{counted(len(error.problems), 'problem')} in {counted(len(files), 'file')}."
        typer.echo(f"{error}\n{summary}", err=True)
        raise typer.Exit(1) from None
    for sentence in noted(table.frame, task_names(), codes or language_codes()):
        say(f"note: {sentence}")
    typer.echo(f"ok: {table}")


class ImportFormat(StrEnum):
    """The files of other tools that `import` reads."""

    lm_eval = "lm-eval"
    trainer = "trainer"
    xtreme = "xtreme"
    wide = "wide"


class Headers(StrEnum):
    """What the columns of a wide table are named by."""

    language = "language"
    target = "target"
    target_language = "target/language"
    language_target = "language/target"


class Split(StrEnum):
    """The Trainer's names of evaluation sets."""

    eval = "eval"
    predict = "predict"
    test = "test"


class Evaluation(StrEnum):
    """Which evaluation of a training's log is taken."""

    last = "last"
    best = "best"


def _column(meaning: str) -> Any:
    return typer.Option(help=f"For scores whose files do not say it: {meaning}.", metavar="TEXT")


def _said(**columns: str | None) -> dict[str, str]:
    """Return the columns that were given; an empty text is one, too."""
    return {column: text for column, text in columns.items() if text is not None}


def import_(
    form: Annotated[ImportFormat, typer.Argument(help="What wrote the files.", metavar="FORMAT")],
    path: Annotated[Path, typer.Argument(help="A file, or a folder of files.", metavar="PATH")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The table to write.", metavar="OUT.csv")],
    study: Annotated[str | None, _column("the study")] = None,
    run: Annotated[str | None, _column("the trained model")] = None,
    backbone: Annotated[str | None, _column("the pretrained model")] = None,
    tuning: Annotated[str | None, _column("full, lora, prompt, ...")] = None,
    sequence: Annotated[str | None, _column("the stages before the target, '' for none")] = None,
    target: Annotated[str | None, _column("the task that is scored")] = None,
    train_language: Annotated[str | None, _column("the language of the target's training data")] = None,
    language: Annotated[str | None, _column("the language that is evaluated")] = None,
    metric: Annotated[str | None, _column("accuracy, f1, ...")] = None,
    names: Annotated[
        Path | None, typer.Option("--map", help="What names in the files stand for.", metavar="TOML")
    ] = None,
    percent: Annotated[bool, typer.Option("--percent", help="The scores are percent.")] = False,
    columns: Annotated[
        Headers, typer.Option(help="wide: what the headers of the scores are.")
    ] = Headers.language,
    header_rows: Annotated[
        int, typer.Option(min=1, max=2, help="wide: lines of the header.", metavar="N")
    ] = 1,
    split: Annotated[Split | None, typer.Option(help="trainer: the set whose scores are taken.")] = None,
    evaluation: Annotated[
        Evaluation | None, typer.Option(help="trainer: which evaluation of a log is taken.")
    ] = None,
    languages: Languages = None,
    force: Force = False,
) -> None:
    """Turn what other tools wrote into a result table; what is no row of it is listed, with the reason."""
    from taskorder.results.catalogue import covariates
    from taskorder.results.importing.formats import format_named
    from taskorder.results.importing.names import NameMap, read_map
    from taskorder.results.importing.placing import Given
    from taskorder.results.importing.tidying import import_results

    said = _said(
        study=study, run=run, backbone=backbone, tuning=tuning, sequence=sequence, target=target,
        train_language=train_language, language=language, metric=metric,
    )  # fmt: skip
    codes = covariates(languages=languages).languages["language"].tolist() if languages else []
    given = Given(said, read_map(names) if names else NameMap(), percent, codes)
    chosen = format_named(
        form.value,
        split=split.value if split else "",
        evaluation=evaluation.value if evaluation else "",
        headers=columns.value,
        header_rows=header_rows,
    )
    made = import_results(chosen, path, given)
    made.write(output, force=force)
    for line in made.lines():
        say(line)
    typer.echo(f"written: {output} ({made})")
