"""Write data/selection/regrets.csv: `make regrets`."""

from __future__ import annotations

from pathlib import Path

from taskorder.choosing.evaluating import regrets
from taskorder.files import write_whole
from taskorder.inference.fitting import select_rows
from taskorder.inference.session import read_tables, tables_of
from taskorder.inference.spec import read_model
from taskorder.paths import resource
from taskorder.results.catalogue import covariates

MODEL = "models/moderators.toml"
TABLE = "selection/regrets.csv"


def write(path: Path) -> None:
    """Judge every strategy on the tables of the model `MODEL`, and write what each choice cost."""
    spec, known = read_model(resource(MODEL)), covariates()
    table, _ = read_tables(spec, tables_of(spec), known)
    found = regrets(spec, select_rows(table, spec, known), known, say=print)
    write_whole(path, found.to_csv(index=False, float_format="%.4f", lineterminator="\n"), force=True)


if __name__ == "__main__":
    write(resource("data") / TABLE)
