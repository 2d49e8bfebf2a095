"""The command line: arguments in, calls down, an exit status out."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

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


class Engine(StrEnum):
    """The engines that `fit` may be asked for."""

    auto = "auto"
    collapsed = "collapsed"
    nuts = "nuts"


_Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same posterior.")]
_Draws = Annotated[int, typer.Option(min=400, help="Posterior draws in all.")]
_Tasks = Annotated[Path | None, typer.Option(help="Your tasks: task, difficulty, ...", metavar="CSV")]
_Similarity = Annotated[
    Path | None, typer.Option(help="Your similarities: task, target, similarity.", metavar="CSV")
]
_Languages = Annotated[Path | None, typer.Option(help="Your languages: language, ...", metavar="CSV")]
_Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]


@app.command()
def fit(
    model: Annotated[
        Path, typer.Option(help="A model file, such as models/moderators.toml.", metavar="TOML")
    ],
    results: Annotated[
        list[Path] | None,
        typer.Option(
            help="A result table; may be given several times. Else those that the model file names."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where the four files go [default: fits/NAME].")
    ] = None,
    tasks: _Tasks = None,
    similarity: _Similarity = None,
    languages: _Languages = None,
    engine: Annotated[Engine, typer.Option(help="How the posterior is computed.")] = Engine.auto,
    seed: _Seed = 2026,
    draws: _Draws = 4000,
    force: _Force = False,
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
    found = fitted(spec, results or (), known, settings, _say)
    store.save(found.fit, folder, force=force)
    typer.echo(found.fit.text())
    typer.echo(f"written: {folder}/ {' '.join(store.FILES)}")
    if not found.fit.diagnostics.ok:
        typer.echo("\n".join(["The fit FAILED its diagnostics:", *found.fit.failures]), err=True)
        raise typer.Exit(1)


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


@app.command(name="import")
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
    header_rows: Annotated[int, typer.Option(min=1, max=2, help="wide: lines of the header.")] = 1,
    split: Annotated[Split | None, typer.Option(help="trainer: the set whose scores are taken.")] = None,
    evaluation: Annotated[
        Evaluation | None, typer.Option(help="trainer: which evaluation of a log is taken.")
    ] = None,
    languages: _Languages = None,
    force: _Force = False,
) -> None:
    """Turn what other tools wrote into a result table; what is no row of it is listed, with the reason."""
    from taskorder.results.catalogue import covariates
    from taskorder.results.importing.formats import format_named
    from taskorder.results.importing.names import NameMap, read_map
    from taskorder.results.importing.placing import Given
    from taskorder.results.importing.tidying import import_results

    columns_given = {
        "study": study,
        "run": run,
        "backbone": backbone,
        "tuning": tuning,
        "sequence": sequence,
        "target": target,
        "train_language": train_language,
        "language": language,
        "metric": metric,
    }
    codes = covariates(languages=languages).languages["language"].tolist() if languages else []
    given = Given(
        {column: text for column, text in columns_given.items() if text is not None},
        read_map(names) if names else NameMap(),
        percent,
        codes,
    )
    made = import_results(
        format_named(
            form.value,
            split=split.value if split else "",
            evaluation=evaluation.value if evaluation else "",
            headers=columns.value,
            header_rows=header_rows,
        ),
        path,
        given,
    )
    made.write(output, force=force)
    for line in made.lines():
        _say(line)
    typer.echo(f"written: {output} ({made})")


@app.command()
def calibrate(
    model: Annotated[
        Path, typer.Option(help="A model file, such as models/moderators.toml.", metavar="TOML")
    ],
    results: Annotated[
        list[Path] | None, typer.Option(help="A result table, for its design. Else those of the model file.")
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the tables go.")] = Path(
        "reports/calibration"
    ),
    tasks: _Tasks = None,
    similarity: _Similarity = None,
    languages: _Languages = None,
    engine: Annotated[Engine, typer.Option(help="How the posteriors are computed.")] = Engine.auto,
    data_sets: Annotated[int, typer.Option(min=20, help="How many data sets are simulated.")] = 1000,
    cells: Annotated[
        int, typer.Option(min=0, help="Take a part of the design, of about so many cells; 0: all of it.")
    ] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes that fit at the same time.")] = 2,
    seed: _Seed = 2026,
    draws: _Draws = 2000,
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
    found = calibrated(spec, table, known, plan, output, _say)
    typer.echo(found.text())
    typer.echo(f"written: {' '.join(str(file) for file in found.files)}")


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


@app.command()
def plan(experiment: _ExperimentFile, output: _Output = None) -> None:
    """Show the tree of an experiment's stages, what is done of it, and what the rest costs."""
    from rich.console import Console

    from taskorder.harness.preview.preview import planned

    tree, costs = planned(experiment, output, _say)
    Console(highlight=False, soft_wrap=True).print(tree)
    typer.echo(costs)


