"""The command that reports."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from taskorder.cli.app import counted, say
from taskorder.cli.options import Force


def report(
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="The PDF [default: report.pdf]; with --from a folder [rebuilt].",
            metavar="PATH",
        ),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(help="Also write all that it is made from: a .zip, or a folder.", metavar="CRATE"),
    ] = None,
    crate: Annotated[
        Path | None,
        typer.Option("--from", help="Make an archived report again, and compare.", metavar="CRATE"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of every fit [default: 2026].", metavar="N")
    ] = None,
    draws: Annotated[
        int | None, typer.Option(min=400, help="Of every fit, in all [default: 4000].", metavar="N")
    ] = None,
    force: Force = False,
) -> None:
    """Everything into one PDF: every shipped model fitted, every registered claim judged."""
    if crate is not None:
        if archive is not None or seed is not None or draws is not None:
            raise typer.BadParameter("with --from the archive says it all: no --archive, --seed or --draws")
        _rebuild(crate, output or Path("rebuilt"), force)
        return
    from taskorder.archive import packing
    from taskorder.claims.proceedings import proceed
    from taskorder.inference.fitting import DRAWS, SEED
    from taskorder.inference.session import Settings
    from taskorder.processes import WORKERS
    from taskorder.reporting.making import make_report

    seed, draws, output = SEED if seed is None else seed, draws or DRAWS, output or Path("report.pdf")
    settings = Settings("auto", seed, draws, progress=sys.stderr.isatty())
    if archive is not None:
        packing.refuse_to_replace(archive, force=force)
    made = make_report(output, settings, force=force, workers=WORKERS, say=say)
    typer.echo(f"{output}: {counted(made.report.pages, 'page')}, sha256 {made.report.sha256[:16]}")
    if archive is not None:
        written = packing.archive(output, proceed(settings, say=say), settings, archive, force=force)
        files = f"{counted(written.files, 'file')}, {written.size / 1e6:,.0f} MB unpacked"
        typer.echo(f"{archive}: {files}, sha256 {written.sha256[:16]}")
    if made.failed:
        typer.echo(
            f"These fits FAILED their diagnostics and decide nothing: {', '.join(made.failed)}", err=True
        )
        raise typer.Exit(1)


def _rebuild(crate: Path, folder: Path, force: bool) -> None:
    from taskorder.archive import rebuild

    found = rebuild(crate, folder, force=force, progress=sys.stderr.isatty(), say=say)
    typer.echo(found.text())
    typer.echo(f"written: {folder}/ archived rebuilt comparison.csv")
    if not found.ok:
        typer.echo("What was rebuilt DIFFERS from what was archived.", err=True)
        raise typer.Exit(1)
