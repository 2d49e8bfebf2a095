"""The command line: arguments in, calls down, an exit status out."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from taskorder.errors import InvalidTable, TaskorderError

app = typer.Typer(
    name="taskorder",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Meta-analysis of transfer-learning results: does the order of intermediate training tasks matter?",
)


def main() -> None:
    """Run the command line; what the person can mend ends with one paragraph and exit status 1."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    try:
        app(args=[argument for argument in arguments if argument != "--debug"], prog_name="taskorder")
    except KeyboardInterrupt:
        sys.exit(130)
    except (TaskorderError, OSError) as error:
        if debug:
            raise
        typer.echo(str(error), err=True)
        sys.exit(1)


def _show_version(wanted: bool) -> None:
    if wanted:
        from taskorder import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Take the options that every command has; `main` acts on them."""


@app.command()
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
    from taskorder.results.catalogue import covariates
    from taskorder.results.reading import read

    codes = covariates(languages=languages).languages["language"].tolist() if languages else []
    try:
        table = read(*files, percent=percent, languages=codes)
    except InvalidTable as error:
        summary = f"{_counted(len(error.problems), 'problem')} in {_counted(len(files), 'file')}."
        typer.echo(f"{error}\n{summary}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"ok: {table}")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
