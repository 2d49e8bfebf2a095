"""How far the evaluated language lies from the language that the target was trained in."""

from __future__ import annotations

import numpy as np
import pandas as pd

from taskorder.results.catalogue import Covariates

ATTRIBUTES = ("family", "genus", "script")
PREFIX = "uriel_"


def language_columns(table: pd.DataFrame, covariates: Covariates) -> pd.DataFrame:
    """Return what is known of each row's language.

    Parameters
    ----------
    table : DataFrame
        With the columns `language` and `train_language`.
    covariates : Covariates
        Its language table holds distances from English.

    Returns
    -------
    DataFrame
        On the index of `table`: `family, genus, script` (empty where unknown), `zero_shot` (1.0 where the
        target was trained in another language), and `distance_*`, the URIEL distances between the two
        languages: 0 within one language, NaN where neither of the two is English.
    """
    languages = covariates.languages.set_index("language")
    columns = {name: table["language"].map(languages[name]).fillna("") for name in ATTRIBUTES}
    same = table["language"] == table["train_language"]
    columns["zero_shot"] = (~same & (table["train_language"] != "")).astype(float)
    other = np.where(table["train_language"] == "en", table["language"], table["train_language"])
    paired = (table["train_language"] == "en") | (table["language"] == "en")
    for name in (str(column) for column in languages.columns):
        if name.startswith(PREFIX) and name != f"{PREFIX}source":
            distance = pd.Series(other, index=table.index).map(languages[name]).where(paired)
            columns[f"distance_{name.removeprefix(PREFIX)}"] = distance.mask(same, 0.0)
    return pd.DataFrame(columns, index=table.index)
