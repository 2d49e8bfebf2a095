"""Benchmarks, one case or all; results.csv, estimates.csv and results.md hold what was found.

python benchmarks/run.py sequences --rows 10800
python benchmarks/run.py crossed --engine taskorder-collapsed --engine brms
"""

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

import cases
import recording
from cases import PYTHON, Case, Contender
from measuring import measure, run

KEPT_FITS = cases.CHECKOUT / "models" / "fits"

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None, help=__doc__)
_Engines = Annotated[
    list[str] | None, typer.Option("--engine", help="Only this one; may be given several times.")
]
_Limit = Annotated[float, typer.Option(help="Seconds after which an engine is ended.")]
_Bambi = Annotated[str, typer.Option(help="A Python that has bambi; else one is made for the run.")]
ROWS_A_SEED = 10_800


@app.command()
def sequences(
    rows: Annotated[int, typer.Option(help="A multiple of 10,800.")] = ROWS_A_SEED,
    pairs: Annotated[bool, typer.Option("--pairs", help="With effects of stages on targets.")] = False,
    engine: _Engines = None,
    limit: _Limit = 1200,
) -> None:
    """Scores after sequences of tasks; above 10,800 rows the collapsed engine only, if none is named."""
    seeds, rest = divmod(rows, ROWS_A_SEED)
    if rest or not seeds:
        raise typer.BadParameter(f"{rows:,} is no multiple of {ROWS_A_SEED:,}", param_hint="--rows")
    chosen = engine or ([] if seeds == 1 else ["taskorder-collapsed"])
    compare([cases.sequences(seeds, pairs=pairs)], chosen, limit)


@app.command()
def thousands(engine: _Engines = None, limit: _Limit = 1200) -> None:
    """Two factors of 3,000 and 1,000 levels, crossed at random in 75,000 rows."""
    compare([cases.thousands()], engine or [], limit)


@app.command()
def crossed(engine: _Engines = None, limit: _Limit = 1200, bambi: _Bambi = "") -> None:
    """A small full crossing, beside PyMC, bambi, brms, lme4 and statsmodels."""
    compare([cases.crossed()], engine or [], limit, bambi)


@app.command()
def meta(engine: _Engines = None, limit: _Limit = 1200) -> None:
    """Thirteen trials, beside metafor, bayesmeta and brms."""
    compare([cases.meta()], engine or [], limit)


@app.command()
def scaling(engine: _Engines = None, limit: _Limit = 1200) -> None:
    """1,000 to 1,000,000 rows, and 20 to 2,000 levels; draws scaling.png."""
    compare(list(cases.scaling()), engine or [], limit)
    tables()


@app.command()
def tables() -> None:
    """Set results.md again, and draw scaling.png, from what is in results.csv."""
    recording.report()
    if any(row["case"] == "scaling" and row["sample_s"] for row in recording.read(recording.RESULTS)):
        run([PYTHON, cases.HERE / "figure.py"])


@app.command(name="all")
def everything(limit: _Limit = 1200, bambi: _Bambi = "") -> None:
    """All cases, the long ones last: about two hours."""
    meta(limit=limit)
    crossed(limit=limit, bambi=bambi)
    sequences(limit=limit)
    sequences(rows=100 * ROWS_A_SEED, limit=limit)
    thousands(limit=limit)
    scaling(limit=limit)


def compare(chosen: Sequence[Case], engines: Sequence[str], limit: float, bambi: str = "") -> None:
    """Measure every chosen engine on every case; what is measured is kept at once."""
    wanted = [c for case in chosen for c in case.contenders if not engines or c.key in engines]
    known = sorted({c.key for case in chosen for c in case.contenders})
    if unknown := sorted(set(engines) - set(known)):
        raise typer.BadParameter(
            f"no {', '.join(unknown)}; there are {', '.join(known)}", param_hint="--engine"
        )
    with cases.bambi_python(bambi, wanted=any("bambi" in c.needs for c in wanted)) as python:
        for case in chosen:
            with tempfile.TemporaryDirectory() as folder:
                fit_all(case, [c for c in case.contenders if c in wanted], Path(folder), limit, python)
    recording.report()


def fit_all(case: Case, contenders: Sequence[Contender], folder: Path, limit: float, bambi: str) -> None:
    """Write the data of a case and run its contenders one after another."""
    data = folder / "data"
    run([word.format(data=data) for word in case.data])
    truth = json.loads((data / "truth.json").read_text("utf-8"))
    known = {"estimates": [(name, value, None, None) for name, value in truth.items()]}
    recording.keep_estimates(case, recording.TRUTH, known)
    for contender in contenders:
        if why := cases.absent(contender, bambi):
            recording.keep(recording.row_without(case, contender, why))
            typer.echo(f"{case.name}: {contender.engine}: {why}")
        else:
            one(case, contender, data, folder / contender.key, limit, bambi)


def one(case: Case, contender: Contender, data: Path, out: Path, limit: float, bambi: str) -> None:
    """Measure one contender, judge what it found, and keep both."""
    out.mkdir()
    forget_fits()
    load = os.getloadavg()[0]
    measured = measure([word.format(data=data, out=out, bambi=bambi) for word in contender.command], limit)
    forget_fits()
    judged: dict[str, object] = {}
    if (out / "timing.json").exists() or (out / "manifest.json").exists():
        run([PYTHON, cases.HERE / "judging.py", out])
        judged = json.loads((out / "judged.json").read_text("utf-8"))
    row = recording.row_of(case, contender, measured, judged, load)
    recording.keep(row)
    recording.keep_estimates(case, contender.engine, judged)
    said = [f"{name} {row[name]}" for name in ("process_s", "sample_s", "min_ess_bulk", "note") if row[name]]
    typer.echo(f"{case.name}, {case.rows:,} rows: {contender.engine}: {', '.join(said)}")


def forget_fits() -> None:
    """Remove kept fits of the benchmark's models, so that none is found again instead of being made."""
    for manifest in KEPT_FITS.glob("*/manifest.json"):
        if json.loads(manifest.read_text("utf-8"))["model"].startswith("bench_"):
            shutil.rmtree(manifest.parent)


if __name__ == "__main__":
    app()
