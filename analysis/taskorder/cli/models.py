"""Commands on models."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from taskorder.cli.app import say
from taskorder.cli.options import Draws, Force, Languages, Seed, Similarity, Tasks


class Engine(StrEnum):
    """The engines that `fit` may be asked for."""

    auto = "auto"
    collapsed = "collapsed"
    nuts = "nuts"


def fit(
    model: Annotated[
        Path, typer.Option(help="A model file, such as models/moderators.toml.", metavar="TOML")
    ],
    results: Annotated[
        list[Path] | None,
        typer.Option(
            help="A result table; may be given several times. Else those that the model file names.",
            metavar="CSV",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Where the four files go [default: fits/NAME].", metavar="FOLDER"
        ),
    ] = None,
    tasks: Tasks = None,
    similarity: Similarity = None,
    languages: Languages = None,
    engine: Annotated[Engine, typer.Option(help="How the posterior is computed.")] = Engine.auto,
    seed: Seed = 2026,
    draws: Draws = 4000,
    force: Force = False,
) -> None:
    """Fit a model: posterior.nc, summary.csv, diagnostics.json and manifest.json."""
    from taskorder.inference import store
    from taskorder.inference.session import Settings, fitted
    from taskorder.inference.spec import read_model
    from taskorder.results.catalogue import covariates

    spec = read_model(model)
    folder = output or Path("fits") / spec.name
    store.refuse_to_replace(folder, force=force)
    known = covariates(tasks, similarity, languages)
    settings = Settings(engine.value, seed, draws, progress=sys.stderr.isatty())
    found = fitted(spec, results or (), known, settings, say)
    store.save(found.fit, folder, force=force)
    for message in found.fit.diagnostics.messages:
        say(f"note: {message}")
    typer.echo(found.fit.text())
    typer.echo(f"written: {folder}/ {' '.join(store.FILES)}")
    if not found.fit.diagnostics.ok:
        typer.echo("\n".join(["The fit FAILED its diagnostics:", *found.fit.failures]), err=True)
        raise typer.Exit(1)


def calibrate(
    model: Annotated[
        Path, typer.Option(help="A model file, such as models/moderators.toml.", metavar="TOML")
    ],
    results: Annotated[
        list[Path] | None,
        typer.Option(help="A result table, for its design. Else those of the model file.", metavar="CSV"),
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Where the tables go.", metavar="FOLDER")
    ] = Path("reports/calibration"),
    tasks: Tasks = None,
    similarity: Similarity = None,
    languages: Languages = None,
    engine: Annotated[Engine, typer.Option(help="How the posteriors are computed.")] = Engine.auto,
    data_sets: Annotated[
        int, typer.Option(min=20, help="How many data sets are simulated.", metavar="N")
    ] = 1000,
    cells: Annotated[
        int,
        typer.Option(
            min=0, help="Take a part of the design, of about so many cells; 0: all of it.", metavar="N"
        ),
    ] = 0,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that fit at the same time.", metavar="N")
    ] = 2,
    seed: Seed = 2026,
    draws: Draws = 2000,
) -> None:
    """Simulate from a model, fit, and see whether the posterior holds the truth as often as it says."""
    from taskorder.inference.criticism.calibration import Plan
    from taskorder.inference.criticism.calibration import calibrate as calibrated
    from taskorder.inference.session import read_tables, tables_of
    from taskorder.inference.spec import read_model
    from taskorder.results.catalogue import covariates

    spec, known = read_model(model), covariates(tasks, similarity, languages)
    table, _ = read_tables(spec, results or tables_of(spec), known)
    plan = Plan(engine.value, data_sets, cells, draws, seed, workers)
    found = calibrated(spec, table, known, plan, output, say)
    typer.echo(found.text())
    typer.echo(f"written: {' '.join(str(file) for file in found.files)}")
