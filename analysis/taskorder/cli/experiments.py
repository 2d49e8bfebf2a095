"""Commands on experiments."""

from pathlib import Path
from typing import Annotated

import typer

from taskorder.cli.app import counted, say
from taskorder.cli.options import Force
from taskorder.errors import training_libraries

_ExperimentFile = Annotated[Path, typer.Argument(help="An experiment file.", metavar="EXPERIMENT.toml")]
_Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="Where results.csv and checkpoints go. Else the table goes beside the experiment file.",
        metavar="DIR",
    ),
]


@training_libraries()
def plan(experiment: _ExperimentFile, output: _Output = None) -> None:
    """Show the tree of an experiment's stages, what is done of it, and what the rest costs."""
    from rich.console import Console

    from taskorder.harness.preview.preview import planned

    tree, costs = planned(experiment, output, say)
    Console(highlight=False, soft_wrap=True).print(tree)
    typer.echo(costs)


@training_libraries()
def run(
    experiment: _ExperimentFile,
    output: _Output = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Processes that train at the same time; else one, or one a GPU.", metavar="N"
        ),
    ] = None,
    gpus: Annotated[
        int, typer.Option(min=0, help="GPUs; every worker takes one for itself.", metavar="N")
    ] = 0,
    dask: Annotated[
        str,
        typer.Option(help="Train on a Dask cluster: the scheduler's address, or local.", metavar="ADDRESS"),
    ] = "",
    force: Force = False,
) -> None:
    """Train and score what is missing of an experiment, and write results.csv; may be stopped at any time."""
    from taskorder.harness.execution.running import Means, places
    from taskorder.harness.execution.running import run as run_experiment
    from taskorder.harness.experiments.experiment import read_experiment

    spec = read_experiment(experiment)
    means = Means(workers or max(1, gpus), gpus, dask)
    done = run_experiment(spec, places(spec, output), means, force=force)
    work = f"{counted(done.trained, 'node')} trained, {counted(done.scored, 'node')} scored"
    typer.echo(f"{work}; {'written' if done.written else 'up to date'}: {done.table}")


@training_libraries()
def export(
    experiment: _ExperimentFile,
    sequence: Annotated[
        str, typer.Argument(help="Up to the stage whose encoder is wanted, such as 'mlm[mul]'.")
    ],
    folder: Annotated[Path, typer.Option("-o", "--output", help="The folder to make.", metavar="FOLDER")],
    backbone: Annotated[str, typer.Option(help="Which, where there are several.", metavar="NAME")] = "",
    tuning: Annotated[str, typer.Option(help="full or lora, where there are both.", metavar="NAME")] = "",
    seed: Annotated[int | None, typer.Option(help="Which, where there are several.", metavar="N")] = None,
    nodes: Annotated[
        Path | None, typer.Option("--from", help="The folder that `run` was given with -o.", metavar="DIR")
    ] = None,
) -> None:
    """Write a trained encoder as a folder of transformers, which other experiments can have as backbone."""
    from taskorder.harness.execution.exporting import Wanted
    from taskorder.harness.execution.exporting import export as written
    from taskorder.harness.experiments.experiment import read_experiment

    wanted = Wanted(sequence, backbone, tuning, seed)
    new = written(read_experiment(experiment), wanted, folder, nodes)
    typer.echo(f"{'written' if new else 'up to date'}: {folder}")


@training_libraries()
def measure(
    experiment: Annotated[Path, typer.Argument(help="An experiment file.", metavar="EXPERIMENT")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Where the tables go [default: beside EXPERIMENT].", metavar="FOLDER"
        ),
    ] = None,
    difficulty: Annotated[
        str, typer.Option(help="shortfall, area or online_code.", metavar="MEASURE")
    ] = "shortfall",
    similarity: Annotated[
        str,
        typer.Option(
            help="tokens, tokens_by_language, encoder_mean or encoder_mean_centred.", metavar="MEASURE"
        ),
    ] = "tokens",
    seed: Annotated[int, typer.Option(min=0, help="For the examples that are drawn.", metavar="N")] = 0,
    force: Force = False,
) -> None:
    """Measure difficulty and similarity: tasks.csv and similarity.csv for `fit`, measures.csv with all."""
    from taskorder.harness.experiments.experiment import read_experiment
    from taskorder.harness.measuring import measured as measuring

    asked, chosen = read_experiment(experiment), measuring.Chosen(difficulty, similarity)
    folder = output or asked.folder
    measuring.refuse_to_replace(folder, force=force)
    measured = measuring.measure(asked, *measuring.trained(asked, output), seed=seed)
    for note in measured.notes:
        say(note)
    files = measuring.write(measured, folder, chosen, force=force)
    typer.echo(f"written: {' '.join(str(file) for file in files)}")