@app.command()
def run(
    experiment: _ExperimentFile,
    output: _Output = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes that train at the same time; else one, or one a GPU."),
    ] = None,
    gpus: Annotated[int, typer.Option(min=0, help="GPUs; every worker takes one for itself.")] = 0,
    dask: Annotated[
        str,
        typer.Option(help="Train on a Dask cluster: the scheduler's address, or local.", metavar="ADDRESS"),
    ] = "",
    force: _Force = False,
) -> None:
    """Train and score what is missing of an experiment, and write results.csv; may be stopped at any time."""
    from taskorder.harness.execution.running import Means, places
    from taskorder.harness.execution.running import run as run_experiment
    from taskorder.harness.experiments.experiment import read_experiment

    spec = read_experiment(experiment)
    means = Means(workers or max(1, gpus), gpus, dask)
    done = run_experiment(spec, places(spec, output), means, force=force)
    work = f"{_counted(done.trained, 'node')} trained, {_counted(done.scored, 'node')} scored"
    typer.echo(f"{work}; {'written' if done.written else 'up to date'}: {done.table}")


@app.command()
def export(
    experiment: _ExperimentFile,
    sequence: Annotated[
        str, typer.Argument(help="Up to the stage whose encoder is wanted, such as 'mlm[mul]'.")
    ],
    folder: Annotated[Path, typer.Option("-o", "--output", help="The folder to make.", metavar="FOLDER")],
    backbone: Annotated[str, typer.Option(help="Which, where there are several.")] = "",
    tuning: Annotated[str, typer.Option(help="full or lora, where there are both.")] = "",
    seed: Annotated[int | None, typer.Option(help="Which, where there are several.")] = None,
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


@app.command()
def measure(
    experiment: Annotated[Path, typer.Argument(help="An experiment file.", metavar="EXPERIMENT")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Where the tables go [default: beside EXPERIMENT]."),
    ] = None,
    difficulty: Annotated[str, typer.Option(help="shortfall, area or online_code.")] = "shortfall",
    similarity: Annotated[
        str, typer.Option(help="tokens, tokens_by_language, encoder_mean or encoder_mean_centred.")
    ] = "tokens",
    seed: Annotated[int, typer.Option(min=0, help="For the examples that are drawn.")] = 0,
    force: _Force = False,
) -> None:
    """Measure difficulty and similarity: tasks.csv and similarity.csv for `fit`, measures.csv with all."""
    from taskorder.harness.experiments.experiment import read_experiment
    from taskorder.harness.measuring import measured as measuring

    asked, chosen = read_experiment(experiment), measuring.Chosen(difficulty, similarity)
    folder = output or asked.folder
    measuring.refuse_to_replace(folder, force=force)
    measured = measuring.measure(asked, *measuring.trained(asked, output), seed=seed)
    for note in measured.notes:
        _say(note)
    files = measuring.write(measured, folder, chosen, force=force)
    typer.echo(f"written: {' '.join(str(file) for file in files)}")


@app.command()
def claims(
    as_json: Annotated[bool, typer.Option("--json", help="A list of objects, for programs.")] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Write what is new into the ledger of the claims.")
    ] = False,
    seed: _Seed = 2026,
    draws: _Draws = 4000,
) -> None:
    """Judge every registered claim: its verdict with the gates that it passed, and what the ledger says."""
    from taskorder.claims.proceedings import proceed
    from taskorder.inference.session import Settings

    settings = Settings("auto", seed, draws, progress=sys.stderr.isatty())
    done = proceed(settings, record=record, say=_say)
    typer.echo(done.json() if as_json else done.text())
    for fault in done.faults:
        _say(fault)
    if done.faults:
        raise typer.Exit(1)


