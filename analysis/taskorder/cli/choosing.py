"""Commands that say what to train next."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from taskorder.cli.app import say
from taskorder.cli.options import Draws, Force, Languages, Seed, Similarity, Tasks


def select(
    target: Annotated[str, typer.Option(help="The task that counts.", metavar="TASK")],
    language: Annotated[
        list[str],
        typer.Option(help="A language that it counts in; may be given several times.", metavar="CODE"),
    ],
    stages: Annotated[
        int,
        typer.Option(
            "-k", "--stages", min=1, max=5, help="How many intermediate tasks, in order.", metavar="N"
        ),
    ] = 1,
    backbone: Annotated[
        str, typer.Option(help="One that the tables have; else one that they do not have.", metavar="NAME")
    ] = "",
    model: Annotated[
        Path | None, typer.Option(help="Another model file than the shipped ones.", metavar="TOML")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object, for programs.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Also write all candidates.", metavar="CSV")
    ] = None,
    tasks: Tasks = None,
    similarity: Similarity = None,
    languages: Languages = None,
    seed: Seed = 2026,
    draws: Draws = 4000,
    force: Force = False,
) -> None:
    """Rank intermediate tasks before a target: what each would gain, and how surely, beside random choice."""
    from taskorder.choosing.selecting import Wanted
    from taskorder.choosing.selecting import select as selected
    from taskorder.files import write_whole
    from taskorder.inference.session import Settings
    from taskorder.results.catalogue import covariates

    _refuse_to_replace(output, force=force)
    wanted = Wanted(target, tuple(dict.fromkeys(language)), stages, backbone, model)
    settings = Settings("auto", seed, draws, progress=sys.stderr.isatty())
    found = selected(wanted, covariates(tasks, similarity, languages), settings, say)
    if output is not None:
        write_whole(output, found.table.to_csv(index=False, float_format="%.6g"), force=force)
    typer.echo(found.json() if as_json else found.text())


def design(
    experiment: Annotated[
        Path, typer.Option(help="An experiment file, some of whose runs are made.", metavar="TOML")
    ],
    runs: Annotated[int, typer.Option("-k", "--runs", min=1, help="How many runs.", metavar="N")] = 10,
    model: Annotated[
        Path | None, typer.Option(help="The model that will judge them [default: order].", metavar="TOML")
    ] = None,
    estimand: Annotated[
        str,
        typer.Option(help="Whose interval is to shrink [default: the first that can be].", metavar="NAME"),
    ] = "",
    per_cost: Annotated[
        bool, typer.Option("--per-cost", help="Count what a run tells for each stage trained for it.")
    ] = False,
    results: Annotated[
        list[Path] | None,
        typer.Option(
            help="A result table; may be given several times. Else those of the model file.", metavar="CSV"
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Also write the table.", metavar="CSV")
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(help="Also write an experiment file for these runs, in another folder.", metavar="TOML"),
    ] = None,
    tasks: Tasks = None,
    similarity: Similarity = None,
    languages: Languages = None,
    seed: Seed = 2026,
    force: Force = False,
) -> None:
    """Choose the runs of an experiment that would tell most, and say how much they would tell."""
    from taskorder.choosing.designing import Asked, designed
    from taskorder.choosing.parts import refuse_early
    from taskorder.files import write_whole
    from taskorder.harness.experiments.experiment import read_experiment
    from taskorder.results.catalogue import covariates

    for file in (output, write):
        _refuse_to_replace(file, force=force)
    if write is not None:
        refuse_early(read_experiment(experiment), write)
    asked = Asked(runs, estimand, per_cost, seed)
    known = covariates(tasks, similarity, languages)
    found = designed(experiment, model, results or (), known, asked)
    if output is not None:
        write_whole(output, found.table.to_csv(index=False, float_format="%.6g"), force=force)
    typer.echo(found.text())
    if write is not None:
        files = found.write(write, force=force)
        typer.echo(f"written: {' '.join(str(file) for file in files)}")


def _refuse_to_replace(output: Path | None, *, force: bool) -> None:
    """Say that a file would be in the way before anything takes time."""
    if output is not None and output.exists() and not force:
        raise FileExistsError(f"{output} exists and is left as it is: pass --force to replace it.")
