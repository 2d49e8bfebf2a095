"""The application that the commands register with, and what is true of all of them."""

from typing import Annotated

import typer

app = typer.Typer(
    name="taskorder",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Meta-analysis of transfer-learning results: does the order of intermediate training tasks matter?",
)


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


def mend() -> None:
    """Take back what a process that was killed while it wrote had left half done."""
    from taskorder import together
    from taskorder.paths import project

    if together.recovered(project() / "reports"):
        say("what an interrupted process had left half done was taken back")


def say(text: str) -> None:
    """Say what is going on, where it does not mix with results."""
    typer.echo(text, err=True)


def counted(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
