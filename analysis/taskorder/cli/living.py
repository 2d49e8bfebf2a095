"""Commands on a project that grows: rows added to it, and taken back."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from taskorder.cli.app import say
from taskorder.cli.options import Draws, Seed


def refit(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Result tables to add: CSV.", metavar="NEW.csv...")
    ] = None,
    model: Annotated[
        list[Path] | None,
        typer.Option(
            help="A model file; may be given several times. Else all of models/ that the rows touch.",
            metavar="TOML",
        ),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take back what was added last.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change; keep nothing.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Fit the models in full, not by weighted draws (takes a minute).")
    ] = False,
    gates: Annotated[
        bool, typer.Option("--gates", help="Put the claims through all gates, too (takes minutes).")
    ] = False,
    seed: Seed = 2026,
    draws: Draws = 4000,
) -> None:
    """Add your tables, refit what they touch, and see what moved: every estimand and every claim."""
    if bool(files) == undo:
        raise typer.BadParameter("name the tables to add, or --undo to take back what was added last")
    from taskorder.processes import processes

    with processes(1) as pool:
        pool.submit(import_module, "taskorder.living.refitting")
        from taskorder.inference.session import Settings
        from taskorder.living import refitting
        from taskorder.living.telling import text

        settings = Settings("auto", seed, draws, progress=sys.stderr.isatty())
        wishes = refitting.Wishes(tuple(model or ()), settings, full, gates, dry_run, pool)
        found = refitting.undo(wishes, say) if undo else refitting.refit(files or (), wishes, say)
    if isinstance(found, tuple):
        typer.echo("nothing to do: all of it stands already")
        return
    typer.echo(text(found))
    if dry_run:
        typer.echo("\nnothing was kept (--dry-run)")
    elif found.folder is not None:
        typer.echo(
            f"\nwritten: {found.folder}/change.md and its numbers; taskorder refit --undo takes it back"
        )
    if found.failed:
        typer.echo(f"These fits FAILED their diagnostics: {', '.join(found.failed)}", err=True)
        raise typer.Exit(1)
