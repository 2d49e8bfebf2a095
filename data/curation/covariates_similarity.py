"""The table of similarities of a stage to a target: between tasks, and between languages."""

from pathlib import Path

import pandas as pd
from covariates_languages import HERE, URIEL, read

TASKSHOP = {"llm_text-davinci-003": "taskshop_llm", "roe_all-MiniLM-L6-v2_dot_32": "taskshop_roe"}


def similarities(features: Path) -> pd.DataFrame:
    """Return task, target, measure, similarity, source; a language in brackets means any task in it."""
    return pd.concat([between_tasks(features), between_languages()]).sort_values(
        ["measure", "target", "task"]
    )


def between_tasks(features: Path) -> pd.DataFrame:
    """Return TaskShop's scores; the outer key of the authors' files is the target."""
    rows = read(features / "taskshop_similarity.csv")
    return pd.DataFrame(
        {
            "task": rows["task_b_inner_key"],
            "target": rows["task_a_outer_key"],
            "measure": rows["method"].map(TASKSHOP),
            "similarity": rows["score"].astype(float).round(6).astype(str),
            "source": "taskshop_similarity.csv (" + rows["method"] + ")",
        }
    )


def between_languages() -> pd.DataFrame:
    """Return one minus the URIEL distance of two languages of the continued-pretraining studies."""
    pairs = read(HERE / "covariates_language_pairs.csv")
    return pd.DataFrame(
        {
            "task": "[" + pairs["language_a"] + "]",
            "target": "[" + pairs["language_b"] + "]",
            "measure": "uriel_" + pairs["measure"],
            "similarity": (1 - pairs["distance"].astype(float)).round(4).astype(str),
            "source": "1 - distance, " + URIEL.split(",")[0],
        }
    )