class Shuffled(StrEnum):
    """What a control may shuffle."""

    order = "order"
    difficulty = "difficulty"
    similarity = "similarity"


@app.command()
def control(
    model: Annotated[Path, typer.Option(help="A model file, such as models/order.toml.", metavar="TOML")],
    shuffle: Annotated[Shuffled, typer.Option(help="Whose labels are shuffled.")],
    times: Annotated[int, typer.Option(min=1, help="How many shuffles.")] = 200,
    plant: Annotated[
        float, typer.Option(help="Points of an effect that is added after the shuffle; 0: none.")
    ] = 0.0,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the table goes.")] = Path(
        "reports/controls"
    ),
    seed: _Seed = 2026,
    workers: Annotated[int, typer.Option(min=1, help="Processes that fit at the same time.")] = 2,
) -> None:
    """Judge the claims about a model where nothing is there, or a known effect is: labels are shuffled."""
    from taskorder.claims.controls import controlled
    from taskorder.inference.session import Settings

    settings = Settings("auto", seed)
    found = controlled(
        model, shuffle.value, output, settings, times=times, points=plant, workers=workers, say=_say
    )
    typer.echo(found.groupby("claim")["decision"].value_counts().unstack(fill_value=0).to_string())


@app.command()
def report(
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The PDF [default: report.pdf]; with --from a folder [rebuilt]."),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(help="Also write all that it is made from: a .zip, or a folder.", metavar="CRATE"),
    ] = None,
    crate: Annotated[
        Path | None,
        typer.Option("--from", help="Make an archived report again, and compare.", metavar="CRATE"),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of every fit [default: 2026].")] = None,
    draws: Annotated[int | None, typer.Option(min=400, help="Of every fit, in all [default: 4000].")] = None,
    force: _Force = False,
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
    from taskorder.reporting.making import make_report

    seed, draws, output = SEED if seed is None else seed, draws or DRAWS, output or Path("report.pdf")
    settings = Settings("auto", seed, draws, progress=sys.stderr.isatty())
    if archive is not None:
        packing.refuse_to_replace(archive, force=force)
    made = make_report(output, settings, force=force, say=_say)
    typer.echo(f"{output}: {_counted(made.report.pages, 'page')}, sha256 {made.report.sha256[:16]}")
    if archive is not None:
        written = packing.archive(output, proceed(settings, say=_say), settings, archive, force=force)
        files = f"{_counted(written.files, 'file')}, {written.size / 1e6:,.0f} MB unpacked"
        typer.echo(f"{archive}: {files}, sha256 {written.sha256[:16]}")
    if made.failed:
        typer.echo(
            f"These fits FAILED their diagnostics and decide nothing: {', '.join(made.failed)}", err=True
        )
        raise typer.Exit(1)


def _rebuild(crate: Path, folder: Path, force: bool) -> None:
    from taskorder.archive import rebuild

    found = rebuild(crate, folder, force=force, progress=sys.stderr.isatty(), say=_say)
    typer.echo(found.text())
    typer.echo(f"written: {folder}/ archived rebuilt comparison.csv")
    if not found.ok:
        typer.echo("What was rebuilt DIFFERS from what was archived.", err=True)
        raise typer.Exit(1)


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
