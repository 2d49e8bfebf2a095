"""Put what our experiments measured of their tasks into tasks.csv and similarity.csv.

    python data/curation/covariates_measured.py

reads `data/experiments/orders-*/measures.csv`, as `taskorder measure` writes them, and replaces what the two
tables had of these measures. A value is the mean over the backbones, tuned in full; its sd is over these.
"""

from pathlib import Path

import pandas as pd
from covariates_languages import HERE, read

DATA = HERE.parent
SHORTFALL, TOKENS = "measured_shortfall", "tokens"
COLUMNS = ["task", "target", "measure", "value", "tuning", "experiment"]


def measures(experiments: Path) -> pd.DataFrame:
    """Return all measured values: moderator, measure, task, target, value, source."""
    found = [
        pd.read_csv(path, keep_default_na=False).assign(experiment=path.parent.name)
        for path in sorted(experiments.glob("orders-*/measures.csv"))
    ]
    table = pd.concat([pd.DataFrame(columns=COLUMNS), *found], ignore_index=True)
    return table.loc[table["tuning"].isin(["", "full"])]


def with_difficulty(tasks: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """Return the tasks, as text, with the measured shortfall of those that were trained alone."""
    if measured.empty:
        return tasks
    column = f"difficulty_{SHORTFALL}"
    values = measured.loc[measured["measure"] == "shortfall"].astype({"value": float}).groupby("task")
    out = tasks.set_index("task", drop=False)
    out[column] = values["value"].mean().map("{:.4f}".format)
    out[f"{column}_sd"] = values["value"].std(ddof=1).map(lambda sd: "" if pd.isna(sd) else f"{sd:.4f}")
    out[f"{column}_source"] = values["experiment"].agg(_source)
    return out.fillna("")


def with_similarity(similarity: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """Return the similarities, as text, with the measured ones of stages to targets."""
    values = measured.loc[measured["measure"] == TOKENS].astype({"value": float})
    pairs = values.groupby(["task", "target"]).agg(
        similarity=("value", "mean"), source=("experiment", _source)
    )
    own = pairs.reset_index().assign(
        measure=TOKENS, similarity=pairs["similarity"].map("{:.6f}".format).tolist()
    )
    others = similarity.loc[similarity["measure"] != TOKENS]
    return pd.concat([others, own[similarity.columns]]).sort_values(["measure", "target", "task"])


def _source(experiments: pd.Series) -> str:
    return "measures.csv of data/experiments: " + ", ".join(sorted(set(experiments)))


def main() -> None:
    """Rewrite both tables."""
    measured = measures(DATA / "experiments")
    for name, added in {"tasks": with_difficulty, "similarity": with_similarity}.items():
        path = DATA / f"{name}.csv"
        added(read(path), measured).to_csv(path, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
