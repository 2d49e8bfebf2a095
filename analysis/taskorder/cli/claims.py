"""Commands on claims."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from taskorder.cli.app import say
from taskorder.cli.options import Draws, Seed


def claims(
    as_json: Annotated[bool, typer.Option("--json", help="A list of objects, for programs.")] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Write what is new into the ledger of the claims.")
    ] = False,
    seed: Seed = 2026,
    draws: Draws = 4000,
) -> None:
    """Judge every registered claim: its verdict with the gates that it passed, and what the ledger says."""
    from taskorder.claims.proceedings import proceed
    from taskorder.inference.session import Settings

    settings = Settings("auto", seed, draws, progress=sys.stderr.isatty())
    done = proceed(settings, record=record, say=say)
    typer.echo(done.json() if as_json else done.text())
    for fault in done.faults:
        say(fault)
    if done.faults:
        raise typer.Exit(1)


class Shuffled(StrEnum):
    """What a control may shuffle."""

    order = "order"
    difficulty = "difficulty"
    similarity = "similarity"


def control(
    model: Annotated[
        Path | None,
        typer.Option(
            help="A model file, such as models/order.toml. Else every model that ships.", metavar="TOML"
        ),
    ] = None,
    shuffle: Annotated[
        Shuffled | None,
        typer.Option(help="Whose labels are shuffled. Else each in turn that a claim about the model names."),
    ] = None,
    times: Annotated[int, typer.Option(min=1, help="How many shuffles.", metavar="N")] = 200,
    plant: Annotated[
        float,
        typer.Option(help="Points of an effect that is added after the shuffle; 0: none.", metavar="POINTS"),
    ] = 0.0,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Where the tables go.", metavar="FOLDER")
    ] = Path("reports/controls"),
    seed: Seed = 2026,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that fit at the same time.", metavar="N")
    ] = 2,
) -> None:
    """Judge claims where nothing is there, or a known effect is: labels are shuffled. Hours; resumable."""
    from taskorder.claims.controlling import controlled
    from taskorder.claims.proceedings import shipped
    from taskorder.inference.session import Settings
    from taskorder.inference.spec import read_model

    found = controlled(
        [read_model(model)] if model else shipped(),
        shuffle.value if shuffle else "",
        output,
        Settings("auto", seed),
        times=times,
        points=plant,
        workers=workers,
        say=say,
    )
    decided = found.groupby(["control", "claim"], sort=False)["decision"].value_counts()
    typer.echo(decided.unstack(fill_value=0).to_string())
