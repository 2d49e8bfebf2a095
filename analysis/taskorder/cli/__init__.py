"""The command line: arguments in, calls down, an exit status out."""

import atexit
import gc
import sys
from concurrent.futures import BrokenExecutor

import typer

from taskorder.cli import choosing, claims, experiments, living, models, report, tables
from taskorder.cli.app import app, mend
from taskorder.errors import TaskorderError

__all__ = ["app", "main"]

for command in (
    tables.check,
    tables.import_,
    models.fit,
    models.calibrate,
    experiments.plan,
    experiments.run,
    experiments.export,
    experiments.measure,
    claims.claims,
    claims.control,
    living.refit,
    choosing.select,
    choosing.design,
    report.report,
):
    app.command(name=command.__name__.rstrip("_"))(command)


def main() -> None:
    """Run the command line; what the person can mend ends with one paragraph and exit status 1."""
    atexit.register(gc.freeze)  # no search for cycles among all that is there at the end
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    try:
        mend()
        app(args=[argument for argument in arguments if argument != "--debug"], prog_name="taskorder")
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenExecutor:
        if debug:
            raise
        typer.echo(
            "a process that computed was ended from outside, perhaps for want of memory: try again, with"
            " fewer --workers where the command has them; what was kept before is found again",
            err=True,
        )
        sys.exit(1)
    except (TaskorderError, OSError) as error:
        if debug:
            raise
        typer.echo(str(error), err=True)
        sys.exit(1)
