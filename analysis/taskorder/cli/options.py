"""Options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same posterior.", metavar="N")]
Draws = Annotated[int, typer.Option(min=400, help="Posterior draws in all.", metavar="N")]
Tasks = Annotated[Path | None, typer.Option(help="Your tasks: task, difficulty, ...", metavar="CSV")]
Similarity = Annotated[
    Path | None, typer.Option(help="Your similarities: task, target, similarity.", metavar="CSV")
]
Languages = Annotated[Path | None, typer.Option(help="Your languages: language, ...", metavar="CSV")]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]
